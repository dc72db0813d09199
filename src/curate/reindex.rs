//! Makes the search index anew, beside a running service.
//!
//! Each step is a short transaction, because SQLite has one writer. A step records its place, so a run that was
//! interrupted goes on there. Terms that an owner has no more stay: they make a search compare one text more.

use std::time::Instant;

use crate::{
    db::{Db, DbError},
    flow,
    library::reindexing::{self, ReindexPart, ReindexPlace},
};

/// Flows of one step. Each has some hundred terms.
const FLOWS: i64 = 20;
/// Documents or folders of one step.
const NAMES: i64 = 100;
/// Terms of one step.
const TERMS: i64 = 5_000;

/// Makes the index anew, or goes on with an unfinished run. `tell` gets each part when it begins.
pub async fn run(db: &Db, mut tell: impl FnMut(ReindexPart)) -> Result<(), DbError> {
    let mut told = None;
    loop {
        let place = ReindexPlace::read(db).await?;
        if told.replace(place.part) != Some(place.part) {
            tell(place.part);
        }
        let begun = Instant::now();
        if !step(db).await? {
            return Ok(());
        }
        // The writers of the service get as much time as this run.
        tokio::time::sleep(begun.elapsed()).await;
    }
}

/// Does the next step. Returns false after the last one.
pub async fn step(db: &Db) -> Result<bool, DbError> {
    let ReindexPlace { part, after } = ReindexPlace::read(db).await?;
    let mut tx = db.begin().await?;
    let last = match part {
        ReindexPart::Flows => flow::search::make_anew(&mut tx, &after, FLOWS).await?,
        ReindexPart::Documents => reindexing::documents(&mut tx, &after, NAMES).await?,
        ReindexPart::Folders => reindexing::folders(&mut tx, &after, NAMES).await?,
        ReindexPart::Terms => reindexing::terms(&mut tx, &after, TERMS).await?,
    };
    let next = match last {
        Some(after) => Some(ReindexPlace { part, after }),
        None => next_part(part).map(|part| ReindexPlace { part, after: String::new() }),
    };
    match &next {
        Some(place) => place.write(&mut tx).await?,
        None => ReindexPlace::end(&mut tx).await?,
    }
    tx.commit().await?;
    Ok(next.is_some())
}

const fn next_part(part: ReindexPart) -> Option<ReindexPart> {
    match part {
        ReindexPart::Flows => Some(ReindexPart::Documents),
        ReindexPart::Documents => Some(ReindexPart::Folders),
        ReindexPart::Folders => Some(ReindexPart::Terms),
        ReindexPart::Terms => None,
    }
}
