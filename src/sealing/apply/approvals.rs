//! The approvals that an application by category carries. The vendor documents no call that passes an approval on
//! later, so only the application can carry them.

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, sql},
    definition::{Body, Integration},
    flow::Flow,
    provider::{GivenApproval, PersonRef},
    user::User,
};

#[derive(FromRow)]
struct Approval {
    node: String,
    username: String,
    at: Timestamp,
    comment: Option<String>,
}

/// Returns the approvals given at the nodes to be synchronised (`syncNodes`; all nodes if it names none), oldest
/// first. An approver without employee number and phone is omitted: the vendor cannot identify this person.
pub(super) async fn given(
    db: &Db,
    flow: &Flow,
    body: &Body,
    integration: &Integration,
) -> Result<Vec<GivenApproval>, DbError> {
    let approvals: Vec<Approval> =
        sql("SELECT node, username, at, comment FROM approvals WHERE flow_id = $1 ORDER BY at, username")
            .bind(&flow.id)
            .all(db)
            .await?;
    let mut begun = flow.created_at;
    let mut given = Vec::new();
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
        given.push(GivenApproval {
            node_name: body.node(&approval.node).map_or(approval.node, |node| node.name.clone()),
            begun_at: begun,
            given_at: approval.at,
            comment: approval.comment.unwrap_or_default(),
            approver: PersonRef { mobile: user.mobile, number: user.employee_no },
        });
    }
    Ok(given)
}
