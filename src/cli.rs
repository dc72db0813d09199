//! The command line: parses the arguments and runs one command.

mod audit;
mod check_config;
mod demo;
mod evidence;
mod print;
mod reindex;
mod render_page;
mod serve;
mod sweep;
mod umask;
mod users;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use crate::{config::Config, db::Db, http, telemetry};
use anyhow::Context;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "yinku",
    version,
    about = "印库: stores every photo of a physical seal use, once, unaltered, findable, provable"
)]
struct Cli {
    /// Settings file. Default: ./yinku.toml, if this file exists.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: HTTP and workers. Migrates the database. Needs no settings file.
    Serve(serve::ServeArgs),
    /// Run a demo on this machine: simulator, service, one flow from its form to its archive.
    Demo(demo::DemoArgs),
    /// Run a simulated vendor for tests and demonstrations.
    Simulator(Box<simulator::Args>),
    /// Check the settings and print them without secrets.
    CheckConfig(check_config::CheckConfigArgs),
    /// Update the database schema.
    Migrate,
    /// Print the OpenAPI document.
    Openapi,
    /// Manage users.
    #[command(subcommand)]
    User(users::UserCommand),
    /// Manage tokens for programs.
    #[command(subcommand)]
    Token(users::TokenCommand),
    /// Write the evidence package of one flow into a file.
    Evidence(evidence::EvidenceArgs),
    /// Read originals back and compare them with their hashes.
    Verify(verify::VerifyArgs),
    /// List objects in the store without a row. Deletes nothing.
    Sweep(sweep::SweepArgs),
    /// Make the search index anew, beside a running service. A run that was interrupted goes on where it stopped.
    Reindex,
    /// Render the first page of a file. The service starts this.
    #[command(hide = true)]
    RenderPage(render_page::RenderPageArgs),
    /// Verify the audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

impl Command {
    /// Returns the exit status of a command that failed. `audit`, `sweep` and `verify` use 1 for findings, so they fail with 2.
    fn status_of_failure(&self) -> ExitCode {
        match self {
            Self::Audit(_) | Self::Sweep(_) | Self::Verify(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// The program, from its arguments to its status.
#[must_use]
pub fn main() -> ExitCode {
    umask::only_the_owner();
    let cli = Cli::parse();
    let failed = cli.command.status_of_failure();
    let status = run(cli);
    telemetry::flush();
    status.unwrap_or_else(|error| {
        print::to_stderr(&format!("yinku: {}", print::causes(&error)));
        failed
    })
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // Without the threads of the runtime: its limits are for the decoder alone.
    if let Command::RenderPage(args) = &cli.command {
        return render_page::run(args);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime; check the limits of threads and files")?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::run(load(cli.config)?, args).await?,
            Command::Demo(args) => return demo::run(args).await,
            Command::Simulator(args) => simulator::run(*args).await?,
            Command::CheckConfig(args) => return check_config::run(&load(cli.config)?, &args).await,
            Command::Migrate => open(&load(cli.config)?).await?.close().await,
            Command::Openapi => print::to_stdout(&serde_json::to_string_pretty(&http::openapi())?)?,
            Command::User(command) => users::user(&open(&load(cli.config)?).await?, command).await?,
            Command::Token(command) => {
                let config = load(cli.config)?;
                users::token(&open(&config).await?, &config.auth, command).await?;
            }
            Command::Evidence(args) => return evidence::run(load(cli.config)?, args).await,
            Command::Verify(args) => return verify::run(&load(cli.config)?, args).await,
            Command::Sweep(args) => return sweep::run(&load(cli.config)?, args).await,
            Command::Reindex => return reindex::run(&load(cli.config)?).await,
            Command::RenderPage(args) => return render_page::run(&args),
            Command::Audit(command) => return audit::run(&load(cli.config)?, command).await,
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn load(path: Option<PathBuf>) -> anyhow::Result<Config> {
    Ok(Config::load(path.or_else(Config::file_here).as_deref(), std::env::vars())?)
}

/// Opens the database without the other parts, for commands beside a running service.
async fn open(config: &Config) -> anyhow::Result<Db> {
    telemetry::init(&config.log)?;
    std::fs::create_dir_all(&config.data_dir).context("cannot create data_dir; check the path and its permissions")?;
    Ok(Db::open(&config.database).await?)
}
