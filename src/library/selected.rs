//! Documents that a user selected, and what decides which users may have them.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{
    Space,
    document::{Document, SELECT, shown},
    folder::Folder,
    listing::{Listing, scope::ListScope, sort::Sort},
    rights::{Sight, downloads, no_faces, sees},
    search::{MediaType, Search, TooManyWords},
    trash,
};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, filter::Filtered, padded, sql},
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId},
    photo::kind::PhotoKind,
    user::User,
};

/// Ids in one statement.
const PIECE: usize = 1024;

/// The filters of the search. An absent member sets no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SelectionQuery {
    /// Words, or parts of them, as in the search of documents.
    #[schema(max_length = 1000)]
    pub q: Option<String>,
    pub flow_id: Option<FlowId>,
    pub seal: Option<String>,
    /// The username of the person who stamped.
    pub user: Option<String>,
    pub kind: Option<PhotoKind>,
    pub mime: Option<MediaType>,
    /// Received at this time or later.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Received before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    /// The BLAKE3, SHA-256 or SM3 hash of the original.
    pub hash: Option<Blake3>,
    /// true: only documents of flows that still owe photos.
    pub missing: bool,
}

impl SelectionQuery {
    /// `owing`: the flows that owe photos, if the query asks for them.
    fn search(&self, owing: Option<Vec<FlowId>>) -> Result<Search, TooManyWords> {
        let Self { q, flow_id, seal, user, kind, mime, from, to, hash, missing: _ } = self.clone();
        let q = q.as_deref().unwrap_or_default().parse()?;
        let hash = hash.as_ref().map(Into::into);
        let [seal, user] = [seal, user].map(|text| text.filter(|text| !text.is_empty()));
        Ok(Search { flow: flow_id, hash, kind, mime, q, seal, user, from, to, owing, ..Search::default() })
    }
}

