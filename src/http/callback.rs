//! The vendor's door. No login: a secret in the address, a list of networks, and the vendor's detail are what is trusted.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use subtle::ConstantTimeEq;

use super::{Edge, Problem};
use crate::{
    callback::{
        Received,
        parse::{self, Answer},
    },
    config::CallbackConfig,
};

const ADDRESS: &str = "/papi/signcenter/qiyuesuo/categoryCallback";

pub(super) fn routes(limit: usize) -> Router<Edge> {
    let with_secret = format!("{ADDRESS}/{{secret}}");
    Router::new()
        .route(ADDRESS, get(probe).post(receive))
        .route(&with_secret, get(probe).post(receive))
        .layer(DefaultBodyLimit::max(limit))
}

/// The vendor's console looks whether somebody is there.
async fn probe() -> StatusCode {
    StatusCode::OK
}

async fn receive(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    path: Option<Path<String>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let config = &edge.app.config.callback;
    if !may_call(config, peer.ip(), &query, path.as_ref().map(|path| path.0.as_str())) {
        edge.app.metrics.callbacks_refused.inc();
        return Problem::new(StatusCode::FORBIDDEN, "callback_refused", "wrong key or network").into_response();
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let received = Received { peer: peer.ip().to_string(), query, content_type, body };
    match edge.inbox.keep(received).await {
        Ok(shape) => answer(StatusCode::OK, parse::answer(shape)),
        Err(error) => {
            let problem = Problem::from(error);
            let mut response = answer(problem.status_code, parse::refusal(None, &problem.detail));
            if problem.status_code == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
            }
            response
        }
    }
}

fn answer(status: StatusCode, answer: Answer) -> Response {
    (status, [(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response()
}

fn may_call(config: &CallbackConfig, peer: IpAddr, query: &str, segment: Option<&str>) -> bool {
    let network =
        config.allow_from.is_empty() || config.allow_from.iter().any(|net| net.contains(&peer.to_canonical()));
    let Some(secret) = &config.secret else {
        return network;
    };
    let key = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "key").map(|(_, value)| value);
    let is_secret = |text: &str| bool::from(text.as_bytes().ct_eq(secret.expose().as_bytes()));
    network && (key.is_some_and(|key| is_secret(&key)) || segment.is_some_and(is_secret))
}
