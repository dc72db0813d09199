//! Files in a field of a flow. Users upload them and can remove them until the flow is archived. After that, a file for the
//! stamped-file field is a supplement, and no file is removed.

use crate::content::receive::{Batch, StoredUpload, UploadError};
use crate::{
    app::{App, ChangeNotice, ChangeSubject},
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{DbError, Tx, sql},
    definition::{Body, Definition, FieldType},
    flow::{
        Flow, FlowState,
        event::{self, EventKind, NewEvent},
        people, settle,
    },
    id::{DocumentId, FlowId},
    library::{
        document::{Document, DocumentSource, NewDocument},
        folder::{self, Place},
        search_terms,
    },
    original::Original,
    seal_use::delivery,
    user::User,
};

/// A field that accepts files now.
#[derive(Debug)]
pub struct Target {
    flow: Flow,
    body: Body,
    key: String,
    place: Place,
}

impl Target {
    /// Returns the field `key` of a flow, if it accepts files now.
    pub async fn find(app: &App, id: &FlowId, key: &str) -> Result<Self, UploadError> {
        let flow = Flow::find(&app.db, id).await?.ok_or(UploadError::NotFound)?;
        let body = Definition::version(&app.db, &flow.definition_id, flow.version).await?.body;
        open(&flow, &body, key)?;
        let starter = User::named(&app.db, &flow.starter).await?.ok_or(UploadError::NotFound)?;
        let integration = body.integration.as_ref();
        let path = integration.and_then(|integration| {
            let stamped = integration.stamped_file_field.as_deref() == Some(key);
            integration.stamped_folder.as_ref().filter(|_| stamped).or(integration.download_folder.as_ref())
        });
        let mut tx = app.db.begin().await?;
        let place = folder::ensure(&mut tx, path, &starter, app.clock.now()).await?;
        tx.commit().await?;
        Ok(Self { flow, body, key: key.to_owned(), place })
    }
}

/// Checks that the field accepts files now. The caller checks the user's rights before.
fn open(flow: &Flow, body: &Body, key: &str) -> Result<(), UploadError> {
    let stamped = body.integration.as_ref().and_then(|integration| integration.stamped_file_field.as_deref());
    let late = flow.state == FlowState::Archived && stamped == Some(key);
    if !late && !matches!(flow.state, FlowState::Running | FlowState::Rejected) {
        return Err(UploadError::NotRunning(flow.state));
    }
    let field = body.field(key).ok_or(UploadError::NotFound)?;
    if field.field_type != FieldType::Files {
        return Err(UploadError::NotAFilesField(key.to_owned()));
    }
    if body.integration.as_ref().is_some_and(|integration| integration.download_field.as_deref() == Some(key)) {
        return Err(UploadError::DownloadField(key.to_owned()));
    }
    Ok(())
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
    let flow = Flow::lock(&mut tx, &target.flow.id).await?.ok_or(UploadError::NotFound)?;
    // The flow may have moved on during the upload.
    open(&flow, &target.body, &target.key)?;
    let documents = insert(&mut tx, &target, &stored, user, now).await?;
    let names: Vec<&str> = stored.iter().map(|one| one.name.as_str()).collect();
    let detail = format!("{}: {}", target.key, names.join(", "));
    let happened =
        NewEvent { actor: &user.username, act: EventKind::Uploaded, node: flow.node.as_deref(), detail: Some(&detail) };
    event::record(&mut tx, &flow.id, happened, now).await?;
    people::acted(&mut tx, &flow.id, &user.username).await?;
    if delivery::sends_at_once(&target.body, flow.node.as_deref()) {
        delivery::queue_stamped_files(&mut tx, &flow.id, &target.body, now).await?;
    }
    settle::settle(&mut tx, &flow.id, now).await?;
    for (id, one) in documents.iter().zip(&stored) {
        let entry =
            NewEntry::new(&user.username, Act::DocumentUploaded, id.as_str()).of_flow(&flow.id).detail(&one.name);
        audit::record(&mut tx, entry, now).await?;
    }
    tx.commit().await?;
    let mut shown = Vec::with_capacity(documents.len());
    for id in documents {
        notify_listeners(app, &id, &flow.id, "uploaded");
        shown.extend(Document::find(&app.db, &id).await?);
    }
    Ok(shown)
}

async fn insert(
    tx: &mut Tx,
    target: &Target,
    stored: &[StoredUpload],
    user: &User,
    now: Timestamp,
) -> Result<Vec<DocumentId>, DbError> {
    // Two flows can add files of one name to one folder. The lock orders them.
    sql("SELECT id FROM folders WHERE id = $1 {for_update}")
        .bind(&target.place.folder)
        .scalar::<String>(&mut *tx)
        .await?;
    let mut placed = Vec::with_capacity(stored.len());
    for one in stored {
        let document = NewDocument {
            folder: target.place.folder.clone(),
            name: crate::library::document::name::of_upload(&one.name),
            original: one.original.hash.clone(),
            source: DocumentSource::Upload,
            flow: Some(target.flow.id.clone()),
            field: Some(target.key.clone()),
            photo: None,
            by: user.username.clone(),
        };
        placed.push(document.insert(tx, now).await?);
    }
    let (ids, names): (Vec<_>, Vec<_>) = placed.into_iter().map(|placed| (placed.id, placed.name)).unzip();
    search_terms::add(tx, &target.flow.id, &names).await?;
    Ok(ids)
}

/// Removes a file from its field to the trash. Its bytes stay.
pub async fn take_out(
    app: &App,
    flow: &FlowId,
    key: &str,
    document: &DocumentId,
    user: &User,
) -> Result<(), UploadError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let flow = Flow::lock(&mut tx, flow).await?.ok_or(UploadError::NotFound)?;
    let body = Definition::version(&mut tx, &flow.definition_id, flow.version).await?.body;
    if !matches!(flow.state, FlowState::Running | FlowState::Rejected) {
        return Err(UploadError::NotRunning(flow.state));
    }
    let found = Document::find(&mut tx, document).await?.ok_or(UploadError::NotFound)?;
    if found.flow_id.as_ref() != Some(&flow.id) || found.field_key.as_deref() != Some(key) {
        return Err(UploadError::NotFound);
    }
    if found.source == DocumentSource::Photo {
        return Err(UploadError::PhotoDocument);
    }
    open(&flow, &body, key)?;
    crate::library::document::trash(&mut tx, document, &user.username, now).await?;
    let detail = format!("{key}: {}", found.name);
    let happened = NewEvent {
        actor: &user.username,
        act: EventKind::FileRemoved,
        node: flow.node.as_deref(),
        detail: Some(&detail),
    };
    event::record(&mut tx, &flow.id, happened, now).await?;
    people::acted(&mut tx, &flow.id, &user.username).await?;
    let entry =
        NewEntry::new(&user.username, Act::DocumentDeleted, document.as_str()).of_flow(&flow.id).detail(&found.name);
    audit::commit(tx, entry, now).await?;
    notify_listeners(app, document, &flow.id, "deleted");
    Ok(())
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
