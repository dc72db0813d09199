//! Authentication by session cookie or token, and what a login may do before everything else.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{Method, header, request::Parts},
};
use axum_extra::extract::cookie::CookieJar;

use super::{
    Code, Edge, Problem,
    session::{COOKIE, requires_totp},
};
use crate::{
    audit::origin::Origin,
    id::SessionId,
    user::{
        session::{Login, LoginWay},
        token::Scope,
    },
};

/// A request with this header does not keep a session alive: the page asks by itself.
const POLL: &str = "x-yinku-poll";

/// Extracts the login of the request. Answers 401 without a valid one, and 403 if it may not do this request.
#[derive(Debug)]
pub(super) struct LoggedIn(pub(super) Arc<Login>);

impl FromRequestParts<Edge> for LoggedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let login = find(parts, edge).await?.ok_or_else(|| Problem::new(Code::NotLoggedIn, NOT_LOGGED_IN))?;
        if let Some(origin) = parts.extensions.get::<Arc<Origin>>() {
            origin.identify(&login.user.username, login.way.to_string());
        }
        check_scope(&login, parts)?;
        check_duties(&login, parts, edge)?;
        if is_activity(parts) {
            login.touch(&edge.app.db, edge.app.clock.now());
        }
        Ok(Self(login))
    }
}

const NOT_LOGGED_IN: &str =
    "The request has no valid login. Log in with POST /api/session, or send Authorization: Bearer <token>.";

async fn find(parts: &Parts, edge: &Edge) -> Result<Option<Arc<Login>>, Problem> {
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(token) = authorization.and_then(|value| value.strip_prefix("Bearer ")) {
        return Ok(edge.permission_cache.login_by_token(&edge.app, token.trim()).await?);
    }
    match CookieJar::from_headers(&parts.headers).get(COOKIE) {
        Some(cookie) => Ok(edge.permission_cache.login_by_session(&edge.app, cookie.value()).await?),
        None => Ok(None),
    }
}

/// The routes of uploads.
const UPLOADS: [&str; 3] =
    ["/api/flows/{id}/fields/{key}/files", "/api/folders/{id}/documents", "/api/grants/{id}/photos"];

/// Refuses a request beyond the scope of the token.
fn check_scope(login: &Login, parts: &Parts) -> Result<(), Problem> {
    let LoginWay::Token(_, scope) = &login.way else { return Ok(()) };
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let uploads = parts.method == Method::POST && UPLOADS.contains(&route);
    let allowed = match scope {
        Scope::Read => reads,
        Scope::Upload => reads || uploads,
        Scope::All => true,
    };
    if allowed { Ok(()) } else { Err(Problem::new(Code::TokenScope, Code::TokenScope.meaning())) }
}

/// Refuses everything but the user's own login while the user must change the password or set up one-time codes.
fn check_duties(login: &Login, parts: &Parts, edge: &Edge) -> Result<(), Problem> {
    let own =
        parts.uri.path().strip_prefix("/api/session").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let refusal = |code: Code| Err(Problem::new(code, code.meaning()));
    match &login.user {
        _ if own => Ok(()),
        user if user.must_change => refusal(Code::MustChangePassword),
        user if !user.totp && requires_totp(edge, user) => refusal(Code::MustSetUpTotp),
        _ => Ok(()),
    }
}

/// Returns true if a person or a program acts. A page that polls or listens does not.
fn is_activity(parts: &Parts) -> bool {
    !parts.headers.contains_key(POLL) && parts.uri.path() != "/api/events"
}

impl LoggedIn {
    /// Returns the session. A token may not change the login of its user.
    pub(super) fn session(&self) -> Result<&SessionId, Problem> {
        self.0.session().ok_or_else(|| Problem::new(Code::NeedsSession, Code::NeedsSession.meaning()))
    }
}
