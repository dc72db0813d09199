//! The entries of a folder, and the shelves that follow from them.

use std::collections::BTreeMap;

use super::{EVERYONE, Right, Rights};
use crate::{
    db::{DbError, On, Tx, pieces, rows, sql},
    id::FolderId,
    library::{
        Space,
        folder::{Folder, tree},
    },
    user::User,
};

/// Who has what rights: everyone, `role:<role>` or `user:<username>`.
pub type Entries = BTreeMap<String, Rights>;

/// Returns the entries of the folder itself.
pub async fn own(on: impl Into<On<'_>>, folder: &FolderId) -> Result<Entries, DbError> {
    entries_of(sql("SELECT who, rights FROM folder_rights WHERE folder_id = $1").bind(folder).all(on).await?)
}

/// Returns what a shelf gives, with all that it inherits.
pub async fn of_shelf(tx: &mut Tx, shelf: &str) -> Result<Entries, DbError> {
    let mut entries =
        entries_of(sql("SELECT who, rights FROM shelf_rights WHERE shelf = $1").bind(shelf).all(&mut *tx).await?)?;
    if let Some(owner) = owner_of(&mut *tx, shelf).await? {
        entries.insert(format!("user:{owner}"), Rights::MANAGE);
    }
    Ok(entries)
}

#[expect(clippy::unnecessary_wraps, reason = "read in one expression with the query")]
fn entries_of(rows: Vec<(String, i64)>) -> Result<Entries, DbError> {
    Ok(rows.into_iter().map(|(who, bits)| (who, Rights::of_bits(bits))).collect())
}

/// Returns the defaults of a space. `shelf` is the shelf of the space.
pub async fn of_space(on: impl Into<On<'_>>, space: Space, shelf: &str) -> Result<Entries, DbError> {
    let archivist = ("role:archivist".to_owned(), Rights::MANAGE);
    Ok(match space {
        Space::Public => [(EVERYONE.to_owned(), Rights::READ), archivist].into(),
        Space::System => [archivist].into(),
        Space::Personal => {
            owner_of(on, shelf).await?.map(|name| (format!("user:{name}"), Rights::MANAGE)).into_iter().collect()
        }
    })
}

/// Returns the username of the owner, if the shelf is a personal space.
async fn owner_of(on: impl Into<On<'_>>, shelf: &str) -> Result<Option<String>, DbError> {
    let Ok(id) = shelf.parse() else { return Ok(None) };
    Ok(User::find(on, &id).await?.map(|user| user.username))
}

/// Returns true if `after` shows faces to a user to whom `before` does not.
#[must_use]
pub fn show_more_faces(before: &Entries, after: &Entries) -> bool {
    let shows = |entries: &Entries, who: &str| entries.get(who).is_some_and(|rights| rights.has(Right::Faces));
    !shows(before, EVERYONE) && after.keys().any(|who| shows(after, who) && !shows(before, who))
}

/// Replaces the entries of a folder. The caller has locked the tree, and calls [`reshelve`] afterwards.
pub async fn replace(tx: &mut Tx, folder: &FolderId, inherits: bool, entries: &Entries) -> Result<(), DbError> {
    sql("UPDATE folders SET inherits = $1 WHERE id = $2").bind(inherits).bind(folder).execute(&mut *tx).await?;
    sql("DELETE FROM folder_rights WHERE folder_id = $1").bind(folder).execute(&mut *tx).await?;
    for (who, rights) in entries {
        sql("INSERT INTO folder_rights (folder_id, who, rights) VALUES ($1, $2, $3)")
            .bind(folder)
            .bind(who)
            .bind(rights.bits())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Computes the shelves of a folder and of all folders below it anew. The caller has locked the tree.
pub async fn reshelve(tx: &mut Tx, top: &Folder) -> Result<(), DbError> {
    let above = match Folder::above(&mut *tx, top).await? {
        Some(parent) => parent.shelf,
        None => top.space_shelf(),
    };
    let (from, to) = tree::range(&top.lineage);
    let with_entries: Vec<Folder> = sql("SELECT f.* FROM folders f WHERE f.lineage >= $1 AND f.lineage < $2
           AND (NOT f.inherits OR EXISTS (SELECT 1 FROM folder_rights r WHERE r.folder_id = f.id)) ORDER BY f.lineage")
    .bind(&from)
    .bind(&to)
    .all(&mut *tx)
    .await?;
    sql("DELETE FROM shelf_rights WHERE shelf IN (SELECT id FROM folders WHERE lineage >= $1 AND lineage < $2)")
        .bind(&from)
        .bind(&to)
        .execute(&mut *tx)
        .await?;
    put_on_shelf(tx, &top.lineage, &above).await?;
    // In the order of their lineages, so the shelf above is ready before the shelf below.
    for folder in &with_entries {
        let above = match Folder::above(&mut *tx, folder).await? {
            Some(parent) => parent.shelf,
            None => folder.space_shelf(),
        };
        let mut given = if folder.inherits { of_shelf(tx, &above).await? } else { Entries::new() };
        for (who, rights) in own(&mut *tx, &folder.id).await? {
            let held = given.entry(who).or_default();
            *held = held.with(rights);
        }
        put_on_shelf(tx, &folder.lineage, folder.id.as_str()).await?;
        write_shelf(tx, &folder.id, &given).await?;
    }
    Ok(())
}

async fn put_on_shelf(tx: &mut Tx, lineage: &str, shelf: &str) -> Result<(), DbError> {
    let (from, to) = tree::range(lineage);
    sql("UPDATE folders SET shelf = $1 WHERE lineage >= $2 AND lineage < $3 AND shelf <> $1")
        .bind(shelf)
        .bind(from)
        .bind(to)
        .execute(tx)
        .await?;
    Ok(())
}

async fn write_shelf(tx: &mut Tx, shelf: &FolderId, given: &Entries) -> Result<(), DbError> {
    let given: Vec<(&String, &Rights)> = given.iter().collect();
    for piece in pieces(&given) {
        let text = format!("INSERT INTO shelf_rights (shelf, who, rights) VALUES {}", rows(3, piece.len()));
        let insert = piece
            .iter()
            .fold(sql(text), |insert, (who, rights)| insert.bind(shelf).bind(who.as_str()).bind(rights.bits()));
        insert.execute(&mut *tx).await?;
    }
    Ok(())
}
