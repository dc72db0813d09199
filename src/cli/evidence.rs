//! `yinku evidence`: writes the evidence package of one flow into a file.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use futures::{TryStreamExt, stream::BoxStream};
use tokio::io::AsyncWriteExt;

use crate::{
    app::App,
    archive::evidence,
    audit::COMMAND_LINE,
    bundle::{self, plans::PlanCache},
    clock::Clock,
    config::Config,
    flow::Flow,
    store::StoreError,
    telemetry,
};

use crate::cli::print;

#[derive(Debug, clap::Args)]
pub(crate) struct EvidenceArgs {
    /// The id or the serial number of the flow.
    flow: String,
    /// The file to write.
    #[arg(short, long)]
    output: PathBuf,
    /// With photos of faces and of unknown kind.
    #[arg(long)]
    faces: bool,
}

pub(crate) async fn run(config: Config, args: EvidenceArgs) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log)?;
    let app = App::open(config, Clock::System).await?;
    let flow = Flow::by_name(&app.db, &args.flow).await?;
    let flow = flow.ok_or_else(|| anyhow!("there is no flow {}; pass its id or its serial number", args.flow))?;
    evidence::make(&app, &flow.id).await.context("cannot make the package")?;
    let package = evidence::present(&app, &flow.id, args.faces).await?;
    let package = package.context("the flow has changed while its package was made; run the command again")?;
    let plan = PlanCache::new(0).open(&app.store, &app.cpu, &package.bundle).await?;
    let all = 0..plan.layout.bytes();
    let bytes = bundle::give_out(&app, COMMAND_LINE, &package.bundle, &plan.layout, all).await?;
    write(bytes, &args.output).await?;
    app.db.close().await;
    print::to_stdout(&format!("{}\nS = {}", args.output.display(), package.sealed.s))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the bytes under a temporary name beside the file. So the file is whole or absent.
async fn write(mut bytes: BoxStream<'static, Result<Bytes, StoreError>>, output: &Path) -> anyhow::Result<()> {
    let name = output.file_name().context("the output must name a file")?.to_string_lossy();
    let part = output.with_file_name(format!(".{name}.part"));
    let written = async {
        let mut file = tokio::fs::File::create(&part)
            .await
            .with_context(|| format!("cannot write {}; check the path and its permissions", output.display()))?;
        while let Some(chunk) = bytes.try_next().await? {
            file.write_all(&chunk).await?;
        }
        file.sync_all().await?;
        tokio::fs::rename(&part, output).await?;
        anyhow::Ok(())
    }
    .await;
    if written.is_err() {
        // It may not exist.
        let _ = tokio::fs::remove_file(&part).await;
    }
    written
}
