//! Headers that protect browsers, on every answer.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};

use super::Edge;

/// One year. A browser that has seen it uses https alone for this host.
const HTTPS_ONLY: &str = "max-age=31536000";

/// The policy of answers that are no page: a browser runs nothing in them and shows them in no frame.
const NOTHING_RUNS: &str = "default-src 'none'; frame-ancestors 'none'";

/// Sets the headers that the handler has not set. Originals, thumbnails, zips and pages set their own caching, because
/// browsers resume or keep them. All other answers must not stay in a cache.
pub(super) async fn protect(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let keeps_cached = response.status() == StatusCode::NOT_MODIFIED;
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let headers = response.headers_mut();
    let mut set = |name, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    if !keeps_cached {
        set(header::CACHE_CONTROL, "no-store");
    }
    // A browser would give the headers of a 304 to what it has kept.
    if !keeps_cached && !is_page {
        set(header::CONTENT_SECURITY_POLICY, NOTHING_RUNS);
    }
    if edge.is_https() {
        set(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
    response
}
