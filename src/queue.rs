//! A job: the row that says something has work to do. It is written in the transaction that makes the work necessary.
//!
//! One row per (kind, subject). A *wake* of a running job asks for one more run, so nothing that is learned during a
//! run is lost. A run holds a lease by the database's clock; every write of the run is fenced by the lease's epoch, so
//! a run that lost its lease can change nothing any more.
//!
//! Order of locks, the same for every transaction, so that none waits in a circle on PostgreSQL: a run's own job, then
//! its rows, then the flow, then the job it wakes; whoever wakes a job does so before touching that job's rows. Waking
//! waits until no run of that job is writing, but for callbacks ([`Waits::ForNobody`]): they come in storms, and they
//! touch nothing of a run's but the record of its ingest, which a run therefore writes last before its commit.
//!
//! docs/locking.md has this order as one table, with the place of each lock.

use std::time::Duration;

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    config::Span,
    db::{Db, DbError, Tx, pieces, rows, sql},
    id::JobId,
    vocabulary::words,
};

words! {
    /// What a job does; its subject is the id of what it does it to.
    JobKind {
        /// Ask the vendor for a seal code (subject: seal use).
        Apply = "apply",
        /// Bring a seal use's photos in (subject: seal use).
        Ingest = "ingest",
        /// End a seal use at the vendor (subject: seal use).
        Finish = "finish",
        /// Send stamped files and supplied photos to the vendor (subject: seal use).
        Send = "send",
        /// Archive a flow, or supplement its archive (subject: flow).
        Archive = "archive",
    }
}

words! {
    JobState {
        /// Nothing to do until it is woken.
        Idle = "idle",
        /// Runs when its time comes.
        Queued = "queued",
        Running = "running",
        /// Cannot succeed by itself; a person or a new fact wakes it.
        Parked = "parked",
    }
}

/// A job that this process holds the lease of.
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
    seen: i64,
}

/// The lease is somebody else's by now: stop, touch nothing.
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
    /// Run again then; `failed` counts the run as a failure.
    At { at: Timestamp, failed: Option<String> },
    /// It cannot succeed by itself.
    Park { reason: String },
}

/// Asks for a run of (kind, subject) at `at` or earlier. There is a new reason, so earlier failures do not count.
pub async fn wake(tx: &mut Tx, kind: JobKind, subject: &str, at: Timestamp, now: Timestamp) -> Result<(), DbError> {
    wake_all(tx, kind, &[(subject, Patience::None)], Waits::ForRuns, at, now).await
}

/// Whether a job that has just run may rest before it runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    None,
    Rest,
}

/// What a wake waits for on PostgreSQL; SQLite has one writer anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// For what a run of the job is writing: the waker writes what runs write, too.
    ForRuns,
    /// Only for others who wake the job, claim it or write down its end.
    ForNobody,
}

/// The same for many subjects, which must be in order: all who wake several jobs lock them in one order. The commit
/// wakes a worker for those that are not running.
pub async fn wake_all(
    tx: &mut Tx,
    kind: JobKind,
    wakes: &[(&str, Patience)],
    waits: Waits,
    at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    // PostgreSQL locks a row for an update of its keys against the fences of runs, whatever the keys become.
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
            // A new job has nothing to rest from: this only says whether an old one may.
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

/// The same at once, by a person's wish: earlier failures do not count any more.
pub async fn wake_afresh(tx: &mut Tx, kind: JobKind, subject: &str, now: Timestamp) -> Result<(), DbError> {
    wake(tx, kind, subject, now, now).await?;
    sql("UPDATE jobs SET attempts = 0, error = NULL WHERE kind = $1 AND subject = $2 AND state = 'queued'")
        .bind(kind)
        .bind(subject)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes the lease of the job that has been due longest: a queued one, or one whose lease ran out.
pub async fn claim(db: &Db, owner: &str, lease: Duration, now: Timestamp) -> Result<Option<Lease>, DbError> {
    let mut tx = db.begin().await?;
    // "Queued or running" in the words of the index `jobs_to_run`: only then does SQLite use it.
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

/// When the next queued job is due, if any.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, DbError> {
    sql("SELECT MIN(run_at) FROM jobs WHERE state = 'queued'").scalar(db).await
}

/// How many jobs are queued or running and due before `until`.
pub async fn pending(db: &Db, until: Timestamp) -> Result<i64, DbError> {
    sql("SELECT COUNT(*) FROM jobs
         WHERE (state = 'queued' OR state = 'running') AND (state = 'running' OR run_at <= $1)")
    .bind(until)
    .scalar(db)
    .await
}

impl Lease {
    /// Proves inside `tx` that the lease still holds, and keeps it from being taken until `tx` ends. Callbacks may wake
    /// the job meanwhile.
    pub async fn fence(&self, tx: &mut Tx) -> Result<(), FenceError> {
        let held: Option<(JobId,)> =
            sql("SELECT id FROM jobs WHERE id = $1 AND lease_epoch = $2 AND state = 'running' {for_key_share}")
                .bind(&self.id)
                .bind(self.epoch)
                .optional(tx)
                .await?;
        held.map(|_| ()).ok_or_else(|| FenceError::LeaseLost(self.id.clone()))
    }

    /// Begins a transaction that only the holder of the lease can commit: it is [fenced](Self::fence).
    pub async fn begin(&self, db: &Db) -> Result<Tx, FenceError> {
        let mut tx = db.begin().await?;
        self.fence(&mut tx).await?;
        Ok(tx)
    }

    /// Another run after the wait that `waits` has for this failure; after the last it is parked.
    #[must_use]
    pub fn retry(&self, waits: &[Span], now: Timestamp, reason: String) -> Next {
        match usize::try_from(self.attempts).ok().and_then(|failed| waits.get(failed)) {
            Some(wait) => Next::At { at: now.plus(wait.get()), failed: Some(reason) },
            None => Next::Park { reason },
        }
    }

    /// Another run after the wait that `waits` has for this failure, the last wait however often it failed, and never
    /// longer than `longest`.
    #[must_use]
    pub fn retry_patiently(&self, waits: &[Span], longest: Duration, now: Timestamp, reason: String) -> Next {
        let failed = usize::try_from(self.attempts).unwrap_or(usize::MAX);
        let wait = waits.get(failed).or(waits.last()).map_or(longest, |wait| wait.get().min(longest));
        Next::At { at: now.plus(wait), failed: Some(reason) }
    }

    /// Prolongs the lease (the heartbeat).
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

    /// Ends the run. A wake that came meanwhile runs it again after `rest`, whatever `next` says.
    pub async fn finish(&self, db: &Db, next: Next, now: Timestamp, rest: Duration) -> Result<(), FenceError> {
        let mut tx = self.begin(db).await?;
        let (state, at, attempts, error) = match next {
            Next::Idle => (JobState::Idle, now, 0, None),
            Next::At { at, failed: None } => (JobState::Queued, at, 0, None),
            Next::At { at, failed } => (JobState::Queued, at, self.attempts + 1, failed),
            Next::Park { reason } => (JobState::Parked, now, self.attempts + 1, Some(reason)),
        };
        sql("UPDATE jobs SET lease_owner = NULL, lease_until = NULL, attempts = $1, error = $2,
               state = CASE WHEN wakes > $3 THEN 'queued' ELSE $4 END,
               run_at = CASE WHEN wakes > $3 AND $5 > $6 THEN $6 ELSE $5 END, rest_until = $6
             WHERE id = $7")
        .bind(attempts)
        .bind(error)
        .bind(self.seen)
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

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
