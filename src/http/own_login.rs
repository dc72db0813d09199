//! The user's own login: password, one-time codes, sessions and tokens.

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{self, Id, Input, MaybeInput, Page, Params, limit, parsed},
    logged_in::LoggedIn,
    users::Paging,
};
use crate::{
    config::MOST_TOKEN_DAYS,
    id::{SessionId, TokenId},
    user::{
        login::LoginError,
        new_password,
        session::{self, Session},
        token::{self, Scope, Token, TokenTerms},
        totp,
    },
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(change_password))
        .routes(routes!(set_up_totp, remove_totp))
        .routes(routes!(list_sessions, end_other_sessions))
        .routes(routes!(end_session))
        .routes(routes!(list_tokens, make_token))
        .routes(routes!(revoke_token))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The present password.
    old: String,
    #[schema(min_length = 12, max_length = 256)]
    new: String,
}

/// Changes the password of the user. The user's other sessions end.
#[utoipa::path(put, path = "/api/session/password", request_body = PasswordChange, responses((status = 204), (status = 429, body = Problem), (status = 503, body = Problem)))]
async fn change_password(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    login: LoggedIn,
    Input(PasswordChange { old, new }): Input<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let session = login.session()?;
    new_password::choose(edge.login_desk(peer, &headers), &login.0.user, Some(session), old, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TotpSetUp {
    /// The first code of the authenticator. Absent: the set-up begins.
    code: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TotpSeed {
    /// The address with the seed, for the authenticator. The service shows it once.
    uri: String,
}

/// Sets up one-time codes. Without a code the set-up begins and the answer has the seed. The first code ends it, and ends
/// the other sessions of the user.
#[utoipa::path(post, path = "/api/session/totp", request_body = Option<TotpSetUp>, responses((status = 200, body = TotpSeed), (status = 204), (status = 409, body = Problem)))]
async fn set_up_totp(
    State(edge): State<Edge>,
    login: LoggedIn,
    MaybeInput(TotpSetUp { code }): MaybeInput<TotpSetUp>,
) -> Result<Response, Problem> {
    let session = login.session()?;
    let acting = edge.acting(&login.0.user);
    if let Some(code) = code {
        totp::confirm(acting, &edge.app.secrets, &code, Some(session)).await?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Json(TotpSeed { uri: totp::begin(acting, &edge.app.secrets).await? }).into_response())
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordProof {
    /// The present password.
    password: String,
}

/// Removes the one-time codes of the user. The user's other sessions end.
#[utoipa::path(delete, path = "/api/session/totp", request_body = PasswordProof, responses((status = 204), (status = 429, body = Problem), (status = 503, body = Problem)))]
async fn remove_totp(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    login: LoggedIn,
    Input(PasswordProof { password }): Input<PasswordProof>,
) -> Result<StatusCode, Problem> {
    let session = login.session()?;
    let (desk, user) = (edge.login_desk(peer, &headers), &login.0.user);
    desk.confirm(user, password).await.map_err(|error| match error {
        LoginError::Wrong => Problem::field("password", "is not the present password; enter it again"),
        other => other.into(),
    })?;
    totp::remove_own(edge.acting(user), session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The open sessions of the user, newest first.
#[utoipa::path(get, path = "/api/sessions", params(Paging), responses((status = 200, body = Page<Session>)))]
async fn list_sessions(
    State(edge): State<Edge>,
    LoggedIn(login): LoggedIn,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<Session>>, Problem> {
    let limit = limit(paging.limit)?;
    let after: Option<SessionId> = parsed("after", paging.after.as_deref())?;
    let idle = edge.app.config.auth.session_idle.get();
    let mut sessions = session::list(edge.acting(&login.user), idle, after.as_ref(), limit + 1).await?;
    for session in &mut sessions {
        session.current = login.session() == Some(&session.id);
    }
    Ok(Json(Page::from_rows(sessions, limit, |session| session.id.to_string())))
}

/// Ends the other sessions of the user.
#[utoipa::path(delete, path = "/api/sessions", responses((status = 204)))]
async fn end_other_sessions(State(edge): State<Edge>, LoggedIn(login): LoggedIn) -> Result<StatusCode, Problem> {
    session::end_others(edge.acting(&login.user), login.session()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one session of the user.
#[utoipa::path(delete, path = "/api/sessions/{id}", params(("id" = SessionId, Path)), responses((status = 204)))]
async fn end_session(
    State(edge): State<Edge>,
    LoggedIn(login): LoggedIn,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, Problem> {
    let ended = session::end(edge.acting(&login.user), &id).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// The tokens of the user that have not ended, newest first.
#[utoipa::path(get, path = "/api/tokens", params(Paging), responses((status = 200, body = Page<Token>)))]
async fn list_tokens(
    State(edge): State<Edge>,
    LoggedIn(login): LoggedIn,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<Token>>, Problem> {
    let limit = limit(paging.limit)?;
    let after: Option<TokenId> = parsed("after", paging.after.as_deref())?;
    let tokens = token::list(edge.acting(&login.user), after.as_ref(), limit + 1).await?;
    Ok(Json(Page::from_rows(tokens, limit, |token| token.id.to_string())))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// The purpose of the token.
    #[schema(pattern = r"\S", max_length = 200)]
    name: String,
    /// Default: all.
    scope: Option<Scope>,
    /// Lifetime in days. Default: `auth.token_days`.
    #[schema(minimum = 1, maximum = 3650)]
    #[serde(default, deserialize_with = "input::whole_or_none")]
    days: Option<u32>,
}

impl NewToken {
    fn terms(&self, days: u32) -> Result<TokenTerms<'_>, Problem> {
        let days = self.days.unwrap_or(days);
        if self.name.trim().is_empty() || self.name.chars().count() > 200 {
            return Err(Problem::field("name", "must have 1 to 200 characters; enter the purpose of the token"));
        }
        if days < 1 || days as usize > MOST_TOKEN_DAYS {
            return Err(Problem::field("days", format!("must be 1 to {MOST_TOKEN_DAYS}")));
        }
        Ok(TokenTerms { name: &self.name, scope: self.scope.unwrap_or(Scope::All), days })
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct MadeToken {
    #[serde(flatten)]
    made: Token,
    /// The secret. The service shows it once.
    token: String,
}

/// Creates a token for programs. The token has the rights of the caller within its scope. A token cannot make a token.
#[utoipa::path(post, path = "/api/tokens", request_body = NewToken, responses((status = 201, body = MadeToken)))]
async fn make_token(
    State(edge): State<Edge>,
    login: LoggedIn,
    Input(new): Input<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    login.session()?;
    let (app, user) = (&edge.app, &login.0.user);
    let terms = new.terms(app.config.auth.token_days)?;
    let (made, token) = token::issue(&app.db, &user.username, user, terms, &new.name, app.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { made, token })))
}

/// Ends a token of the user for good.
#[utoipa::path(delete, path = "/api/tokens/{id}", params(("id" = TokenId, Path)), responses((status = 204)))]
async fn revoke_token(
    State(edge): State<Edge>,
    LoggedIn(login): LoggedIn,
    Id(id): Id<TokenId>,
) -> Result<StatusCode, Problem> {
    let revoked = token::revoke(edge.acting(&login.user), &id).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}
