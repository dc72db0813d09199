//! Acts on many documents: move, copy, trash, restore.

use std::collections::HashSet;

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Edge, Problem, input::Input, session::CurrentUser};
use crate::{
    curate::documents::{self, BatchResult, Deed, restore},
    id::{BatchId, DocumentId, FolderId},
    library::{
        Space,
        listing::sort::Sort,
        selected::{ListSelection, SelectionQuery},
    },
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(move_many))
        .routes(routes!(copy_many))
        .routes(routes!(trash_many))
        .routes(routes!(restore_many))
}

/// The documents of an act, and where they go. One of `documentIds`, `list`, and a list of `space` or `query`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ManyInto {
    #[serde(default)]
    #[schema(max_items = 10_000)]
    document_ids: Vec<DocumentId>,
    /// A list that may name a folder. `folderId` beside it is where the documents go.
    list: Option<ListSelection>,
    /// The documents of a space, with all its folders. `personal` is the caller's own.
    space: Option<Space>,
    /// Only documents that the search finds. Without `space`: everywhere.
    query: Option<SelectionQuery>,
    /// The order of the list, for `between`. Default: `-receivedAt`.
    #[schema(value_type = Option<String>, pattern = "^-?(name|takenAt|receivedAt|bytes)$")]
    sort: Option<Sort>,
    /// Stretches of the list between two documents, both included.
    #[serde(default)]
    #[schema(max_items = 10_000)]
    between: Vec<(DocumentId, DocumentId)>,
    /// Documents of the list that are left out.
    #[serde(default)]
    #[schema(max_items = 10_000)]
    without: Vec<DocumentId>,
    /// The number of documents that the caller expects. 409 `selection_changed` if the list selects another number.
    expect: Option<u64>,
    /// The folder into which they go.
    folder_id: FolderId,
}

/// One of `documentIds`, `list`, and a list of `folderId`, `space` or `query`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Many {
    #[serde(default)]
    #[schema(max_items = 10_000)]
    document_ids: Vec<DocumentId>,
    list: Option<ListSelection>,
    /// The documents of a folder.
    folder_id: Option<FolderId>,
    /// The documents of a space, with all its folders. `personal` is the caller's own.
    space: Option<Space>,
    /// With all folders below `folderId`.
    #[serde(default)]
    deep: bool,
    /// Only documents that the search finds. Without `folderId` and `space`: everywhere.
    query: Option<SelectionQuery>,
    /// The order of the list, for `between`. Default: `-receivedAt`.
    #[schema(value_type = Option<String>, pattern = "^-?(name|takenAt|receivedAt|bytes)$")]
    sort: Option<Sort>,
    /// Stretches of the list between two documents, both included.
    #[serde(default)]
    #[schema(max_items = 10_000)]
    between: Vec<(DocumentId, DocumentId)>,
    /// Documents of the list that are left out.
    #[serde(default)]
    #[schema(max_items = 10_000)]
    without: Vec<DocumentId>,
    /// The number of documents that the caller expects. 409 `selection_changed` if the list selects another number.
    expect: Option<u64>,
}

/// One of `documentIds`, `batch`, `list`, and a list of `space` or `query`. A list is of the documents in the trash, newest
/// first: its folder and space are where they came from.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ManyBack {
    #[serde(default)]
    #[schema(max_items = 10_000)]
    document_ids: Vec<DocumentId>,
    /// The `batch` of a trashing, which is taken back.
    batch: Option<BatchId>,
    /// A list that may name a folder. `folderId` beside it is where the documents go.
    list: Option<ListSelection>,
    space: Option<Space>,
    query: Option<SelectionQuery>,
    /// Stretches of the list between two documents, both included.
    #[serde(default)]
    #[schema(max_items = 10_000)]
    between: Vec<(DocumentId, DocumentId)>,
    /// Documents of the list that are left out.
    #[serde(default)]
    #[schema(max_items = 10_000)]
    without: Vec<DocumentId>,
    /// The number of documents that the caller expects. 409 `selection_changed` if the list selects another number.
    expect: Option<u64>,
    /// The folder into which they go. Absent: where each was.
    folder_id: Option<FolderId>,
}

/// What a body selects.
enum Chosen {
    Ids(Vec<DocumentId>),
    List(ListSelection),
}

/// The most documents and stretches that a body may name.
const MOST: usize = 10_000;

impl Chosen {
    /// `flat`: the members of a list that stand beside the others, if the body has a place or a query.
    fn of(ids: Vec<DocumentId>, list: Option<ListSelection>, flat: Option<ListSelection>) -> Result<Self, Problem> {
        let chosen = match (list, flat) {
            (None, None) => Self::Ids(ids),
            (Some(list), None) | (None, Some(list)) if ids.is_empty() => Self::List(list),
            (Some(_), Some(_)) => {
                return Err(Problem::field("list", "is sent together with space or query; put them into list"));
            }
            _ => return Err(Problem::field("documentIds", "is sent together with a list; send one of them")),
        };
        match &chosen {
            Self::Ids(ids) if !(1..=MOST).contains(&ids.len()) => {
                Err(Problem::field("documentIds", "must name 1 to 10,000 documents; send them in parts"))
            }
            Self::List(list) if list.between.len().max(list.without.len()) > MOST => {
                Err(Problem::field("between", "has more than 10,000 stretches or documents; send fewer"))
            }
            Self::List(list) if list.folder.is_some() && list.space.is_some() => {
                Err(Problem::field("space", "is set beside folderId; send one of them"))
            }
            _ => Ok(chosen),
        }
    }

