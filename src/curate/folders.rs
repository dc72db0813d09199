//! Creates, renames, moves and deletes folders. A folder that a definition uses cannot be deleted. After a rename or a move
//! the definition shows the new path.

use crate::{
    audit::Act,
    db::{Db, DbError, Tx},
    definition,
    id::FolderId,
    library::{
        Space,
        folder::{BadName, Folder, check_name},
    },
    user::{Acting, Role, User},
};

/// Why a folder was not changed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("the folder does not exist, or you have no right to see it")]
    NotFound,
    #[error("your roles do not allow this")]
    NotYours,
    #[error("the definition {0:?} stores files in this folder. Change its integration configuration first.")]
    InUse(String),
    #[error("the folder is not empty. Move or delete its documents and folders first.")]
    NotEmpty,
    #[error("{0}")]
    BadName(#[from] BadName),
    #[error("a folder can move only within its space, and not into itself. Choose another parent.")]
    Elsewhere,
    #[error(transparent)]
    Db(DbError),
}

impl From<DbError> for FolderError {
    fn from(error: DbError) -> Self {
        match &error {
            // A document or folder was added to it since.
            DbError::Database(cause) if cause.is_foreign_key_violation() => Self::NotEmpty,
            _ => Self::Db(error),
        }
    }
}

/// Creates a folder in another one, or at the top of the public space.
pub async fn make(acting: Acting<'_>, parent: Option<&FolderId>, name: &str) -> Result<Folder, FolderError> {
    let user = acting.user;
    let name = check_name(name)?.to_owned();
    let parent = match parent {
        Some(id) => Some(viewable(acting.db, id, user).await?),
        None => None,
    };
    let own = parent.as_ref().is_some_and(|parent| parent.owner == user.id.as_str());
    if !own && !user.is_admin() && !user.has(Role::Archivist) {
        return Err(FolderError::NotYours);
    }
    let folder = Folder {
        id: FolderId::new(),
        parent: parent.as_ref().map(|parent| parent.id.to_string()).unwrap_or_default(),
        space: parent.as_ref().map_or(Space::Public, |parent| parent.space),
        owner: parent.map(|parent| parent.owner).unwrap_or_default(),
        name,
        created_at: acting.now,
    };
    let mut tx = acting.db.begin().await?;
    folder.insert(&mut tx).await?;
    acting.commit(tx, acting.entry(Act::FolderMade, folder.id.as_str()).detail(&folder.name)).await?;
    Ok(folder)
}

/// Changes the name or the parent of a folder, or both. An empty parent is the top of its space.
pub async fn change(
    acting: Acting<'_>,
    id: &FolderId,
    name: Option<&str>,
    parent: Option<&str>,
) -> Result<Folder, FolderError> {
    let folder = managed(acting, id).await?;
    let mut tx = acting.db.begin().await?;
    let changed = rewrite(&mut tx, &folder, name, parent).await?;
    let detail = format!("{} → {}", folder.name, changed.name);
    acting.commit(tx, acting.entry(Act::FolderChanged, id.as_str()).detail(&detail)).await?;
    Ok(changed)
}

/// Deletes an empty folder.
pub async fn delete(acting: Acting<'_>, id: &FolderId) -> Result<(), FolderError> {
    let folder = managed(acting, id).await?;
    let mut tx = acting.db.begin().await?;
    remove(&mut tx, &folder).await?;
    acting.commit(tx, acting.entry(Act::FolderDeleted, id.as_str()).detail(&folder.name)).await?;
    Ok(())
}

/// Returns the folder, if `user` may see it.
pub async fn viewable(db: &Db, id: &FolderId, user: &User) -> Result<Folder, FolderError> {
    let folder = Folder::find(db, id).await?;
    folder.filter(|folder| folder.may_view(user)).ok_or(FolderError::NotFound)
}

/// Returns the folder, if the user may change it. That is its owner in the personal space; elsewhere archivists and
/// administrators.
async fn managed(acting: Acting<'_>, id: &FolderId) -> Result<Folder, FolderError> {
    let user = acting.user;
    let folder = viewable(acting.db, id, user).await?;
    let own = folder.space == Space::Personal && folder.owner == user.id.as_str();
    let keeps = folder.space != Space::Personal && user.has(Role::Archivist);
    if own || keeps || user.is_admin() { Ok(folder) } else { Err(FolderError::NotYours) }
}

async fn rewrite(
    tx: &mut Tx,
    folder: &Folder,
    name: Option<&str>,
    parent: Option<&str>,
) -> Result<Folder, FolderError> {
    let name = check_name(name.unwrap_or(&folder.name))?.to_owned();
    let parent = parent.unwrap_or(&folder.parent).to_owned();
    if name == folder.name && parent == folder.parent {
        return Ok(folder.clone());
    }
    if parent != folder.parent {
        fits(tx, folder, &parent).await?;
    }
    folder.rewrite(tx, &name, &parent).await?;
    Ok(Folder { parent, name, ..folder.clone() })
}

async fn remove(tx: &mut Tx, folder: &Folder) -> Result<(), FolderError> {
    in_use(tx, folder).await?;
    if folder.remove_if_empty(tx).await? { Ok(()) } else { Err(FolderError::NotEmpty) }
}

/// Checks that `parent` is in the space of the folder and not below the folder.
async fn fits(tx: &mut Tx, folder: &Folder, parent: &str) -> Result<(), FolderError> {
    for above in chain(tx, parent).await? {
        if above.id == folder.id || above.space != folder.space || above.owner != folder.owner {
            return Err(FolderError::Elsewhere);
        }
    }
    Ok(())
}

/// Returns a folder and all folders above it, the highest first.
async fn chain(tx: &mut Tx, id: &str) -> Result<Vec<Folder>, FolderError> {
    let mut folders = Vec::new();
    let mut next = id.to_owned();
    while !next.is_empty() {
        let id: FolderId = next.parse().map_err(|_| FolderError::Elsewhere)?;
        let folder = Folder::find(&mut *tx, &id).await?.ok_or(FolderError::Elsewhere)?;
        next.clone_from(&folder.parent);
        folders.push(folder);
    }
    folders.reverse();
    Ok(folders)
}

/// Refuses if the current version of a definition stores files in this folder or below it.
async fn in_use(tx: &mut Tx, folder: &Folder) -> Result<(), FolderError> {
    for id in Folder::with_all_below(tx, &folder.id).await? {
        if let Some(definition) = definition::folders::bound_to(tx, &id).await?.into_iter().next() {
            return Err(FolderError::InUse(definition));
        }
    }
    Ok(())
}
