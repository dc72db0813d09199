//! What a fault does to an answer: another answer instead, or the right bytes cut, slow or without a length.

use std::{convert::Infallible, io, time::Duration};

use axum::body::Body;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::FaultKind;

/// The answer of a fault that does not look at the request at all.
pub(crate) fn instead(kind: &FaultKind) -> Option<Response<Body>> {
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
        FaultKind::Answer { headers, body } => {
            let mut response = Response::new(Body::from(BASE64_STANDARD.decode(body).unwrap_or_default()));
            for (name, value) in headers {
                add(response.headers_mut(), name, value);
            }
            Some(response)
        }
        _ => None,
    }
}

/// Adds a header, unless it cannot be one.
pub(crate) fn add(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        headers.append(name, value);
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
pub(crate) fn html(status: StatusCode) -> Response<Body> {
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
pub(crate) fn body(
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
