//! Seal codes (用印码). A user sees only the codes of their own grants, and every view is audited.

use serde::Serialize;

use super::{Grant, SealUse};
use crate::{
    audit::Act,
    clock::Timestamp,
    db::DbError,
    id::{FlowId, GrantId},
    user::Acting,
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
    /// The user for whom the grant was asked. null if the vendor names a person who is no user.
    pub username: Option<String>,
    pub employee_no: Option<String>,
    pub code: Option<String>,
    /// Number of uses left.
    pub left: i64,
    /// The time in which the seal may be used, if it is limited.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub start: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub end: Option<Timestamp>,
}

/// Returns the open grants of a flow whose codes the user may see. The view is an act, so it is audited before the codes
/// are returned.
pub async fn view(acting: Acting<'_>, flow: &FlowId) -> Result<Vec<CodeView>, DbError> {
    let user = acting.user;
    let mut tx = acting.db.begin().await?;
    let mut codes = Vec::new();
    for seal_use in SealUse::of_flow(&mut tx, flow).await?.into_iter().filter(SealUse::is_open) {
        let grants = Grant::of_seal_use(&mut tx, &seal_use.id).await?;
        let open = grants.into_iter().filter(Grant::is_open);
        let theirs = open.filter(|grant| user.is_admin() || grant.is_of(user));
        codes.extend(theirs.map(|grant| CodeView {
            grant_id: grant.id,
            seal: grant.seal,
            device_no: grant.device_no,
            user: grant.user_name,
            username: grant.username,
            employee_no: grant.employee_no,
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
