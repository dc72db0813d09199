use serde::{Deserialize, Serialize};

use super::Span;

/// The trash of the knowledge base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrashConfig {
    /// How long documents and folders stay in the trash. After that they are removed for good.
    pub keep: Span,
}

impl Default for TrashConfig {
    fn default() -> Self {
        Self { keep: Span::hours(30 * 24) }
    }
}