/// A list of documents, and what of it is selected: `folderId`, `space` or all that the caller may see.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ListSelection {
    #[serde(rename = "folderId")]
    pub folder: Option<FolderId>,
    /// `personal` is the caller's own. Without `folderId`.
    pub space: Option<Space>,
    /// With all folders below. A space is always deep.
    pub deep: bool,
    pub query: SelectionQuery,
    /// The order of the list, for `between`. Default: `-receivedAt`.
    #[schema(value_type = Option<String>, pattern = "^-?(name|takenAt|receivedAt|bytes)$")]
    pub sort: Option<Sort>,
    /// Stretches of the list, both ends included. Empty: the whole list.
    #[schema(max_items = 10_000)]
    pub between: Vec<(DocumentId, DocumentId)>,
    /// Documents of the list that are left out.
    #[schema(max_items = 10_000)]
    pub without: Vec<DocumentId>,
    /// The number of documents that the caller expects.
    pub expect: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The folder does not exist or is not visible.
    #[error("the folder does not exist")]
    NoFolder,
    #[error("the list has changed: it selects {0} documents. Load the list and select again.")]
    Changed(usize),
    #[error("query.q: {0}")]
    Words(#[from] TooManyWords),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A selected document with its folder below the selected one: empty, or with `/` at its end.
#[derive(Clone, Debug)]
pub struct SelectedDocument {
    pub path: String,
    pub document: Document,
}

impl ListSelection {
    /// Returns the selected documents that `user` may see, by folder and name. `owing`: the flows that owe photos, if the
    /// query asks for them.
    pub async fn documents(
        &self,
        db: &Db,
        user: &User,
        owing: Option<Vec<FlowId>>,
    ) -> Result<Vec<SelectedDocument>, ListError> {
        let sight = Sight::of(db, user).await?;
        let scope = self.scope(db, &sight).await?;
        let above = match &scope {
            ListScope::Folder { folder, .. } => Some(1 + folder.depth()),
            ListScope::Space { .. } => Some(1),
            ListScope::All => None,
        };
        let selected = self.selected(db, scope, &sight, owing).await?;
        let below = |document| SelectedDocument { path: path_below(&document, above), document };
        let mut selected: Vec<SelectedDocument> = of_ids(db, &selected, &sight).await?.into_iter().map(below).collect();
        selected.sort_by(|a, b| {
            (&a.path, &a.document.name, &a.document.id).cmp(&(&b.path, &b.document.name, &b.document.id))
        });
        Ok(selected)
    }

    /// Returns the ids of the selected documents that `user` may see, in the order of the list. `owing` as above.
    pub async fn ids(&self, db: &Db, user: &User, owing: Option<Vec<FlowId>>) -> Result<Vec<DocumentId>, ListError> {
        let sight = Sight::of(db, user).await?;
        let scope = self.scope(db, &sight).await?;
        self.selected(db, scope, &sight, owing).await
    }

    async fn selected(
        &self,
        db: &Db,
        scope: ListScope,
        sight: &Sight,
        owing: Option<Vec<FlowId>>,
    ) -> Result<Vec<DocumentId>, ListError> {
        let (filters, sort) = (self.query.search(owing)?, self.sort.unwrap_or_default());
        self.stretches(Listing::open(db, scope, filters, sort, sight).await?.ids(db).await?)
    }

    /// Returns the trashed documents that it selects, newest first: `folder` and `space` are where they came from. `sight`
    /// manages these places. `owing` as above.
    pub async fn trashed(
        &self,
        db: &Db,
        sight: &Sight,
        owing: Option<Vec<FlowId>>,
    ) -> Result<Vec<DocumentId>, ListError> {
        let scope = self.scope(db, sight).await?;
        let filters = self.query.search(owing)?.within(&scope);
        self.stretches(trash::documents(db, &filters, sight).await?)
    }

    async fn scope(&self, db: &Db, sight: &Sight) -> Result<ListScope, ListError> {
        Ok(match (&self.folder, self.space) {
            (Some(folder), _) => {
                let folder = Folder::visible(db, folder, sight).await?.ok_or(ListError::NoFolder)?;
                ListScope::Folder { folder, deep: self.deep }
            }
            (None, Some(space)) => {
                ListScope::Space { space, owner: (space == Space::Personal).then(|| sight.user().id.clone()) }
            }
            (None, None) => ListScope::All,
        })
    }

    /// Returns what is selected of the list.
    fn stretches(&self, list: Vec<DocumentId>) -> Result<Vec<DocumentId>, ListError> {
        let places: HashMap<&DocumentId, usize> = list.iter().enumerate().map(|(at, id)| (id, at)).collect();
        let mut stretches = Vec::with_capacity(self.between.len());
        for (from, to) in &self.between {
            // A border that is gone: the caller saw another list.
            let (Some(one), Some(other)) = (places.get(from), places.get(to)) else {
                return Err(ListError::Changed(list.len()));
            };
            stretches.push((*one.min(other), *one.max(other)));
        }
        // In their order, so that many stretches that overlap cost one pass over the list.
        stretches.sort_unstable();
        let mut chosen = vec![self.between.is_empty(); list.len()];
        let mut done = 0;
        for (from, to) in stretches {
            let from = from.max(done);
            if from <= to {
                chosen[from..=to].fill(true);
                done = to + 1;
            }
        }
        for id in &self.without {
            if let Some(at) = places.get(id) {
                chosen[*at] = false;
            }
        }
        let selected: Vec<DocumentId> =
            list.into_iter().zip(chosen).filter_map(|(id, chosen)| chosen.then_some(id)).collect();
        match self.expect {
            Some(expected) if expected != selected.len() as u64 => Err(ListError::Changed(selected.len())),
            _ => Ok(selected),
        }
    }
}

/// Returns the folders of a document below the first `above` parts of its path. `None`: without folders.
fn path_below(document: &Document, above: Option<usize>) -> String {
    let (Some(path), Some(above)) = (&document.path, above) else { return String::new() };
    path.split('/').skip(above).flat_map(|name| [name, "/"]).collect()
}

/// Returns those of `ids` that exist and that the user may see, in the order of `ids`, each once. Each says what the user
/// may do.
pub async fn of_ids(db: &Db, ids: &[DocumentId], sight: &Sight) -> Result<Vec<Document>, DbError> {
    let mut found: Vec<Document> = Vec::new();
    for piece in ids.chunks(PIECE) {
        found.extend(Document::seen(db, piece, sight).await?);
    }
    let place: HashMap<&DocumentId, usize> = ids.iter().enumerate().map(|(at, id)| (id, at)).collect();
    found.sort_by_key(|one| place.get(&one.id).copied());
    found.dedup_by(|one, other| one.id == other.id);
    shown::complete(db, &mut found, sight).await?;
    Ok(found)
}

/// Returns the documents of a flow by name. The caller has checked that the user may see the flow.
pub async fn of_flow(db: &Db, flow: &FlowId, sight: &Sight) -> Result<Vec<Document>, DbError> {
    let mut filtered = Filtered::new(SELECT).and("d.flow_id =", Some(flow)).when("d.deleted_at IS NULL");
    let sees = sees(&mut filtered, sight.user());
    let mut found: Vec<Document> = filtered.when(&sees).then("ORDER BY d.name, d.id").all(db).await?;
    shown::complete(db, &mut found, sight).await?;
    Ok(found)
}

fn among(mut filtered: Filtered, ids: &[DocumentId]) -> Filtered {
    let list: Vec<String> = padded(ids).iter().map(|id| filtered.arg(id)).collect();
    filtered.when(&format!("d.id IN ({})", list.join(", ")))
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

/// What decides which users may have a document.
#[derive(Clone, Debug, FromRow)]
pub struct DocumentPlace {
    pub id: DocumentId,
    pub blake3: Blake3,
    pub folder_id: FolderId,
    pub shelf: String,
    pub flow_id: Option<FlowId>,
    /// It shows a face, or may show one.
    pub private: bool,
    pub trashed: bool,
}

const PLACE: &str = "SELECT d.id, d.original_hash AS blake3, d.folder_id, d.shelf, d.flow_id,
  COALESCE(d.kind, '') IN ('face', 'unknown') AS private, d.deleted_at IS NOT NULL AS trashed FROM documents d";

impl DocumentPlace {
    /// Returns the places of the documents that exist, also of those in the trash.
    pub async fn of_ids(db: &Db, ids: &[DocumentId]) -> Result<Vec<Self>, DbError> {
        let mut found = Vec::with_capacity(ids.len());
        for piece in ids.chunks(PIECE) {
            found.extend(among(Filtered::new(PLACE), piece).end().all::<Self>(db).await?);
        }
        Ok(found)
    }

    /// Returns the places of all documents of a flow, also of those in the trash.
    pub async fn of_flow(db: &Db, flow: &FlowId) -> Result<Vec<Self>, DbError> {
        sql(format!("{PLACE} WHERE d.flow_id = $1 ORDER BY d.id")).bind(flow).all(db).await
    }

    /// Returns the place by which the bundles of the document are found: its flow, else its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        self.flow_id.as_ref().map_or(self.folder_id.as_str(), FlowId::as_str)
    }
}
