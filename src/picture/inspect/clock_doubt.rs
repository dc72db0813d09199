//! Decides if the time in a photo is doubtful.

use std::time::Duration;

use crate::clock::Timestamp;

/// The allowed difference between the clocks of the device and the vendor. A device without a network can deliver late
/// on the same day, and a wrong time zone causes at most 14 hours.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_hours(24);

/// The time by which a photo may be later than its receipt, because clocks differ by seconds.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// 2018-01-01 in China. Seal boxes fall back to 2017 or earlier when their battery runs out.
const EARLIEST_BELIEVABLE: Timestamp = Timestamp(1_514_736_000_000_000);

/// Returns true if the time in the photo is doubtful. This never changes a time. The service keeps and shows all three.
///
/// An EXIF time is doubtful if it is
/// * more than `MAX_CLOCK_DIFFERENCE` (24 h) away from the vendor's time, or without one from the time of receipt,
/// * more than `CLOCK_TOLERANCE` (5 min) later than the time of receipt,
/// * before `EARLIEST_BELIEVABLE` (2018).
///
/// Without an EXIF time the result is false.
#[must_use]
pub fn clock_doubt(exif: Option<Timestamp>, vendor: Option<Timestamp>, received: Timestamp) -> bool {
    exif.is_some_and(|exif| {
        let reference = vendor.unwrap_or(received);
        // One of the two is zero, because `since` is never negative.
        exif.since(reference).max(reference.since(exif)) > MAX_CLOCK_DIFFERENCE
            || exif.since(received) > CLOCK_TOLERANCE
            || exif < EARLIEST_BELIEVABLE
    })
}
