//! A folder of the knowledge base, in one of three spaces. Moving or renaming a folder changes rows, never bytes.

pub mod place;
pub mod shown;
pub mod tree;

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    id::FolderId,
    library::{FolderPath, Space, search_terms},
    vocabulary::UnknownWord,
};

pub use place::Place;

/// The folder of the e-sign module in the system space. Photos go here if no folder is configured.
pub const ESIGN: &str = "系统知识库-电子签";

/// Longest folder name in bytes. File systems allow 255, and ` (2)` may be added.
pub const MAX_NAME: usize = 240;

/// Most folders that lie in each other. An index of PostgreSQL holds the ids of 70 folders.
pub const MAX_DEPTH: usize = 50;

/// The row of a folder. [`FolderView`](shown::FolderView) is what a user sees of it.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Folder {
    pub id: FolderId,
    /// Empty at the top of a space.
    pub parent: String,
    #[sqlx(try_from = "String")]
    pub space: Space,
    /// User id of the owner in the personal space. Empty in the other spaces.
    pub owner: String,
    pub name: String,
    /// The ids from the top folder down to this one, each with a `/` behind it.
    pub lineage: String,
    /// Folders with one shelf have the same rights.
    pub shelf: String,
    /// False: the rights of the folder above end here.
    pub inherits: bool,
    /// The folder with which this one went to the trash. `None`: it is not in the trash.
    pub trash_id: Option<FolderId>,
    pub created_at: Timestamp,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadName {
    #[error("a folder name must not be empty, \".\" or \"..\"; choose another name")]
    Reserved,
    #[error("a folder name must not be longer than {MAX_NAME} bytes; choose a shorter name")]
    TooLong,
    #[error("a folder name must not contain \"/\", \"\\\" or control characters; remove them")]
    Forbidden,
    #[error("a path must not have more than {MAX_DEPTH} folders; choose a shorter path")]
    TooDeep,
}

/// Splits `path` into checked names. An empty path has no names.
pub fn names_of(path: &str) -> Result<Vec<&str>, BadName> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    // The folder of the e-sign module may come before them.
    if path.split('/').count() >= MAX_DEPTH {
        return Err(BadName::TooDeep);
    }
    path.split('/').map(check_name).collect()
}

/// Returns `name` if it is a valid folder name.
pub fn check_name(name: &str) -> Result<&str, BadName> {
    if name.trim().is_empty() || name == "." || name == ".." {
        return Err(BadName::Reserved);
    }
    if name.len() > MAX_NAME {
        return Err(BadName::TooLong);
    }
    if name.chars().any(|c| c.is_control() || turns_text(c) || c == '/' || c == '\\') {
        return Err(BadName::Forbidden);
    }
    Ok(name)
}

/// Returns true for characters that change the direction of a text. With them a name can look like another one.
#[must_use]
pub const fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the space and the name of each folder from the top down to this one, if it meets the condition.
async fn steps_to(on: impl Into<On<'_>>, id: &FolderId, condition: &str) -> Result<Vec<(String, String)>, DbError> {
    sql(format!(
        "WITH RECURSIVE up (parent, space, name, lineage) AS (
           SELECT parent, space, name, lineage FROM folders WHERE id = $1 {condition}
           UNION ALL SELECT p.parent, p.space, p.name, p.lineage FROM folders p JOIN up ON p.id = up.parent)
         SELECT space, name FROM up ORDER BY lineage"
    ))
    .bind(id)
    .all(on)
    .await
}

impl Folder {
    pub async fn find(on: impl Into<On<'_>>, id: &FolderId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM folders WHERE id = $1").bind(id).optional(on).await
    }

    /// Reads the folder, and keeps it out of the trash until `tx` ends. `None`: it is not there, or it is in the trash.
    pub async fn hold(tx: &mut Tx, id: &FolderId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM folders WHERE id = $1 AND trash_id IS NULL {for_share}").bind(id).optional(tx).await
    }

    /// Returns the folder in which it lies. `None` at the top of a space.
    pub async fn above(on: impl Into<On<'_>>, folder: &Self) -> Result<Option<Self>, DbError> {
        match folder.parent.parse() {
            Ok(parent) => Self::find(on, &parent).await,
            Err(_) => Ok(None),
        }
    }

    /// Returns the shelf of its space.
    #[must_use]
    pub fn space_shelf(&self) -> String {
        tree::space_shelf(self.space, &self.owner)
    }

    /// Returns true if `other` is this folder or lies in it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        other.lineage.starts_with(&self.lineage)
    }

    /// Returns the names of the folders from the top of the space down to this one.
    pub async fn names_from_top(&self, on: impl Into<On<'_>>) -> Result<Vec<String>, DbError> {
        let (parameters, ids) = self.ids_from_top();
        sql(format!("SELECT name FROM folders WHERE id IN ({parameters}) ORDER BY lineage"))
            .bind_all(ids)
            .scalars(on)
            .await
    }

    fn ids_from_top(&self) -> (String, Vec<String>) {
        let ids: Vec<String> = self.lineage.split('/').filter(|id| !id.is_empty()).map(str::to_owned).collect();
        let parameters: Vec<String> = (1..=ids.len()).map(|n| format!("${n}")).collect();
        (parameters.join(", "), ids)
    }

    /// Returns the number of folders from the top of its space down to this one.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.lineage.split('/').filter(|id| !id.is_empty()).count()
    }

    /// Returns the names from the top of its space, as in `space/用印/2026`.
    pub async fn path(on: impl Into<On<'_>>, id: &FolderId) -> Result<String, DbError> {
        let steps = steps_to(on, id, "").await?;
        let (space, _) = steps.first().ok_or(DbError::RowNotFound)?;
        let names = steps.iter().map(|(_, name)| name.as_str());
        Ok(std::iter::once(space.as_str()).chain(names).collect::<Vec<_>>().join("/"))
    }

    /// Returns the space of a folder and its path in it, as a definition names it. `None`: it is not there, or it is in
    /// the trash.
    pub async fn path_in_space(on: impl Into<On<'_>>, id: &FolderId) -> Result<Option<FolderPath>, DbError> {
        let rows = steps_to(on, id, "AND trash_id IS NULL").await?;
        let Some((space, _)) = rows.first() else { return Ok(None) };
        let space: Space = space.parse().map_err(|error: UnknownWord| DbError::Decode(error.into()))?;
        // The name of a system folder's top is no part of a setting.
        let names = rows.iter().skip(usize::from(space == Space::System)).map(|(_, name)| name.as_str());
        Ok(Some(FolderPath { space, path: names.collect::<Vec<_>>().join("/") }))
    }

    /// Writes a new folder. Fails with a unique violation if the name is taken.
    pub async fn insert(self, tx: &mut Tx) -> Result<Self, DbError> {
        sql("INSERT INTO folders (id, parent, space, owner, name, lineage, shelf, inherits, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(&self.id)
        .bind(&self.parent)
        .bind(self.space)
        .bind(&self.owner)
        .bind(&self.name)
        .bind(&self.lineage)
        .bind(&self.shelf)
        .bind(self.inherits)
        .bind(self.created_at)
        .execute(&mut *tx)
        .await?;
        search_terms::put_folder(tx, &self.id, &self.name).await?;
        Ok(self)
    }
}
