//! Folders as a user sees them: path, counts and rights.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use sqlx::FromRow;

use super::Folder;
use crate::{
    clock::Timestamp,
    db::{Db, DbError, filter::Filtered, padded, placeholders, sql},
    id::FolderId,
    library::{
        FolderPath, Space,
        rights::{Right, Rights, Sight, also_gives, gives, gives_faces},
    },
};

/// A folder as one user sees it. Its counts are of what this user may see.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Folder)]
pub struct FolderView {
    pub id: FolderId,
    /// Empty at the top of a space, and if the caller may not see the folder above.
    #[schema(pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$")]
    pub parent_id: String,
    pub space: Space,
    /// User id of the owner in the personal space. Empty in the other spaces.
    #[schema(pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$")]
    pub owner: String,
    pub name: String,
    /// The space and the names of the folders, such as `public/用印/2026`. `…` stands for a folder that the caller may
    /// not see.
    pub path: String,
    /// The number of folders in it.
    pub folders: i64,
    /// The number of documents in it.
    pub documents: i64,
    /// The number of documents in it and in all folders below.
    pub documents_deep: i64,
    /// What the caller may do with it.
    #[schema(value_type = Vec<Right>)]
    pub can: Rights,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A folder on the way from the top of a space down to a folder.
#[derive(FromRow)]
struct Step {
    id: String,
    name: String,
    shelf: String,
}

/// What stands for the name of a folder that the user may not see.
const HIDDEN: &str = "…";

/// Returns the paths of those of the folders that the user may see.
pub async fn paths(db: &Db, ids: &[FolderId], sight: &Sight) -> Result<HashMap<FolderId, String>, DbError> {
    let mut folders: Vec<Folder> = Vec::new();
    for piece in ids.chunks(1024) {
        let asked = padded(piece);
        let text = format!("SELECT * FROM folders WHERE id IN {}", placeholders(1, asked.len()));
        folders.extend(sql(text).bind_all(&asked).all::<Folder>(db).await?);
    }
    folders.retain(|folder| sight.on(folder).has(Right::View));
    paths_of(db, &folders, sight).await
}

/// Returns the path of a folder. `…` stands for each folder of it that the user may not see.
pub async fn path(db: &Db, folder: &Folder, sight: &Sight) -> Result<String, DbError> {
    let paths = paths_of(db, std::slice::from_ref(folder), sight).await?;
    Ok(paths.into_values().next().unwrap_or_default())
}

/// Returns the space of a folder and its path in it, as a definition names it. `None`: it is not there, or it is in the
/// trash.
pub async fn path_in_space(db: &Db, id: &FolderId, sight: &Sight) -> Result<Option<FolderPath>, DbError> {
    let Some(folder) = Folder::find(db, id).await?.filter(|folder| folder.trash_id.is_none()) else { return Ok(None) };
    let path = path(db, &folder, sight).await?;
    // The name of a system folder's top is no part of a setting.
    let names = path.split('/').skip(1 + usize::from(folder.space == Space::System));
    Ok(Some(FolderPath { space: folder.space, path: names.collect::<Vec<_>>().join("/") }))
}

/// Returns a path without its names.
#[must_use]
pub fn hidden(path: &str) -> String {
    path.split('/').map(|name| if name.is_empty() { "" } else { HIDDEN }).collect::<Vec<_>>().join("/")
}

async fn paths_of(db: &Db, folders: &[Folder], sight: &Sight) -> Result<HashMap<FolderId, String>, DbError> {
    let ids: BTreeSet<&str> =
        folders.iter().flat_map(|folder| folder.lineage.split('/')).filter(|id| !id.is_empty()).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let mut steps: HashMap<String, Step> = HashMap::new();
    for piece in ids.chunks(1024) {
        let asked = padded(piece);
        let text = format!("SELECT id, name, shelf FROM folders WHERE id IN {}", placeholders(1, asked.len()));
        let rows: Vec<Step> = sql(text).bind_all(asked).all(db).await?;
        steps.extend(rows.into_iter().map(|step| (step.id.clone(), step)));
    }
    let name = |id: &str| match steps.get(id) {
        Some(step) if sight.on_shelf(&step.shelf).has(Right::View) => step.name.clone(),
        _ => HIDDEN.to_owned(),
    };
    let path = |folder: &Folder| {
        let names = folder.lineage.split('/').filter(|id| !id.is_empty()).map(name);
        [folder.space.as_str().to_owned()].into_iter().chain(names).collect::<Vec<_>>().join("/")
    };
    Ok(folders.iter().map(|folder| (folder.id.clone(), path(folder))).collect())
}

impl FolderView {
    /// Returns the folders as the user sees them, in their order. The user may see them.
    pub async fn of(db: &Db, folders: Vec<Folder>, sight: &Sight) -> Result<Vec<Self>, DbError> {
        let paths = paths_of(db, &folders, sight).await?;
        let above = shelves_above(db, &folders).await?;
        let (own, deep) = (counted(db, &folders, sight, false).await?, counted(db, &folders, sight, true).await?);
        let below = folders_in(db, &folders, sight).await?;
        let count =
            |counts: &BTreeMap<String, i64>, folder: &Folder| counts.get(folder.id.as_str()).copied().unwrap_or(0);
        let shown = |folder: Folder| {
            let parent_seen = above.get(&folder.parent).is_some_and(|shelf| sight.on_shelf(shelf).has(Right::View));
            Self {
                path: paths.get(&folder.id).cloned().unwrap_or_default(),
                folders: count(&below, &folder),
                documents: count(&own, &folder),
                documents_deep: count(&deep, &folder),
                can: sight.on(&folder),
                parent_id: if parent_seen { folder.parent } else { String::new() },
                id: folder.id,
                space: folder.space,
                owner: folder.owner,
                name: folder.name,
                created_at: folder.created_at,
            }
        };
        Ok(folders.into_iter().map(shown).collect())
    }

