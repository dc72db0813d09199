//! A folder of the knowledge base, in one of three spaces. Moving or renaming a folder changes rows, never bytes.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, On, Tx, sql},
    id::FolderId,
    library::{FolderPath, Space, search_terms},
    user::User,
};

/// The folder of the e-sign module in the system space. Photos go here if no folder is configured.
pub const ESIGN: &str = "系统知识库-电子签";

/// Longest folder name in bytes. File systems allow 255, and ` (2)` may be added.
pub const MAX_NAME: usize = 240;

#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Folder {
    pub id: FolderId,
    /// Empty at the top of a space.
    #[schema(pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$")]
    #[serde(rename = "parentId")]
    pub parent: String,
    #[sqlx(try_from = "String")]
    pub space: Space,
    /// User id of the owner in the personal space. Empty in the other spaces.
    #[schema(pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$")]
    pub owner: String,
    pub name: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A folder with the key prefix of originals that are first stored through it.
#[derive(Clone, Debug)]
pub struct Place {
    pub folder: FolderId,
    /// For example `公共知识库/用印/2026`.
    pub prefix: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadName {
    #[error("a folder name must not be empty, \".\" or \"..\"; choose another name")]
    Reserved,
    #[error("a folder name must not be longer than {MAX_NAME} bytes; choose a shorter name")]
    TooLong,
    #[error("a folder name must not contain \"/\", \"\\\" or control characters; remove them")]
    Forbidden,
}

/// Splits `path` into checked names. An empty path has no names.
pub fn names_of(path: &str) -> Result<Vec<&str>, BadName> {
    if path.is_empty() {
        return Ok(Vec::new());
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
    if name.chars().any(|c| c.is_control() || c == '/' || c == '\\') {
        return Err(BadName::Forbidden);
    }
    Ok(name)
}

/// Returns the configured folder, and creates missing folders. `None`: 系统知识库-电子签. `starter` owns the personal space.
pub async fn ensure(tx: &mut Tx, path: Option<&FolderPath>, starter: &User, now: Timestamp) -> Result<Place, DbError> {
    ensure_for(tx, path, Some(starter), now).await
}

/// Returns a folder that is not personal, and creates missing folders. `None`: 系统知识库-电子签.
pub async fn ensure_shared(tx: &mut Tx, path: Option<&FolderPath>, now: Timestamp) -> Result<Place, DbError> {
    ensure_for(tx, path, None, now).await
}

async fn ensure_for(
    tx: &mut Tx,
    path: Option<&FolderPath>,
    starter: Option<&User>,
    now: Timestamp,
) -> Result<Place, DbError> {
    let (space, path) = path.map_or((Space::System, ""), |path| (path.space, path.path.as_str()));
    let mut names = names_of(path).map_err(|error| DbError::Decode(error.into()))?;
    if space == Space::System {
        names.insert(0, ESIGN);
    }
    let starter = starter.filter(|_| space == Space::Personal);
    let owner = starter.map_or("", |starter| starter.id.as_str());
    let prefix = prefix(space, starter.map(|starter| starter.username.as_str()));
    let mut parent = String::new();
    for name in &names {
        parent = child(tx, &parent, space, owner, name, now).await?;
    }
    let segments: Vec<&str> = [prefix.as_str()].into_iter().chain(names).filter(|name| !name.is_empty()).collect();
    let folder = parent.parse().map_err(|_| DbError::RowNotFound)?;
    Ok(Place { folder, prefix: segments.join("/") })
}

/// Returns the beginning of the keys of originals in a space. System folders have none: their names say the space.
fn prefix(space: Space, owner: Option<&str>) -> String {
    match space {
        Space::Public => "公共知识库".to_owned(),
        Space::Personal => format!("个人知识库/{}", owner.unwrap_or_default()),
        Space::System => String::new(),
    }
}

impl Place {
    /// Returns a folder that is not personal, by its id.
    pub async fn of(tx: &mut Tx, folder: FolderId) -> Result<Self, DbError> {
        let (mut names, mut space, mut next) = (Vec::new(), Space::System, Some(folder.clone()));
        while let Some(id) = next {
            let above = Folder::find(&mut *tx, &id).await?.ok_or(DbError::RowNotFound)?;
            next = above.parent.parse().ok();
            space = above.space;
            names.push(above.name);
        }
        names.push(prefix(space, None));
        names.retain(|name| !name.is_empty());
        names.reverse();
        Ok(Self { folder, prefix: names.join("/") })
    }
}

async fn child(
    tx: &mut Tx,
    parent: &str,
    space: Space,
    owner: &str,
    name: &str,
    now: Timestamp,
) -> Result<String, DbError> {
    if let Some(id) = known_child(tx, parent, space, owner, name).await? {
        return Ok(id);
    }
    let new = FolderId::new();
    let written =
        sql("INSERT INTO folders (id, parent, space, owner, name, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (space, owner, parent, name) DO NOTHING")
        .bind(&new)
        .bind(parent)
        .bind(space)
        .bind(owner)
        .bind(name)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    if written == 1 {
        search_terms::put_folder(tx, &new, name).await?;
    }
    known_child(tx, parent, space, owner, name).await?.ok_or(DbError::RowNotFound)
}

async fn known_child(
    tx: &mut Tx,
    parent: &str,
    space: Space,
    owner: &str,
    name: &str,
) -> Result<Option<String>, DbError> {
    let row: Option<(String,)> =
        sql("SELECT id FROM folders WHERE space = $1 AND owner = $2 AND parent = $3 AND name = $4")
            .bind(space)
            .bind(owner)
            .bind(parent)
            .bind(name)
            .optional(tx)
            .await?;
    Ok(row.map(|row| row.0))
}

impl Folder {
    pub async fn find(on: impl Into<On<'_>>, id: &FolderId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM folders WHERE id = $1").bind(id).optional(on).await
    }

    /// Returns the names from the top of its space, as in `space/用印/2026`.
    pub async fn path(db: &Db, id: &FolderId) -> Result<String, DbError> {
        let mut names = Vec::new();
        let mut next = Some(id.clone());
        while let Some(id) = next {
            let folder = Self::find(db, &id).await?.ok_or(DbError::RowNotFound)?;
            next = folder.parent.parse().ok();
            names.push(folder.name);
            if next.is_none() {
                names.push(folder.space.as_str().to_owned());
            }
        }
        names.reverse();
        Ok(names.join("/"))
    }

    /// Returns the space of a folder and its path in it, as a definition names it. `None`: it was deleted.
    pub async fn path_in_space(db: &Db, id: &FolderId) -> Result<Option<FolderPath>, DbError> {
        let (mut names, mut next, mut space) = (Vec::new(), Some(id.clone()), None);
        while let Some(id) = next {
            let Some(folder) = Self::find(db, &id).await? else { return Ok(None) };
            next = folder.parent.parse().ok();
            space = Some(folder.space);
            names.push(folder.name);
        }
        names.reverse();
        let Some(space) = space else { return Ok(None) };
        let below = usize::from(space == Space::System);
        Ok(Some(FolderPath { space, path: names[below.min(names.len())..].join("/") }))
    }

    /// Returns the ids of a folder and of the folders below it.
    pub async fn with_all_below(tx: &mut Tx, id: &FolderId) -> Result<Vec<FolderId>, DbError> {
        let (mut found, mut at) = (vec![id.clone()], 0);
        while at < found.len() {
            let below: Vec<FolderId> =
                sql("SELECT id FROM folders WHERE parent = $1").bind(&found[at]).scalars(&mut *tx).await?;
            found.extend(below);
            at += 1;
        }
        Ok(found)
    }

    /// Returns the folders in `parent`, by name.
    pub async fn children(db: &Db, parent: &FolderId) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM folders WHERE parent = $1 ORDER BY name").bind(parent).all(db).await
    }

    /// Returns the top folders of a space, by name. `owner` is a user id in the personal space, else empty.
    pub async fn top(db: &Db, space: Space, owner: &str) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM folders WHERE space = $1 AND owner = $2 AND parent = '' ORDER BY name")
            .bind(space)
            .bind(owner)
            .all(db)
            .await
    }

