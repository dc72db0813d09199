//! Decodes PNG, GIF, WebP and BMP with the `image` crate.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader};

use super::{
    Impossible, ThumbnailLimits, colour,
    pixels::{Pixels, Samples, broken},
};
use crate::picture::inspect::Kind;

/// Decodes the picture, or the first frame of an animation.
pub(super) fn decode(
    bytes: &[u8],
    kind: Kind,
    limits: &ThumbnailLimits,
) -> Result<(Pixels, Option<Vec<u8>>), Impossible> {
    let format = match kind {
        Kind::Png => ImageFormat::Png,
        Kind::Gif => ImageFormat::Gif,
        Kind::Webp => ImageFormat::WebP,
        Kind::Bmp => ImageFormat::Bmp,
        other => return Err(Impossible::Unsupported(other)),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(library_limits(limits));
    let mut decoder = reader.into_decoder().map_err(|error| refused(kind, error))?;
    // Check the size in the decoder, because it allocates by its own header and not by the inspection.
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(Impossible::TooLarge { width, height });
    }
    if decoder.total_bytes() > limits.max_memory {
        return Err(Impossible::TooHungry { bytes: decoder.total_bytes() });
    }
    let profile = decoder.icc_profile().ok().flatten();
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| refused(kind, error))?;
    Ok((plain(picture), profile))
}

fn library_limits(limits: &ThumbnailLimits) -> image::Limits {
    let mut strict = image::Limits::no_limits();
    strict.max_image_width = Some(limits.max_side);
    strict.max_image_height = Some(limits.max_side);
    strict.max_alloc = Some(limits.max_memory);
    strict
}

/// Converts to eight bits per sample without transparency.
fn plain(picture: DynamicImage) -> Pixels {
    let (width, height) = (picture.width(), picture.height());
    let (samples, bytes) = match picture {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_) => (Samples::Gray, picture.into_luma8().into_raw()),
        picture if picture.color().has_alpha() => (Samples::Rgb, colour::on_white(picture.into_rgba8().into_raw())),
        picture => (Samples::Rgb, picture.into_rgb8().into_raw()),
    };
    Pixels { width, height, samples, bytes }
}

fn refused(kind: Kind, error: ImageError) -> Impossible {
    match error {
        ImageError::Unsupported(_) => Impossible::Unsupported(kind),
        error => broken(error),
    }
}
