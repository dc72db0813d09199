//! Detects the format of a body by its content, independent of its header, and reads the parameters.

use super::{MAX_PARAMS, PushedImage, form, json, multipart, parts, picture};
use crate::{
    picture::inspect::is_text,
    provider::{charset, header},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Empty,
    Multipart,
    Json,
    /// A bare picture.
    Picture,
    Form,
    Unknown,
}

#[derive(Debug)]
pub(super) struct Body {
    pub(super) format: Format,
    pub(super) pairs: Vec<(String, String)>,
    pub(super) files: Vec<PushedImage>,
    pub(super) problem: Option<String>,
}

impl Body {
    pub(super) fn of(format: Format) -> Self {
        Self { format, pairs: Vec::new(), files: Vec::new(), problem: None }
    }

    fn unknown(problem: &str) -> Self {
        Self { problem: Some(problem.to_owned()), ..Self::of(Format::Unknown) }
    }
}

pub(super) fn read(content_type: Option<&str>, body: &[u8]) -> Body {
    let kind = content_type.map(header::kind).unwrap_or_default();
    let declared = content_type.and_then(|value| header::parameter(value, "charset"));
    let declared = declared.as_deref();
    if body.trim_ascii().is_empty() {
        return Body::of(Format::Empty);
    }
    if let Some(boundary) = multipart::boundary(content_type, body) {
        return parts::read(body, &boundary, declared);
    }
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    let like_json = matches!(start.first(), Some(b'{' | b'[' | b'"'));
    if like_json || kind.contains("json") {
        let text = json::unquoted(charset::decode(body, declared));
        if json::is_valid(&text) {
            return of_json(&text);
        }
        if start.starts_with(b"\"") && text.contains('=') {
            return Body { pairs: form::pairs(text.as_bytes(), None), ..Body::of(Format::Form) };
        }
    }
    if picture::is_known(body) || kind.starts_with("image/") && !is_text(body) {
        return Body { files: vec![picture::of_file(body.to_vec(), None)], ..Body::of(Format::Picture) };
    }
    match kind.as_str() {
        "application/x-www-form-urlencoded" => {}
        _ if like_json || kind.contains("json") => return Body::unknown("invalid JSON"),
        _ if kind.starts_with("multipart/") => return Body::unknown("multipart body without a boundary"),
        _ if !body.contains(&b'=') => return Body::unknown("unknown body format"),
        _ => {}
    }
    Body { pairs: form::pairs(body, declared), ..Body::of(Format::Form) }
}

pub(super) fn of_json(text: &str) -> Body {
    let mut body = Body::of(Format::Json);
    let objects = if text.trim_start().starts_with('[') { json::elements(text, MAX_PARAMS) } else { vec![text] };
    for object in objects {
        for (key, value) in unwrapped(object) {
            push_values(&mut body.pairs, &key, value);
        }
        if body.pairs.len() > MAX_PARAMS {
            break;
        }
    }
    if body.pairs.is_empty() {
        body.problem = Some("JSON without members".to_owned());
    }
    body
}

/// Returns the members of an object. Adds those of an inner object if only that one names the business.
fn unwrapped(object: &str) -> Vec<(String, &str)> {
    let mut members = json::members(object, MAX_PARAMS + 1);
    if !names_business(&members) {
        let inner = members
            .iter()
            .filter(|(_, value)| value.starts_with('{'))
            .map(|(_, value)| json::members(value, MAX_PARAMS + 1))
            .find(|inner| names_business(inner));
        members.extend(inner.into_iter().flatten());
    }
    members
}

/// Each item of a list is one value of the parameter. A null adds no value.
fn push_values(pairs: &mut Vec<(String, String)>, key: &str, value: &str) {
    if !value.starts_with('[') {
        pairs.extend(json::text(value).map(|text| (key.to_owned(), text)));
        return;
    }
    let elements = json::elements(value, MAX_PARAMS + 1);
    if elements.is_empty() {
        pairs.push((key.to_owned(), String::new()));
    }
    pairs.extend(elements.into_iter().filter_map(json::text).map(|text| (key.to_owned(), text)));
}

/// Adds the members of a JSON object that is the value of a parameter, or the name of one (a JSON text sent as a form),
/// if no parameter names the business and the object does.
pub(super) fn add_wrapped(pairs: &mut Vec<(String, String)>) {
    if names_business(pairs) {
        return;
    }
    let object = |text: &str| matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'"'));
    let texts = pairs.iter().filter(|(key, _)| !picture::is_images(key)).filter_map(|(key, value)| {
        if object(value) { Some(value) } else { Some(key).filter(|key| value.is_empty() && object(key)) }
    });
    let inner = texts.map(|text| json::unquoted(text.clone())).filter(|text| json::is_valid(text));
    let inner = inner.map(|text| of_json(&text).pairs).find(|inner| names_business(inner));
    pairs.extend(inner.into_iter().flatten());
}

fn names_business<T>(members: &[(String, T)]) -> bool {
    let is_name = |key: &str| ["businessId", "encrypted"].iter().any(|name| key.trim().eq_ignore_ascii_case(name));
    members.iter().any(|(key, _)| is_name(key))
}
