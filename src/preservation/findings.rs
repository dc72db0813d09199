//! What the checks of the store found: damaged originals and objects without a row.
//!
//! A subject has one open finding, however often it is found. The audit log has one entry for the finding and one for
//! its end.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{Db, DbError, On, Tx, filter::Filtered, padded, pieces, placeholders, rows, sql},
    hash::Blake3,
    id::FindingId,
    vocabulary::words,
};

words! {
    /// What is wrong with an object of the store.
    FindingKind {
        /// The store has no object for an original.
        Missing = "missing",
        /// The bytes are not those of the original.
        Changed = "changed",
        /// The store has an object for an original, but cannot read it.
        Unreadable = "unreadable",
        /// No row names the object.
        Untracked = "untracked",
    }
}

/// A finding that is not written yet.
#[derive(Clone, Debug)]
pub struct NewFinding {
    pub kind: FindingKind,
    /// The hash of the original. For an untracked object, its key.
    pub subject: String,
    pub store_key: String,
    /// How it was found, such as `download`, or why it cannot be read.
    pub detail: String,
}

impl NewFinding {
    /// An original whose bytes are gone or are not those of its hash.
    #[must_use]
    pub fn damaged(kind: FindingKind, hash: &Blake3, store_key: &str, detail: &str) -> Self {
        Self { kind, subject: hash.as_str().to_owned(), store_key: store_key.to_owned(), detail: detail.to_owned() }
    }
}

/// Records the findings in `tx`, each once while it is open, with their audit entries. Returns how many are new. Call it
/// last before the commit.
pub async fn record(tx: &mut Tx, found: &[NewFinding], username: &str, now: Timestamp) -> Result<usize, DbError> {
    record_and_heal(tx, found, &[], username, now).await
}

/// Ends the open findings of subjects that are right again, with their audit entries. Call it last before the commit.
pub async fn heal(tx: &mut Tx, subjects: &[&str], username: &str, now: Timestamp) -> Result<(), DbError> {
    record_and_heal(tx, &[], subjects, username, now).await.map(drop)
}

/// As [`record`] and [`heal`]: the rows first, then the audit entries. Returns how many findings are new.
pub async fn record_and_heal(
    tx: &mut Tx,
    found: &[NewFinding],
    right: &[&str],
    username: &str,
    now: Timestamp,
) -> Result<usize, DbError> {
    let new = open(tx, found, username, now).await?;
    let healed = close(tx, right, now).await?;
    let details: Vec<String> =
        new.iter().map(|one| format!("{}: {}: {}", one.kind, one.store_key, one.detail)).collect();
    let of_new = new.iter().zip(&details).map(|(one, detail)| (Act::DamageFound, &one.subject, detail));
    let of_healed = healed.iter().map(|(subject, key)| (Act::DamageHealed, subject, key));
    let entries: Vec<NewEntry<'_>> = of_new
        .chain(of_healed)
        .map(|(act, subject, detail)| NewEntry::new(username, act, subject).detail(detail))
        .collect();
    audit::record_all(tx, &entries, now).await?;
    Ok(new.len())
}

async fn open<'a>(
    tx: &mut Tx,
    found: &'a [NewFinding],
    username: &str,
    now: Timestamp,
) -> Result<Vec<&'a NewFinding>, DbError> {
    let mut sorted: Vec<&NewFinding> = found.iter().collect();
    sorted.sort_by(|one, other| one.subject.cmp(&other.subject));
    // PostgreSQL refuses to touch a row twice in one statement.
    sorted.dedup_by(|one, other| one.subject == other.subject);
    let mut new: Vec<&NewFinding> = Vec::new();
    for piece in pieces(&sorted) {
        // What is known to be damaged stays damaged if it cannot be read now.
        let text = format!(
            "INSERT INTO fixity_findings (id, kind, subject, store_key, detail, found_by, found_at) VALUES {}
             ON CONFLICT (subject) WHERE (healed_at IS NULL) DO UPDATE SET
               kind = excluded.kind, store_key = excluded.store_key, detail = excluded.detail,
               found_by = excluded.found_by, found_at = excluded.found_at
             WHERE fixity_findings.kind <> excluded.kind AND excluded.kind <> 'unreadable'
             RETURNING subject",
            rows(7, piece.len())
        );
        let bound = piece.iter().fold(sql(text), |statement, one| {
            let statement = statement.bind(&FindingId::new()).bind(one.kind).bind(&one.subject).bind(&one.store_key);
            statement.bind(&one.detail).bind(username).bind(now)
        });
        let written: Vec<String> = bound.scalars(&mut *tx).await?;
        new.extend(piece.iter().filter(|one| written.contains(&one.subject)));
    }
    Ok(new)
}

