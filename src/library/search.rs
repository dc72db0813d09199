//! Searches documents, newest first. Each query reads only the part of an index that has the matches. A part of a name
//! is searched in one narrow row of each flow.
//!
//! There are two ways. If a condition (a seal, a person, a word of the name) matches few documents, all matches are
//! fetched and sorted. Otherwise an index is walked in date order until the page is full.

use std::{cmp::Reverse, fmt, str::FromStr};

use sqlx::FromRow;

use crate::library::{
    document::{Document, shown},
    rights::{Right, Sight, no_faces, not_hidden, sees, shown_by_folder},
    search_terms,
};
use crate::{
    clock::Timestamp,
    db::{Arg, Db, DbError, Sql, filter::Filtered, folded, padded, placeholders, sql},
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId},
    photo::kind::PhotoKind,
    user::User,
};

/// Limit for fetching all matches. With more matches, the walk in date order fills a page early.
const FEW: i64 = 1_000;

/// Conditions of a search. An absent member sets no condition.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// A folder. The caller has checked that the user may see it.
    pub folder: Option<FolderId>,
    pub flow: Option<FlowId>,
    pub hash: Option<Blake3>,
    pub kind: Option<PhotoKind>,
    /// A part of the document's name, folded or not.
    pub q: Option<String>,
    pub seal: Option<String>,
    /// A username.
    pub user: Option<String>,
    /// Received at this instant or later.
    pub from: Option<Timestamp>,
    /// Received before this instant.
    pub to: Option<Timestamp>,
}

/// The end of a page. The list is ordered by the time of receipt.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Cursor {
    received_at: Timestamp,
    id: DocumentId,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.received_at.0, self.id)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the cursor is not valid; take `next` of the page before")]
pub struct NoCursor;

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let (at, id) = text.split_once('.').ok_or(NoCursor)?;
        let received_at = Timestamp(at.parse().map_err(|_| NoCursor)?);
        Ok(Self { received_at, id: id.parse().map_err(|_| NoCursor)? })
    }
}