    /// Returns one folder as the user sees it.
    pub async fn one(db: &Db, folder: Folder, sight: &Sight) -> Result<Self, DbError> {
        Self::of(db, vec![folder], sight).await?.pop().ok_or(DbError::RowNotFound)
    }
}

async fn shelves_above(db: &Db, folders: &[Folder]) -> Result<HashMap<String, String>, DbError> {
    let parents: BTreeSet<&str> =
        folders.iter().map(|folder| folder.parent.as_str()).filter(|parent| !parent.is_empty()).collect();
    let parents: Vec<&str> = parents.into_iter().collect();
    let mut shelves = HashMap::new();
    for piece in parents.chunks(1024) {
        let asked = padded(piece);
        let text = format!("SELECT id, shelf FROM folders WHERE id IN {}", placeholders(1, asked.len()));
        shelves.extend(sql(text).bind_all(asked).all::<(String, String)>(db).await?);
    }
    Ok(shelves)
}

/// Returns the number of documents that the user may see in each folder, or in it and below. The totals are kept with
/// every change, so this reads no document.
async fn counted(db: &Db, folders: &[Folder], sight: &Sight, deep: bool) -> Result<BTreeMap<String, i64>, DbError> {
    let mut counts = BTreeMap::new();
    for piece in folders.chunks(1024) {
        let below = if deep { "f.lineage >= a.lineage AND f.lineage < a.lineage || 'g'" } else { "f.id = a.id" };
        let mut filtered = Filtered::new("");
        let seen = totals(&mut filtered, sight, "documents");
        let shown = also_gives(&mut filtered, sight.user(), Right::View, "f");
        let ids: Vec<FolderId> = padded(&piece.iter().map(|folder| folder.id.clone()).collect::<Vec<_>>());
        let ids: Vec<String> = ids.iter().map(|id| filtered.arg(id)).collect();
        let text = format!(
            "SELECT a.id, CAST(COALESCE(SUM({seen}), 0) AS BIGINT) FROM folders a JOIN folders f ON {below}
             JOIN folder_totals t ON t.folder_id = f.id WHERE a.id IN ({}) AND {shown} GROUP BY a.id",
            ids.join(", ")
        );
        counts.extend(filtered.text(text).all::<(String, i64)>(db).await?);
    }
    Ok(counts)
}

/// Returns the part of a total `t` of the folder `f` that the user may see: `documents` or `bytes`.
pub(in crate::library) fn totals(filtered: &mut Filtered, sight: &Sight, of: &str) -> String {
    let (faces, hidden) = if of == "bytes" { ("face_bytes", "hidden_bytes") } else { ("faces", "hidden") };
    let all = format!("t.{of}");
    if sight.everywhere(Right::View) {
        return all;
    }
    let shown = format!("{all} - t.{hidden}");
    let gives = gives_faces(filtered, sight.user(), "f");
    format!("CASE WHEN {gives} THEN {shown} ELSE {shown} - t.{faces} END")
}

async fn folders_in(db: &Db, folders: &[Folder], sight: &Sight) -> Result<BTreeMap<String, i64>, DbError> {
    let mut counts = BTreeMap::new();
    for piece in folders.chunks(1024) {
        let mut filtered = Filtered::new("");
        let shown = also_gives(&mut filtered, sight.user(), Right::View, "f");
        let ids: Vec<FolderId> = padded(&piece.iter().map(|folder| folder.id.clone()).collect::<Vec<_>>());
        let ids: Vec<String> = ids.iter().map(|id| filtered.arg(id)).collect();
        let text = format!(
            "SELECT f.parent, COUNT(*) FROM folders f WHERE f.parent IN ({}) AND {shown} GROUP BY f.parent",
            ids.join(", ")
        );
        counts.extend(filtered.text(text).all::<(String, i64)>(db).await?);
    }
    Ok(counts)
}

impl Folder {
    /// Returns the folder if the user may see it.
    pub async fn visible(db: &Db, id: &FolderId, sight: &Sight) -> Result<Option<Self>, DbError> {
        Ok(Self::find(db, id).await?.filter(|folder| sight.on(folder).has(Right::View)))
    }