/// Returns subject and key of the findings that were open.
async fn close(tx: &mut Tx, right: &[&str], now: Timestamp) -> Result<Vec<(String, String)>, DbError> {
    let mut healed = Vec::new();
    for piece in pieces(right) {
        let text = format!(
            "UPDATE fixity_findings SET healed_at = $1 WHERE healed_at IS NULL AND subject IN {} RETURNING subject, store_key",
            placeholders(2, piece.len())
        );
        healed.extend(sql(text).bind(now).bind_all(piece.iter().copied()).all::<(String, String)>(&mut *tx).await?);
    }
    healed.sort();
    Ok(healed)
}

/// Records one finding in a transaction of its own.
pub async fn report(db: &Db, found: NewFinding, username: &str, now: Timestamp) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    record(&mut tx, &[found], username, now).await?;
    tx.commit().await
}

/// Counts the open findings of each kind.
pub async fn open_by_kind(on: impl Into<On<'_>>) -> Result<Vec<(FindingKind, i64)>, DbError> {
    let counted: Vec<(String, i64)> =
        sql("SELECT kind, COUNT(*) FROM fixity_findings WHERE healed_at IS NULL GROUP BY kind").all(on).await?;
    let count =
        |kind: &FindingKind| counted.iter().find(|(word, _)| word == kind.as_str()).map_or(0, |(_, count)| *count);
    Ok(FindingKind::ALL.iter().map(|kind| (*kind, count(kind))).collect())
}

/// Returns true if the original is known to be missing or changed.
pub async fn is_damaged(on: impl Into<On<'_>>, hash: &Blake3) -> Result<bool, DbError> {
    let open: i64 = sql("SELECT COUNT(*) FROM fixity_findings
         WHERE healed_at IS NULL AND subject = $1 AND kind IN ('missing', 'changed')")
    .bind(hash)
    .scalar(on)
    .await?;
    Ok(open > 0)
}

/// Returns those of the originals that are known to be missing or changed.
pub async fn damaged_among(db: &Db, hashes: &[Blake3]) -> Result<Vec<Blake3>, DbError> {
    let (mut reader, mut damaged) = (db.reader().await?, Vec::new());
    for piece in hashes.chunks(1024) {
        let piece = padded(piece);
        let text = format!(
            "SELECT subject FROM fixity_findings
             WHERE healed_at IS NULL AND kind IN ('missing', 'changed') AND subject IN {}",
            placeholders(1, piece.len())
        );
        damaged.extend(sql(text).bind_all(piece.iter()).scalars::<Blake3>(&mut reader).await?);
    }
    Ok(damaged)
}

/// Returns the originals that are known to be missing or changed. Usually there are none.
pub async fn open_damage(on: impl Into<On<'_>>) -> Result<Vec<Blake3>, DbError> {
    sql("SELECT subject FROM fixity_findings WHERE healed_at IS NULL AND kind IN ('missing', 'changed') ORDER BY subject")
        .scalars(on)
        .await
}

/// A finding, open or healed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub id: FindingId,
    #[sqlx(try_from = "String")]
    pub kind: FindingKind,
    /// The BLAKE3 hash of the original. For an untracked object, its key.
    pub subject: String,
    pub store_key: String,
    pub detail: String,
    pub found_by: String,
    #[schema(value_type = String, format = DateTime)]
    pub found_at: Timestamp,
    /// `null`: the finding is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub healed_at: Option<Timestamp>,
}

impl Finding {
    /// Returns findings before `after`, newest first.
    pub async fn list(db: &Db, only_open: bool, after: Option<&FindingId>, limit: i64) -> Result<Vec<Self>, DbError> {
        let found = Filtered::new("SELECT * FROM fixity_findings").and("id <", after);
        let found = if only_open { found.when("healed_at IS NULL") } else { found };
        found.newest_first("id", limit).all(db).await
    }

    /// Returns the keys of untracked objects whose findings are open.
    pub async fn open_untracked(on: impl Into<On<'_>>) -> Result<Vec<String>, DbError> {
        sql("SELECT subject FROM fixity_findings WHERE healed_at IS NULL AND kind = 'untracked' ORDER BY subject")
            .scalars(on)
            .await
    }
}
