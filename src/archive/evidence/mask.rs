//! Masks mobile numbers. A package goes to people outside of the organisation.

use serde_json::Value;

/// Returns the value with every mobile number masked, in its texts and numbers.
pub(super) fn phones(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(phone(&text)),
        Value::Number(number) => {
            let text = number.to_string();
            let masked = phone(&text);
            if masked == text { Value::Number(number) } else { Value::String(masked) }
        }
        Value::Array(items) => Value::Array(items.into_iter().map(phones).collect()),
        Value::Object(members) => Value::Object(members.into_iter().map(|(key, value)| (key, phones(value))).collect()),
        other => other,
    }
}

/// Returns the text with every Chinese mobile number as `138****5678`. Longer rows of digits are no numbers of phones.
pub(super) fn phone(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    while at < letters.len() {
        let digits = letters[at..].iter().take_while(|letter| letter.is_ascii_digit()).count();
        let run = &letters[at..at + digits];
        match run {
            [] => out.push(letters[at]),
            [.., '1', '3'..='9', _, _, _, _, _, _, _, _, _] if digits == 11 || is_with_country(run) => {
                let (head, tail) = run.split_at(digits - 8);
                out.extend(head);
                out.push_str("****");
                out.extend(&tail[4..]);
            }
            run => out.extend(run),
        }
        at += digits.max(1);
    }
    out
}

fn is_with_country(run: &[char]) -> bool {
    matches!(run, ['8', '6', ..] if run.len() == 13) || matches!(run, ['0', '0', '8', '6', ..] if run.len() == 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mobile_numbers_are_masked_and_other_digits_are_not() {
        assert_eq!(phone("王五 13812345678，+8613912345678"), "王五 138****5678，+86139****5678");
        for other in ["QYS2019040001", "12812345678", "2776480712340001234", "1381234567", ""] {
            assert_eq!(phone(other), other);
        }
        let value = serde_json::json!({ "a": [13_812_345_678_i64, 7], "b": { "c": "13812345678" }, "d": null });
        let masked = serde_json::json!({ "a": ["138****5678", 7], "b": { "c": "138****5678" }, "d": null });
        assert_eq!(phones(value), masked);
    }
}
