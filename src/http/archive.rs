//! Archiving of a flow by a user.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, MaybeInput},
    session::CurrentUser,
};
use crate::{
    archive::by_hand::{self, Wish},
    flow::view::{self, FlowView},
    id::FlowId,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(archive))
}

/// The time that the answer waits for the archive.
const PATIENCE: Duration = Duration::from_secs(15);

/// Archives a flow that has passed all nodes. 409 `photos_missing` or `field_required` lists what is missing. An
/// administrator can accept missing photos with a reason. 202: the archive job is still running.
#[utoipa::path(post, path = "/api/flows/{id}/archive", params(("id" = FlowId, Path)), request_body = Option<Wish>, responses((status = 200, body = FlowView), (status = 202, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn archive(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    MaybeInput(wish): MaybeInput<Wish>,
) -> Result<(StatusCode, Json<FlowView>), Problem> {
    let app = &edge.app;
    by_hand::ask(edge.acting(&user), &id, &wish).await?;
    let status = if by_hand::wait(app, &id, PATIENCE).await? { StatusCode::OK } else { StatusCode::ACCEPTED };
    let flow = view::view(&app.db, &id, &user).await?.ok_or_else(Problem::not_found)?;
    Ok((status, Json(flow)))
}
