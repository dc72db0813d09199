use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// Limits of every call to a vendor's server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VendorConfig {
    /// Longest wait for a connection.
    pub connect_timeout: Span,
    /// Longest silence while an answer comes in.
    pub read_timeout: Span,
    /// Longest time of one call as a whole (a zip, and a request that carries files, may take 30 minutes).
    pub total_timeout: Span,
    /// Largest zip of photos that is taken.
    pub max_zip_bytes: ByteSize,
}

impl Default for VendorConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Span::secs(5),
            read_timeout: Span::secs(20),
            total_timeout: Span::secs(120),
            max_zip_bytes: ByteSize::gib(4),
        }
    }
}
