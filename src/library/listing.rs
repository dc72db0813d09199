//! Lists of documents in any order, by cursor or by position.
//!
//! A folder is read along an index in its order. A tree of folders with few documents is read folder by folder, and
//! sorted. A tree with many is read along the index of all documents in the order of the list, because most of them
//! belong to it. The kept totals of the folders decide.

pub mod sort;
pub mod timeline;

use sqlx::FromRow;

use self::sort::{Mark, Sort, SortKey};
use super::{
    document::{Document, shown},
    folder::{Folder, shown::totals, tree},
    rights::{Right, Sight, gives, no_faces, not_hidden},
    search::Search,
};
use crate::{
    db::{Db, DbError, Sql, filter::Filtered},
    id::DocumentId,
};

/// A tree with more documents is read along the index of all documents.
const MANY: i64 = 20_000;

/// What is listed: the documents of a folder, or of all folders below it, too.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    pub folder: &'a Folder,
    pub deep: bool,
    pub filters: Search,
    pub sort: Sort,
    pub sight: &'a Sight,
}

/// The beginning of a page.
#[derive(Clone, Debug, Default)]
pub enum Start {
    #[default]
    Top,
    /// After the last document of the page before.
    After(Mark),
    /// At a position, from 0.
    At(i64),
    /// The page that holds this document.
    Around(DocumentId),
}

/// A page of documents.
#[derive(Debug)]
pub struct ListPage {
    pub items: Vec<Document>,
    pub next: Option<String>,
    /// The position of the first item. `None` after a cursor.
    pub at: Option<i64>,
}

/// The number of the listed documents, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct ListTotals {
    pub documents: i64,
    pub bytes: i64,
}

/// How the documents are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// The index of the folder, in the order of the list.
    Folder,
    /// Folder by folder, then sorted.
    Gather,
    /// The index of all documents, in the order of the list.
    Walk,
}

