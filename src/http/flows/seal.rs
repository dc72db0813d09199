//! What is done about a flow's photos.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{may, may_see};
use crate::{
    audit::{self, Act, NewEntry},
    definition::Definition,
    flow::{Flow, actions::Action},
    http::{Code, Edge, Problem, input::Id, session::CurrentUser},
    id::{FlowId, IngestId},
    seal_use::{
        SealUse,
        ingest::{Trigger, wake},
    },
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(collect))
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
#[utoipa::path(post, path = "/api/flows/{id}/collect", params(("id" = FlowId, Path)), responses((status = 202, body = Collected), (status = 409, body = Problem)))]
async fn collect(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<(StatusCode, Json<Collected>), Problem> {
    may_see(&edge, &id, &user).await?;
    let (app, now) = (&edge.app, edge.app.clock.now());
    let flow = Flow::find(&app.db, &id).await?.ok_or_else(Problem::not_found)?;
    let body = Definition::version(&app.db, &flow.definition_id, flow.version).await?.body;
    if body.integration.as_ref().is_none_or(|integration| integration.download_field.is_none()) {
        let detail = "the definition names no field for photos";
        return Err(Problem::new(StatusCode::CONFLICT, Code::NoDownloadField, detail));
    }
    may(&edge, &id, &user, Action::Collect).await?;
    let mut tx = app.db.begin().await?;
    let mut ingest_ids = Vec::new();
    for seal_use in SealUse::of_flow(&mut tx, &id).await? {
        ingest_ids.push(wake(&mut tx, &seal_use.id, Trigger::Button, now, now).await?);
    }
    let asked = NewEntry::new(&user.username, Act::PhotosCollected, id.as_str()).of_flow(&id);
    audit::commit(tx, asked, now).await?;
    let nothing = || Problem::new(StatusCode::CONFLICT, Code::NoSealUse, "the flow has no seal use yet");
    let ingest_id = ingest_ids.first().cloned().ok_or_else(nothing)?;
    Ok((StatusCode::ACCEPTED, Json(Collected { ingest_id, ingest_ids })))
}
