//! Authentication by session cookie or token; login and logout.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    extract::{ConnectInfo, FromRequestParts, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Code, Edge, Problem, input::Input};
use crate::{
    audit::origin::Origin,
    id::TokenId,
    user::{Role, User, login},
};

pub(super) const COOKIE: &str = "yinku_session";

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(open, current, close)).routes(routes!(make_token))
}

/// Extracts the authenticated user. Answers 401 without a valid login.
#[derive(Debug)]
pub(super) struct CurrentUser(pub(super) Arc<User>);

impl FromRequestParts<Edge> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let user = match authorization.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(token) => {
                let user = edge.permission_cache.user_by_token(&edge.app, token.trim()).await?;
                user.map(|user| (user, login::short_name("token", token.trim())))
            }
            None => match CookieJar::from_headers(&parts.headers).get(COOKIE) {
                Some(cookie) => {
                    let user = edge.permission_cache.user_by_session(&edge.app, cookie.value()).await?;
                    user.map(|user| (user, login::short_name("session", cookie.value())))
                }
                None => None,
            },
        };
        let detail =
            "The request has no valid login. Log in with POST /api/session, or send Authorization: Bearer <token>.";
        let (user, via) = user.ok_or_else(|| Problem::new(Code::NotLoggedIn, detail))?;
        if let Some(origin) = parts.extensions.get::<Arc<Origin>>() {
            origin.identify(&user.username, via);
        }
        Ok(Self(user))
    }
}

/// Extracts the user if the user is an administrator. Answers 403 otherwise.
#[derive(Debug)]
pub(super) struct Admin(pub(super) Arc<User>);

impl FromRequestParts<Edge> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let CurrentUser(user) = CurrentUser::from_request_parts(parts, edge).await?;
        if user.has(Role::Admin) { Ok(Self(user)) } else { Err(Problem::forbidden()) }
    }
}

/// Accepts administrators and auditors, because they may read everything. Answers 403 otherwise.
#[derive(Debug)]
pub(super) struct Reader;

impl FromRequestParts<Edge> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let CurrentUser(user) = CurrentUser::from_request_parts(parts, edge).await?;
        if user.reads_all() { Ok(Self) } else { Err(Problem::forbidden()) }
    }
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: String,
}

/// Logs in. The answer sets an HttpOnly cookie.
#[utoipa::path(post, path = "/api/session", security(()), request_body = Credentials, responses((status = 200, body = User), (status = 401, body = Problem), (status = 503, body = Problem)))]
async fn open(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Input(Credentials { username, password }): Input<Credentials>,
) -> Result<Response, Problem> {
    let (app, now, peer) = (&edge.app, edge.app.clock.now(), format!("from {}", peer.ip()));
    let (user, secret) = login::enter(&app.db, &app.journal, &username, password, &peer, now).await?;
    let cookie = Cookie::build((COOKIE, secret))
        .http_only(true)
        .same_site(SameSite::Lax)
        .path("/")
        .secure(app.config.public_url.scheme() == "https");
    Ok((CookieJar::new().add(cookie), Json(user)).into_response())
}

/// Returns the user of the session.
#[utoipa::path(get, path = "/api/session", responses((status = 200, body = User), (status = 401, body = Problem)))]
async fn current(CurrentUser(user): CurrentUser) -> Json<User> {
    Json(User::clone(&user))
}

/// Logs out and deletes the session.
#[utoipa::path(delete, path = "/api/session", security(()), responses((status = 204)))]
async fn close(State(edge): State<Edge>, jar: CookieJar) -> Result<Response, Problem> {
    if let Some(cookie) = jar.get(COOKIE) {
        login::leave(&edge.app.db, cookie.value(), edge.app.clock.now()).await?;
    }
    let cleared = jar.remove(Cookie::build(COOKIE).path("/"));
    Ok((StatusCode::NO_CONTENT, cleared).into_response())
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// The purpose of the token.
    #[schema(pattern = r"\S")]
    name: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct MadeToken {
    id: TokenId,
    name: String,
    /// The secret. The service shows it once.
    token: String,
}

/// Creates a token for programs. The token has the rights of the caller.
#[utoipa::path(post, path = "/api/tokens", request_body = NewToken, responses((status = 201, body = MadeToken)))]
async fn make_token(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Input(new): Input<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    if new.name.trim().is_empty() {
        return Err(Problem::field("name", "The name is empty. Enter the purpose of the token."));
    }
    let (app, by) = (&edge.app, &user.username);
    let (id, token) = login::issue_token(&app.db, by, &user, &new.name, &new.name, app.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { id, name: new.name, token })))
}
