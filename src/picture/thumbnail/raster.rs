//! Decodes PNG, GIF, WebP and BMP with the `image` crate.

use std::{borrow::Cow, io::Cursor};

use image::{DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader};

use super::{
    Impossible, ThumbnailLimits, colour,
    pixels::{Pixels, Samples, broken},
};
use crate::picture::inspect::{Kind, MAX_PROFILE, bmp, png, webp};

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
    let sound = match kind {
        Kind::Png => png::mended(bytes),
        Kind::Webp => webp::with_true_flags(bytes),
        Kind::Bmp => bmp::with_true_offset(bytes),
        _ => None,
    };
    let sound = sound.map_or(Cow::Borrowed(bytes), Cow::Owned);
    let mut reader = ImageReader::with_format(Cursor::new(&*sound), format);
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
    let profile = match kind {
        Kind::Png => png::icc_profile(bytes),
        Kind::Webp => webp::icc_profile(bytes).map(<[u8]>::to_vec),
        _ => decoder.icc_profile().ok().flatten().filter(|profile| profile.len() <= MAX_PROFILE),
    };
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| refused(kind, error))?;
    Ok((plain(picture, kind), profile))
}

fn library_limits(limits: &ThumbnailLimits) -> image::Limits {
    let mut strict = image::Limits::no_limits();
    strict.max_image_width = Some(limits.max_side);
    strict.max_image_height = Some(limits.max_side);
    strict.max_alloc = Some(limits.max_memory);
    strict
}

/// Converts to eight bits per sample without transparency.
fn plain(picture: DynamicImage, kind: Kind) -> Pixels {
    let (width, height) = (picture.width(), picture.height());
    let (samples, bytes) = match picture {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_) => (Samples::Gray, picture.into_luma8().into_raw()),
        // Programs write a bitmap with a mask for alpha and leave all alpha zero. Windows shows it opaque.
        picture if kind == Kind::Bmp && is_invisible(&picture) => (Samples::Rgb, picture.into_rgb8().into_raw()),
        picture if picture.color().has_alpha() => (Samples::Rgb, colour::on_white(picture.into_rgba8().into_raw())),
        picture => (Samples::Rgb, picture.into_rgb8().into_raw()),
    };
    Pixels { width, height, samples, bytes }
}

fn is_invisible(picture: &DynamicImage) -> bool {
    picture.as_rgba8().is_some_and(|picture| picture.pixels().all(|pixel| pixel.0[3] == 0))
}

fn refused(kind: Kind, error: ImageError) -> Impossible {
    match error {
        ImageError::Unsupported(_) => Impossible::Unsupported(kind),
        error => broken(error),
    }
}
