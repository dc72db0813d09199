//! Reads originals back and compares them with their hashes.
//!
//! The result never says well if something could not be looked at.

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::orphans::{self, Found, SweepError};
use crate::{
    audit::{self, Act, NewEntry},
    clock::{Clock, Timestamp},
    db::{Db, DbError},
    hash::Blake3,
    id::FlowId,
    original::Original,
    store::{Store, StoreError, StoreKey},
    vocabulary::words,
};

words! {
    /// What is wrong with an original.
    Damage {
        /// The store has no object.
        Missing = "missing",
        /// The bytes are not those of the hash.
        Changed = "changed",
    }
}

words! {
    /// How a run ended.
    FixityResult {
        /// All that was asked for was checked and is well.
        Good = "good",
        Findings = "findings",
        /// Something could not be read. What was found is in the report.
        CouldNotCheck = "could_not_check",
    }
}

/// What a run checks.
#[derive(Clone, Debug)]
pub enum FixityScope {
    /// Every original, and the objects without a row.
    All,
    /// A share of the originals, from 0 to 1, drawn by chance.
    Sample(f64),
    /// The originals of one flow.
    Flow(FlowId),
}

/// A damaged original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DamagedOriginal {
    pub damage: Damage,
    pub key: String,
    pub blake3: Blake3,
}

/// An object that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    pub key: String,
    pub why: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FixityReport {
    pub result: FixityResult,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Originals that were read whole.
    pub checked: u64,
    pub bytes: u64,
    pub damaged: Vec<DamagedOriginal>,
    pub could_not_check: Vec<NotChecked>,
    /// Objects without a row. Empty unless everything was checked.
    pub untracked: Vec<Found>,
}

#[derive(Debug, thiserror::Error)]
pub enum FixityError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sweep(#[from] SweepError),
    #[error(transparent)]
    Db(#[from] DbError),
}

enum Verdict {
    Good(u64),
    Damaged(DamagedOriginal),
    NotChecked(NotChecked),
}

/// Originals that are read at once.
const READS: usize = 4;
/// Rows of one page.
const PAGE: i64 = 256;

/// Checks the originals of a scope. `seen` hears of each original that was looked at. `untracked_before`: a younger object may
/// have no row yet. The audit log has an entry for each finding and for the run.
pub async fn verify(
    store: &Store,
    db: &Db,
    clock: &Clock,
    scope: &FixityScope,
    untracked_before: Timestamp,
    mut seen: impl FnMut(),
) -> Result<FixityReport, FixityError> {
    // A missing bucket must not look like missing objects.
    store.check().await?;
    let from = clock.now();
    let mut report = FixityReport {
        result: FixityResult::Good,
        from,
        to: from,
        checked: 0,
        bytes: 0,
        damaged: Vec::new(),
        could_not_check: Vec::new(),
        untracked: Vec::new(),
    };
    let mut after = None;
    loop {
        let page = match scope {
            FixityScope::Flow(flow) if after.is_none() => Original::of_flow(db, flow).await?,
            FixityScope::Flow(_) => Vec::new(),
            _ => Original::page(db, after.as_ref(), PAGE).await?,
        };
        let Some(last) = page.last() else { break };
        after = Some(last.hash.clone());
        let chosen = page.into_iter().filter(|original| scope.includes(&original.hash, from));
        let mut verdicts = stream::iter(chosen).map(|original| check(store, original)).buffer_unordered(READS);
        while let Some(verdict) = verdicts.next().await {
            report.add(verdict);
            seen();
        }
    }
    if matches!(scope, FixityScope::All) {
        report.untracked = orphans::scan(store, db, untracked_before).await?.strays;
    }
    report.damaged.sort_by(|one, other| one.key.cmp(&other.key));
    report.to = clock.now();
    report.result = report.result_of();
    Ok(report)
}

impl FixityScope {
    fn includes(&self, hash: &Blake3, seed: Timestamp) -> bool {
        let Self::Sample(share) = self else { return true };
        // The hash of hash and seed is a fair draw.
        let drawn = blake3::hash(format!("{}{hash}", seed.0).as_bytes());
        let drawn =
            u32::from_le_bytes([drawn.as_bytes()[0], drawn.as_bytes()[1], drawn.as_bytes()[2], drawn.as_bytes()[3]]);
        f64::from(drawn) < share * f64::from(u32::MAX)
    }
}

impl FixityReport {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Good(bytes) => {
                self.checked += 1;
                self.bytes += bytes;
            }
            Verdict::Damaged(damaged) => {
                self.checked += 1;
                self.damaged.push(damaged);
            }
            Verdict::NotChecked(not) => self.could_not_check.push(not),
        }
    }

    fn result_of(&self) -> FixityResult {
        if !self.could_not_check.is_empty() {
            FixityResult::CouldNotCheck
        } else if self.damaged.is_empty() && self.untracked.is_empty() {
            FixityResult::Good
        } else {
            FixityResult::Findings
        }
    }

    /// Writes the run and its findings to the audit log.
    pub async fn record(&self, db: &Db, username: &str) -> Result<(), DbError> {
        let mut tx = db.begin().await?;
        for damaged in &self.damaged {
            let entry = NewEntry::new(username, Act::DamageFound, damaged.blake3.as_str());
            let detail = format!("{}: {}", damaged.damage, damaged.key);
            audit::record(&mut tx, entry.detail(&detail), self.to).await?;
        }
        let detail = format!(
            "{}: {} checked, {} damaged, {} not checked, {} untracked",
            self.result,
            self.checked,
            self.damaged.len(),
            self.could_not_check.len(),
            self.untracked.len()
        );
        audit::commit(tx, NewEntry::new(username, Act::FixityChecked, "originals").detail(&detail), self.to).await
    }
}

async fn check(store: &Store, original: Original) -> Verdict {
    match read(store, &original).await {
        Ok(true) => Verdict::Good(u64::try_from(original.bytes).unwrap_or(0)),
        Ok(false) => damaged(original, Damage::Changed),
        Err(StoreError::NotFound { .. }) => damaged(original, Damage::Missing),
        Err(error) => Verdict::NotChecked(NotChecked { key: original.store_key, why: error.to_string() }),
    }
}

fn damaged(original: Original, damage: Damage) -> Verdict {
    Verdict::Damaged(DamagedOriginal { damage, key: original.store_key, blake3: original.hash })
}

/// Returns true if the bytes are those of the hash.
async fn read(store: &Store, original: &Original) -> Result<bool, StoreError> {
    let mut reading = store.get_stream(&StoreKey::Raw(original.store_key.clone()), None).await?.stream;
    let mut hasher = blake3::Hasher::new();
    while let Some(chunk) = reading.try_next().await? {
        hasher.update(&chunk);
    }
    Ok(hasher.finalize().to_hex().as_str() == original.hash.as_str())
}
