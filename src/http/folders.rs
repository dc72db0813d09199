//! Folders of the knowledge base: renamed, moved, deleted.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    input::{Id, Input},
    knowledge::viewable,
    session::CurrentUser,
};
use crate::{
    audit::{self, Act, NewEntry},
    curate::folders::{self, KeepError},
    id::FolderId,
    library::{Space, folder::Folder},
    user::{Role, User},
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
    /// The folder it moves into; empty: the top of its space.
    #[schema(pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$")]
    parent_id: Option<String>,
}

/// Renames or moves a folder; not while a definition points at it. Files stay where they are stored.
#[utoipa::path(patch, path = "/api/folders/{id}", params(("id" = FolderId, Path)), request_body = FolderChange, responses((status = 200, body = Folder), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    Input(change): Input<FolderChange>,
) -> Result<Json<Folder>, Problem> {
    let folder = managed(&edge, &id, &user).await?;
    let mut tx = edge.app.db.begin().await?;
    let changed = folders::change(&mut tx, &folder, change.name.as_deref(), change.parent_id.as_deref()).await?;
    let detail = format!("{} → {}", folder.name, changed.name);
    let entry = NewEntry::new(&user.username, Act::FolderChanged, id.as_str()).detail(&detail);
    audit::commit(tx, entry, edge.app.clock.now()).await?;
    Ok(Json(changed))
}

/// Deletes an empty folder; not while a definition points at it.
#[utoipa::path(delete, path = "/api/folders/{id}", params(("id" = FolderId, Path)), responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
) -> Result<StatusCode, Problem> {
    let folder = managed(&edge, &id, &user).await?;
    let mut tx = edge.app.db.begin().await?;
    folders::delete(&mut tx, &folder).await?;
    let name = Some(folder.name.as_str());
    let entry = NewEntry::new(&user.username, Act::FolderDeleted, id.as_str()).detail_if(name);
    audit::commit(tx, entry, edge.app.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The folder, if `user` may change it: its owner, else archivists and administrators.
async fn managed(edge: &Edge, id: &FolderId, user: &User) -> Result<Folder, Problem> {
    let folder = viewable(edge, id, user).await?;
    let own = folder.space == Space::Personal && folder.owner == user.id.as_str();
    let keeps = folder.space != Space::Personal && user.has(Role::Archivist);
    if own || keeps || user.is_admin() { Ok(folder) } else { Err(Problem::forbidden()) }
}

impl From<KeepError> for Problem {
    fn from(error: KeepError) -> Self {
        let detail = error.to_string();
        match error {
            KeepError::InUse(_) => Self::new(StatusCode::CONFLICT, Code::FolderInUse, detail),
            KeepError::NotEmpty => Self::new(StatusCode::CONFLICT, Code::FolderNotEmpty, detail),
            KeepError::BadName(_) => Self::field("name", detail),
            KeepError::Elsewhere => Self::field("parentId", detail),
            KeepError::Db(error) => error.into(),
        }
    }
}
