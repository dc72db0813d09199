//! The bounds of the texts in a request. Each text has one: a member with a name of [`BOUNDS`] has that one, a value of a
//! form has [`OF_FORMS`], and every other text has [`OTHERS`].

use serde_json::Value;

/// The longest text of members with these names, in characters. A list has the bound of its name for each item.
const BOUNDS: [(&str, usize); 12] = [
    ("appSecret", 1_000),
    ("appToken", 1_000),
    ("code", 100),
    ("displayName", 100),
    ("key", 100),
    ("label", 200),
    ("name", 240),
    ("options", 200),
    ("password", 1_000),
    ("to", 200),
    ("totp", 100),
    ("username", 200),
];
const OTHERS: usize = 2_000;
const OF_FORMS: usize = 20_000;
/// The longest name of a member. The client chooses those of a form.
const OF_NAMES: usize = 200;
/// The longest value of a parameter of a query.
pub(super) const OF_PARAMETERS: usize = 1_000;

const NUL: &str = "The text contains NUL. Remove it.";

/// Returns the bound of a text in the member `name`, in characters.
pub(super) fn longest(name: &str) -> usize {
    BOUNDS.iter().find(|(bounded, _)| *bounded == name).map_or(OTHERS, |(_, most)| *most)
}

/// What is wrong with a text of a request, and the path of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadText {
    pub(super) path: String,
    pub(super) message: String,
}

/// Returns the first text that is too long or contains NUL. PostgreSQL refuses NUL, so the service refuses it on both
/// engines.
pub(super) fn first_bad(value: &Value) -> Option<BadText> {
    in_member(value, longest(""))
}

fn in_member(value: &Value, most: usize) -> Option<BadText> {
    match value {
        Value::String(text) => fault(text, most).map(|message| BadText { path: String::new(), message }),
        Value::Array(items) => items.iter().enumerate().find_map(|(i, item)| {
            let bad = in_member(item, most)?;
            Some(BadText { path: joined(&format!("[{i}]"), &bad.path), message: bad.message })
        }),
        Value::Object(members) => members.iter().find_map(|(key, value)| {
            if let Some(message) = fault(key, OF_NAMES) {
                let start: String = key.chars().filter(|c| *c != '\0').take(20).collect();
                return Some(BadText { path: start, message });
            }
            let below = if most == OF_FORMS || key == "form" { OF_FORMS } else { longest(key) };
            let bad = in_member(value, below)?;
            Some(BadText { path: joined(key, &bad.path), message: bad.message })
        }),
        _ => None,
    }
}

fn joined(first: &str, rest: &str) -> String {
    match rest {
        "" => first.to_owned(),
        rest if rest.starts_with('[') => format!("{first}{rest}"),
        rest => format!("{first}.{rest}"),
    }
}

pub(super) fn fault(text: &str, most: usize) -> Option<String> {
    // A character has at least one byte, so most texts need no count.
    let is_long = text.len() > most && text.chars().nth(most).is_some();
    let long = is_long.then(|| format!("must have at most {most} characters; shorten it"));
    long.or_else(|| text.contains('\0').then(|| NUL.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_text_has_a_bound_by_the_name_of_its_member() {
        let bad = |value: Value| first_bad(&value).map(|bad| bad.path);
        let text = |length: usize| "印".repeat(length);
        assert_eq!(bad(json!({ "name": text(240), "comment": text(2_000), "form": { "a": text(20_000) } })), None);
        assert_eq!(bad(json!({ "name": text(241) })).as_deref(), Some("name"));
        assert_eq!(bad(json!({ "comment": text(2_001) })).as_deref(), Some("comment"));
        assert_eq!(bad(json!({ "any": ["x", { "label": text(201) }] })).as_deref(), Some("any[1].label"));
        assert_eq!(
            bad(json!({ "form": { "rows": [{ "name": text(20_001) }] } })).as_deref(),
            Some("form.rows[0].name")
        );
        assert_eq!(bad(json!({ "form": { "rows": [{ "name": text(20_000) }] } })), None);
        assert_eq!(bad(json!({ text(201): 1 })), Some(text(20)));
    }

    #[test]
    fn nul_is_refused_where_it_is() {
        assert_eq!(first_bad(&json!({ "a": ["x\0"] })).unwrap().path, "a[0]");
        assert_eq!(first_bad(&json!({ "a": { "k\0": 1 } })).unwrap().path, "a.k");
    }
}
