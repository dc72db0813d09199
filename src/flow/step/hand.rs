//! A turn is handed on; something is said.

use super::{Opinion, StepError, standing::Standing};
use crate::{
    clock::Timestamp,
    db::Tx,
    flow::{
        FlowState,
        event::{self, Happened},
        people,
    },
    id::FlowId,
    user::User,
};

/// `user` hands their turn to the user named `to`; an administrator, who has none, hands on everybody's.
pub async fn transfer(
    tx: &mut Tx,
    id: &FlowId,
    user: &User,
    opinion: Opinion<'_>,
    to: &str,
    now: Timestamp,
) -> Result<(), StepError> {
    let standing = Standing::lock(tx, id).await?;
    let node = standing.node(opinion.node)?;
    let mine = standing.people.has_turn(user);
    if !mine && !user.is_admin() {
        standing.turn_of(tx, node, user).await?;
    }
    let receiver = standing.users.get(to).ok_or_else(|| StepError::field("to", format!("there is no user {to:?}")))?;
    if mine && receiver.username == user.username {
        return Err(StepError::field("to", "it is your turn already: name somebody else"));
    }
    people::hand_over(tx, id, mine.then_some(user), receiver).await?;
    people::acted(tx, id, &user.username).await?;
    let happened =
        Happened { actor: &user.username, act: "transferred", node: Some(&node.key), detail: opinion.comment };
    event::record_to(tx, id, happened, to, now).await?;
    Ok(())
}

/// Something is said about the flow, while it is not archived.
pub async fn comment(tx: &mut Tx, id: &FlowId, user: &User, text: &str, now: Timestamp) -> Result<(), StepError> {
    let standing = Standing::lock(tx, id).await?;
    if standing.flow.state == FlowState::Archived {
        return Err(StepError::NotRunning(FlowState::Archived));
    }
    if text.trim().is_empty() {
        return Err(StepError::field("comment", "say something"));
    }
    let happened =
        Happened { actor: &user.username, act: "commented", node: standing.flow.node.as_deref(), detail: Some(text) };
    event::record(tx, id, happened, now).await?;
    Ok(())
}
