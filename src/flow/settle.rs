//! A flow settles: what has become true moves it on by itself.

use super::{
    Flow, FlowState,
    event::{self, Happened, YINKU},
    step::{archives_itself, leave},
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx, sql},
    definition::{Definition, NodeKind},
    id::FlowId,
    job::{self, JobKind},
    photo::Photo,
    seal_use::{Grant, SealUse, counts},
};

/// A seal node completes by itself: every seal use has ended with at least one stamp, and nothing is missing.
/// Called in the transaction of every change that may make it so. Answers whether the flow moved.
pub async fn settle(tx: &mut Tx, id: &FlowId, now: Timestamp) -> Result<bool, DbError> {
    let Some(flow) = Flow::lock(tx, id).await? else {
        return Ok(false);
    };
    if flow.state == FlowState::Archived {
        supplement(tx, &flow, now).await?;
        return Ok(false);
    }
    let body = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
    let Some(node) = flow.node.as_deref().and_then(|key| body.node(key)) else {
        if flow.state == FlowState::Running && archives_itself(&body) {
            job::wake(tx, JobKind::Archive, id.as_str(), now, now).await?;
        }
        return Ok(false);
    };
    if flow.state != FlowState::Running || node.kind != NodeKind::Seal || !all_here(tx, id).await? {
        return Ok(false);
    }
    let happened = Happened { actor: YINKU, act: "completed", node: Some(&node.key), detail: None };
    event::record(tx, id, happened, now).await?;
    leave(tx, &flow, &body, &node.key, now).await?;
    Ok(true)
}

/// An archived flow that got another document is given another manifest: never a silent change.
async fn supplement(tx: &mut Tx, flow: &Flow, now: Timestamp) -> Result<(), DbError> {
    let recorded: i64 = sql("SELECT COALESCE(MAX(documents), 0) FROM manifests WHERE flow_id = $1")
        .bind(&flow.id)
        .scalar(&mut *tx)
        .await?;
    let present: i64 = sql("SELECT COUNT(*) FROM documents WHERE flow_id = $1 AND deleted_at IS NULL")
        .bind(&flow.id)
        .scalar(&mut *tx)
        .await?;
    if present > recorded {
        job::wake(tx, JobKind::Archive, flow.id.as_str(), now, now).await?;
    }
    Ok(())
}

async fn all_here(tx: &mut Tx, flow: &FlowId) -> Result<bool, DbError> {
    let seal_uses = SealUse::of_flow(&mut *tx, flow).await?;
    for seal_use in &seal_uses {
        if !seal_use.status.ended() {
            return Ok(false);
        }
        let grants = Grant::of_seal_use(&mut *tx, &seal_use.id).await?;
        let (_, sum) = counts::count(&grants, &counts::tally(&mut *tx, &seal_use.id).await?);
        let stamped = sum.counted > 0 || sum.received > 0;
        if !stamped || sum.missing > 0 || Photo::unsettled(&mut *tx, &seal_use.id).await? {
            return Ok(false);
        }
    }
    Ok(!seal_uses.is_empty())
}
