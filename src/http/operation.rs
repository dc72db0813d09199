//! Operation: liveness, readiness, metrics and live events.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::StreamExt;
use serde::Serialize;
use tokio_stream::wrappers::BroadcastStream;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Code, Edge, Problem, logged_in::LastingLogin, session::Reader};
use crate::{app::App, outage::Outage, preservation::scrub, telemetry::Metrics};

const PING: Duration = Duration::from_secs(15);

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready)).routes(routes!(metrics)).routes(routes!(events))
}

/// Liveness: answers 200 while the process runs.
#[utoipa::path(get, path = "/healthz", security(()), responses((status = 200, body = String)))]
async fn alive() -> &'static str {
    "ok"
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Ready {
    database: bool,
    store: bool,
    /// Why the database does not work. Null if it works.
    database_outage: Option<Outage>,
    /// Why the store does not work. Null if it works.
    store_outage: Option<Outage>,
}

/// Readiness: answers 200 if the database accepts a write and the store works. A local store must accept a write, too.
/// The service tests both at most once a second.
#[utoipa::path(get, path = "/readyz", security(()), responses((status = 200, body = Ready), (status = 503, body = Ready)))]
async fn ready(State(edge): State<Edge>) -> (StatusCode, Json<Ready>) {
    let health = edge.app.storage_health().await;
    let status = if health.is_well() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let (database_outage, store_outage) = (health.database, health.store);
    let (database, store) = (database_outage.is_none(), store_outage.is_none());
    (status, Json(Ready { database, store, database_outage, store_outage }))
}

/// Prometheus metrics, for administrators and auditors. With `metrics.listen` set, only that address has them, without a
/// login.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String, content_type = "application/openmetrics-text"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn metrics(State(edge): State<Edge>, Reader: Reader) -> Result<Response, Problem> {
    if edge.app.config.metrics.listen.is_some() {
        return Err(Problem::new(
            Code::NotFound,
            "The metrics are at the address of `metrics.listen`. Read them there.",
        ));
    }
    Ok(numbers(&edge.app).await)
}

/// Answers `/metrics` at the address of `metrics.listen`.
pub(super) async fn open_metrics(State(app): State<Arc<App>>) -> Response {
    numbers(&app).await
}

async fn numbers(app: &App) -> Response {
    app.disk_space.measure(&app.metrics).await;
    if let Err(error) = scrub::measure(app).await {
        tracing::warn!(%error, "cannot count the open findings; the metrics show the last number");
    }
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], app.metrics.encode()).into_response()
}

/// Server-sent events about flows that the caller may see. Each event says which object changed; read it again. Past
/// events are not sent again. The stream ends within 2 s after the login or a right of the user ended. A user has at most
/// 8 streams.
#[utoipa::path(get, path = "/api/events", responses((status = 200, content_type = "text/event-stream"), (status = 429, body = Problem)))]
async fn events(State(edge): State<Edge>, login: LastingLogin) -> Result<Response, Problem> {
    let listener = edge.listeners.open(&edge.app, &login.user);
    let listener = listener.ok_or_else(|| Problem::new(Code::TooManyAtOnce, TOO_MANY_STREAMS))?;
    let (notices, place) = listener.into_parts();
    let told = BroadcastStream::new(notices).filter_map(move |notice| {
        // The stream keeps its place until it is dropped.
        let _ = &place;
        // A slow listener loses notices. It reads again at the next one.
        let event = notice.ok().map(|notice| Event::default().event(notice.about.as_str()).json_data(&notice));
        async move { event }
    });
    let told = told.take_until(login.ended(edge));
    let stream = Sse::new(told).keep_alive(KeepAlive::new().interval(PING));
    Ok(([(header::CACHE_CONTROL, "no-store")], stream).into_response())
}

const TOO_MANY_STREAMS: &str = "8 event streams of this user are open. Close one of them.";
