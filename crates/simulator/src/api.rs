//! The vendor's endpoints behind one gate: counting, signature, faults, the transport of errors.

mod apply;
pub(super) mod photos;
mod read;
mod upload;
mod value;

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::{
    Router,
    body::to_bytes,
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{
    engine::Engine,
    faults::{self, FaultKind},
    knobs::{ErrorTransport, Knobs},
    lifecycle::CannotHappen,
    signature,
    wire::WireHandle,
};

/// Largest upload the vendor takes.
const MAX_UPLOAD: usize = 64 * 1024 * 1024;
/// Largest answer that a fault can be put into.
const MAX_FAULTY: usize = 1024 * 1024 * 1024;

const IMAGE: &str = "/seal/apply/image";

/// The vendor says no.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: i64,
    message: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// A parameter is missing or wrong.
    pub(super) fn parameter(name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        Self::new(1_000_001, format!("参数错误: {name}"))
    }

    fn render(&self, transport: ErrorTransport) -> Response {
        let in_status = u16::try_from(self.code).ok().filter(|c| (400..600).contains(c));
        let status = match transport {
            ErrorTransport::Json => StatusCode::OK,
            ErrorTransport::Status => in_status.and_then(|c| StatusCode::from_u16(c).ok()).unwrap_or(StatusCode::OK),
            ErrorTransport::Html => return faults::html(StatusCode::BAD_REQUEST),
            ErrorTransport::Empty => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        };
        (status, axum::Json(json!({ "code": self.code, "message": self.message }))).into_response()
    }
}

impl From<CannotHappen> for Refusal {
    fn from(cannot: CannotHappen) -> Self {
        Self::parameter(cannot.to_string())
    }
}

