//! A node is approved.

use super::{Opinion, StepError, standing::Standing};
use crate::{
    clock::Timestamp,
    db::Tx,
    definition::{Mode, NodeKind},
    flow::{
        approval, assign,
        event::{self, Happened},
        people, progress,
    },
    id::FlowId,
    user::User,
};

/// `user` approves the node at which the flow stands. Answers whether the node is passed by it.
pub async fn approve(
    tx: &mut Tx,
    id: &FlowId,
    user: &User,
    comment: Option<&str>,
    now: Timestamp,
) -> Result<bool, StepError> {
    approve_at(tx, id, user, Opinion { comment, node: None }, now).await
}

/// As [`approve`], at the node they looked at.
pub async fn approve_at(
    tx: &mut Tx,
    id: &FlowId,
    user: &User,
    opinion: Opinion<'_>,
    now: Timestamp,
) -> Result<bool, StepError> {
    let standing = Standing::lock(tx, id).await?;
    let node = standing.node(opinion.node)?;
    standing.turn_of(tx, node, user).await?;
    let (flow, body) = (&standing.flow, &standing.body);
    let by_itself = node.kind == NodeKind::Seal && body.enabled_integration().is_some();
    if by_itself && !(flow.by_hand && progress::all_here(tx, id).await?) {
        return Err(StepError::SealNode);
    }
    approval::give(tx, flow, &node.key, user, opinion.comment, now).await?;
    let happened = Happened { actor: &user.username, act: "approved", node: Some(&node.key), detail: opinion.comment };
    event::record(tx, id, happened, now).await?;
    people::done(tx, id, user).await?;
    let passed = assign::mode(node, body) == Mode::Any || people::People::of(&mut *tx, id).await?.all_done();
    if passed {
        progress::leave(tx, flow, body, &node.key, &standing.users, now).await?;
    }
    Ok(passed)
}
