//! The names of all users, for everyone who picks a person.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Page, Params, limit},
    session::CurrentUser,
};
use crate::user::people::{self, PublicName, RoleCount};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(roles))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PeopleParams {
    /// A part of the display name or of the username.
    #[serde(default)]
    q: String,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// The usernames and display names of all users who are not disabled, by display name. This list has no next page.
#[utoipa::path(get, path = "/api/people", params(PeopleParams), responses((status = 200, body = Page<PublicName>)))]
async fn list(
    State(edge): State<Edge>,
    _: CurrentUser,
    Params(params): Params<PeopleParams>,
) -> Result<Json<Page<PublicName>>, Problem> {
    let limit = usize::try_from(limit(params.limit)?).unwrap_or(usize::MAX);
    let items = people::matching(&edge.app.db, &params.q, limit).await?;
    Ok(Json(Page { items, next: None, total: None }))
}

/// How many users have each role, so that a page can say for how many a node waits. Disabled users do not count.
#[utoipa::path(get, path = "/api/people/roles", responses((status = 200, body = Page<RoleCount>)))]
async fn roles(State(edge): State<Edge>, _: CurrentUser) -> Result<Json<Page<RoleCount>>, Problem> {
    let items = people::of_roles(&edge.app.db).await?;
    Ok(Json(Page { items, next: None, total: None }))
}
