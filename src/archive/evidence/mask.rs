//! Masks mobile numbers. A package goes to people outside of the organisation.
//!
//! Hashes, keys and ids have rows of digits, too. They must stay as they are, or the package contradicts itself.

use serde_json::{Value, json};

/// Returns the value with every mobile number masked. A number is masked only in a member for phone numbers. A text is
/// masked in every member that holds no identifier.
pub(super) fn phones(value: Value) -> Value {
    member("", value)
}

/// As [`phones`], for a callback: its parameters are pairs of a name and its values.
pub(super) fn pairs(mut callback: Value) -> Value {
    let params = callback["params"].take();
    let mut callback = phones(callback);
    let pair = |pair: Value| match pair {
        Value::Array(pair) if pair.len() == 2 => {
            let name = pair[0].as_str().unwrap_or_default();
            json!([name, member(name, pair[1].clone())])
        }
        other => phones(other),
    };
    callback["params"] = match params {
        Value::Array(all) => Value::Array(all.into_iter().map(pair).collect()),
        other => phones(other),
    };
    callback
}

fn member(name: &str, value: Value) -> Value {
    match value {
        Value::String(text) if is_identifier(name) => Value::String(text),
        Value::String(text) => Value::String(phone(&text)),
        Value::Number(number) if is_for_phones(name) => {
            let text = number.to_string();
            let masked = phone(&text);
            if masked == text { Value::Number(number) } else { Value::String(masked) }
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| member(name, item)).collect()),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| {
                    let value = member(&name, value);
                    (name, value)
                })
                .collect(),
        ),
        other => other,
    }
}

/// Members that name a thing: a device number can look like a phone number.
fn is_identifier(name: &str) -> bool {
    let known =
        ["id", "deviceNo", "employeeNo", "serialNo", "photokey", "storeKey", "blake3", "sha256", "sm3", "bodySha256"];
    known.contains(&name) || name.ends_with("Id")
}

fn is_for_phones(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "number" || name == "tel" || ["mobile", "phone", "contact"].iter().any(|part| name.contains(part))
}

/// Words that may stand before a phone number without a blank.
const LABELS: [&str; 8] = ["tel", "phone", "mobile", "mob", "cell", "contact", "wechat", "wx"];

/// Returns the text with every Chinese mobile number as `138****5678`, also with blanks or dashes in it. A row of digits
/// inside a longer word of letters and digits is no phone number.
pub(super) fn phone(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(first) = rest.chars().next() {
        if !is_of_word(first) {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let length = spaced(rest).unwrap_or_else(|| rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()));
        let (word, after) = rest.split_at(length);
        out.push_str(&masked(word));
        rest = after;
    }
    out
}

const fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Returns the length of a number in groups, `138 1234 5678`, at the start of a text.
fn spaced(text: &str) -> Option<usize> {
    let head: Vec<char> = text.chars().take(14).collect();
    let group = |from: usize, to: usize| head.get(from..to).is_some_and(|group| group.iter().all(char::is_ascii_digit));
    let is_number = group(0, 3) && group(4, 8) && group(9, 13) && head[3] == ' ' && head[8] == ' ';
    (is_number && head.get(13).is_none_or(|c| !is_of_word(*c)) && is_head(&text[..3])).then_some(13)
}

fn is_head(three: &str) -> bool {
    matches!(three.as_bytes(), [b'1', b'3'..=b'9', _])
}

/// Masks a word of letters, digits, `-` and `_`, or a number in groups with blanks.
fn masked(word: &str) -> String {
    let parts: Vec<&str> = word.split(['-', '_', ' ']).filter(|part| !part.is_empty()).collect();
    let known = |part: &&str| is_country(part) || is_label(part) || of_phone(part).is_some();
    if parts.iter().all(known) {
        return parts_masked(word);
    }
    let digits: Vec<&&str> = parts.iter().filter(|part| !is_label(part) && !is_country(part)).collect();
    match digits[..] {
        [head, middle, tail] if is_head(head) && is_four(middle) && is_four(tail) && head.len() == 3 => {
            let at = word.find(*head).map_or(0, |at| at + head.len());
            let (before, after) = word.split_at(at);
            format!("{before}{}", after.replacen(*middle, "****", 1))
        }
        _ => word.to_owned(),
    }
}

