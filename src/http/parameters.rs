//! Refuses query parameters that a route does not document. A misspelled filter would otherwise answer with everything.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::Method;
use url::form_urlencoded;
use utoipa::openapi::{
    RefOr,
    path::{Operation, Parameter, ParameterIn},
};

use super::input::bad_query;

/// The names of the query parameters of each operation, by method and route.
static DOCUMENTED: LazyLock<HashMap<(Method, String), HashSet<String>>> = LazyLock::new(|| {
    let mut documented = HashMap::new();
    for (route, item) in super::openapi().paths.paths {
        let operations = [
            (Method::GET, item.get),
            (Method::POST, item.post),
            (Method::PUT, item.put),
            (Method::PATCH, item.patch),
            (Method::DELETE, item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                documented.insert((method, route.clone()), names(&operation));
            }
        }
    }
    documented
});

fn names(operation: &Operation) -> HashSet<String> {
    let of_query = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        _ => None,
    };
    operation.parameters.iter().flatten().filter_map(of_query).collect()
}

/// Answers 400 to a parameter that the route does not have.
pub(super) async fn refuse_unknown(request: Request, next: Next) -> Response {
    match unknown(&request) {
        Some(name) => bad_query(&name, "the route has no such parameter; see its parameters in the OpenAPI document")
            .into_response(),
        None => next.run(request).await,
    }
}

fn unknown(request: &Request) -> Option<String> {
    let query = request.uri().query().filter(|query| !query.is_empty())?;
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    if !route.starts_with("/api/") {
        return None;
    }
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let known = DOCUMENTED.get(&(method, route.to_owned()))?;
    let mut given = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned());
    given.find(|name| !known.contains(name))
}
