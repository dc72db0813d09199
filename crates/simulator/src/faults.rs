//! Faults that hit the reading endpoints: how often, for which photos, and what they do to an answer.

use std::{convert::Infallible, io, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

/// Which endpoint a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    Image,
    Detail,
    Zip,
    /// Applying, appending and finishing.
    Apply,
    /// Files: stamped ones and photos that were missing.
    Upload,
    /// Every signed endpoint.
    Any,
}

impl Target {
    fn hits(self, path: &str) -> bool {
        match self {
            Self::Image => path == "/seal/apply/image",
            Self::Detail => path == "/seal/apply/detail",
            Self::Zip => path == "/seal/apply/images/download",
            Self::Apply => ["multiple", "mulitipleByCategory", "append", "finish"]
                .iter()
                .any(|last| path.strip_prefix("/seal/apply/") == Some(last)),
            Self::Upload => {
                matches!(path, "/seal/apply/used/file" | "/seal/apply/used/images" | "/seal/apply/images")
            }
            Self::Any => true,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum FaultKind {
    /// This status with a short text.
    Status { status: u16 },
    /// A page with the words `HTTP ERROR`, with this status.
    Html { status: u16 },
    /// `{"code","message"}` with status 200.
    JsonError { code: i64, message: String },
    /// Status 200 and no body.
    Empty,
    /// The whole length is declared, half is sent, then the connection ends.
    Cut,
    /// Without a length, and the connection ends in the middle.
    CutChunked,
    /// A clean answer that is only the first half, with half the length declared.
    Half,
    /// Right, but without a length.
    Chunked,
    /// Right, but this slow.
    Slow { bytes_per_second: u64 },
    /// 302 to there.
    Redirect { location: String },
    /// This many bytes that begin like a JPEG, without a length.
    Oversize { bytes: u64 },
    /// Never answers.
    Hang,
    /// The connection is dropped without an answer.
    Drop,
    /// Right, but the first byte comes only after this time.
    Late { ms: u64 },
    /// Right bytes under this content type.
    ContentType { value: String },
}

impl FaultKind {
    /// Whether the client can still get the right bytes.
    pub(super) fn harmless(&self) -> bool {
        matches!(self, Self::Chunked | Self::Slow { .. } | Self::Late { .. } | Self::ContentType { .. })
    }
}

/// A fault: what, where and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    pub target: Target,
    pub fault: FaultKind,
    /// Only requests for these photos; all when empty.
    #[serde(default)]
    pub photokeys: Vec<String>,
    /// How many requests it still hits; without end when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests pass before it begins.
    #[serde(default)]
    pub after: u32,
}

impl Fault {
    /// Hits every matching request until it is taken away.
    #[must_use]
    pub fn always(target: Target, fault: FaultKind) -> Self {
        Self { target, fault, photokeys: Vec::new(), times: None, after: 0 }
    }

    /// Hits the next `times` matching requests.
    #[must_use]
    pub fn times(target: Target, fault: FaultKind, times: u32) -> Self {
        Self { times: Some(times), ..Self::always(target, fault) }
    }

    /// Hits only these photos.
    #[must_use]
    pub fn only(mut self, photokeys: &[impl AsRef<str>]) -> Self {
        self.photokeys = photokeys.iter().map(|k| k.as_ref().to_owned()).collect();
        self
    }
}

/// Takes the first fault that hits this request, and uses it up by one.
pub(super) fn strike(faults: &mut Vec<Fault>, path: &str, photokey: Option<&str>) -> Option<FaultKind> {
    let hits = |fault: &Fault| {
        fault.target.hits(path)
            && (fault.photokeys.is_empty() || photokey.is_some_and(|key| fault.photokeys.iter().any(|k| k == key)))
    };
    let mut struck = None;
    for fault in faults.iter_mut().filter(|fault| hits(fault)) {
        if fault.after > 0 {
            fault.after -= 1;
            continue;
        }
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
        }
        struck = Some(fault.fault.clone());
        break;
    }
    faults.retain(|fault| fault.times != Some(0));
    struck
}

/// The answer of a fault that does not look at the request at all.
pub(super) fn instead(kind: &FaultKind) -> Option<Response<Body>> {
    match kind {
        FaultKind::Status { status } => Some(plain(
            StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            "text/plain",
            "error",
        )),
        FaultKind::Html { status } => {
            Some(html(StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)))
        }
        FaultKind::JsonError { code, message } => {
            let body = serde_json::json!({ "code": code, "message": message }).to_string();
            Some(plain(StatusCode::OK, "application/json;charset=UTF-8", body))
        }
        FaultKind::Empty => Some(plain(StatusCode::OK, "image/png", Bytes::new())),
        FaultKind::Redirect { location } => {
            let mut response = plain(StatusCode::FOUND, "text/html", Bytes::new());
            if let Ok(location) = HeaderValue::from_str(location) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            Some(response)
        }
        FaultKind::Oversize { bytes } => {
            let body = Body::from_stream(endless(*bytes));
            Some(typed(StatusCode::OK, "image/jpeg", body))
        }
        _ => None,
    }
}

