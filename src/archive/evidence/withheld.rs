//! What a package without faces leaves out of the vendor's words. A key of a face photo gives its bytes at the vendor.

use serde_json::{Value, json};

use super::known::Known;
use crate::photo::{key, kind::PhotoKind};

/// Returns the details and the callbacks without keys of private photos.
pub(super) fn faces(
    known: &Known,
    details: Option<Vec<Value>>,
    callbacks: Vec<Value>,
) -> (Option<Vec<Value>>, Vec<Value>) {
    let photos = known.facts.seal_uses.iter().flat_map(|used| &used.photos).filter(|photo| photo.kind.is_private());
    let private: Vec<String> = photos.filter_map(|photo| photo.photokey.clone()).collect();
    let detail = |detail| from_value(detail, &private);
    let callback = |mut line: Value| {
        line["params"] = params(line["params"].take(), &private);
        line
    };
    (details.map(|all| all.into_iter().map(detail).collect()), callbacks.into_iter().map(callback).collect())
}

/// Drops lists of faces, and texts that name a private photo. JSON in a text is read, too.
fn from_value(value: Value, private: &[String]) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (String, Value)| {
                let value = if is_list_of_faces(&name) { withheld(&value) } else { from_value(value, private) };
                (name, value)
            };
            Value::Object(members.into_iter().map(member).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| from_value(item, private)).collect()),
        Value::String(text) => match serde_json::from_str::<Value>(&text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => {
                let without = from_value(inner.clone(), private);
                json!(if without == inner { text } else { without.to_string() })
            }
            _ if private.iter().any(|key| text.contains(key.as_str())) => json!("withheld"),
            _ => Value::String(text),
        },
        other => other,
    }
}

fn is_list_of_faces(name: &str) -> bool {
    name.eq_ignore_ascii_case("faceImages")
}

/// Returns true if a value has the form of a photokey: the photo may be a face that is not known yet.
fn names_key(values: &Value) -> bool {
    values.as_array().into_iter().flatten().filter_map(Value::as_str).any(|text| key::find(text).is_some())
}

fn is_named(pair: &Value, name: &str) -> bool {
    pair[0].as_str().is_some_and(|key| key.trim().eq_ignore_ascii_case(name))
}

fn withheld(list: &Value) -> Value {
    json!({ "withheld": list.as_array().map_or(1, Vec::len) })
}

/// Drops what a push shows, unless it says a kind that everyone may see.
fn params(params: Value, private: &[String]) -> Value {
    let Value::Array(pairs) = params else { return params };
    let kind = pairs.iter().find(|pair| is_named(pair, "imageType")).and_then(|pair| pair[1][0].as_str());
    let shown = kind.and_then(|kind| kind.parse::<PhotoKind>().ok()).is_some_and(|kind| !kind.is_private());
    let pair = |mut pair: Value| {
        let name = pair[0].as_str().unwrap_or_default().trim().to_ascii_lowercase();
        let is_photo = !shown && (name.starts_with("images") || name.starts_with("file") || names_key(&pair[1]));
        pair[1] =
            if is_photo || is_list_of_faces(&name) { withheld(&pair[1]) } else { from_value(pair[1].take(), private) };
        pair
    };
    Value::Array(pairs.into_iter().map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "20261127-0b7e5f9c-4d7a-4d5e-9f5a-8f0c4b1d2e3f";

    #[test]
    fn a_push_shows_its_photos_only_if_its_kind_is_no_face() {
        let push = |kind: Value| json!([["businessId", ["7"]], ["imageType", [kind]], ["images", [KEY, KEY]]]);
        for kind in ["FACE", "face", "UNKNOWN", "other", ""] {
            let clean = params(push(json!(kind)), &[]);
            assert!(!clean.to_string().contains(KEY), "{kind}: {clean}");
            assert_eq!(clean[2], json!(["images", { "withheld": 2 }]), "the count stays");
        }
        let clean = params(json!([["images[]", [KEY]]]), &[]);
        assert!(!clean.to_string().contains(KEY), "no kind: {clean}");
        let clean = params(json!([["imageType", ["FACE"]], ["photo", [format!("https://v/{KEY}.jpg")]]]), &[]);
        assert!(!clean.to_string().contains(KEY), "another name: {clean}");
        assert_eq!(params(push(json!("SIGNATORY")), &[]), push(json!("SIGNATORY")));
        let clean = params(push(json!("SIGNATORY")), &[KEY.to_owned()]);
        assert!(!clean.to_string().contains(KEY), "the photo turned out to be private: {clean}");
    }

    #[test]
    fn no_key_of_a_face_is_left_in_a_detail_also_not_in_a_text() {
        let private = [KEY.to_owned()];
        let detail = json!({ "faceImages": [{ "photokey": "a" }], "note": format!("see {KEY}"),
            "inner": format!("{{\"x\":[\"{KEY}\"],\"faceImages\":[1,2]}}"), "useImages": [{ "photokey": "b" }] });
        let clean = from_value(detail, &private);
        assert!(!clean.to_string().contains(KEY), "{clean}");
        assert_eq!(clean["faceImages"], json!({ "withheld": 1 }));
        assert_eq!(clean["useImages"], json!([{ "photokey": "b" }]));
    }
}
