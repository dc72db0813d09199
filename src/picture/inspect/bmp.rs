//! Inspects BMP files.

use super::{Coding, Facts, index, le16, le32};

/// Bytes per pixel: the decoded pixels and the same size for run-length coded rows.
const BYTES_PER_PIXEL: u64 = 4 + 4;

/// A file is complete if it is as long as its header says. A header with length zero gives no answer.
pub(super) fn read(bytes: &[u8]) -> Facts<'_> {
    let size = match le32(bytes, 14) {
        Some(12) => le16(bytes, 18).zip(le16(bytes, 20)).map(|(width, height)| (u32::from(width), u32::from(height))),
        // With a negative height the first row is the top row.
        _ => le32(bytes, 18).zip(le32(bytes, 22)).map(|(w, h)| (w, h.cast_signed().unsigned_abs())),
    };
    let complete = le32(bytes, 2).is_some_and(|length| index(length) <= bytes.len());
    let Some((width, height)) = size else { return Facts { complete, ..Facts::default() } };
    let pixels = u64::from(width) * u64::from(height);
    Facts {
        width: Some(width),
        height: Some(height),
        complete,
        exif: None,
        coding: Coding::Raster { pixels, bytes_per_pixel: BYTES_PER_PIXEL },
    }
}
