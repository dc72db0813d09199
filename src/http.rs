//! The HTTP edge. A handler extracts its input, makes one call and responds.

mod archive;
mod audit;
mod bundles;
mod callback;
mod connections;
mod content;
mod definitions;
mod documents;
mod download;
mod evidence;
mod files;
mod fixity;
mod flows;
mod folders;
mod form_data;
mod ingests;
mod input;
mod keyed;
mod knowledge;
mod layers;
mod listeners;
mod listings;
mod logged_in;
mod openapi;
mod operation;
mod own_login;
mod parameters;
mod people;
mod permission_cache;
mod photos;
mod problem;
mod protect;
mod proxies;
mod rights;
mod seal_uses;
mod selections;
mod services;
mod session;
mod texts;
mod trash;
mod users;
mod web;

use std::{ops::Deref, sync::Arc};

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use self::{listeners::Listeners, permission_cache::PermissionCache};
use crate::{
    app::{App, ChangeNotice, ChangeSubject},
    bundle::plans::PlanCache,
    callback::Inbox,
    id::FolderId,
    user::{Acting, User},
};
pub use connections::{listen, raise_file_limit, serve};
pub use problem::{Code, Problem};

/// The state of all handlers. It is one `Arc`, because each layer clones the state for each request.
#[derive(Clone, Debug)]
pub struct Edge(Arc<Shared>);

#[derive(Debug)]
pub struct Shared {
    pub app: Arc<App>,
    pub inbox: Inbox,
    permission_cache: PermissionCache,
    listeners: Listeners,
    plans: PlanCache,
}

impl Deref for Edge {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Edge {
    /// Returns the context of an act: the database, the user and the current time.
    fn acting<'a>(&'a self, user: &'a User) -> Acting<'a> {
        Acting { db: &self.app.db, user, now: self.app.clock.now() }
    }

    /// Tells the listeners who may see the folders that their documents have changed.
    fn folders_changed<'f>(&self, folders: impl IntoIterator<Item = &'f FolderId>) {
        for folder in folders {
            self.folder_changed(folder, "documents");
        }
    }

    /// Tells the listeners who may see the folder that it, or what is in it, has changed.
    fn folder_changed(&self, id: &FolderId, state: &str) {
        self.app.notify_listeners(ChangeNotice {
            about: ChangeSubject::Folder,
            id: id.to_string(),
            flow_id: String::new(),
            state: state.to_owned(),
            received: 0,
            expected: 0,
        });
    }
}

/// The largest JSON body in bytes.
const JSON_LIMIT: usize = 1024 * 1024;

fn api() -> OpenApiRouter<Edge> {
    let routes = openapi::router()
        .merge(session::routes())
        .merge(own_login::routes())
        .merge(users::routes())
        .merge(people::routes())
        .merge(services::routes())
        .merge(definitions::routes())
        .merge(flows::routes())
        .merge(seal_uses::routes())
        .merge(archive::routes())
        .merge(download::routes())
        .merge(evidence::routes())
        .merge(fixity::routes())
        .merge(bundles::routes())
        .merge(files::routes())
        .merge(ingests::routes())
        .merge(photos::routes())
        .merge(knowledge::routes())
        .merge(listings::routes())
        .merge(folders::routes())
        .merge(rights::routes())
        .merge(documents::routes())
        .merge(selections::routes())
        .merge(trash::routes())
        .merge(content::routes())
        .merge(audit::routes())
        .merge(operation::routes());
    openapi::describe_operations(routes)
}

/// Returns the OpenAPI document of the API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().split_for_parts().1
}

/// Returns the router with all routes.
pub fn router(app: Arc<App>, inbox: Inbox) -> Router {
    let (permission_cache, listeners) = (PermissionCache::default(), Listeners::default());
    let plans = PlanCache::new(usize::try_from(app.config.bundle.plan_memory.get()).unwrap_or(usize::MAX));
    let edge = Edge(Arc::new(Shared { app, inbox, permission_cache, listeners, plans }));
    let (api, _) = api().split_for_parts();
    api.route("/api/openapi.json", get(openapi::show))
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
        .layer(middleware::from_fn_with_state(edge.clone(), keyed::once))
        .layer(middleware::from_fn(parameters::refuse_unknown))
        .layer(middleware::from_fn_with_state(edge.clone(), layers::clear_cache_after_writes))
        .layer(middleware::from_fn_with_state(edge.clone(), layers::same_origin))
        .layer(middleware::from_fn(layers::refuse_slow_body))
        .merge(callback::routes(&edge))
        .fallback(web::show)
        .method_not_allowed_fallback(layers::no_such_method)
        .layer(middleware::from_fn_with_state(edge.clone(), layers::attribute))
        .layer(middleware::from_fn(layers::limit_database))
        .layer(middleware::from_fn(layers::finish_writes))
        .layer(CatchPanicLayer::custom(layers::after_panic))
        .layer(middleware::from_fn(layers::one_host))
        .layer(middleware::from_fn_with_state(edge.clone(), proxies::find_client))
        .layer(middleware::from_fn_with_state(edge.clone(), protect::protect))
        .layer(middleware::from_fn_with_state(edge.clone(), layers::observe))
        .with_state(edge)
}

/// Returns the router of `metrics.listen`: the metrics alone.
pub fn metrics_router(app: Arc<App>) -> Router {
    Router::new().route("/metrics", get(operation::open_metrics)).with_state(app)
}
