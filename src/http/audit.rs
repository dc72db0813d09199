//! The audit log: list and verify. Only administrators and auditors may use it.

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
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify_chain))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditParams {
    /// The user who acted. For a failed login: the name in the request.
    username: Option<String>,
    /// The act, such as `document_downloaded`.
    act: Option<String>,
    #[param(value_type = Option<FlowId>, inline)]
    flow_id: Option<String>,
    /// The id of the object of the act.
    subject: Option<String>,
    /// Only entries at or after this time (RFC 3339).
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only entries before this time (RFC 3339).
    #[param(format = DateTime)]
    to: Option<String>,
    /// The `next` of the previous page.
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// The audit entries, newest first: user, act, object and time.
#[utoipa::path(get, path = "/api/audit", params(AuditParams), responses((status = 200, body = Page<AuditEntry>), (status = 403, body = Problem)))]
async fn list(
    State(edge): State<Edge>,
    _: Reader,
    Params(params): Params<AuditParams>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let limit = limit(params.limit)?;
    let after = parsed("after", params.after.as_deref())?;
    let nonempty = |text: Option<String>| text.filter(|text| !text.is_empty());
    let search = AuditSearch {
        username: nonempty(params.username),
        act: nonempty(params.act),
        subject: nonempty(params.subject),
        flow: parsed("flowId", params.flow_id.as_deref())?,
        from: parsed("from", params.from.as_deref())?,
        to: parsed("to", params.to.as_deref())?,
    };
    let entries = AuditEntry::list(&edge.app.db, &search, after, limit + 1).await?;
    Ok(Json(Page::from_rows(entries, limit, |entry| entry.seq.to_string())))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VerifyParams {
    /// The head of an earlier verification, `<hash>` or `<number>:<hash>`. The service then also proves that the chain
    /// still contains this head.
    #[param(pattern = r"^\s*([0-9]{1,18}:)?[0-9a-fA-F]{64}\s*$")]
    head: Option<String>,
}

/// Verifies the whole chain: no entry was changed, removed, moved or inserted. `yinku audit verify` does the same on
/// the command line.
#[utoipa::path(get, path = "/api/audit/verify", params(VerifyParams), responses((status = 200, body = Report), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn verify_chain(
    State(edge): State<Edge>,
    _: Reader,
    Params(params): Params<VerifyParams>,
) -> Result<Json<Report>, Problem> {
    let noted: Option<Noted> = parsed("head", params.head.as_deref())?;
    Ok(Json(verify::verify(&edge.app.db, noted.as_ref()).await?))
}
