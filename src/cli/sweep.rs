//! `yinku sweep`: lists objects in the store without a row.

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
    /// Only objects of at least this age. The row of a younger object may not be committed yet.
    #[arg(long, default_value = "24h")]
    older_than: Span,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Returns status 0 if every object has a row, 1 if some have none, 2 on failure. Deletes nothing.
pub(crate) async fn run(config: &Config, args: SweepArgs) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log)?;
    let db = Db::open_existing(&config.database).await?;
    let store = Store::open(&config.store).await?;
    store.check().await.context("the store does not answer; check the settings of [store]")?;
    let before = Clock::System.now().minus(args.older_than.get());
    let report = orphans::scan(&store, &db, before).await.context("cannot compare the store with the database")?;
    db.close().await;
    print::to_stdout(&if args.json { serde_json::to_string_pretty(&report)? } else { summary(&report) })?;
    Ok(if report.strays.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(report: &OrphanReport) -> String {
    let mut text = format!("{} objects, {} without a row", report.looked_at, report.strays.len());
    for stray in &report.strays {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{}  {} bytes  {}  {}", stray.why, stray.bytes, stray.modified, stray.key);
    }
    text
}
