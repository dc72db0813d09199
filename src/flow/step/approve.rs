//! A node is approved.

use super::{Opinion, StepError, standing::Standing};
use crate::{
    audit::Act,
    definition::{Mode, NodeKind},
    flow::{
        approval, assign,
        event::{self, EventKind, NewEvent},
        people, progress,
    },
    id::FlowId,
    user::Acting,
};

/// The user approves the node at which the flow stands, or the node they looked at. Returns true if that passes the node.
pub async fn approve(acting: Acting<'_>, id: &FlowId, opinion: Opinion<'_>) -> Result<bool, StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let standing = Standing::lock(&mut tx, id).await?;
    let node = standing.node(opinion.node)?;
    standing.turn_of(&mut tx, node, user).await?;
    let (flow, body) = (&standing.flow, &standing.body);
    let by_itself = node.kind == NodeKind::Seal && body.enabled_integration().is_some();
    if by_itself && !(flow.by_hand && progress::all_here(&mut tx, id).await?) {
        return Err(StepError::SealNode);
    }
    approval::give(&mut tx, flow, &node.key, user, opinion.comment, now).await?;
    let approved =
        NewEvent { actor: &user.username, act: EventKind::Approved, node: Some(&node.key), detail: opinion.comment };
    event::record(&mut tx, id, approved, now).await?;
    people::done(&mut tx, id, user).await?;
    let passed = assign::mode(node, body) == Mode::Any || people::People::of(&mut tx, id).await?.all_done();
    if passed {
        progress::leave(&mut tx, flow, body, &node.key, &standing.users, now).await?;
    }
    acting.commit_to_flow(tx, Act::FlowApproved, id, opinion.comment).await?;
    Ok(passed)
}
