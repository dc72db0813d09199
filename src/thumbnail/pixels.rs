use fast_image_resize::{PixelType, ResizeOptions, Resizer, images};

use super::Impossible;

/// What the bytes of a pixel mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Samples {
    Gray,
    Rgb,
    /// Amounts of ink: 255 is full.
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

/// A decoded picture, eight bits a sample, rows without padding.
#[derive(Debug)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) samples: Samples,
    pub(super) bytes: Vec<u8>,
}

impl Pixels {
    /// The picture with a long edge of `size`, by Lanczos3; itself if it is no larger.
    pub(super) fn shrink(self, size: u32) -> Result<Self, Impossible> {
        let (width, height) = fit(self.width, self.height, size);
        if (width, height) == (self.width, self.height) {
            return Ok(self);
        }
        let kind = self.samples.pixel_type();
        let source = images::ImageRef::new(self.width, self.height, &self.bytes, kind).map_err(broken)?;
        let mut target = images::Image::new(width, height, kind);
        // The fourth sample is black, not transparency.
        let options = ResizeOptions::new().use_alpha(false);
        Resizer::new().resize(&source, &mut target, &options).map_err(broken)?;
        Ok(Self { width, height, samples: self.samples, bytes: target.into_vec() })
    }
}

/// Width and height with a long edge of at most `size`, never enlarged, no side below one pixel.
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

pub(super) fn broken(error: impl std::fmt::Display) -> Impossible {
    Impossible::Broken(error.to_string())
}
