//! Acts on documents: rename, move, copy, trash, restore, upload.

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    files::{Files, receive_form},
    form_data::FormData,
    input::{Id, Input, MaybeInput},
    session::CurrentUser,
};
use crate::{
    curate::{
        documents::{self, BatchResult, Deed, restore},
        uploads,
    },
    id::{BatchId, DocumentId, FolderId},
    library::{document::Document, selected::ListSelection},
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(upload))
        // `Batch::receive` limits each file while it streams.
        .layer(DefaultBodyLimit::disable())
        .routes(routes!(change, delete))
        .routes(routes!(copy))
        .routes(routes!(restore_one))
        .routes(routes!(move_many))
        .routes(routes!(copy_many))
        .routes(routes!(trash_many))
        .routes(routes!(restore_many))
}

/// Uploads files into a folder. The body is multipart with one or more parts named `file`. Either all files become
/// documents or none.
#[utoipa::path(post, path = "/api/folders/{id}/documents", params(("id" = FolderId, Path)),
    request_body(content = Files, content_type = "multipart/form-data"),
    responses((status = 201, body = Vec<Document>), (status = 403, body = Problem), (status = 404, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
async fn upload(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FolderId>,
    form: Result<FormData, Problem>,
) -> Result<(StatusCode, Json<Vec<Document>>), Problem> {
    let app = &edge.app;
    let place = uploads::place(app, &id, &user).await?;
    let _place = app.bounds.upload(&user.id)?;
    let (batch, _) = Box::pin(receive_form(app, form, app.config.upload.max_file_bytes.get(), &user)).await?;
    let uploaded = uploads::add(app, &place, &user, batch).await?;
    edge.folder_changed(&id, "uploaded");
    Ok((StatusCode::CREATED, Json(uploaded)))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DocumentChange {
    /// The new name. Names need not be unique in a folder.
    #[schema(max_length = 240, pattern = r"\S")]
    name: Option<String>,
    /// The folder into which the document moves.
    folder_id: Option<FolderId>,
}

/// Renames or moves a document. It has the rights of its new place. A document of a flow moves within its space.
#[utoipa::path(patch, path = "/api/documents/{id}", params(("id" = DocumentId, Path)), request_body = DocumentChange, responses((status = 200, body = Document), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<DocumentId>,
    Input(change): Input<DocumentChange>,
) -> Result<Json<Document>, Problem> {
    let name = change.name.as_deref();
    if name.is_some_and(|name| name.trim().is_empty()) {
        return Err(Problem::field("name", "is empty; send a name"));
    }
    documents::change(edge.acting(&user), &id, name, change.folder_id.as_ref()).await?;
    shown(&edge, &id, &user).await
}

async fn shown(edge: &Edge, id: &DocumentId, user: &User) -> Result<Json<Document>, Problem> {
    let document = Document::find_visible(&edge.app.db, id, user).await?.ok_or_else(Problem::not_found)?;
    edge.folder_changed(&document.folder_id, "documents");
    Ok(Json(document))
}

/// Moves a document to the trash. 409 `evidence`: it belongs to a flow.
#[utoipa::path(delete, path = "/api/documents/{id}", params(("id" = DocumentId, Path)), responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<DocumentId>,
) -> Result<StatusCode, Problem> {
    documents::one(edge.acting(&user), &id, Deed::Trash).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IntoFolder {
    folder_id: FolderId,
}

/// Copies a document into a folder: a row, no bytes. The copy belongs to no flow. A copy of a face photo is a face photo.
#[utoipa::path(post, path = "/api/documents/{id}/copy", params(("id" = DocumentId, Path)), request_body = IntoFolder, responses((status = 201, body = Document), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn copy(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<DocumentId>,
    Input(into): Input<IntoFolder>,
) -> Result<(StatusCode, Json<Document>), Problem> {
    let copy = documents::one(edge.acting(&user), &id, Deed::Copy(into.folder_id)).await?;
    Ok((StatusCode::CREATED, shown(&edge, &copy.unwrap_or(id), &user).await?))
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DocumentRestore {
    /// The folder into which it goes. Absent: where it was.
    folder_id: Option<FolderId>,
}

/// Takes a document out of the trash. A file that left its field is a document without a flow then.
#[utoipa::path(post, path = "/api/documents/{id}/restore", params(("id" = DocumentId, Path)), request_body = Option<DocumentRestore>, responses((status = 200, body = Document), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn restore_one(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<DocumentId>,
    MaybeInput(into): MaybeInput<DocumentRestore>,
) -> Result<Json<Document>, Problem> {
    restore::one(edge.acting(&user), &id, into.folder_id.as_ref()).await?;
    shown(&edge, &id, &user).await
}

/// The documents of an act, and where they go. One of `documentIds` and `list`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ManyInto {
    #[serde(default)]
    #[schema(max_items = 10_000)]
    document_ids: Vec<DocumentId>,
    list: Option<ListSelection>,
    /// The folder into which they go.
    folder_id: FolderId,
}

