//! Moves a flow on without a user when its conditions have become true.

use super::{
    Flow, FlowState,
    manifest::Recorded,
    progress::{all_here, archives_itself, completed, leave},
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    definition::{Definition, NodeKind},
    id::FlowId,
    library::document::CountedDocuments,
    queue::{self, JobKind},
    user::Directory,
};

/// Completes a seal node if every seal use has ended, at least one stamp was made and no photo is missing. Call it in
/// the transaction of every change that may complete the node. Returns true if the flow moved.
pub async fn settle(tx: &mut Tx, id: &FlowId, now: Timestamp) -> Result<bool, DbError> {
    let Some(flow) = Flow::lock(tx, id).await? else {
        return Ok(false);
    };
    if matches!(flow.state, FlowState::Archived | FlowState::Withdrawn) {
        record(tx, &flow, now).await?;
        return Ok(false);
    }
    let body = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
    let Some(node) = flow.node.as_deref().and_then(|key| body.node(key)) else {
        if flow.state == FlowState::Running && archives_itself(&body) {
            queue::wake(tx, JobKind::Archive, id.as_str(), now, now).await?;
        }
        return Ok(false);
    };
    let by_itself = flow.state == FlowState::Running && node.kind == NodeKind::Seal && !flow.by_hand;
    if !by_itself || body.enabled_integration().is_none() || !all_here(tx, id).await? {
        return Ok(false);
    }
    completed(tx, id, node, now).await?;
    let users = Directory::load(&mut *tx).await?;
    leave(tx, &flow, &body, &node.key, &users, now).await?;
    Ok(true)
}

/// Queues a manifest if an archived flow got another document, or if a withdrawn flow has photos, so that each change is
/// recorded. A photo that the vendor has not confirmed changes nothing. A kind that is settled late is a change.
async fn record(tx: &mut Tx, flow: &Flow, now: Timestamp) -> Result<(), DbError> {
    let recorded = Recorded::of(&mut *tx, &flow.id).await?;
    let present = CountedDocuments::of_flow(&mut *tx, &flow.id).await?;
    if recorded.lacks(&present) && (recorded.any() || present.photos > 0) {
        queue::wake(tx, JobKind::Archive, flow.id.as_str(), now, now).await?;
    }
    Ok(())
}
