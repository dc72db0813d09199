//! Renders the first page of a TIFF or a PDF.
//!
//! The decoders of these formats are large and young: hostile files make them panic, loop, or take any amount of memory.
//! So `yinku render-page` runs them in a process of its own with limits ([`crate::cpu::child`]). This module has what
//! both processes need: the rendering, the form in which the page comes back, and the thumbnails made of it.

pub(super) mod fonts;
mod pdf;
mod tiff;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{
    Impossible, Picture, Thumbnail, ThumbnailLimits, colour, encode_all,
    pixels::{Pixels, Samples, broken},
};
use crate::{
    cpu::panic_text,
    picture::inspect::{Inspection, Kind},
};

/// A rendered page: sRGB, as it is stored (its orientation is not applied), with a long edge within the requested size.
#[derive(Debug)]
pub struct RenderedPage(Pixels);

/// The length of width and height before the pixels.
const HEAD: usize = 8;

impl RenderedPage {
    /// The most bytes of a page with this long edge.
    #[must_use]
    pub fn most_bytes(largest: u32) -> u64 {
        HEAD as u64 + 3 * u64::from(largest.max(1)).pow(2)
    }

    /// Returns width and height (little-endian), then three bytes for each pixel.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.0.width.to_le_bytes(), &self.0.height.to_le_bytes(), self.0.bytes.as_slice()].concat()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. The process that wrote it is not trusted.
    pub fn from_bytes(bytes: &[u8], largest: u32) -> Result<Self, Impossible> {
        let side = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let (Some(width @ 1..), Some(height @ 1..)) = (side(0), side(4)) else {
            return Err(broken("the page has no width or no height"));
        };
        let pixels = &bytes[HEAD..];
        if width.max(height) > largest.max(1) || pixels.len() as u64 != 3 * u64::from(width) * u64::from(height) {
            return Err(broken("the page has another size than its header says"));
        }
        Ok(Self(Pixels { width, height, samples: Samples::Rgb, bytes: pixels.to_vec() }))
    }
}

/// Renders the first page with a long edge of at most `largest`. Call it only in a process that may end at any time.
pub fn render(bytes: Vec<u8>, kind: Kind, largest: u32, limits: &ThumbnailLimits) -> Result<RenderedPage, Impossible> {
    catch_unwind(AssertUnwindSafe(|| {
        let (pixels, profile) = match kind {
            Kind::Tiff => tiff::decode(bytes, limits)?,
            Kind::Pdf => (pdf::render(bytes, largest)?, None),
            other => return Err(Impossible::Unsupported(other)),
        };
        Ok(RenderedPage(colour::to_srgb(pixels.shrink(largest)?, profile.as_deref())))
    }))
    .unwrap_or_else(|panic| Err(Impossible::Broken(format!("the decoder panicked: {}", panic_text(&*panic)))))
}

/// Makes the thumbnails of a rendered page, in the order of `sizes`.
pub fn thumbnails(page: RenderedPage, inspection: &Inspection, sizes: &[u32]) -> Result<Vec<Thumbnail>, Impossible> {
    encode_all(Picture::Rgb(page.0.upright(inspection.orientation)?), sizes)
}
