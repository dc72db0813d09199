//! Moves a flow on without a user when its conditions have become true.

use super::{
    Flow, FlowState,
    progress::{all_here, archives_itself, completed, leave},
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx, sql},
    definition::{Definition, NodeKind},
    id::FlowId,
    library::document::Document,
    queue::{self, JobKind},
    user::Directory,
};

/// Completes a seal node if every seal use has ended, at least one stamp was made and no photo is missing. Call it in
/// the transaction of every change that may complete the node. Returns true if the flow moved.
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

/// Queues a further manifest for an archived flow that got another document, so that the change is recorded. A photo
/// that the vendor has not confirmed supplements nothing.
async fn supplement(tx: &mut Tx, flow: &Flow, now: Timestamp) -> Result<(), DbError> {
    let recorded: i64 = sql("SELECT COALESCE(MAX(documents), 0) FROM manifests WHERE flow_id = $1")
        .bind(&flow.id)
        .scalar(&mut *tx)
        .await?;
    let present: i64 = Document::counted_of_flow(&mut *tx, &flow.id).await?;
    if present > recorded {
        queue::wake(tx, JobKind::Archive, flow.id.as_str(), now, now).await?;
    }
    Ok(())
}
