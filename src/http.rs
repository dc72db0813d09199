//! The HTTP edge: thin handlers that extract, make one call, respond.

mod archive;
mod audit;
mod callback;
mod content;
mod definitions;
mod download;
mod files;
mod flows;
mod folders;
mod ingests;
mod input;
mod knowledge;
mod known;
mod layers;
mod openapi;
mod operation;
mod problem;
mod seal_uses;
mod services;
mod session;
mod users;

use std::{net::SocketAddr, ops::Deref, sync::Arc};

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get, serve::ListenerExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use self::known::Known;
use crate::{
    app::App,
    callback::Inbox,
    user::{Acting, User},
};
pub use problem::{Code, Problem};

/// What handlers are given. One counter of clones, for each layer clones it for each request.
#[derive(Clone, Debug)]
pub struct Edge(Arc<Shared>);

#[derive(Debug)]
pub struct Shared {
    pub app: Arc<App>,
    pub inbox: Inbox,
    known: Known,
}

impl Deref for Edge {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Edge {
    /// The user who acts now.
    fn acting<'a>(&'a self, user: &'a User) -> Acting<'a> {
        Acting { db: &self.app.db, user, now: self.app.clock.now() }
    }
}

/// Largest JSON body.
const JSON_LIMIT: usize = 1024 * 1024;

fn api() -> OpenApiRouter<Edge> {
    let routes = openapi::router()
        .merge(session::routes())
        .merge(users::routes())
        .merge(services::routes())
        .merge(definitions::routes())
        .merge(flows::routes())
        .merge(seal_uses::routes())
        .merge(archive::routes())
        .merge(download::routes())
        .merge(files::routes())
        .merge(ingests::routes())
        .merge(knowledge::routes())
        .merge(folders::routes())
        .merge(content::routes())
        .merge(audit::routes())
        .merge(operation::routes());
    openapi::describe_operations(routes)
}

/// The OpenAPI document: the full truth about the API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().split_for_parts().1
}

/// All routes.
pub fn router(app: Arc<App>, inbox: Inbox) -> Router {
    let edge = Edge(Arc::new(Shared { app, inbox, known: Known::default() }));
    let (api, _) = api().split_for_parts();
    api.route("/api/openapi.json", get(openapi::show))
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
        .layer(middleware::from_fn_with_state(edge.clone(), layers::forget_after_writes))
        .layer(middleware::from_fn_with_state(edge.clone(), layers::same_origin))
        .merge(callback::routes(&edge))
        .fallback(layers::no_such_route)
        .method_not_allowed_fallback(layers::no_such_method)
        .layer(middleware::from_fn(layers::finish_writes))
        .layer(CatchPanicLayer::custom(layers::after_panic))
        .layer(middleware::from_fn_with_state(edge.clone(), layers::tell))
        .with_state(edge)
}

/// Serves until `stop`; then open requests are finished.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // A short range leaves after its head; with Nagle's algorithm it would wait for the client's delayed ACK (40 ms).
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
    });
    axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await
}
