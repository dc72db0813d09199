//! Removes things from the trash for good, by a user or after `trash.keep`. A tombstone stays.

use super::folders::FolderError;
use crate::{
    app::App,
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{Db, DbError, Tx},
    flow::event::YINKU,
    id::{DocumentId, FolderId},
    library::{
        document::act,
        folder::{Folder, tree},
        rights::Sight,
        search_terms,
        trash::{TrashRow, Trashed, removal},
    },
    original::parted,
    seal_use::delivery,
    user::Acting,
};

/// Things that one round of the schedule removes.
const ROUND: i64 = 100;

/// Removes a document or folder in the trash for good.
pub async fn remove(acting: Acting<'_>, id: &str) -> Result<(), FolderError> {
    let sight = Sight::of(acting.db, acting.user).await?;
    let row = TrashRow::managed(acting.db, id, &sight).await?;
    let row = row.filter(|row| row.tombstone.is_none()).ok_or(FolderError::NotFound)?;
    if bury(acting.db, &row, &acting.user.username, acting.now).await? { Ok(()) } else { Err(FolderError::NotFound) }
}

/// Removes what has been in the trash for `trash.keep`. Returns the number of things.
pub async fn empty(app: &App) -> Result<usize, DbError> {
    let now = app.clock.now();
    let before = now.minus(app.config.trash.keep.get());
    let mut removed = 0;
    // A process that ended in the middle of a folder left a part of it.
    for folder in removal::half_removed(&app.db).await? {
        remove_folder(&app.db, &folder, now).await?;
    }
    loop {
        let rows = TrashRow::old(&app.db, before, ROUND).await?;
        if rows.is_empty() {
            return Ok(removed);
        }
        for row in &rows {
            removed += usize::from(bury(&app.db, row, YINKU, now).await?);
        }
    }
}

/// Writes the tombstone, then removes the rows. Returns false if another caller was quicker.
async fn bury(db: &Db, row: &TrashRow, by: &str, now: Timestamp) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    if row.kind == Trashed::Folder {
        tree::lock(&mut tx).await?;
    }
    if !row.bury(&mut tx, by, now).await? {
        return Ok(false);
    }
    if row.kind == Trashed::Folder {
        let id: FolderId = row.id.parse().map_err(|_| DbError::RowNotFound)?;
        if let Some(folder) = Folder::find(&mut tx, &id).await? {
            for below in TrashRow::below(&mut tx, &folder).await? {
                below.bury(&mut tx, by, now).await?;
            }
        }
    } else {
        let id: DocumentId = row.id.parse().map_err(|_| DbError::RowNotFound)?;
        remove_documents(&mut tx, &[id], now).await?;
    }
    audit::commit(tx, NewEntry::new(by, Act::TrashRemoved, &row.id).detail(&row.name), now).await?;
    if row.kind == Trashed::Folder {
        let id: FolderId = row.id.parse().map_err(|_| DbError::RowNotFound)?;
        remove_folder(db, &id, now).await?;
    }
    Ok(true)
}

/// Removes the rows of a folder that has its tombstone, with all below it, in short transactions.
async fn remove_folder(db: &Db, id: &FolderId, now: Timestamp) -> Result<(), DbError> {
    loop {
        let mut tx = db.begin().await?;
        tree::lock(&mut tx).await?;
        let Some(folder) = Folder::find(&mut tx, id).await? else { return Ok(()) };
        let documents = removal::documents_below(&mut tx, &folder).await?;
        if documents.is_empty() {
            removal::remove_folders(&mut tx, &folder).await?;
            return tx.commit().await;
        }
        remove_documents(&mut tx, &documents, now).await?;
        tx.commit().await?;
    }
}

async fn remove_documents(tx: &mut Tx, ids: &[DocumentId], now: Timestamp) -> Result<(), DbError> {
    let originals = act::originals_of(&mut *tx, ids).await?;
    parted::note(&mut *tx, &originals, now).await?;
    delivery::forget_documents(tx, ids).await?;
    search_terms::forget_alone(tx, ids).await?;
    act::remove_all(tx, ids).await?;
    Ok(())
}
