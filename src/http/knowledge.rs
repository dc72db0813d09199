//! The knowledge base: folders and documents.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Input, Page, Params, limit, parsed},
    session::CurrentUser,
};
use crate::{
    curate::folders::{self, viewable},
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId},
    library::{
        Space,
        document::Document,
        folder::Folder,
        search::{Cursor, Search},
    },
    photo::kind::PhotoKind,
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(list_folders, make_folder))
        .routes(routes!(documents_in))
        .routes(routes!(search))
        .routes(routes!(show_document))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FolderParams {
    /// Only folders in this folder.
    #[param(value_type = Option<FolderId>, inline)]
    parent: Option<String>,
    /// Without `parent`: folders at the top of this space. Default: `public`.
    #[param(value_type = Option<Space>, inline)]
    space: Option<String>,
}

/// The folders in a folder or at the top of a space, sorted by name.
#[utoipa::path(get, path = "/api/folders", params(FolderParams), responses((status = 200, body = Page<Folder>), (status = 404, body = Problem)))]
async fn list_folders(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<FolderParams>,
) -> Result<Json<Page<Folder>>, Problem> {
    let db = &edge.app.db;
    let parent: Option<FolderId> = parsed("parent", params.parent.as_deref())?;
    let folders = if let Some(parent) = parent {
        viewable(db, &parent, &user).await?;
        Folder::children(db, &parent).await?
    } else {
        let space = parsed("space", params.space.as_deref())?.unwrap_or(Space::Public);
        Folder::top(db, space, if space == Space::Personal { user.id.as_str() } else { "" }).await?
    };
    let items = folders.into_iter().filter(|folder| folder.may_view(&user)).collect();
    Ok(Json(Page { items, next: None, total: None }))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewFolder {
    /// The id of the parent folder. Absent: the top of the public space.
    parent_id: Option<FolderId>,
    /// At most 240 bytes, without `/`, `\` and control characters.
    #[schema(max_length = 240, pattern = r"^(?!\.{1,2}$)(?=.*\S)[^/\\\x00-\x1f\x7f-\x9f]+$")]
    name: String,
}

/// Creates a folder.
#[utoipa::path(post, path = "/api/folders", request_body = NewFolder, responses((status = 201, body = Folder), (status = 409, body = Problem), (status = 404, body = Problem)))]
async fn make_folder(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(new): Input<NewFolder>,
) -> Result<(StatusCode, Json<Folder>), Problem> {
    let folder = folders::make(edge.acting(&user), new.parent_id.as_ref(), &new.name).await?;
    Ok((StatusCode::CREATED, Json(folder)))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DocumentPaging {
    /// The `next` of the previous page.
    #[param(pattern = r"^-?[0-9]{1,18}\.[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// The documents in a folder, newest first.
#[utoipa::path(get, path = "/api/folders/{id}/documents", params(("id" = FolderId, Path), DocumentPaging), responses((status = 200, body = Page<Document>), (status = 404, body = Problem)))]
async fn documents_in(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    Params(paging): Params<DocumentPaging>,
) -> Result<Json<Page<Document>>, Problem> {
    viewable(&edge.app.db, &id, &user).await?;
    let total = Document::total(&edge.app.db, &id, &user).await?;
    let search = Search { folder: Some(id), ..Search::default() };
    Ok(Json(Page { total: Some(total), ..search_page(&edge, &user, &search, paging).await? }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchParams {
    /// A part of the document name. Case, width, composition of letters and blanks at the ends do not matter.
    q: Option<String>,
    #[param(value_type = Option<FlowId>, inline)]
    flow_id: Option<String>,
    seal: Option<String>,
    /// The username of the person who stamped.
    user: Option<String>,
    #[param(value_type = Option<PhotoKind>, inline)]
    kind: Option<String>,
    /// Only documents received at or after this time (RFC 3339).
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only documents received before this time (RFC 3339).
    #[param(format = DateTime)]
    to: Option<String>,
    /// The BLAKE3 hash of the original.
    #[param(value_type = Option<Blake3>, inline)]
    hash: Option<String>,
    /// The `next` of the previous page.
    #[param(pattern = r"^-?[0-9]{1,18}\.[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// Searches documents, newest first.
#[utoipa::path(get, path = "/api/documents", params(SearchParams), responses((status = 200, body = Page<Document>)))]
async fn search(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<SearchParams>,
) -> Result<Json<Page<Document>>, Problem> {
    let search = Search {
        folder: None,
        flow: parsed("flowId", params.flow_id.as_deref())?,
        hash: parsed("hash", params.hash.as_deref())?,
        kind: parsed("kind", params.kind.as_deref())?,
        q: params.q.filter(|q| !q.trim().is_empty()),
        seal: params.seal,
        user: params.user,
        from: parsed("from", params.from.as_deref())?,
        to: parsed("to", params.to.as_deref())?,
    };
    search_page(&edge, &user, &search, DocumentPaging { after: params.after, limit: params.limit }).await.map(Json)
}

/// One document.
#[utoipa::path(get, path = "/api/documents/{id}", params(("id" = DocumentId, Path)), responses((status = 200, body = Document), (status = 404, body = Problem)))]
async fn show_document(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<DocumentId>,
) -> Result<Json<Document>, Problem> {
    Document::find_visible(&edge.app.db, &id, &user).await?.map(Json).ok_or_else(Problem::not_found)
}

async fn search_page(
    edge: &Edge,
    user: &User,
    search: &Search,
    paging: DocumentPaging,
) -> Result<Page<Document>, Problem> {
    let limit = limit(paging.limit)?;
    let after: Option<Cursor> = parsed("after", paging.after.as_deref())?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (items, next) = search.documents(&edge.app.db, user, after.as_ref(), limit).await?;
    Ok(Page { items, next: next.map(|next| next.to_string()), total: None })
}
