//! Folders of the knowledge base: renamed, moved, deleted.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    input::{Id, Input},
    session::CurrentUser,
};
use crate::{
    curate::folders::{self, FolderError},
    id::FolderId,
    library::folder::Folder,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(change, delete))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FolderChange {
    /// At most 240 bytes, without `/`, `\` and control characters.
    #[schema(max_length = 240, pattern = r"^(?!\.{1,2}$)(?=.*\S)[^/\\\x00-\x1f\x7f-\x9f]+$")]
    name: Option<String>,
    /// The id of the new parent folder. Empty: the top of the space.
    #[schema(pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$")]
    parent_id: Option<String>,
}

/// Renames or moves a folder. A definition that uses the folder shows its new path. The keys of stored files do not
/// change.
#[utoipa::path(patch, path = "/api/folders/{id}", params(("id" = FolderId, Path)), request_body = FolderChange, responses((status = 200, body = Folder), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    Input(change): Input<FolderChange>,
) -> Result<Json<Folder>, Problem> {
    let (name, parent) = (change.name.as_deref(), change.parent_id.as_deref());
    Ok(Json(folders::change(edge.acting(&user), &id, name, parent).await?))
}

/// Deletes an empty folder. Fails while a definition uses the folder.
#[utoipa::path(delete, path = "/api/folders/{id}", params(("id" = FolderId, Path)), responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
) -> Result<StatusCode, Problem> {
    folders::delete(edge.acting(&user), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<FolderError> for Problem {
    fn from(error: FolderError) -> Self {
        let detail = error.to_string();
        match error {
            FolderError::NotFound => Self::not_found(),
            FolderError::NotYours => Self::forbidden(),
            FolderError::InUse(_) => Self::new(Code::FolderInUse, detail),
            FolderError::NotEmpty => Self::new(Code::FolderNotEmpty, detail),
            FolderError::BadName(_) => Self::field("name", detail),
            FolderError::Elsewhere => Self::field("parentId", detail),
            FolderError::Db(error) => error.into(),
        }
    }
}