    /// Creates a folder. Fails with a unique violation if the name is taken.
    pub async fn insert(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("INSERT INTO folders (id, parent, space, owner, name, created_at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(&self.id)
            .bind(&self.parent)
            .bind(self.space)
            .bind(&self.owner)
            .bind(&self.name)
            .bind(self.created_at)
            .execute(&mut *tx)
            .await?;
        search_terms::put_folder(tx, &self.id, &self.name).await
    }

    /// Gives the folder another name, another parent, or both. Fails with a unique violation if the name is taken.
    pub async fn rewrite(&self, tx: &mut Tx, name: &str, parent: &str) -> Result<(), DbError> {
        sql("UPDATE folders SET name = $1, parent = $2 WHERE id = $3")
            .bind(name)
            .bind(parent)
            .bind(&self.id)
            .execute(&mut *tx)
            .await?;
        if name == self.name { Ok(()) } else { search_terms::put_folder(tx, &self.id, name).await }
    }

    /// Removes the folder with its totals, unless documents or folders are in it. Returns true if it was removed.
    pub async fn remove_if_empty(&self, tx: &mut Tx) -> Result<bool, DbError> {
        // The totals of documents that were in it earlier.
        sql("DELETE FROM folder_totals WHERE folder_id = $1
               AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.folder_id = folder_totals.folder_id)")
        .bind(&self.id)
        .execute(&mut *tx)
        .await?;
        let deleted = sql("DELETE FROM folders WHERE id = $1
               AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.folder_id = folders.id)
               AND NOT EXISTS (SELECT 1 FROM folders f WHERE f.parent = folders.id)")
        .bind(&self.id)
        .execute(&mut *tx)
        .await?;
        if deleted == 1 {
            search_terms::forget_folder(tx, &self.id).await?;
        }
        Ok(deleted == 1)
    }

    /// Returns true if `user` may see this folder and its documents. System folders are visible to archivists and to
    /// users who read everything. Participants of a flow reach its documents through the flow.
    #[must_use]
    pub fn may_view(&self, user: &User) -> bool {
        match self.space {
            Space::Public => true,
            Space::Personal => self.owner == user.id.as_str() || user.reads_all(),
            Space::System => user.reads_all() || user.has(crate::user::Role::Archivist),
        }
    }
}
