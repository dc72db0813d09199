//! A flow as one user sees it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    Filter, Flow, FlowState, Phase,
    actions::{self, Action, Facts, Refusal, UseFacts},
    assign,
    event::{self, Event},
};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, sql},
    definition::{Body, Definition, Field, FieldType, NodeKind},
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
    pub actions: Vec<Action>,
    /// Keys of the fields that this user may change now; files fields among them by upload.
    pub editable: Vec<String>,
    /// Why the other actions are not possible.
    #[serde(skip)]
    refused: BTreeMap<Action, Refusal>,
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

impl FlowView {
    /// Whether the user who sees this may do `action` now, and why not.
    pub fn check(&self, action: Action) -> Result<(), Refusal> {
        self.refused.get(&action).map_or(Ok(()), |refusal| Err(*refusal))
    }
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
    let files = files(&body, Document::of_flow(db, id).await?);
    let known = use_facts(db, id, &seal_uses).await?;
    let facts = facts(db, &flow, &body, user, &files, &known).await?;
    Ok(Some(FlowView {
        head: head(&flow, &body, &seal_uses),
        form: serde_json::from_str(&flow.form).unwrap_or_default(),
        events: event::of_flow(db, id).await?,
        actions: actions::actions(&facts).into_iter().collect(),
        refused: Action::ALL
            .into_iter()
            .filter_map(|action| Some((action, actions::check(&facts, action).err()?)))
            .collect(),
        editable: actions::editable(&facts).into_iter().map(|field| field.key.clone()).collect(),
        files,
        seal_uses,
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

async fn facts<'a>(
    db: &Db,
    flow: &'a Flow,
    body: &'a Body,
    user: &'a User,
    files: &BTreeMap<String, Vec<Document>>,
    seal_uses: &'a [UseFacts],
) -> Result<Facts<'a>, DbError> {
    let node = flow.node.as_deref().and_then(|key| body.node(key)).filter(|_| flow.state == FlowState::Running);
    let turn = match node {
        Some(node) => {
            let users = Directory::load(db).await?;
            let approved = assign::approvals(db, &flow.id, &node.key).await?;
            assign::waits_for(node, flow, &users, &approved).contains(&user.username)
        }
        None => false,
    };
    let empty = |field: &Field| files.get(&field.key).is_none_or(Vec::is_empty);
    Ok(Facts {
        user,
        flow,
        body,
        turn,
        stamps: stamps(db, &flow.id, user).await?,
        seal_uses,
        files_owed: body
            .fields
            .iter()
            .any(|field| field.required && field.field_type == FieldType::Files && empty(field)),
    })
}

/// Whether a grant is this user's, by employee number or mobile phone.
async fn stamps(db: &Db, flow: &FlowId, user: &User) -> Result<bool, DbError> {
    let grants: i64 = sql("SELECT COUNT(*) FROM grants g JOIN seal_uses u ON u.id = g.seal_use_id
         WHERE u.flow_id = $1 AND (g.number = $2 OR g.contact = $3)")
    .bind(flow)
    .bind(user.employee_no.clone())
    .bind(user.mobile.clone())
    .scalar(db)
    .await?;
    Ok(grants > 0)
}

async fn use_facts(db: &Db, flow: &FlowId, views: &[SealUseView]) -> Result<Vec<UseFacts>, DbError> {
    let superseded: Vec<SealUseId> =
        sql("SELECT id FROM seal_uses WHERE flow_id = $1 AND superseded").bind(flow).scalars(db).await?;
    let facts = views.iter().map(|view| UseFacts {
        status: view.status,
        at_vendor: view.business_id.is_some(),
        superseded: superseded.contains(&view.id),
        missing: view.counts.missing,
        stamped: view.counts.counted > 0 || view.counts.received > 0,
    });
    Ok(facts.collect())
}
