//! `yinku serve`: runs the service until a stop signal.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    app::App,
    callback::{Inbox, door, keep},
    clock::Clock,
    config::Config,
    http,
    notify::peers,
    telemetry,
    user::{User, bootstrap, login},
    worker,
};
use anyhow::Context;
use futures::StreamExt;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::cli::print;

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Run HTTP only. Other processes must run the workers.
    #[arg(long, conflicts_with = "no_http")]
    no_workers: bool,
    /// Run workers only.
    #[arg(long)]
    no_http: bool,
}

/// The age at which incomplete files of an earlier run are removed from the store.
const STALE: Duration = Duration::from_hours(1);
/// The time that open requests and running jobs have after the stop signal.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) async fn run(config: Config, args: ServeArgs) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    http::raise_file_limit();
    // Install the handlers before the service prints its address: a supervisor can send the signal from then on.
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let app = App::open(config, Clock::System).await?;
    if User::named(&app.db, "admin").await?.is_none() {
        tokio::spawn(warn_about_objects(Arc::clone(&app)));
    }
    let configured = app.config.admin.password.as_ref().map(|password| password.expose().to_owned());
    if let Some(password) = bootstrap::admin(&app.db, configured.as_deref(), app.clock.now()).await? {
        print::to_stderr(&format!("user admin, password {password} (shown once; note it now)"));
    }
    let stop = CancellationToken::new();
    let mut parts = tokio::task::JoinSet::new();
    if !args.no_http {
        warn_about_callbacks(&app).await?;
        let address = app.config.listen;
        let listener = listen(address, "listen")?;
        tracing::info!(address = %listener.local_addr()?, "listening");
        let router = http::router(Arc::clone(&app), Inbox::start(Arc::clone(&app)));
        let (clients, stop) = (app.config.clients, stop.clone());
        parts.spawn(async move { http::serve(listener, router, clients, stop).await });
    }
    if let Some(address) = app.config.metrics.listen {
        let listener = listen(address, "metrics.listen")?;
        let (router, clients, stop) = (http::metrics_router(Arc::clone(&app)), app.config.clients, stop.clone());
        parts.spawn(async move { http::serve(listener, router, clients, stop).await });
    }
    if !args.no_workers {
        let (app, stop) = (Arc::clone(&app), stop.clone());
        parts.spawn(async move {
            worker::work(app, stop).await;
            Ok(())
        });
    }
    tokio::spawn(peers::run(Arc::clone(&app), stop.clone()));
    tokio::spawn(sweep(Arc::clone(&app)));
    tokio::spawn(keep::run(Arc::clone(&app), stop.clone()));
    tokio::spawn(watch_disks(Arc::clone(&app), stop.clone()));
    tokio::spawn(count_refusals(Arc::clone(&app)));
    let failures = tokio::spawn(record_failed_logins(Arc::clone(&app), stop.clone()));
    tokio::select! {
        _ = terminated.recv() => tracing::info!("stopping"),
        _ = interrupted.recv() => tracing::info!("stopping"),
        Some(ended) = parts.join_next() => ended?.context("a part of the service stopped; see the log")?,
    }
    stop.cancel();
    if tokio::time::timeout(GRACE, async { while parts.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("stopped with open requests; accepted work is stored and continues at the next start");
    }
    failures.await?;
    write_refusals(&app, true).await;
    app.db.close().await;
    Ok(())
}

fn listen(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    http::listen(address).with_context(|| format!("cannot listen on {address}; set another address in `{setting}`"))
}

/// Warns if the database is new and the store is not: the service was probably started with another database.
async fn warn_about_objects(app: Arc<App>) {
    if let Some(Ok(object)) = app.store.list("").next().await {
        tracing::warn!(
            object = %object.key,
            "the database is new, but the store has objects, so their flows are not here. Check `database.url` and `store.url`."
        );
    }
}

/// Says plainly who may send callbacks, and whose vendor has an address that does not work any more.
async fn warn_about_callbacks(app: &App) -> anyhow::Result<()> {
    if door::is_open(&app.config.callback) {
        tracing::warn!(
            "no callback secret is set: every sender is let in, and pushed pictures are not kept. Set `callback.secret` or \
             `callback.allow_from`."
        );
    }
    door::mark_again(app).await?;
    let refused = door::refused_seal_uses(app).await?;
    if refused > 0 {
        tracing::warn!(
            refused,
            "running seal uses have a callback address that is refused now; polling finds their photos. Set \
             `callback.former_secret` to the secret before the change."
        );
    }
    Ok(())
}

/// How often ended windows of refused access are looked for.
const REFUSALS: Duration = Duration::from_mins(1);

async fn count_refusals(app: Arc<App>) {
    let mut interval = tokio::time::interval(REFUSALS);
    loop {
        interval.tick().await;
        write_refusals(&app, false).await;
    }
}

async fn write_refusals(app: &App, all: bool) {
    if let Err(error) = app.refusals.flush(&app.journal, app.clock.now(), all).await {
        tracing::warn!(%error, "the counts of refused access could not be recorded");
    }
}

/// How often repeated failures of logins are recorded in the audit log.
const FAILURES: Duration = Duration::from_mins(1);

/// Records repeated failures of logins with their count. At the stop it records the rest.
async fn record_failed_logins(app: Arc<App>, stop: CancellationToken) {
    loop {
        let stopped = stop.run_until_cancelled(tokio::time::sleep(FAILURES)).await.is_none();
        let now = app.clock.now();
        let reports = app.login_throttle.take_repeats(now, stopped);
        if let Err(error) = login::record_failures(&app.journal, reports, now).await {
            tracing::error!(%error, "failed logins are not in the audit log");
        }
        if stopped {
            return;
        }
    }
}

async fn watch_disks(app: Arc<App>, stop: CancellationToken) {
    app.disk_space.watch(&app.metrics, stop).await;
}

/// Tries the store, and removes what interrupted puts left in it.
async fn sweep(app: Arc<App>) {
    if let Err(error) = app.store.check_write().await {
        let (error, store) = (print::causes(&error.into()), &app.config.store.url);
        tracing::warn!(error, %store, "the store does not work; photos wait for it. Check the settings of [store].");
        return;
    }
    match app.store.sweep_staging(app.clock.now().minus(STALE)).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "removed incomplete files of an earlier run"),
        Err(error) => tracing::warn!(%error, "cannot remove incomplete files of an earlier run"),
    }
}
