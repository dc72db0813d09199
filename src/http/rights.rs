//! The rights of folders.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Input, Params, bad_query},
    session::CurrentUser,
};
use crate::{
    curate::rights::{self, FolderRights, NewRights, RightsError, RightsOf},
    id::FolderId,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(show, set)).routes(routes!(of))
}

/// The rights of a folder: its own entries and those that it inherits. For users who manage the folder.
#[utoipa::path(get, path = "/api/folders/{id}/rights", params(("id" = FolderId, Path)), responses((status = 200, body = FolderRights), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn show(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
) -> Result<Json<FolderRights>, Problem> {
    Ok(Json(rights::show(&edge.app.db, &id, &user).await?))
}

/// Replaces the entries of a folder. Entries only add rights. With `inherits: false` the rights from above end here, but
/// not those of administrators and auditors.
#[utoipa::path(put, path = "/api/folders/{id}/rights", params(("id" = FolderId, Path)), request_body = NewRights, responses((status = 200, body = FolderRights), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn set(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    Input(new): Input<NewRights>,
) -> Result<Json<FolderRights>, Problem> {
    let rights = rights::set(edge.acting(&user), &id, &new).await?;
    edge.folder_changed(&id, "rights");
    Ok(Json(rights))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfParams {
    /// A username.
    user: String,
}

/// What a user may do with a folder, and which entries say so. For users who manage the folder.
#[utoipa::path(get, path = "/api/folders/{id}/rights/of", params(("id" = FolderId, Path), OfParams), responses((status = 200, body = RightsOf), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn of(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    Params(params): Params<OfParams>,
) -> Result<Json<RightsOf>, Problem> {
    match rights::of(&edge.app.db, &id, &user, &params.user).await {
        Err(RightsError::Bad { member, message }) => Err(bad_query(&member, message)),
        other => Ok(Json(other?)),
    }
}

impl From<RightsError> for Problem {
    fn from(error: RightsError) -> Self {
        match error {
            RightsError::Folder(error) => error.into(),
            RightsError::Bad { member, message } => Self::field(&member, message),
            RightsError::Db(error) => error.into(),
        }
    }
}
