//! The control API under `/_sim/`: what the box and its people do, and what goes wrong. Unsigned: for loopback only.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, patch, post, put},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Simulator,
    engine::Engine,
    faults::Fault,
    lifecycle::{CannotHappen, Stamp},
    photo::Kind,
    state::Content,
};

pub(super) fn router(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/_sim/businesses", get(businesses))
        .route("/_sim/businesses/{id}", get(business))
        .route("/_sim/businesses/{id}/stamp", post(stamp))
        .route("/_sim/businesses/{id}/complete", post(complete))
        .route("/_sim/businesses/{id}/finish", post(finish))
        .route("/_sim/businesses/{id}/append", post(append))
        .route("/_sim/businesses/{id}/photos", post(late_photo))
        .route("/_sim/businesses/{id}/resend", post(resend))
        .route("/_sim/businesses/{id}/release", post(release))
        .route("/_sim/photos/{photokey}", put(replace))
        .route("/_sim/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_sim/knobs", get(knobs))
        .route("/_sim/knobs", patch(turn))
        .route("/_sim/counters", get(counters))
        .route("/_sim/deliveries", get(deliveries))
        .route("/_sim/settle", post(settle))
        .route("/_sim/down", post(down))
        .route("/_sim/up", post(up))
        .with_state(Simulator::of(engine))
}

/// 404 for what does not exist, 409 for what cannot be now, 422 for what was asked wrongly.
struct Problem(StatusCode, String);

