//! Folders of the knowledge base: listed, made, renamed, moved, trashed, restored.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    input::{Id, Input, MaybeInput, Page, Params, bad_query, parsed},
    session::CurrentUser,
};
use crate::{
    curate::folders::{self, FolderError, FolderTarget},
    id::FolderId,
    library::{
        Space,
        folder::{Folder, shown::FolderView},
        rights::Sight,
        search::{self, Words},
    },
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(show, change, delete)).routes(routes!(restore))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FolderParams {
    /// Only folders in this folder.
    #[param(value_type = Option<FolderId>, inline)]
    parent: Option<String>,
    /// Without `parent`: folders at the top of this space. Default: `public`. A folder in one that the caller may not see
    /// stands here, too.
    #[param(value_type = Option<Space>, inline)]
    space: Option<String>,
    /// With `space=personal`: the username of the owner. Default: the caller. For users who read everything.
    owner: Option<String>,
    /// Words of the name, or parts of them, in any order. The folders that have all of them, wherever they are. Without
    /// `parent` and `space`.
    #[param(max_length = 1000)]
    q: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<usize>,
}

/// The folders in a folder, at the top of a space, or with a name, sorted by name. The list has what the caller may see.
#[utoipa::path(get, path = "/api/folders", params(FolderParams), responses((status = 200, body = Page<FolderView>), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn list(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<FolderParams>,
) -> Result<Json<Page<FolderView>>, Problem> {
    let db = &edge.app.db;
    let limit = params.limit.unwrap_or(1000);
    if !(1..=1000).contains(&limit) {
        return Err(bad_query("limit", "must be 1 to 1000"));
    }
    let sight = Sight::of(db, &user).await?;
    let words: Words = parsed("q", params.q.as_deref())?.unwrap_or_default();
    let mut folders = match parsed::<FolderId>("parent", params.parent.as_deref())? {
        parent if !words.is_empty() => {
            if parent.is_some() || params.space.is_some() {
                return Err(bad_query("q", "is sent together with parent or space; send it alone"));
            }
            search::folders::named(db, &words, &sight).await?
        }
        Some(parent) => {
            Folder::visible(db, &parent, &sight).await?.ok_or_else(Problem::not_found)?;
            Folder::visible_children(db, &parent, &sight).await?
        }
        None => {
            let space = parsed("space", params.space.as_deref())?.unwrap_or(Space::Public);
            let owner = owner(&edge, &user, space, params.owner.as_deref()).await?;
            Folder::visible_top(db, space, &owner, &sight).await?
        }
    };
    let total = i64::try_from(folders.len()).unwrap_or(i64::MAX);
    folders.truncate(limit);
    let items = FolderView::of(db, folders, &sight).await?;
    Ok(Json(Page { items, next: None, total: Some(total) }))
}

/// Returns the owner of a personal space.
async fn owner(edge: &Edge, user: &User, space: Space, named: Option<&str>) -> Result<String, Problem> {
    match named {
        _ if space != Space::Personal => Ok(String::new()),
        None => Ok(user.id.to_string()),
        Some(named) if named == user.username => Ok(user.id.to_string()),
        Some(_) if !user.reads_all() => Err(Problem::forbidden()),
        Some(named) => {
            let owner = User::named(&edge.app.db, named).await?.ok_or_else(Problem::not_found)?;
            Ok(owner.id.to_string())
        }
    }
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewFolder {
    /// The id of the parent folder. Absent: the top of the space.
    parent_id: Option<FolderId>,
    /// Without `parentId`: the space. Default: `public`. In the personal space the folder is the caller's.
    space: Option<Space>,
    /// At most 240 bytes, without `/`, `\` and control characters.
    #[schema(
        max_length = 240,
        pattern = r"^(?!\.{1,2}$)(?=.*\S)[^/\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+$"
    )]
    name: String,
}

