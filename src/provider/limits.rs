//! Section `[vendor]` of the settings: the bounds of every exchange with a vendor.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::{Deserialize, Serialize};

use crate::provider::retry::Backoff;

/// The longest wait for the vendor while a person waits for our answer.
pub const INTERACTIVE: Duration = Duration::from_secs(2);

/// Bounds of every exchange with a vendor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The longest wait for a connection, DNS and TLS included. Shorter than `read_timeout`, which would otherwise end
    /// the wait without telling that the request never left.
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// The longest silence: before the answer begins and between two pieces of its body.
    #[serde(with = "duration")]
    pub read_timeout: Duration,
    /// The longest exchange, from the request to the last byte of one photo or one JSON answer.
    #[serde(with = "duration")]
    pub total_timeout: Duration,
    /// The same for the zip of all photos, which may be hundreds of megabytes.
    #[serde(with = "duration")]
    pub zip_timeout: Duration,
    /// The longest JSON answer, in bytes.
    pub max_json_bytes: u64,
    /// The longest zip of all photos, in bytes.
    pub max_zip_bytes: u64,
    /// Idle connections kept per vendor.
    pub pool_idle_per_host: usize,
    /// How long an idle connection is kept. Shorter than servers' usual 20 to 30 s, so that a request is not sent into a
    /// connection that is just being closed: for an application it would be unknown whether it arrived.
    #[serde(with = "duration")]
    pub pool_idle_timeout: Duration,
    /// How calls that may be repeated are repeated.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_written_with_units_and_unknown_ones_are_refused() {
        let limits: Limits =
            toml::from_str("read_timeout = '3s'\ntotal_timeout = '10m'\n[retry]\nfirst = '50ms'").unwrap();
        assert_eq!(limits.read_timeout, Duration::from_secs(3));
        assert_eq!(limits.total_timeout, Duration::from_mins(10));
        assert_eq!(limits.retry, Backoff { first: Duration::from_millis(50), ..Backoff::default() });
        assert!(toml::from_str::<Limits>("read_timeuot = '3s'").is_err());
        let written = toml::to_string(&Limits::default()).unwrap();
        assert_eq!(toml::from_str::<Limits>(&written).unwrap(), Limits::default());
    }
}
