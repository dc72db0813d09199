//! Verifies the chain from its first entry to its head, page by page, while other transactions append.
//!
//! It proves that no entry was changed, removed, moved or inserted, unless the attacker also rewrote all later entries
//! and the head. To detect such a rewrite, note a head outside the database and pass it to a later verification
//! ([`Noted`]).

use std::str::FromStr;

use serde::Serialize;

use super::{
    AuditEntry,
    chain::{Link, NOTHING},
};
use crate::{
    db::{Db, DbError, sql},
    vocabulary::words,
};

words! {
    /// What is wrong with a chain.
    Break {
        /// The entry was changed after it was written.
        ChangedRow = "changed_row",
        /// Entries between two others are missing.
        MissingRow = "missing_row",
        /// Another entry is at the number of this one.
        ReorderedRows = "reordered_rows",
        /// The entry does not continue the entry before it. One of the two was rewritten.
        BrokenLink = "broken_link",
        /// The last entries are missing: the head counts more.
        CutTail = "cut_tail",
        /// The head is missing, does not match the last entry, or counts fewer entries than exist.
        WrongHead = "wrong_head",
        /// The chain does not contain the noted head. Its end was cut off or rewritten.
        NotedHead = "noted_head",
    }
}

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditReport)]
pub struct Report {
    pub ok: bool,
    /// Number of verified entries: all of them, or those before the first broken entry.
    pub entries: i64,
    /// The hash of the last entry, from the head. Note it outside the database: it proves all entries before it.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub head: String,
    #[serde(flatten)]
    pub broken: Option<Broken>,
}

/// Where a chain breaks, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditBreak)]
pub struct Broken {
    /// The number of the first entry that was changed.
    pub first_broken: i64,
    pub why: Break,
    /// The same as text for a user.
    pub detail: String,
}

/// Entries in memory at once.
const PAGE: i64 = 1000;

/// A head that was noted outside the database: `<hash>` or `<number>:<hash>`, as in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The number of the entry with this hash, if it was noted.
    seq: Option<i64>,
    hash: String,
}

/// A noted head that cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a noted head is not valid; write 64 hex digits, or `<entry number>:<64 hex digits>`")]
pub struct BadNote;

impl FromStr for Noted {
    type Err = BadNote;

    fn from_str(text: &str) -> Result<Self, BadNote> {
        let (seq, hash) = match text.trim().split_once(':') {
            Some((seq, hash)) => (Some(seq.parse().ok().filter(|seq| *seq >= 0).ok_or(BadNote)?), hash),
            None => (None, text.trim()),
        };
        let hash = hash.to_ascii_lowercase();
        let sound = hash.len() == NOTHING.len() && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        if sound { Ok(Self { seq, hash }) } else { Err(BadNote) }
    }
}

impl Noted {
    fn is_at(&self, seq: i64, hash: &str) -> bool {
        self.hash == hash && self.seq.is_none_or(|noted| noted == seq)
    }

    /// Describes the break: the chain, verified up to entry `proven`, does not contain the noted head.
    fn lost(&self, proven: i64) -> Broken {
        let (first, detail) = match self.seq {
            Some(seq) if seq > proven => {
                (proven + 1, format!("entry {seq} was noted, but only {proven} entries exist: the end was cut off"))
            }
            Some(seq) => (seq, format!("entry {seq} differs from the noted one: it was rewritten")),
            None => {
                (proven + 1, format!("no entry up to {proven} has the noted hash: the end was cut off or rewritten"))
            }
        };
        Broken::new(first, Break::NotedHead, detail)
    }
}

/// Verifies the whole chain. Entries appended meanwhile are skipped. With a `noted` head it also proves that the
/// entries up to it were not cut off or rewritten since.
pub async fn verify(db: &Db, noted: Option<&Noted>) -> Result<Report, DbError> {
    let head: Option<(i64, String)> = sql("SELECT seq, hash FROM audit_head WHERE id = 1").optional(db).await?;
    let Some((last, head)) = head else {
        let broken = Broken::new(1, Break::WrongHead, "the row with the end of the chain is missing");
        return Ok(Report { ok: false, entries: 0, head: String::new(), broken: Some(broken) });
    };
    let passed = noted.is_none_or(|noted| noted.is_at(0, NOTHING));
    let mut walk = Walk { proven: 0, hash: NOTHING.to_owned(), noted, passed };
    let broken = walk.verify_to(db, last).await?;
    let broken = match broken {
        None if walk.hash != head => Some(Broken::new(
            last,
            Break::WrongHead,
            format!("the head has the hash {head}, the last entry has {}", walk.hash),
        )),
        None => match noted.filter(|_| !walk.passed) {
            Some(noted) => Some(noted.lost(walk.proven)),
            None => uncounted(db).await?,
        },
        found => found,
    };
    Ok(Report { ok: broken.is_none(), entries: walk.proven, head, broken })
}

