//! Converts the small image to sRGB on white. The small image has few pixels, so this costs little.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::pixels::{Pixels, Samples};

/// Converts to three sRGB samples per pixel. A broken profile, or one for another colour model, is ignored. The image
/// then counts as sRGB, gray or plain inks.
pub(super) fn to_srgb(pixels: Pixels, profile: Option<&[u8]>) -> Pixels {
    let bytes = profile.and_then(|profile| by_profile(&pixels, profile)).unwrap_or_else(|| match pixels.samples {
        Samples::Rgb => pixels.bytes,
        Samples::Gray => pixels.bytes.iter().flat_map(|gray| [*gray; 3]).collect(),
        Samples::Cmyk => by_ink(&pixels.bytes),
    });
    Pixels { samples: Samples::Rgb, bytes, ..pixels }
}

fn by_profile(pixels: &Pixels, profile: &[u8]) -> Option<Vec<u8>> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let layout = match (pixels.samples, profile.color_space) {
        (Samples::Gray, DataColorSpace::Gray) => Layout::Gray,
        (Samples::Rgb, DataColorSpace::Rgb) => Layout::Rgb,
        // The library uses the positions of red, green, blue and alpha for four inks.
        (Samples::Cmyk, DataColorSpace::Cmyk) => Layout::Rgba,
        _ => return None,
    };
    let transform = profile
        .create_transform_8bit(layout, &ColorProfile::new_srgb(), Layout::Rgb, TransformOptions::default())
        .ok()?;
    let mut rgb = vec![0; pixels.bytes.len() / pixels.samples.per_pixel() * 3];
    transform.transform(&pixels.bytes, &mut rgb).ok()?;
    Some(rgb)
}

/// Converts inks without a profile. Each ink removes its part of the light, and black removes a part of all.
fn by_ink(bytes: &[u8]) -> Vec<u8> {
    bytes
        .chunks_exact(4)
        .flat_map(|inks| {
            let light = u16::from(255 - inks[3]);
            [inks[0], inks[1], inks[2]].map(|ink| scale_255(u16::from(255 - ink) * light))
        })
        .collect()
}

/// Blends RGBA with white in place and removes the alpha samples.
pub(super) fn on_white(bytes: Vec<u8>) -> Vec<u8> {
    blended(bytes, |colour, alpha| scale_255(colour * alpha + 255 * (255 - alpha)))
}

/// As [`on_white`], for colours that are multiplied by their alpha already.
pub(super) fn associated_on_white(bytes: Vec<u8>) -> Vec<u8> {
    blended(bytes, |colour, alpha| u8::try_from(colour + 255 - alpha).unwrap_or(u8::MAX))
}

fn blended(mut bytes: Vec<u8>, blend: impl Fn(u16, u16) -> u8) -> Vec<u8> {
    let pixels = bytes.len() / 4;
    for n in 0..pixels {
        let (from, to) = (4 * n, 3 * n);
        let alpha = u16::from(bytes[from + 3]);
        for sample in 0..3 {
            let colour = u16::from(bytes[from + sample]);
            bytes[to + sample] = blend(colour, alpha);
        }
    }
    bytes.truncate(3 * pixels);
    bytes
}

/// Scales the product of two samples to one sample, rounded.
fn scale_255(product: u16) -> u8 {
    u8::try_from((u32::from(product) + 127) / 255).unwrap_or(u8::MAX)
}
