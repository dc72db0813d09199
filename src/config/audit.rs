use serde::{Deserialize, Serialize};

/// The audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Downloads and refused logins that wait to be written to the audit log. A full queue is answered with 503.
    pub queue: usize,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { queue: 4096 }
    }
}
