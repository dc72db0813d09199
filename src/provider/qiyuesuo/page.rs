//! Reads error bodies: JSON with a code, a web page, or plain text.

use std::time::Duration;

use serde_json::Value;

use crate::provider::{ProviderError, error::short};

// The longest refusal. A photo can begin with `{` or `<` by chance but is longer.
const LONGEST: usize = 1 << 20;

/// Returns the error of an answer with a status other than 2xx.
pub(super) fn refusal(status: u16, body: &[u8], retry_after: Option<Duration>) -> ProviderError {
    if let Some(error) = error_in(status, body, retry_after) {
        return error;
    }
    let words = short(&text(body));
    // The vendor's own statuses; the public cloud uses them as codes.
    if (440..=447).contains(&status) {
        return ProviderError::Rejected { status, code: status.into(), message: words, retry_after };
    }
    ProviderError::Status { status, text: words, retry_after }
}

/// Returns the error in a body regardless of the status: JSON with a code other than 0, or a web page.
pub(super) fn error_in(status: u16, body: &[u8], retry_after: Option<Duration>) -> Option<ProviderError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    if body.len() > LONGEST {
        return None;
    }
    match body.first()? {
        b'{' => {
            let json: Value = serde_json::from_str(&text(body)).ok()?;
            let code = code(&json)?;
            let message = ["message", "msg"].into_iter().find_map(|name| json.get(name)?.as_str()).unwrap_or_default();
            (code != 0).then(|| ProviderError::Rejected { status, code, message: short(message), retry_after })
        }
        b'<' => title(&text(body)).map(|title| ProviderError::Html { status, title, retry_after }),
        _ => None,
    }
}

/// Returns the code of the envelope, from a number or digits.
pub(super) fn code(json: &Value) -> Option<i64> {
    let code = json.get("code")?;
    code.as_i64().or_else(|| code.as_str()?.trim().parse().ok())
}

/// Text without NUL, which PostgreSQL refuses, and without a byte order mark. GBK if it is not UTF-8.
pub(super) fn text(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_or_else(|_| encoding_rs::GBK.decode(bytes).0, Into::into);
    text.replace('\0', "")
}

/// Returns the title of a web page. `None` if the body is no web page.
fn title(text: &str) -> Option<String> {
    // Change only ASCII letters, so positions are equal in both texts.
    let lower = text.to_ascii_lowercase();
    if !["<html", "<!doctype html", "http error"].iter().any(|mark| lower.contains(mark)) {
        return None;
    }
    let inside = |tag: &str| {
        let from = lower.find(&format!("<{tag}"))?;
        let from = from + lower[from..].find('>')? + 1;
        let to = from + lower[from..].find("</")?;
        Some(short(&text[from..to])).filter(|title| !title.is_empty())
    };
    Some(["title", "h1", "h2"].into_iter().find_map(inside).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(body: &str) -> Option<ProviderError> {
        error_in(200, body.as_bytes(), None)
    }

    #[test]
    fn codes_other_than_zero_are_refusals_however_they_are_written() {
        let refused = |code, message: &str| {
            Some(ProviderError::Rejected { status: 200, code, message: message.to_owned(), retry_after: None })
        };
        assert_eq!(error_of(r#"{"code":1000001,"message":"参数错误"}"#), refused(1_000_001, "参数错误"));
        assert_eq!(error_of("\u{feff}\r\n{\"code\":\"2003004\"}"), refused(2_003_004, ""));
        assert_eq!(error_of(r#"{"code":0,"message":"SUCCESS"}"#), None);
        assert_eq!(error_of(r#"{"message":"no code"}"#), None);
        assert_eq!(error_of("{ not json"), None);
    }

    #[test]
    fn web_pages_are_known_by_their_marks_and_named_by_their_title() {
        let page = |title: &str| Some(ProviderError::Html { status: 200, title: title.to_owned(), retry_after: None });
        assert_eq!(error_of("<!DOCTYPE HTML><TITLE>登录\n 页</TITLE>"), page("登录 页"));
        assert_eq!(error_of("<p><h2>HTTP ERROR 400</h2>"), page("HTTP ERROR 400"));
        assert_eq!(error_of("<html><title>open"), page(""));
        assert_eq!(error_of("<svg/>"), None);
    }

    #[test]
    fn text_that_is_not_utf8_is_read_as_gbk_and_loses_its_nuls() {
        assert_eq!(text(b"\xd3\xc3\xd3\xa1\xcd\xbc\xc6\xac\0"), "用印图片");
        assert_eq!(text("\u{feff}用印\0图片".as_bytes()), "用印图片");
    }
}
