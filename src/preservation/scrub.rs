//! The job that runs the fixity checks: the scheduled ones, and those that a user asks for.
//!
//! There is one job, so a lease decides which node runs it. A turn of the job checks one group of originals and gives the
//! worker back. A run goes on at any node: each original has the time of its last check.

use std::{sync::Arc, time::Duration};

use super::{
    findings,
    fixity::{check_group, end_run, verify::FixityScope},
    orphans::SweepError,
    runs::{FixityRun, RunKind, millionths},
    untracked,
};
use crate::{
    app::App,
    config::FixityConfig,
    db::{self, DbError},
    flow::event::YINKU,
    id::FixityRunId,
    library::folder::Folder,
    original::{Original, checking::Chosen},
    outage::Outage,
    preservation::fixity::pace::Pace,
    queue::{self, FenceError, JobKind, Lease, Next},
    store::StoreError,
    telemetry::{FindingLabels, OutcomeLabels},
};

/// The subject of the one job.
const SUBJECT: &str = "originals";
/// The row of a younger object may not be committed yet.
const YOUNG: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Runs that wait or run at once.
const MOST_RUNS: i64 = 8;

#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    #[error("the folder does not exist")]
    NoFolder,
    #[error("{MOST_RUNS} checks are waiting. Retry later.")]
    Full,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sweep(#[from] SweepError),
    #[error(transparent)]
    Fence(#[from] FenceError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl ScrubError {
    /// Returns the outage of our database or store that stopped the turn.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::NoFolder | Self::Full => None,
            Self::Store(error) | Self::Sweep(SweepError::Store(error)) => error.outage(),
            Self::Fence(error) => error.outage(),
            Self::Db(error) | Self::Sweep(SweepError::Db(error)) => db::outage(error),
        }
    }
}

/// Asks for a run. It starts after the runs that were asked for before it.
pub async fn ask(app: &App, scope: &FixityScope, by: &str) -> Result<FixityRunId, ScrubError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    if let FixityScope::Folder(folder) = scope
        && Folder::find(&mut tx, folder).await?.is_none()
    {
        return Err(ScrubError::NoFolder);
    }
    if FixityRun::count_open(&mut tx).await? >= MOST_RUNS {
        return Err(ScrubError::Full);
    }
    queue::wake(&mut tx, JobKind::Fixity, SUBJECT, now, now).await?;
    let run = scope.run(by, now);
    run.insert(&mut tx).await?;
    tx.commit().await?;
    Ok(run.id)
}

/// Plans the next scheduled run when the service starts.
pub async fn schedule(app: &App) -> Result<(), DbError> {
    let now = app.clock.now();
    if app.config.fixity.share <= 0.0 {
        return Ok(());
    }
    let last = FixityRun::last_planned(&app.db).await?.unwrap_or(now);
    let mut tx = app.db.begin().await?;
    // A job that is due earlier stays.
    queue::wake(&mut tx, JobKind::Fixity, SUBJECT, last.plus(app.config.fixity.every.get()), now).await?;
    tx.commit().await
}

/// Runs one turn: the next group of the open run, or the plan of the next run.
pub async fn run(app: &Arc<App>, lease: &Lease) -> Result<Next, ScrubError> {
    let again = Next::At { at: app.clock.now(), failed: None };
    let Some(mut run) = FixityRun::open(&app.db).await? else { return plan(app, lease).await };
    match turn(app, lease, &mut run).await {
        Ok(()) => Ok(again),
        Err(error @ ScrubError::Fence(_)) => Err(error),
        // The turn is repeated when the storage works.
        Err(error) if error.outage().is_some() => Err(error),
        Err(error) => {
            tracing::error!(%error, run = %run.id, "the check of originals cannot go on");
            run.detail = Some(error.to_string());
            end(app, lease, &mut run).await?;
            Ok(again)
        }
    }
}

/// Begins the scheduled run if it is due. Otherwise the job waits until then.
async fn plan(app: &App, lease: &Lease) -> Result<Next, ScrubError> {
    let now = app.clock.now();
    if app.config.fixity.share <= 0.0 {
        return Ok(Next::Idle);
    }
    // Before the first run, the job itself has waited.
    let due = FixityRun::last_planned(&app.db).await?.map(|last| last.plus(app.config.fixity.every.get()));
    if let Some(at) = due.filter(|due| *due > now) {
        return Ok(Next::At { at, failed: None });
    }
    let mut run = FixityRun::new(RunKind::Scheduled, YINKU, now);
    run.share = Some(millionths(share(&app.config.fixity)));
    let mut tx = lease.begin(&app.db).await?;
    run.insert(&mut tx).await?;
    tx.commit().await?;
    Ok(Next::At { at: now, failed: None })
}

