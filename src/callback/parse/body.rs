//! Detects the format of a body by its content, independent of its header, and reads the parameters.

use super::{
    MAX_PARAMS, MAX_PARTS, PushedImage, form, header, json,
    multipart::{self, Part},
    picture,
};
use crate::provider::charset;

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
    fn of(format: Format) -> Self {
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
        return of_parts(body, &boundary, declared);
    }
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    let like_json = matches!(start.first(), Some(b'{' | b'['));
    if like_json || kind.contains("json") {
        let text = charset::decode(body, declared);
        if json::is_valid(&text) {
            return of_json(&text);
        }
    }
    if picture::is_known(body) || kind.starts_with("image/") {
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

fn of_json(text: &str) -> Body {
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
    let names_business = |members: &[(String, &str)]| {
        let is_name = |key: &str| ["businessId", "encrypted"].iter().any(|name| key.eq_ignore_ascii_case(name));
        members.iter().any(|(key, _)| is_name(key))
    };
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

/// A list is a repeated parameter. A null is none.
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

fn of_parts(body: &[u8], boundary: &str, declared: Option<&str>) -> Body {
    let (parts, problem) = multipart::parts(body, boundary, declared, MAX_PARTS);
    let mut body = Body { problem, ..Body::of(Format::Multipart) };
    for part in parts {
        if is_file(&part) {
            body.files.extend(file(&part));
        } else if part.whole {
            let charset = part.content_type.as_deref().and_then(|value| header::parameter(value, "charset"));
            let text = charset::decode(&content(&part), charset.as_deref().or(declared));
            body.pairs.push((part.name, text));
        }
    }
    body
}

/// Parameters that some clients send as a file part although they are text.
const TEXTS: [&str; 9] = [
    "businessId",
    "status",
    "number",
    "mobile",
    "imageType",
    "leftCount",
    "timestamp",
    "ecologyOperate",
    "callbackEventType",
];

fn is_file(part: &Part<'_>) -> bool {
    let kind = part.content_type.as_deref().map(header::kind).unwrap_or_default();
    let is_text = TEXTS.iter().any(|name| part.name.eq_ignore_ascii_case(name));
    !is_text
        && (part.file_name.is_some()
            || kind.starts_with("image/")
            || kind == "application/octet-stream"
            || picture::is_known(part.content))
}

fn file(part: &Part<'_>) -> Option<PushedImage> {
    let file_name = part.file_name.as_deref();
    if !part.whole {
        // A truncated photo would never match a complete copy of itself, so it is not stored.
        return Some(PushedImage::Unreadable(format!("truncated after {} bytes", part.content.len())));
    }
    // The file input of a form without a chosen file.
    let nothing_chosen = part.content.is_empty() && file_name.is_none_or(str::is_empty);
    (!nothing_chosen).then(|| picture::of_file(content(part), file_name))
}

fn content(part: &Part<'_>) -> Vec<u8> {
    let decoded = if part.base64 { picture::base64(part.content) } else { None };
    decoded.unwrap_or_else(|| part.content.to_vec())
}
