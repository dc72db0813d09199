//! Flows: start, approve, look, codes, collect.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Input, Page, Params, limit, parsed},
    session::CurrentUser,
};
use crate::{
    audit::{self, Entry},
    definition::Definition,
    flow::{
        Filter, Flow,
        form::Form,
        step,
        view::{self, FlowHead, FlowView},
    },
    id::{DefinitionId, FlowId, IngestId},
    ingest::record::{Trigger, wake},
    seal_use::{
        SealUse,
        code::{self, CodeView},
    },
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(list, start))
        .routes(routes!(show))
        .routes(routes!(approve))
        .routes(routes!(seal_code))
        .routes(routes!(collect))
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
    let (app, now) = (&edge.app, edge.app.clock.now());
    let definition = Definition::current(&app.db, &new.definition_id).await?;
    let definition = definition.ok_or_else(|| Problem::field("definitionId", "there is no such definition"))?;
    let mut tx = app.db.begin().await?;
    let id = step::start(&mut tx, &definition, &new.form, &user, now).await?;
    audit::commit(tx, act_on(&id, &user, "flow_submitted"), now).await?;
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

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Opinion {
    comment: Option<String>,
}

/// Approves the node at which the flow stands.
#[utoipa::path(post, path = "/api/flows/{id}/approve", params(("id" = String, Path)), request_body = Opinion, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn approve(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(opinion): Input<Opinion>,
) -> Result<Json<FlowView>, Problem> {
    may_see(&edge, &id, &user).await?;
    let (app, now, comment) = (&edge.app, edge.app.clock.now(), opinion.comment.as_deref());
    let mut tx = app.db.begin().await?;
    step::approve(&mut tx, &id, &user, comment, now).await?;
    audit::commit(tx, Entry { detail: comment, ..act_on(&id, &user, "flow_approved") }, now).await?;
    app.due.notify_one();
    shown(&edge, &id, &user).await.map(Json)
}

/// The seal codes that the one who asks may see: their own grants', or all for an administrator. Every view is audited.
#[utoipa::path(get, path = "/api/flows/{id}/seal-code", params(("id" = String, Path)), responses((status = 200, body = Vec<CodeView>), (status = 403, body = Problem)))]
async fn seal_code(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<Json<Vec<CodeView>>, Problem> {
    let flow = shown(&edge, &id, &user).await?;
    if !flow.actions.contains(&"code") {
        let detail = "seal codes are shown on the configured nodes, to those whose turn it is";
        return Err(Problem::new(StatusCode::FORBIDDEN, "no_code_here", detail));
    }
    let mut tx = edge.app.db.begin().await?;
    let codes = code::view(&mut tx, &id, &user, edge.app.clock.now()).await?;
    tx.commit().await?;
    Ok(Json(codes))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Collected {
    /// The first seal use's ingest.
    ingest_id: IngestId,
    /// One for each seal use of the flow.
    ingest_ids: Vec<IngestId>,
}

/// Brings the photos in now, to the download field.
#[utoipa::path(post, path = "/api/flows/{id}/collect", params(("id" = String, Path)), responses((status = 202, body = Collected), (status = 409, body = Problem)))]
async fn collect(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<(StatusCode, Json<Collected>), Problem> {
    may_act(&edge, &id, &user).await?;
    let (app, now) = (&edge.app, edge.app.clock.now());
    let mut tx = app.db.begin().await?;
    let flow = Flow::find(&mut tx, &id).await?.ok_or_else(Problem::not_found)?;
    let body = Definition::version(&mut tx, &flow.definition_id, flow.version).await?.body;
    if body.integration.as_ref().is_none_or(|integration| integration.download_field.is_none()) {
        let detail = "the definition names no field for photos";
        return Err(Problem::new(StatusCode::CONFLICT, "no_download_field", detail));
    }
    let mut ingest_ids = Vec::new();
    for seal_use in SealUse::of_flow(&mut tx, &id).await? {
        ingest_ids.push(wake(&mut tx, &seal_use.id, Trigger::Button, now, now).await?);
    }
    let nothing = || Problem::new(StatusCode::CONFLICT, "no_seal_use", "the flow has no seal use yet");
    let ingest_id = ingest_ids.first().cloned().ok_or_else(nothing)?;
    audit::commit(tx, act_on(&id, &user, "collect_asked"), now).await?;
    app.due.notify_one();
    Ok((StatusCode::ACCEPTED, Json(Collected { ingest_id, ingest_ids })))
}

/// An act whose subject is the flow itself.
fn act_on<'a>(flow: &'a FlowId, user: &'a User, act: &'a str) -> Entry<'a> {
    Entry { username: &user.username, act, subject: flow.as_str(), flow: Some(flow), detail: None }
}

async fn shown(edge: &Edge, id: &FlowId, user: &User) -> Result<FlowView, Problem> {
    view::view(&edge.app.db, id, user).await?.ok_or_else(Problem::not_found)
}

async fn may_see(edge: &Edge, id: &FlowId, user: &User) -> Result<(), Problem> {
    if Flow::visible_to(&edge.app.db, id, user).await? { Ok(()) } else { Err(Problem::not_found()) }
}

/// Who only reads changes nothing.
pub(super) async fn may_act(edge: &Edge, id: &FlowId, user: &User) -> Result<(), Problem> {
    may_see(edge, id, user).await?;
    if user.is_admin() || Flow::takes_part(&edge.app.db, id, user).await? { Ok(()) } else { Err(Problem::forbidden()) }
}
