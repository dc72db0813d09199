//! Lists of documents in any order, by cursor or by position.
//!
//! | list | what is read | index |
//! |---|---|---|
//! | a filter that few documents meet | these documents, sorted | as in [`search`] |
//! | one folder | its documents in the order of the list | `documents_of_folder`, `documents_of_folder_by_name`, … |
//! | up to 20,000 documents in a tree, a space or everywhere | the documents of each folder and flow, sorted | `documents_of_folder`, `documents_of_flow` |
//! | more, newest first, with a filter | the ways of a search, which stop after 20,000 documents | as in [`search`] |
//! | more | all documents in the order of the list, because most of them belong to it | `documents_by_age`, `documents_by_name`, … |
//! | the days of a list, and a position in an order by time | `folder_days`, then one day | the index of the order |
//!
//! The kept totals of the folders decide. Each statement has every condition and the rights of the user.

pub mod scope;
pub mod sort;
pub mod timeline;

use sqlx::FromRow;
use tokio::sync::OnceCell;

use self::{
    scope::ListScope,
    sort::{Mark, Sort, SortKey},
    timeline::DayStart,
};
use super::{
    document::{Document, shown},
    rights::{Right, Sight},
    search::{self, MatchCount, Search, ways::Few},
};
use crate::{
    db::{Db, DbError, Sql, filter::Filtered},
    id::DocumentId,
};

/// A list with more documents is read along an index of all documents.
const MANY: i64 = 20_000;

/// What is listed. [`Listing::open`] makes it.
#[derive(Debug)]
pub struct Listing<'a> {
    scope: ListScope,
    filters: Search,
    sort: Sort,
    sight: &'a Sight,
    path: Path,
    /// The totals without the filters, and whether they are exact. Not read if few documents meet a filter.
    kept: (ListTotals, bool),
    days: OnceCell<Vec<(i64, i64)>>,
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

impl ListTotals {
    const fn plus(self, other: Self) -> Self {
        Self { documents: self.documents + other.documents, bytes: self.bytes + other.bytes }
    }
}

/// How the documents are found.
#[derive(Debug)]
enum Path {
    /// The few documents that meet a filter, sorted.
    Few(Few),
    /// The index of the folder, in the order of the list.
    Folder,
    /// Folder by folder, then sorted.
    Gather,
    /// The index of all documents, in the order of the list.
    Walk,
}

/// Where the reading of a page begins.
#[derive(Debug, Default)]
struct ReadFrom {
    after: Option<Mark>,
    /// The key of the order at which the reading begins.
    day: Option<DayStart>,
    offset: i64,
}

impl<'a> Listing<'a> {
    /// Decides how the list is read. `filters` has no place.
    pub async fn open(
        db: &Db,
        scope: ListScope,
        filters: Search,
        sort: Sort,
        sight: &'a Sight,
    ) -> Result<Self, DbError> {
        let (path, kept) = (Path::Gather, (ListTotals::default(), true));
        let mut listing = Self { scope, filters, sort, sight, path, kept, days: OnceCell::new() };
        // The totals of one folder are a few rows. Those of a tree may be tens of thousands.
        let one_folder = listing.scope.is_one_folder();
        if one_folder {
            listing.kept = listing.kept(db, false).await?;
        }
        let worth_a_look = !one_folder || listing.kept.0.documents > WORTH_A_LOOK;
        if listing.filters.has_condition()
            && worth_a_look
            && let Some(few) = search::ways::few(&listing.filters, db, sight.user()).await?
        {
            listing.path = Path::Few(few);
            return Ok(listing);
        }
        if !one_folder {
            listing.kept = listing.kept(db, false).await?;
        }
        listing.path = match (one_folder, listing.kept.0.documents > MANY) {
            (true, _) => Path::Folder,
            (false, true) => Path::Walk,
            (false, false) => Path::Gather,
        };
        Ok(listing)
    }

