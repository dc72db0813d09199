//! The vendor: as little work as possible, because it shares the machine with what is measured. Pictures come from
//! memory. Signatures are not looked at.
//!
//! What a seal use has is said in its subject: `corpus 220` is 220 photos of the corpus, `mp12 500` of its 12 megapixel
//! photos, `tiny 300` of a picture of a few hundred bytes, `open 0` none and no end. No two photos have the same bytes:
//! each has its number in a comment.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use simulator::{Drawing, Kind};
use tokio::net::TcpListener;

use crate::{corpus, say};

const DEVICE: &str = "QYS2019040001";

struct Vendor {
    sets: HashMap<&'static str, Vec<Bytes>>,
    uses: Mutex<HashMap<String, Use>>,
}

#[derive(Clone)]
struct Use {
    set: String,
    count: u64,
    serial_no: String,
    number: String,
}

pub(crate) async fn serve(directory: Option<PathBuf>) -> anyhow::Result<()> {
    let pictures = directory.map(|directory| corpus::load(&directory)).transpose()?.unwrap_or_default();
    // The fourth of four JPEGs is the large one (benches/corpus.py).
    let large = pictures.iter().take(200).skip(3).step_by(4).map(|picture| picture.bytes.clone()).collect();
    let all = pictures.into_iter().map(|picture| picture.bytes).collect();
    let sets = HashMap::from([("corpus", all), ("mp12", large), ("tiny", vec![tiny()?]), ("open", Vec::new())]);
    let vendor = Arc::new(Vendor { sets, uses: Mutex::default() });
    let routes = Router::new()
        .route("/checkHealth", get(async || "OK"))
        .route("/contract/categories", get(async || Json(json!({ "code": 0, "categories": [] }))))
        .route("/seal/innercompany/seallist", get(seals))
        .route("/seal/apply/multiple", post(apply))
        .route("/seal/apply/detail", get(detail))
        .route("/seal/apply/image", get(image))
        .with_state(vendor);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&json!({ "address": listener.local_addr()? }));
    Ok(axum::serve(listener, routes).await?)
}

fn tiny() -> anyhow::Result<Bytes> {
    let drawing = Drawing {
        seed: 1,
        kind: Kind::Signatory,
        megapixels: 0.002,
        quality: 50,
        orientation: 1,
        exif: None,
        label: 1,
    };
    Ok(drawing.jpeg()?.into())
}

async fn seals() -> Json<Value> {
    let seal = json!({ "id": "1", "name": "公章", "ownerName": "印库", "deviceId": DEVICE, "status": "NORMAL" });
    Json(json!({ "code": 0, "message": "SUCCESS", "result": [{ "id": "1", "name": "印库", "seals": [seal] }] }))
}

async fn apply(State(vendor): State<Arc<Vendor>>, Json(asked): Json<Value>) -> Response {
    let subject = asked["subject"].as_str().unwrap_or_default();
    let (set, count) = subject.split_once(' ').unwrap_or_default();
    let (true, Ok(count)) = (vendor.sets.contains_key(set), count.parse()) else {
        return refused("the subject names no pictures");
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let number = text(&asked["auths"][0]["users"][0]["number"]);
    let one = Use { set: set.to_owned(), count, serial_no: text(&asked["serialNo"]), number };
    let id = uuid::Uuid::new_v4().as_u128() % 1_000_000_000_000_000_000;
    let id = (id + 1_000_000_000_000_000_000).to_string();
    let auth = auth(&id, &one);
    vendor.uses.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), one);
    let result = json!({ "id": id, "status": "USING", "sealAuths": [auth] });
    Json(json!({ "code": 0, "message": "SUCCESS", "result": result })).into_response()
}

fn auth(id: &str, of: &Use) -> Value {
    let used = of.set != "open";
    json!({
        "id": format!("{id}1"), "userId": "1", "userName": "王五", "vertifyCode": "123456", "number": of.number,
        "sealId": "1", "sealName": "公章", "ownerName": "印库", "deviceNo": DEVICE,
        "leftCount": u8::from(!used), "usedCount": of.count, "complete": used,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Business {
    business_id: String,
}

async fn detail(State(vendor): State<Arc<Vendor>>, Query(asked): Query<Business>) -> Response {
    let id = asked.business_id;
    let Some(one) = vendor.uses.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned() else {
        return refused("no such business");
    };
    let photos: Vec<Value> =
        (0..one.count).map(|n| json!({ "authId": format!("{id}1"), "photokey": format!("{id}-{n}") })).collect();
    let result = json!({
        "id": id, "tenantName": "印库", "subject": "", "serialNo": one.serial_no, "count": one.count,
        "status": if one.set == "open" { "USING" } else { "COMPLETE" }, "createTime": "2026-04-09 09:18:53",
        "sealAuths": [auth(&id, &one)], "faceImages": [], "useImages": photos,
    });
    Json(json!({ "code": 0, "message": "SUCCESS", "result": result })).into_response()
}

#[derive(Deserialize)]
struct Photo {
    photokey: String,
}

async fn image(State(vendor): State<Arc<Vendor>>, Query(asked): Query<Photo>) -> Response {
    let found = asked.photokey.split_once('-').and_then(|(id, n)| {
        let n: usize = n.parse().ok()?;
        let set = vendor.uses.lock().unwrap_or_else(PoisonError::into_inner).get(id)?.set.clone();
        let pictures = vendor.sets.get(set.as_str()).filter(|pictures| !pictures.is_empty())?;
        Some(numbered(&pictures[n % pictures.len()], &asked.photokey))
    });
    let Some([start, rest]) = found else {
        return refused("no such photo");
    };
    let length = start.len() + rest.len();
    let chunks = futures::stream::iter([Ok::<_, std::convert::Infallible>(start), Ok(rest)]);
    let headers = [(header::CONTENT_TYPE, "image/png".to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    (headers, Body::from_stream(chunks)).into_response()
}

/// The picture with a comment behind its first bytes; the rest is not copied.
fn numbered(picture: &Bytes, number: &str) -> [Bytes; 2] {
    let mut start = Vec::with_capacity(80);
    // The signature of a JPEG; that of a PNG and its first chunk.
    let at = if picture.starts_with(&[0xff, 0xd8]) { 2 } else { 33 };
    start.extend_from_slice(&picture[..at]);
    if at == 2 {
        start.extend_from_slice(&[0xff, 0xfe]);
        start.extend_from_slice(&u16::try_from(number.len() + 2).unwrap_or(2).to_be_bytes());
        start.extend_from_slice(number.as_bytes());
    } else {
        let text = [b"tEXtComment\0", number.as_bytes()].concat();
        start.extend_from_slice(&u32::try_from(text.len() - 4).unwrap_or(0).to_be_bytes());
        start.extend_from_slice(&text);
        start.extend_from_slice(&crc32fast::hash(&text).to_be_bytes());
    }
    [start.into(), picture.slice(at..)]
}

fn refused(why: &str) -> Response {
    (StatusCode::OK, Json(json!({ "code": 1_000_001, "message": why }))).into_response()
}
