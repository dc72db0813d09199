//! The knowledge base: the search of documents, and one document.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Page, Params, limit, parsed},
    session::CurrentUser,
};
use crate::{
    content::camera,
    hash::Blake3,
    id::{DocumentId, FlowId},
    library::{
        document::Document,
        search::{Cursor, Search},
    },
    photo::kind::PhotoKind,
    picture::inspect::CameraData,
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(show_document)).routes(routes!(show_exif))
}

struct DocumentPaging {
    after: Option<String>,
    limit: Option<i64>,
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
