//! Moves a flow to the next node that waits for a user, and starts what is due on the way.

use super::{
    LockedFlow, actions,
    assign::{self, Assigned, Casting},
    event::{self, EventKind, NewEvent, YINKU},
    form, people,
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx, sql},
    definition::{ArchiveMode, Body, Node, NodeKind, START},
    id::{FlowId, SealUseId},
    queue::{self, JobKind},
    seal_use::{PhotoCounts, SealUse, SealUseStatus, delivery},
    user::{Directory, User},
};

/// Leaves the node `from`; [`START`] means submission. After the last node, a job archives an `auto` flow.
pub(super) async fn leave(
    tx: &mut Tx,
    flow: &LockedFlow,
    body: &Body,
    from: &str,
    users: &Directory,
    now: Timestamp,
) -> Result<(), DbError> {
    let (mut from, mut sends) = (from, false);
    let next = loop {
        sends |= delivery::sends_after(body, from);
        apply_if_due(tx, flow, body, from, now).await?;
        let next = if from == START { body.nodes.first() } else { body.node_after(from) };
        let Some(node) = next else { break None };
        // Use may have ended while the flow was at the earlier nodes.
        let complete =
            node.kind == NodeKind::Seal && body.enabled_integration().is_some() && all_here(tx, &flow.id).await?;
        if !complete {
            break Some(node);
        }
        completed(tx, &flow.id, node, now).await?;
        from = &node.key;
    };
    flow.move_to(tx, next.map(|node| node.key.as_str()), now).await?;
    if sends {
        delivery::queue_stamped_files(tx, &flow.id, body, now).await?;
    }
    match next {
        Some(node) => {
            let form = flow.values()?;
            let assigned = Casting { body, form: &form, starter: &flow.starter, users }.assigned(node);
            people::wait_for(tx, &flow.id, &assigned, assign::one_by_one(node, body)).await?;
        }
        None => wait_for_archive(tx, flow, body, users).await?,
    }
    if next.is_none() && archives_itself(body) {
        queue::wake(tx, JobKind::Archive, flow.id.as_str(), now, now).await?;
    }
    Ok(())
}

/// After the last node, the flow waits for the users of its seal node. Without one, the starter is responsible for the
/// archive. All who could upload the stamped file keep a place, so that they may add it late.
pub(super) async fn wait_for_archive(
    tx: &mut Tx,
    flow: &LockedFlow,
    body: &Body,
    users: &Directory,
) -> Result<(), DbError> {
    let form = flow.values()?;
    let casting = Casting { body, form: &form, starter: &flow.starter, users };
    let seal = body.nodes.iter().rfind(|node| node.kind == NodeKind::Seal);
    let mut assigned = seal.map_or_else(|| Assigned::to_user(&flow.starter), |node| casting.assigned(node));
    if let Some(node) = seal {
        // A user who took over the seals may still add the stamped file, too.
        assigned.add(receivers(tx, flow, node, users).await?.into_iter());
    }
    let one_by_one = seal.is_some_and(|node| assign::one_by_one(node, body));
    people::wait_for(tx, &flow.id, &assigned, one_by_one).await?;
    let stamped = body.fields.iter().find(|field| body.is_stamped_file(field));
    let uploads = |node: &&Node| stamped.is_some_and(|field| actions::editable_at(body, node, field));
    for node in body.nodes.iter().filter(uploads) {
        let mut others = Assigned { order: casting.assignees(node), rescued: false };
        others.add(receivers(tx, flow, node, users).await?.into_iter());
        people::keep_place(tx, &flow.id, &others.order).await?;
    }
    Ok(())
}

/// Returns the users who took over a turn at the node and are here.
async fn receivers(tx: &mut Tx, flow: &LockedFlow, node: &Node, users: &Directory) -> Result<Vec<String>, DbError> {
    let receivers = event::receivers(tx, &flow.id, &node.key).await?;
    Ok(receivers.into_iter().filter(|name| users.get(name).is_some()).map(|name| format!("user:{name}")).collect())
}

pub(super) async fn completed(tx: &mut Tx, flow: &FlowId, node: &Node, now: Timestamp) -> Result<(), DbError> {
    let happened = NewEvent { actor: YINKU, act: EventKind::Completed, node: Some(&node.key), detail: None };
    event::record(tx, flow, happened, now).await
}

