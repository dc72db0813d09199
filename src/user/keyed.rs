//! Requests with an `Idempotency-Key`: the first answer is kept for 24 hours and given again.
//!
//! A key belongs to a user, a method and a path. A run claims the key before it acts, with one statement, so two
//! requests never act at once. It holds the key for at most 15 s and renews that while it works. A run that dies leaves no
//! answer. Then the row tells whether its act was committed ([`note`]), and the next request takes the key over or says
//! what happened.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, Tx, sql},
    hash::Blake3,
    id::{FlowId, RunId},
};

/// How long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);
/// The longest time for which a run holds its key without a renewal.
const HELD: Duration = Duration::from_secs(15);

/// Returns how long a run holds its key without a renewal. After a crash the next request waits as long. `lease`: how
/// long the jobs of a process that died wait.
#[must_use]
pub fn held(lease: Duration) -> Duration {
    lease.min(HELD)
}

/// One request, by all that must be the same when it is repeated.
#[derive(Clone, Copy, Debug)]
pub struct KeyedRequest<'a> {
    pub username: &'a str,
    /// Method and path.
    pub request: &'a str,
    pub key: &'a str,
    pub body: &'a Blake3,
    /// How long its run holds the key without a renewal.
    pub held: Duration,
}

/// The run of a request, as its act sees it.
#[derive(Clone, Debug, Default)]
pub struct KeyedRun {
    /// `None`: the request has no key.
    pub id: Option<RunId>,
    reached_vendor: Arc<AtomicBool>,
}

impl KeyedRun {
    #[must_use]
    pub fn new(id: RunId) -> Self {
        Self { id: Some(id), reached_vendor: Arc::default() }
    }

    /// The vendor gets the request now. From here on a failure does not mean that nothing was done. Returns the value
    /// for [`Self::vendor_refused`].
    #[must_use]
    pub fn asks_vendor(&self) -> bool {
        self.reached_vendor.swap(true, Ordering::SeqCst)
    }

    /// The vendor surely did nothing, or nothing that a repetition changes. The run is as before.
    pub fn vendor_refused(&self, before: bool) {
        self.reached_vendor.store(before, Ordering::SeqCst);
    }

    /// Returns true if the vendor may have acted for this run.
    #[must_use]
    pub fn reached_vendor(&self) -> bool {
        self.reached_vendor.load(Ordering::SeqCst)
    }
}

/// What a request with a key must do.
#[derive(Clone, Debug)]
pub enum Claim {
    /// It is the first one. It acts and keeps its answer.
    Act(RunId),
    /// Give this answer again.
    Answered { status: u16, body: String },
    /// The first run died. Its act on this flow was committed.
    Done(FlowId),
    /// The first run died. It is unknown what it did.
    Unclear,
    /// The first run still works.
    Running,
    /// The key was used for another body.
    OtherBody,
}

#[derive(FromRow)]
struct Kept {
    body_hash: Blake3,
    run_until: Timestamp,
    flow_id: Option<FlowId>,
    status: Option<i64>,
    body: Option<String>,
    run: RunId,
}

impl KeyedRequest<'_> {
    /// Claims the key, or says what the first request with it did. `repeatable`: a run that died without a commit did
    /// nothing, so the request may act again.
    pub async fn claim(&self, db: &Db, repeatable: bool, now: Timestamp) -> Result<Claim, DbError> {
        let run = RunId::new();
        let mut tx = db.begin().await?;
        sql("DELETE FROM keyed_requests WHERE created_at < $1").bind(now.minus(KEPT)).execute(&mut tx).await?;
        let claimed = sql("INSERT INTO keyed_requests (username, request, key, body_hash, run, run_until, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (username, request, key) DO NOTHING")
        .bind(self.username)
        .bind(self.request)
        .bind(self.key)
        .bind(self.body)
        .bind(&run)
        .bind(now.plus(self.held))
        .bind(now)
        .execute(&mut tx)
        .await?;
        if claimed == 1 {
            tx.commit().await?;
            return Ok(Claim::Act(run));
        }
        let kept: Option<Kept> = sql("SELECT body_hash, run_until, flow_id, status, body, run FROM keyed_requests
             WHERE username = $1 AND request = $2 AND key = $3 {for_update}")
        .bind(self.username)
        .bind(self.request)
        .bind(self.key)
        .optional(&mut tx)
        .await?;
        // A run that did nothing has just freed the key.
        let Some(kept) = kept else { return Ok(Claim::Running) };
        if kept.body_hash != *self.body {
            return Ok(Claim::OtherBody);
        }
        if let (Some(status), Some(body)) = (kept.status, kept.body) {
            return Ok(Claim::Answered { status: u16::try_from(status).unwrap_or(500), body });
        }
        if kept.run_until > now {
            return Ok(Claim::Running);
        }
        match kept.flow_id {
            Some(flow) => return Ok(Claim::Done(flow)),
            None if !repeatable => return Ok(Claim::Unclear),
            None => {}
        }
        sql("UPDATE keyed_requests SET run = $1, run_until = $2 WHERE run = $3")
            .bind(&run)
            .bind(now.plus(self.held))
            .bind(&kept.run)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(Claim::Act(run))
    }
}

/// Renews the hold of a run that works. A run that has ended stays ended.
pub async fn renew(db: &Db, run: &RunId, until: Timestamp) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sql("UPDATE keyed_requests SET run_until = $1 WHERE run = $2 AND status IS NULL AND run_until > 0")
        .bind(until)
        .bind(run)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Keeps the answer of a run.
pub async fn keep(db: &Db, run: &RunId, status: u16, body: &str) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sql("UPDATE keyed_requests SET status = $1, body = $2 WHERE run = $3")
        .bind(i64::from(status))
        .bind(body)
        .bind(run)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Ends a run without an answer. The next request is told that the act was committed, or that its result is unknown.
pub async fn lapse(db: &Db, run: &RunId) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sql("UPDATE keyed_requests SET run_until = 0 WHERE run = $1").bind(run).execute(&mut tx).await?;
    tx.commit().await
}

/// Frees the key: the run did nothing. If its act was committed and only its answer failed, the next request is told so.
pub async fn forget(db: &Db, run: &RunId) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sql("DELETE FROM keyed_requests WHERE run = $1 AND flow_id IS NULL").bind(run).execute(&mut tx).await?;
    sql("UPDATE keyed_requests SET run_until = 0 WHERE run = $1").bind(run).execute(&mut tx).await?;
    tx.commit().await
}

/// Records the act of a run in the transaction of the act. Fails if another run has taken the key over: then the act
/// must not be committed.
pub async fn note(tx: &mut Tx, run: Option<&RunId>, flow: &FlowId) -> Result<(), DbError> {
    let Some(run) = run else { return Ok(()) };
    let noted = sql("UPDATE keyed_requests SET flow_id = $1 WHERE run = $2").bind(flow).bind(run).execute(tx).await?;
    if noted == 1 { Ok(()) } else { Err(DbError::RowNotFound) }
}
