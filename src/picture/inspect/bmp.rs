//! Inspects BMP files.

use super::{Coding, Facts, index, le16, le32};

/// Bytes per pixel: the decoded pixels and the same size for run-length coded rows.
const BYTES_PER_PIXEL: u64 = 4 + 4;

/// The position of the field that says where the pixels are.
const PIXELS_AT: usize = 10;

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
    // A header that lies is corrected in a copy.
    let scratch = if true_offset(bytes).is_some() { bytes.len() as u64 } else { 0 };
    Facts {
        width: Some(width),
        height: Some(height),
        complete,
        exif: None,
        coding: Coding::Raster { pixels, bytes_per_pixel: BYTES_PER_PIXEL, scratch },
    }
}

/// Returns the position of the pixels, if the header states one that is impossible: inside the header, or where the
/// palette begins. Programs write zero or the length of the header there. `None` if the stated position is possible,
/// also with a gap before the pixels.
fn true_offset(bytes: &[u8]) -> Option<u32> {
    let (stated, header) = (le32(bytes, PIXELS_AT)?, le32(bytes, 14)?);
    let (bits, colour_bytes) = if header == 12 { (le16(bytes, 24)?, 3) } else { (le16(bytes, 28)?, 4) };
    let (compression, used) = if header == 12 { (0, 0) } else { (le32(bytes, 30)?, le32(bytes, 46)?) };
    let head_end = header.checked_add(14)?;
    let colours = match (bits, used) {
        (1..=8, 0) => 1 << bits,
        (1..=8, used) if used <= 256 => used,
        _ => 0,
    };
    // The short header has the masks of the channels after it.
    let masks = if header == 40 && compression == 3 { 12 } else { 0 };
    let pixels_at = head_end.checked_add(colours * colour_bytes + masks)?;
    (stated < pixels_at && stated <= head_end).then_some(pixels_at)
}

/// Returns the file with a true position of the pixels. `None` if the stated one is possible.
pub(crate) fn with_true_offset(bytes: &[u8]) -> Option<Vec<u8>> {
    let offset = true_offset(bytes)?.to_le_bytes();
    let mut corrected = bytes.to_vec();
    corrected.get_mut(PIXELS_AT..PIXELS_AT + offset.len())?.copy_from_slice(&offset);
    // The padding of the last row may be absent.
    corrected.extend_from_slice(&[0; 3]);
    Some(corrected)
}
