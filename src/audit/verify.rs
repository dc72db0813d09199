//! Proves the chain from its first entry to its head, a page at a time, while others go on writing.
//!
//! What it can prove: no entry was changed, taken out, moved or put in by somebody who did not also rewrite everything
//! after it and the head. Who can rewrite all of that can only be found out by a head noted elsewhere: note it, and
//! give it when the chain is proven again ([`Noted`]).

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
        /// The entry is not what it was when it was written.
        ChangedRow = "changed_row",
        /// Entries between others are gone.
        MissingRow = "missing_row",
        /// Another entry stands where this one belongs.
        ReorderedRows = "reordered_rows",
        /// The entry does not continue the one before it: one of the two was written anew.
        BrokenLink = "broken_link",
        /// The last entries are gone: the head counts more.
        CutTail = "cut_tail",
        /// The head is gone, is not the last entry's, or counts fewer entries than there are.
        WrongHead = "wrong_head",
        /// The chain does not lead through the head that was noted: its end was cut off, or it was written anew.
        NotedHead = "noted_head",
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditReport)]
pub struct Report {
    pub ok: bool,
    /// Entries proven: all of them, or those before the first that is broken.
    pub entries: i64,
    /// The hash of the last entry, as the head says. Note it elsewhere: it proves all before it.
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
    /// The number of the first entry that is not as it was.
    pub first_broken: i64,
    pub why: Break,
    /// The same for people.
    pub detail: String,
}

/// Entries in memory at once.
const PAGE: i64 = 1000;

/// A head that somebody noted: `<hash>` or `<number>:<hash>`, as a report gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The entry whose hash it is, where that was noted too.
    seq: Option<i64>,
    hash: String,
}

/// A noted head that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a noted head is 64 hex digits, or the entry's number, a colon and these")]
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

    /// The chain, proven up to entry `proven`, does not lead through it.
    fn lost(&self, proven: i64) -> Broken {
        let (first, detail) = match self.seq {
            Some(seq) if seq > proven => {
                (proven + 1, format!("entry {seq} was noted, there are {proven} entries: the end was cut off"))
            }
            Some(seq) => (seq, format!("entry {seq} is not the one that was noted: it was written anew")),
            None => {
                (proven + 1, format!("no entry up to {proven} has the noted hash: the end was cut off or written anew"))
            }
        };
        Broken::new(first, Break::NotedHead, detail)
    }
}

/// Reads the whole chain. What is written meanwhile is not looked at. With a `noted` head it also proves that nothing
/// up to there was cut off or written anew since.
pub async fn verify(db: &Db, noted: Option<&Noted>) -> Result<Report, DbError> {
    let head: Option<(i64, String)> = sql("SELECT seq, hash FROM audit_head WHERE id = 1").optional(db).await?;
    let Some((last, head)) = head else {
        let broken = Broken::new(1, Break::WrongHead, "the row that holds the end of the chain is gone");
        return Ok(Report { ok: false, entries: 0, head: String::new(), broken: Some(broken) });
    };
    let passed = noted.is_none_or(|noted| noted.is_at(0, NOTHING));
    let mut walk = Walk { proven: 0, hash: NOTHING.to_owned(), noted, passed };
    let broken = walk.to(db, last).await?;
    let broken = match broken {
        None if walk.hash != head => {
            Some(Broken::new(last, Break::WrongHead, format!("the head says {head}, the last entry {}", walk.hash)))
        }
        None => match noted.filter(|_| !walk.passed) {
            Some(noted) => Some(noted.lost(walk.proven)),
            None => uncounted(db).await?,
        },
        found => found,
    };
    Ok(Report { ok: broken.is_none(), entries: walk.proven, head, broken })
}

/// An entry that the head does not count. One statement, so that it sees one moment.
async fn uncounted(db: &Db) -> Result<Option<Broken>, DbError> {
    let beyond: Option<i64> =
        sql("SELECT MIN(seq) FROM audit WHERE seq > (SELECT seq FROM audit_head WHERE id = 1)").scalar(db).await?;
    Ok(beyond.map(|seq| Broken::new(seq, Break::WrongHead, format!("the head does not count entry {seq}"))))
}

/// How far the chain is proven.
struct Walk<'a> {
    proven: i64,
    hash: String,
    noted: Option<&'a Noted>,
    /// The noted head, if there is one, was met.
    passed: bool,
}

impl Walk<'_> {
    async fn to(&mut self, db: &Db, last: i64) -> Result<Option<Broken>, DbError> {
        while self.proven < last {
            let page: Vec<AuditEntry> = sql("SELECT * FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3")
                .bind(self.proven)
                .bind(last)
                .bind(PAGE)
                .all(db)
                .await?;
            if page.is_empty() {
                let detail = format!("the head counts {last} entries, there are {}", self.proven);
                return Ok(Some(Broken::new(self.proven + 1, Break::CutTail, detail)));
            }
            for kept in page {
                if let Some(broken) = self.step(db, kept).await? {
                    return Ok(Some(broken));
                }
            }
        }
        Ok(None)
    }

    async fn step(&mut self, db: &Db, kept: AuditEntry) -> Result<Option<Broken>, DbError> {
        let due = self.proven + 1;
        if kept.seq != due {
            let detail = format!("after entry {} comes entry {}", self.proven, kept.seq);
            return Ok(Some(Broken::new(due, Break::MissingRow, detail)));
        }
        if kept.prev == self.hash && Link::of(&kept).hash() == kept.hash {
            (self.proven, self.hash) = (due, kept.hash);
            self.passed |= self.noted.is_some_and(|noted| noted.is_at(due, &self.hash));
            return Ok(None);
        }
        self.reason(db, &kept).await.map(Some)
    }

    /// Why `kept` does not continue the chain.
    async fn reason(&self, db: &Db, kept: &AuditEntry) -> Result<Broken, DbError> {
        let due = kept.seq;
        let belongs: Option<AuditEntry> = sql("SELECT * FROM audit WHERE prev = $1 AND seq <> $2 ORDER BY seq LIMIT 1")
            .bind(&self.hash)
            .bind(due)
            .optional(db)
            .await?;
        let belongs = belongs.filter(|other| Link { seq: due, ..Link::of(other) }.hash() == other.hash);
        Ok(if let Some(other) = belongs {
            Broken::new(due, Break::ReorderedRows, format!("entry {due} stands at {}", other.seq))
        } else if Link::of(kept).hash() != kept.hash {
            Broken::new(due, Break::ChangedRow, format!("the hash of entry {due} is not that of its members"))
        } else {
            let detail =
                format!("entry {due} does not continue entry {}: one of the two was written anew", self.proven);
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