impl From<CannotHappen> for Problem {
    fn from(cannot: CannotHappen) -> Self {
        let status = match cannot {
            CannotHappen::NoBusiness(_) | CannotHappen::NoAuth(_) | CannotHappen::NoPhoto(_) => StatusCode::NOT_FOUND,
            CannotHappen::Ended | CannotHappen::OutsideWindow => StatusCode::CONFLICT,
        };
        Self(status, cannot.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

type Answer = Result<Json<Value>, Problem>;

/// A body that may be left out.
fn asked<T: Default + for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|e| Problem(StatusCode::UNPROCESSABLE_ENTITY, e.to_string()))
}

async fn businesses(State(sim): State<Simulator>) -> Json<Value> {
    Json(json!(sim.businesses()))
}

async fn business(State(sim): State<Simulator>, Path(id): Path<String>) -> Answer {
    Ok(Json(json!(sim.business(&id)?)))
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StampAsked {
    /// Which auth, from 0.
    auth: usize,
    /// How many times the box stamps.
    count: u32,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl Default for StampAsked {
    fn default() -> Self {
        Self { auth: 0, count: 1, rest: serde_json::Map::new() }
    }
}

async fn stamp(State(sim): State<Simulator>, Path(id): Path<String>, body: bytes::Bytes) -> Answer {
    let asked: StampAsked = asked(&body)?;
    let stamp: Stamp = serde_json::from_value(Value::Object(asked.rest))
        .map_err(|e| Problem(StatusCode::UNPROCESSABLE_ENTITY, e.to_string()))?;
    let mut photokeys = Vec::new();
    for _ in 0..asked.count {
        let (keys, _) = sim.engine.change(|scene| scene.stamp(&id, asked.auth, &stamp))?;
        photokeys.extend(keys);
    }
    Ok(Json(json!({ "photokeys": photokeys })))
}

async fn complete(State(sim): State<Simulator>, Path(id): Path<String>) -> Answer {
    sim.engine.change(|scene| scene.complete(&id))?;
    Ok(Json(json!(sim.business(&id)?)))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Words {
    reason: String,
    device_no: Option<String>,
    count: Option<u32>,
    auth: usize,
    kind: Option<Kind>,
}

async fn finish(State(sim): State<Simulator>, Path(id): Path<String>, body: bytes::Bytes) -> Answer {
    let asked: Words = asked(&body)?;
    sim.engine.change(|scene| scene.finish(&id, &asked.reason, asked.device_no.as_deref()))?;
    Ok(Json(json!(sim.business(&id)?)))
}

async fn append(State(sim): State<Simulator>, Path(id): Path<String>, body: bytes::Bytes) -> Answer {
    let asked: Words = asked(&body)?;
    sim.append(&id, asked.count.unwrap_or(1), asked.device_no.as_deref())?;
    Ok(Json(json!(sim.business(&id)?)))
}

async fn late_photo(State(sim): State<Simulator>, Path(id): Path<String>, body: bytes::Bytes) -> Answer {
    let asked: Words = asked(&body)?;
    let mut photokeys = Vec::new();
    for _ in 0..asked.count.unwrap_or(1) {
        photokeys.push(sim.late_photo(&id, asked.auth, asked.kind.unwrap_or(Kind::Signatory))?);
    }
    Ok(Json(json!({ "photokeys": photokeys })))
}

async fn resend(State(sim): State<Simulator>, Path(id): Path<String>) -> Answer {
    sim.engine.change(|scene| {
        let status = scene.world.business(&id).ok_or_else(|| CannotHappen::NoBusiness(id.clone()))?.status;
        Ok(((), vec![super::state::Notice::Ended { business: id.clone(), status }]))
    })?;
    Ok(Json(json!({})))
}

async fn release(State(sim): State<Simulator>, Path(id): Path<String>) -> Answer {
    sim.release_photos(&id)?;
    Ok(Json(json!({})))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct PhotoAsked {
    bytes_base64: Option<String>,
    same_as: Option<String>,
    in_detail: Option<bool>,
    in_zip: Option<bool>,
}

async fn replace(State(sim): State<Simulator>, Path(photokey): Path<String>, body: bytes::Bytes) -> Answer {
    let asked: PhotoAsked = asked(&body)?;
    if let Some(other) = &asked.same_as {
        sim.set_photo_same(&photokey, other)?;
    }
    sim.edit_photo(&photokey, |photo| {
        if let Some(bytes) = asked.bytes_base64 {
            photo.content = Content::Given(bytes);
        }
        photo.in_detail = asked.in_detail.unwrap_or(photo.in_detail);
        photo.in_zip = asked.in_zip.unwrap_or(photo.in_zip);
    })?;
    Ok(Json(json!({})))
}

async fn faults(State(sim): State<Simulator>) -> Json<Value> {
    Json(json!(*sim.engine.faults()))
}

async fn add_fault(State(sim): State<Simulator>, Json(fault): Json<Fault>) -> Json<Value> {
    sim.set_fault(fault);
    Json(json!({}))
}

async fn clear_faults(State(sim): State<Simulator>) -> Json<Value> {
    sim.clear_faults();
    Json(json!({}))
}

async fn knobs(State(sim): State<Simulator>) -> Json<Value> {
    Json(json!(sim.knobs()))
}

async fn turn(State(sim): State<Simulator>, Json(change): Json<Value>) -> Answer {
    let turned = sim.engine.turn(|knobs| {
        let mut whole = serde_json::to_value(&*knobs)?;
        merge(&mut whole, change);
        *knobs = serde_json::from_value(whole)?;
        Ok::<_, serde_json::Error>(knobs.clone())
    });
    turned.map(|knobs| Json(json!(knobs))).map_err(|e| Problem(StatusCode::UNPROCESSABLE_ENTITY, e.to_string()))
}

/// Members of objects are changed one by one, everything else as a whole.
fn merge(whole: &mut Value, change: Value) {
    match (whole, change) {
        (Value::Object(whole), Value::Object(change)) => {
            for (name, value) in change {
                merge(whole.entry(name).or_insert(Value::Null), value);
            }
        }
        (whole, change) => *whole = change,
    }
}

async fn counters(State(sim): State<Simulator>) -> Json<Value> {
    Json(json!(sim.counters()))
}

async fn deliveries(State(sim): State<Simulator>) -> Json<Value> {
    Json(json!(sim.deliveries()))
}

async fn settle(State(sim): State<Simulator>) -> Json<Value> {
    sim.settle().await;
    Json(json!({}))
}

async fn down(State(sim): State<Simulator>) -> Json<Value> {
    sim.set_down(true);
    Json(json!({}))
}

async fn up(State(sim): State<Simulator>) -> Json<Value> {
    sim.set_down(false);
    Json(json!({}))
}
