//! A job: a row that says that work is due. The transaction that makes the work necessary writes the row.
//!
//! There is one row for each (kind, subject). A *wake* of a running job requests one more run, so a new event during a
//! run is not lost. A run holds a lease by the database's clock. Every write of a run is fenced by the epoch of the
//! lease. So a run that lost its lease cannot change anything.
//!
//! Every transaction locks in the same order, so that PostgreSQL has no deadlock: the run's own job, then its rows,
//! then the flow, then the job that it wakes. A transaction that wakes a job must wake it before it changes the job's
//! rows. A wake waits until no run of the job is writing. Callbacks are the exception ([`Waits::ForNobody`]), because
//! they come in bursts. A callback and a run both write only the row of the ingest. So a run writes that row last
//! before its commit.
//!
//! docs/locking.md has this order as one table, with the place of each lock.

use std::time::Duration;

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    config::Span,
    db::{self, Db, DbError, On, Tx, pieces, rows, sql},
    id::JobId,
    outage::Outage,
    vocabulary::words,
};

words! {
    /// The kind of a job. Its subject is the id of the thing it works on.
    JobKind {
        /// Send the application to the vendor (subject: seal use).
        Apply = "apply",
        /// Fetch the photos of a seal use (subject: seal use).
        Ingest = "ingest",
        /// End a seal use at the vendor (subject: seal use).
        Finish = "finish",
        /// Send stamped files and supplied photos to the vendor (subject: seal use).
        Send = "send",
        /// Archive a flow, or supplement its archive (subject: flow).
        Archive = "archive",
        /// Look again at the flows that wait for a user who was changed (subject: user).
        People = "people",
        /// Make the evidence packages of a flow's present state (subject: flow).
        Evidence = "evidence",
        /// Read originals back and compare them with their hashes (one job).
        Fixity = "fixity",
    }
}

words! {
    JobState {
        /// Nothing to do until a wake.
        Idle = "idle",
        /// Runs when it is due.
        Queued = "queued",
        Running = "running",
        /// Cannot succeed without help. A user or a new event wakes it.
        Parked = "parked",
    }
}

/// The lease of a job, held by this process.
#[derive(Clone, Debug, FromRow)]
pub struct Lease {
    pub id: JobId,
    #[sqlx(try_from = "String")]
    pub kind: JobKind,
    pub subject: String,
    /// Failed runs in a row.
    pub attempts: i64,
    #[sqlx(rename = "lease_epoch")]
    epoch: i64,
    #[sqlx(rename = "wakes")]
    wakes_seen: i64,
}

/// Why a fenced write failed. After a lost lease the run must stop and write nothing.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    #[error("the lease of job {0} was lost")]
    LeaseLost(JobId),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum Next {
    /// Nothing more to do.
    Idle,
    /// Run again at this time. `failed` counts the run as a failure.
    At { at: Timestamp, failed: Option<String> },
    /// The database or the store fails. Run again at this time. The run does not count as a failure.
    Blocked { at: Timestamp, reason: String },
    /// The job cannot succeed without help.
    Park { reason: String },
}

/// Requests a run of (kind, subject) at `at` or earlier. The reason is new, so earlier failures do not count.
pub async fn wake(tx: &mut Tx, kind: JobKind, subject: &str, at: Timestamp, now: Timestamp) -> Result<(), DbError> {
    wake_all(tx, kind, &[(subject, Patience::None)], Waits::ForRuns, at, now).await
}

/// Whether a job may rest after its last run before it runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    None,
    Rest,
}

/// What a wake waits for on PostgreSQL. SQLite has only one writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Waits for the writes of a run of the job, because the caller writes the same rows.
    ForRuns,
    /// Waits only for transactions that wake the job, claim it or end its run.
    ForNobody,
}

/// As [`wake`], for many subjects in id order, so that concurrent callers lock the jobs in the same order. The commit
/// wakes a worker for jobs that are not running.
pub async fn wake_all(
    tx: &mut Tx,
    kind: JobKind,
    wakes: &[(&str, Patience)],
    waits: Waits,
    at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    // An update of a key column conflicts with the fences of runs on PostgreSQL, even if the value stays the same.
    let keys = if waits == Waits::ForRuns { "subject = excluded.subject," } else { "" };
    for piece in pieces(wakes) {
        let statement = format!(
            "INSERT INTO jobs (id, kind, subject, state, run_at, wakes, created_at, rest_until) VALUES {}
             ON CONFLICT (kind, subject) DO UPDATE SET {keys}
               wakes = jobs.wakes + 1,
               attempts = CASE WHEN jobs.state = 'running' THEN jobs.attempts ELSE 0 END,
               run_at = CASE WHEN jobs.state = 'queued' AND jobs.run_at < excluded.run_at THEN jobs.run_at
                             WHEN excluded.rest_until > 0 AND jobs.rest_until > excluded.run_at THEN jobs.rest_until
                             ELSE excluded.run_at END,
               state = CASE WHEN jobs.state = 'running' THEN 'running' ELSE 'queued' END
             RETURNING CASE WHEN state = 'queued' THEN run_at END",
            rows(8, piece.len())
        );
        let bound = piece.iter().fold(sql(statement), |statement, (subject, patience)| {
            // A new job has no rest. The value only says whether an existing job may rest.
            let rest = if *patience == Patience::Rest { at } else { Timestamp(0) };
            let statement = statement.bind(&JobId::new()).bind(kind).bind(*subject).bind(JobState::Queued);
            statement.bind(at).bind(1_i64).bind(now).bind(rest)
        });
        let due: Vec<Option<Timestamp>> = bound.scalars(&mut *tx).await?;
        for at in due.into_iter().flatten() {
            tx.queue(at, now);
        }
    }
    Ok(())
}

