//! A flow as one user sees it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    Flow, FlowState,
    actions::{self, Action, Facts, Refusal, UseFacts},
    approval,
    event::{self, Event},
    evidence::PackageSeal,
    head::{self, FlowHead, facts},
    people::People,
    required_files,
};
use crate::{
    db::{Db, DbError, sql},
    definition::{Body, Definition, Field, FieldType},
    id::{FlowId, GrantId, IngestId, SealUseId},
    library::{
        document::{Document, shown},
        rights::Sight,
    },
    seal_use::{Counts, Grant, PickedSeal, SealUse, SealUseStatus, counts},
    user::{
        User,
        people::{DisplayNames, display_names},
    },
};

/// A flow with its form, events, files and seal uses.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlowView {
    #[serde(flatten)]
    pub head: FlowHead,
    /// Field values by key. Files are not included.
    #[schema(value_type = Object)]
    pub form: Value,
    /// The documents of each files field, in order.
    pub files: BTreeMap<String, Vec<Document>>,
    pub seal_uses: Vec<SealUseView>,
    pub events: Vec<Event>,
    /// Actions that this user may do now.
    pub actions: Vec<Action>,
    /// The identity of the evidence package of the last manifest, without faces. Null until the package is made.
    pub evidence: Option<PackageSeal>,
    /// The number of the last manifest.
    #[serde(skip)]
    pub manifest_no: i64,
    /// Of a draft: values of fields that the current version of the definition does not have. They are not in `form`, and
    /// they are dropped with the next change. Empty for other flows.
    pub removed: Vec<RemovedField>,
    /// Keys of the fields that this user may change now. A files field is changed by upload.
    pub editable: Vec<String>,
    /// Display names of the usernames in this flow.
    #[schema(value_type = BTreeMap<String, String>)]
    pub people: DisplayNames,
    /// For each other action: why this user may not do it now.
    #[serde(skip)]
    refused: BTreeMap<Action, Refusal>,
}

