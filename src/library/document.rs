//! A document: an entry in a folder with a name, an original and a source. It may be an attachment of a form field.

pub mod act;
pub mod name;
pub mod shelf;
pub mod shown;
pub mod sort_key;

use serde::Serialize;
use sqlx::FromRow;

pub use self::act::{rename, trash};
use self::shelf::HiddenShelf;
use crate::{
    clock::Timestamp,
    db::{Db, DbError, On, Tx, filter::Filtered, folded, padded, sql},
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId, PhotoId},
    library::rights::{Right, Rights, Sight, sees},
    photo::{confirmation::Confirmation, kind::PhotoKind},
    user::User,
    vocabulary::words,
};

words! {
    DocumentSource { Photo = "photo", Upload = "upload", Copy = "copy" }
}

words! {
    DeliveryState {
        Queued = "queued",
        Sending = "sending",
        Sent = "sent",
        /// The vendor refused the file, and the service sends it again by itself. Or the vendor takes no such files.
        Failed = "failed",
        /// The answer was lost, so the vendor may have the file. The service does not send it again without a user.
        Unknown = "unknown",
    }
}

/// A document that is not written yet.
#[derive(Clone, Debug)]
pub struct NewDocument {
    pub folder: FolderId,
    /// Several documents in a folder may have one name.
    pub name: String,
    pub original: Blake3,
    pub source: DocumentSource,
    pub flow: Option<FlowId>,
    pub field: Option<String>,
    pub photo: Option<PhotoId>,
    pub by: String,
}

impl NewDocument {
    /// Writes the row as the last in its field. The folder decides which users see the document. Afterwards call
    /// [`add`](super::search_terms::add), so that searches find the name.
    pub async fn insert(&self, tx: &mut Tx, now: Timestamp) -> Result<DocumentId, DbError> {
        self.insert_on(tx, None, now).await
    }

    /// Writes the row of a document that only its flow shows.
    pub async fn insert_hidden(&self, tx: &mut Tx, place: HiddenShelf, now: Timestamp) -> Result<DocumentId, DbError> {
        self.insert_on(tx, Some(place), now).await
    }

    async fn insert_on(&self, tx: &mut Tx, hidden: Option<HiddenShelf>, now: Timestamp) -> Result<DocumentId, DbError> {
        let id = DocumentId::new();
        let written = sql("INSERT INTO documents (id, folder_id, shelf, name, folded_names, original_hash, source, flow_id, field_key, position,
               photo_id, kind, seal, user_name, username, received_at, taken_key, name_key, bytes, created_by, created_at)
             SELECT $1, f.id, COALESCE($12, 'folder'), $3, $11, $4, $5, $6, $7,
               (SELECT COALESCE(MAX(position), 0) + 1 FROM documents WHERE flow_id = $6 AND field_key = $7), $8,
               p.kind, g.seal, g.user_name, g.username, COALESCE(p.received_at, $10),
               CASE WHEN p.exif_at IS NULL OR p.clock_doubt THEN COALESCE(p.received_at, $10) ELSE p.exif_at END, $13,
               (SELECT bytes FROM originals WHERE hash = $4), $9, $10
             FROM folders f LEFT JOIN photos p ON p.id = $8 LEFT JOIN grants g ON g.id = p.grant_id
             WHERE f.id = $2 AND f.trash_id IS NULL {for_share_of_f}")
            .bind(&id)
            .bind(&self.folder)
            .bind(&self.name)
            .bind(&self.original)
            .bind(self.source)
            .bind(self.flow.as_ref())
            .bind(self.field.clone())
            .bind(self.photo.as_ref())
            .bind(&self.by)
            .bind(now)
            .bind(folded_names(&self.name, None))
            .bind(hidden.map(HiddenShelf::as_str))
            .bind(sort_key::of_name(&self.name))
            .execute(tx)
            .await?;
        // The folder may have gone to the trash meanwhile. A later try makes it anew.
        if written == 1 { Ok(id) } else { Err(DbError::RowNotFound) }
    }
}

/// How many names of a document searches know.
const NAMES: usize = 20;

/// Returns the folded name with the earlier ones, the newest first. `None` if it is the name in lower case, which the
/// engines compute.
pub(super) fn folded_names(name: &str, known: Option<&str>) -> Option<String> {
    let new = folded(name);
    let earlier = known.into_iter().flat_map(str::lines).filter(|line| *line != new);
    let names: Vec<&str> = std::iter::once(new.as_str()).chain(earlier).take(NAMES).collect();
    Some(names.join("\n")).filter(|names| *names != name.to_ascii_lowercase())
}

