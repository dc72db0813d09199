//! An image as one plane of light and two smaller planes of colour, as in most JPEG files. With planes from decoding to
//! encoding, no colour is converted and half as many samples are resized.

use turbojpeg::YuvImage;

use super::{
    Impossible,
    pixels::{Kernel, Part, Pixels, Samples, broken, fit, side},
};
use crate::picture::inspect::Orientation;

/// Light at full size and two colours at half size, rounded up (4:2:0), without padding. On an odd side the last colour
/// samples belong to one row or column of light.
#[derive(Debug)]
pub(super) struct Planes {
    pub(super) light: Pixels,
    pub(super) colours: [Pixels; 2],
}

/// Planes with any subsampling.
struct Source<'a> {
    /// The visible part of the planes, in pixels and fractions of pixels.
    shown: (f64, f64),
    light: Plane<'a>,
    colours: [Plane<'a>; 2],
    /// The number of pixels per colour sample.
    across: u32,
    down: u32,
    /// True for each direction that the orientation mirrors.
    mirrored: (bool, bool),
}

#[derive(Clone, Copy)]
struct Plane<'a> {
    width: u32,
    height: u32,
    bytes: &'a [u8],
}

impl Planes {
    /// Makes decoded planes upright with a long edge of at most `size`. The last decoded pixels can be partly outside
    /// of
    /// `shown`.
    pub(super) fn shrunk(
        decoded: &YuvImage<Vec<u8>>,
        shown: (f64, f64),
        size: u32,
        orientation: Orientation,
    ) -> Result<Self, Impossible> {
        let plane = |bytes, (width, height)| Plane { width: side(width), height: side(height), bytes };
        let count = |(width, height): (usize, usize)| width * height;
        let few = || broken("the decoder gave too few pixels");
        let (light, colours) = decoded.pixels.split_at_checked(count(decoded.y_size())).ok_or_else(few)?;
        let (blue, red) = colours.split_at_checked(count(decoded.uv_size())).ok_or_else(few)?;
        let source = Source {
            shown,
            // The decoder pads to whole cells of colour.
            light: plane(light, decoded.y_size()),
            colours: [blue, red].map(|bytes| plane(bytes, decoded.uv_size())),
            across: side(decoded.subsamp.width()),
            down: side(decoded.subsamp.height()),
            mirrored: orientation.mirrors(),
        };
        let Self { light, colours: [blue, red] } =
            source.resized(fit(side(decoded.width), side(decoded.height), size))?;
        Ok(Self {
            light: light.upright(orientation)?,
            colours: [blue.upright(orientation)?, red.upright(orientation)?],
        })
    }

    /// Returns the image with a long edge of `size`, or itself if it is not larger.
    pub(super) fn shrink(self, size: u32) -> Result<Self, Impossible> {
        let Pixels { width, height, .. } = self.light;
        let fitted = fit(width, height, size);
        if fitted == (width, height) {
            return Ok(self);
        }
        let source = Source {
            shown: (width.into(), height.into()),
            light: Plane::of(&self.light),
            colours: [Plane::of(&self.colours[0]), Plane::of(&self.colours[1])],
            across: 2,
            down: 2,
            mirrored: (false, false),
        };
        source.resized(fitted)
    }
}

impl Source<'_> {
    fn resized(&self, (width, height): (u32, u32)) -> Result<Planes, Impossible> {
        let shown = Part { left: 0.0, top: 0.0, width: self.shown.0, height: self.shown.1 };
        let [blue, red] = &self.colours;
        Ok(Planes {
            light: self.light.resample(shown, (width, height), Kernel::Lanczos3)?,
            colours: [self.colour(blue, (width, height))?, self.colour(red, (width, height))?],
        })
    }

    /// The colour plane for a picture of so many pixels. Its samples cover two pixels each, the last ones of an odd
    /// side too, or the first ones if the picture will be mirrored: there they reach over the edge of the source.
    fn colour(&self, plane: &Plane<'_>, (width, height): (u32, u32)) -> Result<Pixels, Impossible> {
        let target = (width.div_ceil(2), height.div_ceil(2));
        let axis = |source: f64, target: u32, cell: u32, mirrored: bool| {
            // The unit is one sample of the colour plane of the source.
            let pixel = source / f64::from(target) / f64::from(cell);
            let over = if target % 2 == 1 { pixel } else { 0.0 };
            (if mirrored { -over } else { 0.0 }, f64::from(target) * pixel + over)
        };
        let (left, across) = axis(self.shown.0, width, self.across, self.mirrored.0);
        let (top, down) = axis(self.shown.1, height, self.down, self.mirrored.1);
        let part = Part { left, top, width: across, height: down };
        // Below 1.5 source samples per output sample, Lanczos3 at the size of the samples has the smaller error.
        let enough = across >= 1.5 * f64::from(target.0) && down >= 1.5 * f64::from(target.1);
        let kernel = if enough { Kernel::Interpolated } else { Kernel::Lanczos3 };
        if left + across <= plane.width.into() && top + down <= plane.height.into() && left >= 0.0 && top >= 0.0 {
            return plane.resample(part, target, kernel);
        }
        let margin = 1 + plane.width.div_ceil(width).max(plane.height.div_ceil(height));
        let (bytes, width, height) = plane.widened(margin);
        let part = Part { left: left + f64::from(margin), top: top + f64::from(margin), ..part };
        Plane { width, height, bytes: &bytes }.resample(part, target, kernel)
    }
}

impl<'a> Plane<'a> {
    fn of(pixels: &'a Pixels) -> Self {
        Self { width: pixels.width, height: pixels.height, bytes: &pixels.bytes }
    }

    fn resample(&self, part: Part, target: (u32, u32), kernel: Kernel) -> Result<Pixels, Impossible> {
        Pixels::resampled(self.bytes, (self.width, self.height), Samples::Gray, part, target, kernel)
    }

    /// Repeats the edges of the plane `margin` times on each side.
    fn widened(&self, margin: u32) -> (Vec<u8>, u32, u32) {
        let index = |side: u32| usize::try_from(side).unwrap_or(usize::MAX);
        let (width, height) = (self.width + 2 * margin, self.height + 2 * margin);
        let mut bytes = Vec::with_capacity(index(width) * index(height));
        for y in 0..height {
            let at = index(y.saturating_sub(margin).min(self.height - 1)) * index(self.width);
            let row = &self.bytes[at..at + index(self.width)];
            bytes.extend(std::iter::repeat_n(row[0], index(margin)));
            bytes.extend_from_slice(row);
            bytes.extend(std::iter::repeat_n(row[row.len() - 1], index(margin)));
        }
        (bytes, width, height)
    }
}
