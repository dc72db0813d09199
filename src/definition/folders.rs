//! The folders of a definition. A version is bound to folders by their ids when it is saved. So photos go to the same
//! folder after a rename.

use std::collections::HashMap;

use super::{Body, Definition};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, Tx, sql},
    id::{DefinitionId, FolderId},
    library::{
        FolderPath, Space,
        folder::{
            Folder, Place, place,
            shown::{self, hidden},
            tree,
        },
        rights::{Right, Sight},
    },
    user::User,
    vocabulary::words,
};

words! {
    /// What a folder of a definition receives.
    FolderPurpose {
        Photos = "photos",
        /// Stamped files.
        Stamped = "stamped",
        /// The files of other fields. They lie in the system space.
        Files = "files",
    }
}

impl Body {
    /// Returns the configured folder. `None`: 系统知识库-电子签.
    fn folder(&self, purpose: FolderPurpose) -> Option<&FolderPath> {
        let integration = self.integration.as_ref()?;
        match purpose {
            FolderPurpose::Photos => integration.download_folder.as_ref(),
            FolderPurpose::Stamped => integration.stamped_folder.as_ref().or(integration.download_folder.as_ref()),
            FolderPurpose::Files => None,
        }
    }

    fn is_personal(&self, purpose: FolderPurpose) -> bool {
        self.folder(purpose).is_some_and(|folder| folder.space == Space::Personal)
    }
}

/// Creates the folders of a version that is saved, and binds the version to them. A folder that the former version shows
/// as it is set now stays the folder, also after a rename or a move.
pub(super) async fn bind(
    tx: &mut Tx,
    id: &DefinitionId,
    version: i64,
    body: &Body,
    now: Timestamp,
) -> Result<(), DbError> {
    let former = if version > 1 { Some(Definition::version(&mut *tx, id, version - 1).await?) } else { None };
    for purpose in [FolderPurpose::Photos, FolderPurpose::Stamped, FolderPurpose::Files] {
        let bound = match &former {
            Some(former) => former.bound(tx, purpose).await?,
            None => None,
        };
        let kept = match (&former, bound) {
            (Some(former), Some(folder)) => {
                let shown = match former.body.folder(purpose) {
                    Some(_) => Folder::path_in_space(&mut *tx, &folder).await?,
                    None => None,
                };
                Some(folder).filter(|_| body.folder(purpose) == shown.as_ref())
            }
            _ => None,
        };
        if let Some(folder) = kept {
            write(tx, id, version, purpose, &folder).await?;
        } else if purpose != FolderPurpose::Files && body.integration.is_some() && !body.is_personal(purpose) {
            let place = place::ensure_shared(tx, body.folder(purpose), now).await?;
            write(tx, id, version, purpose, &place.folder).await?;
        }
    }
    Ok(())
}

async fn write(
    tx: &mut Tx,
    id: &DefinitionId,
    version: i64,
    purpose: FolderPurpose,
    folder: &FolderId,
) -> Result<(), DbError> {
    sql("INSERT INTO definition_folders (definition_id, version, purpose, folder_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (definition_id, version, purpose) DO UPDATE SET folder_id = excluded.folder_id")
    .bind(id)
    .bind(version)
    .bind(purpose)
    .bind(folder)
    .execute(tx)
    .await?;
    Ok(())
}

impl Definition {
    /// Returns the folder of this version for flows of `starter`. A folder that is in the trash since is created anew.
    pub async fn place(
        &self,
        tx: &mut Tx,
        purpose: FolderPurpose,
        starter: &User,
        now: Timestamp,
    ) -> Result<Place, DbError> {
        let path = self.body.folder(purpose);
        if self.body.is_personal(purpose) {
            return place::ensure(tx, path, starter, now).await;
        }
        if let Some(folder) = self.bound(tx, purpose).await?
            && let Some(place) = Place::of(tx, &folder).await?
        {
            return Ok(place);
        }
        let place = place::ensure_shared(tx, path, now).await?;
        write(tx, &self.id, self.version, purpose, &place.folder).await?;
        Ok(place)
    }

    /// Returns the folder to which this version is bound. `None`: it is in the trash, or the version is not bound.
    async fn bound(&self, tx: &mut Tx, purpose: FolderPurpose) -> Result<Option<FolderId>, DbError> {
        let bound: Option<(FolderId,)> =
            sql("SELECT b.folder_id FROM definition_folders b JOIN folders f ON f.id = b.folder_id
             WHERE b.definition_id = $1 AND b.version = $2 AND b.purpose = $3 AND f.trash_id IS NULL")
            .bind(&self.id)
            .bind(self.version)
            .bind(purpose)
            .optional(tx)
            .await?;
        Ok(bound.map(|(folder,)| folder))
    }

    /// Replaces the paths of bound folders by their present paths. `…` stands for the name of a folder that the user may
    /// not see.
    pub async fn show_folders(&mut self, db: &Db, user: &User) -> Result<(), DbError> {
        let sight = Sight::of(db, user).await?;
        let bound: Vec<(String, FolderId)> =
            sql("SELECT purpose, folder_id FROM definition_folders WHERE definition_id = $1 AND version = $2")
                .bind(&self.id)
                .bind(self.version)
                .all(db)
                .await?;
        let mut paths = HashMap::new();
        for (purpose, folder) in bound {
            if let Some(path) = shown::path_in_space(db, &folder, &sight).await? {
                paths.insert(purpose, path);
            }
        }
        let Some(integration) = &mut self.body.integration else { return Ok(()) };
        let set = [
            (&mut integration.download_folder, FolderPurpose::Photos),
            (&mut integration.stamped_folder, FolderPurpose::Stamped),
        ];
        for (shown, purpose) in set {
            match (shown, paths.remove(purpose.as_str())) {
                (Some(shown), Some(path)) => *shown = path,
                // The folder is in the trash. Its names are for those who see all folders.
                (Some(shown), None) if shown.space != Space::Personal && !sight.everywhere(Right::View) => {
                    shown.path = hidden(&shown.path);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Returns the names of the definitions whose current version is bound to this folder or to one below it.
pub async fn bound_to(tx: &mut Tx, folder: &Folder) -> Result<Vec<String>, DbError> {
    let (from, to) = tree::range(&folder.lineage);
    sql("SELECT DISTINCT d.name FROM folders f JOIN definition_folders b ON b.folder_id = f.id
         JOIN definitions d ON d.id = b.definition_id AND d.version = b.version
         WHERE f.lineage >= $1 AND f.lineage < $2 AND f.trash_id IS NULL AND b.purpose <> 'files' ORDER BY d.name")
    .bind(from)
    .bind(to)
    .scalars(tx)
    .await
}
