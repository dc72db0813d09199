//! Documents that a user selected, with the place that decides which users see them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{
    document::{Document, SELECT, shelf::HiddenShelf},
    search::{only_visible, shelves},
};
use crate::{
    db::{Db, DbError, filter::Filtered, padded, placeholders, sql},
    id::{DocumentId, FlowId, FolderId},
    user::User,
};

/// A document with the shelf that it stands on.
#[derive(Clone, Debug, FromRow)]
pub struct SelectedDocument {
    #[sqlx(flatten)]
    pub document: Document,
    /// public, system, or the owner's id of a personal folder.
    pub shelf: String,
}

const FLOW: &str = HiddenShelf::Flow.as_str();
const DRAFT: &str = HiddenShelf::Draft.as_str();

/// Ids in one statement.
const PIECE: usize = 1024;

fn select() -> String {
    SELECT.replacen("SELECT ", "SELECT d.shelf, ", 1)
}

impl SelectedDocument {
    /// Returns those of `ids` that exist and that `user` may see, in the order of `ids`.
    pub async fn of_ids(db: &Db, ids: &[DocumentId], user: &User) -> Result<Vec<Self>, DbError> {
        let mut found: Vec<Self> = Vec::new();
        for piece in ids.chunks(PIECE) {
            let mut filtered = Filtered::new(&select());
            let list: Vec<String> = padded(piece).iter().map(|id| filtered.arg(id)).collect();
            let of_piece = filtered.when(&format!("d.id IN ({})", list.join(", ")));
            found.extend(only_visible(of_piece, user).end().all::<Self>(db).await?);
        }
        let place: std::collections::HashMap<&DocumentId, usize> =
            ids.iter().enumerate().map(|(at, id)| (id, at)).collect();
        found.sort_by_key(|one| place.get(&one.document.id).copied());
        Ok(found)
    }

    /// Returns the documents of a folder by name. The caller has checked that the user may see the folder.
    pub async fn of_folder(db: &Db, folder: &FolderId, user: &User) -> Result<Vec<Self>, DbError> {
        let mut found = Self::of_place(db, "d.folder_id", folder.as_str(), user).await?;
        // Only their flow shows the form files of a flow that is not archived.
        found.retain(|one| one.shelf != DRAFT && (one.shelf != FLOW || user.reads_all()));
        Ok(found)
    }

    /// Returns the documents of a flow by name. The caller has checked that the user may see the flow.
    pub async fn of_flow(db: &Db, flow: &FlowId, user: &User) -> Result<Vec<Self>, DbError> {
        Self::of_place(db, "d.flow_id", flow.as_str(), user).await
    }

    async fn of_place(db: &Db, column: &str, id: &str, user: &User) -> Result<Vec<Self>, DbError> {
        let statement = format!("{} WHERE {column} = $1 AND d.deleted_at IS NULL ORDER BY d.name, d.id", select());
        let mut found: Vec<Self> = sql(statement).bind(id).all(db).await?;
        found.retain(|one| one.document.may_be_seen_by(user));
        Ok(found)
    }
}

/// The rights that a set of documents needs, in a compact form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededRights {
    /// Some document shows a face, or may show one.
    faces: bool,
    /// Shelf and flow of each document, each pair once.
    places: BTreeSet<(String, Option<FlowId>)>,
}

impl NeededRights {
    pub fn add(&mut self, selected: &SelectedDocument) {
        self.faces |= selected.document.is_face();
        self.places.insert((selected.shelf.clone(), selected.document.flow_id.clone()));
    }

    /// Adds a flow whose documents the user sees through the flow alone.
    pub fn add_flow(&mut self, flow: &FlowId, faces: bool) {
        self.faces |= faces;
        self.places.insert((String::new(), Some(flow.clone())));
    }

    #[must_use]
    pub const fn faces(&self) -> bool {
        self.faces
    }

    /// Returns true if `user` may download every document now. It takes one query for up to a thousand flows.
    pub async fn are_held(&self, db: &Db, user: &User) -> Result<bool, DbError> {
        let drafts = self.places.iter().any(|(shelf, _)| shelf == DRAFT);
        if user.reads_all() && !drafts {
            return Ok(true);
        }
        if self.faces && !user.reads_all() {
            return Ok(false);
        }
        let shelves = shelves(user);
        let mut flows: BTreeSet<&FlowId> = BTreeSet::new();
        for (_, flow) in self.places.iter().filter(|(shelf, _)| !shelves.contains(shelf)) {
            let Some(flow) = flow else { return Ok(false) };
            flows.insert(flow);
        }
        let flows: Vec<&FlowId> = flows.into_iter().collect();
        let names = user.names_in_flows();
        for piece in flows.chunks(PIECE) {
            let asked = padded(piece);
            let known: i64 = sql(format!(
                "SELECT COUNT(DISTINCT flow_id) FROM flow_people WHERE flow_id IN {} AND who IN {}",
                placeholders(1, asked.len()),
                placeholders(1 + asked.len(), names.len())
            ))
            .bind_all(asked)
            .bind_all(names.iter().map(String::as_str))
            .scalar(db)
            .await?;
            if usize::try_from(known) != Ok(piece.len()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
