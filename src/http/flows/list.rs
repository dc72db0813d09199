//! Lists of flows; one flow; starting one.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::shown;
use crate::{
    definition::Definition,
    flow::{
        Filter, Flow,
        form::Form,
        step,
        view::{self, FlowHead, FlowView},
    },
    http::{
        Edge, Problem,
        input::{Id, Input, Page, Params, limit, parsed},
        session::CurrentUser,
    },
    id::{DefinitionId, FlowId},
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(list, start)).routes(routes!(show))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FlowParams {
    /// running, archived, rejected or withdrawn.
    state: Option<String>,
    definition_id: Option<String>,
    /// A part of the title or the serial number.
    q: Option<String>,
    /// Only those that wait for the one who asks.
    #[serde(default)]
    todo: bool,
    after: Option<String>,
    limit: Option<i64>,
}

/// The flows that the one who asks may see, newest first.
#[utoipa::path(get, path = "/api/flows", params(FlowParams), responses((status = 200, body = Page<FlowHead>)))]
async fn list(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<FlowParams>,
) -> Result<Json<Page<FlowHead>>, Problem> {
    let limit = limit(params.limit)?;
    let filter = Filter {
        state: parsed("state", params.state.as_deref())?,
        definition: parsed("definitionId", params.definition_id.as_deref())?,
        q: params.q.filter(|q| !q.is_empty()),
    };
    let after: Option<FlowId> = parsed("after", params.after.as_deref())?;
    let db = &edge.app.db;
    let flows = if params.todo {
        view::todo(db, &filter, &user, after, limit + 1).await?
    } else {
        Flow::list(db, &filter, &user, after.as_ref(), limit + 1).await?
    };
    let page = Page::of(flows, limit, |flow| flow.id.to_string());
    let items = view::heads(db, &page.items).await?;
    Ok(Json(Page { items, next: page.next, total: None }))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewFlow {
    definition_id: DefinitionId,
    /// Field values by key.
    #[schema(value_type = Object)]
    form: Form,
}

/// Starts and submits a flow.
#[utoipa::path(post, path = "/api/flows", request_body = NewFlow, responses((status = 201, body = FlowView), (status = 422, body = Problem)))]
async fn start(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(new): Input<NewFlow>,
) -> Result<(StatusCode, Json<FlowView>), Problem> {
    let app = &edge.app;
    let definition = Definition::current(&app.db, &new.definition_id).await?;
    let definition = definition.ok_or_else(|| Problem::field("definitionId", "there is no such definition"))?;
    let mut tx = app.db.begin().await?;
    let id = step::start(&mut tx, &definition, &new.form, &user, app.clock.now()).await?;
    tx.commit().await?;
    app.due.notify_one();
    Ok((StatusCode::CREATED, Json(shown(&edge, &id, &user).await?)))
}

/// One flow with everything that belongs to it.
#[utoipa::path(get, path = "/api/flows/{id}", params(("id" = String, Path)), responses((status = 200, body = FlowView), (status = 404, body = Problem)))]
async fn show(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<Json<FlowView>, Problem> {
    shown(&edge, &id, &user).await.map(Json)
}
