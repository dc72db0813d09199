//! The callbacks' shapes on the wire: P1, P2, P3 and W, urlencoded, as JSON or as multipart.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    api::photos::made,
    clock::Timestamp,
    engine::Engine,
    knobs::{Encoding, EndShape, Knobs, ParamsIn},
    state::{Auth, Business, Content, Notice, Pending, Photo},
};

/// One request as it goes out, for callbacks that a test writes itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RawCallback {
    /// Whole address, query included.
    pub url: String,
    /// `POST` when empty.
    pub method: String,
    pub content_type: Option<String>,
    #[serde(with = "as_text")]
    pub body: Bytes,
}

mod as_text {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(body))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        String::deserialize(deserializer).map(Bytes::from)
    }
}

/// What became of one sent callback.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Absent for callbacks that a test wrote itself.
    pub id: Option<u64>,
    pub notice: Option<Notice>,
    pub url: String,
    pub attempt: u32,
    pub at: Timestamp,
    /// HTTP status; absent when there was no answer.
    pub status: Option<u16>,
    /// The answer's first 2,000 characters, or the error.
    pub answer: String,
    /// Whether it counts as received.
    pub taken: bool,
}

enum Parameter {
    Text(String),
    Files(Vec<(String, Bytes)>),
}

type Parameters = Vec<(String, Parameter)>;

/// The request that tells this notice. None when its business is gone.
pub(super) async fn request(engine: &Engine, knobs: &Knobs, pending: &Pending) -> Option<RawCallback> {
    let business = engine.business(pending.notice.business()).ok()?;
    let mut query = Vec::new();
    let mut parameters = vec![("businessId".to_owned(), Parameter::Text(business.id.clone()))];
    let encoding = match &pending.notice {
        Notice::Ended { status, .. } => {
            parameters.push(text("status", status.as_str()));
            query = end(engine, knobs, &business, &mut parameters).await;
            knobs.callback.end_encoding
        }
        Notice::Pushed { auth, kind, photokeys, .. } => {
            parameters.extend(person(business.auths.iter().find(|a| a.id == *auth)?));
            parameters.push(text("imageType", kind.as_str()));
            let photos = business.photos.iter().filter(|p| photokeys.contains(&p.photokey));
            parameters.push(("images".to_owned(), files(photos).await));
            // A push that a test asked for although pushing is off.
            if knobs.callback.push == Encoding::Off { Encoding::Multipart } else { knobs.callback.push }
        }
        Notice::Remaining { auth, left, .. } => {
            parameters.extend(person(business.auths.iter().find(|a| a.id == *auth)?));
            parameters.push(text("leftCount", &left.to_string()));
            parameters.push(text("timestamp", &engine.now().milliseconds().to_string()));
            knobs.callback.remaining
        }
    };
    let url = with_query(&pending.url, &query);
    let boundary = format!("----QysBoundary{:016x}", pending.id);
    let (content_type, body) = encoded(&parameters, encoding, knobs, &boundary);
    Some(RawCallback { url, method: "POST".to_owned(), content_type: Some(content_type), body })
}

/// Adds what the end carries besides the status. Returns the custom parameters that go into the address.
async fn end(
    engine: &Engine,
    knobs: &Knobs,
    business: &Business,
    parameters: &mut Parameters,
) -> Vec<(String, String)> {
    let mut query = Vec::new();
    if knobs.callback.end_shape == EndShape::W {
        parameters.extend(operator(business));
        let custom = knobs.callback.params();
        match knobs.callback.params_in {
            ParamsIn::Query => query = custom,
            ParamsIn::Body => parameters.extend(custom.into_iter().map(|(k, v)| (k, Parameter::Text(v)))),
        }
    }
    if knobs.callback.inline_images {
        let now = engine.now();
        let photos = business.photos.iter().filter(|p| p.exists(now));
        parameters.push(("images".to_owned(), files(photos).await));
    }
    query
}

fn text(name: &str, value: &str) -> (String, Parameter) {
    (name.to_owned(), Parameter::Text(value.to_owned()))
}

fn person(auth: &Auth) -> [(String, Parameter); 2] {
    [text("number", &auth.number), text("mobile", &auth.contact)]
}