    /// Returns a page of at most `limit` documents. `None`: the document of `Start::Around` is not in the list.
    pub async fn page(&self, db: &Db, start: Start, limit: i64) -> Result<Option<ListPage>, DbError> {
        let (from, at) = match start {
            Start::Top => (ReadFrom::default(), Some(0)),
            Start::After(mark) => (ReadFrom { after: Some(mark), ..ReadFrom::default() }, None),
            Start::At(at) => (self.start_at(db, at).await?, Some(at)),
            Start::Around(id) => match self.position(db, &id).await? {
                Some(position) => {
                    let at = position / limit * limit;
                    (self.start_at(db, at).await?, Some(at))
                }
                None => return Ok(None),
            },
        };
        if from.offset == 0 && from.day.is_none() && self.is_searched() {
            return self.searched(db, from.after, at, limit).await.map(Some);
        }
        let mut marks = self.marks(&from, limit + 1).all::<Mark>(db).await?;
        let more = marks.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        marks.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let ids: Vec<DocumentId> = marks.iter().map(|mark| mark.id.clone()).collect();
        let mut items = if ids.is_empty() { Vec::new() } else { Document::seen(db, &ids, self.sight).await? };
        items.sort_by_cached_key(|document| ids.iter().position(|id| *id == document.id));
        shown::complete(db, &mut items, self.sight).await?;
        let next = marks.pop().filter(|_| more).map(|mark| mark.to_string());
        Ok(Some(ListPage { items, next, at }))
    }

    /// Returns true if a page is read as a search reads it: newest first, where many documents may not meet the
    /// conditions.
    fn is_searched(&self) -> bool {
        let sparse = self.filters.has_condition() || !(self.scope.is_folder() || self.sight.everywhere(Right::View));
        matches!(self.path, Path::Walk) && self.sort == Sort::default() && sparse
    }

    async fn searched(&self, db: &Db, after: Option<Mark>, at: Option<i64>, limit: i64) -> Result<ListPage, DbError> {
        let search = self.filters.clone().within(&self.scope);
        let after = after.map(Into::into);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = search.page(db, self.sight.user(), after.as_ref(), limit).await?;
        Ok(ListPage { items: found.documents, next: found.next.map(|next| next.to_string()), at })
    }

    /// Returns the ids of all documents of the list, in its order.
    pub async fn ids(&self, db: &Db) -> Result<Vec<DocumentId>, DbError> {
        let marks = self.marks(&ReadFrom::default(), i64::MAX).all::<Mark>(db).await?;
        Ok(marks.into_iter().map(|mark| mark.id).collect())
    }

    /// Returns the totals of the list. `None`: counting would walk over many documents, and the caller does not wait for
    /// that.
    pub async fn totals(&self, db: &Db, wait: bool) -> Result<Option<ListTotals>, DbError> {
        let (kept, exact) = self.kept;
        if !self.filters.has_condition() {
            return Ok(match (exact, wait) {
                (true, _) => Some(kept),
                (false, true) => Some(self.kept(db, true).await?.0),
                (false, false) => None,
            });
        }
        if kept.documents > MANY && !wait && !matches!(self.path, Path::Few(_)) {
            return Ok(None);
        }
        let select =
            "SELECT COUNT(*) AS documents, CAST(COALESCE(SUM(d.bytes), 0) AS BIGINT) AS bytes FROM documents d";
        self.matching(select, true).end().one(db).await.map(Some)
    }

    /// Returns the number of documents, as a search for words tells it.
    pub async fn matches(&self, db: &Db) -> Result<MatchCount, DbError> {
        let mut filtered = self.matching("SELECT 1 FROM documents d", false);
        let most = filtered.arg(search::COUNTED + 1);
        let counted = filtered.headed("SELECT COUNT(*) FROM (").then(&format!("LIMIT {most}) AS c"));
        Ok(MatchCount::of(counted.scalar(db).await?, false))
    }