/// Takes a document out of its field. It stays a document of its flow.
pub async fn leave_field(tx: &mut Tx, id: &DocumentId) -> Result<(), DbError> {
    sql("UPDATE documents SET field_key = NULL, position = NULL WHERE id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// A document with its original and, for a photo, its origin.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    pub id: DocumentId,
    pub folder_id: FolderId,
    pub name: String,
    /// Size of the original in bytes.
    pub bytes: i64,
    /// Detected from the content, never from the name.
    pub mime: String,
    /// Pixels as stored, before the EXIF orientation is applied.
    pub width: Option<i64>,
    pub height: Option<i64>,
    pub blake3: Blake3,
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
    /// Null until the flow is archived.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sm3: Option<String>,
    /// CRC-32 as in zip files.
    #[schema(minimum = 0, maximum = 4_294_967_295_i64)]
    pub crc32: i64,
    #[sqlx(try_from = "String")]
    pub source: DocumentSource,
    pub flow_id: Option<FlowId>,
    pub field_key: Option<String>,
    #[sqlx(flatten)]
    #[schema(value_type = Option<PhotoPart>)]
    pub photo: PhotoPart,
    /// The time of the camera (EXIF). Null if the picture has none.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub taken_at: Option<Timestamp>,
    /// The day of upload at the vendor.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub vendor_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// True: the time of the camera cannot be right.
    pub clock_doubt: bool,
    /// False: the bytes end before the picture does.
    pub complete: bool,
    /// Delivery of a stamped file or a supplied photo to the vendor: queued, sending, sent, failed or unknown. Null:
    /// the document is not sent.
    #[schema(value_type = Option<DeliveryState>)]
    pub vendor_state: Option<String>,
    pub vendor_error: Option<String>,
    /// When the bytes were last read and compared with their hashes.
    #[schema(value_type = String, format = DateTime)]
    pub checked_at: Timestamp,
    /// Why there are no thumbnails. Null if there are thumbnails.
    pub undecodable: Option<String>,
    /// The space and the names of the folders, such as `public/用印/2026`. `…` stands for a folder that the caller may
    /// not see.
    #[sqlx(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The number of photos with this content, in all flows.
    #[sqlx(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copies: Option<i64>,
    /// What the caller may do with the document.
    #[sqlx(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Right>>)]
    pub can: Option<Rights>,
    /// The shelf of the row: `folder`, or why only the flow shows the document.
    #[serde(skip)]
    pub shelf: String,
    #[serde(skip)]
    pub folder_shelf: String,
    #[serde(skip)]
    pub store_key: String,
    #[serde(skip)]
    pub ext: String,
}

/// The photo of a document. Null for other documents.
#[derive(Clone, Debug, FromRow, utoipa::ToSchema)]
#[schema(as = DocumentPhoto, rename_all = "camelCase")]
pub struct PhotoPart {
    #[schema(value_type = PhotoId)]
    pub photo_id: Option<PhotoId>,
    pub photokey: Option<String>,
    #[schema(value_type = Option<PhotoKind>)]
    pub kind: Option<String>,
    pub seal: Option<String>,
    /// The person as the vendor names them.
    #[schema(rename = "user")]
    pub user_name: Option<String>,
    /// The user for whom the grant was asked.
    pub username: Option<String>,
    pub employee_no: Option<String>,
    pub business_id: Option<String>,
    pub no: Option<i64>,
    /// An unconfirmed photo is in no count.
    #[schema(value_type = Confirmation, rename = "state")]
    #[sqlx(rename = "photo_state")]
    pub confirmation: Option<String>,
    /// The user that supplied the photo. Null if the photo came from the vendor.
    pub supplied_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub supplied_at: Option<Timestamp>,
}

impl Serialize for PhotoPart {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let Some(photo) = &self.photo_id else {
            return serializer.serialize_none();
        };
        let mut map = serializer.serialize_map(Some(10))?;
        map.serialize_entry("photoId", photo)?;
        map.serialize_entry("photokey", &self.photokey)?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("seal", &self.seal)?;
        map.serialize_entry("user", &self.user_name)?;
        map.serialize_entry("username", &self.username)?;
        map.serialize_entry("employeeNo", &self.employee_no)?;
        map.serialize_entry("businessId", &self.business_id)?;
        map.serialize_entry("no", &self.no)?;
        map.serialize_entry("state", &self.confirmation)?;
        map.serialize_entry("suppliedBy", &self.supplied_by)?;
        map.serialize_entry("suppliedAt", &self.supplied_at)?;
        map.end()
    }
}

