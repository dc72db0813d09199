//! Photos, one by one and all in a zip.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;
use http::header;

use super::{Answer, Query, Refusal, required};
use crate::{
    engine::Engine,
    knobs::{ZipKnobs, ZipNames},
    photo::Kind,
    state::{Content, Photo},
    zip::{Entry, Writer},
};

pub(super) async fn image(State(engine): State<Arc<Engine>>, query: Query) -> Answer {
    let photokey = required(&query, "photokey")?;
    let now = engine.now();
    let found = engine.read(|world| world.photo(photokey).filter(|p| p.exists(now)).map(|p| p.content.clone()));
    let bytes = made(found.ok_or_else(|| Refusal::parameter("photokey 图片不存在"))?).await;
    let head = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "no-store, no-cache")];
    Ok((head, bytes).into_response())
}

/// The bytes, drawn off the async threads.
pub(crate) async fn made(content: Content) -> Bytes {
    let drawn = tokio::task::spawn_blocking(move || content.bytes()).await;
    Bytes::from(drawn.unwrap_or_else(|error| {
        tracing::error!(%error, "drawing a photo failed");
        Vec::new()
    }))
}

pub(super) async fn zip(State(engine): State<Arc<Engine>>, query: Query) -> Answer {
    let business = engine.business(required(&query, "businessId")?)?;
    let only = match query.get("photoType").map(String::as_str) {
        None | Some("") => None,
        Some(text) => Some(Kind::parse(text).ok_or_else(|| Refusal::parameter("photoType"))?),
    };
    let (knobs, now) = (engine.knobs().zip, engine.now());
    let only = only.filter(|_| !knobs.zip_ignores_kind);
    let shown = |p: &Photo| p.in_zip && p.exists(now) && only.is_none_or(|kind| kind == p.kind);
    let photos: Vec<Photo> = business.photos.iter().filter(|p| !knobs.zip_empty && shown(p)).cloned().collect();
    if photos.is_empty() && knobs.no_photos_is_error {
        return Err(Refusal::new(1_000_000, "没有图片"));
    }
    let name = format!("attachment;fileName={}.zip ", business.id);
    let head = [(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((head, streamed(photos, knobs)).into_response())
}

/// The zip, one photo in memory at a time.
fn streamed(photos: Vec<Photo>, knobs: ZipKnobs) -> Response {
    let mut writer = Writer::new(knobs.zip_streamed);
    let mut first = Vec::new();
    if knobs.zip_names == ZipNames::Directories && !photos.is_empty() {
        for kind in [Kind::Face, Kind::Signatory, Kind::Emergency] {
            let name = format!("{}/", kind.label()).into_bytes();
            first.extend(writer.entry(&Entry { name, utf8: true, data: Vec::new() }));
        }
    }
    let rest = stream::unfold(
        (Some(writer), photos.into_iter().enumerate(), knobs),
        |(writer, mut photos, knobs)| async move {
            let mut writer = writer?;
            let Some((index, photo)) = photos.next() else {
                return Some((writer.finish(), (None, photos, knobs)));
            };
            let (name, utf8) = named(&photo, index + 1, &knobs);
            let data = made(photo.content).await.into();
            let piece = writer.entry(&Entry { name, utf8, data });
            Some((piece, (Some(writer), photos, knobs)))
        },
    );
    let whole = futures::StreamExt::chain(stream::iter([first]), rest);
    Body::from_stream(futures::StreamExt::map(whole, |piece| Ok::<_, Infallible>(Bytes::from(piece)))).into_response()
}

/// The entry's name as bytes, and whether it is declared UTF-8.
fn named(photo: &Photo, number: usize, knobs: &ZipKnobs) -> (Vec<u8>, bool) {
    let kind = photo.kind.label();
    let plain = format!("{kind}图片_{number:03}_{}.jpg", photo.photokey);
    match knobs.zip_names {
        ZipNames::Utf8 => (plain.into_bytes(), true),
        ZipNames::Gbk => (encoding_rs::GBK.encode(&plain).0.into_owned(), false),
        ZipNames::Traversal => (format!("../../{plain}").into_bytes(), true),
        ZipNames::Duplicate => ("用印图片.jpg".as_bytes().to_vec(), true),
        ZipNames::Backslash => (format!("{kind}\\{plain}").into_bytes(), true),
        ZipNames::Directories => (format!("{kind}/{plain}").into_bytes(), true),
    }
}