    /// Begins a statement over the documents of the list. `far`: it reads many of them.
    fn matching(&self, select: &str, far: bool) -> Filtered {
        let mut filtered = Filtered::new(select).when("d.deleted_at IS NULL");
        let place = match &self.path {
            Path::Few(few) => {
                let few = few.condition(&mut filtered, &self.filters, self.sight.user());
                format!("{few} AND {}", self.walked(&mut filtered, false))
            }
            Path::Gather => self.gathered(&mut filtered),
            Path::Folder | Path::Walk => self.walked(&mut filtered, far),
        };
        filtered = filtered.when(&place);
        for condition in self.filters.conditions(&mut filtered) {
            filtered = filtered.when(&condition);
        }
        filtered
    }

    /// Returns the statement for the marks of a page.
    fn marks(&self, from: &ReadFrom, limit: i64) -> Sql {
        let key = self.sort.key;
        let column = key.column();
        let select = format!("SELECT d.id, {} FROM documents d", key.selected());
        let mut filtered = self.matching(&select, from.offset > FAR);
        let (beyond, way) = if self.sort.descending { ("<", "DESC") } else { (">", "ASC") };
        if let Some(after) = &from.after {
            let (at, id) = (filtered.arg(after.key(key)), filtered.arg(&after.id));
            filtered = filtered.when(&format!("({column}, d.id) {beyond} ({at}, {id})"));
        }
        if let Some(day) = &from.day {
            let condition = day.condition(&mut filtered, self.sort);
            filtered = filtered.when(&condition);
        }
        // Without the column itself, the engines cannot follow an index of all documents.
        let ordered = match (&self.path, key) {
            (Path::Gather | Path::Few(_), SortKey::Name) => format!("COALESCE({column}, '')"),
            (Path::Gather | Path::Few(_), _) => format!("COALESCE({column}, 0)"),
            (Path::Folder | Path::Walk, _) => column.to_owned(),
        };
        let (limit, offset) = (filtered.arg(limit), filtered.arg(from.offset));
        filtered.then(&format!("ORDER BY {ordered} {way}, d.id {way} LIMIT {limit} OFFSET {offset}"))
    }

    /// Returns true if the days of the list are kept, and a walk would be long.
    fn has_days(&self) -> bool {
        matches!(self.path, Path::Walk) && self.sort.key.is_time() && !self.filters.has_condition()
    }

    async fn start_at(&self, db: &Db, at: i64) -> Result<ReadFrom, DbError> {
        if at == 0 || !self.has_days() {
            return Ok(ReadFrom { offset: at, ..ReadFrom::default() });
        }
        let (day, offset) = self.day_at(db, at).await?;
        Ok(ReadFrom { day, offset, ..ReadFrom::default() })
    }

    /// Returns how many documents of the list stand before this one. `None`: it is not in the list.
    async fn position(&self, db: &Db, id: &DocumentId) -> Result<Option<i64>, DbError> {
        let key = self.sort.key;
        let asked = self.matching(&format!("SELECT d.id, {} FROM documents d", key.selected()), false);
        let Some(mark) = asked.and("d.id =", Some(id)).end().optional::<Mark>(db).await? else { return Ok(None) };
        let (day, passed) = if self.has_days() { self.day_of(db, &mark).await? } else { (None, 0) };
        let mut before = self.matching("SELECT COUNT(*) FROM documents d", day.is_none());
        if let Some(day) = day {
            let condition = day.condition(&mut before, self.sort);
            before = before.when(&condition);
        }
        let (at, id) = (before.arg(mark.key(key)), before.arg(&mark.id));
        let beyond = if self.sort.descending { ">" } else { "<" };
        let before = before.when(&format!("({}, d.id) {beyond} ({at}, {id})", key.column()));
        let before: i64 = before.end().scalar(db).await?;
        Ok(Some(passed + before))
    }
}

/// Behind this position, a page reads many documents.
const FAR: i64 = 1_000;
/// In a folder of fewer documents, all are compared with a filter.
const WORTH_A_LOOK: i64 = 1_000;
