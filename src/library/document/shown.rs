//! What a user sees of documents beyond their rows: path, copies, and rights.

use std::collections::{BTreeMap, BTreeSet};

use super::Document;
use crate::{
    db::{Db, DbError, Tx, padded, placeholders, sql},
    id::FlowId,
    library::{
        folder::shown::paths,
        rights::{Right, Rights, Sight},
    },
};

/// Fills the members of the documents that depend on the user.
pub async fn complete<'d>(
    db: &Db,
    documents: impl IntoIterator<Item = &'d mut Document>,
    sight: &Sight,
) -> Result<(), DbError> {
    let mut documents: Vec<&mut Document> = documents.into_iter().collect();
    if documents.is_empty() {
        return Ok(());
    }
    let folders: BTreeSet<_> = documents.iter().map(|document| document.folder_id.clone()).collect();
    let paths = paths(db, &folders.into_iter().collect::<Vec<_>>(), sight).await?;
    let flows: BTreeSet<FlowId> = documents.iter().filter_map(|document| document.flow_id.clone()).collect();
    let known = flows_of(db, &flows.into_iter().collect::<Vec<_>>(), sight).await?;
    let hashes: BTreeSet<String> = documents.iter().map(|document| document.blake3.to_string()).collect();
    let copies = copies(db, &hashes.into_iter().collect::<Vec<_>>()).await?;
    for document in &mut documents {
        let by_flow = document.flow_id.as_ref().is_some_and(|flow| known.contains(flow.as_str()));
        let rights = if by_flow { Rights::READ } else { Rights::NONE };
        document.can = Some(rights.with(document.by_folder(sight)));
        document.path = paths.get(&document.folder_id).cloned();
        document.copies = Some(copies.get(document.blake3.as_str()).copied().unwrap_or(0));
    }
    Ok(())
}

/// Returns those of the flows in which the user takes part.
pub(in crate::library) async fn flows_of(
    db: &Db,
    flows: &[FlowId],
    sight: &Sight,
) -> Result<BTreeSet<String>, DbError> {
    let mut known = BTreeSet::new();
    let names = sight.user().names_in_flows();
    for piece in flows.chunks(1024) {
        let asked = padded(piece);
        let text = format!(
            "SELECT DISTINCT flow_id FROM flow_people WHERE flow_id IN {} AND who IN {}",
            placeholders(1, asked.len()),
            placeholders(1 + asked.len(), names.len())
        );
        known.extend(sql(text).bind_all(&asked).bind_all(names.clone()).scalars::<String>(db).await?);
    }
    Ok(known)
}

/// Returns true if the user takes part in the flow of the document.
pub async fn takes_part(tx: &mut Tx, document: &Document, sight: &Sight) -> Result<bool, DbError> {
    let Some(flow) = &document.flow_id else { return Ok(false) };
    let names = sight.user().names_in_flows();
    let text = format!(
        "SELECT EXISTS (SELECT 1 FROM flow_people WHERE flow_id = $1 AND who IN {})",
        placeholders(2, names.len())
    );
    sql(text).bind(flow).bind_all(names).scalar(tx).await
}

/// Returns the number of photos of each original.
async fn copies(db: &Db, hashes: &[String]) -> Result<BTreeMap<String, i64>, DbError> {
    let mut counted = BTreeMap::new();
    for piece in hashes.chunks(1024) {
        let asked = padded(piece);
        let text = format!(
            "SELECT original_hash, COUNT(DISTINCT photo_id) FROM documents WHERE original_hash IN {} GROUP BY original_hash",
            placeholders(1, asked.len())
        );
        counted.extend(sql(text).bind_all(asked).all::<(String, i64)>(db).await?);
    }
    Ok(counted)
}

/// Returns the rights that the folder of a document on `shelf` gives.
pub(in crate::library) fn by_folder(shelf: &str, folder_shelf: &str, sight: &Sight) -> Rights {
    match shelf {
        "folder" => sight.on_shelf(folder_shelf),
        "flow" => sight.everywhere_rights(),
        _ => Rights::NONE,
    }
}

impl Document {
    /// Returns the rights that its folder gives. Only the roles that read all read what only the flow shows.
    #[must_use]
    pub fn by_folder(&self, sight: &Sight) -> Rights {
        by_folder(&self.shelf, &self.folder_shelf, sight)
    }

    /// Returns true if the user may see it, once the place or the flow shows it: a face needs the right to faces.
    #[must_use]
    pub fn shows_to(&self, sight: &Sight) -> bool {
        !self.is_face() || sight.on_shelf(&self.folder_shelf).has(Right::Faces)
    }

    /// Returns true if the user may do this with it. [`complete`] has filled it.
    #[must_use]
    pub fn allows(&self, right: Right) -> bool {
        self.can.is_some_and(|can| can.has(right))
    }
}
