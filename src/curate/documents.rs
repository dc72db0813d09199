//! Renames, moves, copies, trashes and restores documents, one or many. Many are changed in short transactions, so other
//! writers wait little. A request that broke off has done a part and can be repeated.

mod changed;
pub mod restore;

use std::collections::BTreeSet;

use serde::Serialize;

use self::changed::{ChangedDocument, record_each};
use super::folders::{FolderError, managed};
use crate::{
    audit::Act,
    clock::Timestamp,
    db::{Db, DbError, Tx},
    flow::owing,
    id::{BatchId, DocumentId, FolderId},
    library::{
        document::{self, Document, act, shown},
        folder::Folder,
        rights::{Right, Sight},
        search_terms,
        selected::{ListError, ListSelection},
    },
    user::{Acting, User},
    vocabulary::words,
};

/// Documents of one transaction.
const PIECE: usize = 128;

words! {
    /// Why a document was not changed.
    WhyNot {
        NotFound = "not_found",
        Forbidden = "forbidden",
        Evidence = "evidence",
    }
}

/// A document that was not changed.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RefusedDocument {
    pub id: DocumentId,
    pub code: WhyNot,
}

/// What an act on many documents did.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BatchResult {
    /// The number of documents that were changed.
    #[schema(minimum = 0)]
    pub done: usize,
    pub refused: Vec<RefusedDocument>,
    /// The act. `restore` takes a trashing back by it.
    pub batch: BatchId,
    /// The folders whose lists have changed.
    #[serde(skip)]
    pub folders: BTreeSet<FolderId>,
}

impl BatchResult {
    const fn new(batch: BatchId) -> Self {
        Self { done: 0, refused: Vec::new(), batch, folders: BTreeSet::new() }
    }

    /// Returns true if the caller sees none of the documents.
    fn found_nothing(&self) -> bool {
        self.done == 0 && self.refused.iter().all(|refused| refused.code == WhyNot::NotFound)
    }
}

/// What is to be done with documents.
#[derive(Clone, Debug)]
pub enum Deed {
    Move(FolderId),
    Copy(FolderId),
    Trash,
}

impl Deed {
    const fn act(&self, many: bool) -> Act {
        match (self, many) {
            (Self::Move(_), false) => Act::DocumentChanged,
            (Self::Copy(_), false) => Act::DocumentCopied,
            (Self::Trash, false) => Act::DocumentDeleted,
            (Self::Move(_), true) => Act::DocumentsMoved,
            (Self::Copy(_), true) => Act::DocumentsCopied,
            (Self::Trash, true) => Act::DocumentsDeleted,
        }
    }
}

/// Renames a document, moves it, or both. If one of them is refused, neither is done. Returns the folders whose lists have
/// changed.
pub async fn change(
    acting: Acting<'_>,
    id: &DocumentId,
    name: Option<&str>,
    folder: Option<&FolderId>,
) -> Result<BTreeSet<FolderId>, FolderError> {
    if name.is_none() && folder.is_none() {
        return Ok(BTreeSet::new());
    }
    let mut tx = acting.db.begin().await?;
    let sight = Sight::of(&mut tx, acting.user).await?;
    let document = Document::seen(&mut tx, std::slice::from_ref(id), &sight).await?.pop();
    let document = document.ok_or(FolderError::NotFound)?;
    let (mut folders, mut details) = (BTreeSet::from([document.folder_id.clone()]), Vec::new());
    if let Some(name) = name {
        details.push(rename(&mut tx, &document, name, &sight).await?);
    }
    if let Some(folder) = folder {
        let deed = Deed::Move(folder.clone());
        let piece = piece(&mut tx, acting, std::slice::from_ref(id), &deed, &BatchId::new()).await?;
        allowed(&piece)?;
        details.extend(piece.detail(&deed, false));
        folders.extend(piece.folders);
    }
    let detail = details.join("; ");
    let entry = acting.entry(Act::DocumentChanged, id.as_str()).of_flow_if(document.flow_id.as_ref());
    acting.commit(tx, entry.detail(&detail)).await?;
    Ok(folders)
}

/// Renames a document. Returns what the audit log says of it.
async fn rename(tx: &mut Tx, document: &Document, name: &str, sight: &Sight) -> Result<String, FolderError> {
    may(document, Right::Manage, sight)?;
    let name = document::name::of_upload(name);
    act::rename(tx, &document.id, &name).await?;
    match &document.flow_id {
        Some(flow) => search_terms::add(tx, flow, std::slice::from_ref(&name)).await?,
        None => search_terms::add_alone(tx, &document.id, &name).await?,
    }
    Ok(format!("{} → {name}", document.name))
}