impl Listing<'_> {
    /// Returns a page of at most `limit` documents. `None`: the document of `Start::Around` is not in the list.
    pub async fn page(&self, db: &Db, start: Start, limit: i64) -> Result<Option<ListPage>, DbError> {
        let path = self.path(db).await?;
        let (after, at) = match start {
            Start::Top => (None, Some(0)),
            Start::At(at) => (None, Some(at)),
            Start::After(mark) => (Some(mark), None),
            Start::Around(id) => match self.position(db, path, &id).await? {
                Some(position) => (None, Some(position / limit * limit)),
                None => return Ok(None),
            },
        };
        let mut marks = self.marks(path, after.as_ref(), limit + 1, at.unwrap_or(0)).all::<Mark>(db).await?;
        let more = marks.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        marks.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let ids: Vec<DocumentId> = marks.iter().map(|mark| mark.id.clone()).collect();
        let mut items = if ids.is_empty() { Vec::new() } else { Document::seen(db, &ids, self.sight).await? };
        items.sort_by_cached_key(|document| ids.iter().position(|id| *id == document.id));
        shown::complete(db, &mut items, self.sight).await?;
        let next = marks.pop().filter(|_| more).map(|mark| mark.to_string());
        Ok(Some(ListPage { items, next, at }))
    }

    /// Returns the ids of all documents of the list, in its order.
    pub async fn ids(&self, db: &Db) -> Result<Vec<DocumentId>, DbError> {
        let path = self.path(db).await?;
        let marks = self.marks(path, None, i64::MAX, 0).all::<Mark>(db).await?;
        Ok(marks.into_iter().map(|mark| mark.id).collect())
    }

    /// Returns the totals of the list. `None`: a filter would have to walk over many documents, and the caller does not
    /// wait for that.
    pub async fn totals(&self, db: &Db, wait: bool) -> Result<Option<ListTotals>, DbError> {
        let kept = self.kept(db).await?;
        if !self.filters.has_condition() {
            return Ok(Some(kept));
        }
        if kept.documents > MANY && !wait {
            return Ok(None);
        }
        let mut filtered = self.scoped(
            "SELECT COUNT(*), CAST(COALESCE(SUM(d.bytes), 0) AS BIGINT) FROM documents d",
            self.path(db).await?,
        );
        for condition in self.filters.conditions(&mut filtered) {
            filtered = filtered.when(&condition);
        }
        let (documents, bytes) = filtered.end().one(db).await?;
        Ok(Some(ListTotals { documents, bytes }))
    }

    /// Returns the kept totals of the folders, without the filters.
    async fn kept(&self, db: &Db) -> Result<ListTotals, DbError> {
        let mut filtered = Filtered::new("");
        let (documents, bytes) =
            (totals(&mut filtered, self.sight, "documents"), totals(&mut filtered, self.sight, "bytes"));
        let folders = self.folders(&mut filtered);
        let text = format!(
            "SELECT CAST(COALESCE(SUM({documents}), 0) AS BIGINT) AS documents, CAST(COALESCE(SUM({bytes}), 0) AS BIGINT) AS bytes
             FROM folders f JOIN folder_totals t ON t.folder_id = f.id WHERE {folders}"
        );
        filtered.text(text).one(db).await
    }

    /// Returns the condition that the folder `f` belongs to the list.
    fn folders(&self, filtered: &mut Filtered) -> String {
        if !self.deep {
            return format!("f.id = {}", filtered.arg(&self.folder.id));
        }
        let (from, to) = tree::range(&self.folder.lineage);
        let (from, to) = (filtered.arg(from), filtered.arg(to));
        let shown = gives(filtered, self.sight.user(), Right::View, "f");
        format!("f.lineage >= {from} AND f.lineage < {to} AND {shown}")
    }

    async fn path(&self, db: &Db) -> Result<Path, DbError> {
        Ok(if !self.deep {
            Path::Folder
        } else if self.kept(db).await?.documents > MANY {
            Path::Walk
        } else {
            Path::Gather
        })
    }

    /// Begins a statement over the documents of the list that the user may see.
    fn scoped(&self, select: &str, path: Path) -> Filtered {
        let mut filtered = Filtered::new(select).when("d.deleted_at IS NULL");
        let place = match path {
            Path::Folder => format!("d.folder_id = {}", filtered.arg(&self.folder.id)),
            Path::Gather => {
                format!("d.folder_id IN (SELECT f.id FROM folders f WHERE {})", self.folders(&mut filtered))
            }
            Path::Walk => format!(
                "COALESCE(EXISTS (SELECT 1 FROM folders f WHERE f.id = d.folder_id AND {}), FALSE)",
                self.folders(&mut filtered)
            ),
        };
        let hidden = not_hidden(self.sight.user());
        filtered = filtered.when(&place).when(&format!("COALESCE({hidden}, FALSE)"));
        match no_faces(&mut filtered, self.sight.user()) {
            Some(no_faces) => filtered.when(&format!("COALESCE({no_faces}, FALSE)")),
            None => filtered,
        }
    }

    /// Returns the statement for the marks of a page.
    fn marks(&self, path: Path, after: Option<&Mark>, limit: i64, offset: i64) -> Sql {
        let key = self.sort.key;
        let column = key.column();
        let select = format!("SELECT d.id, {} FROM documents d", key.selected());
        let mut filtered = self.scoped(&select, path);
        for condition in self.filters.conditions(&mut filtered) {
            filtered = filtered.when(&condition);
        }
        if let Some(after) = after {
            let (at, id) = (filtered.arg(after.key(key)), filtered.arg(&after.id));
            let beyond = if self.sort.descending { "<" } else { ">" };
            filtered = filtered.when(&format!("({column}, d.id) {beyond} ({at}, {id})"));
        }
        let way = if self.sort.descending { "DESC" } else { "ASC" };
        // Without the column itself, the engines cannot follow an index of all documents.
        let ordered = match (path, key) {
            (Path::Gather, SortKey::Name) => format!("COALESCE({column}, '')"),
            (Path::Gather, _) => format!("COALESCE({column}, 0)"),
            (Path::Folder | Path::Walk, _) => column.to_owned(),
        };
        let (limit, offset) = (filtered.arg(limit), filtered.arg(offset));
        filtered.then(&format!("ORDER BY {ordered} {way}, d.id {way} LIMIT {limit} OFFSET {offset}"))
    }

    /// Returns how many documents of the list stand before this one. `None`: it is not in the list.
    async fn position(&self, db: &Db, path: Path, id: &DocumentId) -> Result<Option<i64>, DbError> {
        let key = self.sort.key;
        let mut asked = self.scoped(&format!("SELECT d.id, {} FROM documents d", key.selected()), path);
        for condition in self.filters.conditions(&mut asked) {
            asked = asked.when(&condition);
        }
        let Some(mark) = asked.and("d.id =", Some(id)).end().optional::<Mark>(db).await? else { return Ok(None) };
        let mut before = self.scoped("SELECT COUNT(*) FROM documents d", path);
        for condition in self.filters.conditions(&mut before) {
            before = before.when(&condition);
        }
        let (at, id) = (before.arg(mark.key(key)), before.arg(&mark.id));
        let beyond = if self.sort.descending { ">" } else { "<" };
        let count = before.when(&format!("({}, d.id) {beyond} ({at}, {id})", key.column()));
        Ok(Some(count.end().scalar(db).await?))
    }
}
