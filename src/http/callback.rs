//! The vendor's callback endpoint. It has no login. It trusts the secret in the URL, the allowed networks and the
//! vendor's detail, which the ingest reads.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{ConnectInfo, RawQuery, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use futures::StreamExt;
use percent_encoding::percent_decode_str;
use subtle::ConstantTimeEq;

use super::{Code, Edge, Problem, layers};
use crate::{
    callback::{
        CallbackError, Received, Room,
        parse::{self, CallbackReply},
    },
    config::CallbackConfig,
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
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let config = &edge.app.config.callback;
    let path = request.uri().path();
    let segment = path.strip_prefix(ADDRESS).or_else(|| path.strip_prefix('/')?.strip_prefix(ADDRESS));
    let segment = segment.map(|text| percent_decode_str(text.trim_matches('/')).decode_utf8_lossy());
    if !may_call(config, peer.ip(), request.uri().query().unwrap_or_default(), segment.as_deref()) {
        edge.app.metrics.callbacks_refused.inc();
        return Problem::new(
            Code::CallbackRefused,
            "The key or the network of the callback is not allowed. Check `callback.secret` and `callback.allow_from`.",
        )
        .into_response();
    }
    let line = layers::line_of(&request);
    let response = next.run(request).await;
    if layers::was_too_slow(line.as_deref()) { refuse_problem(&Problem::slow_body()) } else { response }
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
/// as `?key=` or as the last path segment. The body can have any format. The service answers after it has stored the
/// callback.
#[utoipa::path(post, path = ADDRESS, security(()), params(("key" = Option<String>, Query, description = "The value of `callback.secret`, if this setting is set.")),
    request_body(content((String = "application/x-www-form-urlencoded"), (serde_json::Value = "application/json"), (String = "multipart/form-data"))),
    responses((status = 200, content((CallbackAnswer = "application/json"), (String = "text/plain")), description = "The callback is stored."),
        (status = 400, body = CallbackAnswer, description = "The body ended before it was complete. Send it again."), (status = 403, body = Problem),
        (status = 408, body = CallbackAnswer, description = "The body arrived too slowly. Send it again."),
        (status = 413, body = CallbackAnswer, description = "The body is larger than `callback.max_body`. Send less."),
        (status = 415, body = CallbackAnswer, description = "The body has an unknown `Content-Encoding`. Use gzip, deflate or none."),
        (status = 500, body = CallbackAnswer, description = "The service failed. See the service log for the cause."),
        (status = 503, body = CallbackAnswer, description = "Too many callbacks in progress. Retry after `Retry-After` seconds.")))]
pub(super) async fn receive(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (body, _room) = match whole_body(&edge, &headers, body).await {
        Ok(body) => body,
        Err(error) => return refuse(error),
    };
    let query = query.unwrap_or_default();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let received = Received { peer: peer.ip().to_string(), query, content_type, body };
    match edge.inbox.receive(received).await {
        Ok(shape) => answer(StatusCode::OK, parse::answer(shape)),
        Err(error) => refuse(error),
    }
}

/// Reads the body and undoes its content coding. The memory grows with what arrives, not with the declared length.
async fn whole_body(edge: &Edge, headers: &HeaderMap, body: Body) -> Result<(Bytes, Room), CallbackError> {
    let limit = edge.app.config.callback.max_body.get();
    let declared = body.size_hint().exact();
    if declared.is_some_and(|bytes| bytes > limit) {
        return Err(CallbackError::TooLarge { limit });
    }
    let mut room = edge.inbox.room();
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| CallbackError::Cut(error.to_string()))?;
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
    if problem.status_code == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    response
}

fn answer(status: StatusCode, answer: CallbackReply) -> Response {
    (status, [(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response()
}

fn may_call(config: &CallbackConfig, peer: IpAddr, query: &str, segment: Option<&str>) -> bool {
    let network_allowed =
        config.allow_from.is_empty() || config.allow_from.iter().any(|net| net.contains(&peer.to_canonical()));
    let Some(secret) = &config.secret else {
        return network_allowed;
    };
    let key = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "key").map(|(_, value)| value);
    let is_secret = |text: &str| bool::from(text.as_bytes().ct_eq(secret.expose().as_bytes()));
    network_allowed && (key.is_some_and(|key| is_secret(&key)) || segment.is_some_and(is_secret))
}
