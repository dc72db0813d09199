//! Definitions: the flow types.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{self, Id, Input, Page, Params, limit, parsed},
    session::{Admin, CurrentUser},
    users::Paging,
};
use crate::{
    clock::Timestamp,
    definition::{
        Body, Definition, FieldError, VersionHead, ready_made,
        save::{self, DefinitionError},
    },
    id::{DefinitionId, ServiceId},
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(list_ready_made, create_ready_made))
        .routes(routes!(check))
        .routes(routes!(show, replace))
        .routes(routes!(versions))
}

/// A definition in its current version.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct DefinitionView {
    id: DefinitionId,
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// True: the caller may start flows of this definition.
    startable: bool,
    #[serde(flatten)]
    body: Body,
}

impl DefinitionView {
    fn of(definition: Definition, user: &User) -> Self {
        let Definition { id, version, created_at, body } = definition;
        Self { id, version, created_at, startable: body.check_start(user).is_ok(), body }
    }
}

/// The body of a definition. The answer of GET is a valid body. A null member counts as absent. The service sets `id`,
/// `version` and `createdAt`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only describes the body in the OpenAPI document")]
struct NewDefinition {
    /// Ignored.
    #[schema(required = false)]
    id: serde_json::Value,
    /// Ignored.
    #[schema(required = false)]
    version: serde_json::Value,
    /// Ignored.
    #[schema(required = false)]
    created_at: serde_json::Value,
    /// Ignored.
    #[schema(required = false)]
    startable: serde_json::Value,
    #[serde(flatten)]
    body: Body,
}

/// All definitions, newest first.
#[utoipa::path(get, path = "/api/definitions", params(Paging), responses((status = 200, body = Page<DefinitionView>)))]
async fn list(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<DefinitionView>>, Problem> {
    let limit = limit(paging.limit)?;
    let after: Option<DefinitionId> = parsed("after", paging.after.as_deref())?;
    let definitions = Definition::list(&edge.app.db, after.as_ref(), limit + 1).await?;
    let mut page = Page::from_rows(definitions, limit, |definition| definition.id.to_string());
    for definition in &mut page.items {
        definition.show_folders(&edge.app.db, &user).await?;
    }
    Ok(Json(page.map(|definition| DefinitionView::of(definition, &user))))
}

/// Creates a definition.
#[utoipa::path(post, path = "/api/definitions", request_body = NewDefinition, responses((status = 201, body = DefinitionView), (status = 422, body = Problem)))]
async fn create(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Input(body): Input<serde_json::Value>,
) -> Result<(StatusCode, Json<DefinitionView>), Problem> {
    let id = DefinitionId::new();
    let definition = save::save(edge.acting(&admin), id, read(body)?).await?;
    Ok((StatusCode::CREATED, Json(DefinitionView::of(definition, &admin))))
}

/// The errors of a definition. Empty: it can be saved.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct DefinitionCheck {
    errors: Vec<FieldError>,
}

/// Checks a definition as saving does, and saves nothing.
#[utoipa::path(post, path = "/api/definitions/check", request_body = NewDefinition, responses((status = 200, body = DefinitionCheck), (status = 422, body = Problem)))]
async fn check(
    State(edge): State<Edge>,
    Admin(_): Admin,
    Input(body): Input<serde_json::Value>,
) -> Result<Json<DefinitionCheck>, Problem> {
    Ok(Json(DefinitionCheck { errors: save::check_only(&edge.app.db, &read(body)?).await? }))
}

/// Ready-made definitions for a new installation. Set `integration.serviceId` and post one to `/api/definitions`.
#[utoipa::path(get, path = "/api/definitions/ready-made", responses((status = 200, body = Page<ReadyMade>)))]
async fn list_ready_made(_: CurrentUser) -> Result<Json<Page<serde_json::Value>>, Problem> {
    let body = ready_made(None).map_err(|error| Problem::internal(&error))?;
    Ok(Json(Page { items: vec![body], next: None, total: None }))
}

