use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// Bundles: frozen selections that are downloaded as one zip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BundleConfig {
    /// How long a bundle can be downloaded. Evidence packages of archived flows do not end.
    pub keep: Span,
    /// Memory for the plans of bundles that are being downloaded. A larger plan is read for each request.
    pub plan_memory: ByteSize,
}

impl Default for BundleConfig {
    fn default() -> Self {
        Self { keep: Span::hours(7 * 24), plan_memory: ByteSize::mib(128) }
    }
}
