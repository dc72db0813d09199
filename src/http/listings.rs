//! Lists of the documents in a folder: by any order, by cursor or by position, and by day.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Params, bad_query, limit, parsed},
    session::CurrentUser,
};
use crate::{
    flow::owing,
    hash::Blake3,
    id::{DocumentId, FlowId, FolderId},
    library::{
        document::Document,
        folder::Folder,
        listing::{
            Listing, Start,
            sort::{Mark, Sort},
            timeline::TimelineDay,
        },
        rights::Sight,
        search::Search,
    },
    photo::kind::PhotoKind,
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(documents_in)).routes(routes!(timeline))
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// true: with the documents of all folders below.
    deep: Option<bool>,
    /// `name`, `takenAt`, `receivedAt` or `bytes`, with `-` before it for the other way. Default: `-receivedAt`.
    #[param(pattern = "^-?(name|takenAt|receivedAt|bytes)$")]
    sort: Option<String>,
    /// Words, or parts of them, in any order, as in the search of documents.
    #[param(max_length = 1000)]
    q: Option<String>,
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
    /// Only documents of flows that still owe photos.
    missing: Option<bool>,
    /// Only documents received at or after this time (RFC 3339).
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only documents received before this time (RFC 3339).
    #[param(format = DateTime)]
    to: Option<String>,
    /// The BLAKE3, SHA-256 or SM3 hash of the original.
    #[param(value_type = Option<Blake3>, inline)]
    hash: Option<String>,
    /// The `next` of the previous page. One of `after`, `at` and `around`.
    #[param(pattern = r"^(-?[0-9]{1,19}|~[0-9A-Za-z_-]{1,1400})\.[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    after: Option<String>,
    /// The position of the first document, from 0.
    #[param(minimum = 0)]
    at: Option<i64>,
    /// The page that holds this document. It begins at a multiple of `limit`.
    #[param(value_type = Option<DocumentId>, inline)]
    around: Option<String>,
    /// true: wait for `total` and `bytes`, also where counting takes long.
    count: Option<bool>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

impl ListParams {
    fn sort(&self) -> Result<Sort, Problem> {
        Ok(parsed("sort", self.sort.as_deref())?.unwrap_or_default())
    }

    async fn filters(&self, edge: &Edge) -> Result<Search, Problem> {
        let missing = self.missing.unwrap_or(false);
        Ok(Search {
            flow: parsed("flowId", self.flow_id.as_deref())?,
            hash: parsed("hash", self.hash.as_deref())?,
            kind: parsed("kind", self.kind.as_deref())?,
            mime: self.mime.clone().filter(|mime| !mime.is_empty()),
            owing: if missing { Some(owing::flows(&edge.app.db).await?) } else { None },
            q: parsed("q", self.q.as_deref())?.unwrap_or_default(),
            seal: self.seal.clone(),
            user: self.user.clone(),
            from: parsed("from", self.from.as_deref())?,
            to: parsed("to", self.to.as_deref())?,
            ..Search::default()
        })
    }

    fn start(&self) -> Result<Start, Problem> {
        let after: Option<Mark> = parsed("after", self.after.as_deref())?;
        let around: Option<DocumentId> = parsed("around", self.around.as_deref())?;
        match (after, self.at, around) {
            (None, None, None) => Ok(Start::Top),
            (Some(mark), None, None) => Ok(Start::After(mark)),
            (None, Some(at), None) if at >= 0 => Ok(Start::At(at)),
            (None, Some(_), None) => Err(bad_query("at", "must be 0 or more")),
            (None, None, Some(id)) => Ok(Start::Around(id)),
            _ => Err(bad_query("after", "is sent together with at or around; send one of them")),
        }
    }
}

/// A page of documents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct DocumentList {
    items: Vec<Document>,
    /// The cursor of the next page: send it as `after`. Null at the end of the list.
    next: Option<String>,
    /// The number of all documents. Null where a filter would have to walk over more than 20,000 documents:
    /// `count=true` waits for it.
    total: Option<i64>,
    /// The bytes of all documents. Null as `total`.
    bytes: Option<i64>,
    /// The position of the first item. Null after `after`.
    at: Option<i64>,
}

/// The documents in a folder, newest first by default.
#[utoipa::path(get, path = "/api/folders/{id}/documents", params(("id" = FolderId, Path), ListParams), responses((status = 200, body = DocumentList), (status = 404, body = Problem)))]
async fn documents_in(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    Params(params): Params<ListParams>,
) -> Result<Json<DocumentList>, Problem> {
    let (limit, start) = (limit(params.limit)?, params.start()?);
    let (folder, sight) = visible(&edge, &id, &user).await?;
    let listing = listing(&edge, &folder, &sight, &params).await?;
    let page = listing.page(&edge.app.db, start, limit).await?.ok_or_else(Problem::not_found)?;
    let totals = listing.totals(&edge.app.db, params.count.unwrap_or(false)).await?;
    let (total, bytes) = (totals.map(|totals| totals.documents), totals.map(|totals| totals.bytes));
    Ok(Json(DocumentList { items: page.items, next: page.next, at: page.at, total, bytes }))
}

async fn visible(edge: &Edge, id: &FolderId, user: &User) -> Result<(Folder, Sight), Problem> {
    let sight = Sight::of(&edge.app.db, user).await?;
    let folder = Folder::visible(&edge.app.db, id, &sight).await?.ok_or_else(Problem::not_found)?;
    Ok((folder, sight))
}

async fn listing<'a>(
    edge: &Edge,
    folder: &'a Folder,
    sight: &'a Sight,
    params: &ListParams,
) -> Result<Listing<'a>, Problem> {
    let (filters, sort) = (params.filters(edge).await?, params.sort()?);
    Ok(Listing { folder, deep: params.deep.unwrap_or(false), filters, sort, sight })
}

/// The days of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Timeline {
    days: Vec<TimelineDay>,
}

/// The documents in a folder by day, in the order of a sort by time. Days are those of China (+08:00).
#[utoipa::path(get, path = "/api/folders/{id}/timeline", params(("id" = FolderId, Path), ListParams), responses((status = 200, body = Timeline), (status = 404, body = Problem)))]
async fn timeline(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    Params(params): Params<ListParams>,
) -> Result<Json<Timeline>, Problem> {
    if !params.sort()?.key.is_time() {
        return Err(bad_query("sort", "must be takenAt or receivedAt"));
    }
    let (folder, sight) = visible(&edge, &id, &user).await?;
    let days = listing(&edge, &folder, &sight, &params).await?.timeline(&edge.app.db).await?;
    Ok(Json(Timeline { days }))
}