fn endless(bytes: u64) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let mut piece = vec![0x55_u8; 64 * 1024];
    piece[..4].copy_from_slice(&[0xff, 0xd8, 0xff, 0xe0]);
    let piece = Bytes::from(piece);
    stream::unfold(bytes, move |left| {
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        let next = (size > 0).then(|| (Ok(piece.slice(..size)), left - size as u64));
        std::future::ready(next)
    })
}

/// The vendor's page for an error, as its servlet container writes it.
pub(super) fn html(status: StatusCode) -> Response<Body> {
    let code = status.as_u16();
    let reason = status.canonical_reason().unwrap_or("Error");
    let page = format!(
        "<html>\n<head><title>Error {code} {reason}</title></head>\n<body><h2>HTTP ERROR {code}</h2>\n\
         <p>Problem accessing the request. Reason: <pre>{reason}</pre></p><hr>Powered by Jetty://</body>\n</html>\n"
    );
    plain(status, "text/html;charset=utf-8", page)
}

fn plain(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    typed(status, kind, body.into())
}

fn typed(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Bytes as a body with this fault (or none) in it. `sent` runs when the last piece is handed to the connection.
pub(super) fn body(
    bytes: Bytes,
    fault: Option<&FaultKind>,
    sent: impl FnOnce() + Send + 'static,
) -> (Option<usize>, Body) {
    let whole = bytes.len();
    match fault {
        Some(FaultKind::Cut) => (Some(whole), broken(bytes.slice(..whole / 2), sent)),
        Some(FaultKind::CutChunked) => (None, broken(bytes.slice(..whole / 2), sent)),
        Some(FaultKind::Half) => (Some(whole / 2), pieces(bytes.slice(..whole / 2), 64 * 1024, None, sent)),
        Some(FaultKind::Chunked) => (None, pieces(bytes, 16 * 1024, None, sent)),
        Some(FaultKind::Slow { bytes_per_second }) => {
            let piece = usize::try_from(*bytes_per_second / 10).unwrap_or(usize::MAX).max(1);
            (Some(whole), pieces(bytes, piece, Some(Duration::from_millis(100)), sent))
        }
        _ => (Some(whole), pieces(bytes, 64 * 1024, None, sent)),
    }
}

fn pieces(bytes: Bytes, size: usize, pause: Option<Duration>, sent: impl FnOnce() + Send + 'static) -> Body {
    let stream = stream::unfold((bytes, Some(sent)), move |(mut left, mut sent)| async move {
        if left.is_empty() {
            // An empty body has no last piece.
            if let Some(sent) = sent.take() {
                sent();
            }
            return None;
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        let piece = left.split_to(size.min(left.len()));
        if left.is_empty()
            && let Some(sent) = sent.take()
        {
            sent();
        }
        Some((Ok::<_, Infallible>(piece), (left, sent)))
    });
    Body::from_stream(stream)
}

fn broken(bytes: Bytes, sent: impl FnOnce() + Send + 'static) -> Body {
    let end = stream::once(async move {
        // What was written must reach the client before the connection ends.
        tokio::time::sleep(Duration::from_millis(30)).await;
        drop(sent);
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    Body::from_stream(stream::once(std::future::ready(Ok(bytes))).chain(end))
}
