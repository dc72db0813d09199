use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// Connections of clients: how many, and how slow a client may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientsConfig {
    /// Most open connections. If all are in use, a new connection replaces an idle or slow connection. If all are busy,
    /// the answer is 503. The service lowers this bound if it may not open enough files.
    pub connections: usize,
    /// Most open connections of one address. 0: no bound, for clients behind a proxy and for the vendor.
    pub per_address: usize,
    /// Longest time to receive the head of a request. A connection without a request is closed after it too.
    pub head_timeout: Span,
    /// Least bytes of a body in each second, on average.
    pub body_rate: ByteSize,
    /// How long a body may be behind `body_rate`. Then the request is aborted.
    pub body_wait: Span,
    /// Longest time in which a client reads nothing of its answer. Then the connection is closed.
    pub read_timeout: Span,
}

impl Default for ClientsConfig {
    fn default() -> Self {
        Self {
            connections: 4096,
            per_address: 0,
            head_timeout: Span::secs(10),
            body_rate: ByteSize::kib(1),
            body_wait: Span::secs(30),
            read_timeout: Span::secs(30),
        }
    }
}
