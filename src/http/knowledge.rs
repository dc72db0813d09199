//! The knowledge base: folders and documents.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Input, Page, Params, bad_query, limit, parsed},
    session::CurrentUser,
};
use crate::{
    curate::folders::{self, viewable},
    flow::owing,
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId},
    library::{
        Space,
        document::Document,
        folder::Folder,
        search::{self, AnyHash, Cursor, FoundDocuments, MatchCount, Search, Words},
    },
    photo::kind::PhotoKind,
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(list_folders, make_folder))
        .routes(routes!(documents_in))
        .routes(routes!(search_documents))
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
    /// Words of the name, or parts of them, in any order. The folders that have all of them, wherever they are, at most
    /// 1,000. Without `parent` and `space`.
    #[param(max_length = 1000)]
    q: Option<String>,
}

/// The folders in a folder, at the top of a space, or with a name, sorted by name.
#[utoipa::path(get, path = "/api/folders", params(FolderParams), responses((status = 200, body = Page<Folder>), (status = 404, body = Problem)))]
async fn list_folders(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<FolderParams>,
) -> Result<Json<Page<Folder>>, Problem> {
    let db = &edge.app.db;
    let parent: Option<FolderId> = parsed("parent", params.parent.as_deref())?;
    let words: Words = parsed("q", params.q.as_deref())?.unwrap_or_default();
    let folders = if !words.is_empty() {
        if parent.is_some() || params.space.is_some() {
            return Err(bad_query("q", "is set beside parent or space; send it alone"));
        }
        search::folders::named(db, &words, &user).await?
    } else if let Some(parent) = parent {
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
    let found = found(&edge, &user, &search, paging.after.as_deref(), paging.limit).await?;
    Ok(Json(Page { items: found.documents, next: found.next.map(|next| next.to_string()), total: Some(total) }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchParams {
    /// Words, or parts of them, in any order. Each must be in the words of the flow (subject, serial number,
    /// organisation, seals, people) or in a name that the document has or had. Case, width, composition of letters,
    /// traditional or simplified characters and blanks do not matter.
    #[param(max_length = 1000)]
    q: Option<String>,
    /// Only documents in this folder.
    #[param(value_type = Option<FolderId>, inline)]
    folder_id: Option<String>,
    /// Only documents in this space. `personal` is the caller's own. Without `folderId`.
    #[param(value_type = Option<Space>, inline)]
    space: Option<String>,
    /// With the folders below `folderId`.
    #[serde(default)]
    deep: bool,
    #[param(value_type = Option<FlowId>, inline)]
    flow_id: Option<String>,
    seal: Option<String>,
    /// The username of the person who stamped.
    user: Option<String>,
    #[param(value_type = Option<PhotoKind>, inline)]
    kind: Option<String>,
    /// A media type, such as `image/jpeg`, or the part before its `/`, such as `image`.
    #[param(pattern = "^[a-z0-9.+-]+(/[a-z0-9.+-]+)?$")]
    mime: Option<String>,
    /// Only documents received at or after this time (RFC 3339).
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only documents received before this time (RFC 3339).
    #[param(format = DateTime)]
    to: Option<String>,
    /// The BLAKE3, SHA-256 or SM3 hash of the original.
    #[param(value_type = Option<Blake3>, inline)]
    hash: Option<String>,
    /// Only documents of flows that still owe photos.
    #[serde(default)]
    missing: bool,
    /// The `next` of the previous page.
    #[param(pattern = r"^-?[0-9]{1,18}\.[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

impl SearchParams {
    async fn search(&self, edge: &Edge, user: &User) -> Result<Search, Problem> {
        let folder: Option<FolderId> = parsed("folderId", self.folder_id.as_deref())?;
        let space: Option<Space> = parsed("space", self.space.as_deref())?;
        if folder.is_some() && space.is_some() {
            return Err(bad_query("space", "is set beside folderId; send one of them"));
        }
        if let Some(folder) = &folder {
            viewable(&edge.app.db, folder, user).await?;
        }
        let hash: Option<AnyHash> = parsed("hash", self.hash.as_deref())?;
        Ok(Search {
            folder,
            deep: self.deep,
            space,
            owner: (space == Some(Space::Personal)).then(|| user.id.clone()),
            flow: parsed("flowId", self.flow_id.as_deref())?,
            hash,
            kind: parsed("kind", self.kind.as_deref())?,
            mime: self.mime.clone().filter(|mime| !mime.is_empty()),
            q: parsed("q", self.q.as_deref())?.unwrap_or_default(),
            seal: self.seal.clone(),
            user: self.user.clone(),
            from: parsed("from", self.from.as_deref())?,
            to: parsed("to", self.to.as_deref())?,
            owing: if self.missing { Some(owing::flows(&edge.app.db).await?) } else { None },
        })
    }
}

/// A page of a search, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct DocumentPage {
    items: Vec<Document>,
    /// The cursor of the next page: send it as `after`. null at the end of the list. A page can be short although
    /// `next` is set, because a search compares a bounded number of documents.
    next: Option<String>,
    /// The number of matches, exact up to 1,000. null without `q`, and behind the first page.
    total: Option<MatchCount>,
}

/// Searches documents, newest first.
#[utoipa::path(get, path = "/api/documents", params(SearchParams), responses((status = 200, body = DocumentPage), (status = 404, body = Problem)))]
async fn search_documents(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<SearchParams>,
) -> Result<Json<DocumentPage>, Problem> {
    let search = params.search(&edge, &user).await?;
    let found = found(&edge, &user, &search, params.after.as_deref(), params.limit).await?;
    let next = found.next.map(|next| next.to_string());
    Ok(Json(DocumentPage { items: found.documents, next, total: found.total }))
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

async fn found(
    edge: &Edge,
    user: &User,
    search: &Search,
    after: Option<&str>,
    most: Option<i64>,
) -> Result<FoundDocuments, Problem> {
    let most = usize::try_from(limit(most)?).unwrap_or(usize::MAX);
    let after: Option<Cursor> = parsed("after", after)?;
    Ok(search.documents(&edge.app.db, user, after.as_ref(), most).await?)
}
