//! The workers. A worker claims a due job, prolongs its lease while the job runs, and records the result.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    app::App,
    archive::{self, evidence},
    bundle, callback,
    clock::Timestamp,
    curate,
    db::{self, DbError},
    flow::{draft, people::gone},
    ingest,
    outage::Outage,
    preservation::{parting, scrub},
    queue::{self, FenceError, JobKind, Lease, Next},
    sealing::{apply, deliver, end_use},
    telemetry::JobLabels,
};

/// The longest sleep of an idle worker. Only polling finds jobs of other processes and expired leases.
const LOOK: Duration = Duration::from_secs(2);
/// The time that a running job gets to end after the stop signal.
const GRACE: Duration = Duration::from_secs(8);
/// The interval between two checks for orphaned callbacks.
const ORPHANS: Duration = Duration::from_secs(30);
/// The interval between two checks for drafts that their starters left.
const DRAFTS: Duration = Duration::from_hours(1);
/// The interval between two checks for what has been in the trash long enough.
const TRASH: Duration = Duration::from_hours(1);

/// The interval between two looks for objects of bundles that no row names.
const STRAYS: Duration = Duration::from_hours(1);

/// Runs the workers until `stop`. A job that runs at that time gets a grace period. After it, the job goes back to
/// the queue.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    let owner = format!("{}-{}", std::process::id(), crate::id::JobId::new());
    let mut workers = JoinSet::new();
    for _ in 0..app.config.jobs.workers {
        workers.spawn(worker(Arc::clone(&app), owner.clone(), stop.clone()));
    }
    workers.spawn(plan_checks(Arc::clone(&app), stop.clone()));
    workers.spawn(look_after_drafts(Arc::clone(&app), stop.clone()));
    workers.spawn(look_after_trash(Arc::clone(&app), stop.clone()));
    workers.spawn(look_after_bundles(Arc::clone(&app), stop.clone()));
    workers.spawn(look_after_orphans(Arc::clone(&app), stop));
    while workers.join_next().await.is_some() {}
}

async fn worker(app: Arc<App>, owner: String, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let claimed = queue::claim(&app.db, &owner, app.config.jobs.lease.get(), app.clock.now()).await;
        match claimed {
            Ok(Some(lease)) => {
                // Wake another worker: more jobs may be due.
                app.db.wakeup().look_now();
                let ended = tokio::select! {
                    ended = run_job(&app, lease.clone()) => ended,
                    () = stop_grace_is_over(&stop) => return give_back(&app, &lease).await,
                };
                if ended == Ended::Blocked {
                    storage_works(&app, &stop).await;
                }
            }
            Ok(None) => idle(&app, &stop).await,
            Err(error) if db::outage(&error).is_some() => storage_works(&app, &stop).await,
            Err(error) => {
                tracing::error!(%error, "cannot claim a job");
                idle(&app, &stop).await;
            }
        }
    }
}

