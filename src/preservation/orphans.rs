//! Finds objects without a row. They remain after a crash between a put and its commit, or after a failed
//! transaction. They are listed but never deleted. A photo that arrives again overwrites its object and gets a row.
//! After the loss of a database, these bytes may be the only copy.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, placeholders, sql},
    store::{Store, StoreError, Stored},
    vocabulary::words,
};

words! {
    /// Why an object is listed.
    Stray {
        /// No row names it.
        NoRow = "no_row",
        /// The row of its content names another key: two first copies arrived at once.
        Elsewhere = "elsewhere",
        /// The key has no format that yinku writes.
        Foreign = "foreign",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    pub key: String,
    pub bytes: u64,
    pub modified: Timestamp,
    pub why: Stray,
}

/// The result of a scan of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrphanReport {
    /// Number of scanned objects. Young objects are not scanned.
    pub looked_at: u64,
    pub strays: Vec<Found>,
}

/// Why the store could not be scanned.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Number of objects that are compared with their rows at once.
const PIECE: usize = 256;

/// Scans every object older than `before`. The row of a younger one may not be committed yet.
pub async fn scan(store: &Store, db: &Db, before: Timestamp) -> Result<OrphanReport, SweepError> {
    let mut report = OrphanReport::default();
    let old = store.list("").try_filter(|stored| std::future::ready(stored.modified < before));
    let mut pieces = old.chunks(PIECE);
    while let Some(piece) = pieces.next().await {
        let piece: Vec<Stored> = piece.into_iter().collect::<Result<_, _>>()?;
        report.looked_at += piece.len() as u64;
        // Read the rows after the list, so that an object whose row was committed meanwhile is not reported.
        report.strays.extend(strays(db, piece).await?);
    }
    report.strays.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(report)
}

/// Returns the kind of an object and the id of its row, both from its key.
fn row_of(key: &str) -> Option<(&'static str, &str)> {
    let (top, rest) = key.split_once('/')?;
    let last = rest.rsplit('/').next().unwrap_or(rest);
    let stem = last.split_once('.').map_or(last, |(stem, _)| stem);
    match top {
        "originals" => Some(("originals", stem)),
        "thumbnails" => Some(("thumbnails", stem)),
        "manifests" => Some(("manifests", rest.rsplit('/').nth(1)?)),
        "callbacks" => Some(("callbacks", last)),
        "evidence" => Some(("evidence", rest.split('/').nth(1)?)),
        "bundles" => Some(("bundles", stem)),
        _ => None,
    }
}

async fn strays(db: &Db, piece: Vec<Stored>) -> Result<Vec<Found>, DbError> {
    let mut named: HashMap<(&str, String), Vec<Option<String>>> = HashMap::new();
    for (top, statement) in [
        ("originals", "SELECT hash, store_key FROM originals WHERE hash IN "),
        ("thumbnails", "SELECT hash, NULL FROM originals WHERE hash IN "),
        ("manifests", "SELECT flow_id, store_key FROM manifests WHERE flow_id IN "),
        ("callbacks", "SELECT id, NULL FROM callbacks WHERE id IN "),
        ("evidence", "SELECT id, NULL FROM bundles WHERE plan_key IS NOT NULL AND id IN "),
        ("bundles", "SELECT id, plan_key FROM bundles WHERE plan_key IS NOT NULL AND id IN "),
    ] {
        let ids: Vec<&str> = piece
            .iter()
            .filter_map(|stored| row_of(&stored.key))
            .filter(|(of, _)| *of == top)
            .map(|(_, id)| id)
            .collect();
        if ids.is_empty() {
            continue;
        }
        let rows: Vec<(String, Option<String>)> =
            sql(format!("{statement}{}", placeholders(1, ids.len()))).bind_all(ids).all(db).await?;
        for (id, place) in rows {
            named.entry((top, id)).or_default().push(place);
        }
    }
    let why = |key: &str| {
        let Some((top, id)) = row_of(key) else { return Some(Stray::Foreign) };
        match named.get(&(top, id.to_owned())) {
            Some(places) if places.iter().any(|place| place.as_deref().is_none_or(|place| place == key)) => None,
            Some(_) if top == "originals" => Some(Stray::Elsewhere),
            _ => Some(Stray::NoRow),
        }
    };
    let found = |stored: Stored| {
        let why = why(&stored.key)?;
        Some(Found { key: stored.key, bytes: stored.bytes, modified: stored.modified, why })
    };
    Ok(piece.into_iter().filter_map(found).collect())
}

#[cfg(test)]
mod tests {
    use super::row_of;

    #[test]
    fn a_key_says_what_its_row_is_found_by() {
        assert_eq!(row_of("originals/公共知识库/用印.1/2026-11/ab12.jpg"), Some(("originals", "ab12")));
        assert_eq!(row_of("thumbnails/256/ab/ab12.jpg"), Some(("thumbnails", "ab12")));
        assert_eq!(row_of("manifests/2026/flow/2.json"), Some(("manifests", "flow")));
        assert_eq!(row_of("callbacks/7"), Some(("callbacks", "7")));
        assert_eq!(row_of("evidence/flow/bundle/ab12.html"), Some(("evidence", "bundle")));
        assert_eq!(row_of("bundles/7.1.plan"), Some(("bundles", "7")));
        assert_eq!(row_of("notes.txt"), None);
        assert_eq!(row_of("other/x"), None);
    }
}
