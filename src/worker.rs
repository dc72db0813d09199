//! The workers: they claim due jobs, keep the lease while one runs, and write down how it ended.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    app::App,
    archive, callback,
    clock::Timestamp,
    db::DbError,
    ingest,
    queue::{self, FenceError, JobKind, Lease, Next},
    sealing::{apply, deliver, end_use},
    telemetry::JobLabels,
};

/// The longest sleep of an idle worker: other processes' jobs and expired leases are found by looking.
const LOOK: Duration = Duration::from_secs(2);
/// How long a run may go on after the service was told to stop.
const GRACE: Duration = Duration::from_secs(8);
/// How often orphaned callbacks are looked at.
const ORPHANS: Duration = Duration::from_secs(30);

/// Runs the workers until `stop`; what runs then has a short while to end, else it is given back and runs again.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    let owner = format!("{}-{}", std::process::id(), crate::id::JobId::new());
    let mut workers = JoinSet::new();
    for _ in 0..app.config.jobs.workers {
        workers.spawn(worker(Arc::clone(&app), owner.clone(), stop.clone()));
    }
    workers.spawn(look_after_orphans(Arc::clone(&app), stop));
    while workers.join_next().await.is_some() {}
}

async fn worker(app: Arc<App>, owner: String, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let claimed = queue::claim(&app.db, &owner, app.config.jobs.lease.get(), app.clock.now()).await;
        match claimed {
            Ok(Some(lease)) => {
                // Another worker may find the next one.
                app.db.wakeup().look_now();
                tokio::select! {
                    () = one(&app, lease.clone()) => {}
                    () = told_to_stop_long_ago(&stop) => return give_back(&app, &lease).await,
                }
            }
            Ok(None) => idle(&app, &stop).await,
            Err(error) => {
                tracing::error!(%error, "no job could be claimed");
                idle(&app, &stop).await;
            }
        }
    }
}

/// A run that is about to end is let end: the vendor may be answering just now.
async fn told_to_stop_long_ago(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// The service stops: whoever comes next need not wait for the lease to run out.
async fn give_back(app: &App, lease: &Lease) {
    let now = app.clock.now();
    if let Err(error) = lease.finish(&app.db, Next::At { at: now, failed: None }, now, Duration::ZERO).await {
        tracing::warn!(%error, "a lease could not be given back; the job runs again after it");
    }
}

async fn idle(app: &App, stop: &CancellationToken) {
    app.db.wakeup().nobody_looks();
    let next = queue::next_due(&app.db).await;
    let now = app.clock.now();
    let wait = match next {
        Ok(Some(due)) => due.since(now).min(LOOK),
        _ => LOOK,
    };
    let wait = wait.max(Duration::from_millis(5));
    app.db.wakeup().looks_at(now.plus(wait));
    tokio::select! {
        () = app.db.wakeup().woken() => {}
        () = tokio::time::sleep(wait) => {}
        () = stop.cancelled() => {}
    }
}

/// One run: the work beside its heartbeat, then the end is written down.
async fn one(app: &Arc<App>, lease: Lease) {
    let begun = Instant::now();
    let run = AbortOnDropHandle::new(tokio::spawn(run(Arc::clone(app), lease.clone())));
    let next = tokio::select! {
        ended = run => ended.unwrap_or_else(|panic| Err(format!("the job panicked: {panic}"))),
        () = heartbeat(app, &lease) => return,
    };
    let now = app.clock.now();
    let (next, outcome) = match next {
        Ok(next) => (next, "ok"),
        Err(reason) => (lease.retry(&app.config.jobs.retries, now, reason), "error"),
    };
    tracing::info!(job = lease.kind.as_str(), subject = lease.subject, outcome, next = ?next, elapsed = ?begun.elapsed(), "job");
    let labels = JobLabels { kind: lease.kind.as_str(), outcome };
    app.metrics.jobs_finished.get_or_create(&labels).inc();
    app.metrics.job_seconds.get_or_create(&labels).observe(begun.elapsed().as_secs_f64());
    let rest = if lease.kind == JobKind::Ingest { app.config.ingest.rest.get() } else { Duration::ZERO };
    if let Err(error) = lease.finish(&app.db, next, now, rest).await {
        tracing::warn!(%error, "the end of a job could not be written; it runs again after its lease");
    }
}

async fn run(app: Arc<App>, lease: Lease) -> Result<Next, String> {
    let told = |error: &dyn std::error::Error| {
        tracing::warn!(job = lease.kind.as_str(), subject = lease.subject, %error, "job failed");
        error.to_string()
    };
    match lease.kind {
        JobKind::Apply => apply::run(&app, &lease).await.map_err(|error| told(&error)),
        JobKind::Ingest => ingest::run(&app, &lease).await.map_err(|error| told(&error)),
        JobKind::Finish => end_use::run(&app, &lease).await.map_err(|error| told(&error)),
        JobKind::Send => deliver::run(&app, &lease).await.map_err(|error| told(&error)),
        JobKind::Archive => archive::run(&app, &lease).await.map_err(|error| told(&error)),
    }
}

/// Prolongs the lease three times in its length; returns when it is lost, which ends the run.
async fn heartbeat(app: &App, lease: &Lease) {
    let length = app.config.jobs.lease.get();
    loop {
        tokio::time::sleep(length / 3).await;
        match lease.prolong(&app.db, length).await {
            Ok(()) => {}
            Err(error @ FenceError::LeaseLost(_)) => {
                tracing::warn!(%error, "giving the job up");
                return;
            }
            // The database may be back before the lease ends; if not, the fence stops the run's next write.
            Err(error) => tracing::warn!(%error, "a lease could not be prolonged"),
        }
    }
}

/// A callback and the answer to its application may be committed at the same moment, each without seeing the other.
async fn look_after_orphans(app: Arc<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ORPHANS) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = adopt(&app, app.clock.now()).await {
            tracing::warn!(%error, "orphaned callbacks could not be looked at");
        }
    }
}

async fn adopt(app: &App, now: Timestamp) -> Result<(), DbError> {
    let mut tx = app.db.begin().await?;
    callback::adopt_orphans(&mut tx, now).await?;
    tx.commit().await
}
