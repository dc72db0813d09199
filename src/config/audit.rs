use serde::{Deserialize, Serialize};

/// The audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Downloads and refused logins that may wait to be written down; beyond it the answer is 503: come again.
    pub queue: usize,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { queue: 4096 }
    }
}
