//! Parameters of header values such as `form-data; name="images"; filename*=UTF-8''%E7%AB%A0.jpg`.

use percent_encoding::percent_decode_str;

use crate::provider::charset;

/// Returns the type before the first semicolon, in lower case.
pub(super) fn kind(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Returns the first parameter of this name (in any case), unquoted.
pub(super) fn parameter(value: &str, name: &str) -> Option<String> {
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
pub(super) fn extended(value: &str, name: &str) -> Option<String> {
    let encoded = parameter(value, &format!("{name}*"));
    let decoded = encoded.as_deref().and_then(|encoded| {
        let mut pieces = encoded.splitn(3, '\'');
        let (charset, _language, text) = (pieces.next()?, pieces.next()?, pieces.next()?);
        let bytes: Vec<u8> = percent_decode_str(text).collect();
        Some(charset::decode(&bytes, Some(charset)))
    });
    decoded.or_else(|| parameter(value, name))
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
    fn raw_backslashes_and_a_missing_quote_are_taken_as_they_are() {
        assert_eq!(parameter(r#"x; filename="C:\a\b.jpg"; y=1"#, "filename").as_deref(), Some(r"C:\a\b.jpg"));
        assert_eq!(parameter(r#"x; filename="a"#, "filename").as_deref(), Some("a"));
    }
}
