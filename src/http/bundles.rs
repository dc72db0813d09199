//! Bundles: frozen selections, each given out as one zip. A download resumes at any byte, at any node.

mod zip;

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    input::{Id, Input, Params},
    logged_in::duty,
    session::CurrentUser,
};
use crate::{
    archive::evidence::many::{self, ManyError, Progress},
    audit::origin::Origin,
    bundle::{
        left::{self, LeftOut},
        link,
        plans::PlanError,
        record::Bundle,
        rights::BundleRightsError,
        selection::{BundleWish, SelectionError},
    },
    clock::Timestamp,
    id::BundleId,
    library::selected::ListError,
};

pub(super) use zip::{Address, serve};
use zip::{allowed, open};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(make))
        .routes(routes!(about))
        .routes(routes!(bytes))
        .routes(routes!(make_link))
        .routes(routes!(linked))
}

/// How far a bundle is.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum BundleState {
    /// Evidence packages of it are being made. The bytes are 503 `bundle_making` until then.
    Making,
    Ready,
    /// The job of a package is parked. An administrator can start it again.
    Failed,
}

/// A bundle.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct BundleView {
    id: BundleId,
    /// The path of the zip.
    url: String,
    state: BundleState,
    name: String,
    /// 0 until the bundle is ready.
    bytes: i64,
    entries: i64,
    /// The strong ETag of the zip, with its quotes. Empty until the bundle is ready.
    etag: String,
    /// What could not be given. `缺失清单.txt` in the zip says the same.
    left: Vec<LeftOut>,
    /// Null: the bundle does not end.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl BundleView {
    fn of(progress: Progress) -> Result<Self, Problem> {
        let (state, bundle) = match progress {
            Progress::Ready(bundle) => (BundleState::Ready, bundle),
            Progress::Making(bundle) => (BundleState::Making, bundle),
            Progress::Failed(bundle) => (BundleState::Failed, bundle),
        };
        Ok(Self {
            url: format!("/api/bundles/{}", bundle.id),
            id: bundle.id,
            state,
            name: bundle.name,
            bytes: bundle.bytes,
            entries: bundle.entries,
            etag: bundle.etag,
            left: left::of_json(&bundle.left_out)?,
            expires_at: bundle.expires_at,
        })
    }
}

/// Freezes a selection as a bundle. Documents that the caller may not see are left out. `state` is `making` while evidence
/// packages of the selection are not made. 409 `selection_changed`: the list is not the one that the caller saw.
#[utoipa::path(post, path = "/api/bundles", request_body = BundleWish, responses((status = 201, body = BundleView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn make(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(wish): Input<BundleWish>,
) -> Result<(StatusCode, Json<BundleView>), Problem> {
    wish.check()?;
    if wish.faces && !user.reads_all() {
        return Err(Problem::forbidden());
    }
    let progress = if wish.evidence {
        many::make(&edge.app, &user, &wish).await?
    } else {
        let gathered = wish.gather(&edge.app.db, &user).await?;
        let (bundle, plan) = gathered.freeze(&edge.app, &user, wish.name.as_deref()).await?;
        edge.plans.keep(&bundle.id, plan);
        Progress::Ready(bundle)
    };
    Ok((StatusCode::CREATED, Json(BundleView::of(progress)?)))
}

/// The problem of a package that is not made yet.
pub(super) fn making() -> Problem {
    Problem { retry_after: 3, ..Problem::new(Code::BundleMaking, Code::BundleMaking.meaning()) }
}

/// The problem of a bundle that has ended.
fn gone() -> Problem {
    Problem::new(Code::BundleGone, Code::BundleGone.meaning())
}

/// A bundle without its bytes.
#[utoipa::path(get, path = "/api/bundles/{id}/about", params(("id" = BundleId, Path)), responses((status = 200, body = BundleView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 410, body = Problem)))]
async fn about(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<BundleId>,
) -> Result<Json<BundleView>, Problem> {
    let bundle = allowed(&edge, &id, &user).await?;
    let progress = if bundle.plan_key.is_some() {
        open(&edge, &bundle, Address::Frozen).await?;
        Progress::Ready(Bundle::clone(&bundle))
    } else {
        many::proceed(&edge.app, Bundle::clone(&bundle)).await?
    };
    Ok(Json(BundleView::of(progress)?))
}

