//! `yinku reindex`: makes the search index anew.

use std::process::ExitCode;

use anyhow::Context;

use crate::{cli::print, config::Config, curate::reindex, db::Db, telemetry};

/// Makes the index anew beside a running service. A run that was interrupted goes on where it stopped.
pub(crate) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log)?;
    let db = Db::open_existing(&config.database).await?;
    let tell = |part| print::to_stderr(&format!("yinku: indexing {part}"));
    reindex::run(&db, tell).await.context("cannot make the search index anew; run the command again, it goes on")?;
    db.close().await;
    print::to_stdout("The search index is made anew.")?;
    Ok(ExitCode::SUCCESS)
}
