//! The key of a photo at the vendor (`photokey`): `yyyyMMdd-<uuid>`, the day of upload and a random id.

use jiff::civil::Date;

use crate::clock::Timestamp;

const LENGTH: usize = 45;

/// Returns true if the whole text is a photokey.
#[must_use]
pub fn is_key(text: &str) -> bool {
    has_form(text.as_bytes())
}

/// Returns the first photokey in a text, such as the name of a zip entry.
#[must_use]
pub fn find(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let alone = |at: usize| {
        let before = at.checked_sub(1).and_then(|i| bytes.get(i));
        let after = bytes.get(at + LENGTH);
        !before.is_some_and(u8::is_ascii_digit) && !after.is_some_and(u8::is_ascii_hexdigit)
    };
    let at = bytes.windows(LENGTH).enumerate().position(|(at, window)| has_form(window) && alone(at))?;
    text.get(at..at + LENGTH)
}

/// Returns the text without the photokeys in it.
#[must_use]
pub fn hidden(text: &str) -> String {
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(key) = find(rest) {
        let (before, after) = rest.split_once(key).unwrap_or((rest, ""));
        shown.push_str(before);
        shown.push('…');
        rest = after;
    }
    shown + rest
}

/// Returns midnight in China at the start of the key's day: the day of upload at the vendor.
#[must_use]
pub fn day(key: &str) -> Option<Timestamp> {
    let digits = key.get(..8)?;
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i16>().ok();
    let (year, month, day) = (number(0..4)?, i8::try_from(number(4..6)?).ok()?, i8::try_from(number(6..8)?).ok()?);
    Timestamp::from_china(Date::new(year, month, day).ok()?.at(0, 0, 0, 0))
}

fn has_form(bytes: &[u8]) -> bool {
    bytes.len() == LENGTH
        && bytes.iter().enumerate().all(|(i, b)| match i {
            0..8 => b.is_ascii_digit(),
            8 | 17 | 22 | 27 | 32 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "20261123-254775d7-3c7c-4e9d-9880-1d4c5fb3dbd0";

    #[test]
    fn a_key_is_a_day_and_a_uuid() {
        assert!(is_key(KEY));
        assert!(is_key(&KEY.to_uppercase()));
        for other in ["", "20261123", &KEY[1..], &format!("{KEY}0"), &KEY.replace('d', "g"), &KEY.replace('-', "_")] {
            assert!(!is_key(other), "{other}");
        }
    }

    #[test]
    fn the_day_of_a_key_begins_in_china() {
        assert_eq!(day(KEY).unwrap().to_string(), "2026-11-23T00:00:00+08:00");
        assert_eq!(day("20261399-254775d7"), None);
        assert_eq!(day("日"), None);
    }

    #[test]
    fn a_key_is_found_within_a_name_but_not_within_longer_digits() {
        assert_eq!(find(&format!("用印/张三_{KEY}.jpg")), Some(KEY));
        assert_eq!(find(&format!("x{KEY}-1")), Some(KEY));
        assert_eq!(find(&format!("1{KEY}")), None);
        assert_eq!(find(&format!("{KEY}a")), None);
        assert_eq!(find("用印图片.jpg"), None);
    }
}
