//! Authentication by session cookie or token, and what a login may do before everything else.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{HeaderMap, Method, header, request::Parts},
};
use axum_extra::extract::cookie::CookieJar;

use super::{Code, Edge, Problem, session::requires_totp};
use crate::{
    audit::origin::Origin,
    db::DbError,
    id::SessionId,
    user::{
        User,
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
        let login = Proof::find(&parts.headers, edge);
        let login = match &login {
            Some(proof) => proof.login(edge).await?,
            None => None,
        };
        let login = login.ok_or_else(|| Problem::new(Code::NotLoggedIn, NOT_LOGGED_IN))?;
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

/// What a request shows to prove its login.
enum Proof {
    Token(String),
    Session(String),
}

impl Proof {
    fn find(headers: &HeaderMap, edge: &Edge) -> Option<Self> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(token) = authorization.and_then(|value| value.strip_prefix("Bearer ")) {
            return Some(Self::Token(token.trim().to_owned()));
        }
        let jar = CookieJar::from_headers(headers);
        jar.get(edge.cookie_name()).map(|cookie| Self::Session(cookie.value().to_owned()))
    }

    async fn login(&self, edge: &Edge) -> Result<Option<Arc<Login>>, DbError> {
        match self {
            Self::Token(token) => edge.permission_cache.login_by_token(&edge.app, token).await,
            Self::Session(secret) => edge.permission_cache.login_by_session(&edge.app, secret).await,
        }
    }
}

/// Extracts the login of a request whose answer lasts.
pub(super) struct LastingLogin {
    pub(super) user: Arc<User>,
    proof: Proof,
}

/// How often a lasting answer proves its login again. The cache of logins adds one second.
const AGAIN: Duration = Duration::from_millis(500);

impl FromRequestParts<Edge> for LastingLogin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let LoggedIn(login) = LoggedIn::from_request_parts(parts, edge).await?;
        let proof = Proof::find(&parts.headers, edge).ok_or_else(|| Problem::new(Code::NotLoggedIn, NOT_LOGGED_IN))?;
        Ok(Self { user: Arc::clone(&login.user), proof })
    }
}

impl LastingLogin {
    /// Returns when the login has ended, or when the rights of its user have changed.
    pub(super) async fn ended(self, edge: Edge) {
        loop {
            tokio::time::sleep(AGAIN).await;
            // A database that does not answer ends nothing. Without it no right can be proven, so nothing is told.
            let Ok(login) = self.proof.login(&edge).await else { continue };
            if !login.is_some_and(|login| login.user.roles == self.user.roles && duty(&login.user, &edge).is_none()) {
                return;
            }
        }
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
    match duty(&login.user, edge) {
        Some(code) if !own => Err(Problem::new(code, code.meaning())),
        _ => Ok(()),
    }
}

/// Returns what the user must do before everything else.
pub(super) fn duty(user: &User, edge: &Edge) -> Option<Code> {
    match user {
        user if user.must_change => Some(Code::MustChangePassword),
        user if !user.totp && requires_totp(edge, user) => Some(Code::MustSetUpTotp),
        _ => None,
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