fn is_four(part: &str) -> bool {
    part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_country(part: &str) -> bool {
    part == "86" || part == "0086"
}

fn is_label(part: &str) -> bool {
    LABELS.contains(&part.to_ascii_lowercase().as_str())
}

/// Returns where the eight last digits of a phone number begin, with or without its country and a label before it.
fn of_phone(part: &str) -> Option<usize> {
    let digits = part.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let label = &part[..part.len() - digits.len()];
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !(label.is_empty() || is_label(label)) {
        return None;
    }
    let own = match digits.len() {
        11 => digits,
        13 => digits.strip_prefix("86")?,
        15 => digits.strip_prefix("0086")?,
        _ => return None,
    };
    is_head(&own[..3]).then_some(part.len() - 8)
}

fn parts_masked(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for part in word.split_inclusive(['-', '_', ' ']) {
        let body = part.trim_end_matches(['-', '_', ' ']);
        match of_phone(body) {
            Some(at) => {
                out.push_str(&body[..at]);
                out.push_str("****");
                out.push_str(&part[at + 4..]);
            }
            None => out.push_str(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mobile_numbers_are_masked_and_other_digits_are_not() {
        assert_eq!(phone("王五 13812345678，+8613912345678"), "王五 138****5678，+86139****5678");
        for (text, masked) in [
            ("tel-13812345678", "tel-138****5678"),
            ("Tel13812345678", "Tel138****5678"),
            ("86-13812345678", "86-138****5678"),
            ("008613812345678", "0086138****5678"),
            ("张三_13812345678.jpg", "张三_138****5678.jpg"),
            ("138-1234-5678", "138-****-5678"),
            ("138-1381-1381", "138-****-1381"),
            ("电话 138 1234 5678。", "电话 138 **** 5678。"),
            ("+86 138 1234 5678", "+86 138 **** 5678"),
            ("13812345678-13912345678", "138****5678-139****5678"),
            ("{\"mobile\":\"13812345678\"}", "{\"mobile\":\"138****5678\"}"),
        ] {
            assert_eq!(phone(text), masked);
        }
        for other in [
            "QYS2019040001",
            "12812345678",
            "2776480712340001234",
            "1381234567",
            "",
            "a13812345678f",
            "20261127-13812345678",
            "SN-13812345678",
            "用印_13812345678a",
            "138 1234 56789",
        ] {
            assert_eq!(phone(other), other);
        }
        let value = serde_json::json!({ "mobile": [13_812_345_678_i64, 7], "b": { "c": "13812345678" }, "d": null,
            "bytes": 13_812_345_678_i64, "deviceNo": "13812345678", "businessId": "13812345678" });
        let masked = serde_json::json!({ "mobile": ["138****5678", 7], "b": { "c": "138****5678" }, "d": null,
            "bytes": 13_812_345_678_i64, "deviceNo": "13812345678", "businessId": "13812345678" });
        assert_eq!(phones(value), masked);
    }

    /// Hashes with an eleven-digit row that looks like a mobile number are one in some hundred.
    #[test]
    fn no_hash_key_or_id_is_changed() {
        let mut like_phones = 0;
        for seed in 0..60_000_u32 {
            let hash = blake3::hash(&seed.to_le_bytes()).to_hex().to_string();
            let uuid = format!("{}-{}-{}-{}-{}", &hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..32]);
            let (key, object) = (format!("20261127-{uuid}"), format!("originals/系统/2026-11/{hash}.jpg"));
            for text in [&hash, &uuid, &key, &object] {
                assert_eq!(phone(text), *text);
            }
            let runs = hash.split(|c: char| !c.is_ascii_digit());
            like_phones += usize::from(runs.into_iter().any(|run| run.len() == 11 && is_head(&run[..3])));
        }
        assert!(like_phones > 50, "{like_phones} hashes with such a row were tried");
    }
}
