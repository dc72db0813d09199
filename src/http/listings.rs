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
            scope::ListScope,
            sort::{Mark, Sort},
            timeline::TimelineDay,
        },
        rights::Sight,
        search::{MediaType, Search},
    },
    photo::kind::PhotoKind,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(documents_in)).routes(routes!(timeline))
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// true: with the documents of all folders below.
    pub deep: Option<bool>,
    /// `name`, `takenAt`, `receivedAt` or `bytes`, with `-` before it for the other way. Default: `-receivedAt`.
    #[param(pattern = "^-?(name|takenAt|receivedAt|bytes)$")]
    pub sort: Option<String>,
    /// Words, or parts of them, in any order, as in the search of documents.
    #[param(max_length = 1000)]
    pub q: Option<String>,
    #[param(value_type = Option<FlowId>, inline)]
    pub flow_id: Option<String>,
    pub seal: Option<String>,
    /// The username of the person who stamped.
    pub user: Option<String>,
    #[param(value_type = Option<PhotoKind>, inline)]
    pub kind: Option<String>,
    #[param(value_type = Option<MediaType>, inline)]
    pub mime: Option<String>,
    /// Only documents of flows that still owe photos.
    pub missing: Option<bool>,
    /// Only documents received at or after this time (RFC 3339).
    #[param(format = DateTime)]
    pub from: Option<String>,
    /// Only documents received before this time (RFC 3339).
    #[param(format = DateTime)]
    pub to: Option<String>,
    /// The BLAKE3, SHA-256 or SM3 hash of the original.
    #[param(value_type = Option<Blake3>, inline)]
    pub hash: Option<String>,
    /// The `next` of the previous page. One of `after`, `at` and `around`.
    #[param(pattern = r"^(-?[0-9]{1,19}|~[0-9A-Za-z_-]{1,1400})\.[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    pub after: Option<String>,
    /// The position of the first document, from 0.
    #[param(minimum = 0)]
    pub at: Option<i64>,
    /// The page that holds this document. It begins at a multiple of `limit`.
    #[param(value_type = Option<DocumentId>, inline)]
    pub around: Option<String>,
    /// true: wait for `total` and `bytes`, also where counting takes long.
    pub count: Option<bool>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
}

impl ListParams {
    pub(super) fn sort(&self) -> Result<Sort, Problem> {
        Ok(parsed("sort", self.sort.as_deref())?.unwrap_or_default())
    }

    pub(super) async fn filters(&self, edge: &Edge) -> Result<Search, Problem> {
        let missing = self.missing.unwrap_or(false);
        Ok(Search {
            flow: parsed("flowId", self.flow_id.as_deref())?,
            hash: parsed("hash", self.hash.as_deref())?,
            kind: parsed("kind", self.kind.as_deref())?,
            mime: parsed("mime", self.mime.as_deref())?,
            owing: if missing { Some(owing::flows(&edge.app.db).await?) } else { None },
            q: parsed("q", self.q.as_deref())?.unwrap_or_default(),
            seal: parsed("seal", self.seal.as_deref())?,
            user: parsed("user", self.user.as_deref())?,
            from: parsed("from", self.from.as_deref())?,
            to: parsed("to", self.to.as_deref())?,
            ..Search::default()
        })
    }

    /// Returns the list in a place.
    pub(super) async fn listing<'a>(
        &self,
        edge: &Edge,
        scope: ListScope,
        sight: &'a Sight,
    ) -> Result<Listing<'a>, Problem> {
        let (filters, sort) = (self.filters(edge).await?, self.sort()?);
        Ok(Listing::open(&edge.app.db, scope, filters, sort, sight).await?)
    }

    pub(super) fn start(&self) -> Result<Start, Problem> {
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
pub(super) struct DocumentList {
    pub items: Vec<Document>,
    /// The cursor of the next page: send it as `after`. Null at the end of the list.
    pub next: Option<String>,
    /// The number of all documents. Null where a filter would have to walk over more than 20,000 documents:
    /// `count=true` waits for it.
    pub total: Option<i64>,
    /// The bytes of all documents. Null as `total`.
    pub bytes: Option<i64>,
    /// The position of the first item. Null after `after`.
    pub at: Option<i64>,
}

impl DocumentList {
    /// Returns the page that the parameters ask for.
    pub(super) async fn of(edge: &Edge, listing: &Listing<'_>, params: &ListParams) -> Result<Self, Problem> {
        let (limit, start) = (limit(params.limit)?, params.start()?);
        let page = listing.page(&edge.app.db, start, limit).await?.ok_or_else(Problem::not_found)?;
        let totals = listing.totals(&edge.app.db, params.count.unwrap_or(false)).await?;
        let (total, bytes) = (totals.map(|totals| totals.documents), totals.map(|totals| totals.bytes));
        Ok(Self { items: page.items, next: page.next, at: page.at, total, bytes })
    }
}

/// The documents in a folder, newest first by default.
#[utoipa::path(get, path = "/api/folders/{id}/documents", params(("id" = FolderId, Path), ListParams), responses((status = 200, body = DocumentList), (status = 404, body = Problem)))]
async fn documents_in(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    Params(params): Params<ListParams>,
) -> Result<Json<DocumentList>, Problem> {
    let sight = Sight::of(&edge.app.db, &user).await?;
    let scope = in_folder(&edge, &id, params.deep, &sight).await?;
    let listing = params.listing(&edge, scope, &sight).await?;
    Ok(Json(DocumentList::of(&edge, &listing, &params).await?))
}

/// Returns a folder as the place of a list, if the user may see it.
pub(super) async fn in_folder(
    edge: &Edge,
    id: &FolderId,
    deep: Option<bool>,
    sight: &Sight,
) -> Result<ListScope, Problem> {
    let folder = Folder::visible(&edge.app.db, id, sight).await?.ok_or_else(Problem::not_found)?;
    Ok(ListScope::Folder { folder, deep: deep.unwrap_or(false) })
}

/// The days of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Timeline {
    days: Vec<TimelineDay>,
}

impl Timeline {
    pub(super) async fn of(edge: &Edge, scope: ListScope, sight: &Sight, params: &ListParams) -> Result<Self, Problem> {
        if !params.sort()?.key.is_time() {
            return Err(bad_query("sort", "must be takenAt or receivedAt"));
        }
        // The days are of the whole list. The parameters of its pages are valid, and change nothing.
        limit(params.limit)?;
        params.start()?;
        Ok(Self { days: params.listing(edge, scope, sight).await?.timeline(&edge.app.db).await? })
    }
}

/// The documents in a folder by day, in the order of a sort by time. Days are those of China (+08:00).
#[utoipa::path(get, path = "/api/folders/{id}/timeline", params(("id" = FolderId, Path), ListParams), responses((status = 200, body = Timeline), (status = 404, body = Problem)))]
async fn timeline(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    Params(params): Params<ListParams>,
) -> Result<Json<Timeline>, Problem> {
    let sight = Sight::of(&edge.app.db, &user).await?;
    let scope = in_folder(&edge, &id, params.deep, &sight).await?;
    Ok(Json(Timeline::of(&edge, scope, &sight, &params).await?))
}
