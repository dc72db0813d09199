//! The steps of a flow: approve, send back, withdraw, transfer, comment, submit, edit the form.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{check_takes_part, check_visible, send_hint, visible_flow};
use crate::{
    definition::{Definition, START},
    flow::{
        FlowState,
        form::Form,
        step::{self, Opinion},
        view::FlowView,
    },
    http::{
        Edge, Problem,
        input::{Id, Input, MaybeInput},
        keyed::{IdempotencyKey, Run},
        session::CurrentUser,
    },
    id::FlowId,
    sealing::{apply::seals, withdraw},
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
struct ApprovalNote {
    comment: Option<String>,
    /// The node that the caller has read. The answer is 409 `moved_on` if the flow has left this node.
    node: Option<String>,
}

/// Approves the current node of the flow.
#[utoipa::path(post, path = "/api/flows/{id}/approve", params(("id" = FlowId, Path)), request_body = Option<ApprovalNote>, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn approve(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    MaybeInput(approval): MaybeInput<ApprovalNote>,
) -> Result<Json<FlowView>, Problem> {
    check_visible(&edge, &id, &user).await?;
    let opinion = Opinion { comment: approval.comment.as_deref(), node: approval.node.as_deref() };
    step::approve(edge.acting(&user), &id, opinion).await?;
    changed_flow(&edge, &id, &user).await
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SendBack {
    /// Why the flow is sent back.
    #[serde(default)]
    #[schema(required, pattern = r"\S")]
    comment: String,
    node: Option<String>,
    /// The key of an earlier node, or `start` (default). At `start` the starter can change the form and submit it
    /// again.
    to: Option<String>,
}

/// Sends the flow back to an earlier node. Open seal uses end at the vendor.
#[utoipa::path(post, path = "/api/flows/{id}/reject", params(("id" = FlowId, Path)), request_body = SendBack, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn reject(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    MaybeInput(back): MaybeInput<SendBack>,
) -> Result<Json<FlowView>, Problem> {
    check_visible(&edge, &id, &user).await?;
    let opinion = Opinion { comment: Some(&back.comment), node: back.node.as_deref() };
    let to = back.to.as_deref().unwrap_or(START);
    step::reject(edge.acting(&user), &id, opinion, to).await?;
    changed_flow(&edge, &id, &user).await
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Withdrawal {
    comment: Option<String>,
}

/// Withdraws the flow permanently. Only the starter and administrators may do this. Open seal uses end at the vendor. A
/// draft does not exist any more afterwards, and its files are in the starter's trash.
#[utoipa::path(post, path = "/api/flows/{id}/withdraw", params(("id" = FlowId, Path)), request_body = Option<Withdrawal>, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn withdraw(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    MaybeInput(withdrawal): MaybeInput<Withdrawal>,
) -> Result<Json<FlowView>, Problem> {
    let before = visible_flow(&edge, &id, &user).await?;
    withdraw::withdraw(&edge.app, edge.acting(&user), &id, withdrawal.comment.as_deref()).await?;
    if before.head.state == FlowState::Draft {
        return Ok(Json(before.withdrawn()));
    }
    changed_flow(&edge, &id, &user).await
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Transfer {
    /// The username of the new assignee.
    to: String,
    comment: Option<String>,
    node: Option<String>,
}

/// Transfers the task of the caller to another user. An administrator can transfer every task.
#[utoipa::path(post, path = "/api/flows/{id}/transfer", params(("id" = FlowId, Path)), request_body = Transfer, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn transfer(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(transfer): Input<Transfer>,
) -> Result<Json<FlowView>, Problem> {
    check_visible(&edge, &id, &user).await?;
    let opinion = Opinion { comment: transfer.comment.as_deref(), node: transfer.node.as_deref() };
    step::transfer(edge.acting(&user), &id, opinion, &transfer.to).await?;
    changed_flow(&edge, &id, &user).await
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewComment {
    #[schema(pattern = r"\S")]
    comment: String,
}

/// Adds a comment to the flow. Fails after the flow is archived.
#[utoipa::path(post, path = "/api/flows/{id}/comment", params(("id" = FlowId, Path)), request_body = NewComment, responses((status = 200, body = FlowView), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn comment(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(new): Input<NewComment>,
) -> Result<Json<FlowView>, Problem> {
    check_takes_part(&edge, &id, &user).await?;
    step::comment(edge.acting(&user), &id, &new.comment).await?;
    changed_flow(&edge, &id, &user).await
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Resubmission {
    /// The fields that change. Absent fields stay unchanged.
    #[serde(default)]
    #[schema(value_type = Object)]
    form: Form,
    comment: Option<String>,
}

/// Submits a flow again after it was sent back to its starter. With an `Idempotency-Key`, the same request again gives the
/// first answer for 24 hours.
#[utoipa::path(post, path = "/api/flows/{id}/submit", params(("id" = FlowId, Path), IdempotencyKey), request_body = Option<Resubmission>, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn submit(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Run(run): Run,
    MaybeInput(resubmission): MaybeInput<Resubmission>,
) -> Result<Json<FlowView>, Problem> {
    check_seal_names(&edge, &id, &user, &resubmission.form).await?;
    check_visible(&edge, &id, &user).await?;
    step::submit(edge.acting(&user), &id, &resubmission.form, resubmission.comment.as_deref(), run.id.as_ref()).await?;
    changed_flow(&edge, &id, &user).await
}

