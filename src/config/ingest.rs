use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// How photos are brought in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// Photos fetched at once, over all services.
    pub photos_in_flight: usize,
    /// Photos fetched at once from one service; at most `photos_in_flight`.
    pub per_service: usize,
    /// Bytes of photos held in memory at once; at least `max_photo_bytes`.
    pub bytes_in_flight: ByteSize,
    /// Memory for decoding at once; at least four bytes for each of `max_pixels`.
    pub decode_bytes_in_flight: ByteSize,
    /// Largest photo that is taken.
    pub max_photo_bytes: ByteSize,
    /// Most pixels (width × height) that are decoded; a larger picture is kept without thumbnails.
    pub max_pixels: u64,
    /// Photos that one seal use may fetch before others have their turn.
    pub slice: usize,
    /// Photos linked in one transaction.
    pub link_batch: usize,
    /// Waits between the passes over photos that could not be fetched; after the last they are parked.
    pub retries: Vec<Span>,
    /// When to look again after a seal use has ended, counted from its end, ascending.
    pub rechecks: Vec<Span>,
    /// How long a pass over a seal use rests, at least, before further callbacks about it cause the next one.
    pub rest: Span,
    /// How often open seal uses are looked at, in case the callback never comes.
    pub poll_open: Span,
    /// How long a download waits for photos that are not here yet; then it is told to come again.
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
