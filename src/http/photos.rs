//! Acts on single photos.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    flows::send_hint_of,
    input::{Id, Input},
    session::Admin,
};
use crate::{
    id::PhotoId,
    library::document::Document,
    sealing::accept::{self, AcceptWish},
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(accept_photo))
}

/// Accepts a photo that the vendor has not confirmed, or one of an unknown kind. The photo counts from then on, marked
/// as `accepted`; in an archived flow it is a supplement. For administrators only. The reason is part of the record.
#[utoipa::path(post, path = "/api/photos/{id}/accept", params(("id" = PhotoId, Path)), request_body = AcceptWish, responses((status = 200, body = Document), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn accept_photo(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Id(id): Id<PhotoId>,
    Input(wish): Input<AcceptWish>,
) -> Result<Json<Document>, Problem> {
    let accepted = accept::accept(edge.acting(&admin), &id, &wish).await?;
    if let Some(flow) = &accepted.flow_id {
        send_hint_of(&edge, flow, &admin).await;
    }
    Ok(Json(accepted))
}
