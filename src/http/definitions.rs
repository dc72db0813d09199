//! Definitions of flows.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Input, Page, Params, limit, parsed},
    session::{Admin, CurrentUser},
    users::Paging,
};
use crate::{
    audit::{self, Entry},
    clock::Timestamp,
    definition::{Body, Definition, check},
    id::DefinitionId,
    service::Service,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace))
}

/// A definition in its current version.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct DefinitionView {
    id: DefinitionId,
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(flatten)]
    body: Body,
}

impl From<Definition> for DefinitionView {
    fn from(definition: Definition) -> Self {
        let Definition { id, version, created_at, body } = definition;
        Self { id, version, created_at, body }
    }
}

/// All definitions, newest first.
#[utoipa::path(get, path = "/api/definitions", params(Paging), responses((status = 200, body = Page<DefinitionView>)))]
async fn list(
    State(edge): State<Edge>,
    _: CurrentUser,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<DefinitionView>>, Problem> {
    let limit = limit(paging.limit)?;
    let after: Option<DefinitionId> = parsed("after", paging.after.as_deref())?;
    let definitions = Definition::list(&edge.app.db, after.as_ref(), limit + 1).await?;
    Ok(Json(Page::of(definitions, limit, |definition| definition.id.to_string()).map(DefinitionView::from)))
}

/// Makes a definition.
#[utoipa::path(post, path = "/api/definitions", request_body = Body, responses((status = 201, body = DefinitionView), (status = 422, body = Problem)))]
async fn create(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Input(body): Input<serde_json::Value>,
) -> Result<(StatusCode, Json<DefinitionView>), Problem> {
    let id = DefinitionId::new();
    save(&edge, &id, body, &admin.username).await.map(|view| (StatusCode::CREATED, Json(view)))
}

/// One definition.
#[utoipa::path(get, path = "/api/definitions/{id}", params(("id" = String, Path)), responses((status = 200, body = DefinitionView), (status = 404, body = Problem)))]
async fn show(
    State(edge): State<Edge>,
    _: CurrentUser,
    Id(id): Id<DefinitionId>,
) -> Result<Json<DefinitionView>, Problem> {
    let definition = Definition::current(&edge.app.db, &id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(definition.into()))
}

/// Makes a new version; running flows keep theirs.
#[utoipa::path(put, path = "/api/definitions/{id}", params(("id" = String, Path)), request_body = Body, responses((status = 200, body = DefinitionView), (status = 422, body = Problem)))]
async fn replace(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Id(id): Id<DefinitionId>,
    Input(body): Input<serde_json::Value>,
) -> Result<Json<DefinitionView>, Problem> {
    Definition::current(&edge.app.db, &id).await?.ok_or_else(Problem::not_found)?;
    save(&edge, &id, body, &admin.username).await.map(Json)
}

async fn save(edge: &Edge, id: &DefinitionId, body: serde_json::Value, by: &str) -> Result<DefinitionView, Problem> {
    let body = read(body)?;
    let errors = check(&body);
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let now = edge.app.clock.now();
    let mut tx = edge.app.db.begin().await?;
    if let Some(integration) = &body.integration
        && Service::find(&mut tx, &integration.service_id).await?.is_none()
    {
        return Err(Problem::field("integration.serviceId", "there is no such service"));
    }
    let version = Definition::save(&mut tx, id, &body, by, now).await?;
    let detail = format!("version {version}");
    let act = Entry { username: by, act: "definition_saved", subject: id.as_str(), ..Entry::default() };
    audit::commit(tx, Entry { detail: Some(&detail), ..act }, now).await?;
    Ok(DefinitionView { id: id.clone(), version, created_at: now, body })
}

/// What GET gives can be posted back: its own members are set by us, and null is absent.
fn read(mut body: serde_json::Value) -> Result<Body, Problem> {
    if let Some(members) = body.as_object_mut() {
        for ours in ["id", "version", "createdAt"] {
            members.remove(ours);
        }
    }
    drop_nulls(&mut body);
    serde_json::from_value(body)
        .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", error.to_string()))
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
