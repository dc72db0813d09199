use std::{fmt, str::FromStr, time::Duration};

use jiff::{
    SpanRelativeTo,
    fmt::friendly::{Designator, Spacing, SpanParser, SpanPrinter},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time in the friendly format of jiff: `300ms`, `3s`, `10m`, `1h30m`, `7d`. A day is 24 hours.
///
/// jiff reads a standard duration only up to hours. A setting may be `30d`, so the text is read as a calendar span first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const PARSER: SpanParser = SpanParser::new();
const PRINTER: SpanPrinter = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None);

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
#[error(
    "`{text}` is not a duration ({reason}). Write numbers with units (ms, s, m, h, d), such as \"3s\" or \"1h30m\""
)]
pub struct NotSpan {
    text: String,
    reason: jiff::Error,
}

impl FromStr for Span {
    type Err = NotSpan;

    fn from_str(text: &str) -> Result<Self, NotSpan> {
        parse(text.trim()).map(Self).map_err(|reason| NotSpan { text: text.to_owned(), reason })
    }
}

/// Months and years are refused: their length depends on the date.
fn parse(text: &str) -> Result<Duration, jiff::Error> {
    PARSER.parse_span(text)?.to_duration(SpanRelativeTo::days_are_24_hours())?.try_into()
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&PRINTER.unsigned_duration_to_string(&self.0))
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
    fn a_duration_is_read_and_written_with_units() {
        for (text, span, written) in [
            ("3s", Span::secs(3), "3s"),
            ("300ms", Span(Duration::from_millis(300)), "300ms"),
            ("90m", Span::mins(90), "1h30m"),
            ("1h30m", Span::mins(90), "1h30m"),
            ("1h 30m", Span::mins(90), "1h30m"),
            ("1.5h", Span::mins(90), "1h30m"),
            ("72h", Span::hours(72), "72h"),
            ("2d", Span::hours(48), "48h"),
            ("30d", Span::hours(720), "720h"),
            ("0s", Span::secs(0), "0s"),
        ] {
            assert_eq!(text.parse::<Span>().unwrap(), span, "{text}");
            assert_eq!(span.to_string(), written);
            assert_eq!(written.parse::<Span>().unwrap(), span, "{written}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_duration_is_refused() {
        for text in ["", "3", "s", "-3s", "3s ago", "3s4", "3秒", "1 month", "PT3S", "99999999999999999d"] {
            let refusal = text.parse::<Span>().unwrap_err().to_string();
            assert!(refusal.starts_with(&format!("`{text}` is not a duration")), "{refusal}");
            assert!(refusal.ends_with("such as \"3s\" or \"1h30m\""), "{refusal}");
        }
    }
}
