//! The vendor's check of a request's headers. Written from the vendor's documents alone, apart from the client's signer,
//! so that one cannot repeat the other's mistake.

use http::HeaderMap;
use md5::{Digest, Md5};

use super::{
    api::Refusal,
    knobs::{Knobs, SignFamily},
};

/// Accepts or refuses a request by its headers; `now` in Unix milliseconds.
pub(super) fn check(headers: &HeaderMap, knobs: &Knobs, now: i64) -> Result<(), Refusal> {
    let token = required(headers, "x-qys-accesstoken")?;
    let timestamp = required(headers, "x-qys-timestamp")?;
    let signature = required(headers, "x-qys-signature")?;
    let nonce = headers.get("x-qys-nonce").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if token != knobs.token {
        return Err(Refusal::new(442, "INVALID TOKEN"));
    }
    match knobs.sign {
        SignFamily::Nonce if nonce.is_empty() => return Err(Refusal::new(441, "HEADER REQUIRED,x-qys-nonce")),
        SignFamily::Legacy if !nonce.is_empty() => return Err(Refusal::new(440, "SIGNATURE ERROR")),
        _ => {}
    }
    let instant: i64 = timestamp.parse().map_err(|_| Refusal::new(446, "TIMESTAMP INVALID"))?;
    if knobs.max_skew_ms.is_some_and(|most| instant.abs_diff(now) > most) {
        return Err(Refusal::new(446, "TIMESTAMP TIMEOUT"));
    }
    if expected(&knobs.token, &knobs.secret, timestamp, nonce).iter().any(|e| e == signature) {
        Ok(())
    } else {
        Err(Refusal::new(440, "SIGNATURE ERROR"))
    }
}

fn required<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    // Values may be UTF-8 beyond ASCII: a token can be Chinese.
    let value = headers.get(name).and_then(|v| std::str::from_utf8(v.as_bytes()).ok()).unwrap_or_default();
    if value.is_empty() { Err(Refusal::new(441, format!("HEADER REQUIRED,{name}"))) } else { Ok(value) }
}

/// The two signatures that are right: as written, and without blanks, which PHP clients drop before hashing.
fn expected(token: &str, secret: &str, timestamp: &str, nonce: &str) -> [String; 2] {
    let text = [token, secret, timestamp, nonce].concat();
    let squeezed = text.replace(' ', "");
    [text, squeezed].map(|t| hex::encode(Md5::digest(t.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::expected;

    const TOKEN: &str = "demoToken01";
    const SECRET: &str = "demoSecret-0123456789abcdef";
    const TS: &str = "1700000000000";

    #[test]
    fn the_worked_values_of_the_protocol_come_out() {
        assert_eq!(expected(TOKEN, SECRET, TS, "")[0], "bc9e514533a995e160241383b0d018e5");
        assert_eq!(expected(TOKEN, SECRET, "0", "")[0], "3621f8c85d7b282736d13e4b1a5e4695");
        let nonce = "254775d7-3c7c-4e9d-9880-1d4c5fb3dbd0";
        assert_eq!(expected(TOKEN, SECRET, TS, nonce)[0], "a9a2dd729e4e56f9a3112e1e36567324");
        assert_eq!(expected("令牌A", "密钥B", TS, "")[0], "8583e930627e5cb9a676e9f76e15d348");
    }

    #[test]
    fn a_secret_with_a_blank_has_two_right_signatures() {
        let both = expected(TOKEN, "demo Secret", TS, "");
        assert_eq!(both, ["4c46a794b51303b49530e1258c80a383", "609220675ae74326367365879214fabb"]);
    }
}
