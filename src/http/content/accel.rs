//! Files that nginx sends from the directory of the store (X-Accel-Redirect). The service decides and audits as always,
//! and answers with the place of the file. nginx reads the file and checks nothing.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, StatusCode, header, request::Parts},
    response::Response,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::range;
use crate::http::{Edge, proxies::ThroughProxy};

const X_ACCEL_REDIRECT: HeaderName = HeaderName::from_static("x-accel-redirect");

/// What a key keeps in an address.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The location of nginx, if nginx sends the answer to this request.
#[derive(Debug)]
pub(super) struct Accel(Option<String>);

impl FromRequestParts<Edge> for Accel {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Infallible> {
        let location = edge.app.config.store.x_accel_redirect.as_ref();
        // A client that comes directly gets the bytes from the service. nginx compares these two conditions with the
        // date and the tag of the file, which are others.
        let by_nginx = parts.extensions.get::<ThroughProxy>().is_some()
            && !parts.headers.contains_key(header::IF_MATCH)
            && !parts.headers.contains_key(header::IF_UNMODIFIED_SINCE);
        Ok(Self(location.filter(|_| by_nginx).cloned()))
    }
}

impl Accel {
    /// Returns the address of the object for nginx. `None`: the service sends the bytes.
    pub(super) fn place(&self, key: &str) -> Option<String> {
        Some(format!("{}{}", self.0.as_ref()?, utf8_percent_encode(key, KEPT)))
    }
}

/// Returns the answer that lets nginx send the file at `place`. Length and range are set by nginx.
pub(super) fn sent_from(place: Option<String>, mut response: Response) -> Response {
    let Some(place) = place else { return response };
    *response.status_mut() = StatusCode::OK;
    let set = response.headers_mut();
    set.remove(header::CONTENT_LENGTH);
    set.remove(header::CONTENT_RANGE);
    set.remove(header::ACCEPT_RANGES);
    range::insert(set, X_ACCEL_REDIRECT, &place);
    response
}
