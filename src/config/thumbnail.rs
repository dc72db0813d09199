use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Thumbnails: small pictures derived from originals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThumbnailConfig {
    /// Longest edge of each thumbnail in pixels, in ascending order.
    pub sizes: Vec<u32>,
    /// Threads that decode and scale. 0: one for each core.
    pub threads: usize,
    /// The program that renders the first page of a TIFF or a PDF. Default: this program.
    pub page_program: Option<PathBuf>,
}

impl Default for ThumbnailConfig {
    fn default() -> Self {
        Self { sizes: vec![256, 1280], threads: 0, page_program: None }
    }
}
