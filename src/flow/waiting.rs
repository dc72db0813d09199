//! The flows that wait for a user who is disabled, so an administrator can hand them on.

use serde::Serialize;

use super::{
    head::{FlowHead, heads},
    list::{self, Filter},
};
use crate::{
    db::{Db, DbError, sql},
    id::FlowId,
    user::User,
};

/// How many flows an answer shows.
const SHOWN: i64 = 50;

/// The flows that wait for a user.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Waiting {
    pub total: i64,
    /// The newest of them. GET /api/flows?waitsFor= gives all.
    pub items: Vec<FlowHead>,
}

/// Returns the flows that wait for `user`, as `admin` sees them. `None` if the user is not disabled.
pub async fn for_disabled(db: &Db, user: &User, admin: &User) -> Result<Option<Waiting>, DbError> {
    if !user.disabled {
        return Ok(None);
    }
    let who = format!("user:{}", user.username);
    let total =
        sql("SELECT COUNT(*) FROM flow_people WHERE who = $1 AND (turn OR stamps)").bind(&who).scalar(db).await?;
    let filter = Filter { waits_for: Some(who), ..Filter::default() };
    let listed = list::page(db, &filter, admin, None, SHOWN).await?;
    let ids: Vec<FlowId> = listed.flows.into_iter().map(|flow| flow.id).collect();
    Ok(Some(Waiting { total, items: heads(db, &ids).await? }))
}
