//! The trash: one row for a document, or for a folder with all in it. What is removed for good leaves a tombstone.

pub mod removal;

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Arg, Db, DbError, On, Tx, filter::Filtered, padded, placeholders, sql},
    id::{BatchId, DocumentId, FolderId},
    library::{
        Space,
        folder::{Folder, tree},
        rights::{Right, Sight, gives, no_faces, shelf_gives},
        search::Search,
    },
    user::{Role, User},
    vocabulary::words,
};

words! {
    /// What lies in the trash.
    Trashed {
        Document = "document",
        /// A folder with all in it.
        Folder = "folder",
    }
}

/// What stays of a thing that was removed for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tombstone {
    pub name: String,
    /// BLAKE3 of the content. Null for a folder.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: Option<String>,
    pub bytes: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub deleted_at: Timestamp,
    /// When it was removed for good.
    #[schema(value_type = String, format = DateTime)]
    pub removed_at: Timestamp,
    pub removed_by: String,
}

/// A row of the trash.
#[derive(Clone, Debug, FromRow)]
pub struct TrashRow {
    pub id: String,
    #[sqlx(try_from = "String")]
    pub kind: Trashed,
    /// The folder that it came from. Empty at the top of a space.
    pub place: String,
    #[sqlx(try_from = "String")]
    pub space: Space,
    pub owner: String,
    /// Why the rights of its place do not show the row. `None`: they show it.
    pub hidden: Option<String>,
    pub name: String,
    pub bytes: i64,
    pub documents: i64,
    /// Of a folder: those of the documents that only the right to faces shows.
    pub faces: i64,
    pub face_bytes: i64,
    pub batch: BatchId,
    pub deleted_at: Timestamp,
    pub deleted_by: String,
    /// JSON of a [`Tombstone`].
    pub tombstone: Option<String>,
}

/// The end of a page of the trash.
pub type TrashCursor = (Timestamp, String);

