use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{ByteSize, Secret, Span};

/// Callbacks: requests that the vendor sends to the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallbackConfig {
    /// Secret that each callback must carry as the header `x-yinku-key`, as `?key=` or as the last path segment. If neither
    /// this nor `allow_from` is set, callbacks are hints only: their pictures are not kept.
    pub secret: Option<Secret>,
    /// The secret before it was changed. Addresses with it that the vendor has still work.
    pub former_secret: Option<Secret>,
    /// Networks (CIDR) that may send callbacks. Empty: any network. With `secret`, both are demanded.
    pub allow_from: Vec<IpNet>,
    /// Largest callback body that is accepted.
    pub max_body: ByteSize,
    /// Bodies up to this size are saved in the database row, larger bodies in the store.
    pub inline_body: ByteSize,
    /// Most memory for callback bodies in progress. At least `max_body`. It counts the bytes that have arrived.
    pub bytes_in_flight: ByteSize,
    /// Callbacks that wait to be saved. A full queue is answered with 503, and the vendor retries.
    pub queue: usize,
    /// Longest time in which a body must be complete. It must keep `clients.body_rate` too.
    pub deadline: Span,
    /// How long the bodies of callbacks that led to nothing are kept.
    pub keep: Span,
    /// Bytes that one address may send in an hour without secret or allowed network. Bodies up to 64 KiB always pass.
    pub bytes_per_hour: ByteSize,
}

impl Default for CallbackConfig {
    fn default() -> Self {
        Self {
            secret: None,
            former_secret: None,
            allow_from: Vec::new(),
            max_body: ByteSize::mib(64),
            inline_body: ByteSize::kib(64),
            bytes_in_flight: ByteSize::mib(256),
            queue: 4096,
            deadline: Span::mins(10),
            keep: Span::hours(30 * 24),
            bytes_per_hour: ByteSize::mib(1024),
        }
    }
}
