//! Documents that only their flow shows. Lists, counts and searches of other users do not have them.

use crate::{
    clock::Timestamp,
    db::{DbError, Tx, sql},
    id::{BatchId, DocumentId, FlowId, FolderId},
    library::{document, search_terms, trash},
    vocabulary::words,
};

words! {
    /// Why only the flow shows a document.
    HiddenShelf {
        /// A form file of a flow that is not archived. Its participants and users who read everything see it.
        Flow = "flow",
        /// A file of a draft. Only the starter sees it.
        Draft = "draft",
    }
}

/// Shows the form files of a submitted draft to the participants of the flow.
pub async fn submit(tx: &mut Tx, flow: &FlowId) -> Result<(), DbError> {
    sql("UPDATE documents SET shelf = 'flow' WHERE flow_id = $1 AND shelf = 'draft'").bind(flow).execute(tx).await?;
    Ok(())
}

/// Gives the form files of an archived flow the rights of their folder.
pub async fn archive(tx: &mut Tx, flow: &FlowId) -> Result<(), DbError> {
    sql("UPDATE documents SET shelf = 'folder' WHERE flow_id = $1 AND shelf = 'flow'").bind(flow).execute(tx).await?;
    Ok(())
}

/// Moves the files of a draft that ends to the trash of `folder`. They become documents without a flow.
pub async fn part_from_draft(
    tx: &mut Tx,
    flow: &FlowId,
    folder: &FolderId,
    by: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let files: Vec<(DocumentId, String)> =
        sql("SELECT id, name FROM documents WHERE flow_id = $1 ORDER BY id").bind(flow).all(&mut *tx).await?;
    for (id, name) in &files {
        search_terms::add_alone(tx, id, name).await?;
    }
    sql("UPDATE documents SET flow_id = NULL, field_key = NULL, position = NULL, folder_id = $2, shelf = 'folder' WHERE flow_id = $1")
        .bind(flow)
        .bind(folder)
        .execute(&mut *tx)
        .await?;
    let ids: Vec<DocumentId> = files.into_iter().map(|(id, _)| id).collect();
    let batch = BatchId::new();
    for piece in ids.chunks(512) {
        // A file that the starter removed before is in the trash already, and shows its new place there.
        trash::move_rows(tx, piece, folder).await?;
        document::act::trash_all(tx, piece, &batch, by, now).await?;
    }
    search_terms::forget(tx, flow).await
}

/// Returns true if a draft has files, also removed ones.
pub async fn any_of_draft(tx: &mut Tx, flow: &FlowId) -> Result<bool, DbError> {
    sql("SELECT EXISTS (SELECT 1 FROM documents WHERE flow_id = $1)").bind(flow).scalar(tx).await
}
