//! Decodes JPEG with libjpeg-turbo. Entropy decoding takes most of the time of an ingest.

use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage};

use super::{
    Impossible, ThumbnailLimits,
    pixels::{Pixels, Samples, broken, side},
};
use crate::picture::inspect::jpeg::{self, JpegCoding};

/// The scales with SIMD code. Other scales are slower than full size.
const SCALES: [ScalingFactor; 3] = [ScalingFactor::ONE_EIGHTH, ScalingFactor::ONE_QUARTER, ScalingFactor::ONE_HALF];

pub(super) enum Decoded {
    /// sRGB planes and their visible part. If an odd side is decoded at half scale, only half of the last pixel is
    /// visible.
    Planes(YuvImage<Vec<u8>>, (f64, f64)),
    /// Pixels with their colour profile.
    Pixels(Pixels, Option<Vec<u8>>),
}

/// Decodes at the smallest sufficient scale for a long edge of `largest`.
pub(super) fn decode(
    bytes: &[u8],
    coding: JpegCoding,
    largest: u32,
    limits: &ThumbnailLimits,
) -> Result<Decoded, Impossible> {
    let mut decoder = Decompressor::new().map_err(broken)?;
    if !coding.bare
        && let Ok(header) = decoder.read_header(bytes)
    {
        return decode_after(&header, &mut decoder, (bytes, bytes), largest, limits);
    }
    // The header reader of the library fails on odd metadata, such as an incomplete colour profile. Such an image can
    // still be decoded, so try again without metadata.
    let bare = jpeg::without_metadata(bytes);
    let header = decoder.read_header(&bare).map_err(broken)?;
    let described = if coding.bare { &bare } else { bytes };
    decode_after(&header, &mut decoder, (&bare, described), largest, limits)
}

/// Decodes `bytes`. `whole` also has the metadata.
fn decode_after(
    header: &DecompressHeader,
    decoder: &mut Decompressor,
    (bytes, whole): (&[u8], &[u8]),
    largest: u32,
    limits: &ThumbnailLimits,
) -> Result<Decoded, Impossible> {
    let (width, height) = (side(header.width), side(header.height));
    // Check the size in the library's header, because the library decodes by its own header and not by the inspection.
    if width.max(height) > limits.max_side || u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(Impossible::TooLarge { width, height });
    }
    decoder.set_scan_limit(limits.scans(u64::from(width) * u64::from(height))).map_err(broken)?;
    let scale = if header.is_lossless { ScalingFactor::ONE } else { scale(width.max(height), largest) };
    decoder.set_scaling_factor(scale).map_err(broken)?;
    let profile = jpeg::icc_profile(whole);
    // 4:1:1 and 4:4:1 have a quarter of the colour samples of one side. A smaller scale would leave too few.
    let usual = matches!(header.subsamp, Subsamp::None | Subsamp::Sub2x1 | Subsamp::Sub2x2 | Subsamp::Sub1x2);
    let planar = header.colorspace == Colorspace::YCbCr && usual && !header.is_lossless;
    if planar && profile.is_none() {
        let denominator = f64::from(side(scale.denom()));
        let shown = (f64::from(width) / denominator, f64::from(height) / denominator);
        return Ok(Decoded::Planes(decode_planes(decoder, bytes, header.scaled(scale))?, shown));
    }
    let pixels = decode_pixels(decoder, bytes, header.scaled(scale))?;
    let inverted = pixels.samples == Samples::Cmyk && jpeg::has_adobe_segment(whole);
    Ok(Decoded::Pixels(if inverted { invert(pixels) } else { pixels }, profile))
}

fn decode_planes(
    decoder: &mut Decompressor,
    bytes: &[u8],
    scaled: DecompressHeader,
) -> Result<YuvImage<Vec<u8>>, Impossible> {
    let DecompressHeader { width, height, subsamp, .. } = scaled;
    let pixels = vec![0; turbojpeg::yuv_pixels_len(width, 1, height, subsamp).map_err(broken)?];
    let mut planes = YuvImage { pixels, width, align: 1, height, subsamp };
    warned(decoder.decompress_to_yuv(bytes, planes.as_deref_mut()))?;
    Ok(planes)
}

fn decode_pixels(decoder: &mut Decompressor, bytes: &[u8], scaled: DecompressHeader) -> Result<Pixels, Impossible> {
    let DecompressHeader { width, height, .. } = scaled;
    let (samples, format) = match scaled.colorspace {
        Colorspace::Gray => (Samples::Gray, PixelFormat::GRAY),
        Colorspace::RGB | Colorspace::YCbCr => (Samples::Rgb, PixelFormat::RGB),
        Colorspace::CMYK | Colorspace::YCCK => (Samples::Cmyk, PixelFormat::CMYK),
    };
    let pitch = width * samples.per_pixel();
    let mut pixels = vec![0; pitch * height];
    warned(decoder.decompress(bytes, Image { pixels: pixels.as_mut_slice(), width, pitch, height, format }))?;
    Ok(Pixels { width: side(width), height: side(height), samples, bytes: pixels })
}

/// Returns the smallest scale with a long edge of at least 1.25 × `largest`, else full size.
pub(super) fn scale(long_edge: u32, largest: u32) -> ScalingFactor {
    let enough = |scale: &ScalingFactor| {
        let scaled = u64::from(long_edge).div_ceil(u64::try_from(scale.denom()).unwrap_or(1));
        scaled * 4 >= u64::from(largest) * 5
    };
    SCALES.into_iter().find(enough).unwrap_or(ScalingFactor::ONE)
}

/// Ignores warnings, because the image was decoded.
fn warned(result: turbojpeg::Result<()>) -> Result<(), Impossible> {
    result.or_else(|error| if is_warning(&error) { Ok(()) } else { Err(broken(error)) })
}

/// Returns true if the library decoded to the end with a warning, such as an incomplete file. Only the text of the
/// message shows a warning (jerror.h, the messages named JWRN). No error text of the library starts with these texts.
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

fn invert(mut pixels: Pixels) -> Pixels {
    for byte in &mut pixels.bytes {
        *byte = !*byte;
    }
    pixels
}