/// Waits until the database and the store work. Meanwhile jobs wait in the queue: a vendor is not asked for what cannot
/// be stored. Readiness shows the reason.
async fn storage_works(app: &App, stop: &CancellationToken) {
    while !app.storage_health().await.is_well() {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Waits for the stop signal and then for the grace period: the vendor may be about to answer the running job.
async fn stop_grace_is_over(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// Releases the lease when the service stops, so that the next worker need not wait until it expires.
async fn give_back(app: &App, lease: &Lease) {
    let now = app.clock.now();
    if let Err(error) = lease.finish(&app.db, Next::At { at: now, failed: None }, now, Duration::ZERO).await {
        tracing::warn!(%error, "cannot release the lease; the job runs again after it expires");
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

/// How a run ended, for the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Free,
    /// The database or the store failed.
    Blocked,
}

/// Why a run returned no plan for its job.
enum Failure {
    /// An outage of the database or the store.
    Storage(String),
    Other(String),
}

/// Runs one job beside its heartbeat, then records the result.
async fn run_job(app: &Arc<App>, lease: Lease) -> Ended {
    let begun = Instant::now();
    let run = AbortOnDropHandle::new(tokio::spawn(run_by_kind(Arc::clone(app), lease.clone())));
    let next = tokio::select! {
        ended = run => ended.unwrap_or_else(|panic| Err(Failure::Other(format!("the job panicked: {panic}")))),
        () = heartbeat(app, &lease) => return Ended::Free,
    };
    let now = app.clock.now();
    let (next, outcome) = match next {
        Ok(next @ Next::Blocked { .. }) => (next, "blocked"),
        Ok(next) => (next, "ok"),
        Err(Failure::Storage(reason)) => (Lease::blocked(now, reason), "blocked"),
        Err(Failure::Other(reason)) => (lease.retry(&app.config.jobs.retries, now, reason), "error"),
    };
    tracing::info!(job = lease.kind.as_str(), subject = lease.subject, outcome, next = ?next, elapsed = ?begun.elapsed(), "job");
    let labels = JobLabels { kind: lease.kind.as_str(), outcome };
    app.metrics.jobs_finished.get_or_create(&labels).inc();
    app.metrics.job_seconds.get_or_create(&labels).observe(begun.elapsed().as_secs_f64());
    let rest = if lease.kind == JobKind::Ingest { app.config.ingest.rest.get() } else { Duration::ZERO };
    let ended = if outcome == "blocked" { Ended::Blocked } else { Ended::Free };
    while let Err(error) = lease.finish(&app.db, next.clone(), now, rest).await {
        tracing::warn!(%error, "cannot record the result of the job");
        if !queue::write_again_after(error.outage()).await {
            break; // it runs again after its lease
        }
    }
    ended
}

async fn run_by_kind(app: Arc<App>, lease: Lease) -> Result<Next, Failure> {
    let log_failure = |error: &dyn std::error::Error, outage: Option<Outage>| {
        tracing::warn!(job = lease.kind.as_str(), subject = lease.subject, %error, "job failed");
        if outage.is_some() { Failure::Storage(error.to_string()) } else { Failure::Other(error.to_string()) }
    };
    match lease.kind {
        JobKind::Apply => apply::run(&app, &lease).await.map_err(|error| log_failure(&error, error.outage())),
        JobKind::Ingest => ingest::run(&app, &lease).await.map_err(|error| log_failure(&error, error.outage())),
        JobKind::Finish => end_use::run(&app, &lease).await.map_err(|error| log_failure(&error, error.outage())),
        JobKind::Send => deliver::run(&app, &lease).await.map_err(|error| log_failure(&error, error.outage())),
        JobKind::Archive => archive::run(&app, &lease).await.map_err(|error| log_failure(&error, error.outage())),
        JobKind::People => gone::run(&app.db, &lease).await.map_err(|error| log_failure(&error, db::outage(&error))),
        JobKind::Evidence => evidence::run(&app, &lease).await.map_err(|error| log_failure(&error, error.outage())),
        JobKind::Fixity => scrub::run(&app, &lease).await.map_err(|error| log_failure(&error, error.outage())),
    }
}

/// Prolongs the lease at every third of its length. Returns if the lease is lost; that ends the run.
async fn heartbeat(app: &App, lease: &Lease) {
    let length = app.config.jobs.lease.get();
    loop {
        tokio::time::sleep(length / 3).await;
        match lease.prolong(&app.db, length).await {
            Ok(()) => {}
            Err(error @ FenceError::LeaseLost(_)) => {
                tracing::warn!(%error, "the lease is lost; stopping the job");
                return;
            }
            // The database may recover before the lease expires. If not, the fence refuses the next write of the run.
            Err(error) => tracing::warn!(%error, "cannot prolong the lease"),
        }
    }
}

/// Ends old bundles, and adopts orphaned callbacks at an interval. A callback and the answer to its application can be committed at the
/// same moment, and then neither transaction sees the other.
async fn look_after_orphans(app: Arc<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ORPHANS) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = adopt(&app, app.clock.now()).await {
            tracing::warn!(%error, "cannot adopt orphaned callbacks");
        }
        if let Err(error) = bundle::expire(&app).await {
            tracing::warn!(%error, "cannot end old bundles");
        }
    }
}

/// Deletes objects of bundles that no row names, at an interval.
async fn look_after_bundles(app: Arc<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(STRAYS) => {}
            () = stop.cancelled() => return,
        }
        match bundle::expiry::sweep(&app).await {
            Ok(0) => {}
            Ok(deleted) => tracing::info!(deleted, "deleted objects of bundles that no row names"),
            Err(error) => tracing::warn!(%error, "cannot look for objects of bundles that no row names"),
        }
    }
}

/// Plans the check of originals, as soon as the database works.
async fn plan_checks(app: Arc<App>, stop: CancellationToken) {
    while let Err(error) = scrub::schedule(&app).await {
        tracing::warn!(%error, "cannot plan the check of originals; trying again");
        tokio::select! {
            () = tokio::time::sleep(ORPHANS) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Drops old drafts at an interval.
async fn look_after_drafts(app: Arc<App>, stop: CancellationToken) {
    loop {
        match draft::drop_old(&app.db, app.clock.now()).await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "dropped drafts that were not changed for 90 days"),
            Err(error) => tracing::warn!(%error, "cannot drop old drafts; trying again in an hour"),
        }
        tokio::select! {
            () = tokio::time::sleep(DRAFTS) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Empties the trash at an interval, and deletes the bytes that no document names since.
async fn look_after_trash(app: Arc<App>, stop: CancellationToken) {
    loop {
        match curate::trash::empty(&app).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed things that were in the trash for `trash.keep`"),
            Err(error) => tracing::warn!(%error, "cannot empty the trash; trying again in an hour"),
        }
        match parting::run(&app).await {
            Ok(0) => {}
            Ok(deleted) => tracing::info!(deleted, "deleted the bytes of contents that were removed for good"),
            Err(error) => tracing::warn!(%error, "cannot delete bytes that nothing names; trying again in an hour"),
        }
        tokio::select! {
            () = tokio::time::sleep(TRASH) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn adopt(app: &App, now: Timestamp) -> Result<(), DbError> {
    let mut tx = app.db.begin().await?;
    callback::adopt_orphans(&mut tx, now).await?;
    tx.commit().await
}
