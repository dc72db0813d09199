//! The tree of folders. Its changes take turns, so two moves at once make no circle.

use crate::{
    db::{DbError, Tx, filter::Filtered, sql},
    id::FolderId,
    library::{
        Space,
        folder::Folder,
        rights::{Right, Sight, entries, shelf_gives},
        search_terms,
    },
};

/// Locks the tree until `tx` ends. A transaction that changes the tree or rights calls it before it reads them.
pub async fn lock(tx: &mut Tx) -> Result<(), DbError> {
    sql("UPDATE folder_tree SET version = version + 1 WHERE id = 1").execute(tx).await?;
    Ok(())
}

/// Returns the range of lineages of a folder with all folders below it: from, and before. An id has only digits, `-` and
/// letters up to f.
#[must_use]
pub fn range(lineage: &str) -> (String, String) {
    (lineage.to_owned(), format!("{lineage}g"))
}

/// A place for a folder: in another folder, or at the top of a space.
#[derive(Clone, Debug)]
pub struct Spot {
    pub parent: Option<Folder>,
    pub space: Space,
    /// The owner's id in the personal space, otherwise empty.
    pub owner: String,
}

impl Spot {
    #[must_use]
    pub fn within(parent: Folder) -> Self {
        Self { space: parent.space, owner: parent.owner.clone(), parent: Some(parent) }
    }

    #[must_use]
    pub fn top(space: Space, owner: &str) -> Self {
        let owner = if space == Space::Personal { owner } else { "" };
        Self { parent: None, space, owner: owner.to_owned() }
    }

    /// Returns the shelf whose rights decide about this place.
    #[must_use]
    pub fn shelf(&self) -> String {
        match &self.parent {
            Some(parent) => parent.shelf.clone(),
            None => space_shelf(self.space, &self.owner),
        }
    }

    #[must_use]
    pub fn parent_id(&self) -> &str {
        self.parent.as_ref().map_or("", |parent| parent.id.as_str())
    }

    fn lineage(&self) -> &str {
        self.parent.as_ref().map_or("", |parent| parent.lineage.as_str())
    }

    /// Returns the folder with this name here, if it is not in the trash.
    pub async fn child(&self, tx: &mut Tx, name: &str) -> Result<Option<Folder>, DbError> {
        sql("SELECT * FROM folders WHERE space = $1 AND owner = $2 AND parent = $3 AND name = $4 AND trash_id IS NULL")
            .bind(self.space)
            .bind(&self.owner)
            .bind(self.parent_id())
            .bind(name)
            .optional(tx)
            .await
    }

    /// Returns a new folder here. It is not written yet.
    #[must_use]
    pub fn folder(&self, name: &str, now: crate::clock::Timestamp) -> Folder {
        let id = FolderId::new();
        Folder {
            lineage: format!("{}{id}/", self.lineage()),
            id,
            parent: self.parent_id().to_owned(),
            space: self.space,
            owner: self.owner.clone(),
            name: name.to_owned(),
            shelf: self.shelf(),
            inherits: true,
            trash_id: None,
            created_at: now,
        }
    }
}

/// Returns the shelf of a space.
#[must_use]
pub fn space_shelf(space: Space, owner: &str) -> String {
    if space == Space::Personal { owner.to_owned() } else { space.to_string() }
}

/// Puts a folder with all below it to another place, or gives it another name. Only rows of folders change. The caller
/// has locked the tree, and has checked that the place is not in the folder. Fails with a unique violation if the name is
/// taken.
pub async fn put(tx: &mut Tx, folder: &Folder, spot: &Spot, name: &str) -> Result<Folder, DbError> {
    let lineage = format!("{}{}/", spot.lineage(), folder.id);
    let (from, to) = range(&folder.lineage);
    if lineage != folder.lineage || spot.space != folder.space || spot.owner != folder.owner {
        sql("UPDATE folders SET lineage = $1 || substr(lineage, CAST($2 AS INTEGER)), space = $3, owner = $4
             WHERE lineage >= $5 AND lineage < $6")
        .bind(&lineage)
        .bind(i64::try_from(folder.lineage.len() + 1).unwrap_or(i64::MAX))
        .bind(spot.space)
        .bind(&spot.owner)
        .bind(from)
        .bind(to)
        .execute(&mut *tx)
        .await?;
    }
    sql("UPDATE folders SET name = $1, parent = $2 WHERE id = $3")
        .bind(name)
        .bind(spot.parent_id())
        .bind(&folder.id)
        .execute(&mut *tx)
        .await?;
    if name != folder.name {
        search_terms::put_folder(tx, &folder.id, name).await?;
    }
    let moved = Folder {
        lineage,
        parent: spot.parent_id().to_owned(),
        space: spot.space,
        owner: spot.owner.clone(),
        name: name.to_owned(),
        ..folder.clone()
    };
    entries::reshelve(tx, &moved).await?;
    Folder::find(tx, &folder.id).await?.ok_or(DbError::RowNotFound)
}

/// Returns the number of folders that lie in each other, from this one down. In the trash, too.
pub async fn height(tx: &mut Tx, folder: &Folder) -> Result<usize, DbError> {
    let (from, to) = range(&folder.lineage);
    let longest: i64 =
        sql("SELECT CAST(MAX(length(lineage)) AS BIGINT) FROM folders WHERE lineage >= $1 AND lineage < $2")
            .bind(from)
            .bind(to)
            .scalar(tx)
            .await?;
    let each = folder.lineage.len() / folder.depth().max(1);
    Ok(usize::try_from(longest).unwrap_or(usize::MAX) / each + 1 - folder.depth())
}

/// Returns true if photos of faces or of an unknown kind lie in the folder or below.
pub async fn holds_faces(tx: &mut Tx, folder: &Folder) -> Result<bool, DbError> {
    let (from, to) = range(&folder.lineage);
    sql("SELECT EXISTS (SELECT 1 FROM folders f JOIN folder_totals t ON t.folder_id = f.id
           WHERE f.lineage >= $1 AND f.lineage < $2 AND t.faces > 0)")
    .bind(from)
    .bind(to)
    .scalar(tx)
    .await
}

/// Returns true if the user has the right on the folder and on each folder below it, also in the trash.
pub async fn gives_on_all(tx: &mut Tx, folder: &Folder, sight: &Sight, right: Right) -> Result<bool, DbError> {
    if sight.everywhere(right) {
        return Ok(true);
    }
    let mut filtered = Filtered::new("");
    let gives = shelf_gives(&mut filtered, sight.user(), right, "f");
    let (from, to) = range(&folder.lineage);
    let (from, to) = (filtered.arg(from), filtered.arg(to));
    let text = format!(
        "SELECT NOT EXISTS (SELECT 1 FROM folders f WHERE f.lineage >= {from} AND f.lineage < {to} AND NOT {gives})"
    );
    filtered.text(text).scalar(tx).await
}
