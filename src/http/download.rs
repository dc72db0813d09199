//! Local download: the photos of a flow in one zip.

use axum::{
    extract::State,
    http::{HeaderMap, Method, header},
    response::Response,
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    bundles::{self, Address},
    content::range,
    flows::visible_flow,
    input::{Id, Params},
    session::CurrentUser,
};
use crate::{
    bundle::of_flow::PhotosPlan,
    definition::Definition,
    flow::{actions::Action, view::FlowView},
    id::FlowId,
    ingest::collect,
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(photos_zip))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ZipParams {
    /// true: only photos that are stored now, without a request to the vendor. `缺失清单.txt` lists the others.
    #[serde(default)]
    partial: bool,
}

/// All photos of a flow as a zip, for flow types without a download field. The service first fetches missing photos.
/// `Content-Location` names the frozen bundle of the present state: its bytes never change. Here the content changes, so
/// a Range needs If-Range or If-Match; without them the answer is the whole zip.
#[utoipa::path(get, path = "/api/flows/{id}/photos.zip", params(("id" = FlowId, Path), ZipParams), responses((status = 200, content_type = "application/zip"), (status = 206, content_type = "application/zip", description = "The requested range."), (status = 304), (status = 403, body = Problem), (status = 409, body = Problem), (status = 410, body = Problem), (status = 412, body = Problem), (status = 416), (status = 503, body = Problem)))]
async fn photos_zip(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Params(params): Params<ZipParams>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let flow = downloadable(&edge, &id, &user).await?;
    let (app, serial_no) = (&edge.app, flow.head.serial_no.as_deref().unwrap_or_default());
    // A resumed download needs the same zip, so the service does not fetch more photos.
    let resumes = [header::IF_RANGE, header::IF_MATCH].iter().any(|name| headers.contains_key(name))
        && PhotosPlan::now(app, &id, serial_no, &user)
            .await?
            .is_some_and(|photos| matches(&headers, photos.open.layout.etag()));
    if !params.partial && !resumes {
        collect::bring_in(app, &id, app.config.ingest.download_patience.get()).await?;
    }
    let photos = PhotosPlan::now(app, &id, serial_no, &user).await?.ok_or_else(no_photos)?;
    let bundle = photos.freeze(app, &id, &user).await?;
    bundles::serve(&edge, &user, &method, &headers, &bundle.id, Address::Changing).await
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

fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let condition = headers.get(header::IF_RANGE).and_then(|value| value.to_str().ok());
    condition == Some(etag) || range::expects(headers, etag)
}

fn no_photos() -> Problem {
    Problem::new(Code::NoPhotos, "The flow has no photos yet. Retry later.")
}
