//! Services: vendor servers that administrators bind.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Input, Page, Params, limit, parsed},
    session::{Admin, CurrentUser},
    users::Paging,
};
use crate::{
    id::ServiceId,
    provider::Category,
    service::{
        Service, ServiceError,
        bind::{self, BindError, Checked, NewService},
        change::{self, ServiceChange},
    },
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change))
        .routes(routes!(check))
        .routes(routes!(seals))
        .routes(routes!(categories))
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
    Ok(Json(Page::from_rows(services, limit, |service| service.id.to_string())))
}

/// Binds a service.
#[utoipa::path(post, path = "/api/services", request_body = NewService, responses((status = 201, body = Service), (status = 422, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Input(new): Input<NewService>,
) -> Result<(StatusCode, Json<Service>), Problem> {
    let service = bind::bind(edge.acting(&admin), &edge.app.secrets, new).await?;
    Ok((StatusCode::CREATED, Json(service)))
}

/// One service.
#[utoipa::path(get, path = "/api/services/{id}", params(("id" = ServiceId, Path)), responses((status = 200, body = Service), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn show(State(edge): State<Edge>, _: Admin, Id(id): Id<ServiceId>) -> Result<Json<Service>, Problem> {
    Ok(Json(Service::find(&edge.app.db, &id).await?.ok_or_else(Problem::not_found)?))
}

/// Changes a service, or gives its secret again.
#[utoipa::path(patch, path = "/api/services/{id}", params(("id" = ServiceId, Path)), request_body = ServiceChange, responses((status = 200, body = Service), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Id(id): Id<ServiceId>,
    Input(given): Input<ServiceChange>,
) -> Result<Json<Service>, Problem> {
    Ok(Json(change::change(edge.acting(&admin), &edge.app.secrets, &id, given).await?))
}

/// Checks that the vendor answers and accepts the credentials of the service.
#[utoipa::path(post, path = "/api/services/{id}/check", params(("id" = ServiceId, Path)), responses((status = 200, body = Checked), (status = 409, body = Problem)))]
async fn check(State(edge): State<Edge>, Admin(admin): Admin, Id(id): Id<ServiceId>) -> Result<Json<Checked>, Problem> {
    Ok(Json(bind::check(edge.acting(&admin), &edge.app.vendor, &id).await?))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct SealView {
    id: String,
    name: String,
    owner: Option<String>,
    device_no: Option<String>,
    location: Option<String>,
    /// The vendor's word for the state: `NORMAL` or `FREEZE`. A frozen seal cannot be applied for. Null in some versions.
    status: Option<String>,
}

/// The physical seals of the service, read from the vendor. Deleted and invalid seals are left out.
#[utoipa::path(get, path = "/api/services/{id}/seals", params(("id" = ServiceId, Path)), responses((status = 200, body = Page<SealView>), (status = 409, body = Problem), (status = 502, body = Problem)))]
async fn seals(
    State(edge): State<Edge>,
    _: CurrentUser,
    Id(id): Id<ServiceId>,
) -> Result<Json<Page<SealView>>, Problem> {
    let client = Service::client(&edge.app.db, &edge.app.vendor, &id).await?;
    let seals = client.seals().await?.into_iter().filter(|seal| seal.usable).map(|seal| SealView {
        id: seal.id,
        name: seal.name,
        owner: seal.owner_name.or(seal.company),
        device_no: seal.device_no,
        location: seal.location,
        status: seal.status,
    });
    Ok(Json(Page { items: seals.collect(), next: None, total: None }))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CategoryView {
    id: String,
    name: String,
}

/// The vendor's categories for physical seals. A form can name one by name or id.
#[utoipa::path(get, path = "/api/services/{id}/categories", params(("id" = ServiceId, Path)), responses((status = 200, body = Page<CategoryView>), (status = 409, body = Problem), (status = 502, body = Problem)))]
async fn categories(
    State(edge): State<Edge>,
    _: CurrentUser,
    Id(id): Id<ServiceId>,
) -> Result<Json<Page<CategoryView>>, Problem> {
    let client = Service::client(&edge.app.db, &edge.app.vendor, &id).await?;
    let categories = client.categories().await?.into_iter().filter(Category::is_physical);
    let items = categories.map(|category| CategoryView { id: category.id, name: category.name }).collect();
    Ok(Json(Page { items, next: None, total: None }))
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Gone => Self::not_found(),
            ServiceError::Credentials(error) => error.into(),
            ServiceError::Secret(error) => error.into(),
            ServiceError::Db(error) => error.into(),
        }
    }
}

impl From<BindError> for Problem {
    fn from(error: BindError) -> Self {
        match error {
            BindError::Field(field, message) => Self::field(field, message),
            BindError::Service(error) => error.into(),
            BindError::Db(error) => error.into(),
        }
    }
}
