//! The time that a caller waits for the database. A database can accept a connection and never answer, and another
//! process can keep the write lock of SQLite.

use std::{io, time::Duration};

use sqlx::error::DatabaseError;
use tokio::time::timeout;

use super::{DbError, outage};
use crate::outage::Outage;

tokio::task_local! {
    static PATIENCE: Duration;
}

/// The wait of work that is no request, such as a job. It is long, because nothing waits for its answer.
const LONGEST: Duration = Duration::from_mins(1);

/// Runs work in which each call to the database waits at most `limit`.
pub async fn limited<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    PATIENCE.scope(limit, work).await
}

/// Waits for an answer of the database as long as the work may. The outcome of the call is unknown after it.
pub async fn answered<T, E: From<DbError>>(call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let limit = PATIENCE.try_with(|limit| *limit).unwrap_or(LONGEST);
    timeout(limit, call).await.unwrap_or_else(|_| Err(silent(limit).into()))
}

fn silent(limit: Duration) -> DbError {
    DbError::Io(io::Error::new(io::ErrorKind::TimedOut, format!("the database did not answer within {limit:?}")))
}

/// Returns true if the database cannot be reached or does not answer, so the same call can succeed later.
#[must_use]
pub fn is_unavailable(error: &DbError) -> bool {
    match outage(error) {
        Some(Outage::Unreachable) => true,
        Some(Outage::Failing) => matches!(error, DbError::WorkerCrashed) || is_busy(error),
        Some(Outage::NoSpace | Outage::ReadOnly) | None => false,
    }
}

/// SQLITE_BUSY and its extended codes: another process keeps the write lock.
fn is_busy(error: &DbError) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| ["5", "261", "517", "773"].contains(&code.as_ref()))
}
