//! A file leaves its field, and its removal is taken back.

use super::{changed, lock, notify_listeners, present_place, shelf_of, shown_name};
use crate::{
    app::App,
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    content::receive::UploadError,
    db::{DbError, Tx},
    flow::{
        FlowState,
        case::Case,
        event::{self, EventKind, NewEvent},
        settle,
    },
    id::{DocumentId, FlowId},
    library::document::{self, Document, DocumentSource, act},
    seal_use::{delivery, sent_document},
    user::User,
};

/// Removes a file from its field to the trash. Its bytes stay. A file that the vendor got is evidence: it leaves its
/// field and stays a document of the flow.
pub async fn take_out(
    app: &App,
    flow: &FlowId,
    key: &str,
    document: &DocumentId,
    user: &User,
) -> Result<(), UploadError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let case = lock(&mut tx, flow, key, user).await?;
    let flow = &case.flow;
    if flow.state == FlowState::Archived {
        return Err(UploadError::NotRunning(flow.state));
    }
    let found = Document::find(&mut tx, document).await?.ok_or(UploadError::NotFound)?;
    if found.flow_id.as_ref() != Some(&flow.id) || found.field_key.as_deref() != Some(key) {
        return Err(UploadError::NotFound);
    }
    if found.source == DocumentSource::Photo {
        return Err(UploadError::PhotoDocument);
    }
    if sent_document::went_to_vendor(&mut tx, document).await? {
        document::leave_field(&mut tx, document).await?;
    } else {
        document::trash(&mut tx, document, &user.username, now).await?;
    }
    happened(&mut tx, &case, user, EventKind::FileRemoved, (key, &found.name), now).await?;
    let entry = NewEntry::new(&user.username, Act::DocumentDeleted, document.as_str()).of_flow(&flow.id);
    audit::commit(tx, entry.detail(shown_name(&case, &found.name)), now).await?;
    notify_listeners(app, document, &flow.id, "deleted");
    Ok(())
}

/// Takes the removal of a file back: it stands in its field again, where it stood. Only the user who removed it can do
/// this, and only as long as the user may change the field.
pub async fn put_back(
    app: &App,
    flow: &FlowId,
    key: &str,
    document: &DocumentId,
    user: &User,
) -> Result<(), UploadError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let case = lock(&mut tx, flow, key, user).await?;
    let flow = &case.flow;
    let name = act::name_of_removed(&mut tx, document, (&flow.id, key), &user.username).await?;
    let name = name.ok_or(UploadError::NotFound)?;
    let place = present_place(&mut tx, &case, key, now).await?;
    if !act::put_back(&mut tx, document, &place.folder, shelf_of(&case, key)).await? {
        return Err(UploadError::NotFound);
    }
    happened(&mut tx, &case, user, EventKind::FileRestored, (key, &name), now).await?;
    if delivery::sends_at_once(&case.body, flow.node.as_deref()) {
        delivery::queue_stamped_files(&mut tx, &flow.id, &case.body, now).await?;
    }
    settle::settle(&mut tx, &flow.id, now).await?;
    let entry = NewEntry::new(&user.username, Act::DocumentRestored, document.as_str()).of_flow(&flow.id);
    audit::commit(tx, entry.detail(shown_name(&case, &name)), now).await?;
    notify_listeners(app, document, &flow.id, "restored");
    Ok(())
}

/// Records what the user did with a file of a field.
async fn happened(
    tx: &mut Tx,
    case: &Case,
    user: &User,
    act: EventKind,
    (key, name): (&str, &str),
    now: Timestamp,
) -> Result<(), DbError> {
    let detail = format!("{key}: {name}");
    let node = case.flow.node.as_deref();
    let happened = NewEvent { actor: &user.username, act, node, detail: Some(&detail) };
    event::record(tx, &case.flow.id, happened, now).await?;
    changed(tx, case, user, now).await
}
