//! A flow as one user sees it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    Flow,
    actions::{self, Action, Facts, Refusal, UseFacts},
    event::{self, Event},
    head::{self, FlowHead, Used},
    people::People,
};
use crate::{
    db::{Db, DbError, sql},
    definition::{Body, Definition, Field, FieldType},
    id::{FlowId, GrantId, IngestId, SealUseId},
    library::document::Document,
    seal_use::{Counts, Grant, SealUse, SealUseStatus, counts},
    user::User,
};

/// A flow with everything that belongs to it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlowView {
    #[serde(flatten)]
    pub head: FlowHead,
    /// Field values, without files.
    #[schema(value_type = Object)]
    pub form: Value,
    /// For whom it waits: `user:<username>` or `role:<role>`.
    pub waits_for: Vec<String>,
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
    /// The job that brings its photos in; null until the vendor answered.
    pub ingest_id: Option<IngestId>,
    /// A return of the flow ended it; another one takes its place.
    pub superseded: bool,
    /// Why the application did not succeed.
    pub error: Option<String>,
    #[serde(skip)]
    complete: bool,
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
    let people = People::of(db, id).await?;
    if !user.reads_all() && !people.takes_part(user) {
        return Ok(None);
    }
    let body = Definition::version(db, &flow.definition_id, flow.version).await?.body;
    let seal_uses = seal_uses(db, id).await?;
    let documents = Document::of_flow(db, id).await?;
    let files_owed = files_owed(&body, &documents);
    let files = files(&body, documents, user);
    let known = use_facts(&seal_uses);
    let facts = Facts {
        user,
        flow: &flow,
        body: &body,
        turn: people.has_turn(user),
        takes_part: people.takes_part(user),
        stamps: stamps(db, id, user).await?,
        seal_uses: &known,
        files_owed,
    };
    let live = known.iter().filter(|used| !used.superseded);
    let seals = Used { uses: live.clone().count(), open: live.filter(|used| !used.status.ended()).count() };
    Ok(Some(FlowView {
        head: head::of(&flow, &body, seals),
        waits_for: people.waits_for(),
        form: serde_json::from_str(&flow.form).unwrap_or_default(),
        events: event::of_flow(db, id).await?,
        actions: actions::actions(&facts).into_iter().collect(),
        refused: Action::ALL
            .iter()
            .filter_map(|action| Some((*action, actions::check(&facts, *action).err()?)))
            .collect(),
        editable: actions::editable(&facts).into_iter().map(|field| field.key.clone()).collect(),
        files,
        seal_uses,
    }))
}

fn files(body: &Body, documents: Vec<Document>, user: &User) -> BTreeMap<String, Vec<Document>> {
    let fields = body.fields.iter().filter(|field| field.field_type == FieldType::Files);
    let mut files: BTreeMap<String, Vec<Document>> = fields.map(|field| (field.key.clone(), Vec::new())).collect();
    for document in documents.into_iter().filter(|document| document.may_be_seen_by(user)) {
        if let Some(list) = document.field_key.as_ref().and_then(|key| files.get_mut(key)) {
            list.push(document);
        }
    }
    files
}

async fn seal_uses(db: &Db, flow: &FlowId) -> Result<Vec<SealUseView>, DbError> {
    let ingests: Vec<(SealUseId, IngestId)> =
        sql("SELECT s.id, i.id FROM ingests i JOIN seal_uses s ON s.id = i.seal_use_id WHERE s.flow_id = $1")
            .bind(flow)
            .all(db)
            .await?;
    let ingest_of = |id: &SealUseId| ingests.iter().find(|(of, _)| of == id).map(|(_, ingest)| ingest.clone());
    let mut views = Vec::new();
    for seal_use in SealUse::of_flow(db, flow).await? {
        let grants = Grant::of_seal_use(db, &seal_use.id).await?;
        let photos = counts::count(&grants, &counts::tallies(db, &[&seal_use.id]).await?);
        let grants = grants.into_iter().map(|grant| GrantView {
            counts: photos.per_grant.get(&grant.id).copied().unwrap_or_default(),
            id: grant.id,
            seal: grant.seal,
            device_no: grant.device_no,
            user: grant.user_name,
            used: grant.used,
            left: grant.left_count,
            complete: grant.complete,
        });
        let complete = photos.complete(&seal_use);
        views.push(SealUseView {
            complete,
            grants: grants.collect(),
            superseded: seal_use.superseded,
            ingest_id: ingest_of(&seal_use.id),
            id: seal_use.id,
            business_id: seal_use.business_id,
            serial_no: seal_use.serial_no,
            status: seal_use.status,
            counts: photos.sum,
            error: seal_use.error,
        });
    }
    Ok(views)
}

fn files_owed(body: &Body, documents: &[Document]) -> bool {
    let empty = |field: &Field| documents.iter().all(|document| document.field_key.as_ref() != Some(&field.key));
    body.fields.iter().any(|field| field.required && field.field_type == FieldType::Files && empty(field))
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

fn use_facts(views: &[SealUseView]) -> Vec<UseFacts> {
    let facts = views.iter().map(|view| UseFacts {
        status: view.status,
        at_vendor: view.business_id.is_some(),
        superseded: view.superseded,
        missing: view.counts.missing,
        complete: view.complete,
    });
    facts.collect()
}
