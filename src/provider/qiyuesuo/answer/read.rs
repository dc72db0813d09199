//! Reads the vendor's JSON tolerantly.

use serde_json::Value;

use crate::{
    clock::Timestamp,
    provider::{ProviderError, Status, qiyuesuo::page},
};

/// An envelope with code 0, and the text it was read from.
#[derive(Debug)]
pub(crate) struct Answer {
    json: Value,
    text: String,
}

impl Answer {
    pub(crate) fn parse(text: String) -> Result<Self, ProviderError> {
        let json: Value =
            serde_json::from_str(&text).map_err(|error| ProviderError::Garbled(format!("no JSON: {error}")))?;
        // Other codes are refusals. The caller has handled them before.
        if page::code(&json) == Some(0) {
            Ok(Self { json, text })
        } else {
            Err(ProviderError::Garbled("JSON without a code".to_owned()))
        }
    }

    pub(super) fn result(&self) -> Result<Node<'_>, ProviderError> {
        let result = self.json.get("result").filter(|result| result.is_object());
        result.map(Node).ok_or_else(|| ProviderError::Garbled("an answer without a result".to_owned()))
    }

    /// Returns the first of these members that is a list.
    pub(super) fn list(&self, names: &[&str]) -> Vec<Node<'_>> {
        let list = names.iter().find_map(|name| self.json.get(name)?.as_array());
        list.into_iter().flatten().map(Node).collect()
    }

    /// Returns the text or number at the top level, or in the result.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        Node(&self.json).text(name).or_else(|| Node(self.json.get("result")?).text(name))
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// The longest name of a seal, a person or a box, in bytes. Indexes contain these names, and PostgreSQL refuses an index
/// row over 2,704 bytes. The widest index has two of them and a document's name.
const LONGEST_NAME: usize = 600;

/// The longest id of an authorisation or a photo, in bytes. An id is sent back, so it cannot be cut.
const LONGEST_ID: usize = 255;

/// One JSON object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a>(&'a Value);

impl<'a> Node<'a> {
    /// Returns a text or a whole number as text, trimmed and without NUL. `None` if nothing remains.
    pub(super) fn text(self, name: &str) -> Option<String> {
        let text = match self.0.get(name)? {
            Value::String(text) => text.replace('\0', ""),
            // A fraction or a number beyond 64 bits would lose digits.
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            _ => return None,
        };
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Returns an error if the text is too long for an id.
    pub(super) fn check_id(id: &str) -> Result<(), ProviderError> {
        if id.len() <= LONGEST_ID {
            return Ok(());
        }
        Err(ProviderError::Garbled(format!("an id of {} bytes; the limit is {LONGEST_ID}", id.len())))
    }

    /// Returns a name, cut to [`LONGEST_NAME`] bytes. The stored text of the detail has it whole.
    pub(super) fn name(self, name: &str) -> Option<String> {
        let mut text = self.text(name)?;
        text.truncate(text.floor_char_boundary(LONGEST_NAME));
        Some(text)
    }

    /// Returns a number, also from digits. Negative and unreadable numbers are 0.
    pub(super) fn count(self, name: &str) -> u32 {
        let number: Option<i64> = self.text(name).and_then(|text| text.parse().ok());
        number.map_or(0, |number| u32::try_from(number.max(0)).unwrap_or(u32::MAX))
    }

    pub(super) fn truth(self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(truth)) => *truth,
            _ => self.text(name).is_some_and(|word| word.eq_ignore_ascii_case("true") || word == "1"),
        }
    }

    /// `yyyy-MM-dd HH:mm:ss` in China; an instant with its offset; or Unix milliseconds.
    pub(super) fn time(self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let with_offset = || text.parse::<Timestamp>().ok();
        let in_china = || text.parse().ok().and_then(Timestamp::from_china);
        let millis = || {
            let millis: i64 = text.parse().ok().filter(|millis| *millis >= 100_000_000_000)?;
            Some(Timestamp(millis.checked_mul(1000)?))
        };
        millis().or_else(with_offset).or_else(in_china)
    }

    pub(super) fn status(self) -> Status {
        super::read_status(&self.text("status").unwrap_or_default())
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    pub(super) fn member(self, name: &str) -> Option<Node<'a>> {
        self.0.get(name).map(Node)
    }

    /// Returns the readable entries of a list. A missing list is empty.
    pub(super) fn each<T>(self, name: &str, read: impl Fn(Node<'a>) -> Option<T>) -> Vec<T> {
        let list = self.0.get(name).and_then(Value::as_array);
        list.into_iter().flatten().map(Node).filter_map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_numbers_and_digits_and_never_below_zero() {
        let json = serde_json::json!({ "a": 17, "b": "3", "c": -2, "d": null, "e": "many", "f": 1e30, "g": i64::MAX });
        let counts = ["a", "b", "c", "d", "e", "f", "g", "none"].map(|name| Node(&json).count(name));
        assert_eq!(counts, [17, 3, 0, 0, 0, 0, u32::MAX, 0]);
    }

    #[test]
    fn ids_keep_every_digit_or_are_not_read() {
        let json: Value = serde_json::json!({ "text": "2490828768980361630", "number": 2_490_828_768_980_361_630_u64, "float": 2.5e18 });
        assert_eq!(Node(&json).text("text").as_deref(), Some("2490828768980361630"));
        assert_eq!(Node(&json).text("number").as_deref(), Some("2490828768980361630"));
        assert_eq!(Node(&json).text("float"), None);
    }

    #[test]
    fn times_without_zone_are_chinese_and_nonsense_is_no_time() {
        let json = serde_json::json!({
            "china": "2019-04-09 09:18:53", "offset": "2019-04-09T01:18:53Z", "millis": 1_554_772_733_000_i64,
            "typo": "2019:04:09 09:18:53", "empty": "", "small": 5,
        });
        let expected = "2019-04-09T01:18:53Z".parse().ok();
        assert!(expected.is_some());
        for name in ["china", "offset", "millis"] {
            assert_eq!(Node(&json).time(name), expected, "{name}");
        }
        for name in ["typo", "empty", "small", "none"] {
            assert_eq!(Node(&json).time(name), None, "{name}");
        }
    }

    #[test]
    fn text_has_no_nul_and_truth_has_several_spellings() {
        let json =
            serde_json::json!({ "name": " 张\0三 ", "nul": "\0", "yes": true, "word": "TRUE", "one": 1, "no": "no" });
        assert_eq!(Node(&json).text("name").as_deref(), Some("张三"));
        assert_eq!(Node(&json).text("nul"), None);
        assert_eq!(
            ["yes", "word", "one", "no", "none"].map(|name| Node(&json).truth(name)),
            [true, true, true, false, false]
        );
    }
}
