use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// Files that people bring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadConfig {
    /// Largest file that is taken.
    pub max_file_bytes: ByteSize,
    /// Most files in one request.
    pub max_files: usize,
    /// Uploads taken at once; beyond it the answer is 503: come again.
    pub in_flight: usize,
    /// Longest silence of an upload; then it is given up.
    pub idle_timeout: Span,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self { max_file_bytes: ByteSize::gib(2), max_files: 64, in_flight: 16, idle_timeout: Span::secs(60) }
    }
}
