//! The place where the files of a flow go, made as far as it is missing.

use super::{
    BadName, ESIGN, Folder, names_of,
    tree::{self, Spot},
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    id::FolderId,
    library::{FolderPath, Space},
    user::User,
};

/// A folder with the key prefix of originals that are first stored through it.
#[derive(Clone, Debug)]
pub struct Place {
    pub folder: FolderId,
    /// For example `公共知识库/用印/2026`.
    pub prefix: String,
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
    let mut names = names_of(path).map_err(|error: BadName| DbError::Decode(error.into()))?;
    if space == Space::System {
        names.insert(0, ESIGN);
    }
    let starter = starter.filter(|_| space == Space::Personal);
    let owner = starter.map_or("", |starter| starter.id.as_str());
    let top = Spot::top(space, owner);
    let folder = match walk(tx, &top, &names).await? {
        Some(folder) => folder,
        None => made(tx, top, &names, now).await?,
    };
    let prefix = prefix(space, starter.map(|starter| starter.username.as_str()));
    let segments: Vec<&str> = [prefix.as_str()].into_iter().chain(names).filter(|name| !name.is_empty()).collect();
    Ok(Place { folder: folder.id, prefix: segments.join("/") })
}

/// Returns the folder at the end of the path, if all folders on it are there.
async fn walk(tx: &mut Tx, top: &Spot, names: &[&str]) -> Result<Option<Folder>, DbError> {
    let (mut spot, mut last) = (top.clone(), None);
    for name in names {
        let Some(folder) = spot.child(tx, name).await? else { return Ok(None) };
        spot = Spot::within(folder.clone());
        last = Some(folder);
    }
    Ok(last)
}

/// Makes the missing folders of the path. The lock keeps the folders above where they are.
async fn made(tx: &mut Tx, top: Spot, names: &[&str], now: Timestamp) -> Result<Folder, DbError> {
    tree::lock(tx).await?;
    let (mut spot, mut last) = (top, None);
    for name in names {
        let folder = match spot.child(tx, name).await? {
            Some(folder) => folder,
            None => spot.folder(name, now).insert(tx).await?,
        };
        spot = Spot::within(folder.clone());
        last = Some(folder);
    }
    last.ok_or(DbError::RowNotFound)
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
    /// Returns a folder by its id. `None`: it is not there, or it is in the trash.
    pub async fn of(tx: &mut Tx, folder: &FolderId) -> Result<Option<Self>, DbError> {
        let Some(found) = Folder::find(&mut *tx, folder).await?.filter(|folder| folder.trash_id.is_none()) else {
            return Ok(None);
        };
        let owner = match found.owner.parse() {
            Ok(owner) => User::find(&mut *tx, &owner).await?.map(|user| user.username),
            Err(_) => None,
        };
        let mut names = vec![prefix(found.space, owner.as_deref())];
        names.extend(found.names_from_top(&mut *tx).await?);
        names.retain(|name| !name.is_empty());
        Ok(Some(Self { folder: found.id, prefix: names.join("/") }))
    }
}
