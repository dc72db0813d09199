use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Metrics for Prometheus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Address and port that answer `/metrics` alone, without a login. Absent: `/metrics` at `listen`, for administrators and
    /// auditors. Choose an address that only the monitoring reaches.
    pub listen: Option<SocketAddr>,
}
