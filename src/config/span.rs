use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time, written `300ms`, `3s`, `10m`, `1h30m`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// Largest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Span {
    #[must_use]
    pub const fn secs(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    #[must_use]
    pub const fn mins(n: u64) -> Self {
        Self::secs(60 * n)
    }

    #[must_use]
    pub const fn hours(n: u64) -> Self {
        Self::secs(3600 * n)
    }

    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no duration: write a number and a unit (ms, s, m, h, d), such as \"3s\" or \"1h30m\"")]
pub struct NotSpan(String);

impl FromStr for Span {
    type Err = NotSpan;

    fn from_str(text: &str) -> Result<Self, NotSpan> {
        parse(text.trim()).map(|ms| Self(Duration::from_millis(ms))).ok_or_else(|| NotSpan(text.to_owned()))
    }
}

fn parse(mut rest: &str) -> Option<u64> {
    let mut total = 0_u64;
    loop {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, next) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*millis)?)?;
        if next.is_empty() {
            return Some(total);
        }
        rest = next;
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        // "72h" stays "72h": days are for reading only.
        let fits = UNITS.iter().skip(1).find(|(_, unit)| millis > 0 && millis.is_multiple_of(*unit));
        let (name, unit) = fits.unwrap_or(&("s", 1000));
        write!(f, "{}{name}", millis / unit)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them_and_written_back() {
        for (text, span) in [
            ("3s", Span::secs(3)),
            ("300ms", Span(Duration::from_millis(300))),
            ("90m", Span::mins(90)),
            ("72h", Span::hours(72)),
        ] {
            assert_eq!(text.parse::<Span>().ok(), Some(span));
            assert_eq!(span.to_string(), text);
        }
        assert_eq!("1h30m".parse::<Span>().ok(), Some(Span::mins(90)));
        assert_eq!("2d".parse::<Span>().ok(), Some(Span::hours(48)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "3", "s", "3 s", "-3s", "3s4", "1.5h", "3秒", "99999999999999999d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