impl IntoResponse for Refusal {
    /// The gate renders it: only there the transport is known.
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

type Answer = Result<Response, Refusal>;

/// `{"code":0,"message":"SUCCESS", name: value}`.
fn success(name: &str, value: Value) -> Response {
    let mut body = json!({ "code": 0, "message": "SUCCESS" });
    body[name] = value;
    axum::Json(body).into_response()
}

fn done() -> Response {
    axum::Json(json!({ "code": 0, "message": "SUCCESS" })).into_response()
}

/// An id as the knob wants it: text, or a number of 19 digits.
fn id(text: &str, knobs: &Knobs) -> Value {
    match text.parse::<u64>() {
        Ok(number) if knobs.ids_as_numbers => number.into(),
        _ => text.into(),
    }
}

/// All endpoints of the vendor.
pub(super) fn router(engine: &Arc<Engine>) -> Router {
    Router::new()
        .route("/seal/apply/multiple", post(apply::multiple))
        .route("/seal/apply/mulitipleByCategory", post(apply::by_category))
        .route("/seal/apply/append", post(apply::append))
        .route("/seal/apply/finish", post(apply::finish))
        .route("/seal/apply/updateUseSealTime", post(apply::window))
        .route("/seal/apply/detail", get(read::detail))
        .route("/seal/apply/owe/auths", get(read::owed))
        .route("/seal/apply/images/download", get(photos::zip))
        .route(IMAGE, get(photos::image))
        .route("/seal/apply/images", post(upload::late))
        .route("/seal/apply/used/images", post(upload::used_images))
        .route("/seal/apply/used/file", post(upload::used_file))
        .route("/document/createbyfile", post(upload::document))
        .route("/seal/innercompany/seallist", get(read::seals))
        .route("/contract/categories", get(read::categories))
        .route("/company/list", get(read::companies))
        .fallback(|| async { faults::html(StatusCode::NOT_FOUND) })
        .layer(DefaultBodyLimit::max(MAX_UPLOAD))
        .layer(middleware::from_fn_with_state(engine.clone(), gate))
        .route("/checkHealth", get(|| async { "OK" }))
        .layer(middleware::from_fn_with_state(engine.clone(), presence))
        .with_state(engine.clone())
}

/// While the vendor is down nothing answers.
async fn presence(
    State(engine): State<Arc<Engine>>,
    ConnectInfo(wire): ConnectInfo<WireHandle>,
    request: Request,
    next: Next,
) -> Response {
    wire.carries_vendor();
    if engine.switch.is_down() {
        return vanish(&wire, request).await;
    }
    next.run(request).await
}

/// The request has arrived whole, the answer never comes. (With its body unread, nobody would look at the connection
/// again and see that it is cut.)
async fn vanish(wire: &WireHandle, request: Request) -> Response {
    let _ = to_bytes(request.into_body(), MAX_UPLOAD).await;
    wire.cut();
    std::future::pending().await
}

async fn gate(
    State(engine): State<Arc<Engine>>,
    ConnectInfo(wire): ConnectInfo<WireHandle>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let knobs = engine.knobs();
    if let Err(refusal) = signature::check(request.headers(), &knobs, engine.now().milliseconds()) {
        engine.counters().refused += 1;
        return refusal.render(knobs.errors);
    }
    let photokey = (path == IMAGE).then(|| parameter(&request, "photokey")).flatten();
    let guard = count(&engine, &path, photokey.as_deref());
    let of_kind = parameter(&request, "photoType").filter(|kind| !kind.is_empty());
    let fault = faults::strike(&mut engine.faults(), &path, photokey.as_deref(), of_kind.as_deref());
    if let Some(fault) = &fault {
        engine.counters().faults += 1;
        match fault {
            FaultKind::Hang => return std::future::pending().await,
            FaultKind::Drop => return vanish(&wire, request).await,
            FaultKind::Late { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
            _ => {}
        }
        if let Some(response) = faults::instead(fault) {
            return response;
        }
    }
    let response = next.run(request).await;
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        return refusal.render(knobs.errors);
    }
    if guard.is_none() && fault.is_none() {
        return response;
    }
    let good = fault.as_ref().is_none_or(FaultKind::harmless);
    let counting = engine.clone();
    let sent = move || {
        drop(guard);
        if let Some(photokey) = photokey.filter(|_| good) {
            *counting.counters().downloads.entry(photokey).or_default() += 1;
        }
    };
    send(response, fault.as_ref(), sent).await
}

/// The answer with its fault, and its length declared as the fault wants it.
async fn send(response: Response, fault: Option<&FaultKind>, sent: impl FnOnce() + Send + 'static) -> Response {
    let (mut head, body) = response.into_parts();
    let bytes = match to_bytes(body, MAX_FAULTY).await {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::error!(%error, "an answer could not be put together");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let (length, body) = faults::body(bytes, fault, sent);
    head.headers.remove(header::CONTENT_LENGTH);
    if let Some(length) = length {
        head.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    if let Some(FaultKind::ContentType { value }) = fault
        && let Ok(value) = HeaderValue::from_str(value)
    {
        head.headers.insert(header::CONTENT_TYPE, value);
    }
    if let Some(FaultKind::Header { name, value }) = fault {
        faults::add(&mut head.headers, name, value);
    }
    Response::from_parts(head, body)
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

/// Stands for one photo on its way.
struct InFlight(Arc<Engine>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.counters().images_in_flight -= 1;
    }
}

fn count(engine: &Arc<Engine>, path: &str, photokey: Option<&str>) -> Option<InFlight> {
    let mut counters = engine.counters();
    *counters.requests.entry(path.to_owned()).or_default() += 1;
    let photokey = photokey?;
    *counters.image_requests.entry(photokey.to_owned()).or_default() += 1;
    counters.images_in_flight += 1;
    counters.max_concurrent_images = counters.max_concurrent_images.max(counters.images_in_flight);
    Some(InFlight(engine.clone()))
}

/// Query parameters of a request, as the reading endpoints take them.
pub(super) type Query = axum::extract::Query<std::collections::BTreeMap<String, String>>;

/// A parameter that must be there and not blank.
fn required<'a>(query: &'a Query, name: &'static str) -> Result<&'a str, Refusal> {
    query.get(name).map(|v| v.trim()).filter(|v| !v.is_empty()).ok_or_else(|| Refusal::parameter(name))
}
