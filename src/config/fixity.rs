use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// The scheduled check of originals: their bytes are read back and compared with their hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FixityConfig {
    /// Time between the starts of two scheduled runs. The first run starts this long after the first start of the service.
    pub every: Span,
    /// The share of all originals that the scheduled runs check in a day, from 0 to 1. Those that were not checked for the
    /// longest time are first. With 0 there are no scheduled runs.
    pub share: f64,
    /// How fast the runs read the store. Runs of `yinku verify` have no limit.
    pub bytes_per_second: ByteSize,
}

impl Default for FixityConfig {
    fn default() -> Self {
        Self { every: Span::hours(24), share: 0.05, bytes_per_second: ByteSize::mib(32) }
    }
}
