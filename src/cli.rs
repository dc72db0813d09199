//! The commands.

mod audit;
mod demo;
mod print;
mod serve;
mod sweep;
mod users;

use std::{path::PathBuf, process::ExitCode};

use crate::{config::Config, db::Db, http, telemetry};
use anyhow::Context;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "yinku",
    version,
    about = "印库: brings every photo of a physical seal use in, once, unaltered, findable, provable"
)]
struct Cli {
    /// Settings file; without it ./yinku.toml if there is one.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The service: HTTP and workers. Migrates by itself and needs no settings file.
    Serve(serve::ServeArgs),
    /// Everything at once on this machine: simulator, service, one flow from its form to its archive.
    Demo(demo::DemoArgs),
    /// A faithful vendor, for tests and demonstrations.
    Simulator(Box<simulator::Args>),
    /// Check the settings and print them, secrets hidden.
    CheckConfig,
    /// Bring the database's schema up to date.
    Migrate,
    /// Print the OpenAPI document.
    Openapi,
    /// Users.
    #[command(subcommand)]
    User(users::UserCommand),
    /// Tokens for programs.
    #[command(subcommand)]
    Token(users::TokenCommand),
    /// Which objects in the store does no row name? Lists them, deletes nothing.
    Sweep(sweep::SweepArgs),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

impl Command {
    /// The status of a command that could not do what it was asked for. One that looks for findings says 1 when it
    /// found some.
    fn status_of_failure(&self) -> ExitCode {
        match self {
            Self::Audit(_) | Self::Sweep(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// The program, from its arguments to its status.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let failed = cli.command.status_of_failure();
    run(cli).unwrap_or_else(|error| {
        print::complaint(&format!("yinku: {error:#}"));
        failed
    })
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::run(load(cli.config)?, args).await?,
            Command::Demo(args) => return demo::run(args).await,
            Command::Simulator(args) => simulator::run(*args).await?,
            Command::CheckConfig => print::answer(&load(cli.config)?.to_shown_toml()),
            Command::Migrate => open(&load(cli.config)?).await?.close().await,
            Command::Openapi => print::answer(&serde_json::to_string_pretty(&http::openapi())?),
            Command::User(command) => users::user(&open(&load(cli.config)?).await?, command).await?,
            Command::Token(command) => users::token(&open(&load(cli.config)?).await?, command).await?,
            Command::Sweep(args) => return sweep::run(&load(cli.config)?, args).await,
            Command::Audit(command) => return audit::run(&load(cli.config)?, command).await,
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn load(path: Option<PathBuf>) -> anyhow::Result<Config> {
    Ok(Config::load(path.or_else(Config::file_here).as_deref(), std::env::vars())?)
}

/// The database alone, for commands beside a running service.
async fn open(config: &Config) -> anyhow::Result<Db> {
    telemetry::init(&config.log)?;
    std::fs::create_dir_all(&config.data_dir).context("cannot make data_dir")?;
    Ok(Db::open(&config.database).await?)
}
