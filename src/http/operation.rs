//! Operation: liveness, readiness, metrics and live events.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt};
use serde::Serialize;
use tokio_stream::wrappers::BroadcastStream;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Edge, Problem, session::CurrentUser};
use crate::{flow::Flow, outage::Outage, telemetry::Metrics};

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

/// Prometheus metrics.
#[utoipa::path(get, path = "/metrics", security(()), responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
async fn metrics(State(edge): State<Edge>) -> impl IntoResponse {
    edge.app.disk_space.measure(&edge.app.metrics).await;
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], edge.app.metrics.encode())
}

/// Server-sent events about flows that the caller may see. Each event says which object changed; read it again. Past
/// events are not sent again.
#[utoipa::path(get, path = "/api/events", responses((status = 200, content_type = "text/event-stream")))]
async fn events(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, Problem> {
    let hints = BroadcastStream::new(edge.app.change_notices.subscribe());
    let visible = hints.filter_map(move |hint| {
        let (edge, user) = (edge.clone(), user.clone());
        async move {
            // A slow listener loses hints. It reads again at the next hint.
            let hint = hint.ok()?;
            let flow = hint.flow_id.parse().ok()?;
            let may_see = Flow::visible_to(&edge.app.db, &flow, &user).await.unwrap_or(false);
            may_see.then(|| Event::default().event(hint.about.as_str()).json_data(&hint))
        }
    });
    Ok(Sse::new(visible).keep_alive(KeepAlive::new().interval(PING)))
}
