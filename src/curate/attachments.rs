//! Files in a field of a flow. Users upload them and can remove them until the flow is archived. After that, a file for the
//! stamped-file field is a supplement, and no file is removed.

pub mod removal;

use crate::content::receive::{Batch, StoredUpload, UploadError};
use crate::{
    app::{App, ChangeNotice, ChangeSubject},
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{DbError, On, Tx},
    definition::{Body, Definition, Field, FieldType, folders::FolderPurpose},
    flow::{
        Flow, FlowState,
        case::Case,
        event::{self, EventKind, NewEvent},
        people, settle,
    },
    id::{DocumentId, FlowId},
    library::{
        document::{self, Document, DocumentSource, NewDocument, shelf::HiddenShelf, shown},
        folder::{Folder, Place},
        rights::Sight,
        search_terms,
    },
    original::Original,
    seal_use::delivery,
    user::User,
};

/// A field that accepts files now.
#[derive(Debug)]
pub struct Target {
    id: FlowId,
    key: String,
    place: Place,
}

impl Target {
    /// Returns the field `key` of a flow, if it accepts files now.
    pub async fn find(app: &App, id: &FlowId, key: &str) -> Result<Self, UploadError> {
        let flow = Flow::find(&app.db, id).await?.ok_or(UploadError::NotFound)?;
        let definition = definition_of(&app.db, &flow).await?;
        let field = open(&flow, &definition.body, key)?;
        let purpose = purpose_of(&definition.body, field);
        let mut tx = app.db.begin().await?;
        let place = place_of(&mut tx, &flow, &definition, purpose, app.clock.now()).await?;
        tx.commit().await?;
        Ok(Self { id: flow.id, key: key.to_owned(), place })
    }
}

/// Returns the definition whose fields the flow has. A draft has the current version.
async fn definition_of<'c>(on: impl Into<On<'c>>, flow: &Flow) -> Result<Definition, UploadError> {
    match flow.state {
        FlowState::Draft => Definition::current(on, &flow.definition_id).await?.ok_or(UploadError::NotFound),
        _ => Ok(Definition::version(on, &flow.definition_id, flow.version).await?),
    }
}

/// Other form files are not public: they lie in the system space.
fn purpose_of(body: &Body, field: &Field) -> FolderPurpose {
    if body.is_stamped_file(field) { FolderPurpose::Stamped } else { FolderPurpose::Files }
}

async fn place_of(
    tx: &mut Tx,
    flow: &Flow,
    definition: &Definition,
    purpose: FolderPurpose,
    now: Timestamp,
) -> Result<Place, UploadError> {
    let starter = User::named(&mut *tx, &flow.starter).await?.ok_or(UploadError::NotFound)?;
    Ok(definition.place(tx, purpose, &starter, now).await?)
}

/// Returns the folder for the files of an upload. If a user deleted it during the upload, it is created again. It stays
/// until the transaction ends.
async fn present_place(tx: &mut Tx, case: &Case, key: &str, now: Timestamp) -> Result<Place, UploadError> {
    let flow = &case.flow;
    let definition = definition_of(&mut *tx, flow).await?;
    let field = definition.body.field(key).ok_or(UploadError::NotFound)?;
    let purpose = purpose_of(&definition.body, field);
    for _ in 0..TRIES {
        let place = place_of(tx, flow, &definition, purpose, now).await?;
        if Folder::hold(tx, &place.folder).await?.is_some() {
            return Ok(place);
        }
    }
    Err(UploadError::NoFolder)
}

/// Each try fails only if a user deletes the folder at the same moment.
const TRIES: usize = 3;

/// Checks that the field accepts files now. The caller checks the user's rights before.
fn open<'b>(flow: &Flow, body: &'b Body, key: &str) -> Result<&'b Field, UploadError> {
    let late = flow.state == FlowState::Archived && body.field(key).is_some_and(|field| body.is_stamped_file(field));
    if !late && !matches!(flow.state, FlowState::Draft | FlowState::Running | FlowState::Rejected) {
        return Err(UploadError::NotRunning(flow.state));
    }
    let field = body.field(key).ok_or(UploadError::NotFound)?;
    if field.field_type != FieldType::Files {
        return Err(UploadError::NotAFilesField(key.to_owned()));
    }
    if body.integration.as_ref().is_some_and(|integration| integration.download_field.as_deref() == Some(key)) {
        return Err(UploadError::DownloadField(key.to_owned()));
    }
    Ok(field)
}

/// Locks the flow, and checks that the user may change the files of the field now. The flow may have moved on since the
/// request began.
async fn lock(tx: &mut Tx, id: &FlowId, key: &str, user: &User) -> Result<Case, UploadError> {
    let mut case = Case::lock(tx, id, user).await?.ok_or(UploadError::NotFound)?;
    if case.flow.state == FlowState::Draft {
        case.body = definition_of(&mut *tx, &case.flow).await?.body;
    }
    open(&case.flow, &case.body, key)?;
    if case.editable(tx, user).await?.iter().any(|editable| editable == key) {
        Ok(case)
    } else {
        Err(UploadError::NotEditable(key.to_owned()))
    }
}

