//! Thumbnails: small JPEG images of an original. They can be deleted and created again at any time.
//!
//! The code is pure and synchronous. [`crate::cpu::Cpu`] runs it. One decode serves all sizes. It uses the smallest
//! scale of 1, 1/2, 1/4 and 1/8 whose long edge is at least 1.25 times the largest size. A smaller scale would lose up
//! to 2 dB. Each size is made from the next larger size, and no image is enlarged. An output is upright, sRGB and JPEG
//! quality 80 with 4:2:0 chroma. Transparent parts are white. An animation gives its first frame. The output has no
//! metadata.

mod colour;
mod encode;
mod jpeg;
mod memory;
pub mod page;
mod pixels;
mod planes;
mod raster;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use memory::memory_needed;

use self::{pixels::Pixels, planes::Planes};
use crate::{
    cpu::panic_text,
    picture::inspect::{Coding, Inspection, Kind, start_of_file},
};

/// The limits of an original. The service makes no thumbnails of a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThumbnailLimits {
    /// Width × height by the header.
    pub max_pixels: u64,
    /// Pixels of the longer side.
    pub max_side: u32,
    /// Bytes that a decoder may use for one image.
    pub max_memory: u64,
    /// Scans of a progressive JPEG. Real files have about ten. Each scan costs a pass over the whole image. So an image
    /// of more than a fifth of `max_pixels` may have fewer scans, down to 20.
    pub max_scans: u32,
}

impl ThumbnailLimits {
    /// Returns the allowed scans of a JPEG with this many pixels. Without this limit a file of 600 KB takes 8 s.
    fn scans(&self, pixels: u64) -> u32 {
        let affordable = (20 * self.max_pixels / pixels.max(1)).max(20);
        u32::try_from(affordable).unwrap_or(u32::MAX).min(self.max_scans)
    }
}

impl Default for ThumbnailLimits {
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_side: 20_000, max_memory: 512 << 20, max_scans: 100 }
    }
}

/// One size of one original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The requested size: the limit of the long edge in pixels.
    pub size: u32,
    pub jpeg: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// The reason why an original has no thumbnails. A retry cannot succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// The kind is recognised, but the service cannot decode it.
    #[error("{} is not decoded", .0.mime())]
    Unsupported(Kind),
    #[error("{width} × {height} pixels are too many")]
    TooLarge { width: u32, height: u32 },
    /// The pixels are within the limit, but the coding needs too much memory.
    #[error("decoding would take {bytes} bytes of memory")]
    TooHungry { bytes: u64 },
    #[error("{0} scans are too many")]
    TooManyScans(u32),
    #[error("the picture is broken: {0}")]
    Broken(String),
    /// The process that renders the first page gave this reason.
    #[error("{0}")]
    Page(String),
}

/// Makes the thumbnails of an original in the order of `sizes` (the limit of the long edge in pixels; 0 counts as 1).
///
/// `inspection` must be the inspection of `bytes`. Uses at most [`memory_needed`] bytes. An incomplete original that
/// decodes in part has thumbnails with a gray rest.
pub fn thumbnails(
    bytes: &[u8],
    inspection: &Inspection,
    sizes: &[u32],
    limits: &ThumbnailLimits,
) -> Result<Vec<Thumbnail>, Impossible> {
    let Some(largest) = sizes.iter().copied().max() else { return Ok(Vec::new()) };
    check(inspection, limits)?;
    let bytes = &bytes[start_of_file(bytes)..];
    // The input is untrusted. A panic of a decoder affects only this image.
    catch_unwind(AssertUnwindSafe(|| encode_all(picture(bytes, inspection, largest.max(1), limits)?, sizes)))
        .unwrap_or_else(|panic| Err(Impossible::Broken(format!("the decoder panicked: {}", panic_text(&*panic)))))
}

