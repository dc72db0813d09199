//! Takes documents out of the trash: one, many, or those of one trashing.

use std::collections::HashSet;

use super::{
    BatchResult, PIECE, RefusedDocument, WhyNot,
    changed::{ChangedDocument, record_each},
    held,
};
use crate::{
    audit::Act,
    curate::folders::{FolderError, check},
    db::{DbError, Tx},
    id::{BatchId, DocumentId, FolderId},
    library::{
        document::act,
        folder::Folder,
        rights::{Right, Sight},
        search_terms,
        trash::{self, TrashRow, Trashed},
    },
    user::Acting,
};

/// Takes a document out of the trash: to where it was, or into another folder.
pub async fn one(acting: Acting<'_>, id: &DocumentId, into: Option<&FolderId>) -> Result<(), FolderError> {
    let mut tx = acting.db.begin().await?;
    let sight = Sight::of(&mut tx, acting.user).await?;
    let row = TrashRow::managed(&mut tx, id.as_str(), &sight).await?;
    let row = row.filter(|row| row.tombstone.is_none()).ok_or(FolderError::NotFound)?;
    restore_row(&mut tx, &row, into, &sight).await?;
    acting.commit(tx, acting.entry(Act::DocumentRestored, id.as_str()).detail(&row.name)).await?;
    Ok(())
}

/// Takes one trashing of many documents back.
pub async fn batch(acting: Acting<'_>, id: &BatchId, into: Option<&FolderId>) -> Result<BatchResult, FolderError> {
    let sight = Sight::of(acting.db, acting.user).await?;
    let rows = TrashRow::of_batch(acting.db, id, &sight).await?;
    let rows: Vec<TrashRow> = rows.into_iter().filter(|row| row.kind == Trashed::Document).collect();
    if rows.is_empty() {
        return Err(FolderError::NotFound);
    }
    let mut result = BatchResult::new(id.clone());
    for rows in rows.chunks(PIECE) {
        restore_rows(acting, rows, into, &mut result).await?;
    }
    Ok(result)
}

/// Takes many documents out of the trash.
pub async fn many(acting: Acting<'_>, ids: &[DocumentId], into: Option<&FolderId>) -> Result<BatchResult, FolderError> {
    let mut result = BatchResult::new(BatchId::new());
    for ids in ids.chunks(PIECE) {
        let sight = Sight::of(acting.db, acting.user).await?;
        let rows = TrashRow::managed_documents(acting.db, ids, &sight).await?;
        let known: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let unknown = ids.iter().filter(|id| !known.contains(id.as_str()));
        result.refused.extend(unknown.map(|id| RefusedDocument { id: id.clone(), code: WhyNot::NotFound }));
        restore_rows(acting, &rows, into, &mut result).await?;
    }
    if result.found_nothing() { Err(FolderError::NotFound) } else { Ok(result) }
}

impl ChangedDocument {
    fn restored(row: &TrashRow) -> Result<Self, DbError> {
        let id = row.id.parse().map_err(|_| DbError::RowNotFound)?;
        Ok(Self { id, flow: None, detail: row.name.clone() })
    }
}

/// Restores the documents of one transaction.
async fn restore_rows(
    acting: Acting<'_>,
    rows: &[TrashRow],
    into: Option<&FolderId>,
    result: &mut BatchResult,
) -> Result<(), FolderError> {
    let mut tx = acting.db.begin().await?;
    let sight = Sight::of(&mut tx, acting.user).await?;
    if let Some(folder) = into {
        held(&mut tx, folder, &sight).await?;
    }
    let (mut restored, mut folders) = (Vec::new(), Vec::new());
    for row in rows {
        let code = match restore_row(&mut tx, row, into, &sight).await {
            Ok(folder) => {
                restored.push(ChangedDocument::restored(row)?);
                folders.push(folder);
                continue;
            }
            // Another user may have restored or removed it meanwhile.
            Err(FolderError::NoPlace | FolderError::NotFound) => WhyNot::NotFound,
            Err(FolderError::NotYours) => WhyNot::Forbidden,
            Err(error) => return Err(error),
        };
        result.refused.push(RefusedDocument { id: row.id.parse().map_err(|_| DbError::RowNotFound)?, code });
    }
    if !restored.is_empty() {
        record_each(&mut tx, acting, Act::DocumentRestored, &restored).await?;
        let detail = format!("{} documents", restored.len());
        acting.commit(tx, acting.entry(Act::DocumentsRestored, result.batch.as_str()).detail(&detail)).await?;
        result.done += restored.len();
        result.folders.extend(folders);
    }
    Ok(())
}

async fn restore_row(
    tx: &mut Tx,
    row: &TrashRow,
    into: Option<&FolderId>,
    sight: &Sight,
) -> Result<FolderId, FolderError> {
    let id: DocumentId = row.id.parse().map_err(|_| FolderError::NotFound)?;
    let folder = if let Some(folder) = into {
        held(tx, folder, sight).await?
    } else {
        let place = row.place.parse().map_err(|_| FolderError::NoPlace)?;
        let folder = Folder::hold(tx, &place).await?.ok_or(FolderError::NoPlace)?;
        check(sight.on(&folder), Right::Manage)?;
        folder
    };
    // The row of the trash comes first, as in a removal for good. So only one of both acts.
    let is_there = trash::forget(tx, &[row.id.as_str()]).await? > 0;
    if !is_there || act::restore_all(tx, std::slice::from_ref(&id), &folder.id).await? == 0 {
        return Err(FolderError::NotFound);
    }
    search_terms::add_alone(tx, &id, &row.name).await?;
    Ok(folder.id)
}
