//! `yinku audit`: is the audit log as it was written?

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
    /// Prove the chain of entries: status 0 when all is well, 1 when it is broken, 2 when it could not be checked.
    Verify {
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
        /// A head that was noted, `<hash>` or `<number>:<hash>`: nothing up to there was cut off or written anew since.
        #[arg(long)]
        head: Option<Noted>,
    },
}

pub(crate) async fn run(config: &Config, command: AuditCommand) -> anyhow::Result<ExitCode> {
    let AuditCommand::Verify { json, head } = command;
    telemetry::init(&config.log)?;
    // An empty database made on the spot would be found to be in order.
    let db = Db::open_existing(&config.database).await?;
    let report = verify::verify(&db, head.as_ref()).await.context("the audit log cannot be read")?;
    db.close().await;
    print::answer(&if json { serde_json::to_string_pretty(&report)? } else { told(&report) });
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn told(report: &Report) -> String {
    let Report { entries, head, broken, .. } = report;
    match broken {
        None => format!("the audit log is as it was written: {entries} entries, head {entries}:{head}"),
        Some(Broken { why: Break::NotedHead, detail, .. }) => {
            format!("the audit log is not the one that was noted: {detail}")
        }
        Some(broken) => format!(
            "the audit log is broken at entry {} ({}): {}; {entries} entries before it are as they were written",
            broken.first_broken, broken.why, broken.detail
        ),
    }
}