/// A definition without `integration.serviceId`.
#[derive(utoipa::ToSchema)]
#[schema(value_type = Object)]
#[expect(dead_code, reason = "only describes the answer in the OpenAPI document")]
struct ReadyMade(serde_json::Value);

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReadyMadeChoice {
    /// The service that has the seals.
    service_id: ServiceId,
}

/// Creates the ready-made definition 物理用印申请 for the seals of a service. The starter's manager approves and
/// operators stamp.
#[utoipa::path(post, path = "/api/definitions/ready-made", request_body = ReadyMadeChoice, responses((status = 201, body = DefinitionView), (status = 422, body = Problem)))]
async fn create_ready_made(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Input(choice): Input<ReadyMadeChoice>,
) -> Result<(StatusCode, Json<DefinitionView>), Problem> {
    let body = ready_made(Some(&choice.service_id)).map_err(|error| Problem::internal(&error))?;
    let id = DefinitionId::new();
    let definition = save::save(edge.acting(&admin), id, read(body)?).await?;
    Ok((StatusCode::CREATED, Json(DefinitionView::of(definition, &admin))))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VersionParams {
    /// The version. Absent: the current version.
    #[param(minimum = 1)]
    version: Option<i64>,
}

/// One definition. Its folders have their present paths.
#[utoipa::path(get, path = "/api/definitions/{id}", params(("id" = DefinitionId, Path), VersionParams), responses((status = 200, body = DefinitionView), (status = 404, body = Problem)))]
async fn show(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<DefinitionId>,
    Params(VersionParams { version }): Params<VersionParams>,
) -> Result<Json<DefinitionView>, Problem> {
    let db = &edge.app.db;
    let definition = match version {
        Some(version) => Definition::find_version(db, &id, version).await?,
        None => Definition::current(db, &id).await?,
    };
    let mut definition = definition.ok_or_else(Problem::not_found)?;
    definition.show_folders(db, &user).await?;
    Ok(Json(DefinitionView::of(definition, &user)))
}

/// The versions of a definition, newest first.
#[utoipa::path(get, path = "/api/definitions/{id}/versions", params(("id" = DefinitionId, Path)), responses((status = 200, body = Page<VersionHead>), (status = 404, body = Problem)))]
async fn versions(
    State(edge): State<Edge>,
    _: CurrentUser,
    Id(id): Id<DefinitionId>,
) -> Result<Json<Page<VersionHead>>, Problem> {
    let items = Definition::version_heads(&edge.app.db, &id).await?;
    if items.is_empty() {
        return Err(Problem::not_found());
    }
    Ok(Json(Page { items, next: None, total: None }))
}

/// Creates a new version. Running flows keep their version.
#[utoipa::path(put, path = "/api/definitions/{id}", params(("id" = DefinitionId, Path)), request_body = NewDefinition, responses((status = 200, body = DefinitionView), (status = 422, body = Problem)))]
async fn replace(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Id(id): Id<DefinitionId>,
    Input(body): Input<serde_json::Value>,
) -> Result<Json<DefinitionView>, Problem> {
    Definition::current(&edge.app.db, &id).await?.ok_or_else(Problem::not_found)?;
    let definition = save::save(edge.acting(&admin), id, read(body)?).await?;
    Ok(Json(DefinitionView::of(definition, &admin)))
}

/// Reads a body that can be an answer of GET: drops the members that the service sets, and null members.
fn read(mut body: serde_json::Value) -> Result<Body, Problem> {
    if let Some(members) = body.as_object_mut() {
        for member in ["id", "version", "createdAt", "startable"] {
            members.remove(member);
        }
    }
    drop_nulls(&mut body);
    input::read(body)
}

fn drop_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

impl From<DefinitionError> for Problem {
    fn from(error: DefinitionError) -> Self {
        match error {
            DefinitionError::Invalid(errors) => Self::invalid(errors),
            DefinitionError::Db(error) => error.into(),
        }
    }
}
