use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// The ingest: it fetches photos from the vendor and links them to their flows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// Photos fetched at once, over all services.
    pub photos_in_flight: usize,
    /// Photos fetched at once from one service. At most `photos_in_flight`.
    pub per_service: usize,
    /// Most memory for photos in progress. At least `max_photo_bytes`.
    pub bytes_in_flight: ByteSize,
    /// Most memory for decoded pictures in progress. At least four bytes for each of `max_pixels`.
    pub decode_bytes_in_flight: ByteSize,
    /// Largest photo that is accepted.
    pub max_photo_bytes: ByteSize,
    /// Most pixels (width × height) that are decoded. A larger picture is stored without thumbnails.
    pub max_pixels: u64,
    /// Photos that a pass fetches for one seal use before it yields to other jobs.
    pub slice: usize,
    /// Most photos linked in one transaction.
    pub link_batch: usize,
    /// Waits between the passes for a photo whose tries failed. After the last wait the photo is parked. `jobs.retries`
    /// governs a pass that fails as a whole.
    pub retries: Vec<Span>,
    /// When to check a seal use again after its end. Counted from the end, in ascending order.
    pub rechecks: Vec<Span>,
    /// Shortest time between two passes for one seal use that callbacks cause.
    pub rest: Span,
    /// How often an open seal use is checked at the vendor, in case a callback is lost.
    pub poll_open: Span,
    /// How long a download waits for photos that are still being fetched. Then the service answers 503.
    pub download_patience: Span,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            photos_in_flight: 16,
            per_service: 8,
            bytes_in_flight: ByteSize::mib(256),
            decode_bytes_in_flight: ByteSize::mib(512),
            max_photo_bytes: ByteSize::mib(64),
            max_pixels: 100_000_000,
            slice: 64,
            link_batch: 32,
            retries: vec![
                Span::secs(10),
                Span::mins(1),
                Span::mins(10),
                Span::hours(1),
                Span::hours(6),
                Span::hours(24),
            ],
            rechecks: vec![Span::mins(10), Span::hours(1), Span::hours(6), Span::hours(24), Span::hours(72)],
            rest: Span::secs(2),
            poll_open: Span::mins(10),
            download_patience: Span::secs(30),
        }
    }
}