pub(super) fn archives_itself(body: &Body) -> bool {
    body.integration.as_ref().is_none_or(|integration| integration.archive == ArchiveMode::Auto)
}

/// Returns the position of a node in the order. The start comes before all nodes.
pub(super) fn position(body: &Body, key: &str) -> Option<usize> {
    if key == START {
        return Some(0);
    }
    body.nodes.iter().position(|node| node.key == key).map(|before| before + 1)
}

/// Returns true if a flow that continues from `key` passes its apply node again.
pub(super) fn applies_again(body: &Body, key: &str) -> bool {
    body.enabled_integration().is_some_and(|integration| position(body, key) <= position(body, &integration.apply_node))
}

/// Creates a seal use for a flow at or after its apply node that has no live seal use.
pub(super) async fn apply_if_due(
    tx: &mut Tx,
    flow: &LockedFlow,
    body: &Body,
    leaving: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let due = body
        .enabled_integration()
        .is_some_and(|integration| position(body, leaving) >= position(body, &integration.apply_node));
    if due && !has_live_use(tx, &flow.id).await? {
        apply(tx, flow, body, now).await?;
    }
    Ok(())
}

/// Creates the seal use and its apply job, in the transaction that makes the application due.
async fn apply(tx: &mut Tx, flow: &LockedFlow, body: &Body, now: Timestamp) -> Result<(), DbError> {
    let Some(integration) = body.enabled_integration() else {
        return Ok(());
    };
    let users = Directory::load(&mut *tx).await?;
    let form = flow.values()?;
    // The starter may have been disabled meanwhile.
    let starter = User::named(&mut *tx, &flow.starter).await?.ok_or(DbError::RowNotFound)?;
    let application = form::application(integration, &form, &starter, &users);
    let no: i64 = sql("SELECT COUNT(*) + 1 FROM seal_uses WHERE flow_id = $1").bind(&flow.id).scalar(&mut *tx).await?;
    let id = SealUseId::new();
    let serial_no = if no == 1 { flow.serial_no.clone() } else { format!("{}-{no}", flow.serial_no) };
    let (text, status) = match &application {
        Ok(application) => (serde_json::to_string(application), SealUseStatus::Applying),
        // A user lost the contact data after submission. The seal use is marked `failed` with the reason, so the user
        // sees it.
        Err(_) => (Ok("{}".to_owned()), SealUseStatus::Failed),
    };
    let seal_use = SealUse {
        id: id.clone(),
        flow_id: flow.id.clone(),
        service_id: integration.service_id.clone(),
        no,
        serial_no,
        business_id: None,
        status,
        application: text.map_err(|error| DbError::Encode(error.into()))?,
        asked_at: None,
        detail: None,
        detail_at: None,
        ended_at: None,
        error: None,
        created_at: now,
        superseded: false,
    };
    seal_use.insert(tx).await?;
    match application {
        Ok(_) => queue::wake(tx, JobKind::Apply, id.as_str(), now, now).await,
        Err(error) => SealUse::not_applied(tx, &id, SealUseStatus::Failed, &error.to_string()).await,
    }
}

/// Returns true if the flow has a seal use that no return has ended.
pub(super) async fn has_live_use(tx: &mut Tx, flow: &FlowId) -> Result<bool, DbError> {
    let live: i64 =
        sql("SELECT COUNT(*) FROM seal_uses WHERE flow_id = $1 AND NOT superseded").bind(flow).scalar(tx).await?;
    Ok(live > 0)
}

/// Returns true if every seal use is complete. A superseded seal use counts only if the vendor has it. The flow waits
/// for its end and its photos, but not for a stamp.
pub(super) async fn all_here(tx: &mut Tx, flow: &FlowId) -> Result<bool, DbError> {
    let mut live = false;
    for seal_use in &SealUse::with_photos(&mut *tx, flow).await? {
        if !PhotoCounts::of(tx, &seal_use.id).await?.complete(seal_use) {
            return Ok(false);
        }
        live |= !seal_use.superseded;
    }
    Ok(live)
}
