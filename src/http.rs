//! The HTTP edge: thin handlers that extract, make one call, respond.

mod callback;
mod problem;

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{app::App, callback::Inbox};
pub use problem::Problem;

/// What handlers are given.
#[derive(Clone, Debug)]
pub struct Edge {
    pub app: Arc<App>,
    pub inbox: Inbox,
}

/// All routes.
pub fn router(app: Arc<App>, inbox: Inbox) -> Router {
    let limit = app.config.callback.max_body.in_memory();
    Router::new().merge(callback::routes(limit)).with_state(Edge { app, inbox })
}

/// Serves until `stop`; then open requests are finished.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await
}