/// One of `documentIds` and `list`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Many {
    #[serde(default)]
    #[schema(max_items = 10_000)]
    document_ids: Vec<DocumentId>,
    list: Option<ListSelection>,
}

/// One of `documentIds` and `batch`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ManyBack {
    #[serde(default)]
    #[schema(max_items = 10_000)]
    document_ids: Vec<DocumentId>,
    /// The `batch` of a trashing, which is taken back.
    batch: Option<BatchId>,
    /// The folder into which they go. Absent: where each was.
    folder_id: Option<FolderId>,
}

/// Moves documents into a folder, in short transactions. `refused` has those that stay.
#[utoipa::path(post, path = "/api/documents/move", request_body = ManyInto, responses((status = 200, body = BatchResult), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn move_many(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(many): Input<ManyInto>,
) -> Result<Json<BatchResult>, Problem> {
    act(&edge, &user, many.document_ids, many.list, Deed::Move(many.folder_id)).await
}

/// Copies documents into a folder: rows, no bytes.
#[utoipa::path(post, path = "/api/documents/copy", request_body = ManyInto, responses((status = 200, body = BatchResult), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn copy_many(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(many): Input<ManyInto>,
) -> Result<Json<BatchResult>, Problem> {
    act(&edge, &user, many.document_ids, many.list, Deed::Copy(many.folder_id)).await
}

/// Moves documents to the trash. `restore` with the `batch` takes it back.
#[utoipa::path(post, path = "/api/documents/trash", request_body = Many, responses((status = 200, body = BatchResult), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn trash_many(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(many): Input<Many>,
) -> Result<Json<BatchResult>, Problem> {
    act(&edge, &user, many.document_ids, many.list, Deed::Trash).await
}

async fn act(
    edge: &Edge,
    user: &User,
    ids: Vec<DocumentId>,
    list: Option<ListSelection>,
    deed: Deed,
) -> Result<Json<BatchResult>, Problem> {
    let ids = match list {
        Some(list) if ids.is_empty() => documents::of_list(&edge.app.db, user, &list).await?,
        Some(_) => return Err(Problem::field("list", "is sent together with documentIds; send one of them")),
        None => {
            check_number(&ids)?;
            ids
        }
    };
    Ok(Json(documents::many(edge.acting(user), &ids, deed).await?))
}

fn check_number(ids: &[DocumentId]) -> Result<(), Problem> {
    match ids.len() {
        1..=10_000 => Ok(()),
        _ => Err(Problem::field("documentIds", "must name 1 to 10,000 documents; send them in parts")),
    }
}

/// Takes documents out of the trash: those of one trashing, or those named.
#[utoipa::path(post, path = "/api/documents/restore", request_body = ManyBack, responses((status = 200, body = BatchResult), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn restore_many(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(many): Input<ManyBack>,
) -> Result<Json<BatchResult>, Problem> {
    let (acting, folder) = (edge.acting(&user), many.folder_id.as_ref());
    match many.batch {
        Some(batch) if many.document_ids.is_empty() => Ok(Json(restore::batch(acting, &batch, folder).await?)),
        Some(_) => Err(Problem::field("batch", "is sent together with documentIds; send one of them")),
        None => {
            check_number(&many.document_ids)?;
            Ok(Json(restore::many(acting, &many.document_ids, folder).await?))
        }
    }
}
