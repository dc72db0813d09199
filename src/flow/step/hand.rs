//! A turn is handed on; something is said.

use super::{Opinion, StepError, standing::Standing};
use crate::{
    audit::Act,
    flow::{
        FlowState,
        event::{self, EventKind, NewEvent},
        people,
    },
    id::FlowId,
    user::Acting,
};

/// `user` hands their turn to the user named `to`; an administrator, who has none, hands on everybody's.
pub async fn transfer(acting: Acting<'_>, id: &FlowId, opinion: Opinion<'_>, to: &str) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let standing = Standing::lock(&mut tx, id).await?;
    let node = standing.node(opinion.node)?;
    let mine = standing.people.has_turn(user);
    if !mine && !user.is_admin() {
        standing.turn_of(&mut tx, node, user).await?;
    }
    let receiver = standing.users.get(to).ok_or_else(|| StepError::field("to", format!("there is no user {to:?}")))?;
    if mine && receiver.username == user.username {
        return Err(StepError::field("to", "it is your turn already: name somebody else"));
    }
    people::hand_over(&mut tx, id, mine.then_some(user), receiver).await?;
    people::acted(&mut tx, id, &user.username).await?;
    let happened =
        NewEvent { actor: &user.username, act: EventKind::Transferred, node: Some(&node.key), detail: opinion.comment };
    event::record_to(&mut tx, id, happened, to, now).await?;
    Ok(acting.commit_to_flow(tx, Act::FlowTransferred, id, Some(to)).await?)
}

/// Something is said about the flow, while it is not archived.
pub async fn comment(acting: Acting<'_>, id: &FlowId, text: &str) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let standing = Standing::lock(&mut tx, id).await?;
    if standing.flow.state == FlowState::Archived {
        return Err(StepError::NotRunning(FlowState::Archived));
    }
    if text.trim().is_empty() {
        return Err(StepError::field("comment", "say something"));
    }
    let happened = NewEvent {
        actor: &user.username,
        act: EventKind::Commented,
        node: standing.flow.node.as_deref(),
        detail: Some(text),
    };
    event::record(&mut tx, id, happened, now).await?;
    Ok(acting.commit_to_flow(tx, Act::FlowCommented, id, Some(text)).await?)
}
