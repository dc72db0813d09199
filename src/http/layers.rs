//! What happens around every request: the log line, the numbers, and writes that no hang-up can cut in two.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

use super::{Code, Edge, Problem};
use crate::telemetry::{RequestLabels, RouteLabels};

/// One log line and two metrics per request.
pub(super) async fn tell(State(edge): State<Edge>, request: Request, next: Next) -> Response {
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

/// A request that writes runs to its end in a task of its own: when its client hangs up, its transaction is not
/// dropped half-way (sqlx 0.9.0 loses acknowledged writes on PostgreSQL then).
pub(super) async fn finish_writes(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// A write may take a right away: what was known of rights is forgotten before it is answered.
pub(super) async fn forget_after_writes(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    // When it is dropped, so that a handler that panics after its commit has it forgotten, too.
    let _forgets = (!request.method().is_safe()).then(|| Forgets(edge));
    next.run(request).await
}

struct Forgets(Edge);

impl Drop for Forgets {
    fn drop(&mut self) {
        self.0.known.forget();
    }
}

/// A write that comes with a cookie must come from our own pages: other sites' pages can make browsers send it.
pub(super) async fn same_origin(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let harmless = request.method().is_safe() || !request.headers().contains_key(header::COOKIE);
    if harmless || from_our_pages(request.headers(), edge.app.config.public_url.origin().ascii_serialization().as_str())
    {
        return next.run(request).await;
    }
    let detail = "a write with a cookie must come from this service's own pages";
    Problem::new(Code::OtherOrigin, detail).into_response()
}

fn from_our_pages(headers: &HeaderMap, public: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else {
        // Browsers send Origin with every write; programs do not.
        return text(header::HeaderName::from_static("sec-fetch-site")).is_none_or(|site| site == "same-origin");
    };
    let host = text(header::HOST).unwrap_or_default();
    origin == public || origin.split_once("://").is_some_and(|(_, theirs)| theirs == host)
}

pub(super) async fn no_such_route() -> Problem {
    Problem::not_found()
}

pub(super) async fn no_such_method(method: Method) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("{method} is not possible here"))
}

/// A panic in a handler: logged by the panic hook, told without its cause.
pub(super) fn after_panic(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    Problem::new(Code::Internal, "the service failed; its log says why").into_response()
}
