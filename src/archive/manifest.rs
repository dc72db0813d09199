//! The manifest of an archived or withdrawn flow: an object beside the originals with all data to restore the flow's rows.

use std::collections::{HashMap, hash_map::Entry};

use serde::Serialize;
use serde_json::{Value, json};

use super::{by_hand::Accepted, evidence::CallbackLine, read_back::ReadBackError};
use crate::{
    app::App,
    clock::Timestamp,
    db::{Db, DbError, Tx, sql},
    definition::{Body, Definition},
    flow::{
        Flow, FlowState,
        approval::{self, Approval},
        event::{self, Event},
        manifest::Recorded,
    },
    id::{DocumentId, FlowId, SealUseId},
    library::{
        document::{CountedDocuments, Document},
        folder::Folder,
    },
    photo::{Photo, kind::PhotoKind},
    provider,
    seal_use::{Grant, SealUse},
    user::{
        User,
        people::{DisplayNames, display_names},
    },
};

/// The format version. It increases if a reader of the old format would misread the new one, or would miss a part. 2: details of
/// the vendor, callbacks and names are in it.
const FORMAT: u32 = 2;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    format: u32,
    pub(super) n: u32,
    /// The flow's last change.
    as_of: Timestamp,
    flow: Value,
    definition: Body,
    starter: Option<Value>,
    approvals: Vec<Approval>,
    seal_uses: Vec<Value>,
    documents: Vec<Value>,
    /// Missing photos that an administrator accepted, with the reason.
    missing_accepted: Option<Accepted>,
    events: Vec<Event>,
    /// The vendor's last detail of each seal use, without seal codes.
    details: Vec<Value>,
    callbacks: Vec<CallbackLine>,
    /// The names of the users in it.
    names: DisplayNames,
    #[serde(skip)]
    recorded: Recorded,
    #[serde(skip)]
    document_ids: Vec<DocumentId>,
    /// Documents without the unconfirmed photos.
    #[serde(skip)]
    counted: CountedDocuments,
}

impl Manifest {
    /// Reads a flow at one moment. `None`: the flow does not exist.
    pub(super) async fn read(db: &Db, id: &FlowId) -> Result<Option<(Flow, Self)>, DbError> {
        let mut snapshot = db.snapshot().await?;
        let Some(flow) = Flow::find(&mut snapshot, id).await? else { return Ok(None) };
        let manifest = Self::of(&mut snapshot, &flow).await?;
        Ok(Some((flow, manifest)))
    }

    async fn of(tx: &mut Tx, flow: &Flow) -> Result<Self, DbError> {
        let definition = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
        let rows = SealUse::of_flow(&mut *tx, &flow.id).await?;
        let mut seal_uses = Vec::new();
        for seal_use in &rows {
            seal_uses.push(seal_use_json(tx, seal_use).await?);
        }
        let documents = Documents::of(tx, flow).await?;
        let missing_accepted = Accepted::of_flow(tx, &flow.id).await?;
        let uses: Vec<&SealUseId> = rows.iter().map(|seal_use| &seal_use.id).collect();
        let mut manifest = Self {
            format: FORMAT,
            n: u32::try_from(flow.manifest_no + 1).unwrap_or(u32::MAX),
            as_of: flow.updated_at,
            flow: flow_json(flow),
            definition,
            starter: User::named(&mut *tx, &flow.starter).await?.as_ref().map(starter_json),
            approvals: approval::of_flow(&mut *tx, &flow.id).await?,
            seal_uses,
            documents: documents.rows,
            missing_accepted,
            events: event::of_flow(&mut *tx, &flow.id).await?,
            details: rows.iter().filter_map(detail_json).collect(),
            callbacks: CallbackLine::of(&mut *tx, &uses).await?,
            names: DisplayNames::new(),
            recorded: Recorded::of(&mut *tx, &flow.id).await?,
            document_ids: documents.ids,
            counted: documents.counted,
        };
        manifest.names = display_names(&mut *tx, manifest.usernames(flow)).await?;
        Ok(manifest)
    }

    fn usernames(&self, flow: &Flow) -> Vec<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut names = vec![flow.starter.clone()];
        names.extend(self.approvals.iter().map(|approval| approval.username.clone()));
        names.extend(self.events.iter().map(|event| event.actor.clone()));
        names.extend(self.documents.iter().filter_map(|document| text(&document["createdBy"])));
        names.extend(self.missing_accepted.iter().map(|accepted| accepted.by.clone()));
        for photo in self.seal_uses.iter().filter_map(|used| used["photos"].as_array()).flatten() {
            names.extend(text(&photo["suppliedBy"]).into_iter().chain(text(&photo["acceptance"]["by"])));
        }
        names
    }

    /// Compares the kept bodies of the callbacks with the hashes that were taken when they came.
    pub(super) async fn check_bodies(&mut self, app: &App) -> Result<(), ReadBackError> {
        for callback in &mut self.callbacks {
            callback.check_body(app).await?;
        }
        Ok(())
    }

    /// Sorted.
    pub(super) fn document_ids(&self) -> &[DocumentId] {
        &self.document_ids
    }

    /// An unconfirmed photo is in the manifest, marked by its state, and is not counted.
    pub(super) fn counted(&self) -> CountedDocuments {
        self.counted
    }

    /// Returns true if no manifest is due: a supplement needs a change, and a withdrawn flow needs a photo.
    pub(super) fn adds_nothing(&self, state: FlowState) -> bool {
        match state {
            _ if self.recorded.any() => !self.recorded.lacks(&self.counted),
            FlowState::Withdrawn => self.counted.photos == 0,
            _ => false,
        }
    }
}

/// The documents of a flow.
struct Documents {
    rows: Vec<Value>,
    ids: Vec<DocumentId>,
    counted: CountedDocuments,
}

