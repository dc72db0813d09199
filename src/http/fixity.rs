//! The fixity of originals: the last check, its findings, and checks that an administrator asks for.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    input::{Input, Page, Params, limit, parsed},
    session::{Admin, Reader},
};
use crate::{
    clock::Timestamp,
    flow::Flow,
    id::{FindingId, FixityRunId, FlowId, FolderId},
    original::Original,
    preservation::{
        findings::{self, Finding},
        fixity::verify::FixityScope,
        runs::{FixityRun, FixityRunView},
        scrub::{self, ScrubError},
    },
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(list)).routes(routes!(ask))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct FixityView {
    /// A run has started or waits.
    running: bool,
    /// The run that has started or is next.
    run: Option<FixityRunView>,
    /// The run that ended last.
    last_run: Option<FixityRunView>,
    /// Findings that have not healed.
    open_findings: i64,
    originals: i64,
    /// When the longest unchecked original was checked, or was stored if it was never checked.
    #[schema(value_type = Option<String>, format = DateTime)]
    longest_unchecked: Option<Timestamp>,
    /// `fixity.share`: the share of all originals that is checked in a day. 0: there are no scheduled runs.
    share: f64,
    /// `fixity.every`, such as `24h`.
    every: String,
}

/// How the originals are: the run that checks them now, and the last one.
#[utoipa::path(get, path = "/api/fixity", responses((status = 200, body = FixityView), (status = 403, body = Problem)))]
async fn show(State(edge): State<Edge>, _: Reader) -> Result<Json<FixityView>, Problem> {
    let (db, config) = (&edge.app.db, &edge.app.config.fixity);
    let run = FixityRun::open(db).await?;
    Ok(Json(FixityView {
        running: run.is_some(),
        run: run.map(FixityRunView::from),
        last_run: FixityRun::last(db).await?.map(FixityRunView::from),
        open_findings: findings::open_by_kind(db).await?.into_iter().map(|(_, count)| count).sum(),
        originals: Original::count(db).await?,
        longest_unchecked: Original::longest_unchecked(db).await?,
        share: config.share,
        every: config.every.to_string(),
    }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FindingParams {
    /// true: only findings that have not healed.
    #[serde(default)]
    open: bool,
    /// The `next` of the previous page.
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// What the checks found, newest first.
#[utoipa::path(get, path = "/api/fixity/findings", params(FindingParams), responses((status = 200, body = Page<Finding>), (status = 403, body = Problem)))]
async fn list(
    State(edge): State<Edge>,
    _: Reader,
    Params(params): Params<FindingParams>,
) -> Result<Json<Page<Finding>>, Problem> {
    let limit = limit(params.limit)?;
    let after: Option<FindingId> = parsed("after", params.after.as_deref())?;
    let found = Finding::list(&edge.app.db, params.open, after.as_ref(), limit + 1).await?;
    Ok(Json(Page::from_rows(found, limit, |finding| finding.id.to_string())))
}

/// What a run checks.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum AskedScope {
    /// Every original, and the objects without a row.
    All,
    /// A share of the originals, drawn by chance: `share`.
    Sample,
    /// The originals of one flow: `flowId`.
    Flow,
    /// The originals of a folder and the folders below it: `folderId`.
    Folder,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AskedRun {
    scope: AskedScope,
    /// Above 0, at most 1.
    share: Option<f64>,
    flow_id: Option<FlowId>,
    folder_id: Option<FolderId>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AcceptedRun {
    id: FixityRunId,
}

/// Asks for a check. It starts after those that were asked for before it. `GET /api/fixity` shows it.
#[utoipa::path(post, path = "/api/fixity/runs", request_body = AskedRun, responses((status = 202, body = AcceptedRun), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
async fn ask(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Input(asked): Input<AskedRun>,
) -> Result<(StatusCode, Json<AcceptedRun>), Problem> {
    let scope = asked.scope()?;
    if let FixityScope::Flow(flow) = &scope {
        Flow::find(&edge.app.db, flow).await?.ok_or_else(Problem::not_found)?;
    }
    let id = scrub::ask(&edge.app, &scope, &admin.username).await?;
    Ok((StatusCode::ACCEPTED, Json(AcceptedRun { id })))
}

impl AskedRun {
    fn scope(self) -> Result<FixityScope, Problem> {
        let absent = |field: &str| Problem::field(field, "is required for this scope");
        let others = |wanted: &str| {
            let given = [
                ("share", self.share.is_some()),
                ("flowId", self.flow_id.is_some()),
                ("folderId", self.folder_id.is_some()),
            ];
            given.into_iter().find(|(field, is_given)| *is_given && *field != wanted).map(|(field, _)| field)
        };
        let (wanted, scope) = match self.scope {
            AskedScope::All => ("", FixityScope::All),
            AskedScope::Sample => match self.share {
                Some(share) if share > 0.0 && share <= 1.0 => ("share", FixityScope::Sample(share)),
                Some(_) => return Err(Problem::field("share", "must be above 0 and at most 1")),
                None => return Err(absent("share")),
            },
            AskedScope::Flow => ("flowId", FixityScope::Flow(self.flow_id.clone().ok_or_else(|| absent("flowId"))?)),
            AskedScope::Folder => {
                ("folderId", FixityScope::Folder(self.folder_id.clone().ok_or_else(|| absent("folderId"))?))
            }
        };
        match others(wanted) {
            Some(field) => Err(Problem::field(field, "does not belong to this scope")),
            None => Ok(scope),
        }
    }
}

impl From<ScrubError> for Problem {
    fn from(error: ScrubError) -> Self {
        match error {
            ScrubError::NoFolder => Self::not_found(),
            ScrubError::Full => Self::new(Code::Busy, error.to_string()),
            ScrubError::Db(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}
