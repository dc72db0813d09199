//! Which documents a list has, which of them the user may see, and their kept totals.

use super::{ListTotals, Listing, MANY, Path};
use crate::{
    db::{Db, DbError, filter::Filtered},
    id::UserId,
    library::{
        Space,
        folder::{Folder, shown::totals, tree},
        rights::{Right, also_gives, gives, no_faces, not_hidden, shown_by_folder, takes_part},
    },
};

/// The place of a list.
#[derive(Clone, Debug)]
pub enum ListScope {
    /// A folder that the user may see. `deep`: with all folders below.
    Folder { folder: Folder, deep: bool },
    /// A space with all its folders. `owner`: of the personal space.
    Space { space: Space, owner: Option<UserId> },
    /// Every place.
    All,
}

impl ListScope {
    #[must_use]
    pub const fn is_folder(&self) -> bool {
        matches!(self, Self::Folder { .. })
    }

    /// Returns true if the list has the documents of one folder only.
    pub(super) const fn is_one_folder(&self) -> bool {
        matches!(self, Self::Folder { deep: false, .. })
    }
}

impl Listing<'_> {
    /// Returns the condition that the folder `f` is in the place, whether or not the user may see it.
    fn in_place(&self, filtered: &mut Filtered) -> String {
        match &self.scope {
            ListScope::Folder { folder, deep: false } => format!("f.id = {}", filtered.arg(&folder.id)),
            ListScope::Folder { folder, deep: true } => {
                let (from, to) = tree::range(&folder.lineage);
                format!("f.lineage >= {} AND f.lineage < {}", filtered.arg(from), filtered.arg(to))
            }
            ListScope::Space { space, owner } => {
                let owner = owner.as_ref().map(UserId::as_str).unwrap_or_default();
                format!("f.space = {} AND f.owner = {}", filtered.arg(*space), filtered.arg(owner))
            }
            ListScope::All => "TRUE".to_owned(),
        }
    }

    /// Returns the condition that the folder `f` is in the place and shows its documents to the user.
    pub(super) fn folders(&self, filtered: &mut Filtered) -> String {
        let in_place = self.in_place(filtered);
        if self.scope.is_one_folder() {
            return in_place;
        }
        let gives = if matches!(self.scope, ListScope::All) { gives } else { also_gives };
        format!("{in_place} AND {}", gives(filtered, self.sight.user(), Right::View, "f"))
    }

    /// Returns the conditions that the document `d` is in the place, read along an index of documents, and that the user
    /// may see it. A folder does not show what only a flow shows. A space does. `far`: the statement reads so many documents
    /// that the engines first gather the folders.
    pub(super) fn walked(&self, filtered: &mut Filtered, far: bool) -> String {
        if let ListScope::Folder { folder, deep: false } = &self.scope {
            let folder = filtered.arg(&folder.id);
            let by_folder = self.by_folder(filtered);
            // As a value where the engines are to read an index of another condition.
            return match &self.path {
                Path::Few(_) => format!("COALESCE(d.folder_id = {folder}, FALSE) AND {by_folder}"),
                _ => format!("d.folder_id = {folder} AND {by_folder}"),
            };
        }
        let folders = self.folders(filtered);
        let shown = if far {
            format!("d.folder_id IN (SELECT f.id FROM folders f WHERE {folders})")
        } else {
            format!("EXISTS (SELECT 1 FROM folders f WHERE f.id = d.folder_id AND {folders})")
        };
        if self.scope.is_folder() {
            return format!("COALESCE({shown}, FALSE) AND {}", self.by_folder(filtered));
        }
        // First what most documents meet.
        let hidden = not_hidden(self.sight.user());
        let (in_place, takes_part) = (self.in_place(filtered), takes_part(filtered, self.sight.user()));
        let by_flow =
            format!("{takes_part} AND EXISTS (SELECT 1 FROM folders f WHERE f.id = d.folder_id AND {in_place})");
        let seen = format!("COALESCE({hidden} AND {shown} OR {by_flow}, FALSE)");
        match no_faces(filtered, self.sight.user()) {
            Some(no_faces) => format!("{seen} AND COALESCE({no_faces}, FALSE)"),
            None => seen,
        }
    }

    /// As [`walked`](Self::walked), read folder by folder, and flow by flow.
    pub(super) fn gathered(&self, filtered: &mut Filtered) -> String {
        let folders = self.folders(filtered);
        let of_folders = format!("d.folder_id IN (SELECT f.id FROM folders f WHERE {folders})");
        if self.scope.is_folder() {
            return format!("{of_folders} AND {}", self.by_folder(filtered));
        }
        let of_flows = self.of_flows(filtered);
        let walked = self.walked(filtered, false);
        format!(
            "d.id IN (SELECT d.id FROM documents d WHERE d.deleted_at IS NULL AND {of_folders}
               UNION SELECT d.id FROM documents d WHERE d.deleted_at IS NULL AND {of_flows}) AND {walked}"
        )
    }

    /// Returns the condition that the folder of the document `d`, which the user may see, shows it.
    fn by_folder(&self, filtered: &mut Filtered) -> String {
        let hidden = format!("COALESCE({}, FALSE)", not_hidden(self.sight.user()));
        match no_faces(filtered, self.sight.user()) {
            Some(no_faces) => format!("{hidden} AND COALESCE({no_faces}, FALSE)"),
            None => hidden,
        }
    }

    /// Returns the condition that the document `d` belongs to a flow that shows the user more than the folders do. To
    /// roles that read everything, only their own drafts do.
    fn of_flows(&self, filtered: &mut Filtered) -> String {
        let names: Vec<String> =
            self.sight.user().names_in_flows().into_iter().map(|name| filtered.arg(name)).collect();
        let drafts = if self.sight.everywhere(Right::View) { "AND w.state = 'draft'" } else { "" };
        format!("d.flow_id IN (SELECT w.flow_id FROM flow_people w WHERE w.who IN ({}) {drafts})", names.join(", "))
    }

    /// Begins a statement over the documents that the user sees by a flow and by no folder. `None` in a folder: it shows
    /// nothing of them.
    pub(super) fn by_flows_alone(&self, select: &str) -> Option<Filtered> {
        if self.scope.is_folder() {
            return None;
        }
        let mut filtered = Filtered::new(select).when("d.deleted_at IS NULL");
        let of_flows = self.of_flows(&mut filtered);
        let by_folder = shown_by_folder(&mut filtered, self.sight.user());
        let walked = self.walked(&mut filtered, false);
        Some(filtered.when(&of_flows).when(&format!("NOT COALESCE({by_folder}, FALSE)")).when(&walked))
    }

    /// Returns the totals without the filters. Those of the folders are kept with every change. `exact`: false if more
    /// than [`MANY`] documents are seen by a flow alone, and not all are counted.
    pub(super) async fn kept(&self, db: &Db, wait: bool) -> Result<(ListTotals, bool), DbError> {
        let mut filtered = Filtered::new("");
        let (documents, bytes) =
            (totals(&mut filtered, self.sight, "documents"), totals(&mut filtered, self.sight, "bytes"));
        let folders = self.folders(&mut filtered);
        let text = format!(
            "SELECT CAST(COALESCE(SUM({documents}), 0) AS BIGINT) AS documents, CAST(COALESCE(SUM({bytes}), 0) AS BIGINT) AS bytes
             FROM folders f JOIN folder_totals t ON t.folder_id = f.id WHERE {folders}"
        );
        let by_folders: ListTotals = filtered.text(text).one(db).await?;
        let Some(mut by_flows) = self.by_flows_alone("SELECT d.bytes FROM documents d") else {
            return Ok((by_folders, true));
        };
        let most = by_flows.arg(if wait { i64::MAX } else { MANY + 1 });
        let by_flows: ListTotals = by_flows
            .headed("SELECT COUNT(*) AS documents, CAST(COALESCE(SUM(b.bytes), 0) AS BIGINT) AS bytes FROM (")
            .then(&format!("LIMIT {most}) AS b"))
            .one(db)
            .await?;
        Ok((by_folders.plus(by_flows), by_flows.documents <= MANY || wait))
    }
}
