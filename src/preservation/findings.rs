//! What the checks of the store found: damaged originals and objects without a row.
//!
//! A subject has one open finding, however often it is found. The audit log has one entry for the finding and one for
//! its end.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{Db, DbError, On, Tx, padded, pieces, placeholders, rows, sql},
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
    let mut sorted: Vec<&NewFinding> = found.iter().collect();
    sorted.sort_by(|one, other| one.subject.cmp(&other.subject));
    // PostgreSQL refuses to touch a row twice in one statement.
    sorted.dedup_by(|one, other| one.subject == other.subject);
    let mut new: Vec<(FindingKind, &NewFinding)> = Vec::new();
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
        new.extend(piece.iter().filter(|one| written.contains(&one.subject)).map(|one| (one.kind, *one)));
    }
    let details: Vec<String> =
        new.iter().map(|(kind, one)| format!("{kind}: {}: {}", one.store_key, one.detail)).collect();
    let entries: Vec<NewEntry<'_>> = new
        .iter()
        .zip(&details)
        .map(|((_, one), detail)| NewEntry::new(username, Act::DamageFound, &one.subject).detail(detail))
        .collect();
    audit::record_all(tx, &entries, now).await?;
    Ok(new.len())
}

/// Records one finding in a transaction of its own.
pub async fn report(db: &Db, found: NewFinding, username: &str, now: Timestamp) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    record(&mut tx, &[found], username, now).await?;
    tx.commit().await
}

/// Ends the open findings of subjects that are right again, with their audit entries. Returns how many there were. Call
/// it last before the commit.
pub async fn heal(tx: &mut Tx, subjects: &[&str], username: &str, now: Timestamp) -> Result<usize, DbError> {
    let mut healed: Vec<(String, String)> = Vec::new();
    for piece in pieces(subjects) {
        let text = format!(
            "UPDATE fixity_findings SET healed_at = $1 WHERE healed_at IS NULL AND subject IN {} RETURNING subject, store_key",
            placeholders(2, piece.len())
        );
        healed.extend(sql(text).bind(now).bind_all(piece.iter().copied()).all::<(String, String)>(&mut *tx).await?);
    }
    let entries: Vec<NewEntry<'_>> =
        healed.iter().map(|(subject, key)| NewEntry::new(username, Act::DamageHealed, subject).detail(key)).collect();
    audit::record_all(tx, &entries, now).await?;
    Ok(healed.len())
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
    pub async fn list(on: impl Into<On<'_>>, after: Option<&FindingId>, limit: i64) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM fixity_findings WHERE ($1 = '' OR id < $1) ORDER BY id DESC LIMIT $2")
            .bind(after.map_or("", FindingId::as_str))
            .bind(limit)
            .all(on)
            .await
    }
}
