//! Parameters of header values, read tolerantly, such as `form-data; name="images"; filename*=UTF-8''%E7%AB%A0.jpg`.

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;

use super::charset;

/// Returns the type before the first semicolon, in lower case.
#[must_use]
pub fn kind(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Returns the first parameter of this name (in any case), unquoted.
#[must_use]
pub fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value.split_once(';').map(|(_, rest)| rest);
    while let Some(text) = rest {
        let (key, value, next) = next_parameter(text);
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
    None
}

/// The `name*` form (RFC 8187) has priority over the plain one.
#[must_use]
pub fn extended(value: &str, name: &str) -> Option<String> {
    let encoded = parameter(value, &format!("{name}*"));
    let decoded = encoded.as_deref().and_then(|encoded| {
        let mut pieces = encoded.splitn(3, '\'');
        let (charset, _language, text) = (pieces.next()?, pieces.next()?, pieces.next()?);
        let bytes: Vec<u8> = percent_decode_str(text).collect();
        Some(charset::decode(&bytes, Some(charset)))
    });
    decoded.or_else(|| parameter(value, name))
}

/// Returns the name of the file as the sender means it: `filename*`, the pieces of RFC 2231 (`filename*0*`), or
/// `filename`, which may be an encoded word (RFC 2047) or percent-encoded.
#[must_use]
pub fn file_name(value: &str) -> Option<String> {
    let name = extended(value, "filename").or_else(|| in_pieces(value, "filename"))?;
    Some(encoded_words(&name).or_else(|| percent_encoded(&name)).unwrap_or(name))
}

/// Joins `name*0*`, `name*1` …, at most 100. The first piece has the charset.
fn in_pieces(value: &str, name: &str) -> Option<String> {
    let (mut bytes, mut charset) = (Vec::new(), None);
    for n in 0..100 {
        if let Some(encoded) = parameter(value, &format!("{name}*{n}*")) {
            let text = match encoded.splitn(3, '\'').collect::<Vec<_>>()[..] {
                [declared, _, text] if n == 0 => {
                    charset = Some(declared.to_owned());
                    text
                }
                _ => &encoded,
            };
            bytes.extend(percent_decode_str(text));
        } else if let Some(plain) = parameter(value, &format!("{name}*{n}")) {
            bytes.extend(plain.bytes());
        } else {
            break;
        }
    }
    (!bytes.is_empty()).then(|| charset::decode(&bytes, charset.as_deref()))
}

/// Decodes a text that consists of encoded words (`=?UTF-8?B?…?=`) and blanks between them.
fn encoded_words(text: &str) -> Option<String> {
    let mut words = text.split_whitespace().peekable();
    words.peek()?;
    let mut decoded = String::new();
    for word in words {
        let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
        let [charset, coding, text] = inner.splitn(3, '?').collect::<Vec<_>>().try_into().ok()?;
        let bytes = match coding {
            "B" | "b" => BASE64_STANDARD.decode(text).ok()?,
            "Q" | "q" => percent_decode_str(&text.replace('%', "%25").replace('=', "%").replace('_', " ")).collect(),
            _ => return None,
        };
        decoded += &charset::decode(&bytes, Some(charset));
    }
    Some(decoded)
}

/// Decodes a percent-encoded name. Only ASCII that decodes to UTF-8 beyond ASCII was surely encoded. The other escapes
/// are those of browsers: a quote and line ends (HTML, multipart/form-data encoding algorithm).
fn percent_encoded(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    if text.is_ascii() && !decoded.is_ascii() {
        return Some(decoded.into_owned());
    }
    text.contains("%22").then(|| text.replace("%22", "\""))
}

/// Returns key, value and the text after the next semicolon.
fn next_parameter(text: &str) -> (&str, String, Option<&str>) {
    let end = text.find(['=', ';']).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    let Some(value) = rest.strip_prefix('=') else {
        return (key.trim(), String::new(), rest.strip_prefix(';'));
    };
    let (value, rest) = match value.trim_start().strip_prefix('"') {
        Some(quoted) => unquote(quoted),
        None => value.find(';').map_or((value.trim().to_owned(), ""), |i| (value[..i].trim().to_owned(), &value[i..])),
    };
    (key.trim(), value, rest.find(';').map(|i| &rest[i + 1..]))
}

/// Returns the text up to the closing quote. Only a quote can be escaped: Windows clients send raw backslashes.
fn unquote(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut rest = quoted;
    while let Some(i) = rest.find('"') {
        let (before, after) = (&rest[..i], &rest[i + 1..]);
        let Some(before) = before.strip_suffix('\\') else {
            text.push_str(before);
            return (text, after);
        };
        text.push_str(before);
        text.push('"');
        rest = after;
    }
    text.push_str(rest);
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_in_any_case_quoted_or_not() {
        let value = r#"form-data; NAME="a;b=\"c\"" ; filename=x.jpg;flag; Charset = gbk"#;
        assert_eq!(kind(value), "form-data");
        assert_eq!(parameter(value, "name").as_deref(), Some(r#"a;b="c""#));
        assert_eq!(parameter(value, "filename").as_deref(), Some("x.jpg"));
        assert_eq!(parameter(value, "charset").as_deref(), Some("gbk"));
        assert_eq!(parameter(value, "flag").as_deref(), Some(""));
        assert_eq!(parameter(value, "other"), None);
        assert_eq!(parameter("name=x", "name"), None, "the first word is the type");
    }

    #[test]
    fn the_extended_form_of_a_name_wins_and_a_broken_one_does_not() {
        let value = "form-data; filename=\"?.jpg\"; filename*=UTF-8''%E7%AB%A0.jpg";
        assert_eq!(extended(value, "filename").as_deref(), Some("章.jpg"));
        assert_eq!(extended("x; filename=a; filename*=broken", "filename").as_deref(), Some("a"));
    }

    #[test]
    fn a_file_has_the_name_that_the_sender_means() {
        for (value, name) in [
            ("x; filename*=UTF-8''%E7%AB%A0.pdf; filename=\"contract.pdf\"", "章.pdf"),
            ("x; filename*0*=UTF-8''%E9%87%87%E8%B4; filename*1*=%AD%E5%90%88; filename*2=\"同.pdf\"", "采购合同.pdf"),
            ("x; filename=\"=?utf-8?B?56ug?= =?UTF-8?Q?_2=2Epdf?=\"", "章 2.pdf"),
            ("x; filename=\"%E7%AB%A0%20(1).pdf\"", "章 (1).pdf"),
            ("x; filename=\"a%22b.pdf\"", "a\"b.pdf"),
            ("x; filename=\"100%25 %41.pdf\"", "100%25 %41.pdf"),
            ("x; filename=\"=?utf-8?X?56ug?=\"", "=?utf-8?X?56ug?="),
            ("x; filename=\"100%.pdf\"", "100%.pdf"),
        ] {
            assert_eq!(file_name(value).as_deref(), Some(name), "{value}");
        }
        assert_eq!(file_name("form-data; name=\"file\""), None);
    }

    #[test]
    fn raw_backslashes_and_a_missing_quote_are_taken_as_they_are() {
        assert_eq!(parameter(r#"x; filename="C:\a\b.jpg"; y=1"#, "filename").as_deref(), Some(r"C:\a\b.jpg"));
        assert_eq!(parameter(r#"x; filename="a"#, "filename").as_deref(), Some("a"));
    }
}
