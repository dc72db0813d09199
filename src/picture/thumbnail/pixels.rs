//! Pixels of a decoded image, and resizing.

use std::{f64::consts::PI, sync::LazyLock};

use fast_image_resize::{Filter, FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images};
use image::{DynamicImage, GrayImage, RgbImage, metadata};

use super::Impossible;
use crate::picture::inspect::Orientation;

/// The meaning of the bytes of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Samples {
    /// Gray, or one plane of several.
    Gray,
    Rgb,
    /// Amounts of ink. 255 is full.
    Cmyk,
}

impl Samples {
    pub(super) const fn per_pixel(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    const fn pixel_type(self) -> PixelType {
        match self {
            Self::Gray => PixelType::U8,
            Self::Rgb => PixelType::U8x3,
            Self::Cmyk => PixelType::U8x4,
        }
    }
}

/// A decoded image with eight bits per sample and rows without padding.
#[derive(Debug)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) samples: Samples,
    pub(super) bytes: Vec<u8>,
}

/// A part of an image, in pixels and fractions of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The filter for the samples of the smaller image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    Lanczos3,
    /// For a plane of colour with samples of two pixels. Decoders interpolate with three quarters of the nearer sample
    /// and one quarter of the other. For them this filter has nearly the least error against Lanczos3 at the size of
    /// the pixels.
    Interpolated,
}

impl Pixels {
    /// Returns the image with a long edge of `size`, or itself if it is not larger.
    pub(super) fn shrink(self, size: u32) -> Result<Self, Impossible> {
        let (width, height) = fit(self.width, self.height, size);
        if (width, height) == (self.width, self.height) {
            return Ok(self);
        }
        let whole = Part { left: 0.0, top: 0.0, width: self.width.into(), height: self.height.into() };
        let size = (self.width, self.height);
        Self::resampled(&self.bytes, size, self.samples, whole, (width, height), Kernel::Lanczos3)
    }

    /// Returns a part of the image at another size.
    pub(super) fn resampled(
        bytes: &[u8],
        (width, height): (u32, u32),
        samples: Samples,
        part: Part,
        target: (u32, u32),
        kernel: Kernel,
    ) -> Result<Self, Impossible> {
        let source = images::ImageRef::new(width, height, bytes, samples.pixel_type()).map_err(broken)?;
        let mut image = images::Image::new(target.0, target.1, samples.pixel_type());
        let filter = match kernel {
            Kernel::Lanczos3 => Filter::new("Lanczos3", lanczos3, 3.0),
            Kernel::Interpolated => Filter::new("for interpolation", interpolated, 2.75),
        };
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Custom(filter.map_err(broken)?)))
            .crop(part.left, part.top, part.width, part.height)
            // The fourth sample is black, not transparency.
            .use_alpha(false);
        Resizer::new().resize(&source, &mut image, &options).map_err(broken)?;
        Ok(Self { width: target.0, height: target.1, samples, bytes: image.into_vec() })
    }

    /// Rotates and mirrors the image to stand upright. Does not support inks, because they are converted before.
    pub(super) fn upright(self, orientation: Orientation) -> Result<Self, Impossible> {
        let turn = metadata::Orientation::from_exif(orientation as u8).unwrap_or(metadata::Orientation::NoTransforms);
        if turn == metadata::Orientation::NoTransforms {
            return Ok(self);
        }
        let Self { width, height, samples, bytes } = self;
        let picture = match samples {
            Samples::Gray => GrayImage::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8),
            _ => RgbImage::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8),
        };
        let mut picture = picture.ok_or_else(|| broken("the decoder gave too few pixels"))?;
        picture.apply_orientation(turn);
        Ok(Self { width: picture.width(), height: picture.height(), samples, bytes: picture.into_bytes() })
    }
}

/// sinc(x) · sinc(x / 3), without the two sines that are most of what the library's own costs: with t = πx / 3, sin t /
/// t is a series, and sin 3t = 3 sin t − 4 sin³ t.
fn lanczos3(x: f64) -> f64 {
    /// The number of terms that keeps full precision up to t = π.
    const SERIES: [f64; 12] = [
        1.0 / (24.0 * 25.0),
        1.0 / (22.0 * 23.0),
        1.0 / (20.0 * 21.0),
        1.0 / (18.0 * 19.0),
        1.0 / (16.0 * 17.0),
        1.0 / (14.0 * 15.0),
        1.0 / (12.0 * 13.0),
        1.0 / (10.0 * 11.0),
        1.0 / (8.0 * 9.0),
        1.0 / (6.0 * 7.0),
        1.0 / (4.0 * 5.0),
        1.0 / (2.0 * 3.0),
    ];
    if x.abs() >= 3.0 {
        return 0.0;
    }
    let square = (x * PI / 3.0).powi(2);
    let sinc = SERIES.iter().fold(1.0, |sum, factor| 1.0 - square * factor * sum);
    sinc * sinc * (1.0 - 4.0 / 3.0 * square * sinc * sinc)
}

/// The least squares' weights are ⅔, −2/9, 2/27, … for the pixels at ±½, ±2½, ±4½, …, none for those between. After
/// encoding, ⅝ and −⅛ are as good, and reach no further than Lanczos3 itself. From a table: four times Lanczos3 for
/// each weight were 4 % of a thumbnail's time.
fn interpolated(x: f64) -> f64 {
    const STEPS: u32 = 1024;
    static TABLE: LazyLock<Vec<f64>> = LazyLock::new(|| {
        let both = |x: f64, apart: f64| lanczos3(2.0 * x - apart) + lanczos3(2.0 * x + apart);
        let weight = |x: f64| 5.0 * both(x, 0.5) - both(x, 2.5);
        (0..=3 * STEPS).map(|step| weight(f64::from(step) / f64::from(STEPS))).collect()
    });
    let place = x.abs() * f64::from(STEPS);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; too large is saturated")]
    let step = place as usize;
    match TABLE.get(step..step.saturating_add(2)) {
        Some(&[low, high]) => low + (high - low) * place.fract(),
        _ => 0.0,
    }
}

/// Returns width and height with a long edge of at most `size`. It never enlarges, and each side has at least one
/// pixel.
pub(super) fn fit(width: u32, height: u32, size: u32) -> (u32, u32) {
    let size = size.max(1);
    let long = width.max(height);
    if long <= size {
        return (width, height);
    }
    let scaled = |side: u32| {
        let rounded = (u64::from(side) * u64::from(size) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(rounded).unwrap_or(size).max(1)
    };
    (scaled(width), scaled(height))
}

/// Converts a number of pixels of a library.
pub(super) fn side(pixels: usize) -> u32 {
    u32::try_from(pixels).unwrap_or(u32::MAX)
}

pub(super) fn broken(error: impl std::fmt::Display) -> Impossible {
    Impossible::Broken(error.to_string())
}
