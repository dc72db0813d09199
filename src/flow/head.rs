//! A flow as lists show it. A page costs a fixed number of queries, whatever its length.

pub(super) mod facts;

use std::collections::HashMap;

use serde::Serialize;

use self::facts::HeadFacts;
use super::{Flow, FlowState, Phase, trouble::Trouble};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, placeholders, sql},
    definition::{Body, Definition, FieldType, NodeKind, START},
    id::{DefinitionId, FlowId},
    seal_use::Counts,
};

/// A flow as lists show it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlowHead {
    pub id: FlowId,
    /// Null while the flow is a draft.
    pub serial_no: Option<String>,
    pub definition_id: DefinitionId,
    pub definition_name: String,
    pub version: i64,
    pub title: String,
    /// Username of the starter.
    pub starter: String,
    pub state: FlowState,
    /// Null while the flow is a draft.
    pub phase: Option<Phase>,
    /// Key of the current node. `start` after a return to the starter, null after the last node.
    pub node: Option<String>,
    pub node_name: Option<String>,
    /// The first submission. While the flow is a draft, the creation of the draft.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<Timestamp>,
    /// For whom the flow waits, as `user:<username>` or `role:<role>`: assignees, and people with an open grant.
    pub waits_for: Vec<String>,
    /// What is wrong with the flow and needs a person.
    pub trouble: Vec<Trouble>,
    /// The sums of the seal uses. null before the first application. Superseded seal uses do not count.
    pub counts: Option<Counts>,
    /// Photos that are given up: only a user runs them again.
    pub parked: i64,
    /// The required files fields that are empty. Their files must be there before the flow is archived.
    pub lacks: Vec<EmptyField>,
}

/// A required files field without a file.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EmptyField {
    pub key: String,
    pub label: String,
}

/// Returns the heads of `ids`, in the order of `ids`.
pub async fn heads(db: &Db, ids: &[FlowId]) -> Result<Vec<FlowHead>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let list = placeholders(1, ids.len());
    // Lists do not show the form, which may be long, so it is not read.
    let mut flows: Vec<Flow> = sql(format!(
        "SELECT id, serial_no, definition_id, version, title, starter, state, node, '' AS form, manifest_no, round, by_hand,
           created_at, updated_at, archived_at FROM flows WHERE id IN {list}"
    ))
    .bind_all(ids)
    .all(db)
    .await?;
    let order: HashMap<&FlowId, usize> = ids.iter().zip(0..).collect();
    flows.sort_by_key(|flow| order.get(&flow.id));
    let facts = facts::of(db, ids).await?;
    let bodies = Definition::versions(db, flows.iter().map(|flow| (&flow.definition_id, flow.version))).await?;
    flows
        .iter()
        .map(|flow| {
            let body = bodies.get(&(flow.definition_id.clone(), flow.version)).ok_or(DbError::RowNotFound)?;
            Ok(flow_head(flow, body, facts.get(&flow.id).cloned().unwrap_or_default()))
        })
        .collect()
}

pub(super) fn flow_head(flow: &Flow, body: &Body, facts: HeadFacts) -> FlowHead {
    FlowHead {
        id: flow.id.clone(),
        serial_no: Some(flow.serial_no.clone()).filter(|serial_no| !serial_no.is_empty()),
        definition_id: flow.definition_id.clone(),
        definition_name: body.name.clone(),
        version: flow.version,
        title: flow.title.clone(),
        starter: flow.starter.clone(),
        state: flow.state,
        phase: Some(phase(flow, body, &facts)).filter(|_| flow.state != FlowState::Draft),
        node: flow.node.clone(),
        node_name: flow.node.as_deref().and_then(|key| body.node(key)).map(|node| node.name.clone()),
        created_at: flow.created_at,
        updated_at: flow.updated_at,
        archived_at: flow.archived_at,
        lacks: lacks(flow, body, &facts.filled),
        waits_for: facts.waits_for,
        trouble: facts.trouble,
        counts: facts.counts,
        parked: facts.parked,
    }
}

fn lacks(flow: &Flow, body: &Body, filled: &[String]) -> Vec<EmptyField> {
    if flow.state != FlowState::Running {
        return Vec::new();
    }
    let required = body.fields.iter().filter(|field| field.required && field.field_type == FieldType::Files);
    let empty = required.filter(|field| !filled.contains(&field.key));
    empty.map(|field| EmptyField { key: field.key.clone(), label: field.label.clone() }).collect()
}

fn phase(flow: &Flow, body: &Body, facts: &HeadFacts) -> Phase {
    match (flow.state, flow.node.as_deref()) {
        (FlowState::Archived, _) => Phase::Archived,
        (_, None) => Phase::Ready,
        (_, Some(START)) => Phase::Approving,
        (_, Some(key)) => match body.node(key).map(|node| node.kind) {
            Some(NodeKind::Seal) if facts.uses > 0 && facts.open == 0 => Phase::Collecting,
            Some(NodeKind::Seal) => Phase::Using,
            Some(NodeKind::Approval) | None => Phase::Approving,
        },
    }
}

/// Returns the usernames that a head has.
#[must_use]
pub fn usernames(head: &FlowHead) -> Vec<String> {
    let waiting = head.waits_for.iter().filter_map(|who| who.strip_prefix("user:"));
    [head.starter.as_str()].into_iter().chain(waiting).map(str::to_owned).collect()
}
