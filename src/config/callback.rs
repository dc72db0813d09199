use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{ByteSize, Secret};

/// Callbacks: requests that the vendor sends to the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallbackConfig {
    /// Secret that each callback must carry as `?key=` or as the last path segment. Absent: no secret is required.
    pub secret: Option<Secret>,
    /// Networks (CIDR) that may send callbacks. Empty: any network.
    pub allow_from: Vec<IpNet>,
    /// Largest callback body that is accepted.
    pub max_body: ByteSize,
    /// Bodies up to this size are saved in the database row, larger bodies in the store.
    pub inline_body: ByteSize,
    /// Most memory for callback bodies in progress. At least `max_body`. It counts the bytes that have arrived.
    pub bytes_in_flight: ByteSize,
    /// Callbacks that wait to be saved. A full queue is answered with 503, and the vendor retries.
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
