//! What the shortcuts on the way to a thumbnail cost after encoding: the best there can be is the photo decoded in full,
//! resized by Lanczos3 at once and encoded alike. Both are compared with that resized photo before encoding.

use std::{
    io::Cursor,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, anyhow};
use fast_image_resize::{PixelType, Resizer, images};
use image::{DynamicImage, RgbImage, metadata::Orientation};
use moxcms::{ColorProfile, Layout, TransformOptions};
use serde_json::{Value, json};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};
use yinku::picture::{
    inspect::{Inspection, inspect},
    thumbnail::{ThumbnailLimits, thumbnails},
};

use crate::corpus::{self, Picture};

const SIZES: [u32; 2] = [256, 1280];
const QUALITY: i32 = 80;

pub(crate) fn measure(directory: &Path) -> anyhow::Result<Value> {
    let photos = corpus::load(directory)?;
    let (next, losses) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(photo) = photos.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let lost = loss(photo).with_context(|| photo.name.clone());
                    losses.lock().unwrap_or_else(PoisonError::into_inner).push(lost);
                }
            });
        }
    });
    let losses = losses.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Value::Array(losses.into_iter().collect::<anyhow::Result<_>>()?))
}

/// In dB, for each size.
fn loss(photo: &Picture) -> anyhow::Result<Value> {
    let inspection = inspect(&photo.bytes);
    let ours = thumbnails(&photo.bytes, &inspection, &SIZES, &ThumbnailLimits::default())?;
    let full = full(&photo.bytes, &inspection)?;
    let mut told = json!({ "name": photo.name });
    for made in ours {
        let ours = decoded(&made.jpeg)?;
        let truth = resized(&full, ours.width(), ours.height())?;
        let best = decoded(&encoded(&truth)?)?;
        told[made.size.to_string()] = (psnr(&best, &truth)? - psnr(&ours, &truth)?).into();
    }
    Ok(told)
}

/// The photo in full size: upright, in sRGB.
fn full(bytes: &[u8], inspection: &Inspection) -> anyhow::Result<RgbImage> {
    let mut picture = if bytes.starts_with(&[0xff, 0xd8]) {
        DynamicImage::ImageRgb8(decoded(bytes)?)
    } else {
        image::load(Cursor::new(bytes), image::ImageFormat::Png)?
    };
    if let Some(orientation) = Orientation::from_exif(inspection.orientation as u8) {
        picture.apply_orientation(orientation);
    }
    let picture = picture.into_rgb8();
    match profile(bytes) {
        Some(profile) => in_srgb(&picture, profile),
        None => Ok(picture),
    }
}

/// The colour profile of a JPEG whose profile lies in one segment, as the corpus has it.
fn profile(bytes: &[u8]) -> Option<&[u8]> {
    let marker = b"ICC_PROFILE\0\x01\x01";
    let at = bytes.get(..8192)?.windows(marker.len()).position(|window| window == marker)?;
    let length = usize::from(u16::from_be_bytes([bytes[at - 2], bytes[at - 1]]));
    bytes.get(at + marker.len()..at - 2 + length)
}

fn in_srgb(picture: &RgbImage, profile: &[u8]) -> anyhow::Result<RgbImage> {
    let profile = ColorProfile::new_from_slice(profile).map_err(|error| anyhow!("{error}"))?;
    let transform = profile
        .create_transform_8bit(Layout::Rgb, &ColorProfile::new_srgb(), Layout::Rgb, TransformOptions::default())
        .map_err(|error| anyhow!("{error}"))?;
    let (width, height) = picture.dimensions();
    let mut rgb = vec![0; picture.as_raw().len()];
    transform.transform(picture.as_raw(), &mut rgb).map_err(|error| anyhow!("{error}"))?;
    RgbImage::from_raw(width, height, rgb).context("too few pixels")
}

fn decoded(jpeg: &[u8]) -> anyhow::Result<RgbImage> {
    let image = turbojpeg::decompress(jpeg, PixelFormat::RGB)?;
    let (width, height) = (u32::try_from(image.width)?, u32::try_from(image.height)?);
    RgbImage::from_raw(width, height, image.pixels).context("too few pixels")
}

fn resized(picture: &RgbImage, width: u32, height: u32) -> anyhow::Result<RgbImage> {
    let source = images::ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x3)?;
    let mut target = images::Image::new(width, height, PixelType::U8x3);
    Resizer::new().resize(&source, &mut target, None)?;
    RgbImage::from_raw(width, height, target.into_vec()).context("too few pixels")
}

fn encoded(picture: &RgbImage) -> anyhow::Result<Vec<u8>> {
    let mut encoder = Compressor::new()?;
    encoder.set_quality(QUALITY)?;
    encoder.set_subsamp(Subsamp::Sub2x2)?;
    let (width, height) = (usize::try_from(picture.width())?, usize::try_from(picture.height())?);
    let pixels = picture.as_raw().as_slice();
    Ok(encoder.compress_to_vec(Image { pixels, width, pitch: width * 3, height, format: PixelFormat::RGB })?)
}

/// Peak signal to noise ratio in dB.
fn psnr(a: &RgbImage, b: &RgbImage) -> anyhow::Result<f64> {
    anyhow::ensure!(a.dimensions() == b.dimensions(), "different sizes");
    let squares: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mean = squares as f64 / a.as_raw().len() as f64;
    Ok(10.0 * (255.0 * 255.0 / mean).log10())
}