/// What an act on one document did.
#[derive(Clone, Debug)]
pub struct DocumentDone {
    pub copy: Option<DocumentId>,
    /// The folders whose lists have changed.
    pub folders: BTreeSet<FolderId>,
}

/// Does something with one document.
pub async fn one(acting: Acting<'_>, id: &DocumentId, deed: Deed) -> Result<DocumentDone, FolderError> {
    let mut tx = acting.db.begin().await?;
    let piece = piece(&mut tx, acting, std::slice::from_ref(id), &deed, &BatchId::new()).await?;
    allowed(&piece)?;
    let detail = piece.detail(&deed, false);
    let flow = piece.changed.first().and_then(|changed| changed.flow.as_ref());
    let entry = acting.entry(deed.act(false), id.as_str()).of_flow_if(flow);
    acting.commit(tx, entry.detail_if(detail.as_deref())).await?;
    Ok(DocumentDone { copy: piece.copies.into_iter().next(), folders: piece.folders })
}

/// Fails if the one document of the piece was refused.
fn allowed(piece: &Piece) -> Result<(), FolderError> {
    match piece.refused.first().map(|refused| refused.code) {
        None => Ok(()),
        Some(WhyNot::NotFound) => Err(FolderError::NotFound),
        Some(WhyNot::Forbidden) => Err(FolderError::NotYours),
        Some(WhyNot::Evidence) => Err(FolderError::Evidence),
    }
}

/// Returns the documents that a list selects.
pub async fn of_list(db: &Db, user: &User, list: &ListSelection) -> Result<Vec<DocumentId>, ListError> {
    let owing = if list.query.missing { Some(owing::flows(db).await?) } else { None };
    list.ids(db, user, owing).await
}

/// Returns the documents in the trash that a list selects.
pub async fn of_trash(db: &Db, user: &User, list: &ListSelection) -> Result<Vec<DocumentId>, ListError> {
    let owing = if list.query.missing { Some(owing::flows(db).await?) } else { None };
    list.trashed(db, &Sight::of(db, user).await?, owing).await
}

/// Does something with many documents.
pub async fn many(acting: Acting<'_>, ids: &[DocumentId], deed: Deed) -> Result<BatchResult, FolderError> {
    let mut result = BatchResult::new(BatchId::new());
    for ids in ids.chunks(PIECE) {
        let mut tx = acting.db.begin().await?;
        let piece = piece(&mut tx, acting, ids, &deed, &result.batch).await?;
        if piece.done > 0 {
            record_each(&mut tx, acting, deed.act(false), &piece.changed).await?;
            let detail = piece.detail(&deed, true).unwrap_or_default();
            acting.commit(tx, acting.entry(deed.act(true), result.batch.as_str()).detail(&detail)).await?;
        }
        result.done += piece.done;
        result.refused.extend(piece.refused);
        result.folders.extend(piece.folders);
    }
    if result.found_nothing() { Err(FolderError::NotFound) } else { Ok(result) }
}

struct Piece {
    done: usize,
    refused: Vec<RefusedDocument>,
    copies: Vec<DocumentId>,
    /// The documents that were changed.
    changed: Vec<ChangedDocument>,
    /// The name of the folder into which they went.
    folder: Option<String>,
    /// The folders whose lists have changed.
    folders: BTreeSet<FolderId>,
}

impl Piece {
    /// Returns what the audit log says of one document or of many. `None`: nothing was done.
    fn detail(&self, deed: &Deed, many: bool) -> Option<String> {
        let first = self.changed.first()?;
        Some(match (deed, &self.folder) {
            _ if !many => first.detail.clone(),
            (Deed::Move(_) | Deed::Copy(_), Some(folder)) => format!("{} documents → {folder}", self.done),
            _ => format!("{} documents", self.done),
        })
    }
}

