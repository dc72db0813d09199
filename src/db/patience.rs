//! The time that a caller waits for the database. A database can accept a connection and never answer, and another
//! process can keep the write lock of SQLite.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::error::DatabaseError;
use tokio::time::{Instant, timeout};

use super::{DbError, outage};
use crate::outage::Outage;

tokio::task_local! {
    static PATIENCE: Arc<Patience>;
}

/// The wait of work that is no request, such as a job. It is long, because nothing waits for its answer.
const LONGEST: Duration = Duration::from_mins(1);

/// A shorter wait is an answer of a busy database. A request may have many of them.
const PROMPT: Duration = Duration::from_secs(2);

/// The wait of each call after the patience is used up. What a request still has to write can succeed in it, if the
/// database works again.
const LEAST: Duration = Duration::from_millis(250);

/// The time that one request still waits for the database, in all of its calls together. With a limit for each call, a
/// request of three calls would be silent for three times as long.
#[derive(Debug)]
struct Patience(Mutex<Duration>);

impl Patience {
    fn left(&self) -> Duration {
        (*self.0.lock().unwrap_or_else(PoisonError::into_inner)).max(LEAST)
    }

    fn waited(&self, time: Duration) {
        if time >= PROMPT {
            let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *left = left.saturating_sub(time);
        }
    }
}

/// Runs work in which all calls to the database together wait at most `limit`.
pub async fn limited<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    PATIENCE.scope(Arc::new(Patience(Mutex::new(limit))), work).await
}

/// Gives the patience of the present task to work that runs in a task of its own.
pub fn with_same_patience<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let patience = PATIENCE.try_with(Arc::clone);
    async move {
        match patience {
            Ok(patience) => PATIENCE.scope(patience, work).await,
            Err(_) => work.await,
        }
    }
}

/// Waits for an answer of the database as long as the work may. The outcome of the call is unknown after it.
pub async fn answered<T, E: From<DbError>>(call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let Ok(patience) = PATIENCE.try_with(Arc::clone) else {
        return timeout(LONGEST, call).await.unwrap_or_else(|_| Err(silent(LONGEST).into()));
    };
    let (limit, begun) = (patience.left(), Instant::now());
    let done = timeout(limit, call).await;
    patience.waited(begun.elapsed());
    done.unwrap_or_else(|_| Err(silent(limit).into()))
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
pub(super) fn is_busy(error: &DbError) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| ["5", "261", "517", "773"].contains(&code.as_ref()))
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn patience() -> Patience {
        Patience(Mutex::new(Duration::from_secs(8)))
    }

    /// The longest time that so many calls wait for a database that never answers.
    fn silence(patience: &Patience, calls: usize) -> Duration {
        let call = |_| {
            let limit = patience.left();
            patience.waited(limit);
            limit
        };
        (0..calls).map(call).sum()
    }

    #[test]
    fn all_calls_of_a_request_together_wait_little_longer_than_one() {
        assert_eq!(silence(&patience(), 1), Duration::from_secs(8));
        assert_eq!(silence(&patience(), 5), Duration::from_secs(9));
        // Waits that end with an answer count, too.
        let slow = patience();
        slow.waited(Duration::from_secs(5));
        assert_eq!(silence(&slow, 1), Duration::from_secs(3));
    }

    #[test]
    fn many_prompt_answers_use_up_no_patience() {
        let busy = patience();
        for _ in 0..1_000 {
            busy.waited(Duration::from_millis(500));
        }
        assert_eq!(silence(&busy, 1), Duration::from_secs(8));
    }

    #[tokio::test]
    async fn a_task_of_a_request_waits_no_longer_than_the_request() {
        let hangs = || answered(pending::<Result<(), DbError>>());
        let request = async { tokio::spawn(with_same_patience(hangs())).await.unwrap() };
        let ended = timeout(LONGEST / 2, limited(LEAST, request)).await;
        assert!(ended.unwrap().is_err());
    }
}
