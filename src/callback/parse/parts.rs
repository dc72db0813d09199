//! The parts of a multipart body: parameters, JSON objects of parameters, files, and multiparts within.

use std::borrow::Cow;

use super::{
    MAX_PARTS, PushedImage,
    body::{Body, Format, of_json},
    json,
    multipart::{self, Encoding, Part},
    picture,
};
use crate::{
    picture::inspect::is_text,
    provider::{charset, header},
};

/// A form with a list of files has two levels (RFC 7578, 4.3).
const MAX_DEPTH: usize = 3;

pub(super) fn read(body: &[u8], boundary: &str, declared: Option<&str>) -> Body {
    let mut into = Body::of(Format::Multipart);
    let mut parts = Parts { into: &mut into, declared, left: MAX_PARTS };
    parts.take_all(body, boundary, None, MAX_DEPTH);
    into
}

struct Parts<'a> {
    into: &'a mut Body,
    declared: Option<&'a str>,
    /// The number of parts that are still read.
    left: usize,
}

impl Parts<'_> {
    /// `outer` is the name of the part that contains these parts.
    fn take_all(&mut self, body: &[u8], boundary: &str, outer: Option<&str>, depth: usize) {
        let (parts, problem) = multipart::parts(body, boundary, self.declared, self.left);
        self.left -= parts.len();
        self.into.problem = self.into.problem.take().or(problem);
        for mut part in parts {
            if part.name.is_empty() {
                outer.unwrap_or_default().clone_into(&mut part.name);
            }
            match inner_boundary(&part).filter(|_| depth > 1) {
                Some(inner) => self.take_all(part.content, &inner, Some(&part.name), depth - 1),
                None => self.take(part),
            }
        }
    }

    fn take(&mut self, part: Part<'_>) {
        if is_file(&part) {
            self.into.files.extend(file(&part));
            return;
        }
        if !part.whole {
            return;
        }
        let charset = part.content_type.as_deref().and_then(|value| header::parameter(value, "charset"));
        let text = charset::decode(&content(&part), charset.as_deref().or(self.declared));
        match as_json(&part, &text) {
            Some(object) => self.into.pairs.extend(of_json(&object).pairs),
            None => self.into.pairs.push((part.name, text)),
        }
    }
}

fn inner_boundary(part: &Part<'_>) -> Option<String> {
    let kind = part.content_type.as_deref()?;
    header::kind(kind).starts_with("multipart/").then(|| multipart::boundary(Some(kind), part.content))?
}

fn kind(part: &Part<'_>) -> String {
    part.content_type.as_deref().map(header::kind).unwrap_or_default()
}

/// Returns the parameters that a client sends as one JSON text: declared as JSON, or as a file without a name of its
/// own (`new Blob([json])`). A parameter that is a text of JSON stays one.
fn as_json(part: &Part<'_>, text: &str) -> Option<String> {
    let declared = kind(part).contains("json");
    if picture::is_images(&part.name) || !declared && part.file_name.is_none() {
        return None;
    }
    let text = json::unquoted(text.to_owned());
    (text.trim_start().starts_with(['{', '[']) && json::is_valid(&text) && !of_json(&text).pairs.is_empty())
        .then_some(text)
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
    let kind = kind(part);
    if TEXTS.iter().any(|name| part.name.eq_ignore_ascii_case(name)) {
        return false;
    }
    // Browsers name a part without a file name `blob`.
    let named = part.file_name.as_deref().is_some_and(|name| !matches!(name.trim(), "" | "blob"));
    let text = part.encoding != Encoding::Base64 && !kind.starts_with("image/") && is_text(part.content);
    if text && (!named || kind.contains("json") && json::is_valid(&charset::decode(part.content, None))) {
        return false;
    }
    part.file_name.is_some()
        || kind.starts_with("image/")
        || kind == "application/octet-stream"
        || picture::is_known(part.content)
}

fn file(part: &Part<'_>) -> Option<PushedImage> {
    let file_name = part.file_name.as_deref();
    if !part.whole {
        // The hash of a truncated photo differs from the hash of the complete photo. So yinku does not store it.
        return Some(PushedImage::Unreadable(format!("truncated after {} bytes", part.content.len())));
    }
    // The file input of a form without a chosen file.
    let nothing_chosen = part.content.is_empty() && file_name.is_none_or(str::is_empty);
    (!nothing_chosen).then(|| picture::of_file(content(part).into_owned(), file_name))
}

fn content<'a>(part: &Part<'a>) -> Cow<'a, [u8]> {
    match part.encoding {
        Encoding::Binary => None,
        Encoding::Base64 => picture::base64(part.content).map(Cow::Owned),
        Encoding::QuotedPrintable => Some(Cow::Owned(quoted_printable(part.content))),
    }
    .unwrap_or(Cow::Borrowed(part.content))
}

/// RFC 2045, 6.7. What is no escape stays as it is.
fn quoted_printable(mut text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, escaped) {
            (b'=', Some(byte)) => {
                bytes.push(byte);
                text = &rest[2..];
            }
            (b'=', None) if rest.starts_with(b"\r\n") => text = &rest[2..],
            (b'=', None) if rest.starts_with(b"\n") => text = &rest[1..],
            _ => {
                bytes.push(*first);
                text = rest;
            }
        }
    }
    bytes
}
