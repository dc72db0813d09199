use serde::{Deserialize, Serialize};

/// Pictures derived from originals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThumbnailConfig {
    /// Longest edges in pixels, ascending.
    pub sizes: Vec<u32>,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
    /// Threads that decode and scale; 0: one for each core.
    pub threads: usize,
}

impl Default for ThumbnailConfig {
    fn default() -> Self {
        Self { sizes: vec![256, 1280], quality: 80, threads: 0 }
    }
}
