//! Time of the simulated vendor. The simulator reads "now" only from the [`Clock`] that it was started with.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The vendor writes its times in China's civil time: +08:00, without daylight saving.
const CHINA: jiff::tz::Offset = jiff::tz::Offset::constant(8);

/// Where "now" comes from. Clones share the source.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>);

impl Clock {
    /// The clock of the operating system.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn system() -> Self {
        Self(Arc::new(jiff::Timestamp::now))
    }

    /// A clock that calls `now` each time. A test passes its own clock this way.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> jiff::Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp((self.0)().as_microsecond())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// An instant in microseconds since 1970-01-01T00:00:00Z. JSON and `Display` write it with China's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// This instant later by `span` (saturating).
    pub(crate) fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Milliseconds since 1970, which the signature and the callbacks carry.
    pub(crate) fn milliseconds(self) -> i64 {
        self.0 / 1000
    }

    pub(crate) fn in_china(self) -> jiff::civil::DateTime {
        CHINA.to_datetime(self.instant())
    }

    /// `yyyy-MM-dd HH:mm:ss` in China.
    pub(crate) fn written(self) -> String {
        self.in_china().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Reads `yyyy-MM-dd HH:mm:ss` in China.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let civil = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text.trim()).ok()?;
        CHINA.to_timestamp(civil).ok().map(Self::from)
    }

    fn instant(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(instant: jiff::Timestamp) -> Self {
        Self(instant.as_microsecond())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.instant().display_with_offset(CHINA))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.parse::<jiff::Timestamp>().map_err(de::Error::custom)?.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Clock, Timestamp};

    #[test]
    fn a_given_clock_is_asked_each_time() {
        let seconds = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(1_700_000_000));
        let source = std::sync::Arc::clone(&seconds);
        let clock = Clock::from_fn(move || {
            jiff::Timestamp::from_second(source.load(std::sync::atomic::Ordering::SeqCst)).unwrap()
        });
        assert_eq!(clock.now().milliseconds(), 1_700_000_000_000);
        seconds.fetch_add(60, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(clock.now().milliseconds(), 1_700_000_060_000);
    }

    #[test]
    fn an_instant_is_written_in_chinas_time_and_read_back() {
        let at = Timestamp::read(" 2026-11-23 10:00:00 ").unwrap();
        assert_eq!(at.written(), "2026-11-23 10:00:00");
        assert_eq!(at.to_string(), "2026-11-23T10:00:00+08:00");
        let later = at.plus(Duration::from_millis(1500));
        let json = serde_json::to_string(&later).unwrap();
        assert_eq!(json, "\"2026-11-23T10:00:01.5+08:00\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), later);
        assert_eq!(Timestamp::read("2026-11-23"), None);
    }
}
