//! Reads JSON as text. Values keep their digits, and all repeated names stay.
//!
//! `serde_json::Value` would round ids beyond 64 bits and drop repeated names. A body of many small values would take
//! some twenty times its size in memory. This reader builds no values, it only cuts the text.

use serde::de::IgnoredAny;

/// Returns true if the text is one JSON value. Linear, and without recursion.
pub(super) fn is_valid(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Returns the members of a valid object, values as text. Empty if it is not an object.
pub(super) fn members(object: &str, most: usize) -> Vec<(String, &str)> {
    let Some(inner) = object.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return Vec::new();
    };
    let member = |item| {
        let (key, value) = cut_at(item, b':');
        Some((text(key)?, value?.trim()))
    };
    items(inner).take(most).filter_map(member).collect()
}

/// Returns the elements of a valid array as text. Empty if it is not an array.
pub(super) fn elements(array: &str, most: usize) -> Vec<&str> {
    let inner = array.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.map(|inner| items(inner).take(most).collect()).unwrap_or_default()
}

/// Returns the text of a string, a number or boolean as written, an object or array as it is. `None` for null.
pub(super) fn text(value: &str) -> Option<String> {
    let value = value.trim();
    match value.as_bytes().first()? {
        b'n' => None,
        // Half a surrogate pair is valid JSON but not valid text. It is shown as written.
        b'"' => Some(serde_json::from_str(value).unwrap_or_else(|_| value.to_owned()).replace('\0', "")),
        _ => Some(value.to_owned()),
    }
}

/// Returns the text within a JSON string, for JSON that was made text twice, at most three times. Other text is
/// returned as it is.
pub(super) fn unquoted(mut json: String) -> String {
    for _ in 0..3 {
        let Some(inner) = Some(json.trim()).filter(|json| json.starts_with('"') && is_valid(json)).and_then(text)
        else {
            break;
        };
        json = inner;
    }
    json
}

fn items(mut inner: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (item, rest) = cut_at(inner, b',');
        inner = rest.unwrap_or_default();
        let item = item.trim();
        (!item.is_empty()).then_some(item)
    })
}

/// Cuts at the first `mark` outside of strings, objects and arrays.
fn cut_at(text: &str, mark: u8) -> (&str, Option<&str>) {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (i, b) in text.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            // The mark is ASCII, so both sides are whole characters.
            _ if b == mark && depth == 0 => return (&text[..i], Some(&text[i + 1..])),
            _ => {}
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_digit_and_repeated_names_are_all_there() {
        let object =
            r#" {"id": 25019663868516597781 ,"a":"x","a" : [1, {"b":"},]"}], "ok":true, "none":null, "f":1.50} "#;
        assert!(is_valid(object));
        let members = members(object, 100);
        let read: Vec<_> = members.iter().map(|(key, value)| (key.as_str(), text(value))).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read,
            [
                ("id", some("25019663868516597781")),
                ("a", some("x")),
                ("a", some(r#"[1, {"b":"},]"}]"#)),
                ("ok", some("true")),
                ("none", None),
                ("f", some("1.50"))
            ]
        );
        assert_eq!(elements(members[2].1, 9), ["1", r#"{"b":"},]"}"#]);
    }

    #[test]
    fn json_that_was_made_text_again_is_unwrapped() {
        let once = r#"{"a":"b"}"#;
        let twice = serde_json::to_string(once).unwrap();
        let thrice = serde_json::to_string(&twice).unwrap();
        for text in [once, &twice, &thrice] {
            assert_eq!(unquoted(text.to_owned()), once);
        }
        for other in ["\"cut", "plain", ""] {
            assert_eq!(unquoted(other.to_owned()), other);
        }
    }

    #[test]
    fn quotes_and_backslashes_within_strings_do_not_end_them() {
        let object = r#"{"a\"b\\":"c\\\",","d":"\u7ae0\u0000"}"#;
        let members = members(object, 9);
        assert_eq!(members[0].0, r#"a"b\"#);
        assert_eq!(text(members[0].1).as_deref(), Some(r#"c\","#));
        assert_eq!(text(members[1].1).as_deref(), Some("章"));
    }

    #[test]
    fn empty_and_other_values_have_no_members() {
        for (text, valid) in [("{}", true), ("[]", true), ("1", true), ("{", false), ("{]", false), ("", false)] {
            assert_eq!(is_valid(text), valid, "{text}");
            assert!(members(text, 9).is_empty() && elements(text, 9).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_million_brackets_are_read_without_recursion() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert!(is_valid(&deep));
        assert_eq!(elements(&deep, 9).len(), 1);
    }
}
