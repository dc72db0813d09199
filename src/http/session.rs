//! Login and logout, and the extractors of the user.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    extract::{ConnectInfo, FromRequestParts, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Edge, Problem, input::Input, logged_in::LoggedIn};
use crate::user::{
    Role, User,
    login::{self, LoginDesk, LoginInput},
};

pub(super) const COOKIE: &str = "yinku_session";
/// A browser takes a cookie with this prefix from the host itself alone, over https alone.
const HOST_COOKIE: &str = "__Host-yinku_session";

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(open, current, close))
}

/// Extracts the authenticated user. Answers 401 without a valid login.
#[derive(Debug)]
pub(super) struct CurrentUser(pub(super) Arc<User>);

impl FromRequestParts<Edge> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let LoggedIn(login) = LoggedIn::from_request_parts(parts, edge).await?;
        Ok(Self(Arc::clone(&login.user)))
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

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLogin {
    username: String,
    password: String,
    /// The present one-time code, for a user with such codes.
    totp: Option<String>,
}

/// The user of the session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct SessionUser {
    #[serde(flatten)]
    user: User,
    /// A role of the user requires one-time codes.
    totp_required: bool,
}

impl SessionUser {
    fn new(edge: &Edge, user: User) -> Json<Self> {
        let totp_required = requires_totp(edge, &user);
        Json(Self { user, totp_required })
    }
}

/// Returns true if a role of the user requires one-time codes.
pub(super) fn requires_totp(edge: &Edge, user: &User) -> bool {
    let required = &edge.app.config.auth.totp_required_roles;
    user.roles.0.iter().any(|role| required.iter().any(|word| word == role.as_str()))
}

impl Edge {
    /// Returns true if browsers reach the service over https.
    pub(super) fn is_https(&self) -> bool {
        self.app.config.public_url.scheme() == "https"
    }

    pub(super) fn cookie_name(&self) -> &'static str {
        if self.is_https() { HOST_COOKIE } else { COOKIE }
    }

    /// Returns what a login needs of the service and of the client.
    pub(super) fn login_desk<'a>(&'a self, peer: SocketAddr, headers: &'a HeaderMap) -> LoginDesk<'a> {
        let app = &self.app;
        LoginDesk {
            db: &app.db,
            journal: &app.journal,
            secrets: &app.secrets,
            throttle: &app.login_throttle,
            address: peer.ip(),
            agent: headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default(),
            now: app.clock.now(),
        }
    }
}

/// Logs in. The answer sets an HttpOnly cookie. The session that the cookie named before ends. A user has at most 50
/// sessions: a further login ends the oldest one.
#[utoipa::path(post, path = "/api/session", security(()), request_body = NewLogin, responses((status = 200, body = SessionUser), (status = 401, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
async fn open(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    jar: CookieJar,
    Input(NewLogin { username, password, totp }): Input<NewLogin>,
) -> Result<Response, Problem> {
    let desk = edge.login_desk(peer, &headers);
    let former = jar.get(edge.cookie_name()).map(|cookie| cookie.value().to_owned());
    let (user, secret) = desk.enter(LoginInput { username, password, totp, former }).await?;
    let cookie = Cookie::build((edge.cookie_name(), secret))
        .http_only(true)
        .same_site(SameSite::Lax)
        .path("/")
        .secure(edge.is_https());
    Ok((CookieJar::new().add(cookie), SessionUser::new(&edge, user)).into_response())
}

/// Returns the user of the session.
#[utoipa::path(get, path = "/api/session", responses((status = 200, body = SessionUser), (status = 401, body = Problem)))]
async fn current(State(edge): State<Edge>, CurrentUser(user): CurrentUser) -> Json<SessionUser> {
    SessionUser::new(&edge, User::clone(&user))
}

/// Logs out and deletes the session.
#[utoipa::path(delete, path = "/api/session", security(()), responses((status = 204)))]
async fn close(State(edge): State<Edge>, jar: CookieJar) -> Result<Response, Problem> {
    if let Some(cookie) = jar.get(edge.cookie_name()) {
        login::leave(&edge.app.db, cookie.value(), edge.app.clock.now()).await?;
    }
    let cleared = jar.remove(Cookie::build(edge.cookie_name()).path("/").secure(edge.is_https()));
    Ok((StatusCode::NO_CONTENT, cleared).into_response())
}
