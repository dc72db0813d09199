//! Sends signed requests and separates answers from the vendor's different refusals.

use std::time::Duration;

use reqwest::{
    Method, RequestBuilder, Response,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, LOCATION, RETRY_AFTER},
};

use crate::{
    clock::Timestamp,
    provider::{
        ProviderError, SignMode, body,
        error::short,
        qiyuesuo::{QiyuesuoClient, answer::Answer, page, sign::signature},
    },
};

impl QiyuesuoClient {
    pub(super) fn get(&self, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        self.request(&self.shared.http, Method::GET, path).query(query)
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.request(&self.shared.http, Method::POST, path)
    }

    /// Builds a request with files.
    pub(super) fn upload(&self, path: &str) -> RequestBuilder {
        self.request(&self.shared.uploads, Method::POST, path)
    }

    fn request(&self, http: &reqwest::Client, method: Method, path: &str) -> RequestBuilder {
        let credentials = &self.credentials;
        let mut url = credentials.base_url().clone();
        // The URL ends with a slash (Credentials::new).
        url.set_path(&format!("{}{path}", url.path()));
        let timestamp = (self.shared.clock.now().0 / 1000).to_string();
        let mut request = http.request(method, url);
        let nonce = match credentials.sign_mode() {
            SignMode::Legacy => None,
            SignMode::Nonce { header } => {
                let nonce = uuid::Uuid::new_v4().to_string();
                request = request.header(header, &nonce);
                Some(nonce)
            }
        };
        let signature = signature(credentials.app_token(), credentials.app_secret(), &timestamp, nonce.as_deref());
        request
            .header("x-qys-accesstoken", credentials.app_token().as_bytes())
            .header("x-qys-timestamp", timestamp)
            .header("x-qys-signature", signature)
            .header(ACCEPT_ENCODING, "identity")
    }

    /// Sends the request. Returns the answer without its body if the status is 2xx.
    pub(super) async fn open(&self, request: RequestBuilder) -> Result<Response, ProviderError> {
        let (http, request) = request.build_split();
        let request = request?;
        let path = request.url().path().to_owned();
        let response = http.execute(request).await?;
        let status = response.status();
        tracing::debug!(path, status = status.as_u16(), "the vendor answered");
        if status.is_redirection() {
            let location = response.headers().get(LOCATION).map(|to| short(&String::from_utf8_lossy(to.as_bytes())));
            return Err(ProviderError::Redirected { location: location.unwrap_or_default() });
        }
        if !status.is_success() {
            let retry_after = patience(status.as_u16(), response.headers(), self.shared.clock.now());
            let body = body::head(response).await;
            return Err(page::refusal(status.as_u16(), &body, retry_after));
        }
        if status.as_u16() == 206 {
            return Err(ProviderError::Cut("a partial answer without a range request".to_owned()));
        }
        if let Some(coding) = compression(response.headers()) {
            let text = format!("a compressed answer ({coding}) without a request for compression");
            return Err(ProviderError::Garbled(text));
        }
        Ok(response)
    }

    /// Reads a short body as text. Fails if it is empty.
    pub(super) async fn text(&self, request: RequestBuilder) -> Result<String, ProviderError> {
        let response = self.open(request).await?;
        let body = body::collect(response, self.shared.limits.max_json_bytes, |_| ()).await?;
        let text = page::text(&body);
        if text.trim().is_empty() { Err(ProviderError::Empty) } else { Ok(text) }
    }

    /// Reads a JSON envelope with code 0.
    pub(super) async fn json(&self, request: RequestBuilder) -> Result<Answer, ProviderError> {
        let text = self.text(request).await?;
        match page::error_in(200, text.as_bytes(), None) {
            Some(error) => Err(error),
            None => Answer::parse(text),
        }
    }
}

/// Returns the first content coding of an answer that really changes its bytes: the registered ones (RFC 9110, 16.6.1).
/// Some servers write a charset, `none` or nothing into this header, although nothing is packed.
fn compression(headers: &HeaderMap) -> Option<String> {
    const CODINGS: [&str; 13] = [
        "gzip",
        "x-gzip",
        "deflate",
        "compress",
        "x-compress",
        "br",
        "zstd",
        "dcb",
        "dcz",
        "aes128gcm",
        "exi",
        "pack200-gzip",
        "lz4",
    ];
    let values = headers.get_all(CONTENT_ENCODING).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let codings: Vec<String> = values
        .flat_map(|list| list.split(',').map(|coding| coding.trim().to_ascii_lowercase()).collect::<Vec<_>>())
        .collect();
    codings.into_iter().find(|coding| CODINGS.contains(&coding.as_str()))
}

/// Returns the vendor's `Retry-After` (seconds or a date) for a status that supports it.
fn patience(status: u16, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if !matches!(status, 429 | 503) {
        return None;
    }
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp(at.as_microsecond()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_real_content_coding_is_a_compression() {
        let compression_of = |values: &[&'static str]| {
            compression(&values.iter().map(|value| (CONTENT_ENCODING, value.parse().unwrap())).collect())
        };
        let plain = ["UTF-8", "none", "Identity", "", " IDENTITY , identity", "binary", "utf-8;q=1", "8bit", "GBK"];
        for value in plain {
            assert_eq!(compression_of(&[value]), None, "{value}");
        }
        for value in ["gzip", "GZip", "identity, br", "x-gzip ", "deflate", "zstd"] {
            assert!(compression_of(&[value]).is_some(), "{value}");
        }
        assert_eq!(compression_of(&["identity", "gzip"]).as_deref(), Some("gzip"));
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let retry_after_of = |status, text: &'static str| {
            patience(status, &[(RETRY_AFTER, text.parse().unwrap())].into_iter().collect(), now)
        };
        assert_eq!(retry_after_of(503, "7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after_of(429, "Mon, 23 Nov 2026 08:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(retry_after_of(429, "Mon, 23 Nov 2026 07:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after_of(503, "soon"), None);
        assert_eq!(retry_after_of(500, "7"), None);
    }
}