pub(super) const SELECT: &str =
    "SELECT d.id, d.folder_id, d.name, o.bytes, o.mime, o.width, o.height, o.hash AS blake3, o.sha256, o.sm3, o.crc32,
  d.source, d.flow_id, d.field_key, p.id AS photo_id, p.photokey, d.kind, d.seal, d.user_name, d.username, g.employee_no, s.business_id, p.no, p.confirmation AS photo_state,
  p.supplied_by, p.supplied_at, p.exif_at AS taken_at, p.vendor_at, d.received_at, COALESCE(p.clock_doubt, FALSE) AS clock_doubt, o.complete, o.undecodable, o.checked_at,
  o.store_key, o.ext, v.state AS vendor_state, v.error AS vendor_error, d.shelf, fo.shelf AS folder_shelf
  FROM documents d JOIN originals o ON o.hash = d.original_hash JOIN folders fo ON fo.id = d.folder_id LEFT JOIN photos p ON p.id = d.photo_id
  LEFT JOIN seal_uses s ON s.id = p.seal_use_id LEFT JOIN grants g ON g.id = p.grant_id LEFT JOIN dispatches v ON v.document_id = d.id";

/// How many documents of a flow the archive counts: all but those of photos that the vendor has not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct CountedDocuments {
    pub all: i64,
    /// Those of photos.
    pub photos: i64,
    /// All but photos of an unknown kind.
    pub of_known_kind: i64,
}

impl CountedDocuments {
    pub async fn of_flow(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Self, DbError> {
        sql("SELECT COUNT(*) AS \"all\", COUNT(d.photo_id) AS photos,
               COUNT(CASE WHEN COALESCE(d.kind, '') <> 'unknown' THEN 1 END) AS of_known_kind
             FROM documents d WHERE d.flow_id = $1 AND d.deleted_at IS NULL AND NOT EXISTS (
               SELECT 1 FROM photos p WHERE p.id = d.photo_id AND p.confirmation = 'unconfirmed')")
        .bind(flow)
        .one(on)
        .await
    }
}

impl Document {
    pub async fn find(on: impl Into<On<'_>>, id: &DocumentId) -> Result<Option<Self>, DbError> {
        sql(format!("{SELECT} WHERE d.id = $1 AND d.deleted_at IS NULL")).bind(id).optional(on).await
    }

    /// Returns all documents of a flow by field. Photos are in the order of their running numbers, files in upload
    /// order.
    pub async fn of_flow(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Vec<Self>, DbError> {
        // The engines sort NULL differently.
        let order = "CASE WHEN d.field_key IS NULL THEN 1 ELSE 0 END, d.field_key, CASE WHEN p.no IS NULL THEN 1 ELSE 0 END, p.no, d.position, d.id";
        sql(format!("{SELECT} WHERE d.flow_id = $1 AND d.deleted_at IS NULL ORDER BY {order}")).bind(flow).all(on).await
    }

    /// Returns true if the document is a photo that the vendor has not confirmed.
    #[must_use]
    pub fn is_unconfirmed(&self) -> bool {
        self.photo.confirmation.as_deref() == Some(Confirmation::Unconfirmed.as_str())
    }

    /// Returns the ids of a flow's documents. Callers must not depend on the order.
    pub async fn ids_of_flow(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Vec<DocumentId>, DbError> {
        sql("SELECT id FROM documents WHERE flow_id = $1 AND deleted_at IS NULL ORDER BY id")
            .bind(flow)
            .scalars(on)
            .await
    }

    /// Returns the documents with the bytes of this photo: one for each version.
    pub async fn of_photo(on: impl Into<On<'_>>, photo: &PhotoId) -> Result<Vec<Self>, DbError> {
        sql(format!("{SELECT} WHERE d.photo_id = $1 AND d.deleted_at IS NULL ORDER BY d.id")).bind(photo).all(on).await
    }

    /// Returns the document if the user may see it, by its folder or as a participant of its flow.
    pub async fn find_visible(db: &Db, id: &DocumentId, user: &User) -> Result<Option<Self>, DbError> {
        let sight = Sight::of(db, user).await?;
        let found = Self::seen(db, std::slice::from_ref(id), &sight).await?.pop();
        let mut found: Vec<Self> = found.into_iter().collect();
        shown::complete(db, &mut found, &sight).await?;
        Ok(found.pop())
    }

    /// Returns those of `ids` that are not in the trash and that the user may see, in no order.
    pub async fn seen(on: impl Into<On<'_>>, ids: &[DocumentId], sight: &Sight) -> Result<Vec<Self>, DbError> {
        let mut filtered = Filtered::new(SELECT).when("d.deleted_at IS NULL");
        let list: Vec<String> = padded(ids).into_iter().map(|id| filtered.arg(&id)).collect();
        let sees = sees(&mut filtered, sight.user());
        filtered.when(&format!("d.id IN ({})", list.join(", "))).when(&sees).end().all(on).await
    }

    /// Returns true for a photo of a face, or of an unknown kind: it may show one.
    #[must_use]
    pub fn is_face(&self) -> bool {
        let kind = self.photo.kind.as_deref().and_then(|kind| kind.parse::<PhotoKind>().ok());
        kind.is_some_and(PhotoKind::is_private)
    }

    /// Returns true if the document belongs to a flow. It is evidence then.
    #[must_use]
    pub const fn is_evidence(&self) -> bool {
        self.flow_id.is_some()
    }
}
