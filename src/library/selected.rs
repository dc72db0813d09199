//! Documents that a user selected, and what decides which users may have them.

pub mod documents;
pub mod places;

use std::collections::HashMap;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

pub use self::documents::SelectedDocument;
use super::{
    Space,
    folder::Folder,
    listing::{Listing, scope::ListScope, sort::Sort},
    rights::Sight,
    search::{MediaType, Search, TooManyWords},
    trash,
};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, Row, Sql, filter::Filtered, padded},
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId},
    photo::kind::PhotoKind,
    user::User,
};

/// Ids in one statement.
const PIECE: usize = 1024;
/// Statements at a time, so that a second processor helps.
const TOGETHER: usize = 2;

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
        let ids = self.selected(db, scope, &sight, owing).await?;
        let mut selected = documents::seen(db, &ids, &sight).await?;
        if let Some(above) = above {
            documents::name_folders(db, &mut selected, above, &sight).await?;
        }
        selected.sort_by(|a, b| (&a.folder, &a.name, &a.id).cmp(&(&b.folder, &b.name, &b.id)));
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

fn among(mut filtered: Filtered, ids: &[DocumentId]) -> Filtered {
    let list: Vec<String> = padded(ids).iter().map(|id| filtered.arg(id)).collect();
    filtered.when(&format!("d.id IN ({})", list.join(", ")))
}

/// Reads rows of many documents, with a statement for each piece of their ids.
async fn in_pieces<T: Row + 'static>(
    db: &Db,
    ids: &[DocumentId],
    statement: impl Fn(&[DocumentId]) -> Sql + Send,
) -> Result<Vec<T>, DbError> {
    let statements = ids.chunks(PIECE).map(statement);
    let reads: Vec<_> = statements.map(|statement| async move { statement.all::<T>(db).await }.boxed()).collect();
    stream::iter(reads).buffered(TOGETHER).try_concat().await
}
