//! Removes what is in the trash for good. A tombstone stays.

use super::{Tombstone, TrashRow, Trashed};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, Tx, sql},
    id::{DocumentId, FolderId},
    library::folder::{Folder, tree},
};

impl TrashRow {
    /// Returns the rows of documents and folders that went to the trash before the folder in which they lie.
    pub async fn below(tx: &mut Tx, folder: &Folder) -> Result<Vec<Self>, DbError> {
        let (from, to) = tree::range(&folder.lineage);
        sql("SELECT t.* FROM trash t WHERE t.tombstone IS NULL AND t.id <> $3 AND (
               t.id IN (SELECT id FROM folders WHERE lineage >= $1 AND lineage < $2)
               OR t.kind = 'document' AND t.place IN (SELECT id FROM folders WHERE lineage >= $1 AND lineage < $2))
             ORDER BY t.id")
        .bind(from)
        .bind(to)
        .bind(&folder.id)
        .all(tx)
        .await
    }

    /// Writes the tombstone. Returns false if another caller restored or removed the thing meanwhile.
    pub async fn bury(&self, tx: &mut Tx, by: &str, now: Timestamp) -> Result<bool, DbError> {
        let (hash, created_at) = self.origin(tx).await?;
        let tombstone = Tombstone {
            name: self.name.clone(),
            hash,
            bytes: self.bytes,
            created_at: created_at.unwrap_or(self.deleted_at),
            deleted_at: self.deleted_at,
            removed_at: now,
            removed_by: by.to_owned(),
        };
        let text = serde_json::to_string(&tombstone).map_err(|error| DbError::Encode(error.into()))?;
        // The tombstone of a face outlives the document that says that it is one.
        let written = sql("UPDATE trash SET tombstone = $1, hidden = COALESCE(hidden, CASE WHEN EXISTS (
               SELECT 1 FROM documents d WHERE d.id = trash.id AND d.kind IN ('face', 'unknown')) THEN 'rights' END)
             WHERE id = $2 AND tombstone IS NULL")
        .bind(text)
        .bind(self.id.as_str())
        .execute(tx)
        .await?;
        Ok(written == 1)
    }

    async fn origin(&self, tx: &mut Tx) -> Result<(Option<String>, Option<Timestamp>), DbError> {
        let row: Option<(Option<String>, Timestamp)> = match self.kind {
            Trashed::Document => sql("SELECT original_hash, created_at FROM documents WHERE id = $1"),
            Trashed::Folder => sql("SELECT NULL, created_at FROM folders WHERE id = $1"),
        }
        .bind(self.id.as_str())
        .optional(tx)
        .await?;
        Ok(row.map_or((None, None), |(hash, at)| (hash, Some(at))))
    }
}

/// Returns folders that have their tombstone and still have rows.
pub async fn half_removed(db: &Db) -> Result<Vec<FolderId>, DbError> {
    sql("SELECT f.id FROM folders f JOIN trash t ON t.id = f.id WHERE f.trash_id = f.id AND t.tombstone IS NOT NULL")
        .scalars(db)
        .await
}

/// Documents that one short transaction removes.
const PIECE: i64 = 500;

/// Returns the next documents of a folder in the trash that is removed for good, with all below.
pub async fn documents_below(tx: &mut Tx, folder: &Folder) -> Result<Vec<DocumentId>, DbError> {
    let (from, to) = tree::range(&folder.lineage);
    sql("SELECT d.id FROM folders f JOIN documents d ON d.folder_id = f.id WHERE f.lineage >= $1 AND f.lineage < $2
         ORDER BY d.id LIMIT $3")
    .bind(from)
    .bind(to)
    .bind(PIECE)
    .scalars(tx)
    .await
}

/// Removes the rows of a folder and of all below it, which hold no document any more.
pub async fn remove_folders(tx: &mut Tx, folder: &Folder) -> Result<(), DbError> {
    let (from, to) = tree::range(&folder.lineage);
    let below = "SELECT id FROM folders WHERE lineage >= $1 AND lineage < $2";
    for text in [
        // Their rights go with them. Those of the space would show the rows to others.
        format!(
            "UPDATE trash SET hidden = 'rights' WHERE hidden IS NULL AND (id IN ({below} AND shelf = id)
               OR place IN ({below} AND shelf <> CASE space WHEN 'personal' THEN owner ELSE space END))"
        ),
        format!("UPDATE trash SET place = '' WHERE place IN ({below})"),
        format!("DELETE FROM folder_totals WHERE folder_id IN ({below})"),
        format!("DELETE FROM folder_days WHERE folder_id IN ({below})"),
        format!("DELETE FROM folder_rights WHERE folder_id IN ({below})"),
        format!("DELETE FROM shelf_rights WHERE shelf IN ({below})"),
        format!("DELETE FROM search_owners WHERE owner IN ({below})"),
        "DELETE FROM folders WHERE lineage >= $1 AND lineage < $2".to_owned(),
    ] {
        sql(text).bind(&from).bind(&to).execute(&mut *tx).await?;
    }
    Ok(())
}
