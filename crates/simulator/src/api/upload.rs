//! What others bring to the vendor: documents, missing photos, stamped files.

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use http::HeaderMap;
use md5::{Digest, Md5};
use serde_json::json;

use super::{Answer, Refusal, done, id, success};
use crate::{
    engine::Engine,
    form::{Form, Upload},
    photo::Kind,
    state::{Content, Document, UsedFile},
};

pub(super) async fn document(State(engine): State<Arc<Engine>>, headers: HeaderMap, body: Bytes) -> Answer {
    const TAKEN: [&str; 9] = ["doc", "docx", "txt", "pdf", "png", "gif", "jpg", "jpeg", "tiff"];
    let form = Form::read(&headers, body).await?;
    let title = form.required("title")?.to_owned();
    let file = form.files.iter().find(|f| f.part == "file").ok_or_else(|| Refusal::parameter("file"))?;
    if !suffix_in(&file.name, &TAKEN) && !suffix_in(&file.name, &["html"]) {
        return Err(Refusal::parameter("file 文件类型不支持"));
    }
    let bytes = file.bytes.len() as u64;
    let made = engine.edit(|world| {
        let id = world.next_id();
        world.documents.push(Document { id: id.clone(), title, bytes });
        id
    });
    Ok(success("documentId", id(&made, &engine.knobs())))
}

pub(super) async fn late(State(engine): State<Arc<Engine>>, headers: HeaderMap, body: Bytes) -> Answer {
    let form = Form::read(&headers, body).await?;
    let kind = match form.get("type") {
        None => Kind::Signatory,
        Some(text) => Kind::parse(text).filter(|k| *k != Kind::Emergency).ok_or_else(|| Refusal::parameter("type"))?,
    };
    let images: Vec<&Upload> = form.files.iter().filter(|f| f.part == "images" || f.part == "file").collect();
    if images.is_empty() {
        return Err(Refusal::parameter("images"));
    }
    let (business, auth) = whose(&engine, &form)?;
    let (keys, _) = engine.change(|scene| {
        let count = u32::try_from(images.len()).unwrap_or(u32::MAX);
        let keys = scene.photos(&business, &auth, kind, count, None)?;
        for (key, image) in keys.iter().zip(&images) {
            if let Some(photo) = scene.world.photo_mut(key) {
                photo.content = Content::given(&image.bytes);
            }
        }
        Ok((keys, Vec::new()))
    })?;
    Ok(success("result", json!(keys)))
}

/// The auth that late photos belong to: by its id, or by business and person.
fn whose(engine: &Engine, form: &Form) -> Result<(String, String), Refusal> {
    let unknown = || Refusal::parameter("sealAuthId 授权不存在");
    if let Some(auth) = form.get("sealAuthId") {
        let business = engine
            .read(|world| world.businesses.iter().find(|b| b.auths.iter().any(|a| a.id == auth)).map(|b| b.id.clone()));
        return Ok((business.ok_or_else(unknown)?, auth.to_owned()));
    }
    let business = engine.business(form.required("businessId")?)?;
    let (contact, number) = form.contact()?;
    let auth = business
        .auths
        .iter()
        .find(|a| (!contact.is_empty() && a.contact == contact) || (!number.is_empty() && a.number == number));
    Ok((business.id.clone(), auth.ok_or_else(unknown)?.id.clone()))
}

pub(super) async fn used_images(State(engine): State<Arc<Engine>>, headers: HeaderMap, body: Bytes) -> Answer {
    used(&engine, &Form::read(&headers, body).await?, "images", &["jpg", "jpeg", "gif", "png", "tiff"])
}

pub(super) async fn used_file(State(engine): State<Arc<Engine>>, headers: HeaderMap, body: Bytes) -> Answer {
    used(&engine, &Form::read(&headers, body).await?, "file", &["docx", "pdf"])
}

fn used(engine: &Engine, form: &Form, part: &'static str, suffixes: &[&str]) -> Answer {
    let (business, title) = (form.required("businessId")?, form.required("title")?);
    engine.business(business)?;
    let files: Vec<&Upload> = form.files.iter().filter(|f| f.part == part).collect();
    if files.is_empty() {
        return Err(Refusal::parameter(part));
    }
    if files.iter().any(|f| !suffix_in(&f.name, suffixes)) {
        return Err(Refusal::parameter(format!("{part} 文件类型不支持")));
    }
    engine.edit(|world| {
        let Some(business) = world.business_mut(business) else { return };
        business.used_files.extend(files.iter().map(|file| UsedFile {
            title: title.to_owned(),
            name: file.name.clone(),
            bytes: file.bytes.len() as u64,
            md5: hex::encode(Md5::digest(&file.bytes)),
        }));
    });
    Ok(done())
}

fn suffix_in(name: &str, suffixes: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, suffix)| suffixes.contains(&suffix.to_ascii_lowercase().as_str()))
}
