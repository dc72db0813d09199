//! Ingests and the raw callbacks: list, show, retry and replay.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    flows::{check_takes_part, check_visible},
    input::{Id, Page, Params, limit, parsed},
    session::{Admin, CurrentUser, Reader},
};
use crate::{
    callback::{
        self, door,
        parse::Shape,
        record::{CallbackState, Record},
    },
    clock::Timestamp,
    flow::Flow,
    hash::Blake3,
    id::{CallbackId, FlowId, IngestId},
    ingest::{
        collect,
        view::{self, IngestView},
    },
    seal_use::{
        SealUse,
        ingest::{Ingest, IngestState},
    },
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(retry))
        .routes(routes!(inbox))
        .routes(routes!(door))
        .routes(routes!(replay))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StateParams {
    #[param(value_type = Option<CallbackState>, inline)]
    state: Option<String>,
    /// The `next` of the previous page.
    #[param(value_type = Option<CallbackId>, inline)]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct IngestParams {
    #[param(value_type = Option<IngestState>, inline)]
    state: Option<String>,
    /// Only the ingests of this flow. Every user who may see the flow may use this filter.
    #[param(value_type = Option<FlowId>, inline)]
    flow_id: Option<String>,
    /// The `next` of the previous page.
    #[param(value_type = Option<IngestId>, inline)]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// Ingests without their photos, newest first. Without `flowId` only administrators and auditors may read them.
#[utoipa::path(get, path = "/api/ingests", params(IngestParams), responses((status = 200, body = Page<IngestView>), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn list(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<IngestParams>,
) -> Result<Json<Page<IngestView>>, Problem> {
    let flow: Option<FlowId> = parsed("flowId", params.flow_id.as_deref())?;
    match &flow {
        Some(flow) => check_visible(&edge, flow, &user).await?,
        None => reads_all(&user)?,
    }
    let limit = limit(params.limit)?;
    let state: Option<IngestState> = parsed("state", params.state.as_deref())?;
    let after: Option<IngestId> = parsed("after", params.after.as_deref())?;
    let db = &edge.app.db;
    let page =
        Page::from_rows(Ingest::list(db, state, flow.as_ref(), after.as_ref(), limit + 1).await?, limit, |ingest| {
            ingest.id.to_string()
        });
    let items = view::without_photos(db, page.items, &user).await?;
    Ok(Json(Page { items, next: page.next, total: None }))
}

/// One ingest with all photos of its seal use.
#[utoipa::path(get, path = "/api/ingests/{id}", params(("id" = IngestId, Path)), responses((status = 200, body = IngestView), (status = 404, body = Problem)))]
async fn show(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<IngestId>,
) -> Result<Json<IngestView>, Problem> {
    let ingest = visible_ingest(&edge, &id, &user).await?;
    Ok(Json(view::with_photos(&edge.app.db, ingest, &user).await?))
}

/// Runs an ingest again. It also retries parked photos.
#[utoipa::path(post, path = "/api/ingests/{id}/retry", params(("id" = IngestId, Path)), responses((status = 202, body = IngestView), (status = 404, body = Problem)))]
async fn retry(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<IngestId>,
) -> Result<(StatusCode, Json<IngestView>), Problem> {
    let ingest = visible_ingest(&edge, &id, &user).await?;
    let seal_use = SealUse::find(&edge.app.db, &ingest.seal_use_id).await?.ok_or_else(Problem::not_found)?;
    check_takes_part(&edge, &seal_use.flow_id, &user).await?;
    collect::retry(edge.acting(&user), &ingest, &seal_use.flow_id).await?;
    let ingest = visible_ingest(&edge, &id, &user).await?;
    Ok((StatusCode::ACCEPTED, Json(view::with_photos(&edge.app.db, ingest, &user).await?)))
}

async fn visible_ingest(edge: &Edge, id: &IngestId, user: &User) -> Result<Ingest, Problem> {
    let db = &edge.app.db;
    let ingest = Ingest::find(db, id).await?.ok_or_else(Problem::not_found)?;
    let seal_use = SealUse::find(db, &ingest.seal_use_id).await?.ok_or_else(Problem::not_found)?;
    if Flow::visible_to(db, &seal_use.flow_id, user).await? { Ok(ingest) } else { Err(Problem::not_found()) }
}

fn reads_all(user: &User) -> Result<(), Problem> {
    if user.reads_all() { Ok(()) } else { Err(Problem::forbidden()) }
}

