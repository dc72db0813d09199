//! The trash of the knowledge base.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Page, Params, limit},
    session::CurrentUser,
};
use crate::{
    clock::Timestamp,
    curate,
    db::DbError,
    id::{DocumentId, FolderId},
    library::{
        folder::shown::paths,
        rights::{Right, Sight},
        trash::{Tombstone, TrashCursor, TrashRow, Trashed},
    },
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(remove))
}

/// A document, or a folder with all in it, in the trash.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct TrashItem {
    #[schema(value_type = DocumentId)]
    id: String,
    #[serde(rename = "type")]
    kind: Trashed,
    name: String,
    /// As `documents`.
    bytes: i64,
    /// The number of documents. Photos of faces are in it for administrators and auditors.
    documents: i64,
    #[schema(value_type = String, format = DateTime)]
    deleted_at: Timestamp,
    deleted_by: String,
    /// The path of the folder from which it came. Null if that folder is not there any more.
    from: Option<String>,
    /// What stays after the removal for good. Null before.
    tombstone: Option<Tombstone>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TrashParams {
    /// The `next` of the previous page.
    #[param(pattern = r"^-?[0-9]{1,18}\.[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// The trash, newest first: what came from places that the caller manages, with the tombstones of what was removed for
/// good.
#[utoipa::path(get, path = "/api/trash", params(TrashParams), responses((status = 200, body = Page<TrashItem>)))]
async fn list(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<TrashParams>,
) -> Result<Json<Page<TrashItem>>, Problem> {
    let limit = limit(params.limit)?;
    let after = params.after.as_deref().filter(|after| !after.is_empty()).map(cursor).transpose()?;
    let sight = Sight::of(&edge.app.db, &user).await?;
    let rows = TrashRow::list(&edge.app.db, &sight, after.as_ref(), limit + 1).await?;
    let page = Page::from_rows(rows, limit, |row| format!("{}.{}", row.deleted_at.0, row.id));
    let places: Vec<FolderId> = page.items.iter().filter_map(|row| row.place.parse().ok()).collect();
    let paths = paths(&edge.app.db, &places, &sight).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        let from = match row.place.parse::<FolderId>() {
            Ok(place) => paths.get(&place).cloned(),
            Err(_) => Some(row.space.to_string()),
        };
        items.push(TrashItem::of(row, from, &sight)?);
    }
    Ok(Json(Page { items, next: page.next, total: None }))
}

impl TrashItem {
    fn of(row: TrashRow, from: Option<String>, sight: &Sight) -> Result<Self, DbError> {
        let (faces, face_bytes) = if sight.everywhere(Right::Faces) { (0, 0) } else { (row.faces, row.face_bytes) };
        let tombstone = row.tombstone.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            id: row.id,
            kind: row.kind,
            name: row.name,
            bytes: row.bytes - face_bytes,
            documents: row.documents - faces,
            deleted_at: row.deleted_at,
            deleted_by: row.deleted_by,
            from,
            tombstone: tombstone.map_err(|error| DbError::Decode(error.into()))?,
        })
    }
}

fn cursor(text: &str) -> Result<TrashCursor, Problem> {
    let parts = text
        .split_once('.')
        .and_then(|(at, id)| Some((Timestamp(at.parse().ok()?), id.parse::<DocumentId>().ok()?.to_string())));
    parts.ok_or_else(|| super::input::bad_query("after", "the cursor is not valid; take `next` of the page before"))
}

/// Removes a document or folder from the trash for good. A tombstone stays.
#[utoipa::path(delete, path = "/api/trash/{id}", params(("id" = DocumentId, Path)), responses((status = 204), (status = 404, body = Problem)))]
async fn remove(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<DocumentId>,
) -> Result<StatusCode, Problem> {
    curate::trash::remove(edge.acting(&user), id.as_str()).await?;
    Ok(StatusCode::NO_CONTENT)
}
