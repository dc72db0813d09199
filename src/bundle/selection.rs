//! Freezes documents that a user selected: by id, by folder, or by flow.

use serde::Deserialize;

use super::{
    Entry, Layout, entries,
    plan::FrozenPlan,
    record::{Bundle, BundleKind},
};
use crate::{
    app::App,
    clock::Timestamp,
    db::{Db, DbError},
    flow::Flow,
    id::{BundleId, DocumentId, FlowId, FolderId},
    library::{
        document::Document,
        folder::Folder,
        rights::{Right, Sight},
        selected::{self, NeededRights},
    },
    store::{StoreError, StoreKey},
    user::User,
};

/// The most documents that may be named one by one.
const MOST_IDS: usize = 10_000;
/// The most flows that may be named.
const MOST_FLOWS: usize = 1_000;

/// What a bundle is to be made of: one of documents, a folder, or flows.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BundleWish {
    /// Documents by id.
    #[schema(max_items = 10_000)]
    pub document_ids: Vec<DocumentId>,
    /// The documents of a folder.
    pub folder_id: Option<FolderId>,
    /// true: with all folders below.
    pub deep: bool,
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
    #[error("send exactly one of `documentIds`, `folderId` and `flowIds`")]
    NotOne,
    #[error("the selection is too large; name at most {MOST_IDS} documents or {MOST_FLOWS} flows")]
    TooMany,
    #[error("the selection has nothing that the caller may see")]
    Nothing,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The entries of a bundle that is not frozen yet, and the rights that they need.
#[derive(Debug, Default)]
pub struct Gathered {
    entries: Vec<Entry>,
    needs: NeededRights,
}

impl BundleWish {
    /// Checks that the wish names one selection of an allowed size.
    pub fn check(&self) -> Result<(), SelectionError> {
        let named = [!self.document_ids.is_empty(), self.folder_id.is_some(), !self.flow_ids.is_empty()];
        if named.into_iter().filter(|named| *named).count() != 1 || (self.evidence && self.flow_ids.is_empty()) {
            return Err(SelectionError::NotOne);
        }
        if self.document_ids.len() > MOST_IDS || self.flow_ids.len() > MOST_FLOWS {
            return Err(SelectionError::TooMany);
        }
        Ok(())
    }

    /// Returns the documents that the wish selects and that the user may see.
    pub async fn gather(&self, db: &Db, user: &User) -> Result<Gathered, SelectionError> {
        let mut gathered = Gathered::default();
        let sight = &Sight::of(db, user).await?;
        gathered.add("", selected::of_ids(db, &self.document_ids, sight).await?);
        if let Some(folder) = &self.folder_id {
            let folder = Folder::visible(db, folder, sight).await?.ok_or(SelectionError::Nothing)?;
            gathered.add_folder(db, folder, self.deep, sight).await?;
        }
        for id in &self.flow_ids {
            let Some(flow) = visible_flow(db, id, user).await? else { continue };
            gathered.add(&format!("{}/", flow.serial_no), selected::of_flow(db, id, sight).await?);
        }
        Ok(gathered)
    }
}

/// Returns the flow if the user may see it.
pub async fn visible_flow(db: &Db, id: &FlowId, user: &User) -> Result<Option<Flow>, DbError> {
    if Flow::visible_to(db, id, user).await? { Flow::find(db, id).await } else { Ok(None) }
}

impl Gathered {
    fn add(&mut self, folder: &str, mut documents: Vec<Document>) {
        documents.retain(|document| document.allows(Right::Download));
        for document in &documents {
            self.needs.add(document);
        }
        self.entries.extend(
            entries(&documents).into_iter().map(|entry| Entry { name: format!("{folder}{}", entry.name), ..entry }),
        );
    }

    /// Adds the entries of a package. They have a folder of their own.
    pub fn add_package(&mut self, flow: &FlowId, faces: bool, entries: Vec<Entry>) {
        self.needs.add_flow(flow, faces);
        self.entries.extend(entries);
    }

    async fn add_folder(&mut self, db: &Db, top: Folder, deep: bool, sight: &Sight) -> Result<(), DbError> {
        let mut todo = vec![(top, String::new())];
        while let Some((folder, path)) = todo.pop() {
            self.add(&path, selected::of_folder(db, &folder.id, sight).await?);
            if deep {
                let below = Folder::visible_children(db, &folder.id, sight).await?;
                let named = below.into_iter().map(|folder| (format!("{path}{}/", folder.name), folder));
                let mut below: Vec<(Folder, String)> = named.map(|(path, folder)| (folder, path)).collect();
                below.reverse();
                todo.extend(below);
            }
        }
        Ok(())
    }

    /// Freezes the selection.
    pub async fn freeze(self, app: &App, user: &User, name: Option<&str>) -> Result<Bundle, SelectionError> {
        if self.entries.is_empty() {
            return Err(SelectionError::Nothing);
        }
        let (id, now) = (BundleId::new(), app.clock.now());
        let modified = self.entries.iter().map(|entry| entry.at).max().unwrap_or(Timestamp(0));
        let name = name.map(str::trim).filter(|name| !name.is_empty()).unwrap_or("打包下载");
        let name = format!("{}.zip", name.trim_end_matches(".zip"));
        let plan = FrozenPlan { name, modified, entries: self.entries };
        let key = StoreKey::Bundle { id: id.clone() };
        app.store.put(&key, plan.encode().into()).await?;
        let (name, entries) = (plan.name, plan.entries.len());
        let layout = Layout::of(plan.entries);
        let bundle = Bundle {
            id,
            kind: BundleKind::Selection,
            flow_id: None,
            faces: self.needs.faces(),
            name,
            plan_key: Some(key.to_string()),
            bytes: i64::try_from(layout.bytes()).unwrap_or(i64::MAX),
            entries: i64::try_from(entries).unwrap_or(i64::MAX),
            etag: layout.etag().to_owned(),
            needs: Some(serde_json::to_string(&self.needs).map_err(|error| DbError::Encode(error.into()))?),
            left_out: "[]".to_owned(),
            made_by: user.username.clone(),
            made_at: now,
            expires_at: Some(now.plus(app.config.bundle.keep.get())),
        };
        let mut tx = app.db.begin().await?;
        bundle.insert(&mut tx).await?;
        tx.commit().await?;
        Ok(bundle)
    }
}

/// Returns true if `user` may download every document of the bundle now.
pub async fn may_have(db: &Db, bundle: &Bundle, user: &User) -> Result<bool, DbError> {
    // Faces of a flow are for the roles that read everything. A selection names what it needs.
    if bundle.faces && bundle.needs.is_none() && !user.reads_all() {
        return Ok(false);
    }
    match (&bundle.flow_id, &bundle.needs) {
        (Some(flow), _) => Flow::visible_to(db, flow, user).await,
        (None, Some(needs)) => {
            let needs: NeededRights = serde_json::from_str(needs).map_err(|error| DbError::Decode(error.into()))?;
            needs.are_held(db, &Sight::of(db, user).await?).await
        }
        (None, None) => Ok(user.reads_all()),
    }
}
