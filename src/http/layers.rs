//! Layers around every request: log line, metrics, the same-origin check, and writes that a disconnect cannot abort.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, Method, StatusCode, Version, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Code, Edge, Problem, connections::Line};
use crate::{
    audit::origin::Origin,
    config::Config,
    db,
    telemetry::{RequestLabels, RouteLabels},
};

/// The longest wait of a request for answers of the database, all together. Then the request fails.
const DATABASE: Duration = Duration::from_secs(8);

/// Writes one log line and two metrics per request.
pub(super) async fn observe(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = label_of(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::info!(method, route, status, elapsed = ?begun.elapsed(), "request");
    let labels = RequestLabels { method, route: route.clone(), status };
    edge.app.metrics.http_requests.get_or_create(&labels).inc();
    let seconds = begun.elapsed().as_secs_f64();
    edge.app.metrics.http_request_seconds.get_or_create(&RouteLabels { method, route }).observe(seconds);
    response
}

/// The label of a method. A client can make up methods, and each label stays in memory.
fn label_of(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
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

/// Gives the audit entries of the request its origin, and records refused access.
pub(super) async fn attribute(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_string());
    let origin = Origin::new(peer);
    request.extensions_mut().insert(Arc::clone(&origin));
    let named = name_of(&request);
    let work = async {
        let response = next.run(request).await;
        let code = response.extensions().get::<Code>().copied();
        if let Some(code) = code.filter(|code| is_refusal(*code, &named)) {
            record_refusal(&edge, &origin, code, &named).await;
        }
        response
    };
    Arc::clone(&origin).scope(work).await
}

/// Names the route and the ids of the request. Other parts of its address can be secrets.
fn name_of(request: &Request) -> String {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let ids = request.uri().path().split('/').filter(|part| Uuid::try_parse(part).is_ok());
    [label_of(request.method()), route].into_iter().chain(ids).collect::<Vec<_>>().join(" ")
}

async fn record_refusal(edge: &Edge, origin: &Origin, code: Code, named: &str) {
    let address = || format!("address {}", origin.peer().unwrap_or("unknown"));
    let who = origin.username().map_or_else(address, str::to_owned);
    let (app, now) = (&edge.app, edge.app.clock.now());
    if let Err(error) = app.refusals.note(&app.journal, &who, code.as_str(), named, now).await {
        tracing::warn!(%error, who, code = code.as_str(), "a refused access could not be recorded");
    }
}

/// A failed login has an entry of its own. A page asks for the session to learn whether there is one.
fn is_refusal(code: Code, named: &str) -> bool {
    let refused = matches!(code.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let of_login = code.status() == StatusCode::UNAUTHORIZED && named.ends_with(" /api/session");
    refused && !of_login
}

/// Limits the time that the request waits for the database, so a database that hangs is an answer.
pub(super) async fn limit_database(request: Request, next: Next) -> Response {
    db::limited(DATABASE, next.run(request)).await
}

/// Answers 408 if the body came too slowly. The handler only sees that the body ended early.
pub(super) async fn refuse_slow_body(request: Request, next: Next) -> Response {
    let line = line_of(&request);
    let response = next.run(request).await;
    if was_too_slow(line.as_deref()) { Problem::slow_body().into_response() } else { response }
}

/// Returns the connection of the request. `None` without a connection, in a benchmark.
pub(super) fn line_of(request: &Request) -> Option<Arc<Line>> {
    request.extensions().get().cloned()
}

pub(super) fn was_too_slow(line: Option<&Line>) -> bool {
    line.is_some_and(Line::was_too_slow)
}

/// Refuses a request without exactly one valid `Host`, as HTTP/1.1 demands (RFC 9112, section 3.2). A proxy and this
/// service could read different hosts.
pub(super) async fn one_host(request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let sound = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.is_empty() || is_host(host.as_bytes()),
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    if sound {
        return next.run(request).await;
    }
    Problem::new(Code::BadHost, Code::BadHost.meaning()).into_response()
}

fn is_host(text: &[u8]) -> bool {
    !text.contains(&b'@') && Authority::try_from(text).is_ok()
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

/// Refuses a write of a browser that does not come from our own pages. Pages of other sites can make a browser send the
/// cookie, or log a user in as another one.
pub(super) async fn same_origin(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    if request.method().is_safe()
        || !is_of_browser(request.headers())
        || from_our_pages(request.headers(), &edge.app.config)
    {
        return next.run(request).await;
    }
    let detail = "A write came from a page of another site. Send the write from this service's pages, or use a token.";
    Problem::new(Code::OtherOrigin, detail).into_response()
}

/// A page of another site can send a cookie, but no token.
fn is_of_browser(headers: &HeaderMap) -> bool {
    let has = |name| headers.contains_key(name);
    has(header::COOKIE) || (has(header::ORIGIN) && !has(header::AUTHORIZATION))
}

/// With a `public_url` of its own, the service has one origin. Otherwise the host of the request is believed, so that the
/// pages work under each name of the machine.
fn from_our_pages(headers: &HeaderMap, config: &Config) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else {
        // Browsers send Origin with every write; programs do not.
        return text(header::HeaderName::from_static("sec-fetch-site")).is_none_or(|site| site == "same-origin");
    };
    if origin == config.public_url.origin().ascii_serialization() {
        return true;
    }
    let host = text(header::HOST).unwrap_or_default();
    !config.has_own_public_url() && origin.split_once("://").is_some_and(|(_, authority)| authority == host)
}

pub(super) async fn no_such_method(method: Method) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("The route does not support {method}. See the OpenAPI document."))
}

/// Answers 500 after a panic in a handler. The panic hook logs the cause; the caller does not see it.
pub(super) fn after_panic(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    Problem::new(Code::Internal, "The service failed. See the service log for the cause.").into_response()
}
