//! The selected documents, with what a bundle gives of them.

use std::collections::{BTreeSet, HashMap};

use sqlx::FromRow;

use super::{among, in_pieces, places::RightsPlace};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, filter::Filtered},
    hash::Blake3,
    id::{DocumentId, FlowId},
    library::{
        document::shown::{by_folder, flows_of},
        folder::shown::paths,
        rights::{Right, Sight, sees},
    },
};

/// A selected document. A bundle can have hundreds of thousands, so it has no more than a bundle needs.
#[derive(Clone, Debug, FromRow)]
pub struct SelectedDocument {
    pub id: DocumentId,
    /// Below the selected folder: empty, or with `/` at its end. The list of a selection fills it.
    #[sqlx(skip)]
    pub folder: String,
    pub name: String,
    pub blake3: Blake3,
    pub bytes: i64,
    pub crc32: i64,
    pub store_key: String,
    pub received_at: Timestamp,
    /// It is a photo that the vendor has not confirmed.
    pub unconfirmed: bool,
    #[sqlx(flatten)]
    pub place: RightsPlace,
    folder_shelf: String,
    /// True: the user may read the bytes. False: the user sees the document alone.
    #[sqlx(skip)]
    pub downloads: bool,
}

const SELECT: &str = "SELECT d.id, d.name, d.original_hash AS blake3, o.bytes, o.crc32, o.store_key, d.received_at,
  COALESCE(p.confirmation, '') = 'unconfirmed' AS unconfirmed, fo.shelf AS folder_shelf,
  d.folder_id, d.shelf, d.flow_id, COALESCE(d.kind, '') IN ('face', 'unknown') AS private, FALSE AS trashed
  FROM documents d JOIN originals o ON o.hash = d.original_hash JOIN folders fo ON fo.id = d.folder_id
  LEFT JOIN photos p ON p.id = d.photo_id";

/// Returns those of `ids` that exist and that the user may see, in the order of `ids`, each once.
pub async fn of_ids(db: &Db, ids: &[DocumentId], sight: &Sight) -> Result<Vec<SelectedDocument>, DbError> {
    let mut found = seen(db, ids, sight).await?;
    let place: HashMap<&DocumentId, usize> = ids.iter().enumerate().map(|(at, id)| (id, at)).collect();
    found.sort_by_cached_key(|one| place.get(&one.id).copied());
    found.dedup_by(|one, other| one.id == other.id);
    Ok(found)
}

/// As [`of_ids`], in no order.
pub(super) async fn seen(db: &Db, ids: &[DocumentId], sight: &Sight) -> Result<Vec<SelectedDocument>, DbError> {
    let statement = |piece: &[DocumentId]| {
        let mut filtered = among(Filtered::new(SELECT).when("d.deleted_at IS NULL"), piece);
        let sees = sees(&mut filtered, sight.user());
        filtered.when(&sees).end()
    };
    let mut found: Vec<SelectedDocument> = in_pieces(db, ids, statement).await?;
    fill_downloads(db, &mut found, sight).await?;
    Ok(found)
}

/// Returns the documents of a flow by name. The caller has checked that the user may see the flow.
pub async fn of_flow(db: &Db, flow: &FlowId, sight: &Sight) -> Result<Vec<SelectedDocument>, DbError> {
    let mut filtered = Filtered::new(SELECT).and("d.flow_id =", Some(flow)).when("d.deleted_at IS NULL");
    let sees = sees(&mut filtered, sight.user());
    let mut found = filtered.when(&sees).then("ORDER BY d.name, d.id").all(db).await?;
    fill_downloads(db, &mut found, sight).await?;
    Ok(found)
}

/// Returns the documents of a flow's photos by running number. Versions of one photo are in the order of arrival. The
/// caller has checked that the user takes part in the flow.
pub async fn photos_of_flow(db: &Db, flow: &FlowId) -> Result<Vec<SelectedDocument>, DbError> {
    Filtered::new(SELECT)
        .and("d.flow_id =", Some(flow))
        .when("d.photo_id IS NOT NULL")
        .when("d.deleted_at IS NULL")
        .then("ORDER BY CASE WHEN p.no IS NULL THEN 1 ELSE 0 END, p.no, d.id")
        .all(db)
        .await
}

/// A document is downloaded by the right of its folder, or by a participant of its flow.
async fn fill_downloads(db: &Db, documents: &mut [SelectedDocument], sight: &Sight) -> Result<(), DbError> {
    let mut flows = BTreeSet::new();
    for document in &mut *documents {
        let rights = by_folder(&document.place.shelf, &document.folder_shelf, sight);
        document.downloads = rights.has(Right::Download);
        flows.extend(document.place.flow_id.as_ref().filter(|_| !document.downloads).cloned());
    }
    let known = flows_of(db, &flows.into_iter().collect::<Vec<_>>(), sight).await?;
    for document in documents {
        let flow = document.place.flow_id.as_ref();
        document.downloads |= flow.is_some_and(|flow| known.contains(flow.as_str()));
    }
    Ok(())
}

/// Fills the folders, without the first `above` parts of their paths.
pub(super) async fn name_folders(
    db: &Db,
    documents: &mut [SelectedDocument],
    above: usize,
    sight: &Sight,
) -> Result<(), DbError> {
    let folders: BTreeSet<_> = documents.iter().map(|document| &document.place.folder_id).collect();
    let paths = paths(db, &folders.into_iter().cloned().collect::<Vec<_>>(), sight).await?;
    let below = |path: &String| path.split('/').skip(above).flat_map(|name| [name, "/"]).collect();
    for document in documents {
        document.folder = paths.get(&document.place.folder_id).map(below).unwrap_or_default();
    }
    Ok(())
}
