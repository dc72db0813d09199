use serde::{Deserialize, Serialize};

use super::ByteSize;

/// The disks of `data_dir` and of a local store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiskConfig {
    /// Log a warning when less space is left. The metric `yinku_disk_free_bytes` always shows the space.
    pub warn_below: ByteSize,
}

impl Default for DiskConfig {
    fn default() -> Self {
        Self { warn_below: ByteSize::mib(2048) }
    }
}
