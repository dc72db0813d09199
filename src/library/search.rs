//! Searches documents, newest first.
//!
//! A search first looks for a condition that few documents meet. Then it reads these documents alone. Otherwise it reads
//! documents in the order of the list, compares each with the conditions, and stops when the page is full or after
//! 20,000 of them. The page is short then, and its cursor leads on.
//!
//! | asked for | what is read | index |
//! |---|---|---|
//! | `flowId` | the documents of the flow | `documents_of_flow` |
//! | `hash` | the originals with this hash, then their documents | `originals_by_sha256`, `originals_by_sm3`, `documents_by_original` |
//! | `missing` | the documents of the flows that owe photos | `documents_of_flow` |
//! | `q` that few owners may have | the documents of these owners (`owners`) | `search_terms`, `documents_of_flow` |
//! | `user`, `seal`, `kind`, `folderId` | the documents with the rarest of these, newest first | `documents_of_user`, `documents_of_seal`, `documents_of_kind`, `documents_of_folder` |
//! | `deep` or `space`, if few documents are there | the documents of these folders | `documents_of_folder` |
//! | anything else, by a user who sees few documents | the documents of the folders and flows that show the user documents | `documents_of_folder`, `documents_of_flow` |
//! | anything else | all documents, newest first | `documents_by_age` |
//!
//! A walk for words that few owners may have, with many documents, compares only the documents of these owners.
//!
//! Each statement has every condition and the rights of the user, so the way decides the time of a search, never its
//! result.

mod conditions;
pub mod folders;
mod media_type;
mod owners;
pub(super) mod terms;
pub(super) mod ways;

use std::{cmp::Reverse, fmt, str::FromStr};

use serde::Serialize;
use sqlx::FromRow;

pub(in crate::library) use self::owners::CANDIDATES;
pub use self::{
    media_type::MediaType,
    owners::FlowCandidates,
    terms::{TooManyWords, Words},
};
use crate::{
    clock::Timestamp,
    db::{Db, DbError},
    hash::{Blake3, NotBlake3},
    id::{DocumentId, FlowId, FolderId, UserId},
    library::{
        Space,
        document::{Document, shown},
        listing::{scope::ListScope, sort::Mark},
        rights::Sight,
    },
    photo::kind::PhotoKind,
    user::User,
};

/// Up to this number, matches of a text are counted.
pub(super) const COUNTED: i64 = 1_000;

/// Conditions of a search. An absent member sets no condition.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// A folder. The caller has checked that the user may see it.
    pub folder: Option<FolderId>,
    /// With the folders below `folder`.
    pub deep: bool,
    pub space: Option<Space>,
    /// The owner of the personal space. `None` in the other spaces.
    pub owner: Option<UserId>,
    pub flow: Option<FlowId>,
    pub hash: Option<AnyHash>,
    pub kind: Option<PhotoKind>,
    pub mime: Option<MediaType>,
    /// Each word is in the words of the document's flow, or in a name that the document has or had.
    pub q: Words,
    pub seal: Option<String>,
    /// A username.
    pub user: Option<String>,
    /// Received at this instant or later.
    pub from: Option<Timestamp>,
    /// Received before this instant.
    pub to: Option<Timestamp>,
    /// Only documents of these flows: those that owe photos.
    pub owing: Option<Vec<FlowId>>,
}

/// A hash of an original: BLAKE3, SHA-256 or SM3. All are 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnyHash(String);

impl AnyHash {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Blake3> for AnyHash {
    /// A value of this form may be meant as another hash.
    fn from(hash: &Blake3) -> Self {
        Self(hash.to_string())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("must be a hash of 64 lower-case hex digits: BLAKE3, SHA-256 or SM3")]
pub struct NoHash;

impl FromStr for AnyHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        text.parse().map(|hash: Blake3| Self(hash.to_string())).map_err(|NotBlake3| NoHash)
    }
}

/// The end of a page. The list is ordered by the time of receipt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub struct Cursor {
    received_at: Timestamp,
    id: DocumentId,
}

/// Behind every id.
const LAST_ID: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

