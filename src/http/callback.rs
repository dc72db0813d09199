//! The vendor's callback endpoint. It has no login. A callback with the secret or from an allowed network is
//! authenticated. With neither set it is a hint: the ingest then asks the vendor.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{ConnectInfo, Extension, RawQuery, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use futures::StreamExt;
use percent_encoding::percent_decode_str;

use super::{Code, Edge, Problem, layers};
use crate::callback::{
    CallbackError, Received, Room,
    door::{self, Admission},
    parse::{self, CallbackReply},
};

pub(super) const ADDRESS: &str = "/papi/signcenter/qiyuesuo/categoryCallback";

pub(super) fn routes(edge: &Edge) -> Router<Edge> {
    // People type a slash behind the address, and programs join it to a base address that ends with one.
    let secrets = ["", "/", "/{secret}", "/{secret}/"];
    let addresses = secrets.iter().flat_map(|end| ["", "/"].map(|start| format!("{start}{ADDRESS}{end}")));
    addresses
        .fold(Router::new(), |router, address| router.route(&address, get(probe).post(receive)))
        .layer(middleware::from_fn_with_state(edge.clone(), admit))
}

/// Answers 200 to the connection test of the vendor's console.
#[utoipa::path(get, path = ADDRESS, security(()), responses((status = 200)))]
pub(super) async fn probe() -> StatusCode {
    StatusCode::OK
}

/// Checks the caller before the service reads the body, so a refused request costs nothing.
async fn admit(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let admission = door::admission(&edge.app.config.callback, peer.ip(), &keys(&request));
    if admission == Admission::Refused {
        edge.app.metrics.callbacks_refused.inc();
        return Problem::new(
            Code::CallbackRefused,
            "The key or the network of the callback is not allowed. Check `callback.secret` and `callback.allow_from`.",
        )
        .into_response();
    }
    request.extensions_mut().insert(admission);
    let line = layers::line_of(&request);
    let response = next.run(request).await;
    if layers::was_too_slow(line.as_deref()) { refuse_problem(&Problem::slow_body()) } else { response }
}

/// The header with the key, for senders whose addresses are logged.
const KEY_HEADER: &str = "x-yinku-key";

/// Returns the keys of a request: of its header, its query and the end of its path.
fn keys(request: &Request) -> Vec<String> {
    let headers = request.headers().get_all(KEY_HEADER).iter();
    let headers = headers.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok()).map(str::to_owned);
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let query = query.filter(|(name, _)| name == "key").map(|(_, value)| value.into_owned());
    let path = request.uri().path();
    let segment = path.strip_prefix(ADDRESS).or_else(|| path.strip_prefix('/')?.strip_prefix(ADDRESS));
    let segment = segment.map(|text| percent_decode_str(text.trim_matches('/')).decode_utf8_lossy().into_owned());
    headers.chain(query).chain(segment).collect()
}

/// The answer in the format that the vendor expects.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only describes the answer in the OpenAPI document")]
struct CallbackAnswer {
    /// 0: the callback is stored.
    code: u32,
    message: String,
}

/// Receives a callback of the vendor's physical-seal category. It needs no login. If `callback.secret` is set, send it
/// as the header `x-yinku-key`, as `?key=` or as the last path segment. With neither `callback.secret` nor
/// `callback.allow_from` set, a callback is only a hint. The body can have any format. The service answers after it has stored the
/// callback.
#[utoipa::path(post, path = ADDRESS, security(()), params(("key" = Option<String>, Query, description = "The value of `callback.secret`, if this setting is set."),
        ("x-yinku-key" = Option<String>, Header, description = "The value of `callback.secret`, in place of `key`.")),
    request_body(content((String = "application/x-www-form-urlencoded"), (serde_json::Value = "application/json"), (String = "multipart/form-data"))),
    responses((status = 200, content((CallbackAnswer = "application/json"), (String = "text/plain")), description = "The callback is stored."),
        (status = 400, content((CallbackAnswer = "application/json"), (Problem = "application/problem+json")), description = "The body ended before it was complete. Send it again."), (status = 403, body = Problem),
        (status = 408, body = CallbackAnswer, description = "The body arrived too slowly. Send it again."),
        (status = 413, body = CallbackAnswer, description = "The body is larger than `callback.max_body`. Send less."),
        (status = 415, body = CallbackAnswer, description = "The body has an unknown `Content-Encoding`. Use gzip, deflate or none."),
        (status = 429, body = CallbackAnswer, description = "This unauthenticated address has sent more than `callback.bytes_per_hour`. Retry after `Retry-After` seconds."),
        (status = 500, body = CallbackAnswer, description = "The service failed. See the service log for the cause."),
        (status = 503, body = CallbackAnswer, description = "Too many callbacks in progress. Retry after `Retry-After` seconds.")))]
pub(super) async fn receive(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(admission): Extension<Admission>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (peer, authenticated) = (peer.ip().to_canonical(), admission == Admission::Authenticated);
    let room = edge.inbox.room((!authenticated).then_some(peer));
    let deadline = edge.app.config.callback.deadline.get();
    let whole = tokio::time::timeout(deadline, whole_body(&edge, &headers, body, room)).await;
    let (body, _room) = match whole.unwrap_or(Err(CallbackError::Slow(deadline))) {
        Ok(body) => body,
        Err(error) => return refuse(error),
    };
    let query = query.unwrap_or_default();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let received = Received { peer: peer.to_string(), authenticated, query, content_type, body };
    match edge.inbox.receive(received).await {
        Ok(shape) => answer(StatusCode::OK, parse::answer(shape)),
        Err(error) => refuse(error),
    }
}

/// Reads the body and undoes its content coding. The memory grows with what arrives, not with the declared length.
async fn whole_body(
    edge: &Edge,
    headers: &HeaderMap,
    body: Body,
    mut room: Room,
) -> Result<(Bytes, Room), CallbackError> {
    let limit = edge.app.config.callback.max_body.get();
    let declared = body.size_hint().exact();
    if declared.is_some_and(|bytes| bytes > limit) {
        return Err(CallbackError::TooLarge { limit });
    }
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| CallbackError::Cut(error.to_string()))?;
        room.came(chunk.len())?;
        let needed = bytes.len() + chunk.len();
        if needed as u64 > limit {
            return Err(CallbackError::TooLarge { limit });
        }
        if needed > bytes.capacity() {
            let largest = usize::try_from(declared.unwrap_or(limit)).unwrap_or(usize::MAX).max(needed);
            let capacity = needed.max(bytes.capacity().saturating_mul(2).min(largest));
            room.grow(capacity as u64)?;
            bytes.reserve_exact(capacity - bytes.len());
        }
        bytes.extend_from_slice(&chunk);
    }
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    edge.inbox.unpack(encodings.collect::<Vec<_>>().join(","), bytes, room).await
}

/// Answers a failure in the vendor's format. The vendor calls again after it.
fn refuse(error: CallbackError) -> Response {
    refuse_problem(&Problem::from(error))
}

fn refuse_problem(problem: &Problem) -> Response {
    let mut response = answer(problem.status_code, parse::refusal(None, &problem.detail));
    if matches!(problem.status_code, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(problem.retry_after));
    }
    response
}

fn answer(status: StatusCode, answer: CallbackReply) -> Response {
    (status, [(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response()
}
