//! Seal codes (用印码). A user sees only the codes of their own grants, and every view is audited.

use serde::Serialize;

use super::{Grant, SealUse};
use crate::{
    audit::Act,
    clock::Timestamp,
    db::DbError,
    id::{FlowId, GrantId},
    user::{Acting, User},
};

/// The code of one grant.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodeView {
    pub grant_id: GrantId,
    pub seal: String,
    /// The box that holds the seal.
    pub device_no: Option<String>,
    pub user: String,
    pub code: Option<String>,
    /// Number of uses left.
    pub left: i64,
    /// The time in which the seal may be used, if it is limited.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub start: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub end: Option<Timestamp>,
}

/// Returns the codes of a flow that the user may see. The view is an act, so it is audited before the codes are
/// returned.
pub async fn view(acting: Acting<'_>, flow: &FlowId) -> Result<Vec<CodeView>, DbError> {
    let user = acting.user;
    let mut tx = acting.db.begin().await?;
    let mut codes = Vec::new();
    for seal_use in SealUse::of_flow(&mut tx, flow).await? {
        let grants = Grant::of_seal_use(&mut tx, &seal_use.id).await?;
        let theirs = grants.into_iter().filter(|grant| user.is_admin() || is_of(grant, user));
        codes.extend(theirs.map(|grant| CodeView {
            grant_id: grant.id,
            seal: grant.seal,
            device_no: grant.device_no,
            user: grant.user_name,
            code: grant.code,
            left: grant.left_count,
            start: grant.window_start,
            end: grant.window_end,
        }));
    }
    let seen: Vec<&str> = codes.iter().map(|code| code.grant_id.as_str()).collect();
    let seen = seen.join(" ");
    acting.commit_to_flow(tx, Act::SealCodeViewed, flow, Some(&seen)).await?;
    Ok(codes)
}

fn is_of(grant: &Grant, user: &User) -> bool {
    let same = |vendors: Option<&String>, ours: Option<&String>| vendors.is_some() && vendors == ours;
    same(grant.number.as_ref(), user.employee_no.as_ref()) || same(grant.contact.as_ref(), user.mobile.as_ref())
}
