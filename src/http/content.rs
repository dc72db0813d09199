//! The bytes of documents: originals with Range and a strong ETag, thumbnails with an unlimited cache time.

mod accel;
pub(super) mod range;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{accel::Accel, range::Validators};
use super::{
    Code, Edge, Problem,
    input::{Id, Segments},
    session::CurrentUser,
};
use crate::{
    content::{download, thumbnails},
    id::DocumentId,
    library::rights::Right,
    store::StoreKey,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(content)).routes(routes!(thumbnail_of))
}

/// The original bytes. Supports one Range, If-Range, If-Match, If-None-Match and
/// If-Unmodified-Since. The ETag is the BLAKE3 hash. The service writes
/// the download to the audit log before it sends the first byte.
#[utoipa::path(get, path = "/api/documents/{id}/content", params(("id" = DocumentId, Path)), responses((status = 200, content_type = "*/*", description = "All bytes, with the content type of the file."), (status = 206, content_type = "*/*", description = "The requested range."), (status = 304), (status = 403, body = Problem), (status = 404, body = Problem), (status = 412, body = Problem), (status = 416), (status = 500, body = Problem), (status = 503, body = Problem)))]
async fn content(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<DocumentId>,
    accel: Accel,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let document =
        edge.permission_cache.readable_document(&edge.app, id, &user).await?.ok_or_else(Problem::not_found)?;
    if !document.allows(Right::Download) {
        return Err(Problem::forbidden());
    }
    let size = u64::try_from(document.bytes).unwrap_or(0);
    let etag = format!("\"{}\"", document.blake3);
    let validators = Validators { etag: &etag, modified: document.received_at };
    let (status, range) = match range::select(&method, &headers, validators, size) {
        Ok(selection) => selection,
        Err(without_bytes) => return Ok(*without_bytes),
    };
    let part =
        (status == StatusCode::PARTIAL_CONTENT).then(|| format!("bytes {}-{}/{size}", range.start, range.end - 1));
    // HEAD sends no bytes, so it writes no audit entry.
    let part = (method == Method::GET).then_some(part.as_deref().unwrap_or("whole"));
    let place = accel.place(&document.store_key);
    let body = if place.is_some() {
        download::hand_over(&edge.app, &user, &document, part).await?;
        Body::empty()
    } else {
        Body::from_stream(download::open(&edge.app, &user, &document, range.clone(), part).await?)
    };
    let content_type = download::content_type(&edge.app.store, &document).await;
    let mut response = (status, body).into_response();
    let set = response.headers_mut();
    range::describe(set, status, &range, size, validators);
    range::insert(set, header::CONTENT_TYPE, &content_type);
    // A browser must not run scripts of an original, whatever its type.
    set.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    let name = utf8_percent_encode(&document.name, NON_ALPHANUMERIC);
    range::insert(set, header::CONTENT_DISPOSITION, &format!("inline; filename*=UTF-8''{name}"));
    Ok(accel::sent_from(place, response))
}

/// A thumbnail as JPEG. The bytes of a URL never change, so clients may cache them without limit for one login.
#[utoipa::path(get, path = "/api/documents/{id}/thumbnail/{size}", params(("id" = DocumentId, Path), ("size" = u32, Path)), responses((status = 200, content_type = "image/jpeg"), (status = 304), (status = 404, body = Problem), (status = 412, body = Problem), (status = 503, body = Problem)))]
async fn thumbnail_of(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Segments((id, size)): Segments<(String, u32)>,
    accel: Accel,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id: DocumentId = id.parse().map_err(|_| Problem::not_found())?;
    let document =
        edge.permission_cache.readable_document(&edge.app, id, &user).await?.ok_or_else(Problem::not_found)?;
    let sizes = &edge.app.config.thumbnail.sizes;
    if !sizes.contains(&size) || document.undecodable.is_some() {
        let cause = document.undecodable.clone().unwrap_or_else(|| format!("The size is not one of {sizes:?}."));
        let detail = format!("{cause} Download the original.");
        return Err(Problem::new(Code::NoThumbnail, detail));
    }
    let etag = format!("\"{}-{size}\"", document.blake3);
    let validators = Validators { etag: &etag, modified: document.received_at };
    if let Some(answer) = range::without_bytes(&headers, validators) {
        return Ok(answer);
    }
    let place = accel.place(&StoreKey::Thumbnail { size, hash: document.blake3.clone() }.to_string());
    let jpeg = if place.is_some() {
        thumbnails::hand_over(&edge.app, &user, &document, size).await?;
        Bytes::new()
    } else {
        thumbnails::view(&edge.app, &user, &document, size).await?
    };
    let cache = "private, max-age=31536000, immutable";
    let headers = [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CACHE_CONTROL, cache),
        (header::ETAG, &etag),
        // The next user of the browser has another session, and gets nothing of this one out of the cache.
        (header::VARY, "cookie, authorization"),
    ];
    let response = ([(header::X_CONTENT_TYPE_OPTIONS, "nosniff")], headers, jpeg).into_response();
    Ok(accel::sent_from(place, response))
}
