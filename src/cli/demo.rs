//! `yinku demo`: a simulated vendor, the service, and one flow from its form to its archive. The demo uses only the
//! public API of the service and the control API of the vendor, both over TCP, as a script does.

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
    /// The number of stampings and photos.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u32).range(1..=5000))]
    photos: u32,
    /// Megapixels of the largest photo. The smallest photo has one sixth of it.
    #[arg(long, default_value_t = 12.0)]
    megapixels: f64,
    /// End when the flow is archived. Status 0 only if every photo arrived.
    #[arg(long)]
    exit: bool,
    /// Keep all data in this directory. If it has an earlier demo, continue it.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The address of the service. Default: 127.0.0.1:8080, or a free port if 8080 is in use.
    #[arg(long)]
    listen: Option<SocketAddr>,
}

/// The credentials at the simulated vendor.
const TOKEN: &str = "demoToken01";
const SECRET: &str = "demoSecret-0123456789abcdef";

pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    telemetry::init(&LogConfig { filter: "warn".to_owned(), ..LogConfig::default() })?;
    let temporary = if args.data.is_some() { None } else { Some(tempfile::tempdir()?) };
    let dir = args.data.or_else(|| temporary.as_ref().map(|dir| dir.path().to_owned())).unwrap_or_default();
    std::fs::create_dir_all(&dir)
        .with_context(|| format!("cannot create {}; check the path and its permissions", dir.display()))?;
    let mut memory = Memory::load(&dir)?;
    let vendor = start_vendor(&memory, &dir, args.megapixels).await?;
    memory.callback_secret.get_or_insert_with(|| uuid::Uuid::new_v4().simple().to_string());
    memory.save(&dir)?;
    let (app, listener) = start_service(&memory, &dir, args.listen).await?;
    memory.vendor = vendor.url().parse().ok();
    memory.listen = Some(listener.local_addr()?);
    memory.save(&dir)?;
    let stop = CancellationToken::new();
    let router = http::router(Arc::clone(&app), Inbox::start(Arc::clone(&app)));
    tokio::spawn(http::serve(listener, router, app.config.clients, stop.clone()));
    let workers = tokio::spawn(worker::work(Arc::clone(&app), stop.clone()));
    let mut api = Api::new(app.config.public_url.clone(), vendor.url().parse()?)?;
    print::progress(&format!("Open {}/ in a browser.", api.base()));
    print::progress(&format!("yinku listens on {}, its vendor on {}", api.base(), vendor.url()));
    let result = tokio::select! {
        result = tale::run(&mut api, &mut memory, &dir, args.photos) => result,
        _ = tokio::signal::ctrl_c() => Err(anyhow!("stopped before the end; start with --data DIR to be able to continue the demo")),
    };
    if !args.exit && result.is_ok() {
        print::progress("Ctrl-C ends the demo.");
        tokio::signal::ctrl_c().await?;
    }
    stop.cancel();
    workers.await?;
    vendor.shutdown().await;
    app.db.close().await;
    result.map(|()| ExitCode::SUCCESS)
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

/// Uses the earlier address when a demo is continued, because the vendor calls this address.
async fn start_service(
    memory: &Memory,
    dir: &std::path::Path,
    asked: Option<SocketAddr>,
) -> anyhow::Result<(Arc<App>, TcpListener)> {
    let listener = match asked.or(memory.listen) {
        Some(address) => http::listen(address)
            .with_context(|| format!("cannot listen on {address}; choose another address with --listen"))?,
        None => match http::listen(SocketAddr::from(([127, 0, 0, 1], 8080))) {
            Ok(listener) => listener,
            Err(_) => http::listen(SocketAddr::from(([127, 0, 0, 1], 0)))?,
        },
    };
    let mut config = Config::in_dir(dir);
    config.listen = listener.local_addr()?;
    config.public_url = format!("http://{}", config.listen).parse()?;
    config.callback.secret = memory.callback_secret.as_deref().map(Into::into);
    // A continued demo waits until the lease of the killed process expires.
    config.jobs.lease = Span::secs(3);
    let app = App::open(config, Clock::System).await?;
    bootstrap::admin(&app.db, Some(memory::ADMIN_PASSWORD), app.clock.now()).await?;
    Ok((app, listener))
}
