//! The limits of every request to a vendor. Section `[vendor]` of the settings sets some of them.

use std::time::Duration;

use crate::provider::retry::Backoff;

/// The longest wait for the vendor while a user waits for our response.
pub const INTERACTIVE: Duration = Duration::from_secs(2);

/// Limits of every request to a vendor.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest time to connect, including DNS and TLS. Shorter than `read_timeout`: that error does not show that the
    /// request was never sent.
    pub connect_timeout: Duration,
    /// The longest time without data: before the response begins, and between two parts of its body.
    pub read_timeout: Duration,
    /// The longest request, until the last byte of one photo or one JSON response.
    pub total_timeout: Duration,
    /// The same for the zip of all photos, which may have hundreds of megabytes, and for requests that send files.
    pub zip_timeout: Duration,
    /// The largest JSON response, in bytes.
    pub max_json_bytes: u64,
    /// The largest zip of all photos, in bytes.
    pub max_zip_bytes: u64,
    /// Most idle connections per vendor.
    pub pool_idle_per_host: usize,
    /// How long an idle connection is kept. Servers close theirs after 20 to 30 s. Ours closes earlier: if a server closes
    /// a connection while an application is sent, it is unknown whether the application arrived.
    pub pool_idle_timeout: Duration,
    /// How requests are retried that may be sent again.
    pub retry: Backoff,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(20),
            total_timeout: Duration::from_mins(2),
            zip_timeout: Duration::from_mins(30),
            max_json_bytes: 8 << 20,
            max_zip_bytes: 4 << 30,
            pool_idle_per_host: 16,
            pool_idle_timeout: Duration::from_secs(15),
            retry: Backoff::default(),
        }
    }
}
