//! Inspects GIF files.

use super::{Coding, Facts, le16};

/// Bytes per pixel: the canvas, the first frame and its colour indices.
const BYTES_PER_PIXEL: u64 = 4 + 4 + 1;

/// Reads the blocks. The image is complete if the trailer exists.
pub(super) fn read(bytes: &[u8]) -> Facts<'_> {
    let (Some(width), Some(height)) = (le16(bytes, 6), le16(bytes, 8)) else { return Facts::default() };
    let (complete, largest_frame) = walk(bytes);
    Facts {
        width: Some(u32::from(width)),
        height: Some(u32::from(height)),
        complete,
        exif: None,
        coding: Coding::Raster {
            pixels: largest_frame.max(u64::from(width) * u64::from(height)),
            bytes_per_pixel: BYTES_PER_PIXEL,
            // The decoder copies the profile and the XMP text.
            scratch: 2 * bytes.len() as u64,
        },
    }
}

/// Returns true if the trailer exists, and the pixels of the largest frame, which can be larger than the canvas.
fn walk(bytes: &[u8]) -> (bool, u64) {
    let mut largest = 0;
    let mut at = 13 + bytes.get(10).map_or(0, |flags| colour_table(*flags));
    loop {
        let next = match bytes.get(at) {
            Some(0x3B) => return (true, largest),
            Some(0x21) => sub_blocks(bytes, at + 2),
            Some(0x2C) => {
                let side = |at| le16(bytes, at).map_or(0, u64::from);
                largest = largest.max(side(at + 5) * side(at + 7));
                bytes.get(at + 9).and_then(|flags| sub_blocks(bytes, at + 11 + colour_table(*flags)))
            }
            // Real files have padding between blocks, and decoders skip it.
            Some(0) => Some(at + 1),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return (false, largest),
        }
    }
}

fn colour_table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Returns the end of the chain of sub-blocks at `at`.
fn sub_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
