//! Documents that only their flow shows. Lists, counts and searches of other users do not have them.

use crate::{
    clock::Timestamp,
    db::{DbError, Tx, sql},
    id::{DocumentId, FlowId, FolderId},
    library::search_terms,
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
    sql("UPDATE documents SET shelf = (
           SELECT CASE WHEN f.space = 'personal' THEN f.owner ELSE f.space END FROM folders f WHERE f.id = documents.folder_id)
         WHERE flow_id = $1 AND shelf = 'flow'")
    .bind(flow)
    .execute(tx)
    .await?;
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
    sql("UPDATE documents SET flow_id = NULL, field_key = NULL, position = NULL, folder_id = $2,
           shelf = (SELECT owner FROM folders WHERE id = $2),
           deleted_at = COALESCE(deleted_at, $3), deleted_by = COALESCE(deleted_by, $4) WHERE flow_id = $1")
    .bind(flow)
    .bind(folder)
    .bind(now)
    .bind(by)
    .execute(&mut *tx)
    .await?;
    search_terms::forget(tx, flow).await
}

/// Returns true if a draft has files, also removed ones.
pub async fn any_of_draft(tx: &mut Tx, flow: &FlowId) -> Result<bool, DbError> {
    sql("SELECT EXISTS (SELECT 1 FROM documents WHERE flow_id = $1)").bind(flow).scalar(tx).await
}
