//! The manifest of an archived or withdrawn flow: an object beside the originals with all data to restore the flow's rows.

use serde::Serialize;
use serde_json::{Value, json};

use super::by_hand::Accepted;
use crate::{
    app::App,
    clock::Timestamp,
    db::DbError,
    definition::{Body, Definition},
    flow::{
        Flow, FlowState,
        approval::{self, Approval},
        event::{self, Event},
        manifest::Recorded,
    },
    id::DocumentId,
    library::{
        document::{CountedDocuments, Document},
        folder::Folder,
    },
    photo::{Photo, kind::PhotoKind},
    seal_use::{Grant, SealUse},
    user::User,
};

/// The format version. It increases if a reader of the old format would misread the new one.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    format: u32,
    pub(super) n: u32,
    /// The flow's last change. Equal states give equal bytes. So an abandoned run whose object arrives late cannot
    /// overwrite a different manifest.
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
    #[serde(skip)]
    recorded: Recorded,
    #[serde(skip)]
    document_ids: Vec<DocumentId>,
    /// Documents without the unconfirmed photos.
    #[serde(skip)]
    counted: CountedDocuments,
}

impl Manifest {
    pub(super) async fn of(app: &App, flow: &Flow) -> Result<Self, DbError> {
        let db = &app.db;
        let definition = Definition::version(db, &flow.definition_id, flow.version).await?.body;
        let mut seal_uses = Vec::new();
        for seal_use in SealUse::of_flow(db, &flow.id).await? {
            seal_uses.push(seal_use_json(app, &seal_use).await?);
        }
        let (mut documents, mut document_ids) = (Vec::new(), Vec::new());
        let mut counted = CountedDocuments { all: 0, photos: 0, told: 0 };
        for document in Document::of_flow(db, &flow.id).await? {
            if !document.is_unconfirmed() {
                counted.all += 1;
                counted.photos += i64::from(document.photo.photo_id.is_some());
                counted.told += i64::from(document.photo.kind.as_deref() != Some(PhotoKind::Unknown.as_str()));
            }
            document_ids.push(document.id.clone());
            documents.push(document_json(app, &document).await?);
        }
        document_ids.sort();
        let mut tx = db.begin().await?;
        let missing_accepted = Accepted::of_flow(&mut tx, &flow.id).await?;
        tx.commit().await?;
        let recorded = Recorded::of(db, &flow.id).await?;
        Ok(Self {
            format: FORMAT,
            n: u32::try_from(flow.manifest_no + 1).unwrap_or(u32::MAX),
            as_of: flow.updated_at,
            flow: flow_json(flow),
            definition,
            starter: User::named(db, &flow.starter).await?.as_ref().map(starter_json),
            approvals: approval::of_flow(db, &flow.id).await?,
            seal_uses,
            documents,
            missing_accepted,
            events: event::of_flow(db, &flow.id).await?,
            recorded,
            document_ids,
            counted,
        })
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
async fn seal_use_json(app: &App, seal_use: &SealUse) -> Result<Value, DbError> {
    let grants: Vec<Value> = Grant::of_seal_use(&app.db, &seal_use.id)
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
    let photos: Vec<Value> = Photo::of_seal_use(&app.db, &seal_use.id)
        .await?
        .into_iter()
        .map(|photo| {
            json!({
                "id": photo.id, "photokey": photo.photokey, "kind": photo.kind, "grantId": photo.grant_id, "source": photo.source,
                "position": photo.position, "state": photo.state, "blake3": photo.original_hash, "no": photo.no, "vendorAt": photo.vendor_at, "exifAt": photo.exif_at,
                "receivedAt": photo.received_at, "clockDoubt": photo.clock_doubt, "confirmation": photo.confirmation,
                "suppliedBy": photo.supplied_by, "suppliedAt": photo.supplied_at,
                "acceptance": photo.acceptance.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()),
            })
        })
        .collect();
    Ok(json!({
        "id": seal_use.id, "serviceId": seal_use.service_id, "no": seal_use.no, "serialNo": seal_use.serial_no,
        "businessId": seal_use.business_id, "status": seal_use.status, "endedAt": seal_use.ended_at,
        "application": serde_json::from_str::<Value>(&seal_use.application).unwrap_or_default(),
        "grants": grants, "photos": photos,
    }))
}

async fn document_json(app: &App, document: &Document) -> Result<Value, DbError> {
    let mut value = serde_json::to_value(document).map_err(|error| DbError::Encode(error.into()))?;
    let (position, created_by, created_at): (Option<i64>, String, Timestamp) =
        crate::db::sql("SELECT position, created_by, created_at FROM documents WHERE id = $1")
            .bind(&document.id)
            .one(&app.db)
            .await?;
    value["position"] = json!(position);
    value["createdBy"] = json!(created_by);
    value["createdAt"] = json!(created_at);
    value["storeKey"] = json!(document.store_key);
    value["folder"] = json!(Folder::path(&app.db, &document.folder_id).await?);
    Ok(value)
}
