//! The knowledge base: the search of documents, and one document.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Params, bad_query, limit, parsed},
    session::CurrentUser,
};
use crate::{
    content::camera,
    flow::owing,
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId},
    library::{
        Space,
        document::Document,
        folder::Folder,
        rights::Sight,
        search::{AnyHash, Cursor, MatchCount, Search},
    },
    photo::kind::PhotoKind,
    picture::inspect::CameraData,
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(search_documents)).routes(routes!(show_document)).routes(routes!(show_exif))
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
            let sight = Sight::of(&edge.app.db, user).await?;
            Folder::visible(&edge.app.db, folder, &sight).await?.ok_or_else(Problem::not_found)?;
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
    let most = usize::try_from(limit(params.limit)?).unwrap_or(usize::MAX);
    let after: Option<Cursor> = parsed("after", params.after.as_deref())?;
    let found = search.documents(&edge.app.db, &user, after.as_ref(), most).await?;
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

/// What the camera wrote into the file: device, time, position.
#[utoipa::path(get, path = "/api/documents/{id}/exif", params(("id" = DocumentId, Path)), responses((status = 200, body = CameraData), (status = 404, body = Problem)))]
async fn show_exif(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<DocumentId>,
) -> Result<Json<CameraData>, Problem> {
    let document = Document::find_visible(&edge.app.db, &id, &user).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(camera::of_document(&edge.app, &document).await?))
}
