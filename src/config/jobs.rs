use serde::{Deserialize, Serialize};

use super::Span;

/// Work that goes on behind the requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Jobs run at once by this process.
    pub workers: usize,
    /// How long a claimed job stays claimed without a heartbeat; a dead process's jobs wait that long.
    pub lease: Span,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self { workers: 4, lease: Span::secs(30) }
    }
}
