//! Rights on folders. Folders with equal rights share a *shelf*: the nearest folder, here or above, that has entries of
//! its own, or the space. `shelf_rights` has what each shelf gives, with all that it inherits. So a user's rights are one
//! small query, whatever the number of folders and documents.

pub mod entries;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::{
    db::{DbError, On, filter::Filtered, placeholders, sql},
    library::folder::Folder,
    user::User,
    vocabulary::words,
};

words! {
    /// What a user may do with a folder and the documents in it.
    Right {
        /// See names, data and thumbnails.
        View = "view",
        /// Read the bytes: content, bundles, copies.
        Download = "download",
        /// Upload, make, rename, move, trash, restore, and change rights.
        Manage = "manage",
        /// See photos of faces and of an unknown kind, on top of view or download.
        Faces = "faces",
    }
}

impl Right {
    const fn bit(self) -> i64 {
        match self {
            Self::View => 1,
            Self::Download => 2,
            Self::Manage => 4,
            Self::Faces => 8,
        }
    }
}

/// A set of rights. Manage implies download, and download implies view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(i64);

impl Rights {
    pub const NONE: Self = Self(0);
    /// View and download.
    pub const READ: Self = Self(3);
    /// Everything but faces.
    pub const MANAGE: Self = Self(7);
    const READ_ALL: Self = Self(11);
    const ALL: Self = Self(15);

    #[must_use]
    pub fn of(rights: impl IntoIterator<Item = Right>) -> Self {
        Self::closed(rights.into_iter().fold(0, |bits, right| bits | right.bit()))
    }

    /// Adds what the rights imply.
    const fn closed(bits: i64) -> Self {
        let bits = if bits & 4 == 4 { bits | 2 } else { bits };
        Self(if bits & 2 == 2 { bits | 1 } else { bits })
    }

    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The sum that the database has.
    #[must_use]
    pub const fn bits(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn of_bits(bits: i64) -> Self {
        Self::closed(bits & Self::ALL.0)
    }
}

impl Serialize for Rights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(Right::ALL.iter().filter(|right| self.has(**right)))
    }
}

/// Everyone, in the entries of a folder.
pub const EVERYONE: &str = "everyone";

/// What a user may see and do in the knowledge base, by shelf.
#[derive(Clone, Debug)]
pub struct Sight {
    user: User,
    /// On every shelf: all for an administrator, reading for an auditor.
    everywhere: Rights,
    shelves: BTreeMap<String, Rights>,
}

/// Returns the names by which entries may name the user.
fn names(user: &User) -> Vec<String> {
    user.names_in_flows().into_iter().chain([EVERYONE.to_owned()]).collect()
}

/// Returns the rights that a role gives everywhere. No entry ends them.
fn everywhere(user: &User) -> Rights {
    match (user.is_admin(), user.reads_all()) {
        (true, _) => Rights::ALL,
        (false, true) => Rights::READ_ALL,
        (false, false) => Rights::NONE,
    }
}

impl Sight {
    /// Reads the rights of a user: one query.
    pub async fn of(on: impl Into<On<'_>>, user: &User) -> Result<Self, DbError> {
        let names = names(user);
        let text = format!("SELECT shelf, rights FROM shelf_rights WHERE who IN {}", placeholders(1, names.len()));
        let rows: Vec<(String, i64)> = sql(text).bind_all(names).all(on).await?;
        let mut shelves = BTreeMap::from([(user.id.to_string(), Rights::MANAGE)]);
        for (shelf, bits) in rows {
            let held = shelves.entry(shelf).or_insert(Rights::NONE);
            *held = held.with(Rights::of_bits(bits));
        }
        Ok(Self { user: user.clone(), everywhere: everywhere(user), shelves })
    }

    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// Returns the rights on a shelf.
    #[must_use]
    pub fn on_shelf(&self, id: &str) -> Rights {
        self.everywhere.with(self.shelves.get(id).copied().unwrap_or_default())
    }

    /// Returns the rights on a folder. In the trash it has none.
    #[must_use]
    pub fn on(&self, folder: &Folder) -> Rights {
        if folder.trash_id.is_some() { Rights::NONE } else { self.on_shelf(&folder.shelf) }
    }

    /// Returns true if the user has the right on every shelf.
    #[must_use]
    pub const fn everywhere(&self, right: Right) -> bool {
        self.everywhere.has(right)
    }

    /// Returns the rights that the user has on every shelf.
    #[must_use]
    pub const fn everywhere_rights(&self) -> Rights {
        self.everywhere
    }
}

