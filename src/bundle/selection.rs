//! Freezes documents that a user selected: by id, as a list, or by flow.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::{
    Entry, entries,
    layout::EntryContent,
    left::{LeftCode, LeftOut},
    of_flow::missing,
    record::Bundle,
    rights::BundleRightsError,
};
use crate::{
    content::download::original_of,
    cpu::CpuError,
    db::{Db, DbError},
    flow::{Flow, owing},
    hash::Blake3,
    id::{BundleId, DocumentId, FlowId, FolderId},
    library::{
        Space,
        listing::sort::Sort,
        rights::Sight,
        selected::{ListError, ListSelection, SelectedDocument, SelectionQuery, documents, places::Places},
    },
    preservation::findings,
    store::StoreError,
    user::User,
};

/// The most documents that may be named one by one.
const MOST_IDS: usize = 10_000;
/// The most flows that may be named.
const MOST_FLOWS: usize = 1_000;

/// What a bundle is to be made of, one of: documents by id, flows, or a list (`folderId`, `space` or `query`).
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BundleWish {
    /// Documents by id.
    #[schema(max_items = 10_000)]
    pub document_ids: Vec<DocumentId>,
    /// The documents of a folder.
    pub folder_id: Option<FolderId>,
    /// The documents of a space, with all its folders.
    pub space: Option<Space>,
    /// true: with all folders below.
    pub deep: bool,
    /// Only documents that the search finds.
    pub query: Option<SelectionQuery>,
    /// The order of the list, for `between`. Default: `-receivedAt`.
    #[schema(value_type = Option<String>, pattern = "^-?(name|takenAt|receivedAt|bytes)$")]
    pub sort: Option<Sort>,
    /// Stretches of the list between two documents, both included.
    #[schema(max_items = 10_000)]
    pub between: Vec<(DocumentId, DocumentId)>,
    /// Documents of the list that are left out.
    #[schema(max_items = 10_000)]
    pub without: Vec<DocumentId>,
    /// The number of documents that the caller expects. 409 `selection_changed` if the list selects another number.
    pub expect: Option<u64>,
    /// The photos and files of these flows, a folder for each.
    #[schema(max_items = 1_000)]
    pub flow_ids: Vec<FlowId>,
    /// true: the evidence packages of the flows, in place of their documents.
    pub evidence: bool,
    /// true: packages with photos of faces and of unknown kind. For administrators and auditors.
    pub faces: bool,
    /// The name of the zip. Default: `打包下载.zip`.
    #[schema(max_length = 200)]
    pub name: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    #[error("send exactly one of `documentIds`, `flowIds` and a list (`folderId`, `space`, `query`)")]
    NotOne,
    #[error("the selection is too large; name at most {MOST_IDS} documents or {MOST_FLOWS} flows")]
    TooMany,
    #[error("the selection has nothing that the caller may see")]
    Nothing,
    #[error("the caller may see the documents and not download them")]
    Forbidden,
    #[error("the documents have changed while the bundle was made; send the request again")]
    Changed,
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Rights(#[from] BundleRightsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The entries of a bundle that is not frozen yet, and the rights that they need.
#[derive(Debug, Default)]
pub struct Gathered {
    pub(super) entries: Vec<Entry>,
    pub(super) documents: Vec<DocumentId>,
    /// The places of these documents.
    pub(super) places: Places,
    /// Flows whose packages are among the entries.
    pub(super) flows: BTreeSet<FlowId>,
    /// The bundles of these packages. They must live as long as this bundle.
    pub(super) packages: Vec<BundleId>,
    /// A package has photos of faces, or of an unknown kind.
    pub(super) faces: bool,
    pub(super) left: Vec<LeftOut>,
    /// Documents that the user sees and may not download. They are counted, because other users of the bundle may not see
    /// their names.
    refused: usize,
    damaged: BTreeSet<Blake3>,
}

impl BundleWish {
    /// Checks that the wish names one selection of an allowed size.
    pub fn check(&self) -> Result<(), SelectionError> {
        let list = self.folder_id.is_some() || self.space.is_some() || self.query.is_some();
        let named = [!self.document_ids.is_empty(), list, !self.flow_ids.is_empty()];
        let of_list = self.deep
            || self.sort.is_some()
            || self.expect.is_some()
            || !self.between.is_empty()
            || !self.without.is_empty();
        let two_places = self.folder_id.is_some() && self.space.is_some();
        let wrong = (of_list && !list) || two_places || (self.evidence && self.flow_ids.is_empty());
        if named.into_iter().filter(|named| *named).count() != 1 || wrong {
            return Err(SelectionError::NotOne);
        }
        let ids = self.document_ids.len().max(self.between.len()).max(self.without.len());
        if ids > MOST_IDS || self.flow_ids.len() > MOST_FLOWS {
            return Err(SelectionError::TooMany);
        }
        Ok(())
    }

    /// Returns the documents that the wish selects and that the user may see.
    pub async fn gather(&self, db: &Db, user: &User) -> Result<Gathered, SelectionError> {
        let mut gathered = Gathered::begin(db).await?;
        let sight = Sight::of(db, user).await?;
        if !self.document_ids.is_empty() {
            gathered.add("", documents::of_ids(db, &self.document_ids, &sight).await?);
            return Ok(gathered);
        }
        for id in self.flows() {
            let Some(flow) = visible_flow(db, id, user).await? else { continue };
            let documents = documents::of_flow(db, id, &sight).await?;
            let folder = if flow.serial_no.is_empty() { "草稿" } else { &flow.serial_no };
            gathered.add(&format!("{folder}/"), documents);
            let missing = missing(db, id).await?.into_iter();
            gathered.left.extend(missing.map(|one| LeftOut::new(format!("{folder}/{}", one.name), one.code)));
        }
        if self.flow_ids.is_empty() {
            let list = self.list();
            let owing = if list.query.missing { Some(owing::flows(db).await?) } else { None };
            gathered.add("", list.documents(db, user, owing).await?);
        }
        Ok(gathered)
    }

    /// Returns the flows, each once.
    pub fn flows(&self) -> impl Iterator<Item = &FlowId> {
        let mut known = HashSet::new();
        self.flow_ids.iter().filter(move |id| known.insert(*id))
    }

    fn list(&self) -> ListSelection {
        ListSelection {
            folder: self.folder_id.clone(),
            space: self.space,
            deep: self.deep,
            query: self.query.clone().unwrap_or_default(),
            sort: self.sort,
            between: self.between.clone(),
            without: self.without.clone(),
            expect: self.expect,
        }
    }
}

/// Returns the flow if the user may see it.
pub async fn visible_flow(db: &Db, id: &FlowId, user: &User) -> Result<Option<Flow>, DbError> {
    if Flow::visible_to(db, id, user).await? { Flow::find(db, id).await } else { Ok(None) }
}

impl Gathered {
    /// Begins a selection. It takes no original that is known to be damaged.
    pub async fn begin(db: &Db) -> Result<Self, DbError> {
        Ok(Self { damaged: findings::open_damage(db).await?.into_iter().collect(), ..Self::default() })
    }

    /// Adds the documents that the user may download. A damaged one is named in the list of what is missing, so the users
    /// of the bundle need its right, too.
    fn add(&mut self, folder: &str, mut documents: Vec<SelectedDocument>) {
        let all = documents.len();
        documents.retain(|document| document.downloads);
        self.refused += all - documents.len();
        for document in &documents {
            self.documents.push(document.id.clone());
            if !self.places.contains_key(&document.place) {
                self.places.insert(document.place.clone(), document.id.clone());
            }
        }
        for document in &mut documents {
            document.folder.insert_str(0, folder);
        }
        let (good, damaged): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(|document| !self.damaged.contains(&document.blake3));
        let left =
            |one: &SelectedDocument| LeftOut::new(format!("{}{}", one.folder, one.name), LeftCode::OriginalDamaged);
        self.left.extend(damaged.iter().map(left));
        self.entries.extend(entries(&good));
    }

    /// Names what the user may not download.
    pub(super) fn name_refused(&mut self) -> Result<(), SelectionError> {
        let has_none = self.entries.is_empty() && self.left.is_empty();
        match (self.refused, has_none) {
            (0, true) => Err(SelectionError::Nothing),
            (0, false) => Ok(()),
            (_, true) => Err(SelectionError::Forbidden),
            (refused, false) => {
                self.left.push(LeftOut::new(format!("文档 × {refused}"), LeftCode::NotDownloadable));
                Ok(())
            }
        }
    }

    /// Adds the entries of a package. They have a folder of their own.
    pub fn add_package(&mut self, flow: &Flow, package: &Bundle, entries: Vec<Entry>) {
        let damaged = entries.iter().any(|entry| match &entry.content {
            EntryContent::Stored(key) => original_of(key).is_some_and(|original| self.damaged.contains(&original)),
            EntryContent::Made(_) => false,
        });
        if damaged {
            return self.left.push(LeftOut::new(&flow.serial_no, LeftCode::OriginalDamaged));
        }
        self.faces |= package.faces;
        self.flows.insert(flow.id.clone());
        self.packages.push(package.id.clone());
        self.entries.extend(entries);
    }
}