/// A stored callback.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CallbackView {
    id: CallbackId,
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// It passed the secret or the network that was demanded when it arrived. Otherwise it was only a hint.
    authenticated: bool,
    peer: String,
    #[schema(value_type = Shape)]
    shape: String,
    business_id: Option<String>,
    state: CallbackState,
    ingest_id: Option<IngestId>,
    /// The hash of the content. Equal deliveries have equal digests.
    digest: String,
    /// The size of the body in bytes.
    bytes: i64,
    /// The number of images in the body.
    images: i64,
    /// The hashes of the images, if the callback was not authenticated: its images are not kept. Null otherwise.
    picture_hashes: Option<Vec<Blake3>>,
    /// The text parameters as a list of [key, values].
    #[schema(value_type = Vec<(String, Vec<String>)>)]
    params: serde_json::Value,
    error: Option<String>,
}

/// The stored callbacks, newest first. Only administrators and auditors may read them.
#[utoipa::path(get, path = "/api/callbacks", params(StateParams), responses((status = 200, body = Page<CallbackView>), (status = 403, body = Problem)))]
async fn inbox(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<StateParams>,
) -> Result<Json<Page<CallbackView>>, Problem> {
    reads_all(&user)?;
    let limit = limit(params.limit)?;
    let state: Option<CallbackState> = parsed("state", params.state.as_deref())?;
    let after: Option<CallbackId> = parsed("after", params.after.as_deref())?;
    let db = &edge.app.db;
    let page = Page::from_rows(Record::list(db, state, after.as_ref(), limit + 1).await?, limit, |record| {
        record.id.to_string()
    });
    let seal_uses: Vec<_> = page.items.iter().filter_map(|record| record.seal_use_id.as_ref()).collect();
    let ingests = Ingest::of_seal_uses(db, &seal_uses).await?;
    let ingest = |record: &Record| record.seal_use_id.as_ref().and_then(|seal_use| ingests.get(seal_use)).cloned();
    let items = page.items.into_iter().map(|record| to_view(ingest(&record), record)).collect();
    Ok(Json(Page { items, next: page.next, total: None }))
}

/// Who may send callbacks.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CallbackDoor {
    /// True: neither `callback.secret` nor `callback.allow_from` is set. Every sender is let in, and what comes is only a
    /// hint. Set one of them.
    open: bool,
    secret_set: bool,
    networks_set: bool,
    /// Running seal uses whose vendor was given an address that is refused now. Polling finds their photos.
    refused_seal_uses: i64,
}

/// How callbacks are protected. Only administrators and auditors may read it.
#[utoipa::path(get, path = "/api/callbacks/door", responses((status = 200, body = CallbackDoor), (status = 403, body = Problem)))]
async fn door(State(edge): State<Edge>, _: Reader) -> Result<Json<CallbackDoor>, Problem> {
    let config = &edge.app.config.callback;
    Ok(Json(CallbackDoor {
        open: door::is_open(config),
        secret_set: config.secret.is_some(),
        networks_set: !config.allow_from.is_empty(),
        refused_seal_uses: door::refused_seal_uses(&edge.app).await?,
    }))
}

/// Processes a stored callback again.
#[utoipa::path(post, path = "/api/callbacks/{id}/replay", params(("id" = CallbackId, Path)), responses((status = 202, body = CallbackView), (status = 404, body = Problem)))]
async fn replay(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Id(id): Id<CallbackId>,
) -> Result<(StatusCode, Json<CallbackView>), Problem> {
    callback::replay(&edge.app, &id, &admin.username).await?.ok_or_else(Problem::not_found)?;
    let record = Record::find(&edge.app.db, &id).await?.ok_or_else(Problem::not_found)?;
    let ingest = match &record.seal_use_id {
        Some(seal_use) => Ingest::of_seal_use(&edge.app.db, seal_use).await?,
        None => None,
    };
    Ok((StatusCode::ACCEPTED, Json(to_view(ingest.map(|ingest| ingest.id), record))))
}

fn to_view(ingest_id: Option<IngestId>, record: Record) -> CallbackView {
    CallbackView {
        id: record.id,
        received_at: record.received_at,
        authenticated: record.authenticated,
        peer: record.peer,
        shape: record.shape,
        business_id: record.business_id,
        state: record.state,
        ingest_id,
        digest: record.digest,
        bytes: record.body_bytes,
        images: record.images,
        picture_hashes: record.picture_hashes.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        params: serde_json::from_str(&record.params).unwrap_or_default(),
        error: record.error,
    }
}