fn operator(business: &Business) -> Vec<(String, Parameter)> {
    let auth = business.auths.first();
    auth.map(|a| vec![text("operatorName", &a.user_name), text("operatorMobile", &a.contact)]).unwrap_or_default()
}

async fn files(photos: impl Iterator<Item = &Photo>) -> Parameter {
    let mut files = Vec::new();
    let contents: Vec<(String, Content)> = photos
        .enumerate()
        .map(|(index, photo)| (format!("{}图片{}.jpg", photo.kind.label(), index + 1), photo.content.clone()))
        .collect();
    for (name, content) in contents {
        files.push((name, made(content).await));
    }
    Parameter::Files(files)
}

fn with_query(url: &str, query: &[(String, String)]) -> String {
    let mut whole = url.to_owned();
    for (name, value) in query {
        whole.push(if whole.contains('?') { '&' } else { '?' });
        for (index, part) in [name, value].into_iter().enumerate() {
            whole.push_str(if index == 1 { "=" } else { "" });
            whole.extend(percent_encode(part.as_bytes(), NON_ALPHANUMERIC));
        }
    }
    whole
}

/// Content type and body.
fn encoded(parameters: &Parameters, encoding: Encoding, knobs: &Knobs, boundary: &str) -> (String, Bytes) {
    let gbk = knobs.callback.gbk;
    let charset = if gbk { "GBK" } else { "UTF-8" };
    match encoding {
        Encoding::Json => {
            let body = json(parameters, knobs.ids_as_numbers).to_string();
            (format!("application/json;charset={charset}"), in_charset(&body, gbk).into())
        }
        Encoding::Multipart => {
            (format!("multipart/form-data; boundary={boundary}"), multipart(parameters, gbk, boundary).into())
        }
        Encoding::Urlencoded | Encoding::Off => {
            (format!("application/x-www-form-urlencoded;charset={charset}"), urlencoded(parameters, gbk).into())
        }
    }
}

fn in_charset(text: &str, gbk: bool) -> Vec<u8> {
    if gbk { encoding_rs::GBK.encode(text).0.into_owned() } else { text.as_bytes().to_vec() }
}

fn json(parameters: &Parameters, ids_as_numbers: bool) -> Value {
    let value = |name: &str, parameter: &Parameter| match parameter {
        Parameter::Text(text) => match text.parse::<u64>() {
            Ok(number) if ids_as_numbers && name == "businessId" => number.into(),
            _ => text.as_str().into(),
        },
        Parameter::Files(files) => files.iter().map(|(_, bytes)| BASE64_STANDARD.encode(bytes)).collect(),
    };
    Value::Object(parameters.iter().map(|(n, p)| (n.clone(), value(n, p))).collect::<Map<_, _>>())
}

fn urlencoded(parameters: &Parameters, gbk: bool) -> String {
    let mut pairs = Vec::new();
    for (name, parameter) in parameters {
        match parameter {
            Parameter::Text(text) => pairs.push((name, in_charset(text, gbk))),
            Parameter::Files(files) => {
                pairs.extend(files.iter().map(|(_, bytes)| (name, BASE64_STANDARD.encode(bytes).into_bytes())));
            }
        }
    }
    let written = pairs.iter().map(|(name, value)| format!("{name}={}", percent_encode(value, NON_ALPHANUMERIC)));
    written.collect::<Vec<_>>().join("&")
}

fn multipart(parameters: &Parameters, gbk: bool, boundary: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, parameter) in parameters {
        match parameter {
            Parameter::Text(text) => {
                let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
                out.extend(head.into_bytes());
                out.extend(in_charset(text, gbk));
                out.extend(b"\r\n");
            }
            Parameter::Files(files) => {
                for (file, bytes) in files {
                    let head = format!(
                        "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\
                         Content-Type: application/octet-stream\r\n\r\n"
                    );
                    out.extend(in_charset(&head, gbk));
                    out.extend(bytes);
                    out.extend(b"\r\n");
                }
            }
        }
    }
    out.extend(format!("--{boundary}--\r\n").into_bytes());
    out
}
