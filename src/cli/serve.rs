//! `yinku serve`: the service until it is told to stop.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App, callback::Inbox, clock::Clock, config::Config, http, notify::peers, telemetry, user::bootstrap, worker,
};
use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::cli::print;

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// HTTP only: other processes do the work.
    #[arg(long, conflicts_with = "no_http")]
    no_workers: bool,
    /// Workers only.
    #[arg(long)]
    no_http: bool,
}

/// What a crash may have left half-written in the store is swept once it is this old.
const STALE: Duration = Duration::from_hours(1);
/// How long open requests and running jobs are given at the end.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) async fn run(config: Config, args: ServeArgs) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    // Before anything is announced: whoever is told of us may tell us to stop.
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let app = App::open(config, Clock::System).await?;
    let configured = app.config.admin.password.as_ref().map(|password| password.expose().to_owned());
    if let Some(password) = bootstrap::admin(&app.db, configured.as_deref(), app.clock.now()).await? {
        print::complaint(&format!("user admin, password {password} (shown only now)"));
    }
    let stop = CancellationToken::new();
    let mut parts = tokio::task::JoinSet::new();
    if !args.no_http {
        let address = app.config.listen;
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        tracing::info!(address = %listener.local_addr()?, "listening");
        let router = http::router(Arc::clone(&app), Inbox::start(Arc::clone(&app)));
        let stop = stop.clone();
        parts.spawn(async move { http::serve(listener, router, stop).await });
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
    tokio::select! {
        _ = terminated.recv() => tracing::info!("stopping"),
        _ = interrupted.recv() => tracing::info!("stopping"),
        Some(ended) = parts.join_next() => ended?.context("a part of the service ended")?,
    }
    stop.cancel();
    if tokio::time::timeout(GRACE, async { while parts.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("some requests were still open; what they asked for is kept or will be asked again");
    }
    app.db.close().await;
    Ok(())
}

async fn sweep(app: Arc<App>) {
    match app.store.sweep_staging(app.clock.now().minus(STALE)).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "half-written files of an earlier run removed"),
        Err(error) => tracing::warn!(%error, "half-written files could not be swept"),
    }
}
