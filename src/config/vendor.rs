use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// Limits of every request to a vendor's server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VendorConfig {
    /// Longest time to connect.
    pub connect_timeout: Span,
    /// Longest time without data while a response is received.
    pub read_timeout: Span,
    /// Longest time of one whole request. A zip, and a request that sends files, may take 30 minutes.
    pub total_timeout: Span,
    /// Largest zip of photos that is accepted.
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
