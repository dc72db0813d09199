//! The flows that still owe photos.

use super::head::facts;
use crate::{
    db::{Db, DbError, sql},
    id::FlowId,
};

/// Flows whose counts one statement reads.
const PIECE: usize = 200;

/// Returns the flows with missing photos, newest first. The ingest of such a flow is not done; these are few.
pub async fn flows(db: &Db) -> Result<Vec<FlowId>, DbError> {
    let open: Vec<FlowId> = sql("SELECT DISTINCT s.flow_id FROM ingests i JOIN seal_uses s ON s.id = i.seal_use_id
         WHERE i.state IN ('queued', 'running', 'waiting', 'failed') AND NOT s.superseded ORDER BY s.flow_id DESC")
    .scalars(db)
    .await?;
    let mut owing = Vec::new();
    for piece in open.chunks(PIECE) {
        let counts = facts::counts_of(db, piece).await?;
        let owes = |flow: &&FlowId| counts.get(*flow).is_some_and(|counts| counts.missing > 0);
        owing.extend(piece.iter().filter(owes).cloned());
    }
    Ok(owing)
}
