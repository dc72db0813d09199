//! The knowledge base: lists and searches of documents in a space or everywhere, and one document.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Params, bad_query, limit, parsed},
    listings::{DocumentList, ListParams, Timeline, in_folder},
    session::CurrentUser,
};
use crate::{
    content::camera,
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId},
    library::{
        Space,
        document::Document,
        listing::{Start, scope::ListScope, sort::Sort},
        rights::Sight,
        search::{Cursor, MatchCount, MediaType},
    },
    photo::kind::PhotoKind,
    picture::inspect::CameraData,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(search_documents))
        .routes(routes!(timeline))
        .routes(routes!(show_document))
        .routes(routes!(show_exif))
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
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
    /// Only documents in this space, with all its folders. `personal` is the caller's own. Without `folderId`.
    #[param(value_type = Option<Space>, inline)]
    space: Option<String>,
    /// With the folders below `folderId`.
    deep: Option<bool>,
    /// `name`, `takenAt`, `receivedAt` or `bytes`, with `-` before it for the other way. Default: `-receivedAt`.
    #[param(pattern = "^-?(name|takenAt|receivedAt|bytes)$")]
    sort: Option<String>,
    #[param(value_type = Option<FlowId>, inline)]
    flow_id: Option<String>,
    seal: Option<String>,
    /// The username of the person who stamped.
    user: Option<String>,
    #[param(value_type = Option<PhotoKind>, inline)]
    kind: Option<String>,
    #[param(value_type = Option<MediaType>, inline)]
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
    missing: Option<bool>,
    /// The `next` of the previous page. One of `after`, `at` and `around`.
    #[param(pattern = r"^(-?[0-9]{1,19}|~[0-9A-Za-z_-]{1,1400})\.[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    after: Option<String>,
    /// The position of the first document, from 0. Without `q`.
    #[param(minimum = 0)]
    at: Option<i64>,
    /// The page that holds this document. It begins at a multiple of `limit`. Without `q`.
    #[param(value_type = Option<DocumentId>, inline)]
    around: Option<String>,
    /// true: wait for `total` and `bytes`, also where counting takes long.
    count: Option<bool>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

impl SearchParams {
    /// Returns the place, and the parameters that a list in a folder has, too.
    async fn placed(self, edge: &Edge, sight: &Sight) -> Result<(ListScope, ListParams), Problem> {
        let folder: Option<FolderId> = parsed("folderId", self.folder_id.as_deref())?;
        let space: Option<Space> = parsed("space", self.space.as_deref())?;
        let scope = match (folder, space) {
            (Some(_), Some(_)) => return Err(bad_query("space", "is set beside folderId; send one of them")),
            (Some(folder), None) => in_folder(edge, &folder, self.deep, sight).await?,
            (None, Some(space)) => {
                ListScope::Space { space, owner: (space == Space::Personal).then(|| sight.user().id.clone()) }
            }
            (None, None) => ListScope::All,
        };
        let Self { deep, sort, q, flow_id, seal, user, kind, mime, missing, from, to, hash, .. } = self;
        let Self { after, at, around, count, limit, .. } = self;
        let list = ListParams {
            deep,
            sort,
            q,
            flow_id,
            seal,
            user,
            kind,
            mime,
            missing,
            from,
            to,
            hash,
            after,
            at,
            around,
            count,
            limit,
        };
        Ok((scope, list))
    }
}

/// A page of documents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct DocumentPage {
    items: Vec<Document>,
    /// The cursor of the next page: send it as `after`. null at the end of the list. A page can be short although
    /// `next` is set, because a search compares a bounded number of documents.
    next: Option<String>,
    /// The number of all documents. With `q`: exact up to 1,000, and null behind the first page. Without `q`: null where
    /// counting would walk over more than 20,000 documents; `count=true` waits for it.
    total: Option<MatchCount>,
    /// The bytes of all documents. null as `total`, and with `q`.
    bytes: Option<i64>,
    /// The position of the first item. null after `after`, and with `q`.
    at: Option<i64>,
}

impl DocumentPage {
    async fn of(edge: &Edge, scope: ListScope, sight: &Sight, params: &ListParams) -> Result<Self, Problem> {
        let (db, limit, start) = (&edge.app.db, limit(params.limit)?, params.start()?);
        let filters = params.filters(edge).await?;
        if filters.q.is_empty() {
            let DocumentList { items, next, total, bytes, at } =
                DocumentList::of(edge, &params.listing(edge, scope, sight).await?, params).await?;
            return Ok(Self { items, next, total: total.map(MatchCount::Exact), bytes, at });
        }
        if matches!(start, Start::At(_) | Start::Around(_)) {
            return Err(bad_query("at", "a search for words has no positions; send after, or leave q out"));
        }
        if params.sort()? == Sort::default() {
            let after: Option<Cursor> = parsed("after", params.after.as_deref())?;
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let found = filters.within(&scope).documents(db, sight.user(), after.as_ref(), most).await?;
            let next = found.next.map(|next| next.to_string());
            return Ok(Self { items: found.documents, next, total: found.total, bytes: None, at: None });
        }
        let listing = params.listing(edge, scope, sight).await?;
        let total = match start {
            Start::Top => Some(listing.matches(db).await?),
            _ => None,
        };
        let page = listing.page(db, start, limit).await?.ok_or_else(Problem::not_found)?;
        Ok(Self { items: page.items, next: page.next, total, bytes: None, at: None })
    }
}

/// Lists or searches documents, newest first by default.
#[utoipa::path(get, path = "/api/documents", params(SearchParams), responses((status = 200, body = DocumentPage), (status = 404, body = Problem)))]
async fn search_documents(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<SearchParams>,
) -> Result<Json<DocumentPage>, Problem> {
    let sight = Sight::of(&edge.app.db, &user).await?;
    let (scope, params) = params.placed(&edge, &sight).await?;
    Ok(Json(DocumentPage::of(&edge, scope, &sight, &params).await?))
}

/// The documents of a list or a search by day, in the order of a sort by time. Days are those of China (+08:00).
#[utoipa::path(get, path = "/api/documents/timeline", params(SearchParams), responses((status = 200, body = Timeline), (status = 404, body = Problem)))]
async fn timeline(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<SearchParams>,
) -> Result<Json<Timeline>, Problem> {
    let sight = Sight::of(&edge.app.db, &user).await?;
    let (scope, params) = params.placed(&edge, &sight).await?;
    Ok(Json(Timeline::of(&edge, scope, &sight, &params).await?))
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