/// Returns the condition that the folder `f` gives the user the right.
pub fn gives(filtered: &mut Filtered, user: &User, right: Right, f: &str) -> String {
    if everywhere(user).has(right) {
        return format!("{f}.trash_id IS NULL");
    }
    format!("({f}.trash_id IS NULL AND {})", shelf_gives(filtered, user, right, f))
}

/// As [`gives`], for a statement with a narrower condition on the folder. The engines read no index of shelves for it.
pub fn also_gives(filtered: &mut Filtered, user: &User, right: Right, f: &str) -> String {
    format!("COALESCE({}, FALSE)", gives(filtered, user, right, f))
}

/// Returns the condition that the shelf of the folder `f` gives the user the right. The engines read the shelves of the
/// user once for a statement.
pub(super) fn shelf_gives(filtered: &mut Filtered, user: &User, right: Right, f: &str) -> String {
    let names: Vec<String> = names(user).into_iter().map(|name| filtered.arg(name)).collect();
    let held = format!(
        "{f}.shelf IN (SELECT r.shelf FROM shelf_rights r WHERE r.who IN ({}) AND (r.rights & {bit}) = {bit})",
        names.join(", "),
        bit = right.bit()
    );
    // The owner of a personal space manages it, and sees no faces by that.
    if right == Right::Faces { held } else { format!("({f}.shelf = {} OR {held})", filtered.arg(&user.id)) }
}

/// Returns the condition that the folder `f` gives the user the right to faces.
pub fn gives_faces(filtered: &mut Filtered, user: &User, f: &str) -> String {
    if everywhere(user).has(Right::Faces) {
        return "TRUE".to_owned();
    }
    shelf_gives(filtered, user, Right::Faces, f)
}

/// Returns the condition that the user may see the document `d`: by its folder, or as a participant of its flow. Faces
/// need their right.
pub fn sees(filtered: &mut Filtered, user: &User) -> String {
    reaches(filtered, user, Right::View)
}

/// Returns the condition that the user may read the bytes of the document `d`.
pub fn downloads(filtered: &mut Filtered, user: &User) -> String {
    reaches(filtered, user, Right::Download)
}

/// A participant of the flow views and downloads.
fn reaches(filtered: &mut Filtered, user: &User, right: Right) -> String {
    let by_folder = given_by_folder(filtered, user, right);
    let by_flow = takes_part(filtered, user);
    match no_faces(filtered, user) {
        Some(no_faces) => format!("(({by_folder} OR {by_flow}) AND {no_faces})"),
        None => format!("({by_folder} OR {by_flow})"),
    }
}

/// Returns the condition that its folder shows the document `d` to the user, but for faces.
pub fn shown_by_folder(filtered: &mut Filtered, user: &User) -> String {
    given_by_folder(filtered, user, Right::View)
}

fn given_by_folder(filtered: &mut Filtered, user: &User, right: Right) -> String {
    let gives = gives(filtered, user, right, "f");
    format!("({} AND EXISTS (SELECT 1 FROM folders f WHERE f.id = d.folder_id AND {gives}))", not_hidden(user))
}

/// Returns the condition that the folder of the document `d` shows it to those who see the folder.
#[must_use]
pub fn not_hidden(user: &User) -> &'static str {
    if everywhere(user).has(Right::View) { "d.shelf <> 'draft'" } else { "d.shelf = 'folder'" }
}

/// Returns the condition that the user takes part in the flow of the document `d`.
pub fn takes_part(filtered: &mut Filtered, user: &User) -> String {
    let names: Vec<String> = user.names_in_flows().into_iter().map(|name| filtered.arg(name)).collect();
    format!("EXISTS (SELECT 1 FROM flow_people w WHERE w.flow_id = d.flow_id AND w.who IN ({}))", names.join(", "))
}

/// Returns the condition that the document `d` shows no face, or that its folder gives the right to faces. `None` if the
/// user sees all faces.
pub fn no_faces(filtered: &mut Filtered, user: &User) -> Option<String> {
    if everywhere(user).has(Right::Faces) {
        return None;
    }
    let gives = shelf_gives(filtered, user, Right::Faces, "f");
    Some(format!(
        "(d.kind IS NULL OR d.kind NOT IN ('face', 'unknown')
           OR EXISTS (SELECT 1 FROM folders f WHERE f.id = d.folder_id AND {gives}))"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_brings_what_it_implies() {
        let words = |rights: Rights| serde_json::to_value(rights).unwrap();
        assert_eq!(words(Rights::of([Right::Manage])), serde_json::json!(["view", "download", "manage"]));
        assert_eq!(words(Rights::of([Right::Download])), serde_json::json!(["view", "download"]));
        assert_eq!(words(Rights::of([Right::Faces])), serde_json::json!(["faces"]));
        assert_eq!(Rights::of_bits(4), Rights::MANAGE);
    }
}
