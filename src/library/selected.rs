//! Documents that a user selected, and what decides which users may have them.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{
    Space,
    document::{Document, SELECT},
    folder::Folder,
    search::{Cursor, Search, only_visible},
};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, filter::Filtered, padded, placeholders, sql},
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId},
    photo::kind::PhotoKind,
    user::{Role, User},
    vocabulary::words,
};

/// Ids in one statement.
const PIECE: usize = 1024;
/// Documents of one page.
const PAGE: usize = 1000;

words! {
    /// The order of a selected list.
    SelectionSort {
        ReceivedAt = "receivedAt",
        NewestFirst = "-receivedAt",
        Bytes = "bytes",
        LargestFirst = "-bytes",
    }
}

/// The filters of the search. An absent member sets no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SelectionQuery {
    /// A part of the document name.
    pub q: Option<String>,
    pub flow_id: Option<FlowId>,
    pub seal: Option<String>,
    /// The username of the person who stamped.
    pub user: Option<String>,
    pub kind: Option<PhotoKind>,
    /// Received at this time or later.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Received before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    pub hash: Option<Blake3>,
}

impl SelectionQuery {
    fn search(&self, folder: Option<FolderId>) -> Search {
        let Self { q, flow_id, seal, user, kind, from, to, hash } = self.clone();
        let q = q.filter(|q| !q.trim().is_empty());
        Search { folder, flow: flow_id, hash, kind, q, seal, user, from, to }
    }
}

/// A list of documents, and what of it is selected.
#[derive(Clone, Debug, Default)]
pub struct ListSelection {
    pub folder: Option<FolderId>,
    pub space: Option<Space>,
    /// With all folders below. A space is always deep.
    pub deep: bool,
    pub query: SelectionQuery,
    pub sort: Option<SelectionSort>,
    /// Stretches of the list, both ends included. Empty: the whole list.
    pub between: Vec<(DocumentId, DocumentId)>,
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
    /// Returns the selected documents that `user` may see, by folder and name.
    pub async fn documents(&self, db: &Db, user: &User) -> Result<Vec<SelectedDocument>, ListError> {
        let mut list: Vec<SelectedDocument> = Vec::new();
        if self.folder.is_none() && self.space.is_none() {
            list.extend(matching(db, &self.query.search(None), user).await?.into_iter().map(SelectedDocument::at("")));
        }
        for (folder, path) in self.folders(db, user).await? {
            let found = matching(db, &self.query.search(Some(folder)), user).await?;
            list.extend(found.into_iter().map(SelectedDocument::at(&path)));
        }
        self.order(&mut list);
        let mut selected = self.stretches(list)?;
        if self.expect.is_some_and(|expected| expected != selected.len() as u64) {
            return Err(ListError::Changed(selected.len()));
        }
        selected.sort_by(|a, b| {
            (&a.path, &a.document.name, &a.document.id).cmp(&(&b.path, &b.document.name, &b.document.id))
        });
        Ok(selected)
    }

    /// Returns the folders of the list with their paths.
    async fn folders(&self, db: &Db, user: &User) -> Result<Vec<(FolderId, String)>, ListError> {
        let mut todo: Vec<(Folder, String)> = Vec::new();
        if let Some(id) = &self.folder {
            let folder = Folder::find(db, id).await?.filter(|folder| folder.may_view(user));
            todo.push((folder.ok_or(ListError::NoFolder)?, String::new()));
        } else if let Some(space) = self.space {
            let owner = if space == Space::Personal { user.id.as_str() } else { "" };
            let tops = Folder::top(db, space, owner).await?.into_iter().filter(|folder| folder.may_view(user));
            todo.extend(tops.map(|folder| {
                let path = format!("{}/", folder.name);
                (folder, path)
            }));
        }
        let mut folders = Vec::new();
        while let Some((folder, path)) = todo.pop() {
            if self.deep || self.space.is_some() {
                let below = Folder::children(db, &folder.id).await?.into_iter().filter(|folder| folder.may_view(user));
                todo.extend(below.map(|below| {
                    let path = format!("{path}{}/", below.name);
                    (below, path)
                }));
            }
            folders.push((folder.id, path));
        }
        Ok(folders)
    }