/// Returns where a file of this field is hidden until the archive. `None` for a stamped file.
fn shelf_of(case: &Case, key: &str) -> Option<HiddenShelf> {
    match case.flow.state {
        FlowState::Draft => Some(HiddenShelf::Draft),
        _ => Some(HiddenShelf::Flow)
            .filter(|_| !case.body.field(key).is_some_and(|field| case.body.is_stamped_file(field))),
    }
}

/// Creates documents of the files, at the end of the field, in one transaction. Wakes the jobs that wait for them.
pub async fn attach(app: &App, target: Target, user: &User, batch: Batch) -> Result<Vec<Document>, UploadError> {
    if batch.is_empty() {
        return Err(UploadError::NoFile);
    }
    let stored = batch.store(app, &target.place).await?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    // Before the lock of the flow, in the same order as a pass.
    Original::insert_all(&mut tx, stored.iter().map(|one| &one.original)).await?;
    let case = lock(&mut tx, &target.id, &target.key, user).await?;
    let flow = &case.flow;
    let place = present_place(&mut tx, &case, &target.key, now).await?;
    let target = Target { place, ..target };
    let documents = insert(&mut tx, &target, shelf_of(&case, &target.key), &stored, user, now).await?;
    let names: Vec<&str> = stored.iter().map(|one| one.name.as_str()).collect();
    let detail = format!("{}: {}", target.key, names.join(", "));
    let happened =
        NewEvent { actor: &user.username, act: EventKind::Uploaded, node: flow.node.as_deref(), detail: Some(&detail) };
    event::record(&mut tx, &flow.id, happened, now).await?;
    changed(&mut tx, &case, user, now).await?;
    if delivery::sends_at_once(&case.body, flow.node.as_deref()) {
        delivery::queue_stamped_files(&mut tx, &flow.id, &case.body, now).await?;
    }
    settle::settle(&mut tx, &flow.id, now).await?;
    for (id, one) in documents.iter().zip(&stored) {
        let entry = NewEntry::new(&user.username, Act::DocumentUploaded, id.as_str()).of_flow(&flow.id);
        audit::record(&mut tx, entry.detail(shown_name(&case, &one.name)), now).await?;
    }
    tx.commit().await?;
    let mut shown = Vec::with_capacity(documents.len());
    for id in documents {
        notify_listeners(app, &id, &flow.id, "uploaded");
        shown.extend(Document::find(&app.db, &id).await?);
    }
    shown::complete(&app.db, &mut shown, &Sight::of(&app.db, user).await?).await?;
    Ok(shown)
}

/// Returns the name of a file for the audit log. Only the starter reads the names of a draft's files.
fn shown_name<'n>(case: &Case, name: &'n str) -> &'n str {
    if case.flow.state == FlowState::Draft { "a file of a draft" } else { name }
}

/// Records that the user changed the files of the flow. A draft is in no list of handled flows.
async fn changed(tx: &mut Tx, case: &Case, user: &User, now: Timestamp) -> Result<(), DbError> {
    if case.flow.state == FlowState::Draft {
        return case.flow.touch(tx, now).await;
    }
    people::acted(tx, &case.flow.id, &user.username).await
}

async fn insert(
    tx: &mut Tx,
    target: &Target,
    shelf: Option<HiddenShelf>,
    stored: &[StoredUpload],
    user: &User,
    now: Timestamp,
) -> Result<Vec<DocumentId>, DbError> {
    let (mut ids, mut names) = (Vec::with_capacity(stored.len()), Vec::with_capacity(stored.len()));
    for one in stored {
        let document = NewDocument {
            folder: target.place.folder.clone(),
            name: document::name::of_upload(&one.name),
            original: one.original.hash.clone(),
            source: DocumentSource::Upload,
            flow: Some(target.id.clone()),
            field: Some(target.key.clone()),
            photo: None,
            by: user.username.clone(),
        };
        ids.push(match shelf {
            Some(shelf) => document.insert_hidden(tx, shelf, now).await?,
            None => document.insert(tx, now).await?,
        });
        names.push(document.name);
    }
    search_terms::add(tx, &target.id, &names).await?;
    Ok(ids)
}

fn notify_listeners(app: &App, document: &DocumentId, flow: &FlowId, state: &str) {
    app.notify_listeners(ChangeNotice {
        about: ChangeSubject::Document,
        id: document.to_string(),
        flow_id: flow.to_string(),
        state: state.to_owned(),
        received: 0,
        expected: 0,
    });
}