impl Documents {
    async fn of(tx: &mut Tx, flow: &Flow) -> Result<Self, DbError> {
        let counted = CountedDocuments { all: 0, photos: 0, of_known_kind: 0 };
        let mut found = Self { rows: Vec::new(), ids: Vec::new(), counted };
        let placed: Vec<Placed> = sql("SELECT id, position, created_by, created_at FROM documents WHERE flow_id = $1")
            .bind(&flow.id)
            .all(&mut *tx)
            .await?;
        let mut placed: HashMap<DocumentId, Placed> = placed.into_iter().map(|one| (one.id.clone(), one)).collect();
        let mut folders = HashMap::new();
        for document in Document::of_flow(&mut *tx, &flow.id).await? {
            if !document.is_unconfirmed() {
                found.counted.all += 1;
                found.counted.photos += i64::from(document.photo.photo_id.is_some());
                found.counted.of_known_kind +=
                    i64::from(document.photo.kind.as_deref() != Some(PhotoKind::Unknown.as_str()));
            }
            if let Entry::Vacant(entry) = folders.entry(document.folder_id.clone()) {
                entry.insert(Folder::path(&mut *tx, &document.folder_id).await?);
            }
            let placed = placed.remove(&document.id).ok_or(DbError::RowNotFound)?;
            found.rows.push(document_json(&document, &placed, folders.get(&document.folder_id))?);
            found.ids.push(document.id);
        }
        found.ids.sort();
        Ok(found)
    }
}

/// The vendor's last detail, without codes. `None`: the vendor was not asked.
fn detail_json(seal_use: &SealUse) -> Option<Value> {
    let text = provider::without_codes(seal_use.detail.as_deref()?);
    let detail = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "text": text }));
    Some(json!({ "sealUse": seal_use.id, "detailAt": seal_use.detail_at, "detail": detail }))
}

/// Returns the state of the flow that a manifest records.
pub(super) fn recorded_state(flow: &Flow) -> FlowState {
    if flow.state == FlowState::Withdrawn { FlowState::Withdrawn } else { FlowState::Archived }
}

/// The starter, without the state of the login: that is no evidence.
fn starter_json(user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.username,
        "displayName": user.display_name,
        "roles": user.roles,
        "employeeNo": user.employee_no,
        "mobile": user.mobile,
        "manager": user.manager,
        "disabled": user.disabled,
        "createdAt": user.created_at,
    })
}

fn flow_json(flow: &Flow) -> Value {
    json!({
        "id": flow.id,
        "serialNo": flow.serial_no,
        "state": recorded_state(flow),
        "definitionId": flow.definition_id,
        "version": flow.version,
        "title": flow.title,
        "starter": flow.starter,
        "form": serde_json::from_str::<Value>(&flow.form).unwrap_or_default(),
        "createdAt": flow.created_at,
    })
}

/// With grants and photos, but without seal codes: they open the boxes.
async fn seal_use_json(tx: &mut Tx, seal_use: &SealUse) -> Result<Value, DbError> {
    let grants: Vec<Value> = Grant::of_seal_use(&mut *tx, &seal_use.id)
        .await?
        .into_iter()
        .map(|grant| {
            json!({
                "id": grant.id, "vendorId": grant.vendor_id, "seal": grant.seal, "deviceNo": grant.device_no, "owner": grant.owner,
                "user": grant.user_name, "contact": grant.contact, "number": grant.number,
                "username": grant.username, "employeeNo": grant.employee_no,
                "applied": grant.applied, "authorised": grant.authorised(), "used": grant.used, "left": grant.left_count, "complete": grant.complete,
            })
        })
        .collect();
    let photos: Vec<Value> = Photo::of_seal_use(&mut *tx, &seal_use.id)
        .await?
        .into_iter()
        .map(|photo| {
            json!({
                "id": photo.id, "photokey": photo.photokey, "kind": photo.kind, "grantId": photo.grant_id, "source": photo.source,
                "position": photo.position, "state": photo.state, "blake3": photo.original_hash, "no": photo.no, "vendorAt": photo.vendor_at, "exifAt": photo.exif_at,
                "receivedAt": photo.received_at, "clockDoubt": photo.clock_doubt, "confirmation": photo.confirmation,
                "listedAt": photo.listed_at, "suppliedBy": photo.supplied_by, "suppliedAt": photo.supplied_at,
                "acceptance": photo.acceptance.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()),
            })
        })
        .collect();
    Ok(json!({
        "id": seal_use.id, "serviceId": seal_use.service_id, "no": seal_use.no, "serialNo": seal_use.serial_no,
        "businessId": seal_use.business_id, "status": seal_use.status, "endedAt": seal_use.ended_at, "superseded": seal_use.superseded,
        "application": serde_json::from_str::<Value>(&seal_use.application).unwrap_or_default(),
        "grants": grants, "photos": photos,
    }))
}

/// What a document's row has besides.
#[derive(Debug, sqlx::FromRow)]
struct Placed {
    id: DocumentId,
    position: Option<i64>,
    created_by: String,
    created_at: Timestamp,
}

fn document_json(document: &Document, placed: &Placed, folder: Option<&String>) -> Result<Value, DbError> {
    let mut value = serde_json::to_value(document).map_err(|error| DbError::Encode(error.into()))?;
    if let Some(members) = value.as_object_mut() {
        // Each check of the original changes it, and no check changes the state of the flow.
        members.remove("checkedAt");
    }
    value["position"] = json!(placed.position);
    value["createdBy"] = json!(placed.created_by);
    value["createdAt"] = json!(placed.created_at);
    value["storeKey"] = json!(document.store_key);
    value["folder"] = json!(folder);
    Ok(value)
}
