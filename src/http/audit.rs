//! The audit log, for administrators and auditors: to read, and to prove.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Page, Params, limit, parsed},
    session::Reader,
};
use crate::{
    audit::{
        AuditEntry, AuditSearch,
        verify::{self, Noted, Report},
    },
    id::FlowId,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(prove))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditParams {
    /// Who; for a login that failed the name that was tried.
    username: Option<String>,
    /// What, such as `document_downloaded`.
    act: Option<String>,
    #[param(value_type = Option<FlowId>, inline)]
    flow_id: Option<String>,
    /// The id of what it was done to.
    subject: Option<String>,
    /// At this instant (RFC 3339) or later.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Before this instant.
    #[param(format = DateTime)]
    to: Option<String>,
    /// `next` of the page before.
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// Who did what to which thing and when, newest first.
#[utoipa::path(get, path = "/api/audit", params(AuditParams), responses((status = 200, body = Page<AuditEntry>), (status = 403, body = Problem)))]
async fn list(
    State(edge): State<Edge>,
    _: Reader,
    Params(params): Params<AuditParams>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let limit = limit(params.limit)?;
    let after = parsed("after", params.after.as_deref())?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let search = AuditSearch {
        username: given(params.username),
        act: given(params.act),
        subject: given(params.subject),
        flow: parsed("flowId", params.flow_id.as_deref())?,
        from: parsed("from", params.from.as_deref())?,
        to: parsed("to", params.to.as_deref())?,
    };
    let entries = AuditEntry::list(&edge.app.db, &search, after, limit + 1).await?;
    Ok(Json(Page::of(entries, limit, |entry| entry.seq.to_string())))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ProofParams {
    /// A head that was noted, `<hash>` or `<number>:<hash>`: proves that nothing up to there was cut off or written anew.
    #[param(pattern = r"^\s*([0-9]{1,18}:)?[0-9a-fA-F]{64}\s*$")]
    head: Option<String>,
}

/// Proves that no entry was changed, taken out, moved or put in: reads the whole chain. `yinku audit verify` does the
/// same at the command line.
#[utoipa::path(get, path = "/api/audit/verify", params(ProofParams), responses((status = 200, body = Report), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn prove(
    State(edge): State<Edge>,
    _: Reader,
    Params(params): Params<ProofParams>,
) -> Result<Json<Report>, Problem> {
    let noted: Option<Noted> = parsed("head", params.head.as_deref())?;
    Ok(Json(verify::verify(&edge.app.db, noted.as_ref()).await?))
}
