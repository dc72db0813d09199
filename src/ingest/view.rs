//! An ingest as the API shows it.

use serde::Serialize;
use sqlx::FromRow;

use super::record::{Ingest, IngestState, Trigger};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, sql},
    hash::Blake3,
    id::{DocumentId, FlowId, GrantId, IngestId},
    photo::{PhotoState, kind::PhotoKind},
    seal_use::{Grant, SealUse, counts},
};

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngestView {
    pub id: IngestId,
    pub flow_id: FlowId,
    pub business_id: Option<String>,
    pub trigger: Trigger,
    pub state: IngestState,
    /// Photos known to exist, plus those the device counted beyond them.
    pub expected: i64,
    /// Photos whose bytes are stored.
    pub received: i64,
    /// Photos whose bytes were known already when they came.
    pub duplicates: i64,
    /// Parked photos.
    pub failed: i64,
    /// Bytes of photos that came in.
    pub bytes: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    pub error: Option<String>,
    /// All photos of the seal use; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photos: Option<Vec<PhotoView>>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhotoView {
    pub photokey: Option<String>,
    pub kind: PhotoKind,
    pub grant_id: Option<GrantId>,
    pub state: PhotoState,
    /// Tries that failed.
    pub attempts: i64,
    /// Of the last failed try; stays until the bytes are here.
    pub error: Option<PhotoError>,
    pub document_id: Option<DocumentId>,
    pub blake3: Option<Blake3>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PhotoError {
    pub code: String,
    pub detail: String,
}

pub async fn without_photos(db: &Db, ingest: Ingest) -> Result<IngestView, DbError> {
    let seal_use = SealUse::find(db, &ingest.seal_use_id).await?.ok_or(DbError::RowNotFound)?;
    let grants = Grant::of_seal_use(db, &ingest.seal_use_id).await?;
    let (_, sum) = counts::count(&grants, &counts::tally(db, &ingest.seal_use_id).await?);
    let (received, failed): (i64, i64) = sql(
        "SELECT COUNT(original_hash), COUNT(CASE WHEN state = 'failed' THEN 1 END) FROM photos WHERE seal_use_id = $1",
    )
    .bind(&ingest.seal_use_id)
    .one(db)
    .await?;
    Ok(IngestView {
        id: ingest.id,
        flow_id: seal_use.flow_id,
        business_id: seal_use.business_id,
        trigger: ingest.cause,
        state: ingest.state,
        expected: received + sum.missing,
        received,
        duplicates: ingest.duplicates,
        failed,
        bytes: ingest.bytes,
        next_attempt_at: ingest.next_at,
        error: ingest.error,
        photos: None,
    })
}

pub async fn with_photos(db: &Db, ingest: Ingest) -> Result<IngestView, DbError> {
    let rows: Vec<PhotoViewRow> = sql("SELECT p.photokey, p.kind, p.grant_id, p.state, p.attempts, p.error_code, p.error_detail, p.original_hash,
           (SELECT MAX(d.id) FROM documents d WHERE d.photo_id = p.id AND d.original_hash = p.original_hash) AS document_id
         FROM photos p WHERE p.seal_use_id = $1 ORDER BY p.position, p.id")
        .bind(&ingest.seal_use_id)
        .all(db)
        .await?;
    let view = without_photos(db, ingest).await?;
    Ok(IngestView { photos: Some(rows.into_iter().map(PhotoView::from).collect()), ..view })
}

#[derive(FromRow)]
struct PhotoViewRow {
    photokey: Option<String>,
    #[sqlx(try_from = "String")]
    kind: PhotoKind,
    grant_id: Option<GrantId>,
    #[sqlx(try_from = "String")]
    state: PhotoState,
    attempts: i64,
    error_code: Option<String>,
    error_detail: Option<String>,
    original_hash: Option<Blake3>,
    document_id: Option<DocumentId>,
}

impl From<PhotoViewRow> for PhotoView {
    fn from(row: PhotoViewRow) -> Self {
        let detail = row.error_detail.unwrap_or_default();
        Self {
            photokey: row.photokey,
            kind: row.kind,
            grant_id: row.grant_id,
            state: row.state,
            attempts: row.attempts,
            error: row.error_code.map(|code| PhotoError { code, detail }),
            document_id: row.document_id,
            blake3: row.original_hash,
        }
    }
}