    /// Returns the documents that the user may see.
    async fn documents(self, edge: &Edge, user: &User) -> Result<Vec<DocumentId>, Problem> {
        match self {
            Self::Ids(mut ids) => {
                let mut known = HashSet::new();
                ids.retain(|id| known.insert(id.clone()));
                Ok(ids)
            }
            Self::List(list) => Ok(documents::of_list(&edge.app.db, user, &list).await?),
        }
    }
}

/// Returns the list of members that stand beside the others. `None`: the body has none.
fn flat(list: ListSelection, query: Option<SelectionQuery>) -> Result<Option<ListSelection>, Problem> {
    let named = list.folder.is_some() || list.space.is_some() || query.is_some();
    let parts = list.deep
        || list.sort.is_some()
        || list.expect.is_some()
        || !list.between.is_empty()
        || !list.without.is_empty();
    match (named, parts) {
        (true, _) => Ok(Some(ListSelection { query: query.unwrap_or_default(), ..list })),
        (false, true) => Err(Problem::field("query", "is not set; send a folder, a space or a query")),
        (false, false) => Ok(None),
    }
}

impl ManyInto {
    fn chosen(self) -> Result<(Chosen, FolderId), Problem> {
        let Self { document_ids, list, space, query, sort, between, without, expect, folder_id } = self;
        let beside = ListSelection { space, sort, between, without, expect, ..ListSelection::default() };
        Ok((Chosen::of(document_ids, list, flat(beside, query)?)?, folder_id))
    }
}

impl Many {
    fn chosen(self) -> Result<Chosen, Problem> {
        let Self { document_ids, list, folder_id, space, deep, query, sort, between, without, expect } = self;
        let query_of = SelectionQuery::default();
        let beside = ListSelection { folder: folder_id, space, deep, query: query_of, sort, between, without, expect };
        Chosen::of(document_ids, list, flat(beside, query)?)
    }
}

/// Moves documents into a folder, in short transactions. `refused` has those that stay. A request that broke off has done a
/// part, and may be repeated.
#[utoipa::path(post, path = "/api/documents/move", request_body = ManyInto, responses((status = 200, body = BatchResult), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn move_many(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(many): Input<ManyInto>,
) -> Result<Json<BatchResult>, Problem> {
    let (chosen, folder) = many.chosen()?;
    act(&edge, &user, chosen, Deed::Move(folder)).await
}

/// Copies documents into a folder: rows, no bytes.
#[utoipa::path(post, path = "/api/documents/copy", request_body = ManyInto, responses((status = 200, body = BatchResult), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn copy_many(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(many): Input<ManyInto>,
) -> Result<Json<BatchResult>, Problem> {
    let (chosen, folder) = many.chosen()?;
    act(&edge, &user, chosen, Deed::Copy(folder)).await
}

/// Moves documents to the trash. `restore` with the `batch` takes it back.
#[utoipa::path(post, path = "/api/documents/trash", request_body = Many, responses((status = 200, body = BatchResult), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn trash_many(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(many): Input<Many>,
) -> Result<Json<BatchResult>, Problem> {
    act(&edge, &user, many.chosen()?, Deed::Trash).await
}

async fn act(edge: &Edge, user: &User, chosen: Chosen, deed: Deed) -> Result<Json<BatchResult>, Problem> {
    let ids = chosen.documents(edge, user).await?;
    let result = documents::many(edge.acting(user), &ids, deed).await?;
    edge.folders_changed(&result.folders);
    Ok(Json(result))
}

/// Takes documents out of the trash: those of one trashing, those named, or those of a list of the trash.
#[utoipa::path(post, path = "/api/documents/restore", request_body = ManyBack, responses((status = 200, body = BatchResult), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn restore_many(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(many): Input<ManyBack>,
) -> Result<Json<BatchResult>, Problem> {
    let ManyBack { document_ids, batch, list, space, query, between, without, expect, folder_id } = many;
    let beside = flat(ListSelection { space, between, without, expect, ..ListSelection::default() }, query)?;
    let (acting, folder) = (edge.acting(&user), folder_id.as_ref());
    let result = match batch {
        Some(batch) if document_ids.is_empty() && list.is_none() && beside.is_none() => {
            restore::batch(acting, &batch, folder).await?
        }
        Some(_) => return Err(Problem::field("batch", "is sent together with documents; send one of them")),
        None => {
            let ids = match Chosen::of(document_ids, list, beside)? {
                Chosen::Ids(ids) => ids,
                Chosen::List(list) => documents::of_trash(&edge.app.db, &user, &list).await?,
            };
            restore::many(acting, &ids, folder).await?
        }
    };
    edge.folders_changed(&result.folders);
    Ok(Json(result))
}
