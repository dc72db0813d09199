//! The approvals that an application by category carries. The vendor documents no call by which an approval of ours
//! passes one of theirs later; `flowNodes` of this application is the only carrier.

use sqlx::FromRow;

use super::request::to_user;
use crate::{
    clock::Timestamp,
    db::{Db, DbError, sql},
    definition::{Body, Integration},
    flow::Flow,
    provider::qiyuesuo::FlowNode,
    seal_use::Person,
    user::User,
};

#[derive(FromRow)]
struct Approval {
    node: String,
    username: String,
    at: Timestamp,
    comment: Option<String>,
}

/// Those given at the nodes to be synchronised (`syncNodes`; all nodes when none is named), oldest first. Who has
/// neither employee number nor phone cannot be named to the vendor and is left out.
pub(super) async fn given(
    db: &Db,
    flow: &Flow,
    body: &Body,
    integration: &Integration,
) -> Result<Vec<FlowNode>, DbError> {
    let approvals: Vec<Approval> =
        sql("SELECT node, username, at, comment FROM approvals WHERE flow_id = $1 ORDER BY at, username")
            .bind(&flow.id)
            .all(db)
            .await?;
    let mut begun = flow.created_at;
    let mut nodes = Vec::new();
    let mut last: Option<(String, Timestamp)> = None;
    for approval in approvals {
        if let Some((node, at)) = &last
            && *node != approval.node
        {
            begun = *at;
        }
        last = Some((approval.node.clone(), approval.at));
        let wanted = integration.sync_nodes.is_empty() || integration.sync_nodes.contains(&approval.node);
        let user = User::named(db, &approval.username).await?.filter(|_| wanted);
        let Some(user) = user.filter(|user| user.employee_no.is_some() || user.mobile.is_some()) else { continue };
        let operator = Person { number: user.employee_no, mobile: user.mobile, ..Person::default() };
        let name = body.node(&approval.node).map_or(approval.node, |node| node.name.clone());
        let info = approval.comment.unwrap_or_default();
        nodes.push(FlowNode::approved(name, begun, approval.at, info, to_user(&operator)));
    }
    Ok(nodes)
}