/// Checks the limits by the headers, before any allocation.
fn check(inspection: &Inspection, limits: &ThumbnailLimits) -> Result<(), Impossible> {
    if inspection.coding == Coding::None && matches!(inspection.kind, Kind::Jpeg | Kind::Png | Kind::Gif | Kind::Bmp) {
        return Err(Impossible::Broken("it has no header".to_owned()));
    }
    let pixels = match inspection.coding {
        Coding::None => return Err(Impossible::Unsupported(inspection.kind)),
        Coding::Jpeg(coding) if coding.precision != 8 => return Err(Impossible::Unsupported(inspection.kind)),
        Coding::Jpeg(_) => 0,
        Coding::Raster { pixels, .. } => pixels,
        // Its process checks the size, because not every file states one here.
        Coding::Page => return Ok(()),
    };
    let (Some(width @ 1..), Some(height @ 1..)) = (inspection.width, inspection.height) else {
        return Err(Impossible::Broken("it has no width or no height".to_owned()));
    };
    let pixels = pixels.max(u64::from(width) * u64::from(height));
    if width.max(height) > limits.max_side || pixels > limits.max_pixels {
        return Err(Impossible::TooLarge { width, height });
    }
    if let Coding::Jpeg(coding) = inspection.coding
        && coding.scans > limits.scans(pixels)
    {
        return Err(Impossible::TooManyScans(coding.scans));
    }
    match memory::decoder(inspection, &[]) {
        bytes if bytes > limits.max_memory => Err(Impossible::TooHungry { bytes }),
        _ => Ok(()),
    }
}

/// An upright sRGB image.
enum Picture {
    Rgb(Pixels),
    Planes(Planes),
}

impl Picture {
    fn size(&self) -> (u32, u32) {
        let (Self::Rgb(pixels) | Self::Planes(Planes { light: pixels, .. })) = self;
        (pixels.width, pixels.height)
    }

    /// Returns the image with a long edge of `size`, or itself if it is not larger.
    fn shrink(self, size: u32) -> Result<Self, Impossible> {
        Ok(match self {
            Self::Rgb(pixels) => Self::Rgb(pixels.shrink(size)?),
            Self::Planes(planes) => Self::Planes(planes.shrink(size)?),
        })
    }

    fn encode(&self) -> Result<Vec<u8>, Impossible> {
        match self {
            Self::Rgb(pixels) => encode::rgb(pixels),
            Self::Planes(planes) => encode::planes(planes),
        }
    }
}

/// Decodes the image with a long edge of at most `largest`.
fn picture(
    bytes: &[u8],
    inspection: &Inspection,
    largest: u32,
    limits: &ThumbnailLimits,
) -> Result<Picture, Impossible> {
    let (pixels, profile) = match inspection.coding {
        // Never in this process.
        Coding::Page => return Err(Impossible::Unsupported(inspection.kind)),
        Coding::Jpeg(coding) => match jpeg::decode(bytes, coding, largest, limits)? {
            jpeg::Decoded::Planes(planes, shown) => {
                return Planes::shrunk(&planes, shown, largest, inspection.orientation).map(Picture::Planes);
            }
            jpeg::Decoded::Pixels(pixels, profile) => (pixels, profile),
        },
        _ => raster::decode(bytes, inspection.kind, limits)?,
    };
    let rgb = colour::to_srgb(pixels.shrink(largest)?, profile.as_deref());
    rgb.upright(inspection.orientation).map(Picture::Rgb)
}

/// Encodes all sizes from the largest down. Each size is made from the size before.
fn encode_all(mut picture: Picture, sizes: &[u32]) -> Result<Vec<Thumbnail>, Impossible> {
    let mut descending: Vec<u32> = sizes.to_vec();
    descending.sort_unstable_by(|a, b| b.cmp(a));
    descending.dedup();
    let mut made: Vec<Thumbnail> = Vec::with_capacity(sizes.len());
    for size in descending {
        let before = picture.size();
        picture = picture.shrink(size)?;
        let (width, height) = picture.size();
        let jpeg = match made.last() {
            Some(larger) if before == (width, height) => larger.jpeg.clone(),
            _ => picture.encode()?,
        };
        made.push(Thumbnail { size, jpeg, width, height });
    }
    Ok(sizes.iter().filter_map(|size| made.iter().find(|thumbnail| thumbnail.size == *size).cloned()).collect())
}

#[cfg(test)]
pub(crate) mod pictures;
#[cfg(test)]
mod tests;
