//! The OpenAPI document beyond its routes: who may ask, the vendor's door, the names of operations.

mod answers;
mod schemas;

use std::sync::LazyLock;

use axum::{Json, response::IntoResponse};
use http::Method;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ObjectBuilder, Required, Type,
        path::{Operation, ParameterBuilder, ParameterIn},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use super::{Edge, callback, session};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "yinku 印库",
        description = "Every photo of a physical seal use: once, unaltered, findable, provable."
    ),
    // Its routes bring their own layers, so they are not collected with the others.
    paths(callback::probe, callback::receive, show),
    modifiers(&Logins, &DoorWithSecret),
    security(("token" = []), ("session" = []))
)]
struct Document;

/// The two ways to say who asks.
struct Logins;

impl Modify for Logins {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let cookie = ApiKey::Cookie(ApiKeyValue::new(session::COOKIE));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
}

/// The secret of the vendor's door may be one more segment of its path.
struct DoorWithSecret;

impl Modify for DoorWithSecret {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let Some(mut door) = document.paths.paths.get(callback::ADDRESS).cloned() else { return };
        let secret = ParameterBuilder::new()
            .name("secret")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("`callback.secret`, where it is set."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build();
        for operation in [&mut door.get, &mut door.post].into_iter().flatten() {
            operation.parameters.get_or_insert_default().push(secret.clone().into());
        }
        document.paths.paths.insert(format!("{}/{{secret}}", callback::ADDRESS), door);
    }
}

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", security(()), responses((status = 200, body = Object)))]
pub(super) async fn show() -> impl IntoResponse {
    static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(super::openapi);
    Json(&*DOCUMENT).into_response()
}

pub(super) fn router() -> OpenApiRouter<Edge> {
    OpenApiRouter::with_openapi(Document::openapi())
}

/// Says of every operation what follows from its method and path: name, subject, problems.
pub(super) fn describe_operations(mut router: OpenApiRouter<Edge>) -> OpenApiRouter<Edge> {
    router.get_openapi_mut().tags = Some(answers::tags());
    for (path, item) in &mut router.get_openapi_mut().paths.paths {
        let methods = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                name(operation, &method, path);
                operation.tags = answers::subject(path).map(|subject| vec![subject.to_owned()]);
                answers::add_problems(operation, &method, path);
            }
        }
    }
    schemas::complete(router.get_openapi_mut());
    router
}

/// By method and path: programs that are made from the document take these for names of functions, and the names of
/// ours are the same in several modules.
fn name(operation: &mut Operation, method: &Method, path: &str) {
    let path = path.trim_start_matches("/api");
    let words = path.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    operation.operation_id =
        Some(std::iter::once(method.as_str().to_lowercase().as_str()).chain(words).collect::<Vec<_>>().join("_"));
}
