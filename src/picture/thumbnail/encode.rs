//! Encodes thumbnails as JPEG.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp, YuvPlanesImage};

use super::{
    Impossible,
    pixels::{Pixels, broken},
    planes::Planes,
};

const QUALITY: i32 = 80;

/// Encodes an RGB image as a baseline JPEG without metadata.
pub(super) fn rgb(pixels: &Pixels) -> Result<Vec<u8>, Impossible> {
    let (width, height) = (index(pixels.width), index(pixels.height));
    let mut encoder = Compressor::new().map_err(broken)?;
    encoder.set_quality(QUALITY).map_err(broken)?;
    encoder.set_subsamp(Subsamp::Sub2x2).map_err(broken)?;
    let image = Image { pixels: pixels.bytes.as_slice(), width, pitch: width * 3, height, format: PixelFormat::RGB };
    encoder.compress_to_vec(image).map_err(broken)
}

/// Encodes planes as a baseline JPEG without metadata.
pub(super) fn planes(planes: &Planes) -> Result<Vec<u8>, Impossible> {
    let [blue, red] = &planes.colours;
    let (width, height) = (index(planes.light.width), index(planes.light.height));
    let padded = (width % 2 + height % 2 > 0).then(|| even(&planes.light.bytes, width));
    let image = YuvPlanesImage {
        y_plane: padded.as_deref().unwrap_or(&planes.light.bytes),
        u_plane: blue.bytes.as_slice(),
        v_plane: red.bytes.as_slice(),
        width,
        height,
        y_stride: width.next_multiple_of(2),
        u_stride: index(blue.width),
        v_stride: index(red.width),
        subsamp: Subsamp::Sub2x2,
    };
    let mut encoder = Compressor::new().map_err(broken)?;
    encoder.set_quality(QUALITY).map_err(broken)?;
    encoder.compress_yuv_planes_to_vec(&image).map_err(broken)
}

/// Repeats the last column and row of a plane if their number is odd, because the encoder needs whole cells.
fn even(plane: &[u8], width: usize) -> Vec<u8> {
    let rows = plane.chunks_exact(width);
    let last = rows.len() % 2;
    let rows = rows.clone().chain(rows.rev().take(last));
    rows.flat_map(|row| row.iter().chain(row.last().filter(|_| width % 2 == 1))).copied().collect()
}

fn index(side: u32) -> usize {
    usize::try_from(side).unwrap_or(usize::MAX)
}