/// Does something with the documents of one transaction. The caller records and commits it.
async fn piece(
    tx: &mut Tx,
    acting: Acting<'_>,
    ids: &[DocumentId],
    deed: &Deed,
    batch: &BatchId,
) -> Result<Piece, FolderError> {
    let sight = Sight::of(&mut *tx, acting.user).await?;
    let target = match deed {
        Deed::Move(folder) | Deed::Copy(folder) => Some(held(tx, folder, &sight).await?),
        Deed::Trash => None,
    };
    let found = Document::seen(&mut *tx, ids, &sight).await?;
    let (mut allowed, mut refused) = (Vec::new(), Vec::new());
    for id in ids {
        let document = found.iter().find(|document| document.id == *id);
        match may_do(tx, document, deed, target.as_ref(), &sight).await? {
            Ok(document) => allowed.push(document),
            Err(code) => refused.push(RefusedDocument { id: id.clone(), code }),
        }
    }
    let mut folders = BTreeSet::new();
    if !allowed.is_empty() {
        folders.extend(target.iter().map(|folder| folder.id.clone()));
    }
    if !matches!(deed, Deed::Copy(_)) {
        folders.extend(allowed.iter().map(|document| document.folder_id.clone()));
    }
    let copies = carry_out(tx, &allowed, deed, batch, &acting.user.username, acting.now).await?;
    let folder = target.map(|target| target.name);
    let changed = |document: &&Document| ChangedDocument {
        id: document.id.clone(),
        flow: document.flow_id.clone(),
        detail: folder.as_ref().map_or_else(|| document.name.clone(), |folder| format!("{} → {folder}", document.name)),
    };
    let changed = allowed.iter().map(changed).collect();
    Ok(Piece { done: allowed.len(), refused, copies, changed, folder, folders })
}

/// Returns a folder that the user manages, and keeps it out of the trash until `tx` ends.
pub(super) async fn held(tx: &mut Tx, id: &FolderId, sight: &Sight) -> Result<Folder, FolderError> {
    managed(&mut *tx, id, sight).await?;
    Folder::hold(tx, id).await?.ok_or(FolderError::NotFound)
}

/// Checks a right on a document that the user sees.
fn may(document: &Document, right: Right, sight: &Sight) -> Result<(), FolderError> {
    if document.by_folder(sight).has(right) { Ok(()) } else { Err(FolderError::NotYours) }
}

/// Returns the document if the deed is allowed, otherwise why not.
async fn may_do<'d>(
    tx: &mut Tx,
    document: Option<&'d Document>,
    deed: &Deed,
    target: Option<&Folder>,
    sight: &Sight,
) -> Result<Result<&'d Document, WhyNot>, DbError> {
    let Some(document) = document else { return Ok(Err(WhyNot::NotFound)) };
    let held = document.by_folder(sight);
    let refused = match deed {
        // A participant of the flow downloads through the flow.
        Deed::Copy(_) if !held.has(Right::Download) => {
            let known = shown::takes_part(&mut *tx, document, sight).await?;
            (!known).then_some(WhyNot::Forbidden)
        }
        Deed::Copy(_) => None,
        Deed::Move(_) | Deed::Trash if !held.has(Right::Manage) => Some(WhyNot::Forbidden),
        Deed::Trash => document.is_evidence().then_some(WhyNot::Evidence),
        Deed::Move(_) => leaves_space(tx, document, target, sight).await?.then_some(WhyNot::Evidence),
    };
    Ok(refused.map_or(Ok(document), Err))
}

/// Returns true if evidence would leave its space. Only an administrator moves it there.
async fn leaves_space(
    tx: &mut Tx,
    document: &Document,
    target: Option<&Folder>,
    sight: &Sight,
) -> Result<bool, DbError> {
    if !document.is_evidence() || sight.user().is_admin() {
        return Ok(false);
    }
    let from = Folder::find(tx, &document.folder_id).await?;
    let place = |folder: &Folder| (folder.space, folder.owner.clone());
    Ok(from.as_ref().map(place) != target.map(place))
}

async fn carry_out(
    tx: &mut Tx,
    documents: &[&Document],
    deed: &Deed,
    batch: &BatchId,
    by: &str,
    now: Timestamp,
) -> Result<Vec<DocumentId>, DbError> {
    let mut ids: Vec<DocumentId> = documents.iter().map(|document| document.id.clone()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // In one order, so that two such acts do not wait for each other.
    ids.sort();
    let mut copies = Vec::new();
    match deed {
        Deed::Move(folder) => _ = act::move_all(tx, &ids, folder).await?,
        Deed::Trash => _ = act::trash_all(tx, &ids, batch, by, now).await?,
        Deed::Copy(folder) => {
            for document in documents {
                let copy = act::copy(tx, document, folder, by, now).await?;
                search_terms::add_alone(tx, &copy, &document.name).await?;
                copies.push(copy);
            }
        }
    }
    Ok(copies)
}
