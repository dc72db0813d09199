//! Logs on standard error and metrics for Prometheus.

mod log;
mod metrics;

use tracing_subscriber::{EnvFilter, util::SubscriberInitExt};

use self::log::Log;
pub use self::{
    log::flush,
    metrics::{
        CallbackLabels, DirectoryLabels, FindingLabels, JobLabels, Metrics, OutcomeLabels, RequestLabels, RouteLabels,
    },
};
use crate::config::{LogConfig, LogFormat};

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("log.filter is not valid: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("logging is already initialized: {0}")]
    Again(#[from] tracing_subscriber::util::TryInitError),
    #[error("cannot start the thread of the log: {0}")]
    Thread(#[from] std::io::Error),
}

/// Initializes logging to standard error. Call it once per process.
pub fn init(config: &LogConfig) -> Result<(), TelemetryError> {
    let logs = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&config.filter)?)
        // Reporting a failed write uses `eprintln!`, which panics if standard error cannot be written either.
        .log_internal_errors(false)
        .with_ansi(log::has_color())
        .with_writer(Log::of_process()?);
    match config.format {
        LogFormat::Text => logs.finish().try_init()?,
        LogFormat::Json => logs.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}
