//! Decodes the first page of a TIFF: uncompressed, LZW, Deflate, PackBits, CCITT group 4, JPEG.

use std::io::Cursor;

use tiff::{
    ColorType, TiffError,
    decoder::{BufferLayoutPreference, Decoder, DecodingResult, Limits},
};

use super::super::{
    Impossible, ThumbnailLimits, colour,
    pixels::{Pixels, Samples, broken},
};
use crate::picture::inspect::{
    Kind, MAX_PROFILE,
    tiff::{TiffPalette, put_bits_in_order},
};

const ICC_PROFILE: u16 = 0x8773;
/// The alpha of such a picture is multiplied into its colours.
const ASSOCIATED: u16 = 1;

pub(super) fn decode(mut bytes: Vec<u8>, limits: &ThumbnailLimits) -> Result<(Pixels, Option<Vec<u8>>), Impossible> {
    // The library refuses palettes, so it gets the indices as gray.
    let palette = TiffPalette::read(&bytes);
    if let Some(palette) = &palette {
        palette.show_as_gray(&mut bytes);
    }
    put_bits_in_order(&mut bytes);
    let most = usize::try_from(limits.max_memory).unwrap_or(usize::MAX);
    let mut allowed = Limits::default();
    (allowed.decoding_buffer_size, allowed.intermediate_buffer_size) = (most, most);
    allowed.ifd_value_size = MAX_PROFILE;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(refused)?.with_limits(allowed);
    let (width, height) = decoder.dimensions().map_err(refused)?;
    if width.max(height) > limits.max_side || u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(Impossible::TooLarge { width, height });
    }
    let kind = decoder.colortype().map_err(refused)?;
    let mut samples = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut samples).map_err(refused)?;
    let profile = decoder.get_tag_u8_vec(tiff::tags::Tag::from_u16_exhaustive(ICC_PROFILE)).ok();
    let shape = Shape { width: index(width), height: index(height), samples: usize::from(kind.num_samples()) };
    let samples = chunky(eight_bits(samples, kind.bit_depth(), shape, &layout)?, shape, &layout);
    if samples.len() != shape.width * shape.height * shape.samples {
        return Err(broken("it has another number of samples than its header says"));
    }
    let extra = decoder.find_tag_unsigned_vec::<u16>(tiff::tags::Tag::ExtraSamples).ok().flatten().unwrap_or_default();
    let on_white = if extra.first() == Some(&ASSOCIATED) { colour::associated_on_white } else { colour::on_white };
    let (samples, bytes) = plain(samples, kind, palette, on_white)?;
    Ok((Pixels { width, height, samples, bytes }, profile))
}

#[derive(Clone, Copy)]
struct Shape {
    width: usize,
    height: usize,
    /// Samples of one pixel.
    samples: usize,
}

fn index(side: u32) -> usize {
    usize::try_from(side).unwrap_or(usize::MAX)
}

/// Returns eight bits for each sample.
fn eight_bits(
    decoded: DecodingResult,
    bits: u8,
    shape: Shape,
    layout: &BufferLayoutPreference,
) -> Result<Vec<u8>, Impossible> {
    Ok(match decoded {
        DecodingResult::U8(bytes) if bits == 8 => bytes,
        DecodingResult::U8(bytes) if matches!(bits, 1 | 2 | 4) => {
            let in_row = if layout.planes > 1 { shape.width } else { shape.width * shape.samples };
            unpacked(&bytes, usize::from(bits), in_row)
        }
        DecodingResult::U16(words) => words.into_iter().map(|word| word.to_be_bytes()[0]).collect(),
        DecodingResult::U32(words) => words.into_iter().map(|word| word.to_be_bytes()[0]).collect(),
        _ => return Err(Impossible::Unsupported(Kind::Tiff)),
    })
}

/// Unpacks rows of `in_row` samples. A row begins with a byte. White is 255.
fn unpacked(bytes: &[u8], bits: usize, in_row: usize) -> Vec<u8> {
    let stride = (in_row * bits).div_ceil(8).max(1);
    let most = (1_u8 << bits) - 1;
    bytes
        .chunks_exact(stride)
        .flat_map(|row| {
            (0..in_row).map(move |n| {
                let at = n * bits;
                ((row[at / 8] >> (8 - bits - at % 8)) & most) * (u8::MAX / most)
            })
        })
        .collect()
}

/// Returns the samples of one pixel side by side.
fn chunky(samples: Vec<u8>, shape: Shape, layout: &BufferLayoutPreference) -> Vec<u8> {
    let plane = shape.width * shape.height;
    if layout.planes <= 1 || samples.len() < plane * shape.samples {
        return samples;
    }
    (0..plane)
        .flat_map(|n| (0..shape.samples).map(move |sample| (sample, n)))
        .map(|(s, n)| samples[s * plane + n])
        .collect()
}

/// Converts to gray, RGB or inks without transparency.
fn plain(
    samples: Vec<u8>,
    kind: ColorType,
    palette: Option<TiffPalette>,
    on_white: fn(Vec<u8>) -> Vec<u8>,
) -> Result<(Samples, Vec<u8>), Impossible> {
    Ok(match (kind, palette) {
        (ColorType::Gray(bits), Some(palette)) => (Samples::Rgb, palette.colours_of(&samples, bits)),
        (ColorType::Gray(_), None) => (Samples::Gray, samples),
        (ColorType::GrayA(_) | ColorType::Multiband { num_samples: 2, .. }, None) => (Samples::Rgb, {
            let rgba = samples.as_chunks().0.iter().flat_map(|&[gray, alpha]| [gray, gray, gray, alpha]);
            on_white(rgba.collect())
        }),
        (ColorType::RGB(_), _) => (Samples::Rgb, samples),
        (ColorType::RGBA(_), _) => (Samples::Rgb, on_white(samples)),
        (ColorType::CMYK(_), _) => (Samples::Cmyk, samples),
        (ColorType::YCbCr(_), _) => (Samples::Rgb, rgb_of_planes(samples)),
        _ => return Err(Impossible::Unsupported(Kind::Tiff)),
    })
}

/// Converts from luminance and two differences of colour (TIFF 6.0, section 21, with its default values), in place.
fn rgb_of_planes(mut samples: Vec<u8>) -> Vec<u8> {
    for pixel in samples.as_chunks_mut().0 {
        let [light, blue, red] = pixel.map(f32::from);
        let (blue, red) = (blue - 128.0, red - 128.0);
        *pixel = [light + 1.402 * red, light - 0.344_14 * blue - 0.714_14 * red, light + 1.772 * blue].map(sample);
    }
    samples
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of a sample")]
fn sample(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

fn refused(error: TiffError) -> Impossible {
    match error {
        TiffError::UnsupportedError(_) => Impossible::Unsupported(Kind::Tiff),
        error => broken(error),
    }
}
