//! Creates, renames and moves folders, and takes them to the trash and back. A folder that a definition uses, or that holds
//! evidence, does not go to the trash. After a rename or a move the definition shows the new path.

use crate::{
    audit::Act,
    db::{DbError, Tx},
    definition,
    id::{BatchId, FolderId},
    library::{
        Space,
        folder::{
            BadName, Folder, MAX_DEPTH, check_name,
            tree::{self, Spot},
        },
        rights::{
            Right, Rights, Sight,
            entries::{self, Entries},
        },
        trash,
    },
    user::Acting,
};

/// Why a folder or document was not changed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("the object does not exist, or you have no right to see it")]
    NotFound,
    #[error("your rights on the folder do not allow this")]
    NotYours,
    #[error("the definition {0:?} stores files in this folder. Change its integration configuration first.")]
    InUse(String),
    #[error("documents of a flow are evidence. They move within their space and never go to the trash.")]
    Evidence,
    #[error("{0}")]
    BadName(#[from] BadName),
    #[error("a folder cannot move into itself or below itself. Choose another parent.")]
    IntoItself,
    #[error("more than {MAX_DEPTH} folders would lie in each other. Choose a parent nearer to the top.")]
    TooDeep,
    #[error("this would show faces to more users. Only a user with the right to faces may do that.")]
    Faces,
    #[error("folders below it are not yours to manage. Ask those who manage them.")]
    NotYoursBelow,
    #[error("the folder from which it came is not there any more. Name another folder.")]
    NoPlace,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Where a new or moved folder goes: into a folder, or to the top of a space.
#[derive(Clone, Debug)]
pub enum FolderTarget {
    Folder(FolderId),
    Top(Space),
}

/// Creates a folder.
pub async fn make(acting: Acting<'_>, target: &FolderTarget, name: &str) -> Result<Folder, FolderError> {
    let name = check_name(name)?.to_owned();
    let mut tx = acting.db.begin().await?;
    tree::lock(&mut tx).await?;
    let sight = Sight::of(&mut tx, acting.user).await?;
    let spot = spot(&mut tx, target, &sight).await?;
    fits(&spot, 1)?;
    let folder = spot.folder(&name, acting.now).insert(&mut tx).await?;
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
    let mut tx = acting.db.begin().await?;
    tree::lock(&mut tx).await?;
    let sight = Sight::of(&mut tx, acting.user).await?;
    let folder = managed(&mut tx, id, &sight).await?;
    let name = check_name(name.unwrap_or(&folder.name))?.to_owned();
    let parent = parent.filter(|parent| *parent != folder.parent);
    if name == folder.name && parent.is_none() {
        return Ok(folder);
    }
    let spot = match parent {
        None => Folder::above(&mut tx, &folder).await?.map_or_else(|| top_of(&folder), Spot::within),
        Some("") => allowed(top_of(&folder), &sight)?,
        Some(parent) => {
            let parent = parent.parse().map_err(|_| FolderError::NotFound)?;
            let parent = managed(&mut tx, &parent, &sight).await?;
            if folder.holds(&parent) {
                return Err(FolderError::IntoItself);
            }
            if (parent.space, &parent.owner) != (folder.space, &folder.owner) && !acting.user.is_admin() {
                return Err(FolderError::NotYours);
            }
            Spot::within(parent)
        }
    };
    let changed = moved(&mut tx, &folder, &spot, &name, &sight).await?;
    let detail = format!("{} → {}", folder.name, changed.name);
    acting.commit(tx, acting.entry(Act::FolderChanged, id.as_str()).detail(&detail)).await?;
    Ok(changed)
}

/// Puts a folder to a place. It must fit there. A user without the right to faces may not show faces to more users.
async fn moved(tx: &mut Tx, folder: &Folder, spot: &Spot, name: &str, sight: &Sight) -> Result<Folder, FolderError> {
    fits(spot, tree::height(tx, folder).await?)?;
    let before = entries::of_shelf(tx, &folder.shelf).await?;
    let moved = tree::put(tx, folder, spot, name).await?;
    if tree::holds_faces(tx, &moved).await? {
        keep_faces(tx, folder, &before, sight).await?;
    }
    Ok(moved)
}

/// Checks that folders of this height fit into a place.
fn fits(spot: &Spot, height: usize) -> Result<(), FolderError> {
    let above = spot.parent.as_ref().map_or(0, Folder::depth);
    if above + height > MAX_DEPTH { Err(FolderError::TooDeep) } else { Ok(()) }
}

/// Refuses a change of the rights of a folder that shows faces to more users, if the user had no right to its faces.
/// `before` is what its shelf gave. The folders below gain nothing that the folder does not gain.
pub(super) async fn keep_faces(
    tx: &mut Tx,
    folder: &Folder,
    before: &Entries,
    sight: &Sight,
) -> Result<(), FolderError> {
    if sight.on_shelf(&folder.shelf).has(Right::Faces) {
        return Ok(());
    }
    let changed = Folder::find(&mut *tx, &folder.id).await?.ok_or(FolderError::NotFound)?;
    let after = entries::of_shelf(tx, &changed.shelf).await?;
    if entries::show_more_faces(before, &after) { Err(FolderError::Faces) } else { Ok(()) }
}

fn top_of(folder: &Folder) -> Spot {
    Spot::top(folder.space, &folder.owner)
}

/// Moves a folder with all in it to the trash, as one row.
pub async fn delete(acting: Acting<'_>, id: &FolderId) -> Result<(), FolderError> {
    let mut tx = acting.db.begin().await?;
    tree::lock(&mut tx).await?;
    let sight = Sight::of(&mut tx, acting.user).await?;
    let folder = managed(&mut tx, id, &sight).await?;
    if let Some(definition) = definition::folders::bound_to(&mut tx, &folder).await?.into_iter().next() {
        return Err(FolderError::InUse(definition));
    }
    if !tree::gives_on_all(&mut tx, &folder, &sight, Right::Manage).await? {
        return Err(FolderError::NotYoursBelow);
    }
    trash::add_folder(&mut tx, &folder, &BatchId::new(), &acting.user.username, acting.now).await?;
    // Asked after the folders are locked: a flow may have stored a photo meanwhile.
    if trash::holds_evidence_of(&mut tx, &folder.id).await? {
        return Err(FolderError::Evidence);
    }
    acting.commit(tx, acting.entry(Act::FolderDeleted, id.as_str()).detail(&folder.name)).await?;
    Ok(())
}

/// Takes a folder out of the trash: to where it was, or into another folder of the user's choice.
pub async fn restore(acting: Acting<'_>, id: &FolderId, into: Option<&FolderTarget>) -> Result<Folder, FolderError> {
    let mut tx = acting.db.begin().await?;
    tree::lock(&mut tx).await?;
    let sight = Sight::of(&mut tx, acting.user).await?;
    let row = trash::TrashRow::managed(&mut tx, id.as_str(), &sight).await?;
    row.filter(|row| row.tombstone.is_none()).ok_or(FolderError::NotFound)?;
    let folder = Folder::find(&mut tx, id).await?.ok_or(FolderError::NotFound)?;
    let spot = match into {
        Some(target) => spot(&mut tx, target, &sight).await?,
        None => former_spot(&mut tx, &folder).await?,
    };
    if (spot.space, &spot.owner) != (folder.space, &folder.owner) && !acting.user.is_admin() {
        return Err(FolderError::NotYours);
    }
    // First to its place: the name may be taken where it was.
    moved(&mut tx, &folder, &spot, &folder.name, &sight).await?;
    trash::restore_folder(&mut tx, &folder).await?;
    let restored = Folder::find(&mut tx, id).await?.ok_or(FolderError::NotFound)?;
    acting.commit(tx, acting.entry(Act::FolderRestored, id.as_str()).detail(&restored.name)).await?;
    Ok(restored)
}

/// Returns the place where a folder was.
async fn former_spot(tx: &mut Tx, folder: &Folder) -> Result<Spot, FolderError> {
    if folder.parent.is_empty() {
        return Ok(top_of(folder));
    }
    let parent = Folder::above(tx, folder).await?.filter(|parent| parent.trash_id.is_none());
    parent.map(Spot::within).ok_or(FolderError::NoPlace)
}

/// Returns the place, if the user manages it.
async fn spot(tx: &mut Tx, target: &FolderTarget, sight: &Sight) -> Result<Spot, FolderError> {
    match target {
        FolderTarget::Folder(id) => Ok(Spot::within(managed(tx, id, sight).await?)),
        FolderTarget::Top(space) => allowed(Spot::top(*space, sight.user().id.as_str()), sight),
    }
}

fn allowed(spot: Spot, sight: &Sight) -> Result<Spot, FolderError> {
    if sight.on_shelf(&spot.shelf()).has(Right::Manage) { Ok(spot) } else { Err(FolderError::NotYours) }
}

/// Returns the folder, if the user manages it. A folder that the user may not see does not exist for the user.
pub(super) async fn managed(tx: &mut Tx, id: &FolderId, sight: &Sight) -> Result<Folder, FolderError> {
    let folder = Folder::find(tx, id).await?.ok_or(FolderError::NotFound)?;
    check(sight.on(&folder), Right::Manage)?;
    Ok(folder)
}

/// Checks a right. What may not be seen does not exist.
pub(super) const fn check(held: Rights, right: Right) -> Result<(), FolderError> {
    match (held.has(Right::View), held.has(right)) {
        (_, true) => Ok(()),
        (true, false) => Err(FolderError::NotYours),
        (false, false) => Err(FolderError::NotFound),
    }
}
