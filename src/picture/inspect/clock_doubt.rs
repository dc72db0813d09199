use std::time::Duration;

use crate::clock::Timestamp;

/// How far the device's clock and the vendor's may be apart: a device without a network may deliver late within its
/// day, and a zone that was set wrongly makes at most 14 hours.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_hours(24);

/// How much later than its receipt a picture may claim to be taken: clocks are not synchronised to the second.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// 2018-01-01 in China. Seal boxes fall back to 2017 or earlier when their battery runs out.
const EARLIEST_BELIEVABLE: Timestamp = Timestamp(1_514_736_000_000_000);

/// Whether the time in the picture deserves a mark. It never changes a time: all three are kept and shown.
///
/// Doubtful is an EXIF time
/// * more than [`MAX_CLOCK_DIFFERENCE`] (24 h) away from the vendor's time, or without one from the time of receipt,
/// * more than [`CLOCK_TOLERANCE`] (5 min) later than the time of receipt,
/// * before [`EARLIEST_BELIEVABLE`] (2018).
///
/// Without an EXIF time there is nothing to doubt.
#[must_use]
pub fn clock_doubt(exif: Option<Timestamp>, vendor: Option<Timestamp>, received: Timestamp) -> bool {
    exif.is_some_and(|exif| {
        let reference = vendor.unwrap_or(received);
        // One of the two is zero, since `since` never goes below it.
        exif.since(reference).max(reference.since(exif)) > MAX_CLOCK_DIFFERENCE
            || exif.since(received) > CLOCK_TOLERANCE
            || exif < EARLIEST_BELIEVABLE
    })
}
