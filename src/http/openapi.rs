//! The parts of the OpenAPI document that no route declares: logins, the callback path with a secret, operation names.

mod responses;
mod schemas;

use std::sync::LazyLock;

use axum::{Json, response::IntoResponse};
use http::Method;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ObjectBuilder, RefOr, Required, Type,
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
        description = "Stores every photo of a physical seal use: once, unaltered, findable, provable."
    ),
    // These routes have their own layers, so the router does not collect them.
    paths(callback::probe, callback::receive, show),
    modifiers(&Logins, &CallbackPathWithSecret),
    security(("token" = []), ("session" = []))
)]
struct Document;

/// Adds the two login schemes: token and session cookie.
struct Logins;

impl Modify for Logins {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
            session::COOKIE,
            "`__Host-yinku_session` if `public_url` is https.",
        ));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
}

/// Adds the callback path that carries the secret as its last segment.
struct CallbackPathWithSecret;

impl Modify for CallbackPathWithSecret {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let Some(callback_path) = document.paths.paths.get_mut(callback::ADDRESS) else { return };
        // A callback can have only a query string and no body.
        if let Some(RefOr::T(body)) = callback_path.post.as_mut().and_then(|receive| receive.request_body.as_mut()) {
            body.required = Some(Required::False);
        }
        let mut with_secret = callback_path.clone();
        let secret = ParameterBuilder::new()
            .name("secret")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("The value of `callback.secret`, if this setting is set."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build();
        for operation in [&mut with_secret.get, &mut with_secret.post].into_iter().flatten() {
            operation.parameters.get_or_insert_default().push(secret.clone().into());
        }
        document.paths.paths.insert(format!("{}/{{secret}}", callback::ADDRESS), with_secret);
    }
}

/// Returns the OpenAPI document.
#[utoipa::path(get, path = "/api/openapi.json", security(()), responses((status = 200, body = Object)))]
pub(super) async fn show() -> impl IntoResponse {
    static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(super::openapi);
    Json(&*DOCUMENT).into_response()
}

pub(super) fn router() -> OpenApiRouter<Edge> {
    OpenApiRouter::with_openapi(Document::openapi())
}

/// Adds to every operation its name, its tag and its problems. All follow from the method and the path.
pub(super) fn describe_operations(mut router: OpenApiRouter<Edge>) -> OpenApiRouter<Edge> {
    router.get_openapi_mut().tags = Some(responses::tags());
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
                operation.tags = responses::tag_of(path).map(|tag| vec![tag.to_owned()]);
                responses::add_problems(operation, &method, path);
            }
        }
    }
    schemas::complete(router.get_openapi_mut());
    router
}

/// Names an operation by method and path. Code generators use these names for functions, and the handlers' own names
/// are not unique.
fn name(operation: &mut Operation, method: &Method, path: &str) {
    let path = path.trim_start_matches("/api");
    let words = path.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    operation.operation_id =
        Some(std::iter::once(method.as_str().to_lowercase().as_str()).chain(words).collect::<Vec<_>>().join("_"));
}
