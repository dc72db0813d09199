//! A flow goes back: to an earlier node, to its starter, or out.

use super::{Opinion, StepError, standing::Standing};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx, sql},
    definition::{Definition, NodeKind, START},
    flow::{
        Flow, FlowState, assign,
        event::{self, Happened},
        people, progress,
    },
    id::FlowId,
    seal_use::ending,
    user::User,
};

/// `user`, whose turn it is, sends the flow back to the node `to`, or to its starter. What is approved again counts
/// afresh. Open seal uses end at the vendor, others take their place when the flow comes back.
pub async fn reject(
    tx: &mut Tx,
    id: &FlowId,
    user: &User,
    opinion: Opinion<'_>,
    to: &str,
    now: Timestamp,
) -> Result<(), StepError> {
    let before = end_uses(tx, id, user, opinion.comment, now).await?;
    let flow = Flow::find(&mut *tx, id).await?.ok_or(StepError::NotFound)?;
    let body = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
    supersede(tx, id, progress::applies_again(&body, to)).await?;
    let standing = Standing::lock(tx, id).await?;
    let node = standing.node(opinion.node)?;
    standing.turn_of(tx, node, user).await?;
    if progress::position(&body, to).is_none_or(|target| Some(target) >= progress::position(&body, &node.key)) {
        let message = format!("must be \"start\" or the key of a node before {:?}", node.key);
        return Err(StepError::field("to", message));
    }
    if count(tx, id).await? != before {
        return Err(StepError::MovedOn);
    }
    let happened = Happened { actor: &user.username, act: "rejected", node: Some(&node.key), detail: opinion.comment };
    event::record_to(tx, id, happened, to, now).await?;
    people::acted(tx, id, &user.username).await?;
    arrive(tx, &standing, to, now).await?;
    Ok(())
}

async fn arrive(tx: &mut Tx, standing: &Standing, to: &str, now: Timestamp) -> Result<(), DbError> {
    let (flow, body) = (&standing.flow, &standing.body);
    let Some(node) = body.node(to) else {
        flow.send_back(tx, START, false, now).await?;
        return people::wait_for(tx, &flow.id, &[format!("user:{}", flow.starter)], false).await;
    };
    let stamps = node.kind == NodeKind::Seal && body.enabled_integration().is_some();
    let used_up = stamps && progress::has_live_use(tx, &flow.id).await?;
    flow.send_back(tx, to, used_up, now).await?;
    let order = assign::someone(node, body, &flow.starter, &standing.users);
    people::wait_for(tx, &flow.id, &order, assign::one_by_one(node, body)).await?;
    if stamps {
        progress::apply_if_due(tx, flow, body, to, now).await?;
    }
    Ok(())
}

/// The starter, or an administrator, takes the flow back for good. Open seal uses end at the vendor; photos that exist
/// still come in.
pub async fn withdraw(
    tx: &mut Tx,
    id: &FlowId,
    user: &User,
    comment: Option<&str>,
    now: Timestamp,
) -> Result<(), StepError> {
    let before = end_uses(tx, id, user, comment, now).await?;
    let standing = Standing::lock(tx, id).await?;
    let flow = &standing.flow;
    if flow.starter != user.username && !user.is_admin() {
        return Err(StepError::NotStarter);
    }
    if flow.state != FlowState::Rejected {
        standing.node(None)?;
    }
    if count(tx, id).await? != before {
        return Err(StepError::MovedOn);
    }
    let happened = Happened { actor: &user.username, act: "withdrawn", node: flow.node.as_deref(), detail: comment };
    event::record(tx, id, happened, now).await?;
    standing.acted(tx, user).await?;
    flow.turn(tx, FlowState::Withdrawn, now).await?;
    Ok(())
}

/// Asks for the end of the open seal uses, whose jobs come before the flow. A step that turns out impossible undoes it.
/// Answers how many seal uses there were.
async fn end_uses(
    tx: &mut Tx,
    id: &FlowId,
    user: &User,
    comment: Option<&str>,
    now: Timestamp,
) -> Result<i64, DbError> {
    let before = count(tx, id).await?;
    ending::ask(tx, id, comment.unwrap_or_default(), &user.username, now).await?;
    Ok(before)
}

async fn count(tx: &mut Tx, id: &FlowId) -> Result<i64, DbError> {
    sql("SELECT COUNT(*) FROM seal_uses WHERE flow_id = $1").bind(id).scalar(tx).await
}

/// Open seal uses, or all, make way for others.
async fn supersede(tx: &mut Tx, id: &FlowId, all: bool) -> Result<(), DbError> {
    sql("UPDATE seal_uses SET superseded = TRUE
         WHERE flow_id = $1 AND NOT superseded AND ($2 OR status NOT IN ('complete', 'finished'))")
    .bind(id)
    .bind(all)
    .execute(tx)
    .await?;
    Ok(())
}
