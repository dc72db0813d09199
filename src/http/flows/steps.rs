//! The steps that people take.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{hint, may_act, may_see, shown};
use crate::{
    definition::{Definition, START},
    flow::{
        form::Form,
        step::{self, Opinion},
        view::FlowView,
    },
    http::{
        Edge, Problem,
        input::{Id, Input, MaybeInput},
        session::CurrentUser,
    },
    id::FlowId,
    sealing::apply::seals,
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(withdraw))
        .routes(routes!(transfer))
        .routes(routes!(comment))
        .routes(routes!(submit))
        .routes(routes!(form))
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Said {
    comment: Option<String>,
    /// The node that was looked at: when the flow has left it meanwhile, the answer is 409 `moved_on`.
    node: Option<String>,
}

/// Approves the node at which the flow stands.
#[utoipa::path(post, path = "/api/flows/{id}/approve", params(("id" = FlowId, Path)), request_body = Option<Said>, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn approve(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    MaybeInput(said): MaybeInput<Said>,
) -> Result<Json<FlowView>, Problem> {
    may_see(&edge, &id, &user).await?;
    let opinion = Opinion { comment: said.comment.as_deref(), node: said.node.as_deref() };
    step::approve(edge.acting(&user), &id, opinion).await?;
    changed(&edge, &id, &user).await
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Back {
    comment: Option<String>,
    node: Option<String>,
    /// Key of an earlier node, or `start` (the default): back to the starter, who may change it and submit it again.
    to: Option<String>,
}

/// Sends the flow back. Open seal uses end at the vendor.
#[utoipa::path(post, path = "/api/flows/{id}/reject", params(("id" = FlowId, Path)), request_body = Option<Back>, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn reject(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    MaybeInput(back): MaybeInput<Back>,
) -> Result<Json<FlowView>, Problem> {
    may_see(&edge, &id, &user).await?;
    let opinion = Opinion { comment: back.comment.as_deref(), node: back.node.as_deref() };
    let to = back.to.as_deref().unwrap_or(START);
    step::reject(edge.acting(&user), &id, opinion, to).await?;
    changed(&edge, &id, &user).await
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    comment: Option<String>,
}

/// Takes the flow back for good: by its starter, or an administrator. Open seal uses end at the vendor.
#[utoipa::path(post, path = "/api/flows/{id}/withdraw", params(("id" = FlowId, Path)), request_body = Option<Reason>, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn withdraw(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    MaybeInput(reason): MaybeInput<Reason>,
) -> Result<Json<FlowView>, Problem> {
    may_see(&edge, &id, &user).await?;
    step::withdraw(edge.acting(&user), &id, reason.comment.as_deref()).await?;
    changed(&edge, &id, &user).await
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Handed {
    /// Username.
    to: String,
    comment: Option<String>,
    node: Option<String>,
}

/// Hands one's turn to somebody else; an administrator hands on everybody's.
#[utoipa::path(post, path = "/api/flows/{id}/transfer", params(("id" = FlowId, Path)), request_body = Handed, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn transfer(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(handed): Input<Handed>,
) -> Result<Json<FlowView>, Problem> {
    may_see(&edge, &id, &user).await?;
    let opinion = Opinion { comment: handed.comment.as_deref(), node: handed.node.as_deref() };
    step::transfer(edge.acting(&user), &id, opinion, &handed.to).await?;
    changed(&edge, &id, &user).await
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Remark {
    #[schema(pattern = r"\S")]
    comment: String,
}

/// Says something about the flow, while it is not archived.
#[utoipa::path(post, path = "/api/flows/{id}/comment", params(("id" = FlowId, Path)), request_body = Remark, responses((status = 200, body = FlowView), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn comment(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(remark): Input<Remark>,
) -> Result<Json<FlowView>, Problem> {
    may_act(&edge, &id, &user).await?;
    step::comment(edge.acting(&user), &id, &remark.comment).await?;
    changed(&edge, &id, &user).await
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Again {
    /// Members that change; absent ones stay as they are.
    #[serde(default)]
    #[schema(value_type = Object)]
    form: Form,
    comment: Option<String>,
}

/// Submits a flow again that was sent back to its starter.
#[utoipa::path(post, path = "/api/flows/{id}/submit", params(("id" = FlowId, Path)), request_body = Option<Again>, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn submit(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    MaybeInput(again): MaybeInput<Again>,
) -> Result<Json<FlowView>, Problem> {
    seals_are_clear(&edge, &id, &user, &again.form).await?;
    may_see(&edge, &id, &user).await?;
    step::submit(edge.acting(&user), &id, &again.form, again.comment.as_deref()).await?;
    changed(&edge, &id, &user).await
}

/// As at the start: a seal's name that several companies have is told before anybody approves.
async fn seals_are_clear(edge: &Edge, id: &FlowId, user: &User, changes: &Form) -> Result<(), Problem> {
    let flow = shown(edge, id, user).await?;
    let body = Definition::version(&edge.app.db, &flow.head.definition_id, flow.head.version).await?.body;
    let mut form: Form = flow.form.as_object().cloned().unwrap_or_default();
    form.extend(changes.clone());
    let errors = seals::check(&edge.app, &body, &form, user).await?;
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// Members that change; absent ones stay as they are, null empties.
    #[schema(value_type = Object)]
    form: Form,
}

/// Changes the fields that are editable for the one who asks now; see `editable` of the flow.
#[utoipa::path(put, path = "/api/flows/{id}/form", params(("id" = FlowId, Path)), request_body = Fields, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn form(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(fields): Input<Fields>,
) -> Result<Json<FlowView>, Problem> {
    may_see(&edge, &id, &user).await?;
    step::edit(edge.acting(&user), &id, &fields.form).await?;
    changed(&edge, &id, &user).await
}

/// The flow after the step; those who look at it are told.
async fn changed(edge: &Edge, id: &FlowId, user: &User) -> Result<Json<FlowView>, Problem> {
    let flow = shown(edge, id, user).await?;
    hint(edge, &flow);
    Ok(Json(flow))
}
