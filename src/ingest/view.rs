//! The view of an ingest in the API.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::FromRow;

use crate::seal_use::ingest::{Ingest, IngestState, Trigger};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, placeholders, sql},
    hash::Blake3,
    id::{DocumentId, FlowId, GrantId, IngestId, PhotoId, SealUseId},
    photo::{PhotoState, confirmation::Confirmation, key, kind::PhotoKind},
    seal_use::{
        Grant,
        counts::{self, Tally},
    },
    user::User,
};

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngestView {
    pub id: IngestId,
    pub flow_id: FlowId,
    pub business_id: Option<String>,
    pub trigger: Trigger,
    pub state: IngestState,
    /// Number of known photos, plus the stampings that the device counted beyond them. Unconfirmed photos are in no count.
    pub expected: i64,
    /// Number of photos whose bytes are stored.
    pub received: i64,
    /// Number of photos whose bytes were stored already before they arrived.
    pub duplicates: i64,
    /// Number of parked photos.
    pub failed: i64,
    /// Total bytes of the received photos.
    pub bytes: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    pub error: Option<String>,
    /// All photos of the seal use. Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photos: Option<Vec<PhotoView>>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhotoView {
    pub id: PhotoId,
    /// Null if the photo shows a face, or may show one, and the caller may not see it. So are document and hash.
    pub photokey: Option<String>,
    pub kind: PhotoKind,
    pub grant_id: Option<GrantId>,
    /// The person of the grant as the vendor names them.
    pub user: Option<String>,
    /// The user for whom the grant was asked.
    pub username: Option<String>,
    pub employee_no: Option<String>,
    pub state: PhotoState,
    pub confirmation: Confirmation,
    /// Number of failed tries.
    pub attempts: i64,
    /// The error of the last failed try. Null after the bytes are stored.
    pub error: Option<PhotoError>,
    pub document_id: Option<DocumentId>,
    pub blake3: Option<Blake3>,
    /// The user that supplied the photo. Null if the photo came from the vendor.
    pub supplied_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub supplied_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PhotoError {
    pub code: String,
    pub detail: String,
}

/// Reads a page of ingests without their photos, as `user` may see them. Three queries serve a page of any length.
pub async fn without_photos(db: &Db, ingests: Vec<Ingest>, user: &User) -> Result<Vec<IngestView>, DbError> {
    let ids: Vec<&SealUseId> = ingests.iter().map(|ingest| &ingest.seal_use_id).collect();
    let heads: HashMap<SealUseId, Head> = heads(db, &ids).await?;
    let (grants, tallies) = (Grant::of_seal_uses(db, &ids).await?, counts::tallies(db, &ids).await?);
    let view = |ingest: Ingest| {
        let head = heads.get(&ingest.seal_use_id).ok_or(DbError::RowNotFound)?;
        let own = |id: &SealUseId| *id == ingest.seal_use_id;
        let grants: Vec<Grant> = grants.iter().filter(|grant| own(&grant.seal_use_id)).cloned().collect();
        let tallies: Vec<Tally> = tallies.iter().filter(|tally| own(&tally.seal_use_id)).cloned().collect();
        let sum = counts::count(&grants, &tallies).sum;
        Ok(IngestView {
            id: ingest.id,
            flow_id: head.flow_id.clone(),
            business_id: head.business_id.clone(),
            trigger: ingest.cause,
            state: ingest.state,
            expected: head.received + sum.missing,
            received: head.received,
            duplicates: ingest.duplicates,
            failed: head.failed,
            bytes: ingest.bytes,
            next_attempt_at: ingest.next_at,
            // The entries of a zip are named by the keys of photos, those of faces, too.
            error: ingest.error.map(|error| if user.reads_all() { error } else { key::hidden(&error) }),
            photos: None,
        })
    };
    ingests.into_iter().map(view).collect()
}

/// The values that an ingest shows of its seal use.
#[derive(FromRow)]
struct Head {
    id: SealUseId,
    flow_id: FlowId,
    business_id: Option<String>,
    received: i64,
    failed: i64,
}

async fn heads(db: &Db, ids: &[&SealUseId]) -> Result<HashMap<SealUseId, Head>, DbError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = format!(
        "SELECT s.id, s.flow_id, s.business_id, COUNT(CASE WHEN p.confirmation <> 'unconfirmed' THEN p.original_hash END) AS received,
           COUNT(CASE WHEN p.state = 'failed' THEN 1 END) AS failed
         FROM seal_uses s LEFT JOIN photos p ON p.seal_use_id = s.id WHERE s.id IN {}
         GROUP BY s.id, s.flow_id, s.business_id",
        placeholders(1, ids.len())
    );
    let rows: Vec<Head> = sql(statement).bind_all(ids.iter().copied()).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

/// Reads one ingest with its photos, as `user` may see them.
pub async fn with_photos(db: &Db, ingest: Ingest, user: &User) -> Result<IngestView, DbError> {
    let rows: Vec<PhotoViewRow> = sql("SELECT p.id, p.confirmation, p.photokey, p.kind, p.grant_id, g.user_name, g.username, g.employee_no,
           CASE WHEN p.confirmation = 'unconfirmed' THEN 'unconfirmed' ELSE p.state END AS state, p.attempts, p.error_code, p.error_detail, p.original_hash, p.supplied_by, p.supplied_at,
           (SELECT MAX(d.id) FROM documents d WHERE d.photo_id = p.id AND d.original_hash = p.original_hash) AS document_id
         FROM photos p LEFT JOIN grants g ON g.id = p.grant_id WHERE p.seal_use_id = $1 ORDER BY p.position, p.id")
        .bind(&ingest.seal_use_id)
        .all(db)
        .await?;
    let view = without_photos(db, vec![ingest], user).await?.pop().ok_or(DbError::RowNotFound)?;
    Ok(IngestView { photos: Some(rows.into_iter().map(|row| row.seen_by(user)).collect()), ..view })
}

#[derive(FromRow)]
struct PhotoViewRow {
    id: PhotoId,
    #[sqlx(try_from = "String")]
    confirmation: Confirmation,
    photokey: Option<String>,
    #[sqlx(try_from = "String")]
    kind: PhotoKind,
    grant_id: Option<GrantId>,
    user_name: Option<String>,
    username: Option<String>,
    employee_no: Option<String>,
    #[sqlx(try_from = "String")]
    state: PhotoState,
    attempts: i64,
    error_code: Option<String>,
    error_detail: Option<String>,
    original_hash: Option<Blake3>,
    document_id: Option<DocumentId>,
    supplied_by: Option<String>,
    supplied_at: Option<Timestamp>,
}

impl PhotoViewRow {
    fn seen_by(self, user: &User) -> PhotoView {
        let hidden = self.kind.is_private() && !user.reads_all();
        // The vendor's message may name the key.
        let detail = self.error_detail.filter(|_| !hidden).unwrap_or_default();
        PhotoView {
            id: self.id,
            photokey: self.photokey.filter(|_| !hidden),
            kind: self.kind,
            grant_id: self.grant_id,
            user: self.user_name,
            username: self.username,
            employee_no: self.employee_no,
            state: self.state,
            confirmation: self.confirmation,
            attempts: self.attempts,
            error: self.error_code.map(|code| PhotoError { code, detail }),
            document_id: self.document_id.filter(|_| !hidden),
            blake3: self.original_hash.filter(|_| !hidden),
            supplied_by: self.supplied_by,
            supplied_at: self.supplied_at,
        }
    }
}