/// Adds the documents that are not in the trash yet.
pub async fn add_documents(
    tx: &mut Tx,
    ids: &[DocumentId],
    batch: &BatchId,
    by: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let ids = padded(ids);
    sql(format!(
        "INSERT INTO trash (id, kind, place, space, owner, hidden, name, bytes, documents, batch, deleted_at, deleted_by)
         SELECT d.id, 'document', d.folder_id, f.space, f.owner, CASE WHEN d.shelf = 'folder' THEN NULL ELSE d.shelf END,
           d.name, d.bytes, 1, $1, $2, $3
         FROM documents d JOIN folders f ON f.id = d.folder_id WHERE d.deleted_at IS NULL AND d.id IN {}",
        placeholders(4, ids.len())
    ))
    .bind(batch)
    .bind(now)
    .bind(by)
    .bind_all(&ids)
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives documents that are in the trash another place, from which their folder shows them.
pub(super) async fn move_rows(tx: &mut Tx, ids: &[DocumentId], folder: &FolderId) -> Result<(), DbError> {
    let ids = padded(ids);
    sql(format!(
        "UPDATE trash SET place = $1, hidden = NULL, space = (SELECT space FROM folders WHERE id = $1),
           owner = (SELECT owner FROM folders WHERE id = $1) WHERE id IN {}",
        placeholders(2, ids.len())
    ))
    .bind(folder)
    .bind_all(&ids)
    .execute(tx)
    .await?;
    Ok(())
}

/// Moves a folder with all in it to the trash, as one row. The caller has locked the tree, and then asks
/// [`holds_evidence_of`].
pub async fn add_folder(
    tx: &mut Tx,
    folder: &Folder,
    batch: &BatchId,
    by: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let (from, to) = tree::range(&folder.lineage);
    // Writers of documents hold their folder. They have written before, or see that it is in the trash.
    let _: Vec<FolderId> = sql(
        "SELECT id FROM folders WHERE lineage >= $1 AND lineage < $2 AND trash_id IS NULL ORDER BY id {for_update}",
    )
    .bind(&from)
    .bind(&to)
    .scalars(&mut *tx)
    .await?;
    sql("INSERT INTO trash (id, kind, place, space, owner, name, bytes, documents, faces, face_bytes, batch, deleted_at, deleted_by)
         SELECT f.id, 'folder', f.parent, f.space, f.owner, f.name, CAST(COALESCE(SUM(t.bytes), 0) AS BIGINT),
           CAST(COALESCE(SUM(t.documents), 0) AS BIGINT), CAST(COALESCE(SUM(t.faces), 0) AS BIGINT),
           CAST(COALESCE(SUM(t.face_bytes), 0) AS BIGINT), $1, $2, $3
         FROM folders f LEFT JOIN folders b ON b.lineage >= $4 AND b.lineage < $5 AND b.trash_id IS NULL
         LEFT JOIN folder_totals t ON t.folder_id = b.id WHERE f.id = $6
         GROUP BY f.id, f.parent, f.space, f.owner, f.name")
    .bind(batch)
    .bind(now)
    .bind(by)
    .bind(&from)
    .bind(&to)
    .bind(&folder.id)
    .execute(&mut *tx)
    .await?;
    sql("UPDATE folders SET trash_id = $1 WHERE lineage >= $2 AND lineage < $3 AND trash_id IS NULL")
        .bind(&folder.id)
        .bind(from)
        .bind(to)
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns true if a document of a flow went to the trash with the folder.
pub async fn holds_evidence_of(tx: &mut Tx, folder: &FolderId) -> Result<bool, DbError> {
    sql("SELECT EXISTS (SELECT 1 FROM folders f JOIN folder_totals t ON t.folder_id = f.id
           WHERE f.trash_id = $1 AND t.part <> '' AND t.documents > 0)
         OR EXISTS (SELECT 1 FROM folders f JOIN documents d ON d.folder_id = f.id
           WHERE f.trash_id = $1 AND d.deleted_at IS NULL AND d.shelf = 'draft')")
    .bind(folder)
    .scalar(tx)
    .await
}

/// Takes a folder with all that went with it out of the trash.
pub async fn restore_folder(tx: &mut Tx, folder: &Folder) -> Result<(), DbError> {
    sql("UPDATE folders SET trash_id = NULL WHERE trash_id = $1").bind(&folder.id).execute(&mut *tx).await?;
    forget(tx, &[folder.id.as_str()]).await?;
    Ok(())
}

/// Removes rows of things that are restored. Returns their number.
pub async fn forget(tx: &mut Tx, ids: &[&str]) -> Result<u64, DbError> {
    let ids = padded(ids);
    let text = format!("DELETE FROM trash WHERE tombstone IS NULL AND id IN {}", placeholders(1, ids.len()));
    sql(text).bind_all(ids).execute(tx).await
}

/// Returns the condition that the user manages the place from which the row `t` came. What only a flow showed, the user
/// who removed it sees, and an administrator if it was no draft.
pub(super) fn manages(filtered: &mut Filtered, sight: &Sight) -> String {
    let me = filtered.arg(sight.user().username.as_str());
    let own = format!("t.hidden IS NOT NULL AND t.deleted_by = {me}");
    if sight.everywhere(Right::Manage) {
        return format!("({own} OR t.hidden IS NULL OR t.hidden <> 'draft')");
    }
    let gives = gives(filtered, sight.user(), Right::Manage, "p");
    // At the top of a space, its shelf is the space, or its owner.
    let top = gives_at_top(filtered, sight.user());
    let unseen = unseen(filtered, sight.user());
    format!(
        "({own} OR t.hidden IS NULL AND NOT ({unseen})
           AND (EXISTS (SELECT 1 FROM folders p WHERE p.id = t.place AND {gives}) OR t.place = '' AND {top}))"
    )
}

/// Returns the condition that the user did not manage all of the thing of the row `t` before: it holds a folder with
/// rights of its own, or it is a face.
fn unseen(filtered: &mut Filtered, user: &User) -> String {
    let manages = shelf_gives(filtered, user, Right::Manage, "o");
    let folder = format!("EXISTS (SELECT 1 FROM folders o WHERE o.trash_id = t.id AND NOT {manages})");
    match no_faces(filtered, user) {
        Some(no_faces) => {
            format!("{folder} OR EXISTS (SELECT 1 FROM documents d WHERE d.id = t.id AND NOT {no_faces})")
        }
        None => folder,
    }
}

/// Returns the condition that the user manages the top of the space of the row `t`.
fn gives_at_top(filtered: &mut Filtered, user: &User) -> String {
    let owner = filtered.arg(&user.id);
    let keeper = if user.has(Role::Archivist) { "t.space <> 'personal' OR " } else { "" };
    format!("({keeper}t.owner = {owner})")
}

/// Returns the documents in the trash that meet the conditions, newest first: those that went there by themselves, from
/// places that the user manages.
pub async fn documents(db: &Db, search: &Search, sight: &Sight) -> Result<Vec<DocumentId>, DbError> {
    let select = "SELECT t.id FROM trash t JOIN documents d ON d.id = t.id";
    let mut filtered = Filtered::new(select).when("t.tombstone IS NULL").when("t.kind = 'document'");
    let manages = manages(&mut filtered, sight);
    filtered = filtered.when(&manages);
    for condition in search.conditions(&mut filtered) {
        filtered = filtered.when(&condition);
    }
    filtered.then("ORDER BY t.deleted_at DESC, t.id DESC").scalars(db).await
}

impl TrashRow {
    /// Returns what the user may see of the trash after `after`, newest first.
    pub async fn list(db: &Db, sight: &Sight, after: Option<&TrashCursor>, limit: i64) -> Result<Vec<Self>, DbError> {
        let mut filtered = Filtered::new("SELECT t.* FROM trash t");
        let manages = manages(&mut filtered, sight);
        filtered = filtered.when(&manages);
        if let Some((at, id)) = after {
            let (at, id) = (filtered.arg(*at), filtered.arg(id.as_str()));
            filtered = filtered.when(&format!("(t.deleted_at, t.id) < ({at}, {id})"));
        }
        filtered.newest_first("t.deleted_at DESC, t.id", limit).all(db).await
    }

    /// Returns the row if the user manages the place from which it came.
    pub async fn managed(on: impl Into<On<'_>>, id: &str, sight: &Sight) -> Result<Option<Self>, DbError> {
        let mut filtered = Filtered::new("SELECT t.* FROM trash t").and("t.id =", Some(id));
        let manages = manages(&mut filtered, sight);
        filtered.when(&manages).end().optional(on).await
    }

    /// Returns the rows of those of the documents that the user may restore.
    pub async fn managed_documents(
        on: impl Into<On<'_>>,
        ids: &[DocumentId],
        sight: &Sight,
    ) -> Result<Vec<Self>, DbError> {
        let mut filtered = Filtered::new("SELECT t.* FROM trash t").when("t.tombstone IS NULL AND t.kind = 'document'");
        let ids: Vec<String> = padded(ids).iter().map(|id| filtered.arg(id)).collect();
        let manages = manages(&mut filtered, sight);
        filtered.when(&format!("t.id IN ({})", ids.join(", "))).when(&manages).end().all(on).await
    }

    /// Returns the rows of one act that the user may restore.
    pub async fn of_batch(on: impl Into<On<'_>>, batch: &BatchId, sight: &Sight) -> Result<Vec<Self>, DbError> {
        let mut filtered = Filtered::new("SELECT t.* FROM trash t").and("t.batch =", Some(Arg::from(batch)));
        let manages = manages(&mut filtered, sight);
        filtered.when(&manages).when("t.tombstone IS NULL").end().all(on).await
    }

    /// Returns rows that went to the trash before `before` and are not removed for good.
    pub async fn old(on: impl Into<On<'_>>, before: Timestamp, limit: i64) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM trash WHERE tombstone IS NULL AND deleted_at < $1 ORDER BY deleted_at, id LIMIT $2")
            .bind(before)
            .bind(limit)
            .all(on)
            .await
    }
}
