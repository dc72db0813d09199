//! `yinku audit`: verifies the audit log.

use std::process::ExitCode;

use crate::{
    audit::verify::{self, Break, Broken, Noted, Report},
    config::Config,
    db::Db,
    telemetry,
};
use anyhow::Context;
use clap::Subcommand;

use crate::cli::print;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Verify the chain of entries. Status 0: intact, 1: broken, 2: not checked.
    Verify {
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
        /// The head of an earlier verification, `<hash>` or `<number>:<hash>`. Also verify that the chain contains it.
        #[arg(long)]
        head: Option<Noted>,
    },
}

pub(crate) async fn run(config: &Config, command: AuditCommand) -> anyhow::Result<ExitCode> {
    let AuditCommand::Verify { json, head } = command;
    telemetry::init(&config.log)?;
    // Do not create a database: a new, empty database would count as intact.
    let db = Db::open_existing(&config.database).await?;
    let report = verify::verify(&db, head.as_ref())
        .await
        .context("cannot read the audit log; check database.url and run yinku migrate")?;
    db.close().await;
    print::to_stdout(&if json { serde_json::to_string_pretty(&report)? } else { summary(&report) })?;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(report: &Report) -> String {
    let Report { entries, head, broken, .. } = report;
    match broken {
        None => format!("the audit log is as it was written: {entries} entries, head {entries}:{head}"),
        Some(Broken { why: Break::NotedHead, detail, .. }) => {
            format!("the audit log does not contain the noted head: {detail}")
        }
        Some(broken) => format!(
            "the audit log is broken at entry {} ({}): {}; the {entries} entries before it are intact",
            broken.first_broken, broken.why, broken.detail
        ),
    }
}
