//! Computes the memory that decoding an original needs.

use super::{Limits, jpeg, pixels};
use crate::picture::inspect::{Coding, Inspection};

/// Tables of the decoders, a colour transform, the libraries' row buffers for small pictures.
const FIXED: u64 = 8 << 20;

/// An upper bound of the bytes of memory that [`thumbnails`](super::thumbnails) takes for this original, its encoded
/// bytes not counted, so that a budget can be shared out before decoding starts. Never more than `limits` admit: an
/// original that asks for more is refused without being decoded.
#[must_use]
pub fn memory_needed(inspection: &Inspection, sizes: &[u32], limits: &Limits) -> u64 {
    if super::check(inspection, limits).is_err() {
        return FIXED;
    }
    let (width, height) = inspection.width.zip(inspection.height).unwrap_or_default();
    let largest = sizes.iter().copied().max().unwrap_or(0);
    let (small_width, small_height) = pixels::fit(width, height, largest);
    let small = u64::from(small_width) * u64::from(small_height);
    // The shrunk picture, its sRGB and upright copies, the next size, the encoder's buffers and outputs.
    let outputs = small * (4 + 3 + 3 + 3 + 6);
    // Shrinking goes by rows first: a strip as narrow as the output and as high as the input.
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

/// The part of the decoder and its output.
pub(super) fn decoder(inspection: &Inspection, sizes: &[u32]) -> u64 {
    let (width, height) = inspection.width.zip(inspection.height).unwrap_or_default();
    let largest = sizes.iter().copied().max().unwrap_or(0);
    match inspection.coding {
        Coding::None => 0,
        Coding::Jpeg(coding) => {
            let samples = u64::from(coding.components).max(1);
            let pixels = scaled(inspection, width, largest) * scaled(inspection, height, largest);
            // The library works on bands of a few dozen rows of every component.
            let bands = u64::from(width) * 64 * samples;
            pixels * samples + bands + coding.coefficients
        }
        Coding::Raster { pixels, bytes_per_pixel } => pixels * bytes_per_pixel,
    }
}
