use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{ByteSize, Secret};

/// What the vendor calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallbackConfig {
    /// If set, a callback must carry it as `?key=` or as the last path segment.
    pub secret: Option<Secret>,
    /// Networks (CIDR) that callbacks may come from; empty: any.
    pub allow_from: Vec<IpNet>,
    /// Largest callback body.
    pub max_body: ByteSize,
    /// Bodies up to this size lie in the database row, larger ones in the store.
    pub inline_body: ByteSize,
    /// Bytes of callback bodies held in memory at once; at least `max_body`.
    pub bytes_in_flight: ByteSize,
    /// Callbacks that may wait to be worked on; beyond it the vendor is told to come again.
    pub queue: usize,
}

impl Default for CallbackConfig {
    fn default() -> Self {
        Self {
            secret: None,
            allow_from: Vec::new(),
            max_body: ByteSize::mib(64),
            inline_body: ByteSize::kib(64),
            bytes_in_flight: ByteSize::mib(256),
            queue: 4096,
        }
    }
}