    /// Returns the folders in `parent` that the user may see, by name.
    pub async fn visible_children(db: &Db, parent: &FolderId, sight: &Sight) -> Result<Vec<Self>, DbError> {
        let mut filtered = Filtered::new("");
        let (shown, parent) = (also_gives(&mut filtered, sight.user(), Right::View, "f"), filtered.arg(parent));
        let text = format!("SELECT f.* FROM folders f WHERE f.parent = {parent} AND {shown} ORDER BY f.name, f.id");
        filtered.text(text).all(db).await
    }

    /// Returns the folders at the top of a space that the user may see, by name. A folder in one that the user may not
    /// see stands at the top, too. `owner` is a user id in the personal space, else empty.
    pub async fn visible_top(db: &Db, space: Space, owner: &str, sight: &Sight) -> Result<Vec<Self>, DbError> {
        let mut filtered = Filtered::new("");
        let (shown, above) = (
            also_gives(&mut filtered, sight.user(), Right::View, "f"),
            gives(&mut filtered, sight.user(), Right::View, "p"),
        );
        let (space, owner) = (filtered.arg(space), filtered.arg(owner));
        let text = format!(
            "SELECT f.* FROM folders f WHERE f.space = {space} AND f.owner = {owner} AND {shown} AND (f.parent = ''
               OR f.shelf = f.id AND NOT EXISTS (SELECT 1 FROM folders p WHERE p.id = f.parent AND {above}))
             ORDER BY f.name, f.id"
        );
        filtered.text(text).all(db).await
    }
}