impl Search {
    /// Returns the visible matches after `after`, newest first, and the cursor of the next page.
    pub async fn documents(
        &self,
        db: &Db,
        user: &User,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(Vec<Document>, Option<Cursor>), DbError> {
        let sight = &Sight::of(db, user).await?;
        let mut found: Vec<Cursor> = Vec::new();
        for way in self.ways(db, sight).await? {
            found.extend(way.statement(self, sight, after, limit + 1).all(db).await?);
        }
        found.sort_by(|a, b| (b.received_at, &b.id).cmp(&(a.received_at, &a.id)));
        found.dedup();
        let more = found.len() > limit;
        found.truncate(limit);
        let ids: Vec<DocumentId> = found.iter().map(|found| found.id.clone()).collect();
        let mut documents = if ids.is_empty() { Vec::new() } else { Document::seen(db, &ids, sight).await? };
        shown::complete(db, &mut documents, sight).await?;
        documents.sort_by_cached_key(|document| Reverse((document.received_at, document.id.clone())));
        Ok((documents, found.pop().filter(|_| more)))
    }

    /// Returns true if the search has a condition beside its folder.
    pub(super) fn has_condition(&self) -> bool {
        !self.columns().is_empty()
            || self.flow.is_some()
            || self.hash.is_some()
            || self.q.is_some()
            || self.from.is_some()
            || self.to.is_some()
    }

    /// Returns the conditions beside the folder. No index is used for them.
    pub(super) fn conditions(&self, filtered: &mut Filtered) -> Vec<String> {
        let texts: [(&str, Option<Arg>); 2] =
            [("d.flow_id", self.flow.as_ref().map(Arg::from)), ("d.original_hash", self.hash.as_ref().map(Arg::from))];
        let columns = self.columns().into_iter().map(|(column, value)| (column, Some(Arg::from(value))));
        let mut found = Vec::new();
        for (column, value) in texts.into_iter().chain(columns) {
            found.extend(value.map(|value| format!("{column} = {}", filtered.arg(value))));
        }
        found.extend(self.from.map(|from| format!("d.received_at >= {}", filtered.arg(from))));
        found.extend(self.to.map(|to| format!("d.received_at < {}", filtered.arg(to))));
        found.extend(self.q.as_deref().map(|part| has_part(filtered, part)));
        found.iter().map(|condition| without_index(condition)).collect()
    }

    async fn ways(&self, db: &Db, sight: &Sight) -> Result<Vec<Way>, DbError> {
        let seen = if self.folder.is_some() { Seen::Folder } else { Seen::Anywhere };
        if let Some(by) = self.rare_condition(db).await? {
            return Ok(vec![Way { by, fetch_all: true, seen }]);
        }
        if self.folder.is_some() {
            return Ok(vec![Way { by: By::Column("d.folder_id"), fetch_all: false, seen }]);
        }
        let often = self.columns().first().map_or(By::Age, |(column, _)| By::Column(column));
        let mut ways = vec![Way { by: often, fetch_all: false, seen }];
        // The documents of their flows may be far back in the list, so few flows are read at once.
        if !sight.everywhere(Right::View) && has_few_flows(db, sight.user()).await? {
            ways[0].seen = Seen::Places;
            ways.push(Way { by: By::Flows, fetch_all: true, seen: Seen::OwnFlows });
        }
        Ok(ways)
    }

    /// Returns a condition of the search that matches few documents. `None` if every condition matches many.
    async fn rare_condition(&self, db: &Db) -> Result<Option<By>, DbError> {
        if self.flow.is_some() {
            return Ok(Some(By::Column("d.flow_id")));
        }
        if self.hash.is_some() {
            return Ok(Some(By::Column("d.original_hash")));
        }
        for (column, value) in self.columns() {
            let counted = format!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM documents d WHERE {column} = $1 AND d.deleted_at IS NULL LIMIT $2) AS few"
            );
            let count: i64 = sql(counted).bind(value).bind(FEW + 1).scalar(db).await?;
            if count <= FEW {
                return Ok(Some(By::Column(column)));
            }
        }
        let Some(q) = &self.q else { return Ok(None) };
        Ok(search_terms::owners(db, q, FEW).await?.map(By::Owners))
    }

    /// Returns the conditions on the photo, usually the rarest first.
    fn columns(&self) -> Vec<(&'static str, &str)> {
        [
            ("d.username", self.user.as_deref()),
            ("d.seal", self.seal.as_deref()),
            ("d.kind", self.kind.map(PhotoKind::as_str)),
        ]
        .into_iter()
        .filter_map(|(column, value)| Some((column, value?)))
        .collect()
    }
}

/// One query over the documents.
struct Way {
    by: By,
    /// true: fetch all matches, then sort. false: walk an index in date order and stop at the limit.
    fetch_all: bool,
    seen: Seen,
}

