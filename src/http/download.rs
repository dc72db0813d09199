//! Local download: the photos of a flow in one zip.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    content::range::{self, Validators},
    flows::visible_flow,
    input::{Id, Params},
    session::CurrentUser,
};
use crate::{
    bundle::{self, Layout},
    clock::Timestamp,
    definition::Definition,
    flow::{actions::Action, view::FlowView},
    id::FlowId,
    ingest::collect,
    library::document::Document,
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(photos_zip))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ZipParams {
    /// true: only photos that are stored now, without a request to the vendor.
    #[serde(default)]
    partial: bool,
}

/// All photos of a flow as a zip, for flow types without a download field. The service first fetches missing photos.
/// The answer has an exact length and a strong ETag, so a client can resume with Range and If-Range
/// or If-Match.
#[utoipa::path(get, path = "/api/flows/{id}/photos.zip", params(("id" = FlowId, Path), ZipParams), responses((status = 200, content_type = "application/zip"), (status = 206, content_type = "application/zip", description = "The requested range."), (status = 304), (status = 403, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem), (status = 416), (status = 503, body = Problem)))]
async fn photos_zip(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Params(params): Params<ZipParams>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let flow = downloadable(&edge, &id, &user).await?;
    // A resumed download needs the same zip, so the service does not fetch more photos.
    let resumes = [header::IF_RANGE, header::IF_MATCH].iter().any(|name| headers.contains_key(name))
        && current_zip(&edge, &id, &user).await?.is_some_and(|zip| matches(&headers, zip.layout.etag()));
    if !params.partial && !resumes {
        collect::bring_in(&edge.app, &id, edge.app.config.ingest.download_patience.get()).await?;
    }
    let zip = current_zip(&edge, &id, &user).await?.ok_or_else(no_photos)?;
    answer(&edge, &user, &flow, &method, &headers, &zip).await
}

/// Returns the flow if the user may download its photos.
async fn downloadable(edge: &Edge, id: &FlowId, user: &User) -> Result<FlowView, Problem> {
    let view = visible_flow(edge, id, user).await?;
    let body = Definition::version(&edge.app.db, &view.head.definition_id, view.head.version).await?.body;
    if let Some(field) = body.integration.as_ref().and_then(|integration| integration.download_field.as_ref()) {
        let detail = format!("The photos belong to the field {field:?}. Collect them there.");
        return Err(Problem::new(Code::HasDownloadField, detail));
    }
    view.check(Action::Photos)?;
    Ok(view)
}

/// The zip of the stored photos.
struct Zip {
    layout: Arc<Layout>,
    /// When its last photo arrived.
    modified: Timestamp,
}

/// Returns the zip of the stored photos. `None` if no photo is stored.
async fn current_zip(edge: &Edge, id: &FlowId, user: &User) -> Result<Option<Zip>, Problem> {
    let mut documents = Document::photos_of_flow(&edge.app.db, id).await?;
    documents.retain(|document| document.may_be_seen_by(user));
    let modified = documents.iter().map(|document| document.received_at).max();
    Ok(modified.map(|modified| Zip { layout: Arc::new(Layout::of(bundle::entries(&documents))), modified }))
}

fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let condition = headers.get(header::IF_RANGE).and_then(|value| value.to_str().ok());
    condition == Some(etag) || range::expects(headers, etag)
}

fn no_photos() -> Problem {
    Problem::new(Code::NoPhotos, "The flow has no photos yet. Retry later.")
}

async fn answer(
    edge: &Edge,
    user: &User,
    flow: &FlowView,
    method: &Method,
    headers: &HeaderMap,
    zip: &Zip,
) -> Result<Response, Problem> {
    let layout = &zip.layout;
    let validators = Validators { etag: layout.etag(), modified: zip.modified };
    let (status, range) = match range::select(method, headers, validators, layout.bytes()) {
        Ok(selection) => selection,
        Err(without_bytes) => return Ok(*without_bytes),
    };
    // HEAD sends no bytes, so it writes no audit entry.
    let body = if method == Method::GET {
        Body::from_stream(bundle::give_out(&edge.app, user, &flow.head.id, layout, range.clone()).await?)
    } else {
        Body::empty()
    };
    let mut response = (status, body).into_response();
    let set = response.headers_mut();
    range::describe(set, status, &range, layout.bytes(), validators);
    let serial_no = flow.head.serial_no.as_deref().unwrap_or_default();
    let name = utf8_percent_encode(&format!("{serial_no}_用印图片.zip"), NON_ALPHANUMERIC).to_string();
    let disposition = format!("attachment; filename=\"{serial_no}_photos.zip\"; filename*=UTF-8''{name}");
    range::insert(set, header::CONTENT_TYPE, "application/zip");
    range::insert(set, header::CONTENT_DISPOSITION, &disposition);
    Ok(response)
}
