//! Objects without a row, as findings.

use std::collections::HashSet;

use super::{
    findings::{self, Finding, FindingKind, NewFinding},
    orphans::{self, Found, SweepError},
};
use crate::{
    clock::Timestamp,
    db::{Db, DbError},
    store::Store,
};

/// Findings of one transaction.
const GROUP: usize = 128;

/// Returns the objects without a row that are older than `before`.
pub async fn look(store: &Store, db: &Db, before: Timestamp) -> Result<Vec<Found>, SweepError> {
    Ok(orphans::scan(store, db, before).await?.strays)
}

/// Records what a whole scan found. An earlier finding heals if its object is gone or has a row by now.
pub async fn record(db: &Db, strays: &[Found], by: &str, now: Timestamp) -> Result<(), DbError> {
    for group in strays.chunks(GROUP) {
        let found: Vec<NewFinding> = group
            .iter()
            .map(|stray| NewFinding {
                kind: FindingKind::Untracked,
                subject: stray.key.clone(),
                store_key: stray.key.clone(),
                detail: stray.why.to_string(),
            })
            .collect();
        let mut tx = db.begin().await?;
        findings::record(&mut tx, &found, by, now).await?;
        tx.commit().await?;
    }
    let there: HashSet<&str> = strays.iter().map(|stray| stray.key.as_str()).collect();
    let open = Finding::open_untracked(db).await?;
    let healed: Vec<&str> = open.iter().map(String::as_str).filter(|key| !there.contains(key)).collect();
    for group in healed.chunks(GROUP) {
        let mut tx = db.begin().await?;
        findings::heal(&mut tx, group, by, now).await?;
        tx.commit().await?;
    }
    Ok(())
}
