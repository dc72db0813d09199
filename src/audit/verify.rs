//! Proves the chain from its first entry to its head, a page at a time, while others go on writing.
//!
//! What it can prove: no entry was changed, taken out, moved or put in by somebody who did not also rewrite everything
//! after it and the head. Who can rewrite all of that can only be found out by a head noted elsewhere: note it.

use serde::Serialize;

use super::{
    Kept,
    chain::{Link, NOTHING},
};
use crate::{
    db::{Db, DbError, sql},
    word::words,
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

/// Reads the whole chain. What is written meanwhile is not looked at.
pub async fn verify(db: &Db) -> Result<Report, DbError> {
    let head: Option<(i64, String)> = sql("SELECT seq, hash FROM audit_head WHERE id = 1").optional(db).await?;
    let Some((last, head)) = head else {
        let broken = Broken::new(1, Break::WrongHead, "the row that holds the end of the chain is gone");
        return Ok(Report { ok: false, entries: 0, head: String::new(), broken: Some(broken) });
    };
    let mut walk = Walk { proven: 0, hash: NOTHING.to_owned() };
    let broken = walk.to(db, last).await?;
    let broken = match broken {
        None if walk.hash != head => {
            Some(Broken::new(last, Break::WrongHead, format!("the head says {head}, the last entry {}", walk.hash)))
        }
        None => uncounted(db).await?,
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
struct Walk {
    proven: i64,
    hash: String,
}

impl Walk {
    async fn to(&mut self, db: &Db, last: i64) -> Result<Option<Broken>, DbError> {
        while self.proven < last {
            let page: Vec<Kept> = sql("SELECT * FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3")
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

    async fn step(&mut self, db: &Db, kept: Kept) -> Result<Option<Broken>, DbError> {
        let due = self.proven + 1;
        if kept.seq != due {
            let detail = format!("after entry {} comes entry {}", self.proven, kept.seq);
            return Ok(Some(Broken::new(due, Break::MissingRow, detail)));
        }
        if kept.prev == self.hash && Link::of(&kept).hash() == kept.hash {
            (self.proven, self.hash) = (due, kept.hash);
            return Ok(None);
        }
        self.reason(db, &kept).await.map(Some)
    }

    /// Why `kept` does not continue the chain.
    async fn reason(&self, db: &Db, kept: &Kept) -> Result<Broken, DbError> {
        let due = kept.seq;
        let belongs: Option<Kept> = sql("SELECT * FROM audit WHERE prev = $1 AND seq <> $2 ORDER BY seq LIMIT 1")
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
