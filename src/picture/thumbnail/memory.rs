//! Computes the memory that decoding an original needs.

use super::{ThumbnailLimits, jpeg, pixels};
use crate::picture::inspect::{Coding, Inspection};

/// Fixed memory: decoder tables, a colour transform, row buffers of the libraries for small images.
const FIXED: u64 = 8 << 20;

/// Returns an upper bound of the memory that [`thumbnails`](super::thumbnails) needs for this original, without its
/// encoded bytes. The caller reserves it before decoding. It never exceeds `limits`, because a larger original is
/// refused without decoding.
#[must_use]
pub fn memory_needed(inspection: &Inspection, sizes: &[u32], limits: &ThumbnailLimits) -> u64 {
    if super::check(inspection, limits).is_err() {
        return FIXED;
    }
    let largest = sizes.iter().copied().max().unwrap_or(0);
    // The size of a page is known only after it is rendered.
    let (width, height) = match inspection.coding {
        Coding::Page => (largest, largest),
        _ => inspection.width.zip(inspection.height).unwrap_or_default(),
    };
    let (small_width, small_height) = pixels::fit(width, height, largest);
    let small = u64::from(small_width) * u64::from(small_height);
    // The reduced image, its sRGB and upright copies, the next size, buffers and outputs of the encoder.
    let outputs = small * (4 + 3 + 3 + 3 + 6);
    // Reduction handles rows first. It needs a strip with the width of the output and the height of the input.
    let strip = u64::from(small_width) * decoded_height(inspection, height, largest) * 4;
    FIXED + decoder(inspection, sizes) + strip + outputs
}

fn decoded_height(inspection: &Inspection, height: u32, largest: u32) -> u64 {
    match inspection.coding {
        Coding::Jpeg(_) => scaled(inspection, height, largest),
        _ => u64::from(height),
    }
}

fn scaled(inspection: &Inspection, side: u32, largest: u32) -> u64 {
    let long = inspection.width.max(inspection.height).unwrap_or(0);
    let lossless = matches!(inspection.coding, Coding::Jpeg(coding) if coding.lossless);
    let denominator = if lossless { 1 } else { jpeg::scale(long, largest.max(1)).denom() };
    u64::from(side).div_ceil(u64::try_from(denominator).unwrap_or(1))
}

/// Returns the memory of the decoder and its output.
pub(super) fn decoder(inspection: &Inspection, sizes: &[u32]) -> u64 {
    let (width, height) = inspection.width.zip(inspection.height).unwrap_or_default();
    let largest = sizes.iter().copied().max().unwrap_or(0);
    match inspection.coding {
        Coding::None | Coding::Page => 0,
        Coding::Jpeg(coding) => {
            let samples = u64::from(coding.components).max(1);
            let pixels = scaled(inspection, width, largest) * scaled(inspection, height, largest);
            // The library works on bands of a few dozen rows of every component.
            let bands = u64::from(width) * 64 * samples;
            pixels * samples + bands + coding.coefficients + coding.scratch
        }
        Coding::Raster { pixels, bytes_per_pixel, scratch } => pixels * bytes_per_pixel + scratch,
    }
}