/// Finds an entry that the head does not count. One statement, so both reads see the same moment.
async fn uncounted(db: &Db) -> Result<Option<Broken>, DbError> {
    let beyond: Option<i64> =
        sql("SELECT MIN(seq) FROM audit WHERE seq > (SELECT seq FROM audit_head WHERE id = 1)").scalar(db).await?;
    Ok(beyond.map(|seq| Broken::new(seq, Break::WrongHead, format!("the head does not count entry {seq}"))))
}

/// How far the chain is verified.
struct Walk<'a> {
    proven: i64,
    hash: String,
    noted: Option<&'a Noted>,
    /// True: the noted head was found in the chain.
    passed: bool,
}

impl Walk<'_> {
    async fn verify_to(&mut self, db: &Db, last: i64) -> Result<Option<Broken>, DbError> {
        while self.proven < last {
            let page: Vec<AuditEntry> = sql("SELECT * FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3")
                .bind(self.proven)
                .bind(last)
                .bind(PAGE)
                .all(db)
                .await?;
            if page.is_empty() {
                let detail = format!("the head counts {last} entries, but only {} exist", self.proven);
                return Ok(Some(Broken::new(self.proven + 1, Break::CutTail, detail)));
            }
            for entry in page {
                if let Some(broken) = self.verify_entry(db, entry).await? {
                    return Ok(Some(broken));
                }
            }
        }
        Ok(None)
    }

    async fn verify_entry(&mut self, db: &Db, entry: AuditEntry) -> Result<Option<Broken>, DbError> {
        let due = self.proven + 1;
        if entry.seq != due {
            let detail = format!("entry {} is followed by entry {}", self.proven, entry.seq);
            return Ok(Some(Broken::new(due, Break::MissingRow, detail)));
        }
        if entry.prev == self.hash && Link::of(&entry).hash() == entry.hash {
            (self.proven, self.hash) = (due, entry.hash);
            self.passed |= self.noted.is_some_and(|noted| noted.is_at(due, &self.hash));
            return Ok(None);
        }
        self.find_break(db, &entry).await.map(Some)
    }

    /// Finds out why `entry` does not continue the chain.
    async fn find_break(&self, db: &Db, entry: &AuditEntry) -> Result<Broken, DbError> {
        let due = entry.seq;
        let belongs: Option<AuditEntry> = sql("SELECT * FROM audit WHERE prev = $1 AND seq <> $2 ORDER BY seq LIMIT 1")
            .bind(&self.hash)
            .bind(due)
            .optional(db)
            .await?;
        let belongs = belongs.filter(|other| Link { seq: due, ..Link::of(other) }.hash() == other.hash);
        Ok(if let Some(other) = belongs {
            Broken::new(due, Break::ReorderedRows, format!("entry {due} was moved to number {}", other.seq))
        } else if Link::of(entry).hash() != entry.hash {
            Broken::new(due, Break::ChangedRow, format!("the hash of entry {due} does not match its members"))
        } else {
            let detail = format!("entry {due} does not continue entry {}: one of the two was rewritten", self.proven);
            Broken::new(due, Break::BrokenLink, detail)
        })
    }
}

impl Broken {
    fn new(first_broken: i64, why: Break, detail: impl Into<String>) -> Self {
        Self { first_broken, why, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_head_is_a_hash_with_or_without_its_number() {
        let hash = "AB".repeat(32);
        let noted = |text: &str| text.parse::<Noted>();
        assert_eq!(noted(&hash), Ok(Noted { seq: None, hash: "ab".repeat(32) }));
        assert_eq!(noted(&format!(" 12:{hash}\n")), Ok(Noted { seq: Some(12), hash: "ab".repeat(32) }));
        for bad in ["", "12", "12:", &hash[1..], &format!("-1:{hash}"), &format!("x:{hash}"), &"g".repeat(64)] {
            assert_eq!(noted(bad), Err(BadNote), "{bad:?}");
        }
    }
}
