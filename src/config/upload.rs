use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// Files that users upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadConfig {
    /// Largest file that is accepted.
    pub max_file_bytes: ByteSize,
    /// Most files in one request.
    pub max_files: usize,
    /// Uploads received at once. Above it the service answers 503.
    pub in_flight: usize,
    /// Uploads of one user received at once. Above it the service answers 429.
    pub per_user: usize,
    /// Longest time without data from an upload. Then the upload is aborted. At most `clients.body_wait`.
    pub idle_timeout: Span,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            max_file_bytes: ByteSize::gib(2),
            max_files: 64,
            in_flight: 16,
            per_user: 4,
            idle_timeout: Span::secs(20),
        }
    }
}
