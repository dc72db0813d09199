//! `yinku verify`: reads originals back and compares them with their hashes.

use std::{fmt::Write, process::ExitCode, time::Duration};

use anyhow::{Context, anyhow, ensure};
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use crate::{
    audit::COMMAND_LINE,
    clock::Clock,
    config::Config,
    db::Db,
    flow::Flow,
    original::Original,
    preservation::fixity::{
        FixityResult,
        verify::{FixityReport, FixityScope, Verifier},
    },
    store::Store,
    telemetry,
};

use crate::cli::print;

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Check this share of the originals, drawn by chance: above 0, at most 1.
    #[arg(long, conflicts_with = "flow")]
    sample: Option<f64>,
    /// Check the originals of this flow: its id or its serial number.
    #[arg(long)]
    flow: Option<String>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// The row of a younger object may not be committed yet.
const YOUNG: Duration = Duration::from_hours(1);

/// Returns status 0 only if all that was asked for was checked and is well, 1 for findings, 2 if something could not be
/// checked.
pub(crate) async fn run(config: &Config, args: VerifyArgs) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log)?;
    let db = Db::open_existing(&config.database).await?;
    let store = Store::open(&config.store).await?;
    let scope = match (&args.flow, args.sample) {
        (Some(name), _) => {
            let flow = Flow::by_name(&db, name).await?;
            FixityScope::Flow(
                flow.ok_or_else(|| anyhow!("there is no flow {name}; pass its id or its serial number"))?.id,
            )
        }
        (None, Some(share)) => {
            ensure!(share > 0.0 && share <= 1.0, "--sample must be above 0 and at most 1");
            FixityScope::Sample(share)
        }
        (None, None) => FixityScope::All,
    };
    let bar = ProgressBar::new(u64::try_from(Original::count(&db).await?).unwrap_or(0));
    let (clock, stop) = (Clock::System, CancellationToken::new());
    let verifier = Verifier {
        store: &store,
        db: &db,
        clock: &clock,
        by: COMMAND_LINE,
        untracked_before: clock.now().minus(YOUNG),
        stop: stop.clone(),
    };
    let interrupted = tokio::spawn(async move {
        // Without a handler, the signal ends the process and the run has no entry.
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    });
    let report = verifier.verify(&scope, || bar.inc(1)).await.context("cannot write the audit log")?;
    interrupted.abort();
    bar.finish_and_clear();
    db.close().await;
    print::to_stdout(&if args.json { serde_json::to_string_pretty(&report)? } else { summary(&report) })?;
    Ok(match report.result {
        FixityResult::Good => ExitCode::SUCCESS,
        FixityResult::Findings => ExitCode::FAILURE,
        FixityResult::CouldNotCheck => ExitCode::from(2),
    })
}

fn summary(report: &FixityReport) -> String {
    let mut text = format!(
        "{}: {} originals checked, {} damaged, {} not checked, {} objects without a row",
        report.result,
        report.checked,
        report.damaged.len(),
        report.could_not_check.len(),
        report.untracked.len()
    );
    // Writing to a string cannot fail.
    for damaged in &report.damaged {
        let _ = write!(text, "\n{}  {}", damaged.damage, damaged.key);
    }
    for not in &report.could_not_check {
        let _ = write!(text, "\nnot checked  {}  {}", not.key, not.why);
    }
    for stray in &report.untracked {
        let _ = write!(text, "\nuntracked  {}  {}", stray.why, stray.key);
    }
    text
}