    fn order(&self, list: &mut [SelectedDocument]) {
        let key = |one: &SelectedDocument| match self.sort.unwrap_or(SelectionSort::NewestFirst) {
            SelectionSort::ReceivedAt | SelectionSort::NewestFirst => one.document.received_at.0,
            SelectionSort::Bytes | SelectionSort::LargestFirst => one.document.bytes,
        };
        list.sort_by(|a, b| (key(a), &a.document.id).cmp(&(key(b), &b.document.id)));
        if matches!(self.sort, None | Some(SelectionSort::NewestFirst | SelectionSort::LargestFirst)) {
            list.reverse();
        }
    }

    fn stretches(&self, list: Vec<SelectedDocument>) -> Result<Vec<SelectedDocument>, ListError> {
        let without: HashSet<&DocumentId> = self.without.iter().collect();
        let places: HashMap<&DocumentId, usize> =
            list.iter().enumerate().map(|(at, one)| (&one.document.id, at)).collect();
        let mut chosen = vec![self.between.is_empty(); list.len()];
        for (from, to) in &self.between {
            // A border that is gone: the caller saw another list.
            let (Some(one), Some(other)) = (places.get(from), places.get(to)) else {
                return Err(ListError::Changed(list.len()));
            };
            chosen[*one.min(other)..=*one.max(other)].fill(true);
        }
        for id in without {
            if let Some(at) = places.get(id) {
                chosen[*at] = false;
            }
        }
        Ok(list.into_iter().zip(chosen).filter_map(|(one, chosen)| chosen.then_some(one)).collect())
    }
}

impl SelectedDocument {
    fn at(path: &str) -> impl Fn(Document) -> Self {
        move |document| Self { path: path.to_owned(), document }
    }
}

/// Returns the whole list of a search, newest first.
pub async fn matching(db: &Db, search: &Search, user: &User) -> Result<Vec<Document>, DbError> {
    let (mut all, mut after): (Vec<Document>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let (page, next) = search.documents(db, user, after.as_ref(), PAGE).await?;
        all.extend(page);
        let Some(next) = next else { return Ok(all) };
        after = Some(next);
    }
}

/// Returns those of `ids` that exist and that `user` may see, in the order of `ids`, each once.
pub async fn visible_of_ids(db: &Db, ids: &[DocumentId], user: &User) -> Result<Vec<Document>, DbError> {
    let mut found: Vec<Document> = Vec::new();
    for piece in ids.chunks(PIECE) {
        let filtered = among(Filtered::new(SELECT), piece);
        found.extend(only_visible(filtered, user).end().all::<Document>(db).await?);
    }
    let place: HashMap<&DocumentId, usize> = ids.iter().enumerate().map(|(at, id)| (id, at)).collect();
    found.sort_by_key(|one| place.get(&one.id).copied());
    found.dedup_by(|one, other| one.id == other.id);
    Ok(found)
}

fn among(mut filtered: Filtered, ids: &[DocumentId]) -> Filtered {
    let list: Vec<String> = padded(ids).iter().map(|id| filtered.arg(id)).collect();
    filtered.when(&format!("d.id IN ({})", list.join(", ")))
}

/// Returns true if `user` may download each of these documents now.
pub async fn are_visible(db: &Db, ids: &[DocumentId], user: &User) -> Result<bool, DbError> {
    for piece in ids.chunks(PIECE) {
        let filtered = among(Filtered::new("SELECT COUNT(*) FROM documents d"), piece);
        let visible: i64 = only_visible(filtered, user).end().scalar(db).await?;
        if usize::try_from(visible) != Ok(piece.len()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns true if `user` manages the places from which these documents went to the trash.
pub async fn are_managed(db: &Db, ids: &[DocumentId], user: &User) -> Result<bool, DbError> {
    let mut places: Vec<(String, String)> = Vec::new();
    for piece in ids.chunks(PIECE) {
        let piece = padded(piece);
        let text = format!(
            "SELECT DISTINCT f.space, f.owner FROM documents d JOIN folders f ON f.id = d.folder_id WHERE d.id IN {}",
            placeholders(1, piece.len())
        );
        places.extend(sql(text).bind_all(piece.iter()).all::<(String, String)>(db).await?);
    }
    let managed = |(space, owner): &(String, String)| {
        let own = space == Space::Personal.as_str();
        user.is_admin() || if own { owner == user.id.as_str() } else { user.has(Role::Archivist) }
    };
    Ok(places.iter().all(managed))
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