/// What a draft has for a field that its definition does not have any more.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RemovedField {
    pub key: String,
    pub label: String,
    /// Null for a files field.
    pub value: Option<Value>,
    /// Names of its files. The submission puts them into the trash.
    pub files: Vec<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SealUseView {
    pub id: SealUseId,
    /// The business id at the vendor. Null until the vendor has answered.
    pub business_id: Option<String>,
    pub serial_no: String,
    pub status: SealUseStatus,
    #[serde(flatten)]
    pub counts: Counts,
    /// Name and company of each seal that the form names.
    pub seals: Vec<PickedSeal>,
    pub grants: Vec<GrantView>,
    /// The ingest job of the photos. Null until the vendor has answered.
    pub ingest_id: Option<IngestId>,
    /// True: a return of the flow ended this seal use, and another seal use replaces it.
    pub superseded: bool,
    /// Why the application failed.
    pub error: Option<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantView {
    pub id: GrantId,
    pub seal: String,
    pub device_no: Option<String>,
    /// The person as the vendor names them.
    pub user: String,
    /// The user for whom the grant was asked. null if the vendor names a person who is no user.
    pub username: Option<String>,
    pub employee_no: Option<String>,
    pub used: i64,
    pub left: i64,
    #[serde(flatten)]
    pub counts: Counts,
    pub complete: bool,
}

impl FlowView {
    /// Checks that the user of this view may do `action` now. Fails with the reason.
    pub fn check(&self, action: Action) -> Result<(), Refusal> {
        self.refused.get(&action).map_or(Ok(()), |refusal| Err(refusal.clone()))
    }

    /// Returns the last view of a draft that was withdrawn and does not exist any more.
    #[must_use]
    pub fn withdrawn(mut self) -> Self {
        self.head.state = FlowState::Withdrawn;
        (self.actions, self.editable, self.files) = (Vec::new(), Vec::new(), BTreeMap::new());
        self
    }
}

/// Returns the flow as `user` sees it. `None` if it does not exist or the user may not see it.
pub async fn view(db: &Db, id: &FlowId, user: &User) -> Result<Option<FlowView>, DbError> {
    let Some(flow) = Flow::find(db, id).await? else {
        return Ok(None);
    };
    let people = People::of(db, id).await?;
    if !flow.is_visible_to(user, &people) {
        return Ok(None);
    }
    let (flow, body, removed) = shown_version(db, flow).await?;
    let (seal_uses, known) = seal_uses(db, id).await?;
    let files = files(&body, db, id, user).await?;
    let owed = required_files::empty(db, id, &body).await?;
    let facts = Facts {
        user,
        flow: &flow,
        body: &body,
        turn: people.has_turn(user) && !actions::is_barred(&flow, &body, user),
        place: people.has_place(user),
        takes_part: people.takes_part(user),
        starter_gone: User::named(db, &flow.starter).await?.is_none_or(|starter| starter.disabled),
        seal_uses: &known,
        application_owed: owed.iter().any(|field| body.goes_to_vendor(field)),
        owed_fields: owed,
        approved: approval::any_in_round(db, &flow).await?,
    };
    let mut of_heads = facts::of(db, std::slice::from_ref(id)).await?;
    let head = head::flow_head(&flow, &body, of_heads.remove(id).unwrap_or_default());
    let form = serde_json::from_str(&flow.form).unwrap_or_default();
    let events = event::of_flow(db, id).await?;
    let stampers = seal_uses.iter().flat_map(|used| &used.grants).filter_map(|grant| grant.username.clone());
    Ok(Some(FlowView {
        people: display_names(db, usernames(&head, &body, &form, &events).into_iter().chain(stampers)).await?,
        actions: actions::actions(&facts).into_iter().collect(),
        refused: Action::ALL
            .iter()
            .filter_map(|action| Some((*action, actions::check(&facts, *action).err()?)))
            .collect(),
        editable: actions::editable(&facts).into_iter().map(|field| field.key.clone()).collect(),
        evidence: PackageSeal::of_flow(db, id).await?,
        manifest_no: flow.manifest_no,
        head,
        form,
        events,
        files,
        seal_uses,
        removed,
    }))
}

/// Returns the flow with the version of its definition that its form has. A draft has the current one. Its values of
/// fields that this version does not have are listed apart: the next write drops them.
async fn shown_version(db: &Db, mut flow: Flow) -> Result<(Flow, Body, Vec<RemovedField>), DbError> {
    let own = Definition::version(db, &flow.definition_id, flow.version).await?.body;
    let current = match flow.state {
        FlowState::Draft => Definition::current(db, &flow.definition_id).await?,
        _ => None,
    };
    let Some(current) = current.filter(|current| current.version != flow.version) else {
        return Ok((flow, own, Vec::new()));
    };
    let mut form = flow.values()?;
    let files = Document::of_flow(db, &flow.id).await?;
    let mut removed = Vec::new();
    for field in own.fields.into_iter().filter(|field| current.body.field(&field.key).is_none()) {
        let value = form.remove(&field.key).filter(|value| !value.is_null());
        let of_field = |document: &&Document| document.field_key.as_ref() == Some(&field.key);
        let files: Vec<String> = files.iter().filter(of_field).map(|document| document.name.clone()).collect();
        if value.is_some() || !files.is_empty() {
            removed.push(RemovedField { key: field.key, label: field.label, value, files });
        }
    }
    flow.form = Value::Object(form).to_string();
    flow.version = current.version;
    Ok((flow, current.body, removed))
}

/// Returns the texts of the view that can be usernames.
fn usernames(head: &FlowHead, body: &Body, form: &Value, events: &[Event]) -> Vec<String> {
    let mut names = head::usernames(head);
    for event in events {
        names.extend([event.actor.clone()].into_iter().chain(event.target.clone()));
    }
    let mut fields: Vec<(&Field, Vec<&Value>)> =
        body.fields.iter().map(|field| (field, form.get(&field.key).into_iter().collect())).collect();
    while let Some((field, values)) = fields.pop() {
        let items = values
            .into_iter()
            .flat_map(|value| value.as_array().map_or_else(|| vec![value], |list| list.iter().collect()));
        match field.field_type {
            FieldType::User | FieldType::Users => {
                names.extend(items.filter_map(Value::as_str).map(str::to_owned));
            }
            FieldType::Table => {
                let rows: Vec<&Value> = items.collect();
                for column in field.columns.iter().flatten() {
                    fields.push((column, rows.iter().filter_map(|row| row.get(&column.key)).collect()));
                }
            }
            _ => {}
        }
    }
    names
}

async fn files(body: &Body, db: &Db, flow: &FlowId, user: &User) -> Result<BTreeMap<String, Vec<Document>>, DbError> {
    let sight = Sight::of(db, user).await?;
    let mut documents = Document::of_flow(db, flow).await?;
    documents.retain(|document| document.shows_to(&sight));
    shown::complete(db, &mut documents, &sight).await?;
    let fields = body.fields.iter().filter(|field| field.field_type == FieldType::Files);
    let mut files: BTreeMap<String, Vec<Document>> = fields.map(|field| (field.key.clone(), Vec::new())).collect();
    for document in documents {
        if let Some(list) = document.field_key.as_ref().and_then(|key| files.get_mut(key)) {
            list.push(document);
        }
    }
    Ok(files)
}

async fn seal_uses(db: &Db, flow: &FlowId) -> Result<(Vec<SealUseView>, Vec<UseFacts>), DbError> {
    let ingests: Vec<(SealUseId, IngestId)> =
        sql("SELECT s.id, i.id FROM ingests i JOIN seal_uses s ON s.id = i.seal_use_id WHERE s.flow_id = $1")
            .bind(flow)
            .all(db)
            .await?;
    let ingest_of = |id: &SealUseId| ingests.iter().find(|(of, _)| of == id).map(|(_, ingest)| ingest.clone());
    let (mut views, mut facts) = (Vec::new(), Vec::new());
    let stampers: Vec<String> =
        sql("SELECT DISTINCT g.username FROM grants g JOIN seal_uses s ON s.id = g.seal_use_id WHERE s.flow_id = $1 AND g.username IS NOT NULL")
            .bind(flow)
            .scalars(db)
            .await?;
    let names = display_names(db, stampers).await?;
    for seal_use in SealUse::of_flow(db, flow).await? {
        let grants = Grant::of_seal_use(db, &seal_use.id).await?;
        let photos = counts::count(&grants, &counts::tallies(db, &[&seal_use.id]).await?);
        facts.push(UseFacts::of(&seal_use, &photos, &grants, |name| names.get(name).cloned()));
        let grants = grants.into_iter().map(|grant| GrantView {
            counts: photos.per_grant.get(&grant.id).copied().unwrap_or_default(),
            id: grant.id,
            seal: grant.seal,
            device_no: grant.device_no,
            user: grant.user_name,
            username: grant.username,
            employee_no: grant.employee_no,
            used: grant.used,
            left: grant.left_count,
            complete: grant.complete,
        });
        views.push(SealUseView {
            grants: grants.collect(),
            seals: seal_use.picked_seals(),
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
    Ok((views, facts))
}
