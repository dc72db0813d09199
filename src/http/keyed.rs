//! `Idempotency-Key`: a request that starts, submits, appends or ends is done once, however often it is sent.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Code, Edge, JSON_LIMIT, Problem, flows::visible_flow, logged_in::LoggedIn};
use crate::{
    app::App,
    db::{self, DbError},
    hash::Blake3,
    queue,
    user::{
        User,
        keyed::{self, Claim, KeyedRequest, KeyedRun},
    },
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The answer comes from an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const LONGEST_KEY: usize = 255;

/// The routes that take a key, each with the status of its success if a run that died before its commit did nothing, so
/// that the request may act again. `None`: the vendor may have got the request.
const ROUTES: [(&str, Option<StatusCode>); 4] = [
    ("/api/flows", Some(StatusCode::CREATED)),
    ("/api/flows/{id}/submit", Some(StatusCode::OK)),
    ("/api/flows/{id}/seal-append", None),
    ("/api/flows/{id}/seal-finish", None),
];

/// The header, for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only describes the header in the OpenAPI document")]
pub(super) struct IdempotencyKey {
    /// A text of the caller's choice, new for each act. The same key with the same body gives the first answer again.
    #[param(rename = "Idempotency-Key", pattern = "^[!-~]{1,255}$")]
    idempotency_key: Option<String>,
}

/// The run of a request. An act notes it in its transaction.
#[derive(Clone, Debug, Default)]
pub(super) struct Run(pub(super) KeyedRun);

impl<S: Send + Sync> FromRequestParts<S> for Run {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Answers a repeated request with the first answer. Other requests pass.
pub(super) async fn once(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let known = ROUTES.iter().find(|(known, _)| *known == route && request.method() == Method::POST);
    let (Some((_, success)), Some(key)) = (known, request.headers().get(KEY).cloned()) else {
        return next.run(request).await;
    };
    let (mut parts, body) = request.into_parts();
    let user = match LoggedIn::from_request_parts(&mut parts, &edge).await {
        Ok(LoggedIn(login)) => login,
        Err(problem) => return problem.into_response(),
    };
    let Ok(body) = to_bytes(body, JSON_LIMIT).await else {
        return Problem::with_status(StatusCode::PAYLOAD_TOO_LARGE, Code::BadJson, TOO_LARGE).into_response();
    };
    let (key, request) = (text_of(&key), format!("{} {}", parts.method, parts.uri.path()));
    let hash = Blake3::of(&body);
    let Some(key) = key else { return bad_key() };
    let held = keyed::held(edge.app.config.jobs.lease.get());
    let keyed = KeyedRequest { username: &user.user.username, request: &request, key: &key, body: &hash, held };
    match keyed.claim(&edge.app.db, success.is_some(), edge.app.clock.now()).await {
        Ok(Claim::Act(run)) => {
            let keyed_act = KeyedAct { run: KeyedRun::new(run), repeatable: success.is_some() };
            keyed_act.act(&edge.app, parts, body, next).await
        }
        Ok(earlier) => again(&edge, &user.user, earlier, success.unwrap_or_default()).await,
        Err(error) => Problem::from(error).into_response(),
    }
}

const TOO_LARGE: &str = "The body is too large or not complete. Send a smaller body.";

/// Returns a key of 1 to 255 visible ASCII characters.
fn text_of(key: &HeaderValue) -> Option<String> {
    let key = key.to_str().ok()?.trim();
    let sound = (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    sound.then(|| key.to_owned())
}

fn bad_key() -> Response {
    Problem::field("Idempotency-Key", "must be 1 to 255 visible ASCII characters").into_response()
}

/// The request that acts for its key.
struct KeyedAct {
    run: KeyedRun,
    /// A run that failed without a commit did nothing.
    repeatable: bool,
}

/// What becomes of the key after the run.
enum Outcome {
    /// The run did nothing.
    Free,
    /// No client can use the answer, and the run may have done something.
    Lapse,
    Keep {
        status: StatusCode,
        body: String,
    },
}

impl KeyedAct {
    /// Acts, and keeps the answer unless the request surely did nothing.
    async fn act(self, app: &Arc<App>, mut parts: Parts, body: Bytes, next: Next) -> Response {
        parts.extensions.insert(Run(self.run.clone()));
        let hold = self.hold(app);
        let running = AssertUnwindSafe(next.run(Request::from_parts(parts, Body::from(body)))).catch_unwind();
        let response = match running.await {
            Ok(response) => response,
            Err(panic) => {
                let outcome = if self.repeatable { Outcome::Free } else { Outcome::Lapse };
                self.settle(app, outcome).await;
                std::panic::resume_unwind(panic);
            }
        };
        drop(hold);
        let (head, body) = response.into_parts();
        // The answer of our own handler is complete in memory.
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let outcome = match head.status {
            status if self.did_nothing(status) => Outcome::Free,
            status if status.is_success() || status == StatusCode::BAD_GATEWAY => {
                Outcome::Keep { status, body: String::from_utf8_lossy(&bytes).into_owned() }
            }
            _ => Outcome::Lapse,
        };
        self.settle(app, outcome).await;
        Response::from_parts(head, Body::from(bytes))
    }

    /// Keeps the key while the run works, until the guard is dropped. A run that lost its key cannot commit.
    fn hold(&self, app: &Arc<App>) -> Option<DropGuard> {
        let (app, run, ended) = (Arc::clone(app), self.run.id.clone()?, CancellationToken::new());
        let (guard, held) = (ended.clone().drop_guard(), keyed::held(app.config.jobs.lease.get()));
        // A task of its own: the request may wait for the database only for a limited time.
        tokio::spawn(ended.run_until_cancelled_owned(async move {
            loop {
                tokio::time::sleep(held / 4).await;
                if let Err(error) = keyed::renew(&app.db, &run, app.clock.now().plus(held)).await {
                    tracing::warn!(%error, "the key of a request is not renewed yet");
                }
            }
        }));
        Some(guard)
    }

    /// Returns true if a run with this answer did nothing. A failed act of this service alone is rolled back.
    fn did_nothing(&self, status: StatusCode) -> bool {
        let failed = status.is_client_error() || status.is_server_error();
        failed && (self.repeatable || !self.run.reached_vendor())
    }

    /// Writes the outcome. During an outage of the database it is written later, so the answer does not wait.
    async fn settle(&self, app: &Arc<App>, outcome: Outcome) {
        let Err(error) = self.write(app, &outcome).await else { return };
        tracing::warn!(%error, "the answer of a request with a key is not kept yet");
        let (app, again) = (Arc::clone(app), Self { run: self.run.clone(), repeatable: self.repeatable });
        tokio::spawn(async move {
            let mut failed = error;
            while queue::write_again_after(db::outage(&failed)).await {
                match again.write(&app, &outcome).await {
                    Ok(()) => return,
                    Err(error) => failed = error,
                }
            }
            tracing::warn!(error = %failed, "the answer of a request with a key was not kept");
        });
    }

    async fn write(&self, app: &App, outcome: &Outcome) -> Result<(), DbError> {
        let Some(run) = &self.run.id else { return Ok(()) };
        match outcome {
            Outcome::Free => keyed::forget(&app.db, run).await,
            Outcome::Lapse => keyed::lapse(&app.db, run).await,
            Outcome::Keep { status, body } => keyed::keep(&app.db, run, status.as_u16(), body).await,
        }
    }
}

/// Answers for a request that came before.
async fn again(edge: &Edge, user: &User, earlier: Claim, success: StatusCode) -> Response {
    match earlier {
        Claim::Answered { status, body } => replayed(status, body),
        Claim::Done(flow) => match visible_flow(edge, &flow, user).await {
            Ok(flow) => (success, [(REPLAYED, "true")], axum::Json(flow)).into_response(),
            Err(problem) => problem.into_response(),
        },
        Claim::Unclear => Problem::new(
            Code::VendorFailed,
            "The service stopped during the first request, so its result is unknown. Read the seal details first.",
        )
        .into_response(),
        Claim::Running => Problem::new(Code::StillRunning, Code::StillRunning.meaning()).into_response(),
        Claim::OtherBody => Problem::new(Code::KeyReused, Code::KeyReused.meaning()).into_response(),
        // `once` has handled it.
        Claim::Act(_) => Problem::new(Code::Internal, Code::Internal.meaning()).into_response(),
    }
}

fn replayed(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
    (status, [(header::CONTENT_TYPE, kind), (REPLAYED, "true")], body).into_response()
}
