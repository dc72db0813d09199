//! Collects the photos of a flow into its download field.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    http::{Edge, Problem, input::Id, session::CurrentUser},
    id::{FlowId, IngestId},
    ingest::collect,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(collect_photos))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Collected {
    /// The ingest of the first seal use.
    ingest_id: IngestId,
    /// The ingests of all seal uses of the flow.
    ingest_ids: Vec<IngestId>,
}

/// Fetches the photos of the flow now and puts them into the download field.
#[utoipa::path(post, path = "/api/flows/{id}/collect", params(("id" = FlowId, Path)), responses((status = 202, body = Collected), (status = 409, body = Problem)))]
async fn collect_photos(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<(StatusCode, Json<Collected>), Problem> {
    let ingest_ids = collect::to_field(edge.acting(&user), &id).await?;
    let ingest_id = ingest_ids.first().cloned().ok_or_else(Problem::not_found)?;
    Ok((StatusCode::ACCEPTED, Json(Collected { ingest_id, ingest_ids })))
}