/// The zip of a bundle: exact Content-Length, strong ETag, Range, If-Range and If-Match. The same id has the same bytes
/// for ever, at every node, or it is 410: its time is over, or a document or original of it is gone or damaged.
#[utoipa::path(get, path = "/api/bundles/{id}", params(("id" = BundleId, Path)), responses((status = 200, content_type = "application/zip"), (status = 206, content_type = "application/zip", description = "The requested range."), (status = 304), (status = 403, body = Problem), (status = 404, body = Problem), (status = 410, body = Problem), (status = 412, body = Problem), (status = 416), (status = 503, body = Problem)))]
async fn bytes(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<BundleId>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    serve(&edge, &user, &method, &headers, &id, Address::Frozen).await
}

/// A link to a bundle.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct BundleLink {
    /// The path of the zip with its key. A person who has it downloads in the name of its maker.
    url: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Makes a link for a download manager without a session. It works for 24 hours with the rights of its maker, and its
/// downloads are audited as theirs.
#[utoipa::path(post, path = "/api/bundles/{id}/link", params(("id" = BundleId, Path)), responses((status = 201, body = BundleLink), (status = 403, body = Problem), (status = 404, body = Problem), (status = 410, body = Problem)))]
async fn make_link(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<BundleId>,
) -> Result<(StatusCode, Json<BundleLink>), Problem> {
    let bundle = allowed(&edge, &id, &user).await?;
    let (key, expires_at) = link::make(&edge.app, &bundle, &user).await?;
    let url = format!("/api/bundles/{id}/linked?key={key}");
    Ok((StatusCode::CREATED, Json(BundleLink { url, expires_at })))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LinkParams {
    /// The key of the link.
    #[serde(default)]
    key: String,
}

/// The zip of a bundle by a link, without a login. Like `GET /api/bundles/{id}` otherwise. 404: the link has ended.
#[utoipa::path(get, path = "/api/bundles/{id}/linked", security(()), params(("id" = BundleId, Path), LinkParams), responses((status = 200, content_type = "application/zip"), (status = 206, content_type = "application/zip", description = "The requested range."), (status = 304), (status = 403, body = Problem), (status = 404, body = Problem), (status = 410, body = Problem), (status = 412, body = Problem), (status = 416), (status = 503, body = Problem)))]
async fn linked(
    State(edge): State<Edge>,
    Extension(origin): Extension<Arc<Origin>>,
    Id(id): Id<BundleId>,
    Params(params): Params<LinkParams>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let maker = link::maker(&edge.app, &id, &params.key).await?.ok_or_else(Problem::not_found)?;
    origin.identify(&maker.username, format!("link:{id}"));
    if let Some(code) = duty(&maker, &edge) {
        return Err(Problem::new(code, code.meaning()));
    }
    serve(&edge, &maker, &method, &headers, &id, Address::Frozen).await
}

impl From<SelectionError> for Problem {
    fn from(error: SelectionError) -> Self {
        match error {
            SelectionError::NotOne | SelectionError::TooMany => Self::new(Code::Invalid, error.to_string()),
            SelectionError::Nothing => Self::not_found(),
            SelectionError::Forbidden => Self::forbidden(),
            SelectionError::Changed => Self::new(Code::SelectionChanged, error.to_string()),
            SelectionError::List(error) => error.into(),
            SelectionError::Rights(error) => error.into(),
            SelectionError::Cpu(error) => Self::internal(&error),
            SelectionError::Store(error) => error.into(),
            SelectionError::Db(error) => error.into(),
        }
    }
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::NoFolder => Self::not_found(),
            ListError::Changed(_) => Self::new(Code::SelectionChanged, error.to_string()),
            ListError::Words(error) => Self::field("query.q", error.to_string()),
            ListError::Db(error) => error.into(),
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

impl From<BundleRightsError> for Problem {
    fn from(error: BundleRightsError) -> Self {
        match error {
            BundleRightsError::Plan(error) => error.into(),
            BundleRightsError::Db(error) => error.into(),
            BundleRightsError::Json(error) => Self::internal(&error),
        }
    }
}

impl From<ManyError> for Problem {
    fn from(error: ManyError) -> Self {
        match error {
            ManyError::Evidence(error) => error.into(),
            ManyError::Selection(error) => error.into(),
        }
    }
}
