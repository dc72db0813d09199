//! JPEG through libjpeg-turbo: the entropy decoding of the photos is where an ingest spends its time.

use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat, ScalingFactor};

use super::{
    Impossible, Limits,
    pixels::{Pixels, Samples, broken},
};
use crate::original::inspect::jpeg;

/// Scales that have SIMD code; the others are slower than full size.
const SCALES: [ScalingFactor; 3] = [ScalingFactor::ONE_EIGHTH, ScalingFactor::ONE_QUARTER, ScalingFactor::ONE_HALF];

/// Decodes at the smallest scale that is good enough for a long edge of `largest`.
pub(super) fn decode(bytes: &[u8], largest: u32, limits: &Limits) -> Result<(Pixels, Option<Vec<u8>>), Impossible> {
    let mut decoder = Decompressor::new().map_err(broken)?;
    let profile = jpeg::icc_profile(bytes);
    let picture = if let Ok(header) = decoder.read_header(bytes) {
        decode_pixels(&mut decoder, bytes, header, largest, limits)?
    } else {
        // Odd metadata (a colour profile with a part missing, a strange version) is an error to the library's header
        // reader, though the picture is sound. What remains an error without metadata is one.
        let bare = jpeg::without_metadata(bytes);
        let header = decoder.read_header(&bare).map_err(broken)?;
        decode_pixels(&mut decoder, &bare, header, largest, limits)?
    };
    let adobe = jpeg::has_adobe_segment(bytes);
    Ok((if picture.samples == Samples::Cmyk && adobe { inverted(picture) } else { picture }, profile))
}

fn decode_pixels(
    decoder: &mut Decompressor,
    bytes: &[u8],
    header: turbojpeg::DecompressHeader,
    largest: u32,
    limits: &Limits,
) -> Result<Pixels, Impossible> {
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let (width, height) = (side(header.width), side(header.height));
    // The library reads the header by itself: what it will decode counts, not what the inspection saw.
    if width.max(height) > limits.max_side || u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(Impossible::TooLarge { width, height });
    }
    decoder.set_scan_limit(limits.scans(u64::from(width) * u64::from(height))).map_err(broken)?;
    let scale = if header.is_lossless { ScalingFactor::ONE } else { scale(width.max(height), largest) };
    decoder.set_scaling_factor(scale).map_err(broken)?;
    let (samples, format) = match header.colorspace {
        Colorspace::Gray => (Samples::Gray, PixelFormat::GRAY),
        Colorspace::RGB | Colorspace::YCbCr => (Samples::Rgb, PixelFormat::RGB),
        Colorspace::CMYK | Colorspace::YCCK => (Samples::Cmyk, PixelFormat::CMYK),
    };
    let scaled = header.scaled(scale);
    let pitch = scaled.width * samples.per_pixel();
    let mut pixels = vec![0; pitch * scaled.height];
    let target = Image { pixels: pixels.as_mut_slice(), width: scaled.width, pitch, height: scaled.height, format };
    match decoder.decompress(bytes, target) {
        Err(error) if !is_warning(&error) => return Err(broken(error)),
        _ => {}
    }
    Ok(Pixels { width: side(scaled.width), height: side(scaled.height), samples, bytes: pixels })
}

/// The smallest scale with a long edge of at least 1.25 × `largest`, else full size.
pub(super) fn scale(long_edge: u32, largest: u32) -> ScalingFactor {
    let enough = |scale: &ScalingFactor| {
        let scaled = u64::from(long_edge).div_ceil(u64::try_from(scale.denom()).unwrap_or(1));
        scaled * 4 >= u64::from(largest) * 5
    };
    SCALES.into_iter().find(enough).unwrap_or(ScalingFactor::ONE)
}

/// Whether the library decoded to the end, though something was wrong on the way: a cut file, a damaged part. It has
/// only the text to tell by (jerror.h, the messages named JWRN), and none of its errors begins like these.
fn is_warning(error: &turbojpeg::Error) -> bool {
    let turbojpeg::Error::TurboJpegError(text) = error else { return false };
    [
        "Corrupt JPEG data",
        "Premature end of JPEG file",
        "Inconsistent progression",
        "Invalid SOS parameters",
        "Unknown Adobe",
    ]
    .iter()
    .any(|warning| text.starts_with(warning))
}

fn inverted(mut pixels: Pixels) -> Pixels {
    for byte in &mut pixels.bytes {
        *byte = !*byte;
    }
    pixels
}
