//! Reads the times that devices write into EXIF fields. The standard form is `2026:11:23 10:20:30`. Firmware also writes
//! other separators, ISO 8601, and numbers without a leading zero.

use jiff::{civil, tz::Offset};

/// A time as a field states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeText {
    pub(super) civil: civil::DateTime,
    /// Nanoseconds. `None` if the text has no fraction.
    pub(super) fraction: Option<i32>,
    /// `None` if the text has no offset.
    pub(super) offset: Option<Offset>,
}

/// Reads a date, a time of day, and then optionally a fraction and an offset. `None` for an invalid date, such as the
/// zeros of a device without a set clock. An unknown rest is ignored.
pub(super) fn time(text: &[u8]) -> Option<TimeText> {
    let mut rest = text.trim_ascii_start();
    let year = i16::try_from(number(&mut rest, 4, 4)?).ok()?;
    let mark = one_of(&mut rest, b":-/.")?;
    let month = number(&mut rest, 1, 2)?;
    one_of(&mut rest, &[mark])?;
    let day = number(&mut rest, 1, 2)?;
    one_of(&mut rest, b" Tt")?;
    rest = rest.trim_ascii_start();
    let hour = number(&mut rest, 1, 2)?;
    one_of(&mut rest, b":")?;
    let minute = number(&mut rest, 2, 2)?;
    one_of(&mut rest, b":")?;
    let second = if let Some(left) = rest.strip_prefix(b"  ") {
        // The standard fills a part that the device does not know with blanks.
        rest = left;
        0
    } else {
        // Two digits: a single one is a text that was cut.
        number(&mut rest, 2, 2)?
    };
    let small = |number: i32| i8::try_from(number).ok();
    let civil =
        civil::DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    let mut fraction_of_second = None;
    if one_of(&mut rest, b".,").is_some() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        fraction_of_second = fraction(&rest[..digits]);
        rest = &rest[digits..];
    }
    Some(TimeText { civil, fraction: fraction_of_second, offset: offset(rest) })
}

/// Reads the digits after a decimal point as nanoseconds. Spaces may follow them.
pub(super) fn fraction(text: &[u8]) -> Option<i32> {
    let text = text.split(|byte| *byte == b' ').next()?;
    let text = &text[..text.len().min(9)];
    let missing = u32::try_from(9 - text.len()).ok()?;
    digits(text)?.checked_mul(10_i32.pow(missing))
}

/// Reads an offset: `+08:00`, `+8:00`, `+0800`, `+08` or `Z`.
pub(super) fn offset(text: &[u8]) -> Option<Offset> {
    let mut rest = text.trim_ascii();
    if matches!(rest, b"Z" | b"z") {
        return Some(Offset::UTC);
    }
    let sign = if one_of(&mut rest, b"+-")? == b'+' { 1 } else { -1 };
    let (hours, minutes) = match *rest {
        [h, b':', m, n] => (digits(&[h])?, digits(&[m, n])?),
        [h, i, b':', m, n] | [h, i, m, n] => (digits(&[h, i])?, digits(&[m, n])?),
        [h, i] => (digits(&[h, i])?, 0),
        _ => return None,
    };
    (minutes < 60).then(|| Offset::from_seconds(sign * (hours * 60 + minutes) * 60).ok()).flatten()
}

/// Takes a number of `least` to `most` digits from the front.
fn number(rest: &mut &[u8], least: usize, most: usize) -> Option<i32> {
    let count = rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (taken, left) = rest.split_at(count);
    *rest = left;
    if count < least { None } else { digits(taken) }
}

/// Takes one of these bytes from the front.
fn one_of(rest: &mut &[u8], marks: &[u8]) -> Option<u8> {
    let (first, left) = rest.split_first()?;
    marks.contains(first).then(|| {
        *rest = left;
        *first
    })
}

/// Reads at most nine digits.
fn digits(text: &[u8]) -> Option<i32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i32::from(byte - b'0')))
}
