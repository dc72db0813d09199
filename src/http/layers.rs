//! Layers around every request: log line, metrics, the same-origin check, and writes that a disconnect cannot abort.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

use super::{Code, Edge, Problem};
use crate::telemetry::{RequestLabels, RouteLabels};

/// Writes one log line and two metrics per request.
pub(super) async fn observe(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().to_string();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::info!(method, route, status, elapsed = ?begun.elapsed(), "request");
    let labels = RequestLabels { method: method.clone(), route: route.clone(), status };
    edge.app.metrics.http_requests.get_or_create(&labels).inc();
    let seconds = begun.elapsed().as_secs_f64();
    edge.app.metrics.http_request_seconds.get_or_create(&RouteLabels { method, route }).observe(seconds);
    response
}

/// Runs a write in its own task, so its transaction is not dropped when the client disconnects. sqlx 0.9.0 loses
/// acknowledged writes on PostgreSQL when a transaction is dropped.
pub(super) async fn finish_writes(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// Clears the permission cache before a write is answered, because a write may revoke a right.
pub(super) async fn clear_cache_after_writes(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    // `Drop` clears the cache, so a handler that panics after its commit clears it too.
    let _clear = (!request.method().is_safe()).then(|| ClearOnDrop(edge));
    next.run(request).await
}

struct ClearOnDrop(Edge);

impl Drop for ClearOnDrop {
    fn drop(&mut self) {
        self.0.permission_cache.clear();
    }
}

/// Refuses a write with a cookie that does not come from our own pages. Pages of other sites can make a browser send
/// the cookie.
pub(super) async fn same_origin(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let harmless = request.method().is_safe() || !request.headers().contains_key(header::COOKIE);
    if harmless || from_our_pages(request.headers(), edge.app.config.public_url.origin().ascii_serialization().as_str())
    {
        return next.run(request).await;
    }
    let detail =
        "A write with a cookie came from another site. Send the write from this service's pages, or use a token.";
    Problem::new(Code::OtherOrigin, detail).into_response()
}

fn from_our_pages(headers: &HeaderMap, public: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else {
        // Browsers send Origin with every write; programs do not.
        return text(header::HeaderName::from_static("sec-fetch-site")).is_none_or(|site| site == "same-origin");
    };
    let host = text(header::HOST).unwrap_or_default();
    origin == public || origin.split_once("://").is_some_and(|(_, authority)| authority == host)
}

pub(super) async fn no_such_method(method: Method) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("The route does not support {method}. See the OpenAPI document."))
}

/// Answers 500 after a panic in a handler. The panic hook logs the cause; the caller does not see it.
pub(super) fn after_panic(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    Problem::new(Code::Internal, "The service failed. See the service log for the cause.").into_response()
}
