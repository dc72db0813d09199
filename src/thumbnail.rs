//! Thumbnails: small JPEG pictures derived from an original, which may be deleted and made again at any time.
//!
//! Pure and synchronous; [`crate::cpu::Cpu`] runs it. One decode serves all sizes, at the smallest of the scales 1,
//! 1/2, 1/4, 1/8 whose long edge is still 1.25 times the largest size (below that, up to 2 dB are lost); each smaller
//! size is made from the next larger one. Nothing is enlarged. The outputs stand upright, are sRGB, JPEG quality 80
//! with 4:2:0 chroma, lie on white where the original is transparent, show the first frame of an animation, and carry
//! no metadata: that stays in the original.

mod colour;
mod encode;
mod jpeg;
mod memory;
mod pixels;
mod raster;
pub mod stored;

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, RgbImage, metadata};

pub use memory::memory_needed;

use self::pixels::Pixels;
use crate::{
    cpu::panic_text,
    original::inspect::{Coding, Inspection, Kind, Orientation},
};

/// What an original may cost before its thumbnails are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Width × height, as the header states them.
    pub max_pixels: u64,
    /// Pixels of the longer side.
    pub max_side: u32,
    /// Bytes a decoder may use for one picture.
    pub max_memory: u64,
    /// Scans of a progressive JPEG. Real files have about ten; every one costs a pass over the whole picture, so that
    /// pictures of more than a fifth of `max_pixels` may have fewer, down to 20.
    pub max_scans: u32,
}

impl Limits {
    /// The scans that a JPEG of so many pixels may have. Without this, 600 KB take 8 s.
    fn scans(&self, pixels: u64) -> u32 {
        let affordable = (20 * self.max_pixels / pixels.max(1)).max(20);
        u32::try_from(affordable).unwrap_or(u32::MAX).min(self.max_scans)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_side: 20_000, max_memory: 512 << 20, max_scans: 100 }
    }
}

/// One size of one original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The size that was asked for: the bound of the long edge in pixels.
    pub size: u32,
    pub jpeg: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// Why an original has no thumbnails. Nothing here is worth a second try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// The kind is recognised and kept, but not decoded here.
    #[error("{} is not decoded", .0.mime())]
    Unsupported(Kind),
    #[error("{width} × {height} pixels are too many")]
    TooLarge { width: u32, height: u32 },
    /// Small enough in pixels, but its coding needs too much memory.
    #[error("decoding would take {bytes} bytes of memory")]
    TooHungry { bytes: u64 },
    #[error("{0} scans are too many")]
    TooManyScans(u32),
    #[error("the picture is broken: {0}")]
    Broken(String),
}

/// Makes the thumbnails of an original, in the order of `sizes` (the bound of the long edge in pixels; 0 counts as 1).
///
/// `inspection` must be that of `bytes`. Takes [`memory_needed`] bytes of memory at most. An original that is cut but
/// decodes in part has thumbnails, the rest of them gray.
pub fn thumbnails(
    bytes: &[u8],
    inspection: &Inspection,
    sizes: &[u32],
    limits: &Limits,
) -> Result<Vec<Thumbnail>, Impossible> {
    let Some(largest) = sizes.iter().copied().max() else { return Ok(Vec::new()) };
    check(inspection, limits)?;
    // Decoders are fed by strangers: a panic in one is an answer about this picture and no more.
    catch_unwind(AssertUnwindSafe(|| {
        let (pixels, profile) = decode(bytes, inspection, largest.max(1), limits)?;
        let pixels = colour::to_srgb(pixels.shrink(largest)?, profile.as_deref());
        encode_all(upright(pixels, inspection.orientation)?, sizes)
    }))
    .unwrap_or_else(|panic| Err(Impossible::Broken(format!("the decoder panicked: {}", panic_text(&*panic)))))
}

/// Refuses by the headers alone, before anything is allocated.
fn check(inspection: &Inspection, limits: &Limits) -> Result<(), Impossible> {
    if inspection.coding == Coding::None && matches!(inspection.kind, Kind::Jpeg | Kind::Png | Kind::Gif | Kind::Bmp) {
        return Err(Impossible::Broken("it has no header".to_owned()));
    }
    let pixels = match inspection.coding {
        Coding::None => return Err(Impossible::Unsupported(inspection.kind)),
        Coding::Jpeg(coding) if coding.precision != 8 => return Err(Impossible::Unsupported(inspection.kind)),
        Coding::Jpeg(_) => 0,
        Coding::Raster { pixels, .. } => pixels,
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

/// The pixels, at least as large as needed for `largest`, and their colour profile.
fn decode(
    bytes: &[u8],
    inspection: &Inspection,
    largest: u32,
    limits: &Limits,
) -> Result<(Pixels, Option<Vec<u8>>), Impossible> {
    match inspection.coding {
        Coding::Jpeg(_) => jpeg::decode(bytes, largest, limits),
        _ => raster::decode(bytes, inspection.kind, limits),
    }
}

/// Turns the pixels the way a person should see them.
fn upright(pixels: Pixels, orientation: Orientation) -> Result<Pixels, Impossible> {
    let Some(orientation) = metadata::Orientation::from_exif(orientation as u8) else { return Ok(pixels) };
    if orientation == metadata::Orientation::NoTransforms {
        return Ok(pixels);
    }
    let Pixels { width, height, samples, bytes } = pixels;
    let picture = RgbImage::from_raw(width, height, bytes)
        .ok_or_else(|| Impossible::Broken("the decoder gave too few pixels".to_owned()))?;
    let mut picture = DynamicImage::ImageRgb8(picture);
    picture.apply_orientation(orientation);
    let picture = picture.into_rgb8();
    Ok(Pixels { width: picture.width(), height: picture.height(), samples, bytes: picture.into_raw() })
}

/// Encodes every size, from the largest down, each from the pixels of the one before.
fn encode_all(mut pixels: Pixels, sizes: &[u32]) -> Result<Vec<Thumbnail>, Impossible> {
    let mut descending: Vec<u32> = sizes.to_vec();
    descending.sort_unstable_by(|a, b| b.cmp(a));
    descending.dedup();
    let mut made: Vec<Thumbnail> = Vec::with_capacity(sizes.len());
    for size in descending {
        let before = (pixels.width, pixels.height);
        pixels = pixels.shrink(size)?;
        let unchanged = before == (pixels.width, pixels.height);
        let jpeg = match made.last() {
            Some(larger) if unchanged => larger.jpeg.clone(),
            _ => encode::jpeg(&pixels)?,
        };
        made.push(Thumbnail { size, jpeg, width: pixels.width, height: pixels.height });
    }
    Ok(sizes.iter().filter_map(|size| made.iter().find(|thumbnail| thumbnail.size == *size).cloned()).collect())
}

#[cfg(test)]
pub(crate) mod pictures;
#[cfg(test)]
mod tests;
