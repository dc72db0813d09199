//! The vendor's signature: MD5 over credentials and time. It covers neither method, path nor body.

use md5::{Digest, Md5};

use crate::provider::AppSecret;

/// `md5(token + secret + timestamp [+ nonce])`, 32 lower-case hex digits. `timestamp` is Unix milliseconds in decimal.
#[must_use]
pub fn signature(app_token: &str, app_secret: &AppSecret, timestamp: &str, nonce: Option<&str>) -> String {
    let mut hash = Md5::new();
    for part in [app_token, app_secret.expose(), timestamp, nonce.unwrap_or_default()] {
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "demoToken01";
    const SECRET: &str = "demoSecret-0123456789abcdef";
    const AT: &str = "1700000000000";
    const NONCE: &str = "254775d7-3c7c-4e9d-9880-1d4c5fb3dbd0";

    fn sign(token: &str, secret: &str, at: &str, nonce: Option<&str>) -> String {
        signature(token, &AppSecret::new(secret).unwrap(), at, nonce)
    }

    #[test]
    fn signatures_equal_the_worked_values() {
        assert_eq!(sign(TOKEN, SECRET, AT, None), "bc9e514533a995e160241383b0d018e5");
        assert_eq!(sign(TOKEN, SECRET, "0", None), "3621f8c85d7b282736d13e4b1a5e4695");
        assert_eq!(sign(TOKEN, SECRET, AT, Some(NONCE)), "a9a2dd729e4e56f9a3112e1e36567324");
        assert_eq!(sign("令牌A", "密钥B", AT, None), "8583e930627e5cb9a676e9f76e15d348");
    }

    #[test]
    fn a_secret_without_its_blank_signs_as_clients_that_remove_blanks() {
        assert_eq!(sign(TOKEN, "demoSecret", AT, None), "609220675ae74326367365879214fabb");
        assert!(AppSecret::new("demo Secret").is_err(), "with the blank both readings would be possible");
    }
}
