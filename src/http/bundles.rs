//! Bundles: frozen selections, each given out as one zip. A download resumes at any byte, at any node.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    content::range::{self, Validators},
    input::{Id, Input},
    session::CurrentUser,
};
use crate::{
    archive::evidence::many,
    bundle::{
        self,
        plans::PlanError,
        record::{Bundle, BundleKind},
        selection::{self, BundleWish, SelectionError},
    },
    clock::Timestamp,
    id::BundleId,
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(make)).routes(routes!(about)).routes(routes!(bytes))
}

/// A bundle.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct BundleView {
    id: BundleId,
    /// The path of the zip.
    url: String,
    state: &'static str,
    name: String,
    bytes: i64,
    entries: i64,
    /// The strong ETag of the zip, with its quotes.
    etag: String,
    /// Null: the bundle does not end.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl From<Bundle> for BundleView {
    fn from(bundle: Bundle) -> Self {
        Self {
            url: format!("/api/bundles/{}", bundle.id),
            id: bundle.id,
            state: "ready",
            name: bundle.name,
            bytes: bundle.bytes,
            entries: bundle.entries,
            etag: bundle.etag,
            expires_at: bundle.expires_at,
        }
    }
}

/// Freezes a selection as a bundle. Documents that the caller may not see are left out. 503 `bundle_making`: an evidence
/// package of the selection is not made yet. Send the request again.
#[utoipa::path(post, path = "/api/bundles", request_body = BundleWish, responses((status = 201, body = BundleView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
async fn make(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(wish): Input<BundleWish>,
) -> Result<(StatusCode, Json<BundleView>), Problem> {
    wish.check()?;
    if wish.faces && !user.reads_all() {
        return Err(Problem::forbidden());
    }
    let gathered = if wish.evidence {
        many::gather(&edge.app, &user, &wish.flow_ids, wish.faces).await?.ok_or_else(making)?
    } else {
        wish.gather(&edge.app.db, &user).await?
    };
    let bundle = gathered.freeze(&edge.app, &user, wish.name.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(bundle.into())))
}

/// The problem of a package that is not made yet.
pub(super) fn making() -> Problem {
    Problem { retry_after: 3, ..Problem::new(Code::BundleMaking, Code::BundleMaking.meaning()) }
}

/// A bundle without its bytes.
#[utoipa::path(get, path = "/api/bundles/{id}/about", params(("id" = BundleId, Path)), responses((status = 200, body = BundleView), (status = 403, body = Problem), (status = 410, body = Problem)))]
async fn about(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<BundleId>,
) -> Result<Json<BundleView>, Problem> {
    Ok(Json(allowed(&edge, &id, &user).await?.into()))
}

/// The zip of a bundle: exact Content-Length, strong ETag, Range, If-Range and If-Match. The same id has the same bytes
/// for ever, at every node, or it is 410.
#[utoipa::path(get, path = "/api/bundles/{id}", params(("id" = BundleId, Path)), responses((status = 200, content_type = "application/zip"), (status = 206, content_type = "application/zip", description = "The requested range."), (status = 304), (status = 403, body = Problem), (status = 410, body = Problem), (status = 412, body = Problem), (status = 416), (status = 503, body = Problem)))]
async fn bytes(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<BundleId>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let bundle = allowed(&edge, &id, &user).await?;
    serve(&edge, &user, &method, &headers, &bundle, Address::Frozen).await
}

/// Returns the bundle if the user may download every document in it now.
async fn allowed(edge: &Edge, id: &BundleId, user: &User) -> Result<Bundle, Problem> {
    let bundle = Bundle::find(&edge.app.db, id).await?.ok_or_else(Problem::not_found)?;
    if !selection::may_have(&edge.app.db, &bundle, user).await? {
        return Err(Problem::forbidden());
    }
    if !bundle.is_live(edge.app.clock.now()) {
        return Err(gone());
    }
    Ok(bundle)
}

fn gone() -> Problem {
    Problem::new(Code::BundleGone, Code::BundleGone.meaning())
}

/// Whether the bytes behind an address can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Frozen,
    Changing,
}

/// Answers with the bytes of a bundle, or a range of them.
pub(super) async fn serve(
    edge: &Edge,
    user: &User,
    method: &Method,
    headers: &HeaderMap,
    bundle: &Bundle,
    address: Address,
) -> Result<Response, Problem> {
    let app = &edge.app;
    let plan = edge.plans.open(&app.store, &app.cpu, bundle).await?;
    let (layout, size) = (&plan.layout, plan.layout.bytes());
    let validators = Validators { etag: layout.etag(), modified: plan.modified };
    let (mut status, mut range) = match range::select(method, headers, validators, size) {
        Ok(selection) => selection,
        Err(without_bytes) => return Ok(*without_bytes),
    };
    // Without a condition, a range could continue another zip.
    let condition = [header::IF_RANGE, header::IF_MATCH].iter().any(|name| headers.contains_key(name));
    if address == Address::Changing && !condition {
        (status, range) = (StatusCode::OK, 0..size);
    }
    // HEAD sends no bytes, so it writes no audit entry.
    let body = if *method == Method::GET {
        Body::from_stream(bundle::give_out(app, &user.username, bundle, layout, range.clone()).await?)
    } else {
        Body::empty()
    };
    let mut response = (status, body).into_response();
    let set = response.headers_mut();
    range::describe(set, status, &range, size, validators);
    if address == Address::Changing {
        range::insert(set, header::CONTENT_LOCATION, &format!("/api/bundles/{}", bundle.id));
    }
    range::insert(set, header::CONTENT_TYPE, "application/zip");
    range::insert(set, header::CONTENT_DISPOSITION, &disposition(bundle));
    Ok(response)
}

/// Returns both forms of the name: old clients read only the first one.
fn disposition(bundle: &Bundle) -> String {
    let kind = match bundle.kind {
        BundleKind::Photos => "photos",
        BundleKind::Evidence => "evidence",
        BundleKind::Selection => "bundle",
    };
    let serial = bundle.name.split('_').next().filter(|part| bundle.flow_id.is_some() && part.is_ascii());
    let plain = serial.map_or_else(|| kind.to_owned(), |serial| format!("{serial}_{kind}"));
    let name = utf8_percent_encode(&bundle.name, NON_ALPHANUMERIC);
    format!("attachment; filename=\"{plain}.zip\"; filename*=UTF-8''{name}")
}

impl From<SelectionError> for Problem {
    fn from(error: SelectionError) -> Self {
        match error {
            SelectionError::NotOne | SelectionError::TooMany => Self::new(Code::Invalid, error.to_string()),
            SelectionError::Nothing => Self::not_found(),
            SelectionError::Store(error) => error.into(),
            SelectionError::Db(error) => error.into(),
        }
    }
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Gone => gone(),
            PlanError::Damaged(_) | PlanError::Store(_) | PlanError::Cpu(_) => Self::internal(&error),
        }
    }
}
