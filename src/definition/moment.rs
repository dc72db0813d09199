//! The values of date and time fields. A looser reading would take a time of day for a date, or the other way round.

use jiff::civil::{Date, DateTime, Time};

/// Reads `yyyy-MM-dd`.
#[must_use]
pub fn date(text: &str) -> Option<Date> {
    has_form(text, "0000-00-00").then(|| text.parse().ok()).flatten()
}

/// Reads `HH:mm` and `HH:mm:ss`.
#[must_use]
pub fn time(text: &str) -> Option<Time> {
    (has_form(text, "00:00") || has_form(text, "00:00:00")).then(|| text.parse().ok()).flatten()
}

/// Reads a date and a time with `T` or a blank between them.
#[must_use]
pub fn datetime(text: &str) -> Option<DateTime> {
    let (day, clock) = text.split_once(['T', ' '])?;
    Some(date(day)?.to_datetime(time(clock)?))
}

/// Returns true if the text has digits where `form` has them, and the same other characters.
fn has_form(text: &str, form: &str) -> bool {
    let fits = |(c, wanted): (u8, u8)| if wanted == b'0' { c.is_ascii_digit() } else { c == wanted };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_reads_its_own_form_alone() {
        for text in ["2026-11-23", "2024-02-29"] {
            assert!(date(text).is_some() && time(text).is_none() && datetime(text).is_none(), "{text}");
        }
        for text in ["09:30", "23:59:59"] {
            assert!(date(text).is_none() && time(text).is_some() && datetime(text).is_none(), "{text}");
        }
        for text in ["2026-11-23T09:30", "2026-11-23 09:30", "2026-11-23T09:30:15"] {
            assert!(date(text).is_none() && time(text).is_none() && datetime(text).is_some(), "{text}");
        }
        for text in [
            "",
            "20261123",
            "2026-11-31",
            "2026-1-2",
            "+002026-11-23",
            "2026-11-23T",
            "2026-11-23Z",
            "24:00",
            "9:30",
            "0930",
            "09:30:15.5",
            "2026-11-23T09:30+08:00",
            "2026-11-23T09:30:15Z",
            "2026-11-23T25:00",
            "２０２６-11-23",
        ] {
            assert!(date(text).is_none() && time(text).is_none() && datetime(text).is_none(), "{text}");
        }
    }
}
