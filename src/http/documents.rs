//! Acts on one document: rename, move, copy, trash, restore; and the upload into a folder.

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
        documents::{self, Deed, restore},
        uploads,
    },
    id::{DocumentId, FolderId},
    library::document::Document,
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
    let folders = documents::change(edge.acting(&user), &id, name, change.folder_id.as_ref()).await?;
    edge.folders_changed(&folders);
    shown(&edge, &id, &user).await
}

async fn shown(edge: &Edge, id: &DocumentId, user: &User) -> Result<Json<Document>, Problem> {
    Document::find_visible(&edge.app.db, id, user).await?.map(Json).ok_or_else(Problem::not_found)
}

/// Moves a document to the trash. 409 `evidence`: it belongs to a flow.
#[utoipa::path(delete, path = "/api/documents/{id}", params(("id" = DocumentId, Path)), responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<DocumentId>,
) -> Result<StatusCode, Problem> {
    let done = documents::one(edge.acting(&user), &id, Deed::Trash).await?;
    edge.folders_changed(&done.folders);
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
    let done = documents::one(edge.acting(&user), &id, Deed::Copy(into.folder_id)).await?;
    edge.folders_changed(&done.folders);
    Ok((StatusCode::CREATED, shown(&edge, &done.copy.unwrap_or(id), &user).await?))
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
    let document = shown(&edge, &id, &user).await?;
    edge.folders_changed([&document.folder_id]);
    Ok(document)
}
