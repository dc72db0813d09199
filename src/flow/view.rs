//! A flow as one user sees it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    Filter, Flow, FlowState, Phase, assign,
    event::{self, Event},
};
use crate::{
    clock::Timestamp,
    db::{Db, DbError},
    definition::{Body, Definition, FieldType, NodeKind},
    document::Document,
    id::{DefinitionId, FlowId, GrantId, SealUseId},
    seal_use::{Counts, Grant, SealUse, SealUseStatus, counts},
    user::{Directory, User},
};

/// A flow with everything that belongs to it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlowView {
    #[serde(flatten)]
    pub head: FlowHead,
    /// Field values, without files.
    pub form: Value,
    /// The documents of each files field, in order.
    pub files: BTreeMap<String, Vec<Document>>,
    pub seal_uses: Vec<SealUseView>,
    pub events: Vec<Event>,
    /// What this user may do now.
    pub actions: Vec<&'static str>,
}

/// A flow as lists show it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlowHead {
    pub id: FlowId,
    pub serial_no: String,
    pub definition_id: DefinitionId,
    pub version: i64,
    pub title: String,
    /// Username.
    pub starter: String,
    pub state: FlowState,
    pub phase: Phase,
    /// Key of the node it stands at; null after the last.
    pub node: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SealUseView {
    pub id: SealUseId,
    /// The vendor's id; null until it answered.
    pub business_id: Option<String>,
    pub serial_no: String,
    pub status: SealUseStatus,
    #[serde(flatten)]
    pub counts: Counts,
    pub grants: Vec<GrantView>,
    /// Why the application did not succeed.
    pub error: Option<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantView {
    pub id: GrantId,
    pub seal: String,
    pub device_no: Option<String>,
    pub user: String,
    pub used: i64,
    pub left: i64,
    #[serde(flatten)]
    pub counts: Counts,
    pub complete: bool,
}

/// The flow as `user` sees it; `None` when it is not there or not for them.
pub async fn view(db: &Db, id: &FlowId, user: &User) -> Result<Option<FlowView>, DbError> {
    let Some(flow) = Flow::find(db, id).await? else {
        return Ok(None);
    };
    if !Flow::visible_to(db, id, user).await? {
        return Ok(None);
    }
    let body = Definition::version(db, &flow.definition_id, flow.version).await?.body;
    let seal_uses = seal_uses(db, id).await?;
    let actions = actions(db, &flow, &body, user, &seal_uses).await?;
    Ok(Some(FlowView {
        head: head(&flow, &body, &seal_uses),
        form: serde_json::from_str(&flow.form).unwrap_or_default(),
        files: files(&body, Document::of_flow(db, id).await?),
        events: event::of_flow(db, id).await?,
        seal_uses,
        actions,
    }))
}

/// A list's rows, with their phases.
pub async fn heads(db: &Db, flows: &[Flow]) -> Result<Vec<FlowHead>, DbError> {
    let mut heads = Vec::with_capacity(flows.len());
    for flow in flows {
        let body = Definition::version(db, &flow.definition_id, flow.version).await?.body;
        heads.push(head(flow, &body, &seal_uses(db, &flow.id).await?));
    }
    Ok(heads)
}

/// Flows that wait for `user`: newest first, those before `after`.
pub async fn todo(
    db: &Db,
    filter: &Filter,
    user: &User,
    mut after: Option<FlowId>,
    limit: i64,
) -> Result<Vec<Flow>, DbError> {
    let filter = Filter { state: Some(FlowState::Running), ..filter.clone() };
    let users = Directory::load(db).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    loop {
        let flows = Flow::list(db, &filter, user, after.as_ref(), limit).await?;
        let Some(last) = flows.last().map(|flow| flow.id.clone()) else {
            return Ok(found);
        };
        for flow in flows {
            let body = Definition::version(db, &flow.definition_id, flow.version).await?.body;
            let Some(node) = flow.node.as_deref().and_then(|key| body.node(key)) else { continue };
            let approved = assign::approvals(db, &flow.id, &node.key).await?;
            if assign::waits_for(node, &flow, &users, &approved).contains(&user.username) {
                found.push(flow);
            }
            if found.len() == wanted {
                return Ok(found);
            }
        }
        after = Some(last);
    }
}

fn head(flow: &Flow, body: &Body, seal_uses: &[SealUseView]) -> FlowHead {
    FlowHead {
        id: flow.id.clone(),
        serial_no: flow.serial_no.clone(),
        definition_id: flow.definition_id.clone(),
        version: flow.version,
        title: flow.title.clone(),
        starter: flow.starter.clone(),
        state: flow.state,
        phase: phase(flow, body, seal_uses),
        node: flow.node.clone(),
        created_at: flow.created_at,
        archived_at: flow.archived_at,
    }
}

fn phase(flow: &Flow, body: &Body, seal_uses: &[SealUseView]) -> Phase {
    if flow.state == FlowState::Archived {
        return Phase::Archived;
    }
    let Some(node) = flow.node.as_deref().and_then(|key| body.node(key)) else {
        return Phase::Ready;
    };
    let ended = !seal_uses.is_empty() && seal_uses.iter().all(|seal_use| seal_use.status.ended());
    match node.kind {
        NodeKind::Approval => Phase::Approving,
        NodeKind::Seal if ended => Phase::Collecting,
        NodeKind::Seal => Phase::Using,
    }
}

fn files(body: &Body, documents: Vec<Document>) -> BTreeMap<String, Vec<Document>> {
    let fields = body.fields.iter().filter(|field| field.field_type == FieldType::Files);
    let mut files: BTreeMap<String, Vec<Document>> = fields.map(|field| (field.key.clone(), Vec::new())).collect();
    for document in documents {
        if let Some(list) = document.field_key.as_ref().and_then(|key| files.get_mut(key)) {
            list.push(document);
        }
    }
    files
}

async fn seal_uses(db: &Db, flow: &FlowId) -> Result<Vec<SealUseView>, DbError> {
    let mut views = Vec::new();
    for seal_use in SealUse::of_flow(db, flow).await? {
        let grants = Grant::of_seal_use(db, &seal_use.id).await?;
        let (per_grant, sum) = counts::count(&grants, &counts::tally(db, &seal_use.id).await?);
        let grants = grants.into_iter().map(|grant| GrantView {
            counts: per_grant.get(&grant.id).copied().unwrap_or_default(),
            id: grant.id,
            seal: grant.seal,
            device_no: grant.device_no,
            user: grant.user_name,
            used: grant.used,
            left: grant.left_count,
            complete: grant.complete,
        });
        views.push(SealUseView {
            grants: grants.collect(),
            id: seal_use.id,
            business_id: seal_use.business_id,
            serial_no: seal_use.serial_no,
            status: seal_use.status,
            counts: sum,
            error: seal_use.error,
        });
    }
    Ok(views)
}

async fn actions(
    db: &Db,
    flow: &Flow,
    body: &Body,
    user: &User,
    seal_uses: &[SealUseView],
) -> Result<Vec<&'static str>, DbError> {
    let Some(node) = flow.node.as_deref().and_then(|key| body.node(key)).filter(|_| flow.state == FlowState::Running)
    else {
        return Ok(Vec::new());
    };
    let users = Directory::load(db).await?;
    let approved = assign::approvals(db, &flow.id, &node.key).await?;
    let mine = assign::waits_for(node, flow, &users, &approved).contains(&user.username);
    let mut actions = Vec::new();
    let by_itself = node.kind == NodeKind::Seal && body.enabled_integration().is_some();
    if mine && !by_itself {
        actions.push("approve");
    }
    if let Some(integration) = body.enabled_integration()
        && seal_uses.iter().any(|seal_use| seal_use.business_id.is_some())
        && (mine || user.is_admin())
    {
        if integration.code_nodes.contains(&node.key) {
            actions.push("code");
        }
        if integration.download_nodes.contains(&node.key) && integration.download_field.is_some() {
            actions.push("collect");
        }
    }
    Ok(actions)
}
