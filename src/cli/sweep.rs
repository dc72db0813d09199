//! `yinku sweep`: which objects in the store does no row name?

use std::{fmt::Write, process::ExitCode};

use crate::{
    clock::Clock,
    config::{Config, Span},
    db::Db,
    preservation::orphans::{self, OrphanReport},
    store::Store,
    telemetry,
};
use anyhow::Context;

use crate::cli::print;

#[derive(Debug, clap::Args)]
pub(crate) struct SweepArgs {
    /// Only objects at least this old: younger ones may be on their way to their row.
    #[arg(long, default_value = "24h")]
    older_than: Span,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Status 0 when every object has its row, 1 when some have none, 2 when it could not be looked. Deletes nothing.
pub(crate) async fn run(config: &Config, args: SweepArgs) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log)?;
    let db = Db::open_existing(&config.database).await?;
    let store = Store::open(&config.store).await?;
    store.check().await.context("the store does not answer")?;
    let before = Clock::System.now().minus(args.older_than.get());
    let report = orphans::scan(&store, &db, before).await.context("the store could not be compared with its rows")?;
    db.close().await;
    print::answer(&if args.json { serde_json::to_string_pretty(&report)? } else { told(&report) });
    Ok(if report.strays.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn told(report: &OrphanReport) -> String {
    let mut told = format!("{} objects, {} that no row names", report.looked_at, report.strays.len());
    for stray in &report.strays {
        // Writing to a string cannot fail.
        let _ = write!(told, "\n{}  {} bytes  {}  {}", stray.why, stray.bytes, stray.modified, stray.key);
    }
    told
}