/// Fails if a seal name is ambiguous, as the start of a flow does, so the starter can correct it before the approval.
async fn check_seal_names(edge: &Edge, id: &FlowId, user: &User, changes: &Form) -> Result<(), Problem> {
    let flow = visible_flow(edge, id, user).await?;
    let (db, definition) = (&edge.app.db, &flow.head.definition_id);
    // The submission of a draft takes the current version.
    let current = if flow.head.state == FlowState::Draft { Definition::current(db, definition).await? } else { None };
    let body = match current {
        Some(current) => current.body,
        None => Definition::version(db, definition, flow.head.version).await?.body,
    };
    let mut form: Form = flow.form.as_object().cloned().unwrap_or_default();
    form.extend(changes.clone());
    let starter = User::named(&edge.app.db, &flow.head.starter).await?.ok_or_else(Problem::not_found)?;
    let errors = seals::check(&edge.app, &body, &form, &starter).await?;
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// Does the same for a change of the form, if the caller may change seals now and does. A draft is checked at its
/// submission.
async fn check_changed_seals(edge: &Edge, id: &FlowId, user: &User, changes: &Form) -> Result<(), Problem> {
    let flow = visible_flow(edge, id, user).await?;
    let body = Definition::version(&edge.app.db, &flow.head.definition_id, flow.head.version).await?.body;
    let names_seals = |key: &String| {
        let named = body.enabled_integration().map(|integration| integration.seal_field.as_str());
        named.is_some_and(|seals| seals.split('.').next() == Some(key.as_str()))
    };
    let is_draft = flow.head.state == FlowState::Draft;
    if !is_draft && changes.keys().any(|key| names_seals(key) && flow.editable.contains(key)) {
        check_seal_names(edge, id, user, changes).await?;
    }
    Ok(())
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct FormChange {
    /// The fields that change. Absent fields stay unchanged. null clears a field.
    #[schema(value_type = Object)]
    form: Form,
}

/// Changes fields of the form. `editable` of the flow lists the fields that the caller may change now.
#[utoipa::path(put, path = "/api/flows/{id}/form", params(("id" = FlowId, Path)), request_body = FormChange, responses((status = 200, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn form(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(change): Input<FormChange>,
) -> Result<Json<FlowView>, Problem> {
    check_visible(&edge, &id, &user).await?;
    check_changed_seals(&edge, &id, &user, &change.form).await?;
    step::edit(edge.acting(&user), &id, &change.form).await?;
    changed_flow(&edge, &id, &user).await
}

/// Returns the flow after the step and sends a hint to listeners.
async fn changed_flow(edge: &Edge, id: &FlowId, user: &User) -> Result<Json<FlowView>, Problem> {
    let flow = visible_flow(edge, id, user).await?;
    send_hint(edge, &flow);
    Ok(Json(flow))
}
