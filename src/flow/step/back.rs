//! Sends a flow back to an earlier node or to its starter, or withdraws it.

use super::{Opinion, StepError, turn};
use crate::{
    audit::Act,
    clock::Timestamp,
    db::{DbError, Tx, is_blank},
    definition::{Definition, NodeKind, START},
    flow::{
        Flow, FlowState,
        actions::Action,
        assign::{self, Assigned, Casting},
        case::Case,
        draft,
        event::{self, EventKind, NewEvent},
        people, progress,
    },
    id::FlowId,
    seal_use::{SealUse, ending},
    user::{Acting, User},
};

/// Sends the flow back to the node `to` or to its starter, by a user who has the turn. Approvals start again in a new
/// round. Open seal uses end at the vendor. Others replace them when the flow comes back.
pub async fn reject(acting: Acting<'_>, id: &FlowId, opinion: Opinion<'_>, to: &str) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let before = request_end_of_uses(&mut tx, id, user, opinion.comment, now).await?;
    let flow = Flow::find(&mut tx, id).await?.ok_or(StepError::NotFound)?;
    let body = Definition::version(&mut tx, &flow.definition_id, flow.version).await?.body;
    SealUse::supersede(&mut tx, id, progress::applies_again(&body, to)).await?;
    let case = Case::lock(&mut tx, id, user).await?.ok_or(StepError::NotFound)?;
    turn::check(&mut tx, &case, user, Action::Reject, opinion.node).await?;
    if opinion.comment.is_none_or(is_blank) {
        return Err(StepError::field("comment", "must not be empty; say why the flow is sent back"));
    }
    let node = case.node().ok_or(StepError::MovedOn)?;
    if progress::position(&body, to).is_none_or(|target| Some(target) >= progress::position(&body, &node.key)) {
        let message = format!("must be \"start\" or the key of a node before {:?}", node.key);
        return Err(StepError::field("to", message));
    }
    if SealUse::count(&mut tx, id).await? != before {
        return Err(StepError::MovedOn);
    }
    let happened =
        NewEvent { actor: &user.username, act: EventKind::Rejected, node: Some(&node.key), detail: opinion.comment };
    event::record_to(&mut tx, id, happened, to, now).await?;
    people::acted(&mut tx, id, &user.username).await?;
    arrive(&mut tx, &case, to, now).await?;
    Ok(acting.commit_to_flow(tx, Act::FlowRejected, id, Some(to)).await?)
}

async fn arrive(tx: &mut Tx, case: &Case, to: &str, now: Timestamp) -> Result<(), DbError> {
    let (flow, body) = (&case.flow, &case.body);
    let Some(node) = body.node(to) else {
        flow.send_back(tx, START, false, now).await?;
        people::wait_for(tx, &flow.id, &Assigned::to_user(&flow.starter), false).await?;
        return people::stamps::refresh(tx, flow).await;
    };
    let stamps = node.kind == NodeKind::Seal && body.enabled_integration().is_some();
    let used_up = stamps && progress::has_live_use(tx, &flow.id).await?;
    flow.send_back(tx, to, used_up, now).await?;
    let form = flow.values()?;
    let assigned = Casting { body, form: &form, starter: &flow.starter, users: &case.users }.assigned(node);
    people::wait_for(tx, &flow.id, &assigned, assign::one_by_one(node, body)).await?;
    if stamps {
        progress::apply_if_due(tx, flow, body, to, now).await?;
    }
    people::stamps::refresh(tx, flow).await
}

/// Withdraws the flow, by its starter or an administrator. After a stamping only an administrator may do it, with a
/// comment. Open seal uses end at the vendor. Photos that exist are still fetched. A draft does not exist any more
/// afterwards.
pub async fn withdraw(acting: Acting<'_>, id: &FlowId, comment: Option<&str>) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let before = request_end_of_uses(&mut tx, id, user, comment, now).await?;
    let case = Case::lock(&mut tx, id, user).await?.ok_or(StepError::NotFound)?;
    turn::check(&mut tx, &case, user, Action::Withdraw, None).await?;
    if case.flow.state == FlowState::Draft {
        return Ok(draft::withdraw(tx, acting, case.flow, comment).await?);
    }
    if comment.is_none_or(is_blank) && case.has_evidence(&mut tx).await? {
        return Err(StepError::field("comment", "a stamping was made; enter why the flow is withdrawn"));
    }
    let flow = &case.flow;
    if SealUse::count(&mut tx, id).await? != before {
        return Err(StepError::MovedOn);
    }
    let happened =
        NewEvent { actor: &user.username, act: EventKind::Withdrawn, node: flow.node.as_deref(), detail: comment };
    event::record(&mut tx, id, happened, now).await?;
    case.mark_acted(&mut tx, user).await?;
    flow.set_state(&mut tx, FlowState::Withdrawn, now).await?;
    Ok(acting.commit_to_flow(tx, Act::FlowWithdrawn, id, comment).await?)
}

/// Requests the end of the open seal uses. Their jobs are locked before the flow. If the step
/// is refused, the rollback removes the requests. Returns the number of seal uses.
async fn request_end_of_uses(
    tx: &mut Tx,
    id: &FlowId,
    user: &User,
    comment: Option<&str>,
    now: Timestamp,
) -> Result<i64, DbError> {
    let before = SealUse::count(tx, id).await?;
    ending::ask(tx, id, comment.unwrap_or_default(), &user.username, now).await?;
    Ok(before)
}
