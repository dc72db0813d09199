//! Uploads of users: files for a field of a flow, and missing photos of a grant.

use axum::{
    Json,
    extract::{DefaultBodyLimit, State, multipart::Field},
    http::{HeaderValue, StatusCode, header},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    flows::check_takes_part,
    form_data::{FormData, word},
    input::{Id, Segments},
    session::CurrentUser,
};
use crate::{
    app::App,
    content::receive::{Batch, UploadError},
    curate::attachments::{self, Target, removal},
    flow::{
        Flow,
        actions::Action,
        view::{self, FlowView},
    },
    id::{DocumentId, FlowId, GrantId, IngestId},
    library::document::Document,
    photo::kind::PhotoKind,
    provider::{charset, header as disposition},
    seal_use::{Grant, delivery::Dispatch},
    sealing::{deliver, supply},
    user::{Role, User},
    vocabulary::UnknownWord,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(upload))
        .routes(routes!(supply_photos))
        // `Batch::receive` limits each file while it streams.
        .layer(DefaultBodyLimit::disable())
        .routes(routes!(remove, put_back))
        .routes(routes!(retry_stamped))
}

/// The body of an upload.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only describes the multipart body in the OpenAPI document")]
pub(super) struct Files {
    /// One part for each file.
    #[schema(value_type = Vec<String>, format = Binary, min_items = 1)]
    file: Vec<Vec<u8>>,
}

