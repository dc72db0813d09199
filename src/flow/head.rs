//! A flow as lists show it. A page costs three queries, whatever its length.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::FromRow;

use super::{Flow, FlowState, Phase};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, placeholders, sql},
    definition::{Body, Definition, NodeKind, START},
    id::{DefinitionId, FlowId},
};

/// A flow as lists show it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlowHead {
    pub id: FlowId,
    pub serial_no: String,
    pub definition_id: DefinitionId,
    pub definition_name: String,
    pub version: i64,
    pub title: String,
    /// Username of the starter.
    pub starter: String,
    pub state: FlowState,
    pub phase: Phase,
    /// Key of the current node. `start` after a return to the starter, null after the last node.
    pub node: Option<String>,
    pub node_name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<Timestamp>,
}

/// How many live seal uses a flow has, and how many of them are open. A superseded seal use is not live.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) uses: usize,
    pub(super) open: usize,
}

#[derive(FromRow)]
struct UsedRow {
    flow_id: FlowId,
    uses: i64,
    open: i64,
}

/// Returns the heads of `ids` in list order: newest first.
pub async fn heads(db: &Db, ids: &[FlowId]) -> Result<Vec<FlowHead>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let list = placeholders(1, ids.len());
    // Lists do not show the form, which may be long, so it is not read.
    let flows: Vec<Flow> = sql(format!(
        "SELECT id, serial_no, definition_id, version, title, starter, state, node, '' AS form, manifest_no, round, by_hand,
           created_at, updated_at, archived_at FROM flows WHERE id IN {list} ORDER BY id DESC"
    ))
    .bind_all(ids)
    .all(db)
    .await?;
    let used: Vec<UsedRow> = sql(format!(
        "SELECT flow_id, COUNT(*) AS uses, COUNT(CASE WHEN status NOT IN ('complete', 'finished') THEN 1 END) AS open
         FROM seal_uses WHERE flow_id IN {list} AND NOT superseded GROUP BY flow_id"
    ))
    .bind_all(ids)
    .all(db)
    .await?;
    let count = |number: i64| usize::try_from(number).unwrap_or(0);
    let used: HashMap<FlowId, Used> =
        used.into_iter().map(|row| (row.flow_id, Used { uses: count(row.uses), open: count(row.open) })).collect();
    let bodies = Definition::versions(db, flows.iter().map(|flow| (&flow.definition_id, flow.version))).await?;
    flows
        .iter()
        .map(|flow| {
            let body = bodies.get(&(flow.definition_id.clone(), flow.version)).ok_or(DbError::RowNotFound)?;
            Ok(flow_head(flow, body, used.get(&flow.id).copied().unwrap_or_default()))
        })
        .collect()
}

pub(super) fn flow_head(flow: &Flow, body: &Body, used: Used) -> FlowHead {
    FlowHead {
        id: flow.id.clone(),
        serial_no: flow.serial_no.clone(),
        definition_id: flow.definition_id.clone(),
        definition_name: body.name.clone(),
        version: flow.version,
        title: flow.title.clone(),
        starter: flow.starter.clone(),
        state: flow.state,
        phase: phase(flow, body, used),
        node: flow.node.clone(),
        node_name: flow.node.as_deref().and_then(|key| body.node(key)).map(|node| node.name.clone()),
        created_at: flow.created_at,
        updated_at: flow.updated_at,
        archived_at: flow.archived_at,
    }
}

fn phase(flow: &Flow, body: &Body, used: Used) -> Phase {
    match (flow.state, flow.node.as_deref()) {
        (FlowState::Archived, _) => Phase::Archived,
        (_, None) => Phase::Ready,
        (_, Some(START)) => Phase::Approving,
        (_, Some(key)) => match body.node(key).map(|node| node.kind) {
            Some(NodeKind::Seal) if used.uses > 0 && used.open == 0 => Phase::Collecting,
            Some(NodeKind::Seal) => Phase::Using,
            Some(NodeKind::Approval) | None => Phase::Approving,
        },
    }
}
