//! Users. Only administrators manage them.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    input::{Id, Input, Page, Params, limit, parsed},
    session::Admin,
};
use crate::{
    flow::waiting::{self, Waiting},
    id::UserId,
    user::{
        User,
        manage::{self, NewUser, UserChange, UserError},
        new_password, totp,
    },
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(change))
        .routes(routes!(reset_password))
        .routes(routes!(remove_totp))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// The `next` of the previous page.
    #[param(pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    pub(super) after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: Option<i64>,
}

/// All users, newest first.
#[utoipa::path(get, path = "/api/users", params(Paging), responses((status = 200, body = Page<User>), (status = 403, body = Problem)))]
async fn list(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<User>>, Problem> {
    let limit = limit(paging.limit)?;
    let after: Option<UserId> = parsed("after", paging.after.as_deref())?;
    let users = manage::list(edge.acting(&admin), &edge.app.journal, after.as_ref(), limit + 1).await?;
    Ok(Json(Page::from_rows(users, limit, |user| user.id.to_string())))
}

/// Creates a user.
#[utoipa::path(post, path = "/api/users", request_body = NewUser, responses((status = 201, body = User), (status = 422, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
async fn create(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Input(new): Input<NewUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let user = manage::create(&edge.app.db, &admin.username, new, edge.app.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// A user after a change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ChangedUser {
    #[serde(flatten)]
    user: User,
    /// The flows that wait for the user. null if the user is not disabled.
    waiting: Option<Waiting>,
}

/// Changes a user. Absent members stay unchanged. The answer for a disabled user has the flows that wait for them.
#[utoipa::path(patch, path = "/api/users/{id}", params(("id" = UserId, Path)), request_body = UserChange, responses((status = 200, body = ChangedUser), (status = 409, body = Problem)))]
async fn change(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Id(id): Id<UserId>,
    Input(change): Input<UserChange>,
) -> Result<Json<ChangedUser>, Problem> {
    let user = manage::change(edge.acting(&admin), &id, change).await?;
    let waiting = waiting::for_disabled(&edge.app.db, &user, &admin).await?;
    Ok(Json(ChangedUser { user, waiting }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordReset {
    #[schema(min_length = 12, max_length = 256)]
    password: String,
}

/// Sets the password of a user. The user must change it at the next login. The user's sessions end.
#[utoipa::path(post, path = "/api/users/{id}/password", params(("id" = UserId, Path)), request_body = PasswordReset, responses((status = 204), (status = 503, body = Problem)))]
async fn reset_password(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Id(id): Id<UserId>,
    Input(PasswordReset { password }): Input<PasswordReset>,
) -> Result<StatusCode, Problem> {
    new_password::reset(edge.acting(&admin), &id, password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes the one-time codes of a user, for an authenticator that was lost.
#[utoipa::path(delete, path = "/api/users/{id}/totp", params(("id" = UserId, Path)), responses((status = 204)))]
async fn remove_totp(State(edge): State<Edge>, Admin(admin): Admin, Id(id): Id<UserId>) -> Result<StatusCode, Problem> {
    let removed = totp::remove(&edge.app.db, &admin.username, &id, edge.app.clock.now()).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Invalid(errors) => Self::invalid(errors),
            UserError::NotFound => Self::not_found(),
            UserError::Taken(errors) => Self { errors, ..Self::new(Code::Taken, Code::Taken.meaning()) },
            UserError::NameTaken(_) => Self::new(Code::NameTaken, error.to_string()),
            UserError::LastAdministrator => Self::new(Code::LastAdministrator, error.to_string()),
            UserError::Login(error) => error.into(),
            UserError::Db(error) => error.into(),
        }
    }
}
