//! The steps that people take.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{may_see, shown};
use crate::{
    flow::{step, view::FlowView},
    http::{
        Edge, Problem,
        input::{Id, Input},
        session::CurrentUser,
    },
    id::FlowId,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(approve))
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
    let app = &edge.app;
    let mut tx = app.db.begin().await?;
    step::approve(&mut tx, &id, &user, opinion.comment.as_deref(), app.clock.now()).await?;
    tx.commit().await?;
    app.due.notify_one();
    shown(&edge, &id, &user).await.map(Json)
}
