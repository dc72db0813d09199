//! Labels for what differs from run to run. The same value has the same label, so relations stay visible:
//! a document's `hash-2` is the `hash-2` of its photo.

use std::collections::HashMap;

use serde_json::Value;

#[derive(Default)]
pub(super) struct Labels {
    given: HashMap<String, String>,
    counts: HashMap<&'static str, usize>,
}

impl Labels {
    /// The text with a label for each id, hash, business and instant in it.
    pub(super) fn label(&mut self, text: &str) -> String {
        let mut labelled = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let inside = labelled.ends_with(|before: char| before.is_ascii_alphanumeric());
            if let Some((length, label)) = (!inside).then(|| self.first(rest)).flatten() {
                labelled.push_str(&label);
                rest = &rest[length..];
            } else {
                labelled.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        labelled
    }

    /// The same for every string of a JSON value.
    pub(super) fn label_all(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.label(text)),
            Value::Array(items) => items.iter().map(|item| self.label_all(item)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (name.clone(), self.label_all(value))).collect::<Value>()
            }
            other => other.clone(),
        }
    }

    /// What the text begins with, if it needs a label: its length, and the label.
    fn first(&mut self, text: &str) -> Option<(usize, String)> {
        let begins = |shape: &str| begins(text, shape);
        let ends = |length: usize| !text[length..].starts_with(|after: char| after.is_ascii_alphanumeric());
        let uuid = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
        if begins("0000-00-00T00:00:00") {
            let length = text.find(|c: char| !c.is_ascii_digit() && !"-:.+TZ".contains(c)).unwrap_or(text.len());
            return Some((length, "[instant]".to_owned()));
        }
        if begins(&format!("00000000-{uuid}")) {
            return Some((45, self.given("photokey", &text[..45])));
        }
        if begins(uuid) {
            return Some((36, self.given("id", &text[..36])));
        }
        if begins(&"x".repeat(64)) && ends(64) {
            return Some((64, self.given("hash", &text[..64])));
        }
        if begins(&"0".repeat(19)) && ends(19) {
            return Some((19, self.given("business", &text[..19])));
        }
        let known = [
            ("YK00000000-", "YK[day]-"),
            ("00000000-000000", "[time]"),
            ("0000-00-00", "[day]"),
            ("0000-00/", "[month]/"),
            ("manifests/0000/", "manifests/[year]/"),
        ];
        known.into_iter().find(|(shape, _)| begins(shape)).map(|(shape, label)| (shape.len(), label.to_owned()))
    }

    fn given(&mut self, kind: &'static str, value: &str) -> String {
        let count = self.counts.entry(kind).or_default();
        let label = self.given.entry(value.to_owned()).or_insert_with(|| {
            *count += 1;
            format!("{kind}-{count}")
        });
        label.clone()
    }
}

/// Whether the text begins with this shape: `0` is a digit, `x` a hexadecimal digit.
fn begins(text: &str, shape: &str) -> bool {
    let fits = |(is, due): (u8, u8)| match due {
        b'0' => is.is_ascii_digit(),
        b'x' => is.is_ascii_digit() || (b'a'..=b'f').contains(&is),
        _ => is == due,
    };
    text.len() >= shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

#[test]
fn equal_values_have_equal_labels() {
    let (one, other) = ("01a0c3f2-7b11-7000-8000-000000000001", "01a0c3f2-7b11-7000-8000-000000000002");
    let text =
        format!("{one} {other} {one}: 20261123-{one}, YK20261123-0001_20261123-101112, 2026-11-23T10:00:00.5+08:00");
    let label = Labels::default().label(&text);
    assert_eq!(label, "id-1 id-2 id-1: photokey-1, YK[day]-0001_[time], [instant]");
    let (hash, business) = ("ab".repeat(32), "2490828768980361630");
    let label = Labels::default().label(&format!("2026-11/{hash}.jpg 用印/2026 {business} 2026"));
    assert_eq!(label, "[month]/hash-1.jpg 用印/2026 business-1 2026");
}
