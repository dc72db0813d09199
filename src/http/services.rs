//! Services: bound vendor servers, for administrators.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Input, Page, Params, limit, parsed},
    session::{Admin, CurrentUser},
    users::Paging,
};
use crate::{
    audit::{self, Act, NewEntry},
    id::ServiceId,
    service::{NO_PUBLIC_CLOUD, ServerType, Service, ServiceError},
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(check)).routes(routes!(seals))
}

/// All services, newest first.
#[utoipa::path(get, path = "/api/services", params(Paging), responses((status = 200, body = Page<Service>), (status = 403, body = Problem)))]
async fn list(
    State(edge): State<Edge>,
    _: Admin,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<Service>>, Problem> {
    let limit = limit(paging.limit)?;
    let after: Option<ServiceId> = parsed("after", paging.after.as_deref())?;
    let services = Service::list(&edge.app.db, after.as_ref(), limit + 1).await?;
    Ok(Json(Page::of(services, limit, |service| service.id.to_string())))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewService {
    name: String,
    /// The vendor's open platform, usually port 9182.
    base_url: String,
    app_token: String,
    /// Never shown again.
    app_secret: String,
    /// `legacy` (default) or `nonce`.
    sign_mode: Option<String>,
    /// `private` (default); a service of the public cloud is refused.
    server_type: Option<ServerType>,
}

/// Binds a service.
#[utoipa::path(post, path = "/api/services", request_body = NewService, responses((status = 201, body = Service), (status = 422, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Input(new): Input<NewService>,
) -> Result<(StatusCode, Json<Service>), Problem> {
    if new.name.trim().is_empty() {
        return Err(Problem::field("name", "must not be empty"));
    }
    let service = Service {
        id: ServiceId::new(),
        name: new.name,
        base_url: new.base_url.trim().to_owned(),
        app_token: new.app_token.trim().to_owned(),
        app_secret: new.app_secret.trim().to_owned(),
        sign_mode: new.sign_mode.unwrap_or_else(|| "legacy".to_owned()),
        created_at: edge.app.clock.now(),
    };
    service.credentials()?;
    if new.server_type == Some(ServerType::Public) {
        return Err(Problem::field("serverType", NO_PUBLIC_CLOUD));
    }
    if service.is_public_cloud() {
        return Err(Problem::field("baseUrl", NO_PUBLIC_CLOUD));
    }
    let mut tx = edge.app.db.begin().await?;
    service.insert(&mut tx).await?;
    let act = NewEntry::new(&admin.username, Act::ServiceMade, service.id.as_str());
    audit::commit(tx, act.detail(&service.base_url), service.created_at).await?;
    Ok((StatusCode::CREATED, Json(service)))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Checked {
    ok: bool,
    /// Physical seals that the vendor lists.
    seals: Option<usize>,
    /// What went wrong.
    error: Option<String>,
}

/// Asks the vendor whether it answers and takes our credentials.
#[utoipa::path(post, path = "/api/services/{id}/check", params(("id" = String, Path)), responses((status = 200, body = Checked)))]
async fn check(State(edge): State<Edge>, Admin(admin): Admin, Id(id): Id<ServiceId>) -> Result<Json<Checked>, Problem> {
    let client = Service::client(&edge.app.db, &edge.app.vendor, &id).await?;
    let answer = match client.health().await {
        Ok(()) => client.seals().await,
        Err(error) => Err(error),
    };
    let checked = match answer {
        Ok(seals) => Checked { ok: true, seals: Some(seals.len()), error: None },
        Err(error) => Checked { ok: false, seals: None, error: Some(error.to_string()) },
    };
    let act = NewEntry::new(&admin.username, Act::ServiceChecked, id.as_str());
    let act = act.detail(checked.error.as_deref().unwrap_or("ok"));
    audit::commit(edge.app.db.begin().await?, act, edge.app.clock.now()).await?;
    Ok(Json(checked))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct SealView {
    id: String,
    name: String,
    owner: Option<String>,
    device_no: Option<String>,
    location: Option<String>,
}

/// The vendor's physical seals, to pick from.
#[utoipa::path(get, path = "/api/services/{id}/seals", params(("id" = String, Path)), responses((status = 200, body = Page<SealView>), (status = 502, body = Problem)))]
async fn seals(
    State(edge): State<Edge>,
    _: CurrentUser,
    Id(id): Id<ServiceId>,
) -> Result<Json<Page<SealView>>, Problem> {
    let client = Service::client(&edge.app.db, &edge.app.vendor, &id).await?;
    let seals = client.seals().await?.into_iter().map(|seal| SealView {
        id: seal.id,
        name: seal.name,
        owner: seal.owner_name.or(seal.company),
        device_no: seal.device_no,
        location: seal.location,
    });
    Ok(Json(Page { items: seals.collect(), next: None, total: None }))
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Gone => Self::not_found(),
            ServiceError::Credentials(error) => error.into(),
            ServiceError::Db(error) => error.into(),
        }
    }
}
