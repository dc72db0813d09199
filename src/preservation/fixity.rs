//! Reads originals back and compares them with their hashes.
//!
//! Each group of originals is recorded when it is checked: what is wrong, what is right again, and when they were checked.
//! The result never says well if something could not be looked at.

pub mod pace;
pub mod verify;

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use self::pace::Pace;
use super::{
    findings::{self, FindingKind, NewFinding},
    runs::FixityRun,
};
use crate::{
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{Db, DbError, Tx},
    hash::Blake3,
    original::{Original, checking::Chosen, parted},
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
        /// Something could not be read. What was found is in the findings.
        CouldNotCheck = "could_not_check",
    }
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

/// The numbers of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupTally {
    pub checked: i64,
    pub bytes: i64,
    pub missing: i64,
    pub changed: i64,
    pub not_checked: i64,
}

/// Originals that were looked at, and what came of it.
#[derive(Debug, Default)]
pub struct CheckedGroup {
    pub good: Vec<Blake3>,
    pub bytes: u64,
    pub damaged: Vec<DamagedOriginal>,
    pub not_checked: Vec<(Blake3, NotChecked)>,
}

/// Originals that are read at once.
const READS: usize = 4;
/// Originals of one group, which is recorded in one transaction.
pub const GROUP: i64 = 128;

/// Reads the originals of a group. `seen` hears of each one.
pub async fn check_group(store: &Store, pace: &Pace, group: Vec<Original>, mut seen: impl FnMut()) -> CheckedGroup {
    let mut checked = CheckedGroup::default();
    let mut reads = stream::iter(group)
        .map(async |original| (read(store, pace, &original).await, original))
        .buffer_unordered(READS);
    while let Some((read, original)) = reads.next().await {
        checked.add(read, original);
        seen();
    }
    drop(reads);
    checked.damaged.sort_by(|one, other| one.key.cmp(&other.key));
    checked
}

/// Returns true if the bytes are those of the hash.
async fn read(store: &Store, pace: &Pace, original: &Original) -> Result<bool, StoreError> {
    let mut reading = store.get_stream(&StoreKey::Raw(original.store_key.clone()), None).await?.stream;
    let mut hasher = blake3::Hasher::new();
    while let Some(chunk) = reading.try_next().await? {
        pace.take(chunk.len()).await;
        hasher.update(&chunk);
    }
    Ok(hasher.finalize().to_hex().as_str() == original.hash.as_str())
}

impl CheckedGroup {
    fn add(&mut self, read: Result<bool, StoreError>, original: Original) {
        let damage = match read {
            Ok(true) => {
                self.bytes += u64::try_from(original.bytes).unwrap_or(0);
                self.good.push(original.hash);
                return;
            }
            Ok(false) => Damage::Changed,
            Err(StoreError::NotFound { .. }) => Damage::Missing,
            Err(error) => {
                let not = NotChecked { key: original.store_key, why: error.to_string() };
                self.not_checked.push((original.hash, not));
                return;
            }
        };
        self.damaged.push(DamagedOriginal { damage, key: original.store_key, blake3: original.hash });
    }

    /// Leaves out originals that were removed for good while the group was read. Their bytes are not missing.
    pub async fn without_gone(mut self, db: &Db) -> Result<Self, DbError> {
        let doubtful: Vec<Blake3> = self
            .damaged
            .iter()
            .map(|damaged| damaged.blake3.clone())
            .chain(self.not_checked.iter().map(|(hash, _)| hash.clone()))
            .collect();
        let gone = parted::gone_among(db, &doubtful).await?;
        self.damaged.retain(|damaged| !gone.contains(&damaged.blake3));
        self.not_checked.retain(|(hash, _)| !gone.contains(hash));
        Ok(self)
    }

    /// Returns true if something is missing or could not be read. A store that is gone looks the same.
    #[must_use]
    pub fn doubts_the_store(&self) -> bool {
        !self.not_checked.is_empty() || self.damaged.iter().any(|damaged| damaged.damage == Damage::Missing)
    }

