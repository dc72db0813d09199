//! Logs on standard error and metrics for Prometheus.

mod metrics;

use tracing_subscriber::{EnvFilter, util::SubscriberInitExt};

pub use self::metrics::{
    CallbackLabels, DirectoryLabels, JobLabels, Metrics, OutcomeLabels, RequestLabels, RouteLabels,
};
use crate::config::{LogConfig, LogFormat};

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("log.filter is not valid: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("logging is already initialized: {0}")]
    Again(#[from] tracing_subscriber::util::TryInitError),
}

/// Initializes logging to standard error. Call it once per process.
pub fn init(config: &LogConfig) -> Result<(), TelemetryError> {
    let logs =
        tracing_subscriber::fmt().with_env_filter(EnvFilter::try_new(&config.filter)?).with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => logs.finish().try_init()?,
        LogFormat::Json => logs.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}
