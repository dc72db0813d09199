//! Documents that a user selected, and the rights that they need.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{
    document::{Document, SELECT, shelf::HiddenShelf, shown},
    folder::Folder,
    rights::{Right, Rights, Sight, sees},
};
use crate::{
    db::{Db, DbError, filter::Filtered, padded, placeholders, sql},
    id::{DocumentId, FlowId, FolderId},
};

/// In place of a folder: only the people of a draft see its files.
const DRAFT: &str = HiddenShelf::Draft.as_str();

/// Ids in one statement.
const PIECE: usize = 1024;

/// Returns those of `ids` that exist and that the user may see, in the order of `ids`. Each says what the user may do.
pub async fn of_ids(db: &Db, ids: &[DocumentId], sight: &Sight) -> Result<Vec<Document>, DbError> {
    let mut found: Vec<Document> = Vec::new();
    for piece in ids.chunks(PIECE) {
        found.extend(Document::seen(db, piece, sight).await?);
    }
    let place: HashMap<&DocumentId, usize> = ids.iter().enumerate().map(|(at, id)| (id, at)).collect();
    found.sort_by_key(|one| place.get(&one.id).copied());
    shown::complete(db, &mut found, sight).await?;
    Ok(found)
}

/// Returns the documents of a folder by name. The caller has checked that the user may see the folder.
pub async fn of_folder(db: &Db, folder: &FolderId, sight: &Sight) -> Result<Vec<Document>, DbError> {
    of_place(db, "d.folder_id", folder.as_str(), sight).await
}

/// Returns the documents of a flow by name. The caller has checked that the user may see the flow.
pub async fn of_flow(db: &Db, flow: &FlowId, sight: &Sight) -> Result<Vec<Document>, DbError> {
    of_place(db, "d.flow_id", flow.as_str(), sight).await
}

async fn of_place(db: &Db, column: &str, id: &str, sight: &Sight) -> Result<Vec<Document>, DbError> {
    let mut filtered = Filtered::new(SELECT).and(&format!("{column} ="), Some(id)).when("d.deleted_at IS NULL");
    let sees = sees(&mut filtered, sight.user());
    let text = filtered.when(&sees).then("ORDER BY d.name_key, d.id");
    let mut found: Vec<Document> = text.all(db).await?;
    // Only their flow shows the form files of a flow that is not archived.
    found.retain(|one| column != "d.folder_id" || one.by_folder(sight).has(Right::View));
    shown::complete(db, &mut found, sight).await?;
    Ok(found)
}

/// The rights that a set of documents needs, in a compact form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededRights {
    /// Some document shows a face, or may show one.
    faces: bool,
    /// Folder and flow of each document, and whether it shows a face. Each combination once. The folder is empty for
    /// what only its flow shows, and `draft` for a file of a draft.
    places: BTreeSet<(String, Option<FlowId>, bool)>,
}

impl NeededRights {
    pub fn add(&mut self, document: &Document) {
        let face = document.is_face();
        self.faces |= face;
        let folder = match document.shelf.as_str() {
            "folder" => document.folder_id.to_string(),
            DRAFT => DRAFT.to_owned(),
            _ => String::new(),
        };
        self.places.insert((folder, document.flow_id.clone(), face));
    }

    /// Adds a flow whose documents the user sees through the flow alone.
    pub fn add_flow(&mut self, flow: &FlowId, faces: bool) {
        self.faces |= faces;
        self.places.insert((String::new(), Some(flow.clone()), faces));
    }

    #[must_use]
    pub const fn faces(&self) -> bool {
        self.faces
    }

    /// Returns true if the user may download every document now. It takes few queries for up to a thousand places.
    pub async fn are_held(&self, db: &Db, sight: &Sight) -> Result<bool, DbError> {
        let folders = self.folders(db).await?;
        let mut flows: BTreeSet<&FlowId> = BTreeSet::new();
        for (folder, flow, face) in &self.places {
            let rights = match folders.get(folder) {
                Some(folder) => sight.on(folder),
                None if folder.is_empty() => sight.everywhere_rights(),
                None if folder == DRAFT => Rights::NONE,
                None => return Ok(false),
            };
            if *face && !rights.has(Right::Faces) {
                return Ok(false);
            }
            if rights.has(Right::Download) {
                continue;
            }
            let Some(flow) = flow else { return Ok(false) };
            flows.insert(flow);
        }
        let flows: Vec<FlowId> = flows.into_iter().cloned().collect();
        Ok(shown::flows_of(db, &flows, sight).await?.len() == flows.len())
    }

    async fn folders(&self, db: &Db) -> Result<HashMap<String, Folder>, DbError> {
        let ids: BTreeSet<&str> =
            self.places.iter().map(|(folder, ..)| folder.as_str()).filter(|folder| !folder.is_empty()).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut folders = HashMap::new();
        for piece in ids.chunks(PIECE) {
            let asked = padded(piece);
            let text = format!("SELECT * FROM folders WHERE id IN {}", placeholders(1, asked.len()));
            let found: Vec<Folder> = sql(text).bind_all(asked).all(db).await?;
            folders.extend(found.into_iter().map(|folder| (folder.id.to_string(), folder)));
        }
        Ok(folders)
    }
}