/// Creates a folder.
#[utoipa::path(post, path = "/api/folders", request_body = NewFolder, responses((status = 201, body = FolderView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn make(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(new): Input<NewFolder>,
) -> Result<(StatusCode, Json<FolderView>), Problem> {
    let target = match new.parent_id {
        Some(parent) => FolderTarget::Folder(parent),
        None => FolderTarget::Top(new.space.unwrap_or(Space::Public)),
    };
    let folder = folders::make(edge.acting(&user), &target, &new.name).await?;
    edge.folder_changed(&folder.id, "made");
    Ok((StatusCode::CREATED, view(&edge, folder, &user).await?))
}

/// One folder with its counts.
#[utoipa::path(get, path = "/api/folders/{id}", params(("id" = FolderId, Path)), responses((status = 200, body = FolderView), (status = 404, body = Problem)))]
async fn show(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
) -> Result<Json<FolderView>, Problem> {
    let sight = Sight::of(&edge.app.db, &user).await?;
    let folder = Folder::visible(&edge.app.db, &id, &sight).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(FolderView::one(&edge.app.db, folder, &sight).await?))
}

async fn view(edge: &Edge, folder: Folder, user: &User) -> Result<Json<FolderView>, Problem> {
    let sight = Sight::of(&edge.app.db, user).await?;
    Ok(Json(FolderView::one(&edge.app.db, folder, &sight).await?))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FolderChange {
    /// At most 240 bytes, without `/`, `\` and control characters.
    #[schema(
        max_length = 240,
        pattern = r"^(?!\.{1,2}$)(?=.*\S)[^/\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+$"
    )]
    name: Option<String>,
    /// The id of the new parent folder. Empty: the top of the space.
    #[schema(pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$")]
    parent_id: Option<String>,
}

/// Renames or moves a folder. A moved folder has the rights of its new place. A definition that uses the folder shows its
/// new path. The keys of stored files do not change.
#[utoipa::path(patch, path = "/api/folders/{id}", params(("id" = FolderId, Path)), request_body = FolderChange, responses((status = 200, body = FolderView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    Input(change): Input<FolderChange>,
) -> Result<Json<FolderView>, Problem> {
    let (name, parent) = (change.name.as_deref(), change.parent_id.as_deref());
    let folder = folders::change(edge.acting(&user), &id, name, parent).await?;
    edge.folder_changed(&id, "changed");
    view(&edge, folder, &user).await
}

/// Moves a folder with all in it to the trash, as one row. 409 `folder_in_use`: a definition files into it. 409 `evidence`:
/// documents of a flow lie in it.
#[utoipa::path(delete, path = "/api/folders/{id}", params(("id" = FolderId, Path)), responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
) -> Result<StatusCode, Problem> {
    folders::delete(edge.acting(&user), &id).await?;
    edge.folder_changed(&id, "deleted");
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FolderRestore {
    /// The folder into which it goes. Absent: where it was.
    parent_id: Option<FolderId>,
}

/// Takes a folder out of the trash, with all that went with it.
#[utoipa::path(post, path = "/api/folders/{id}/restore", params(("id" = FolderId, Path)), request_body = Option<FolderRestore>, responses((status = 200, body = FolderView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn restore(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    MaybeInput(into): MaybeInput<FolderRestore>,
) -> Result<Json<FolderView>, Problem> {
    let target = into.parent_id.map(FolderTarget::Folder);
    let folder = folders::restore(edge.acting(&user), &id, target.as_ref()).await?;
    edge.folder_changed(&id, "restored");
    view(&edge, folder, &user).await
}

impl From<FolderError> for Problem {
    fn from(error: FolderError) -> Self {
        let detail = error.to_string();
        match error {
            FolderError::NotFound => Self::not_found(),
            FolderError::NotYours => Self::forbidden(),
            FolderError::InUse(_) => Self::new(Code::FolderInUse, detail),
            FolderError::Evidence => Self::new(Code::Evidence, detail),
            FolderError::BadName(_) => Self::field("name", detail),
            FolderError::IntoItself | FolderError::TooDeep => Self::field("parentId", detail),
            FolderError::Faces | FolderError::NotYoursBelow => Self::new(Code::Forbidden, detail),
            FolderError::NoPlace => Self::field("folderId", detail),
            FolderError::Db(error) => error.into(),
        }
    }
}