/// The index that the query uses.
enum By {
    Age,
    Column(&'static str),
    /// Owners of search terms: flows, and documents without a flow.
    Owners(Vec<String>),
    /// The flows that know the user.
    Flows,
}

/// The documents that the user may see in this query.
#[derive(Clone, Copy)]
enum Seen {
    /// Those that a folder shows. The user may see the folder.
    Folder,
    /// Those that their folders show, or their flows.
    Anywhere,
    /// Those that their folders show.
    Places,
    /// Documents of a flow that knows the user. `Way::by` already selects them.
    OwnFlows,
}

impl Way {
    fn statement(self, search: &Search, sight: &Sight, after: Option<&Cursor>, limit: usize) -> Sql {
        let mut filtered = Filtered::new("SELECT d.id, d.received_at FROM documents d").when("d.deleted_at IS NULL");
        let texts: [(&str, Option<Arg>); 6] = [
            ("d.folder_id", search.folder.as_ref().map(Arg::from)),
            ("d.flow_id", search.flow.as_ref().map(Arg::from)),
            ("d.original_hash", search.hash.as_ref().map(Arg::from)),
            ("d.kind", search.kind.map(|kind| Arg::from(kind.as_str()))),
            ("d.seal", search.seal.as_deref().map(Arg::from)),
            ("d.username", search.user.as_deref().map(Arg::from)),
        ];
        for (column, value) in texts {
            let Some(value) = value else { continue };
            let condition = format!("{column} = {}", filtered.arg(value));
            let by = matches!(self.by, By::Column(by) if by == column);
            filtered = filtered.when(&if by { condition } else { without_index(&condition) });
        }
        let mut age = Vec::new();
        age.extend(search.from.map(|from| format!("d.received_at >= {}", filtered.arg(from))));
        age.extend(search.to.map(|to| format!("d.received_at < {}", filtered.arg(to))));
        age.extend(after.map(|after| {
            let (at, id) = (filtered.arg(after.received_at), filtered.arg(&after.id));
            format!("(d.received_at, d.id) < ({at}, {id})")
        }));
        for condition in age {
            filtered = filtered.when(&if self.fetch_all { without_index(&condition) } else { condition });
        }
        if let Some(part) = &search.q {
            let part = has_part(&mut filtered, part);
            filtered = filtered.when(&without_index(&part));
        }
        match &self.by {
            By::Owners(owners) if owners.is_empty() => filtered = filtered.when("FALSE"),
            By::Owners(owners) => {
                let list: Vec<String> = padded(owners).into_iter().map(|owner| filtered.arg(owner)).collect();
                let list = list.join(", ");
                filtered = filtered.when(&format!("(d.flow_id IN ({list}) OR d.id IN ({list}))"));
            }
            By::Flows => {
                let names = listed(&mut filtered, sight.user().names_in_flows());
                filtered = filtered
                    .when(&format!("d.flow_id IN (SELECT w.flow_id FROM flow_people w WHERE w.who IN ({names}))"));
            }
            By::Age | By::Column(_) => {}
        }
        let order = if self.fetch_all { "COALESCE(d.received_at, 0) DESC, d.id" } else { "d.received_at DESC, d.id" };
        self.seen.only(filtered, sight).newest_first(order, i64::try_from(limit).unwrap_or(i64::MAX))
    }
}

/// Returns the condition that the name of the document has a part.
fn has_part(filtered: &mut Filtered, part: &str) -> String {
    let part = filtered.arg(folded(part));
    format!("{{position}}(COALESCE(d.folded_name, lower(d.name {{ascii}})), {part}) > 0")
}

/// Wraps a condition so that the engines use no index for it and do not estimate its matches.
fn without_index(condition: &str) -> String {
    format!("COALESCE({condition}, FALSE)")
}

impl Seen {
    fn only(self, mut filtered: Filtered, sight: &Sight) -> Filtered {
        if let Some(no_faces) = no_faces(&mut filtered, sight.user()) {
            filtered = filtered.when(&without_index(&no_faces));
        }
        match self {
            Self::OwnFlows => filtered,
            Self::Folder => filtered.when(&without_index(not_hidden(sight.user()))),
            Self::Places => {
                let shown = shown_by_folder(&mut filtered, sight.user());
                filtered.when(&without_index(&shown))
            }
            Self::Anywhere => {
                let sees = sees(&mut filtered, sight.user());
                filtered.when(&without_index(&sees))
            }
        }
    }
}

fn listed(filtered: &mut Filtered, values: Vec<String>) -> String {
    values.into_iter().map(|value| filtered.arg(value)).collect::<Vec<_>>().join(", ")
}

async fn has_few_flows(db: &Db, user: &User) -> Result<bool, DbError> {
    let names = user.names_in_flows();
    let known =
        format!("SELECT 1 FROM flow_people WHERE who IN {} LIMIT ${}", placeholders(1, names.len()), names.len() + 1);
    let count: i64 =
        sql(format!("SELECT COUNT(*) FROM ({known}) AS known")).bind_all(names).bind(FEW + 1).scalar(db).await?;
    Ok(count <= FEW)
}
