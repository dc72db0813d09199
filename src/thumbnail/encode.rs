use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::{
    Impossible,
    pixels::{Pixels, broken},
};

const QUALITY: i32 = 80;

/// The picture as a baseline JPEG without metadata.
pub(super) fn jpeg(pixels: &Pixels) -> Result<Vec<u8>, Impossible> {
    let side = |pixels: u32| usize::try_from(pixels).unwrap_or(usize::MAX);
    let (width, height) = (side(pixels.width), side(pixels.height));
    let mut encoder = Compressor::new().map_err(broken)?;
    encoder.set_quality(QUALITY).map_err(broken)?;
    encoder.set_subsamp(Subsamp::Sub2x2).map_err(broken)?;
    let image = Image { pixels: pixels.bytes.as_slice(), width, pitch: width * 3, height, format: PixelFormat::RGB };
    encoder.compress_to_vec(image).map_err(broken)
}
