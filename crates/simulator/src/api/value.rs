//! Members of a JSON body, read as leniently as the vendor reads them.

use serde_json::Value;

use super::Refusal;
use crate::clock::Timestamp;

pub(super) fn text(value: &Value, name: &str) -> String {
    scalar(&value[name])
}

/// Text or number as text; anything else is absent.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

pub(super) fn time(value: &Value, name: &'static str) -> Result<Option<Timestamp>, Refusal> {
    match text(value, name) {
        text if text.is_empty() => Ok(None),
        text => Timestamp::read(&text).map(Some).ok_or_else(|| Refusal::parameter(name)),
    }
}
