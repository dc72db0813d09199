//! Folders are renamed, moved and deleted; one that a definition points at is kept as it is.

use crate::library::folder::{BadName, ESIGN, Folder, check_name};
use crate::{
    db::{DbError, Tx, sql},
    definition::{Definition, Integration},
    id::FolderId,
    library::{FolderPath, Space},
};

/// Why a folder stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error("the definition {0:?} keeps files in this folder; change its integration configuration first")]
    InUse(String),
    #[error("the folder has documents or folders in it; move or delete them first")]
    NotEmpty,
    #[error("{0}")]
    BadName(#[from] BadName),
    #[error("a folder moves within its own space only, and not into itself")]
    Elsewhere,
    #[error(transparent)]
    Db(DbError),
}

impl From<DbError> for KeepError {
    fn from(error: DbError) -> Self {
        match &error {
            // Something came to lie in it meanwhile.
            DbError::Database(cause) if cause.is_foreign_key_violation() => Self::NotEmpty,
            _ => Self::Db(error),
        }
    }
}

/// Gives the folder another name, or another parent (empty: the top of its space), or both.
pub async fn change(
    tx: &mut Tx,
    folder: &Folder,
    name: Option<&str>,
    parent: Option<&str>,
) -> Result<Folder, KeepError> {
    let name = check_name(name.unwrap_or(&folder.name))?.to_owned();
    let parent = parent.unwrap_or(&folder.parent).to_owned();
    if name == folder.name && parent == folder.parent {
        return Ok(folder.clone());
    }
    in_use(tx, folder).await?;
    if parent != folder.parent {
        fits(tx, folder, &parent).await?;
    }
    sql("UPDATE folders SET name = $1, parent = $2 WHERE id = $3")
        .bind(&name)
        .bind(&parent)
        .bind(&folder.id)
        .execute(tx)
        .await?;
    Ok(Folder { parent, name, ..folder.clone() })
}

/// Deletes an empty folder.
pub async fn delete(tx: &mut Tx, folder: &Folder) -> Result<(), KeepError> {
    in_use(tx, folder).await?;
    // What was counted in it when there still was something.
    sql("DELETE FROM folder_totals WHERE folder_id = $1
           AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.folder_id = folder_totals.folder_id)")
    .bind(&folder.id)
    .execute(&mut *tx)
    .await?;
    let deleted = sql("DELETE FROM folders WHERE id = $1
           AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.folder_id = folders.id)
           AND NOT EXISTS (SELECT 1 FROM folders f WHERE f.parent = folders.id)")
    .bind(&folder.id)
    .execute(tx)
    .await?;
    if deleted == 1 { Ok(()) } else { Err(KeepError::NotEmpty) }
}

/// `parent` lies in the folder's space and not below the folder.
async fn fits(tx: &mut Tx, folder: &Folder, parent: &str) -> Result<(), KeepError> {
    for above in chain(tx, parent).await? {
        if above.id == folder.id || above.space != folder.space || above.owner != folder.owner {
            return Err(KeepError::Elsewhere);
        }
    }
    Ok(())
}

/// A folder and those above it, the highest first.
async fn chain(tx: &mut Tx, id: &str) -> Result<Vec<Folder>, KeepError> {
    let mut folders = Vec::new();
    let mut next = id.to_owned();
    while !next.is_empty() {
        let id: FolderId = next.parse().map_err(|_| KeepError::Elsewhere)?;
        let folder = Folder::find(&mut *tx, &id).await?.ok_or(KeepError::Elsewhere)?;
        next.clone_from(&folder.parent);
        folders.push(folder);
    }
    folders.reverse();
    Ok(folders)
}

/// Whether the current version of a definition puts files into this folder or one below it.
async fn in_use(tx: &mut Tx, folder: &Folder) -> Result<(), KeepError> {
    let names: Vec<String> = chain(tx, folder.id.as_str()).await?.into_iter().map(|folder| folder.name).collect();
    for definition in Definition::all_current(tx).await? {
        let pointed = definition.body.integration.as_ref().is_some_and(|integration| {
            paths(integration).iter().any(|(space, path)| *space == folder.space && path.starts_with(&names))
        });
        if pointed {
            return Err(KeepError::InUse(definition.body.name));
        }
    }
    Ok(())
}

/// Where a configuration puts files, name by name.
fn paths(integration: &Integration) -> Vec<(Space, Vec<String>)> {
    let names = |folder: Option<&FolderPath>| {
        let (space, path) = folder.map_or((Space::System, ""), |folder| (folder.space, folder.path.as_str()));
        let top = (space == Space::System).then_some(ESIGN);
        (space, top.into_iter().chain(path.split('/').filter(|name| !name.is_empty())).map(str::to_owned).collect())
    };
    let stamped = integration.stamped_folder.as_ref().or(integration.download_folder.as_ref());
    vec![names(integration.download_folder.as_ref()), names(stamped)]
}
