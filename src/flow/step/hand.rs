//! Transfers a turn, and adds comments.

use super::{Opinion, StepError, turn};
use crate::{
    audit::Act,
    db::{Tx, is_blank},
    definition::START,
    flow::{
        FlowState,
        actions::{self, Action, Refusal},
        case::Case,
        event::{self, EventKind, NewEvent},
        people,
    },
    id::FlowId,
    user::{Acting, User},
};

/// Hands the turn of `user` to the user `to`. An administrator without a turn hands over all turns.
pub async fn transfer(acting: Acting<'_>, id: &FlowId, opinion: Opinion<'_>, to: &str) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let case = Case::lock(&mut tx, id, user).await?.ok_or(StepError::NotFound)?;
    turn::check(&mut tx, &case, user, Action::Transfer, opinion.node).await?;
    let receiver = case
        .users
        .get(to)
        .ok_or_else(|| StepError::field("to", format!("there is no user {to:?}; name another user")))?;
    if case.flow.state == FlowState::Rejected {
        return hand_on(acting, tx, &case, opinion, receiver).await;
    }
    let node = case.node().ok_or(StepError::MovedOn)?;
    let mine = case.has_turn(user);
    if mine && receiver.username == user.username {
        return Err(StepError::field("to", "it is your turn already; name another user"));
    }
    if actions::is_barred(&case.flow, &case.body, receiver) {
        return Err(Refusal::OwnApproval.into());
    }
    people::hand_over(&mut tx, id, mine.then_some(user), receiver).await?;
    people::acted(&mut tx, id, &user.username).await?;
    let happened =
        NewEvent { actor: &user.username, act: EventKind::Transferred, node: Some(&node.key), detail: opinion.comment };
    event::record_to(&mut tx, id, happened, to, now).await?;
    Ok(acting.commit_to_flow(tx, Act::FlowTransferred, id, Some(to)).await?)
}

/// Hands on a flow that was sent back to a starter who left. The receiver becomes its starter.
async fn hand_on(
    acting: Acting<'_>,
    mut tx: Tx,
    case: &Case,
    opinion: Opinion<'_>,
    receiver: &User,
) -> Result<(), StepError> {
    let (id, to) = (&case.flow.id, receiver.username.as_str());
    if !case.body.is_starter(receiver) {
        let message = format!("{to} may start no flow of this definition; name another user");
        return Err(StepError::field("to", message));
    }
    case.flow.set_starter(&mut tx, to, acting.now).await?;
    people::hand_over(&mut tx, id, None, receiver).await?;
    people::started_by(&mut tx, id, to).await?;
    people::acted(&mut tx, id, &acting.user.username).await?;
    let username = acting.user.username.as_str();
    let happened =
        NewEvent { actor: username, act: EventKind::Transferred, node: Some(START), detail: opinion.comment };
    event::record_to(&mut tx, id, happened, to, acting.now).await?;
    Ok(acting.commit_to_flow(tx, Act::FlowTransferred, id, Some(to)).await?)
}

/// Adds a comment to the flow. An archived flow takes no comments.
pub async fn comment(acting: Acting<'_>, id: &FlowId, text: &str) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let case = Case::lock(&mut tx, id, user).await?.ok_or(StepError::NotFound)?;
    actions::check_comment(&case.flow)?;
    if is_blank(text) {
        return Err(StepError::field("comment", "must not be empty; write a comment"));
    }
    let happened = NewEvent {
        actor: &user.username,
        act: EventKind::Commented,
        node: case.flow.node.as_deref(),
        detail: Some(text),
    };
    event::record(&mut tx, id, happened, now).await?;
    Ok(acting.commit_to_flow(tx, Act::FlowCommented, id, Some(text)).await?)
}
