//! The `yinku` program.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use yinku::{config::Config, db::Db, telemetry, vendor::simulator};

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
    /// A faithful vendor, for tests and demonstrations.
    Simulator(Box<simulator::Args>),
    /// Check the settings and print them, secrets hidden.
    CheckConfig,
    /// Bring the database's schema up to date.
    Migrate,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the program's last word to the person who started it")]
fn complain(error: &anyhow::Error) {
    eprintln!("yinku: {error:#}");
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        match cli.command {
            Command::Simulator(args) => Ok(simulator::run(*args).await?),
            Command::CheckConfig => {
                print(&load(cli.config)?.to_shown_toml());
                Ok(())
            }
            Command::Migrate => {
                let config = load(cli.config)?;
                telemetry::init(&config.log)?;
                std::fs::create_dir_all(&config.data_dir).context("cannot make data_dir")?;
                Db::open(&config.database).await?.close().await;
                Ok(())
            }
        }
    })
}

fn load(path: Option<PathBuf>) -> anyhow::Result<Config> {
    Ok(Config::load(path.or_else(Config::file_here).as_deref(), std::env::vars())?)
}

#[expect(clippy::print_stdout, reason = "what the command was asked for")]
fn print(text: &str) {
    println!("{text}");
}