/// Uploads files to a files field of a flow. The body is multipart with one or more parts named `file`. Either all
/// files become documents or none.
#[utoipa::path(post, path = "/api/flows/{id}/fields/{key}/files", params(("id" = FlowId, Path), ("key" = String, Path)),
    request_body(content = Files, content_type = "multipart/form-data"),
    responses((status = 201, body = Vec<Document>), (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
async fn upload(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Segments((id, key)): Segments<(String, String)>,
    form: Result<FormData, Problem>,
) -> Result<(StatusCode, Json<Vec<Document>>), Problem> {
    let id: FlowId = id.parse().map_err(|_| Problem::not_found())?;
    let app = &edge.app;
    let target = editable_field(&edge, &id, &key, &user).await?;
    let _place = app.bounds.upload(&user.id)?;
    let (batch, _) = Box::pin(receive_form(app, form, app.config.upload.max_file_bytes.get(), &user)).await?;
    let documents = attachments::attach(app, target, &user, batch).await?;
    Ok((StatusCode::CREATED, Json(documents)))
}

/// Returns the field if the user may change its files now.
async fn editable_field(edge: &Edge, id: &FlowId, key: &str, user: &User) -> Result<Target, Problem> {
    let flow = view::view(&edge.app.db, id, user).await?.ok_or_else(Problem::not_found)?;
    let target = Target::find(&edge.app, id, key).await?;
    flow.check(Action::Upload)?;
    if flow.editable.iter().any(|editable| editable == key) {
        Ok(target)
    } else {
        Err(UploadError::NotEditable(key.to_owned()).into())
    }
}

/// Removes a file from its field and moves it to the trash. Fails after the flow is archived.
#[utoipa::path(delete, path = "/api/flows/{id}/fields/{key}/files/{documentId}", params(("id" = FlowId, Path), ("key" = String, Path), ("documentId" = DocumentId, Path)), responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn remove(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Segments((id, key, document)): Segments<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let id: FlowId = id.parse().map_err(|_| Problem::not_found())?;
    let document: DocumentId = document.parse().map_err(|_| Problem::not_found())?;
    editable_field(&edge, &id, &key, &user).await?;
    removal::take_out(&edge.app, &id, &key, &document, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the removal of a file back: the file stands in its field again. Only the user who removed it can do this. A file
/// that the vendor has got stays out of its field.
#[utoipa::path(put, path = "/api/flows/{id}/fields/{key}/files/{documentId}", params(("id" = FlowId, Path), ("key" = String, Path), ("documentId" = DocumentId, Path)), responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn put_back(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Segments((id, key, document)): Segments<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let id: FlowId = id.parse().map_err(|_| Problem::not_found())?;
    let document: DocumentId = document.parse().map_err(|_| Problem::not_found())?;
    editable_field(&edge, &id, &key, &user).await?;
    removal::put_back(&edge.app, &id, &key, &document, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends stamped files and supplied photos again if the vendor refused them or its answer was lost.
#[utoipa::path(post, path = "/api/flows/{id}/stamped/retry", params(("id" = FlowId, Path)), responses((status = 202, body = FlowView), (status = 403, body = Problem)))]
async fn retry_stamped(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<(StatusCode, Json<FlowView>), Problem> {
    check_takes_part(&edge, &id, &user).await?;
    deliver::retry(edge.acting(&user), &id).await?;
    let flow = view::view(&edge.app.db, &id, &user).await?.ok_or_else(Problem::not_found)?;
    Ok((StatusCode::ACCEPTED, Json(flow)))
}

/// The body of a supply.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only describes the multipart body in the OpenAPI document")]
struct Photos {
    /// `signatory` (default) or `face`.
    #[schema(value_type = Option<PhotoKind>)]
    kind: Option<String>,
    /// One part for each image.
    #[schema(value_type = Vec<String>, format = Binary, min_items = 1)]
    file: Vec<Vec<u8>>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Supplied {
    /// The ingest that stores the photos.
    ingest_id: IngestId,
    /// All photos that users supplied for the grant, each with its state at the vendor.
    photos: Vec<Dispatch>,
}

/// Supplies photos that a grant owes. The person of the grant may do it, and operators of the flow. In an archived flow
/// the photos are a supplement. The body is multipart with one or more parts named `file`; each must be an
/// image. The service also sends the photos to the vendor.
#[utoipa::path(post, path = "/api/grants/{id}/photos", params(("id" = GrantId, Path)),
    request_body(content = Photos, content_type = "multipart/form-data"),
    responses((status = 201, body = Supplied), (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
async fn supply_photos(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<GrantId>,
    form: Result<FormData, Problem>,
) -> Result<(StatusCode, Json<Supplied>), Problem> {
    let app = &edge.app;
    let (grant, seal_use, flow) = supply::flow_of(app, &id).await?;
    check_may_supply(&edge, &grant, &flow, &user).await?;
    let owing = supply::owing(app, grant, &seal_use, flow).await?;
    let _place = app.bounds.upload(&user.id)?;
    let (batch, kind) = Box::pin(receive_form(app, form, app.config.ingest.max_photo_bytes.get(), &user)).await?;
    let supplied = supply::supply(app, &owing, kind, &user, batch).await?;
    Ok((StatusCode::CREATED, Json(Supplied { ingest_id: supplied.ingest_id, photos: supplied.photos })))
}

/// Fails unless the user is the person of the grant, an administrator, or an operator that takes part in the flow.
async fn check_may_supply(edge: &Edge, grant: &Grant, flow: &Flow, user: &User) -> Result<(), Problem> {
    if grant.is_of(user) {
        return Ok(());
    }
    check_takes_part(edge, &flow.id, user).await?;
    if user.is_admin() || user.has(Role::Operator) { Ok(()) } else { Err(Problem::forbidden()) }
}

/// Receives all files of the form and its `kind`, which can come before or after them. Deletes all files after an
/// error, and if the user was shut out or got other roles while the files arrived.
pub(super) async fn receive_form(
    app: &App,
    form: Result<FormData, Problem>,
    limit: u64,
    user: &User,
) -> Result<(Batch, PhotoKind), Problem> {
    let (mut form, mut batch, mut kind) = (form?, Batch::default(), None);
    let mut received = Box::pin(receive_parts(app, &mut form, limit, &mut batch, &mut kind)).await;
    if received.is_ok() {
        received = check_unchanged(app, user).await;
    }
    match received {
        Ok(()) => Ok((batch, kind.unwrap_or(PhotoKind::Signatory))),
        Err(problem) => {
            batch.discard().await;
            Err(problem)
        }
    }
}

/// Fails if the user was disabled or got other roles since the request began.
async fn check_unchanged(app: &App, user: &User) -> Result<(), Problem> {
    let present = User::find(&app.db, &user.id).await?;
    if present.is_some_and(|present| !present.disabled && present.roles.0 == user.roles.0) {
        Ok(())
    } else {
        Err(Problem::new(Code::NotLoggedIn, Code::NotLoggedIn.meaning()))
    }
}

/// Returns the names of the part and of its file. The library reads only `filename` in UTF-8.
fn names(part: &Field<'_>) -> (String, Option<String>) {
    let value = part.headers().get(header::CONTENT_DISPOSITION).map(HeaderValue::as_bytes).unwrap_or_default();
    let value = charset::decode(value, None);
    (disposition::extended(&value, "name").unwrap_or_default(), disposition::file_name(&value))
}

async fn receive_parts(
    app: &App,
    form: &mut FormData,
    limit: u64,
    batch: &mut Batch,
    kind: &mut Option<PhotoKind>,
) -> Result<(), Problem> {
    while let Some(mut part) = form.next_part().await? {
        let (name, file_name) = names(&part);
        match (name.as_str(), file_name) {
            ("file", file_name) => batch.receive(app, &file_name.unwrap_or_default(), limit, &mut part).await?,
            ("kind", None) if kind.is_none() => *kind = Some(kind_of(app, part).await?),
            ("kind", None) => return Err(Problem::field("kind", "is given twice; send it once")),
            (other, _) => {
                return Err(Problem::field(other, "the form has an unknown part; name the part of each file `file`"));
            }
        }
    }
    Ok(())
}

/// Reads the kind of supplied photos.
async fn kind_of(app: &App, part: Field<'_>) -> Result<PhotoKind, Problem> {
    let text = word(part, app.config.upload.idle_timeout.get()).await?;
    let text = text.ok_or_else(|| Problem::field("kind", "is too long; send signatory or face"))?;
    let kind = text.parse().map_err(|error: UnknownWord| Problem::field("kind", error.to_string()))?;
    if matches!(kind, PhotoKind::Emergency | PhotoKind::Unknown) {
        return Err(Problem::field("kind", "the vendor accepts no photos of this kind; send signatory or face"));
    }
    Ok(kind)
}
