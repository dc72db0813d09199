//! Files that users upload into a folder.

use super::folders::{FolderError, check};
use crate::{
    app::App,
    audit::{self, Act, NewEntry},
    content::receive::{Batch, UploadError},
    id::{DocumentId, FolderId},
    library::{
        document::{self, Document, DocumentSource, NewDocument, shown},
        folder::{Folder, Place},
        rights::{Right, Sight},
        search_terms,
    },
    original::Original,
    user::User,
};

/// Returns the folder as a place for uploads, if the user manages it.
pub async fn place(app: &App, id: &FolderId, user: &User) -> Result<Place, FolderError> {
    let mut tx = app.db.begin().await?;
    let sight = Sight::of(&mut tx, user).await?;
    let folder = Folder::find(&mut tx, id).await?.ok_or(FolderError::NotFound)?;
    check(sight.on(&folder), Right::Manage)?;
    Place::of(&mut tx, id).await?.ok_or(FolderError::NotFound)
}

/// Creates documents of the files, in one transaction.
pub async fn add(app: &App, place: &Place, user: &User, batch: Batch) -> Result<Vec<Document>, UploadError> {
    if batch.is_empty() {
        return Err(UploadError::NoFile);
    }
    let stored = batch.store(app, place).await?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    Original::insert_all(&mut tx, stored.iter().map(|one| &one.original)).await?;
    // The user may have lost the right while the files arrived.
    let folder = Folder::hold(&mut tx, &place.folder).await?.ok_or(UploadError::NotFound)?;
    if !Sight::of(&mut tx, user).await?.on(&folder).has(Right::Manage) {
        return Err(UploadError::NotFound);
    }
    let mut ids: Vec<DocumentId> = Vec::with_capacity(stored.len());
    for one in &stored {
        let document = NewDocument {
            folder: place.folder.clone(),
            name: document::name::of_upload(&one.name),
            original: one.original.hash.clone(),
            source: DocumentSource::Upload,
            flow: None,
            field: None,
            photo: None,
            by: user.username.clone(),
        };
        let id = document.insert(&mut tx, now).await?;
        search_terms::add_alone(&mut tx, &id, &document.name).await?;
        ids.push(id);
    }
    for (id, one) in ids.iter().zip(&stored) {
        let entry = NewEntry::new(&user.username, Act::DocumentUploaded, id.as_str()).detail(&one.name);
        audit::record(&mut tx, entry, now).await?;
    }
    tx.commit().await?;
    let sight = Sight::of(&app.db, user).await?;
    let mut documents = Document::seen(&app.db, &ids, &sight).await?;
    documents.sort_by_key(|document| ids.iter().position(|id| *id == document.id));
    shown::complete(&app.db, &mut documents, &sight).await?;
    Ok(documents)
}
