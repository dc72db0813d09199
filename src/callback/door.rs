//! Which callbacks are let in, and which of them are authenticated.
//!
//! A callback that passes what is set is authenticated. With nothing set the door is open: the vendor's help page has it
//! so. What comes then is a hint, because every participant of a flow can send it.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use subtle::ConstantTimeEq;

use crate::{
    app::App,
    config::{CallbackConfig, Secret},
    db::DbError,
    seal_use::SealUse,
    secret::Secrets,
};

/// How the door treats a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Refused,
    /// Nothing is set. The callback only wakes the ingest, which asks the vendor.
    Hint,
    Authenticated,
}

/// Decides about a callback from `peer` with these keys, each from one place of the request.
#[must_use]
pub fn admission(config: &CallbackConfig, peer: IpAddr, keys: &[String]) -> Admission {
    let networks = &config.allow_from;
    let network_passes = networks.is_empty() || networks.iter().any(|net| net.contains(&peer.to_canonical()));
    let is_known = |key: &String| secrets(config).any(|secret| key.as_bytes().ct_eq(secret.expose().as_bytes()).into());
    let key_passes = config.secret.is_none() || keys.iter().any(is_known);
    if !(network_passes && key_passes) {
        Admission::Refused
    } else if is_open(config) {
        Admission::Hint
    } else {
        Admission::Authenticated
    }
}

/// Returns true if neither a secret nor a network is demanded.
#[must_use]
pub const fn is_open(config: &CallbackConfig) -> bool {
    config.secret.is_none() && config.allow_from.is_empty()
}

fn secrets(config: &CallbackConfig) -> impl Iterator<Item = &Secret> {
    config.secret.iter().chain(&config.former_secret)
}

/// Returns the mark of the secret that addresses carry now. A row keeps it in place of the secret.
#[must_use]
pub fn mark(app: &App) -> Option<String> {
    app.config.callback.secret.as_ref().map(|secret| mark_of(&app.secrets, secret))
}

fn mark_of(secrets: &Secrets, secret: &Secret) -> String {
    let keyed = secrets.mark(&format!("callback address {}", secret.expose()));
    keyed.unwrap_or_else(|| mark_without_key(secret))
}

/// Without a key all secrets are stored in clear, and `serve` says so. This mark tells less.
fn mark_without_key(secret: &Secret) -> String {
    let hash = blake3::derive_key("yinku callback address 1", secret.expose().as_bytes());
    format!("{WITHOUT_KEY}{}", hex::encode(&hash[..8]))
}

const WITHOUT_KEY: &str = "without key ";

/// Replaces the marks that were made without a key, once there is one. A secret that is not known any more has no mark.
pub async fn mark_again(app: &App) -> Result<(), DbError> {
    if app.secrets.fingerprint().is_none() {
        return Ok(());
    }
    let mut tx = app.db.begin().await?;
    for secret in secrets(&app.config.callback) {
        let (from, to) = (mark_without_key(secret), mark_of(&app.secrets, secret));
        SealUse::replace_callback_keys(&mut tx, &from, Some(&to)).await?;
    }
    SealUse::replace_callback_keys(&mut tx, &format!("{WITHOUT_KEY}%"), None).await?;
    tx.commit().await
}

/// Returns how many running seal uses have an address that is refused now. Their photos are found by polling.
pub async fn refused_seal_uses(app: &App) -> Result<i64, DbError> {
    let config = &app.config.callback;
    if config.secret.is_none() {
        return Ok(0);
    }
    let accepted: Vec<String> = secrets(config).map(|secret| mark_of(&app.secrets, secret)).collect();
    SealUse::count_with_other_address(&app.db, &accepted).await
}

/// Returns the query without the parameter `key` and without every parameter that contains a secret, however it is
/// percent-encoded.
#[must_use]
pub fn without_secrets(config: &CallbackConfig, query: &str) -> String {
    let is_secret = |pair: &&str| {
        let name = decoded(pair.split('=').next().unwrap_or_default());
        name.trim().eq_ignore_ascii_case("key") || names_secret(config, pair)
    };
    query.split('&').filter(|pair| !is_secret(pair)).collect::<Vec<_>>().join("&").replace('\0', "")
}

/// Returns true if the text contains a secret, plain or percent-encoded up to three times.
#[must_use]
pub fn names_secret(config: &CallbackConfig, text: &str) -> bool {
    let mut spellings = vec![text.to_owned()];
    for _ in 0..3 {
        spellings.extend(spellings.last().map(|text| decoded(text)));
    }
    secrets(config).any(|secret| spellings.iter().any(|text| text.contains(secret.expose())))
}

/// Decodes as a form does: `+` is a blank.
fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(secret: Option<&str>, former: Option<&str>, networks: &[&str]) -> CallbackConfig {
        CallbackConfig {
            secret: secret.map(Into::into),
            former_secret: former.map(Into::into),
            allow_from: networks.iter().map(|net| net.parse().unwrap()).collect(),
            ..CallbackConfig::default()
        }
    }

    #[test]
    fn what_is_set_must_pass_and_nothing_set_authenticates_nothing() {
        let admit = |config: &CallbackConfig, peer: &str, key: &str| {
            admission(config, peer.parse().unwrap(), &[key.to_owned()])
        };
        let (inside, outside) = ("10.0.0.7", "192.0.2.1");
        let open = config(None, None, &[]);
        assert_eq!(admit(&open, outside, "anything"), Admission::Hint);
        let by_key = config(Some("new"), Some("old"), &[]);
        for (key, expected) in
            [("new", Admission::Authenticated), ("old", Admission::Authenticated), ("ne", Admission::Refused)]
        {
            assert_eq!(admit(&by_key, outside, key), expected, "{key}");
        }
        let by_network = config(None, None, &["10.0.0.0/8"]);
        assert_eq!(admit(&by_network, inside, ""), Admission::Authenticated);
        assert_eq!(admit(&by_network, "::ffff:10.0.0.7", ""), Admission::Authenticated);
        assert_eq!(admit(&by_network, outside, ""), Admission::Refused);
        let both = config(Some("new"), None, &["10.0.0.0/8"]);
        assert_eq!(admit(&both, inside, "new"), Admission::Authenticated);
        assert_eq!(admit(&both, inside, ""), Admission::Refused);
        assert_eq!(admit(&both, outside, "new"), Admission::Refused);
    }

    #[test]
    fn no_spelling_of_the_key_is_kept() {
        let config = config(Some("s-ecret ä"), None, &[]);
        for query in [
            "key=s-ecret+%C3%A4",
            "%6Bey=s-ecret%20%C3%A4",
            "KEY=x",
            "k%45y=%73-ecret",
            "x=%73-ecret+%c3%a4",
            "url=http%3A%2F%2Fa%2F%3Fkey%3Ds-ecret%2520%25C3%25A4",
        ] {
            assert_eq!(without_secrets(&config, &format!("a=1&{query}&b=%20")), "a=1&b=%20", "{query}");
        }
        assert_eq!(without_secrets(&config, "monkey=1"), "monkey=1");
    }
}
