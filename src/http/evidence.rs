//! The evidence package of a flow.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    bundles::{self, Address},
    flows::visible_flow,
    input::{Id, Params},
    session::CurrentUser,
};
use crate::{
    archive::evidence::{self, EvidenceError, EvidencePackage, parts::PackagePart},
    flow::{FlowState, actions::Action},
    id::FlowId,
    queue::{self, JobKind},
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(evidence_zip)).routes(routes!(about)).routes(routes!(verify_page))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EvidenceParams {
    /// true: with photos of faces and of unknown kind. For administrators and auditors.
    #[serde(default)]
    faces: bool,
}

/// What a package is, before it is downloaded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct EvidenceView {
    /// The number of the manifest that it belongs to. 0 before archiving.
    n: i64,
    archived: bool,
    state: MakingState,
    entries: Option<i64>,
    bytes: Option<i64>,
    /// The files of the package by place. Empty until the package is made.
    parts: Vec<PackagePart>,
    /// Photos that are missing.
    missing: Option<i64>,
    /// Photos that this variant leaves out.
    withheld: Option<i64>,
    /// The identity of the package: SHA-256 of its tag manifest.
    s: Option<String>,
    /// The path of the zip.
    url: Option<String>,
}

/// How far a package is.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum MakingState {
    Making,
    Ready,
    /// The job is parked. A request of the zip starts it again.
    Failed,
}

/// The evidence package of the present state: report, originals, metadata and manifests, for a check without this service.
/// Before archiving it is marked 未归档. `Content-Location` names the frozen bundle. 503 `bundle_making`: the package is
/// being made.
#[utoipa::path(get, path = "/api/flows/{id}/evidence.zip", params(("id" = FlowId, Path), EvidenceParams), responses((status = 200, content_type = "application/zip"), (status = 206, content_type = "application/zip", description = "The requested range."), (status = 304), (status = 403, body = Problem), (status = 409, body = Problem), (status = 410, body = Problem), (status = 412, body = Problem), (status = 416), (status = 500, body = Problem), (status = 503, body = Problem)))]
async fn evidence_zip(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Params(params): Params<EvidenceParams>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    entitled(&edge, &id, &user, params.faces).await?;
    let package = evidence::bring(&edge.app, &id, params.faces).await?.ok_or_else(bundles::making)?;
    bundles::serve(&edge, &user, &method, &headers, &package.bundle.id, Address::Changing).await
}

/// What the evidence package will be. The service makes it meanwhile.
#[utoipa::path(get, path = "/api/flows/{id}/evidence", params(("id" = FlowId, Path), EvidenceParams), responses((status = 200, body = EvidenceView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn about(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Params(params): Params<EvidenceParams>,
) -> Result<Json<EvidenceView>, Problem> {
    let (n, archived) = entitled(&edge, &id, &user, params.faces).await?;
    let Some(EvidencePackage { sealed, bundle }) = evidence::present(&edge.app, &id, params.faces).await? else {
        let failed = queue::is_parked(&edge.app.db, JobKind::Evidence, id.as_str()).await?;
        if !failed {
            evidence::have_made(&edge.app, &id).await?;
        }
        return Ok(Json(EvidenceView::not_made(n, archived, failed)));
    };
    let parts = evidence::parts::of(&edge.app.store, &bundle).await?;
    Ok(Json(EvidenceView {
        n: sealed.n,
        archived,
        state: MakingState::Ready,
        entries: Some(bundle.entries),
        bytes: Some(bundle.bytes),
        parts,
        missing: Some(sealed.missing),
        withheld: Some(sealed.withheld),
        s: Some(sealed.s),
        url: Some(format!("/api/bundles/{}", bundle.id)),
    }))
}

impl EvidenceView {
    fn not_made(n: i64, archived: bool, failed: bool) -> Self {
        let state = if failed { MakingState::Failed } else { MakingState::Making };
        let (parts, s, url) = (Vec::new(), None, None);
        Self { n, archived, state, entries: None, bytes: None, parts, missing: None, withheld: None, s, url }
    }
}

/// Checks the rights. Returns the number of the manifest and whether the flow is archived.
async fn entitled(edge: &Edge, id: &FlowId, user: &User, faces: bool) -> Result<(i64, bool), Problem> {
    let flow = visible_flow(edge, id, user).await?;
    flow.check(Action::Evidence)?;
    if faces && !user.reads_all() {
        return Err(Problem::forbidden());
    }
    Ok((flow.manifest_no, flow.head.state == FlowState::Archived))
}

/// The page that checks a package offline, as a file to save. Here it could not run.
#[utoipa::path(get, path = "/api/evidence/verify.html", responses((status = 200, content_type = "text/html")))]
async fn verify_page(CurrentUser(_): CurrentUser) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"verify.html\""),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, evidence::VERIFY_HTML).into_response()
}

impl From<EvidenceError> for Problem {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::NoFlow => Self::not_found(),
            EvidenceError::Rule(refusal) => refusal.into(),
            EvidenceError::Db(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}
