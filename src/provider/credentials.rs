//! The credentials of a bound service: the vendor's URL, the app token, the app secret and the sign mode.

use std::{fmt, str::FromStr};

use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use url::Url;

/// Credentials that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCredentials {
    #[error("the address is not valid; enter http:// or https:// with a host, without user, query or fragment")]
    BaseUrl,
    #[error("the app token is empty or contains blanks or control characters; copy it again")]
    AppToken,
    #[error("the app secret is empty or contains blanks or control characters; copy it again")]
    AppSecret,
    #[error("the sign mode is not valid; enter `legacy`, `nonce` or `nonce:<header name>`")]
    SignMode,
}

/// Text that must not reach a log: seal codes, the vendor's raw answers. `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Hidden(String);

impl Hidden {
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The AppSecret. It signs requests and is never sent. `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppSecret(Hidden);

impl AppSecret {
    /// Trims the ends. Refuses blanks inside, because only some vendor code removes them before hashing.
    pub fn new(text: &str) -> Result<Self, BadCredentials> {
        word(text).map(|word| Self(Hidden::new(word.to_owned()))).ok_or(BadCredentials::AppSecret)
    }

    /// Returns the secret, to sign with it or to store it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

fn word(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control())).then_some(text)
}

/// How requests are signed. As text: `legacy`, `nonce`, or `nonce:<header name>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SignMode {
    /// md5(token + secret + timestamp).
    #[default]
    Legacy,
    /// md5(token + secret + timestamp + nonce), the nonce in a header of this name.
    Nonce { header: HeaderName },
}

// The name is an analogy (x-qys-open-nonce of the public cloud); no source shows it for the private cloud.
const NONCE_HEADER: &str = "x-qys-nonce";

impl SignMode {
    /// With a nonce in the usual header, `x-qys-nonce`.
    #[must_use]
    pub fn nonce() -> Self {
        Self::Nonce { header: HeaderName::from_static(NONCE_HEADER) }
    }
}

impl FromStr for SignMode {
    type Err = BadCredentials;

    fn from_str(text: &str) -> Result<Self, BadCredentials> {
        match text.split_once(':') {
            None if text == "legacy" => Ok(Self::Legacy),
            None if text == "nonce" => Ok(Self::nonce()),
            Some(("nonce", header)) => {
                header.parse().map(|header| Self::Nonce { header }).map_err(|_| BadCredentials::SignMode)
            }
            _ => Err(BadCredentials::SignMode),
        }
    }
}

impl TryFrom<String> for SignMode {
    type Error = BadCredentials;

    fn try_from(text: String) -> Result<Self, BadCredentials> {
        text.parse()
    }
}

impl fmt::Display for SignMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Legacy => f.write_str("legacy"),
            Self::Nonce { header } if header == NONCE_HEADER => f.write_str("nonce"),
            Self::Nonce { header } => write!(f, "nonce:{header}"),
        }
    }
}

impl From<SignMode> for String {
    fn from(mode: SignMode) -> Self {
        mode.to_string()
    }
}

/// The vendor's URL and our credentials there. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    base_url: Url,
    app_token: String,
    app_secret: AppSecret,
    sign_mode: SignMode,
}

impl Credentials {
    /// `base_url` is the URL of the open platform API, port 9182. A path prefix (a reverse proxy) is kept.
    pub fn new(
        mut base_url: Url,
        app_token: &str,
        app_secret: AppSecret,
        sign_mode: SignMode,
    ) -> Result<Self, BadCredentials> {
        let plain = matches!(base_url.scheme(), "http" | "https")
            && base_url.has_host()
            && base_url.username().is_empty()
            && base_url.password().is_none()
            && base_url.query().is_none()
            && base_url.fragment().is_none();
        if !plain {
            return Err(BadCredentials::BaseUrl);
        }
        if !base_url.path().ends_with('/') {
            base_url.set_path(&format!("{}/", base_url.path()));
        }
        let app_token = word(app_token).ok_or(BadCredentials::AppToken)?;
        HeaderValue::from_bytes(app_token.as_bytes()).map_err(|_| BadCredentials::AppToken)?;
        Ok(Self { base_url, app_token: app_token.to_owned(), app_secret, sign_mode })
    }

    #[must_use]
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }

    #[must_use]
    pub fn app_token(&self) -> &str {
        &self.app_token
    }

    #[must_use]
    pub fn app_secret(&self) -> &AppSecret {
        &self.app_secret
    }

    #[must_use]
    pub fn sign_mode(&self) -> &SignMode {
        &self.sign_mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_trimmed_and_refused_with_blanks_inside() {
        assert_eq!(AppSecret::new("  s3cret\n").unwrap().expose(), "s3cret");
        for bad in ["", "  ", "demo Secret", "demo\u{3000}Secret", "a\0b"] {
            assert_eq!(AppSecret::new(bad).unwrap_err(), BadCredentials::AppSecret, "{bad:?}");
        }
    }

    #[test]
    fn sign_modes_are_the_words_of_the_contract() {
        for text in ["legacy", "nonce", "nonce:x-other"] {
            assert_eq!(text.parse::<SignMode>().unwrap().to_string(), text);
        }
        for bad in ["", "Legacy", "nonce:", "nonce:bad header"] {
            assert_eq!(bad.parse::<SignMode>().unwrap_err(), BadCredentials::SignMode, "{bad:?}");
        }
    }

    #[test]
    fn addresses_that_could_never_work_are_refused() {
        let with = |url: &str, token: &str| {
            Credentials::new(url.parse().unwrap(), token, AppSecret::new("s").unwrap(), SignMode::Legacy)
        };
        assert_eq!(with("http://h:9182", "t").unwrap().base_url().as_str(), "http://h:9182/");
        assert_eq!(with("https://h/qys", " t ").unwrap().base_url().as_str(), "https://h/qys/");
        for bad in ["ftp://h/", "http://u:p@h/", "http://h/?a=1", "http://h/#a"] {
            assert_eq!(with(bad, "t").unwrap_err(), BadCredentials::BaseUrl, "{bad}");
        }
        assert_eq!(with("http://h/", "t\r\nx: y").unwrap_err(), BadCredentials::AppToken);
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = AppSecret::new("very-secret").unwrap();
        let credentials = Credentials::new("http://h/".parse().unwrap(), "t", secret, SignMode::Legacy).unwrap();
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(shown.contains("***") && !shown.contains("very-secret"), "{shown}");
    }
}