/// Wakes the job at once by a user's request. Earlier failures do not count any more.
pub async fn wake_afresh(tx: &mut Tx, kind: JobKind, subject: &str, now: Timestamp) -> Result<(), DbError> {
    wake(tx, kind, subject, now, now).await?;
    sql("UPDATE jobs SET attempts = 0, error = NULL WHERE kind = $1 AND subject = $2 AND state = 'queued'")
        .bind(kind)
        .bind(subject)
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns true if the job is parked.
pub async fn is_parked(on: impl Into<On<'_>>, kind: JobKind, subject: &str) -> Result<bool, DbError> {
    let parked: i64 = sql("SELECT COUNT(*) FROM jobs WHERE kind = $1 AND subject = $2 AND state = 'parked'")
        .bind(kind)
        .bind(subject)
        .scalar(on)
        .await?;
    Ok(parked > 0)
}

/// Returns true if the job runs or will run.
pub async fn is_active(on: impl Into<On<'_>>, kind: JobKind, subject: &str) -> Result<bool, DbError> {
    let active: i64 =
        sql("SELECT COUNT(*) FROM jobs WHERE kind = $1 AND subject = $2 AND (state = 'queued' OR state = 'running')")
            .bind(kind)
            .bind(subject)
            .scalar(on)
            .await?;
    Ok(active > 0)
}

/// Clears a job that is parked although its work is done by now. A running or queued job stays as it is.
pub async fn settle(tx: &mut Tx, kind: JobKind, subject: &str) -> Result<(), DbError> {
    sql("UPDATE jobs SET state = 'idle', error = NULL, attempts = 0
         WHERE kind = $1 AND subject = $2 AND state = 'parked'")
    .bind(kind)
    .bind(subject)
    .execute(tx)
    .await?;
    Ok(())
}

/// Claims the job that has been due longest: a queued job, or a running job with an expired lease.
pub async fn claim(db: &Db, owner: &str, lease: Duration, now: Timestamp) -> Result<Option<Lease>, DbError> {
    let mut tx = db.begin().await?;
    // The condition has the same words as the index `jobs_to_run`. SQLite uses the index only then.
    let claimed = sql(
        "UPDATE jobs SET state = 'running', lease_owner = $1, lease_until = {now} + $2, lease_epoch = lease_epoch + 1
         WHERE id = (SELECT id FROM jobs
                     WHERE (state = 'queued' OR state = 'running')
                       AND ((state = 'queued' AND run_at <= $3) OR (state = 'running' AND lease_until < {now}))
                     ORDER BY run_at, id LIMIT 1 {skip_locked})
         RETURNING id, kind, subject, attempts, lease_epoch, wakes",
    )
    .bind(owner)
    .bind(micros(lease))
    .bind(now)
    .optional(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(claimed)
}

/// Returns when the next queued job is due. `None` if no job is queued.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, DbError> {
    sql("SELECT MIN(run_at) FROM jobs WHERE state = 'queued'").scalar(db).await
}

/// Counts the jobs that are running, or queued and due before `until`.
pub async fn pending(db: &Db, until: Timestamp) -> Result<i64, DbError> {
    sql("SELECT COUNT(*) FROM jobs
         WHERE (state = 'queued' OR state = 'running') AND (state = 'running' OR run_at <= $1)")
    .bind(until)
    .scalar(db)
    .await
}

/// The wait of a job that an outage of the database or the store interrupted.
const BLOCKED: Duration = Duration::from_secs(10);

impl FenceError {
    /// Returns the outage of the database that caused this error.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::LeaseLost(_) => None,
            Self::Db(error) => db::outage(error),
        }
    }
}

impl Lease {
    /// Checks inside `tx` that the lease is valid, and protects it until `tx` ends. Callbacks may still wake the job.
    pub async fn fence(&self, tx: &mut Tx) -> Result<(), FenceError> {
        let held: Option<(JobId,)> =
            sql("SELECT id FROM jobs WHERE id = $1 AND lease_epoch = $2 AND state = 'running' {for_key_share}")
                .bind(&self.id)
                .bind(self.epoch)
                .optional(tx)
                .await?;
        held.map(|_| ()).ok_or_else(|| FenceError::LeaseLost(self.id.clone()))
    }

    /// Begins a transaction that is [fenced](Self::fence): it fails if the lease was lost.
    pub async fn begin(&self, db: &Db) -> Result<Tx, FenceError> {
        let mut tx = db.begin().await?;
        self.fence(&mut tx).await?;
        Ok(tx)
    }

    /// Returns a retry after the wait in `waits` for this failure. After the last wait, the job is parked.
    #[must_use]
    pub fn retry(&self, waits: &[Span], now: Timestamp, reason: String) -> Next {
        match usize::try_from(self.attempts).ok().and_then(|failed| waits.get(failed)) {
            Some(wait) => Next::At { at: now.plus(wait.get()), failed: Some(reason) },
            None => Next::Park { reason },
        }
    }

    /// Returns a retry after the wait in `waits` for this failure. The last wait repeats, so the job is never parked.
    /// No wait is longer than `longest`.
    #[must_use]
    pub fn retry_patiently(&self, waits: &[Span], longest: Duration, now: Timestamp, reason: String) -> Next {
        let failed = usize::try_from(self.attempts).unwrap_or(usize::MAX);
        let wait = waits.get(failed).or(waits.last()).map_or(longest, |wait| wait.get().min(longest));
        Next::At { at: now.plus(wait), failed: Some(reason) }
    }

    /// Returns a retry after `first`, then after pauses that double up to `longest`. After about a day of them, the job
    /// runs once a day. It is never parked.
    #[must_use]
    pub fn retry_doubling(&self, first: Duration, longest: Duration, now: Timestamp, reason: String) -> Next {
        let wait = doubling(self.attempts, first, longest);
        Next::At { at: now.plus(wait), failed: Some(reason) }
    }

    /// Returns a run soon after an outage of the database or the store. However long it lasts, the job is not parked, and
    /// the waits for other failures do not grow.
    #[must_use]
    pub fn blocked(now: Timestamp, reason: String) -> Next {
        Next::Blocked { at: now.plus(BLOCKED), reason }
    }

    /// Extends the lease (the heartbeat).
    pub async fn prolong(&self, db: &Db, lease: Duration) -> Result<(), FenceError> {
        let mut tx = self.begin(db).await?;
        sql("UPDATE jobs SET lease_until = {now} + $1 WHERE id = $2")
            .bind(micros(lease))
            .bind(&self.id)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends the run. If the job was woken meanwhile, it runs again after `rest`, whatever `next` says.
    pub async fn finish(&self, db: &Db, next: Next, now: Timestamp, rest: Duration) -> Result<(), FenceError> {
        let mut tx = self.begin(db).await?;
        let (state, at, attempts, error) = match next {
            Next::Idle => (JobState::Idle, now, 0, None),
            Next::At { at, failed: None } => (JobState::Queued, at, 0, None),
            Next::Blocked { at, reason } => (JobState::Queued, at, self.attempts, Some(reason)),
            Next::At { at, failed } => (JobState::Queued, at, self.attempts + 1, failed),
            Next::Park { reason } => (JobState::Parked, now, self.attempts + 1, Some(reason)),
        };
        sql("UPDATE jobs SET lease_owner = NULL, lease_until = NULL, attempts = $1, error = $2,
               state = CASE WHEN wakes > $3 THEN 'queued' ELSE $4 END,
               run_at = CASE WHEN wakes > $3 AND $5 > $6 THEN $6 ELSE $5 END, rest_until = $6
             WHERE id = $7")
        .bind(attempts)
        .bind(error)
        .bind(self.wakes_seen)
        .bind(state)
        .bind(at)
        .bind(now.plus(rest))
        .bind(&self.id)
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// How long to wait before a write is tried again during an outage.
const AGAIN: Duration = Duration::from_secs(1);

/// Waits a moment if the database has an outage. Returns true if the write should be tried again. For facts that exist
/// only in memory, such as the vendor's answer to an act that must not be repeated.
pub async fn write_again_after(outage: Option<Outage>) -> bool {
    if outage.is_some() {
        tokio::time::sleep(AGAIN).await;
    }
    outage.is_some()
}

const DAY: Duration = Duration::from_hours(24);

/// Returns the pause after `failed` earlier failures.
fn doubling(failed: i64, first: Duration, longest: Duration) -> Duration {
    let pause = |n: u32| first.saturating_mul(2_u32.saturating_pow(n)).min(longest);
    let failed = u32::try_from(failed).unwrap_or(u32::MAX);
    let mut waited = Duration::ZERO;
    for n in 0..failed {
        waited = waited.saturating_add(pause(n));
        if waited >= DAY {
            return DAY;
        }
    }
    pause(failed)
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_a_day_after_a_day() {
        let minutes = Duration::from_mins(10);
        let after = |failed: i64| doubling(failed, Duration::from_secs(1), minutes);
        assert_eq!([0, 1, 2, 9, 10, 100].map(|failed| after(failed).as_secs()), [1, 2, 4, 512, 600, 600]);
        // 1023 s of doubling, then 143 pauses of ten minutes are more than a day.
        assert_eq!([152, 153, 100_000].map(after), [minutes, DAY, DAY]);
        assert_eq!(after(i64::MAX), DAY);
    }
}
