//! Changes of the rows of documents: name, place, trash.

use super::{Document, DocumentSource, folded_names, shelf::HiddenShelf, sort_key};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx, padded, placeholders, sql},
    hash::Blake3,
    id::{BatchId, DocumentId, FlowId, FolderId},
    library::trash,
};

/// Renames a document. Searches find it by the earlier names, too. Afterwards call
/// [`add`](crate::library::search_terms::add), so that searches find the name.
pub async fn rename(tx: &mut Tx, id: &DocumentId, name: &str) -> Result<(), DbError> {
    let known: Option<(String,)> =
        sql("SELECT COALESCE(folded_names, lower(name {ascii})) FROM documents WHERE id = $1 AND name <> $2")
            .bind(id)
            .bind(name)
            .optional(&mut *tx)
            .await?;
    let Some((known,)) = known else { return Ok(()) };
    sql("UPDATE documents SET name = $1, folded_names = $2, name_key = $3 WHERE id = $4")
        .bind(name)
        .bind(folded_names(name, Some(&known)))
        .bind(sort_key::of_name(name))
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Moves a document to the trash. No list shows it, and it is not sent to the vendor. Its bytes are kept.
pub async fn trash(tx: &mut Tx, id: &DocumentId, by: &str, now: Timestamp) -> Result<(), DbError> {
    trash_all(tx, std::slice::from_ref(id), &BatchId::new(), by, now).await?;
    Ok(())
}

/// Moves documents to the trash. Returns their number.
pub async fn trash_all(
    tx: &mut Tx,
    ids: &[DocumentId],
    batch: &BatchId,
    by: &str,
    now: Timestamp,
) -> Result<u64, DbError> {
    trash::add_documents(tx, ids, batch, by, now).await?;
    let ids = padded(ids);
    sql(format!(
        "UPDATE documents SET deleted_at = $1, deleted_by = $2 WHERE deleted_at IS NULL AND id IN {}",
        placeholders(3, ids.len())
    ))
    .bind(now)
    .bind(by)
    .bind_all(&ids)
    .execute(tx)
    .await
}

/// Moves documents to a folder. The caller holds the folder. Returns their number.
pub async fn move_all(tx: &mut Tx, ids: &[DocumentId], folder: &FolderId) -> Result<u64, DbError> {
    let ids = padded(ids);
    let text = format!(
        "UPDATE documents SET folder_id = $1 WHERE deleted_at IS NULL AND id IN {}",
        placeholders(2, ids.len())
    );
    sql(text).bind(folder).bind_all(&ids).execute(tx).await
}

/// Takes documents out of the trash, into a folder. The caller holds the folder. A file that left its field is a
/// document without a flow.
pub async fn restore_all(tx: &mut Tx, ids: &[DocumentId], folder: &FolderId) -> Result<u64, DbError> {
    let ids = padded(ids);
    let text = format!(
        "UPDATE documents SET folder_id = $1, shelf = 'folder', flow_id = NULL, field_key = NULL, position = NULL,
           deleted_at = NULL, deleted_by = NULL WHERE deleted_at IS NOT NULL AND id IN {}",
        placeholders(2, ids.len())
    );
    sql(text).bind(folder).bind_all(&ids).execute(tx).await
}

/// Returns the contents of documents, in their order.
pub async fn originals_of(tx: &mut Tx, ids: &[DocumentId]) -> Result<Vec<Blake3>, DbError> {
    let ids = padded(ids);
    sql(format!(
        "SELECT DISTINCT original_hash FROM documents WHERE id IN {} ORDER BY original_hash",
        placeholders(1, ids.len())
    ))
    .bind_all(&ids)
    .scalars(tx)
    .await
}

/// Returns the name of a file that `by` moved from the field of a flow to the trash.
pub async fn name_of_removed(
    tx: &mut Tx,
    id: &DocumentId,
    (flow, field): (&FlowId, &str),
    by: &str,
) -> Result<Option<String>, DbError> {
    let found: Option<(String,)> =
        sql("SELECT name FROM documents WHERE id = $1 AND flow_id = $2 AND field_key = $3 AND deleted_at IS NOT NULL AND deleted_by = $4")
            .bind(id)
            .bind(flow)
            .bind(field)
            .bind(by)
            .optional(tx)
            .await?;
    Ok(found.map(|(name,)| name))
}

/// Takes a file out of the trash, to its place in its field. The caller holds the folder. Returns false if another caller
/// restored or removed the file meanwhile.
pub async fn put_back(
    tx: &mut Tx,
    id: &DocumentId,
    folder: &FolderId,
    shelf: Option<HiddenShelf>,
) -> Result<bool, DbError> {
    // The row of the trash comes first, as in a removal for good. So only one of both acts.
    if trash::forget(tx, &[id.as_str()]).await? == 0 {
        return Ok(false);
    }
    let text = "UPDATE documents SET folder_id = $1, shelf = $2, deleted_at = NULL, deleted_by = NULL WHERE id = $3";
    let shelf = shelf.map_or("folder", HiddenShelf::as_str);
    Ok(sql(text).bind(folder).bind(shelf).bind(id).execute(tx).await? == 1)
}

/// Removes the rows of documents. Their originals may have other documents.
pub async fn remove_all(tx: &mut Tx, ids: &[DocumentId]) -> Result<u64, DbError> {
    let ids = padded(ids);
    sql(format!("DELETE FROM documents WHERE id IN {}", placeholders(1, ids.len()))).bind_all(&ids).execute(tx).await
}

/// Copies a document into a folder: a row. The caller holds the folder. A copy of a face photo is a face photo. A copy
/// belongs to no flow.
pub async fn copy(
    tx: &mut Tx,
    document: &Document,
    folder: &FolderId,
    by: &str,
    now: Timestamp,
) -> Result<DocumentId, DbError> {
    let id = DocumentId::new();
    let written = sql("INSERT INTO documents (id, folder_id, shelf, name, folded_names, original_hash, source, copied_photo_id, kind, seal,
           user_name, username, received_at, taken_key, name_key, bytes, created_by, created_at)
         SELECT $1, $2, 'folder', name, folded_names, original_hash, $3, COALESCE(photo_id, copied_photo_id), kind, seal,
           user_name, username, received_at, taken_key, name_key, bytes, $4, $5
         FROM documents WHERE id = $6 AND deleted_at IS NULL")
        .bind(&id)
        .bind(folder)
        .bind(DocumentSource::Copy)
        .bind(by)
        .bind(now)
        .bind(&document.id)
        .execute(tx)
        .await?;
    if written == 1 { Ok(id) } else { Err(DbError::RowNotFound) }
}
