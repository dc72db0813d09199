//! Recognises bodies that are an error answer instead of a photo.

use serde_json::{Map, Value};

/// The reason why a body is not a photo.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnImage {
    #[error("the body is empty")]
    Empty,
    #[error("the body is an HTML page")]
    HtmlPage,
    /// The vendor answers errors with status 200 and `{"code": …, "message": …}`.
    #[error("the body is a JSON answer (code {}): {message}", code.as_deref().unwrap_or("absent"))]
    Json { code: Option<String>, message: String },
}

/// The start of the body that is searched for HTML.
const HEAD: usize = 1024;
/// The longest JSON text that is read. Error answers are short.
const MAX_JSON: usize = 256 * 1024;
const MAX_MESSAGE_CHARS: usize = 200;

/// Recognises bodies that are no image: an empty body, a web page, a JSON answer. `None` means only that the body is
/// none of these.
#[must_use]
pub fn not_an_image(bytes: &[u8]) -> Option<NotAnImage> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    if text.is_empty() {
        return Some(NotAnImage::Empty);
    }
    if is_html(text) {
        return Some(NotAnImage::HtmlPage);
    }
    json(text)
}

fn is_html(text: &[u8]) -> bool {
    // A page in UTF-16 has the same letters after a mark, with zeros between them.
    let head: Vec<u8> =
        text.iter().take(HEAD).filter(|byte| !matches!(byte, 0 | 0xFE | 0xFF)).map(u8::to_ascii_lowercase).collect();
    let head = head.trim_ascii_start();
    let starts = |word: &[u8]| head.starts_with(word);
    let says_html = || head.windows(5).any(|word| word == b"<html") || head.windows(5).any(|word| word == b" html");
    match head {
        [b'<', ..] => {
            [b"<html".as_slice(), b"<head", b"<body", b"<title", b"<h1", b"<h2"].iter().any(|word| starts(word))
                || ([b"<!doctype".as_slice(), b"<!--", b"<?xml"].iter().any(|word| starts(word)) && says_html())
        }
        _ => false,
    }
}

fn json(text: &[u8]) -> Option<NotAnImage> {
    if text.first() != Some(&b'{') || text.len() > MAX_JSON {
        return None;
    }
    let answer: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let code = answer.get("code").map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
    let message = ["message", "msg"].iter().find_map(|key| answer.get(*key)?.as_str()).unwrap_or_default();
    Some(NotAnImage::Json { code, message: message.chars().take(MAX_MESSAGE_CHARS).collect() })
}
