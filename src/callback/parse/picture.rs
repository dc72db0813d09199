//! Photos as text: data URI, base64, photokey, URL, or a list of those.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::{MAX_IMAGES, PushedImage, json};
use crate::{
    photo::{given_name, key},
    picture::inspect,
};

/// Base64 without a picture signature counts as a picture from this length. Shorter texts are words ("null").
const LONG_ENOUGH: usize = 512;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Parameter names of photos: `images`, `images[]`, `images[3]`.
pub(super) fn is_images(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let index = name.strip_prefix("images").map(|rest| rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')));
    match index {
        Some(Some(index)) => index.bytes().all(|b| b.is_ascii_digit()),
        Some(None) => name == "images",
        None => false,
    }
}

/// The parameter `file`. It is a photo only if its content looks like one.
pub(super) fn is_file(name: &str) -> bool {
    let name = name.trim();
    name.eq_ignore_ascii_case("file") || name.eq_ignore_ascii_case("file[]")
}

/// Returns the photos of one value. Empty if the value is empty.
pub(super) fn read(value: &str) -> Vec<PushedImage> {
    let value = value.trim();
    if value.starts_with('[') && json::is_valid(value) {
        return json::elements(value, MAX_IMAGES + 1).into_iter().filter_map(element).collect();
    }
    if value.starts_with('{') && json::is_valid(value) {
        return element(value).into_iter().collect();
    }
    // The text of a Java list: [a, b].
    let listed = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
    if is_data(listed) || is_address(listed) {
        return image_of_text(listed).into_iter().collect();
    }
    listed.split(',').take(MAX_IMAGES + 1).filter_map(image_of_text).collect()
}

/// Reads an element of a JSON list: a text, or an object that contains one.
fn element(value: &str) -> Option<PushedImage> {
    if !value.starts_with('{') {
        return image_of_text(&json::text(value)?);
    }
    let members = json::members(value, 100);
    let member = |names: &[&str]| {
        let named = |(key, _): &&(String, &str)| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        members.iter().find(named).and_then(|(_, value)| json::text(value)).filter(|text| !text.is_empty())
    };
    let Some(text) = member(&["photokey", "base64", "content", "data", "image", "url"]) else {
        return Some(unreadable(value));
    };
    let mut image = image_of_text(&text)?;
    if let PushedImage::Bytes { file_name, .. } = &mut image {
        *file_name = member(&["fileName", "name"]).as_deref().and_then(given_name::basename);
    }
    Some(image)
}

fn image_of_text(text: &str) -> Option<PushedImage> {
    let text = text.trim().trim_matches('"').trim();
    if text.is_empty() {
        None
    } else if key::is_key(text) {
        Some(PushedImage::Photokey(text.to_owned()))
    } else if is_address(text) {
        Some(PushedImage::Url(text.to_owned()))
    } else {
        let bytes = if is_data(text) { data(text) } else { base64(text.as_bytes()).filter(|bytes| is_likely(bytes)) };
        let image = bytes.map(|bytes| PushedImage::Bytes { bytes: bytes.into(), file_name: None });
        Some(image.unwrap_or_else(|| unreadable(text)))
    }
}

fn unreadable(text: &str) -> PushedImage {
    let start: String = text.chars().take(80).collect();
    PushedImage::Unreadable(format!("{} bytes of text that is not a photo: {start}", text.len()))
}

fn is_address(text: &str) -> bool {
    let starts = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    starts("http://") || starts("https://")
}

fn is_data(text: &str) -> bool {
    text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"))
}

fn data(text: &str) -> Option<Vec<u8>> {
    let (head, payload) = text.split_once(',')?;
    let bytes = if head.to_ascii_lowercase().ends_with(";base64") {
        // The payload may be percent-encoded once more.
        let payload: Vec<u8> = percent_decode_str(payload).collect();
        base64(&payload)?
    } else {
        percent_decode_str(payload).collect()
    };
    (!bytes.is_empty()).then_some(bytes)
}

/// Decodes standard or URL-safe base64, padded or not. A blank may be a `+` that a form has decoded, or only a blank.
/// The reading that gives a whole picture is used, else the one that gives a valid length.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let plus = decode(text, Some(b'+'));
    if !text.contains(&b' ') {
        return plus;
    }
    let count = |of: &[u8]| text.iter().filter(|b| of.contains(b)).count();
    let digits = text.len() - count(b"\r\n\t");
    let blanks = count(b" ");
    let worth = |bytes: &[u8], digits: usize| (is_whole(bytes), digits.is_multiple_of(4));
    match (plus, decode(text, None)) {
        (Some(plus), Some(blank)) => {
            Some(if worth(&blank, digits - blanks) > worth(&plus, digits) { blank } else { plus })
        }
        (plus, blank) => plus.or(blank),
    }
}

fn decode(text: &[u8], blank: Option<u8>) -> Option<Vec<u8>> {
    let standard = |b: &u8| match b {
        b' ' => blank,
        b'\r' | b'\n' | b'\t' => None,
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b => Some(*b),
    };
    let text: Vec<u8> = text.iter().filter_map(standard).collect();
    BASE64.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

fn is_likely(bytes: &[u8]) -> bool {
    is_known(bytes) || bytes.len() >= LONG_ENOUGH
}

/// Returns true if the bytes are a picture of a known format.
pub(super) fn is_known(bytes: &[u8]) -> bool {
    inspect::is_picture(bytes)
}

/// Returns true if the bytes begin and end like a JPEG or PNG.
fn is_whole(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xd8\xff") && bytes.ends_with(b"\xff\xd9")
        || bytes.starts_with(b"\x89PNG") && bytes.ends_with(b"IEND\xae\x42\x60\x82")
}

/// Reads the content of a file. An empty file is not a photo.
pub(super) fn of_file(content: Vec<u8>, file_name: Option<&str>) -> PushedImage {
    let file_name = file_name.and_then(given_name::basename);
    if content.is_empty() {
        return PushedImage::Unreadable(format!("empty file {}", file_name.unwrap_or_default()).trim_end().to_owned());
    }
    PushedImage::Bytes { bytes: Bytes::from(content), file_name }
}
