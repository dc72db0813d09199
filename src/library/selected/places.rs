//! Where selected documents are: it decides which users may have them.

use std::collections::{BTreeMap, HashSet};

use sqlx::FromRow;

use super::{PIECE, among, in_pieces};
use crate::{
    db::{Db, DbError, filter::Filtered, sql},
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId},
    library::{
        rights::{Sight, downloads, no_faces},
        trash,
    },
};

/// A place. All documents of a place have the same rights.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub struct RightsPlace {
    pub folder_id: FolderId,
    pub shelf: String,
    pub flow_id: Option<FlowId>,
    /// Its documents show a face, or may show one.
    pub private: bool,
    pub trashed: bool,
}

const PLACE: &str = "d.folder_id, d.shelf, d.flow_id, COALESCE(d.kind, '') IN ('face', 'unknown') AS private,
  d.deleted_at IS NOT NULL AS trashed FROM documents d";

impl RightsPlace {
    /// Returns the name by which the bundles of its documents are found: the flow, else the folder.
    #[must_use]
    pub fn name(&self) -> &str {
        self.flow_id.as_ref().map_or(self.folder_id.as_str(), FlowId::as_str)
    }
}

/// The places of some documents, with one document of each.
pub type Places = BTreeMap<RightsPlace, DocumentId>;

#[derive(FromRow)]
struct Counted {
    #[sqlx(flatten)]
    place: RightsPlace,
    first: DocumentId,
    documents: i64,
}

/// Returns the places of the documents, also of those in the trash. `None`: one of them does not exist any more.
pub async fn of_ids(db: &Db, ids: &[DocumentId]) -> Result<Option<Places>, DbError> {
    let text = format!("SELECT MIN(d.id) AS first, COUNT(*) AS documents, {PLACE}");
    let statement = |piece: &[DocumentId]| among(Filtered::new(&text), piece).then("GROUP BY 3, 4, 5, 6, 7");
    let ids: Vec<DocumentId> = ids.iter().collect::<HashSet<_>>().into_iter().cloned().collect();
    let counted: Vec<Counted> = in_pieces(db, &ids, statement).await?;
    let found: i64 = counted.iter().map(|one| one.documents).sum();
    let places = counted.into_iter().map(|one| (one.place, one.first)).collect();
    Ok((usize::try_from(found) == Ok(ids.len())).then_some(places))
}

/// A document of a flow, with its place.
#[derive(Clone, Debug, FromRow)]
pub struct DocumentPlace {
    pub id: DocumentId,
    pub blake3: Blake3,
    #[sqlx(flatten)]
    pub place: RightsPlace,
}

impl DocumentPlace {
    /// Returns the places of all documents of a flow, also of those in the trash.
    pub async fn of_flow(db: &Db, flow: &FlowId) -> Result<Vec<Self>, DbError> {
        sql(format!("SELECT d.id, d.original_hash AS blake3, {PLACE} WHERE d.flow_id = $1 ORDER BY d.id"))
            .bind(flow)
            .all(db)
            .await
    }
}

/// Returns true if the user may have each of these documents now: download it, or manage the place from which it went to
/// the trash.
pub async fn may_have_all(db: &Db, ids: &[DocumentId], sight: &Sight) -> Result<bool, DbError> {
    let mut others: Vec<DocumentId> = Vec::new();
    for piece in ids.chunks(PIECE) {
        let mut filtered = among(Filtered::new("SELECT d.id FROM documents d"), piece).when("d.deleted_at IS NULL");
        let downloads = downloads(&mut filtered, sight.user());
        let held: HashSet<DocumentId> = filtered.when(&downloads).end().scalars(db).await?.into_iter().collect();
        others.extend(piece.iter().filter(|id| !held.contains(*id)).cloned());
    }
    are_managed(db, &others, sight).await
}

/// Returns true if the documents are in the trash, alone or with a folder, and the user manages where they came from.
async fn are_managed(db: &Db, ids: &[DocumentId], sight: &Sight) -> Result<bool, DbError> {
    for piece in ids.chunks(PIECE) {
        let text = "SELECT COUNT(*) FROM documents d JOIN folders f ON f.id = d.folder_id
             JOIN trash t ON t.id = CASE WHEN d.deleted_at IS NULL THEN f.trash_id ELSE d.id END";
        let mut filtered = among(Filtered::new(text), piece).when("t.tombstone IS NULL");
        let manages = trash::manages(&mut filtered, sight);
        filtered = filtered.when(&manages);
        if let Some(no_faces) = no_faces(&mut filtered, sight.user()) {
            filtered = filtered.when(&no_faces);
        }
        let found: i64 = filtered.end().scalar(db).await?;
        if usize::try_from(found) != Ok(piece.len()) {
            return Ok(false);
        }
    }
    Ok(true)
}