/// Returns the share of one run.
fn share(config: &FixityConfig) -> f64 {
    (config.share * config.every.get().as_secs_f64() / DAY.as_secs_f64()).min(1.0)
}

async fn turn(app: &Arc<App>, lease: &Lease, run: &mut FixityRun) -> Result<(), ScrubError> {
    if run.started_at.is_none() {
        start(app, lease, run).await?;
    }
    // A missing bucket must not look like missing objects.
    app.store.check().await?;
    let group = run.next_group(&app.db).await?;
    if group.is_empty() {
        return finish(app, lease, run).await;
    }
    let pace = Pace::of(app.config.fixity.bytes_per_second.get());
    let checked = check_group(&app.store, &pace, group, || {}).await.without_gone(&app.db).await?;
    if checked.doubts_the_store() {
        // If the whole store fails, this is an outage, and the turn is repeated.
        app.store.check().await?;
    }
    let (tally, mark) = (checked.tally(), run.marks(app.clock.now()));
    run.add(&tally);
    let mut tx = lease.begin(&app.db).await?;
    run.update(&mut tx).await?;
    checked.record(&mut tx, mark, &run.asked_by).await?;
    tx.commit().await?;
    let number = |count: i64| u64::try_from(count).unwrap_or(0);
    app.metrics.fixity_originals_checked.inc_by(number(tally.checked));
    app.metrics.fixity_bytes_checked.inc_by(number(tally.bytes));
    Ok(())
}

async fn start(app: &App, lease: &Lease, run: &mut FixityRun) -> Result<(), ScrubError> {
    let now = app.clock.now();
    run.started_at = Some(now);
    if run.kind == RunKind::Scheduled {
        let found = Original::count_unchecked(&app.db, &Chosen::Found, now).await?;
        run.target = Some(part(Original::count(&app.db).await?, run.share.unwrap_or(0)).saturating_add(found));
    }
    let mut tx = lease.begin(&app.db).await?;
    run.update(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Returns a share of a number, rounded up.
fn part(of: i64, millionths: i64) -> i64 {
    i64::try_from((i128::from(of) * i128::from(millionths) + 999_999) / 1_000_000).unwrap_or(i64::MAX)
}

async fn finish(app: &App, lease: &Lease, run: &mut FixityRun) -> Result<(), ScrubError> {
    if run.looks_for_strays() {
        let now = app.clock.now();
        match untracked::look(&app.store, &app.db, now.minus(YOUNG)).await {
            Ok(strays) => {
                untracked::record(&app.db, &strays, &run.asked_by, now).await?;
                run.untracked = i64::try_from(strays.len()).unwrap_or(i64::MAX);
            }
            Err(SweepError::Store(error)) => {
                // A list that fails although the store works cannot be repeated for ever.
                app.store.check().await?;
                run.detail = Some(error.to_string());
            }
            Err(error) => return Err(error.into()),
        }
    }
    end(app, lease, run).await
}

async fn end(app: &App, lease: &Lease, run: &mut FixityRun) -> Result<(), ScrubError> {
    end_run(lease.begin(&app.db).await?, run, false, app.clock.now()).await?;
    let outcome = run.outcome().as_str();
    app.metrics.fixity_runs_finished.get_or_create(&OutcomeLabels { outcome }).inc();
    if outcome != "good" {
        tracing::error!(run = %run.id, "{}", run.summary());
    }
    Ok(())
}

/// Writes the numbers of open findings to the metrics.
pub async fn measure(app: &App) -> Result<(), DbError> {
    for (kind, count) in findings::open_by_kind(&app.db).await? {
        app.metrics.fixity_findings_open.get_or_create(&FindingLabels { kind: kind.as_str() }).set(count);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Span;

    #[test]
    fn a_run_has_its_part_of_the_share_of_a_day() {
        let run = |every, daily, of| {
            part(of, millionths(share(&FixityConfig { every, share: daily, ..FixityConfig::default() })))
        };
        assert_eq!(run(Span::hours(24), 0.05, 1_000), 50);
        assert_eq!(run(Span::hours(12), 0.05, 1_000), 25);
        assert_eq!(run(Span::hours(24), 0.05, 3), 1, "rounded up");
        assert_eq!(run(Span::hours(240), 0.5, 1_000), 1_000, "at most all");
        assert_eq!(run(Span::hours(24), 0.05, 0), 0);
    }
}