impl Cursor {
    /// Returns the place before all documents of the same instant. It names no document, because the user may not see
    /// the one at which a search stopped. After such a place the cursor must name it, or the search does not go on.
    fn at_stop(self, after: Option<&Self>) -> Self {
        match LAST_ID.parse() {
            Ok(id) if after.is_none_or(|after| after.received_at != self.received_at) => Self { id, ..self },
            _ => self,
        }
    }
}

impl From<Mark> for Cursor {
    /// The mark is of a list by the time of receipt.
    fn from(mark: Mark) -> Self {
        Self { received_at: Timestamp(mark.number()), id: mark.id().clone() }
    }
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

/// How many items a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum MatchCount {
    Exact(i64),
    AtLeast {
        /// More are not counted.
        #[serde(rename = "atLeast")]
        at_least: i64,
    },
}

impl MatchCount {
    /// `more`: the search stopped before its end.
    pub(super) fn of(found: i64, more: bool) -> Self {
        if more || found > COUNTED { Self::AtLeast { at_least: found.min(COUNTED) } } else { Self::Exact(found) }
    }
}

/// A page of a search.
#[derive(Debug, Default)]
pub struct FoundDocuments {
    pub documents: Vec<Document>,
    /// The cursor of the next page. A page can be short although there is a next one.
    pub next: Option<Cursor>,
    /// Of the first page, up to 1,000.
    pub total: Option<MatchCount>,
}

impl Search {
    /// Returns the visible matches after `after`, newest first. The first page of a search for words has their number.
    pub async fn documents(
        &self,
        db: &Db,
        user: &User,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<FoundDocuments, DbError> {
        self.find(db, user, after, limit, after.is_none() && !self.q.is_empty()).await
    }

    /// Returns the visible matches after `after`, newest first, without their number.
    pub(in crate::library) async fn page(
        &self,
        db: &Db,
        user: &User,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<FoundDocuments, DbError> {
        self.find(db, user, after, limit, false).await
    }

    /// Adds a place.
    #[must_use]
    pub fn within(mut self, scope: &ListScope) -> Self {
        match scope {
            ListScope::Folder { folder, deep } => (self.folder, self.deep) = (Some(folder.id.clone()), *deep),
            ListScope::Space { space, owner } => (self.space, self.owner) = (Some(*space), owner.clone()),
            ListScope::All => {}
        }
        self
    }

    async fn find(
        &self,
        db: &Db,
        user: &User,
        after: Option<&Cursor>,
        limit: usize,
        counts: bool,
    ) -> Result<FoundDocuments, DbError> {
        let page = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
        let most = if counts { page.max(COUNTED + 1) } else { page };
        let (mut found, mut stop) = (Vec::new(), None);
        for way in ways::of(self, db, user).await? {
            let (matches, stopped) = way.matches(self, db, user, after, most).await?;
            found.extend(matches);
            // Behind the first stop the matches are not complete.
            stop = stop.max(stopped);
        }
        let stop = stop.map(|stop: Cursor| stop.at_stop(after));
        found.retain(|one| stop.as_ref().is_none_or(|stop| one >= stop));
        found.sort_by(|one, other| other.cmp(one));
        found.dedup();
        let total = counts.then(|| MatchCount::of(i64::try_from(found.len()).unwrap_or(i64::MAX), stop.is_some()));
        let more = found.len() > limit;
        found.truncate(limit);
        let documents = of_page(db, &found, user).await?;
        Ok(FoundDocuments { documents, next: if more { found.pop() } else { stop }, total })
    }
}

/// Returns the documents of a page.
async fn of_page(db: &Db, found: &[Cursor], user: &User) -> Result<Vec<Document>, DbError> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<DocumentId> = found.iter().map(|found| found.id.clone()).collect();
    let sight = Sight::of(db, user).await?;
    let mut documents = Document::seen(db, &ids, &sight).await?;
    shown::complete(db, &mut documents, &sight).await?;
    documents.sort_by_cached_key(|document| Reverse((document.received_at, document.id.clone())));
    Ok(documents)
}
