//! `yinku demo`: a vendor, the service, and one flow from its form to its archive. It acts over TCP only, as anybody's
//! script would: the public API here, the vendor's control API there.

mod api;
mod furnish;
mod memory;
mod progress;
mod tale;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use crate::{
    app::App,
    callback::Inbox,
    clock::Clock,
    config::{Config, LogConfig, Span},
    http, telemetry,
    user::bootstrap,
    worker,
};
use anyhow::{Context, anyhow};
use simulator::{Knobs, Simulator};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::print;
use api::Api;
use memory::Memory;

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Stampings, and so photos.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u32).range(1..=5000))]
    photos: u32,
    /// Megapixels of the largest photo; the smallest has a sixth.
    #[arg(long, default_value_t = 12.0)]
    megapixels: f64,
    /// End when the flow is archived; status 0 only if every photo arrived.
    #[arg(long)]
    exit: bool,
    /// Keep everything in this directory; one that an earlier demo made is continued.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the service listens; 127.0.0.1:8080 unless that is taken.
    #[arg(long)]
    listen: Option<SocketAddr>,
}

/// What the demonstration's vendor knows its customer by.
const TOKEN: &str = "demoToken01";
const SECRET: &str = "demoSecret-0123456789abcdef";

pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    telemetry::init(&LogConfig { filter: "warn".to_owned(), ..LogConfig::default() })?;
    let temporary = if args.data.is_some() { None } else { Some(tempfile::tempdir()?) };
    let dir = args.data.or_else(|| temporary.as_ref().map(|dir| dir.path().to_owned())).unwrap_or_default();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut memory = Memory::load(&dir)?;
    let vendor = start_vendor(&memory, &dir, args.megapixels).await?;
    let (app, listener) = start_service(&memory, &dir, args.listen).await?;
    memory.vendor = vendor.url().parse().ok();
    memory.listen = Some(listener.local_addr()?);
    memory.save(&dir)?;
    let stop = CancellationToken::new();
    let router = http::router(Arc::clone(&app), Inbox::start(Arc::clone(&app)));
    tokio::spawn(http::serve(listener, router, stop.clone()));
    let workers = tokio::spawn(worker::work(Arc::clone(&app), stop.clone()));
    let mut api = Api::new(app.config.public_url.clone(), vendor.url().parse()?)?;
    print::answer(&format!("yinku listens on {}, its vendor on {}", api.base(), vendor.url()));
    let told = tokio::select! {
        told = tale::tell(&mut api, &mut memory, &dir, args.photos) => told,
        _ = tokio::signal::ctrl_c() => Err(anyhow!("stopped before the end; with --data DIR the same demo can be continued")),
    };
    if !args.exit && told.is_ok() {
        print::answer("Ctrl-C ends the demonstration.");
        tokio::signal::ctrl_c().await?;
    }
    stop.cancel();
    workers.await?;
    vendor.shutdown().await;
    app.db.close().await;
    told.map(|()| ExitCode::SUCCESS)
}

async fn start_vendor(memory: &Memory, dir: &std::path::Path, megapixels: f64) -> anyhow::Result<Simulator> {
    let mut knobs = Knobs { token: TOKEN.to_owned(), secret: SECRET.to_owned(), ..Knobs::default() };
    if let Some(address) = memory.vendor_address() {
        knobs.listen = address;
    }
    knobs.photo.megapixels_min = megapixels / 6.0;
    knobs.photo.megapixels_max = megapixels;
    knobs.state = Some(dir.join("vendor.json"));
    Ok(Simulator::start(knobs, simulator::Clock::system()).await?)
}

/// The address that the vendor was told to call must stay the same when a demo is continued.
async fn start_service(
    memory: &Memory,
    dir: &std::path::Path,
    asked: Option<SocketAddr>,
) -> anyhow::Result<(Arc<App>, TcpListener)> {
    let listener = match asked.or(memory.listen) {
        Some(address) => TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?,
        None => match TcpListener::bind("127.0.0.1:8080").await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind("127.0.0.1:0").await?,
        },
    };
    let mut config = Config::in_dir(dir);
    config.listen = listener.local_addr()?;
    config.public_url = format!("http://{}", config.listen).parse()?;
    // Whoever continues a demo whose plug was pulled waits for the old lease.
    config.jobs.lease = Span::secs(3);
    let app = App::open(config, Clock::System).await?;
    bootstrap::admin(&app.db, Some(memory::ADMIN_PASSWORD), app.clock.now()).await?;
    Ok((app, listener))
}
