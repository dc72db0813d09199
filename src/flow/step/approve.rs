//! Approves a node.

use super::{Opinion, StepError, turn};
use crate::{
    audit::Act,
    definition::Mode,
    flow::{
        actions::Action,
        approval, assign,
        case::Case,
        event::{self, EventKind, NewEvent},
        people, progress,
    },
    id::FlowId,
    user::Acting,
};

/// Approves the current node, or fails if it is not the node the user looked at. Returns true if this passes the node.
pub async fn approve(acting: Acting<'_>, id: &FlowId, opinion: Opinion<'_>) -> Result<bool, StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let case = Case::lock(&mut tx, id, user).await?.ok_or(StepError::NotFound)?;
    turn::check(&mut tx, &case, user, Action::Approve, opinion.node).await?;
    let (flow, body) = (&case.flow, &case.body);
    let node = case.node().ok_or(StepError::MovedOn)?;
    approval::give(&mut tx, flow, &node.key, user, opinion.comment, now).await?;
    let approved =
        NewEvent { actor: &user.username, act: EventKind::Approved, node: Some(&node.key), detail: opinion.comment };
    event::record(&mut tx, id, approved, now).await?;
    people::end_turn(&mut tx, id, user).await?;
    let passed = assign::mode(node, body) == Mode::Any || people::People::of(&mut tx, id).await?.no_turn_left();
    if passed {
        progress::leave(&mut tx, flow, body, &node.key, &case.users, now).await?;
    }
    acting.commit_to_flow(tx, Act::FlowApproved, id, opinion.comment).await?;
    Ok(passed)
}