    #[must_use]
    pub fn tally(&self) -> GroupTally {
        let count = |damage| self.damaged.iter().filter(|damaged| damaged.damage == damage).count();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        GroupTally {
            checked: number(self.good.len() + self.damaged.len()),
            bytes: i64::try_from(self.bytes).unwrap_or(i64::MAX),
            missing: number(count(Damage::Missing)),
            changed: number(count(Damage::Changed)),
            not_checked: number(self.not_checked.len()),
        }
    }

    /// Records the group in `tx`: when its originals were checked, its findings, and those that have healed. Call it last before
    /// the commit.
    pub async fn record(&self, tx: &mut Tx, at: Timestamp, by: &str) -> Result<(), DbError> {
        let damaged = self.damaged.iter().map(|damaged| &damaged.blake3);
        let unread = self.not_checked.iter().map(|(hash, _)| hash);
        let mut all: Vec<&Blake3> = self.good.iter().chain(damaged).chain(unread).collect();
        all.sort();
        Original::mark_checked(tx, &all, at).await?;
        let healed: Vec<&str> = self.good.iter().map(Blake3::as_str).collect();
        findings::record_and_heal(tx, &self.findings(), &healed, by, at).await?;
        Ok(())
    }

    fn findings(&self) -> Vec<NewFinding> {
        let damaged = self.damaged.iter().map(|damaged| {
            let kind = match damaged.damage {
                Damage::Missing => FindingKind::Missing,
                Damage::Changed => FindingKind::Changed,
            };
            NewFinding::damaged(kind, &damaged.blake3, &damaged.key, "check")
        });
        let unread = self
            .not_checked
            .iter()
            .map(|(hash, not)| NewFinding::damaged(FindingKind::Unreadable, hash, &not.key, &not.why));
        damaged.chain(unread).collect()
    }
}

/// Writes the end of a run, with its audit entry.
pub async fn end_run(mut tx: Tx, run: &mut FixityRun, is_new: bool, now: Timestamp) -> Result<(), DbError> {
    run.ended_at = Some(now);
    run.result = Some(run.outcome().as_str().to_owned());
    if is_new {
        run.insert(&mut tx).await?;
    } else {
        run.update(&mut tx).await?;
    }
    let summary = run.summary();
    let entry = NewEntry::new(&run.asked_by, Act::FixityChecked, "originals").of_flow_if(run.flow_id.as_ref());
    audit::commit(tx, entry.detail(&summary), now).await
}

/// Returns the range of hashes of a sample: its place is drawn by the id of the run.
#[must_use]
pub fn drawn(id: &str, millionths: i64) -> Chosen {
    if millionths >= 1_000_000 {
        return Chosen::All;
    }
    let hash = blake3::hash(id.as_bytes());
    let mut place = [0; 8];
    place.copy_from_slice(&hash.as_bytes()[..8]);
    let from = u64::from_be_bytes(place);
    let length = u64::MAX / 1_000_000 * u64::try_from(millionths).unwrap_or(0);
    Chosen::Range { from: format!("{from:016x}"), to: format!("{:016x}", from.wrapping_add(length)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_range_of_its_share_anywhere_in_the_hashes() {
        let mut starts = Vec::new();
        for run in 0..64 {
            let Chosen::Range { from, to } = drawn(&format!("run {run}"), 250_000) else { panic!("a range") };
            let [from, to] = [from, to].map(|hex| u64::from_str_radix(&hex, 16).unwrap());
            let share = to.wrapping_sub(from);
            assert!(share.abs_diff(u64::MAX / 4) < 1_000_000, "{share}");
            starts.push(from / (u64::MAX / 4));
        }
        assert!((0..4).all(|quarter| starts.contains(&quarter)), "{starts:?}");
        assert!(matches!(drawn("x", 1_000_000), Chosen::All));
    }
}
