//! Pictures for tests, painted by code.

use std::io::Cursor;

use exif::{Field, In, Tag, Value, experimental::Writer};
use fast_image_resize::{PixelType, ResizeAlg, ResizeOptions, Resizer, images};
use image::{DynamicImage, ImageFormat, RgbImage};
use turbojpeg::{Colorspace, Compressor, Image, PixelFormat, Subsamp};

pub(crate) const RED: [u8; 3] = [230, 20, 20];
pub(crate) const GREEN: [u8; 3] = [20, 200, 20];
pub(crate) const BLUE: [u8; 3] = [20, 20, 230];
pub(crate) const YELLOW: [u8; 3] = [240, 240, 20];

/// A quarter of each colour: red and green above, blue and yellow below.
pub(crate) fn quarters(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb(match (x < width / 2, y < height / 2) {
            (true, true) => RED,
            (false, true) => GREEN,
            (true, false) => BLUE,
            (false, false) => YELLOW,
        })
    })
}

/// Random numbers that are the same in every run.
pub(crate) struct Xorshift(pub(crate) u64);

impl Xorshift {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % bound
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(count).collect()
    }
}

pub(crate) fn resized(rgb: &RgbImage, width: u32, height: u32, algorithm: ResizeAlg) -> RgbImage {
    let source = images::ImageRef::new(rgb.width(), rgb.height(), rgb.as_raw(), PixelType::U8x3).unwrap();
    let mut target = images::Image::new(width, height, PixelType::U8x3);
    Resizer::new().resize(&source, &mut target, &ResizeOptions::new().resize_alg(algorithm)).unwrap();
    RgbImage::from_raw(width, height, target.into_vec()).unwrap()
}

/// Something like a photo of a stamped page: light that changes slowly, texture at every scale in the measure of
/// nature (half the strength at half the size), dark bars like lines of print, a red ring and a little sensor noise.
pub(crate) fn photo(width: u32, height: u32, seed: u64) -> RgbImage {
    let mut random = Xorshift(seed);
    let mut sum = vec![0.0_f32; usize::try_from(width * height * 3).unwrap()];
    let mut strength = 0.5;
    let mut cells = 4;
    while cells <= width {
        let rows = (cells * height / width).max(2);
        let noise = RgbImage::from_raw(cells, rows, random.bytes(usize::try_from(cells * rows * 3).unwrap())).unwrap();
        let smooth = fast_image_resize::FilterType::CatmullRom;
        let layer = resized(&noise, width, height, ResizeAlg::Convolution(smooth));
        for (total, sample) in sum.iter_mut().zip(layer.as_raw()) {
            *total += (f32::from(*sample) - 128.0) * strength;
        }
        strength *= 0.5;
        cells *= 2;
    }
    let mut pixels: Vec<u8> = sum.iter().map(|value| sample(150.0 + value)).collect();
    print_and_stamp(&mut pixels, width, height);
    RgbImage::from_raw(width, height, pixels).unwrap()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of a sample")]
fn sample(value: f32) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

/// A photo of four by four such photos, which is as much detail for a sixteenth of the time.
pub(crate) fn contact_sheet(width: u32, height: u32, seed: u64) -> RgbImage {
    let one = photo(width / 4, height / 4, seed);
    let rows = one.as_raw().chunks_exact(usize::try_from(width / 4 * 3).unwrap());
    let band: Vec<u8> = rows.flat_map(|row| row.repeat(4)).collect();
    RgbImage::from_raw(width, height, band.repeat(4)).unwrap()
}

fn print_and_stamp(pixels: &mut [u8], width: u32, height: u32) {
    let (line, letter) = (height / 30, width / 90);
    let (centre_x, centre_y, radius) = (f64::from(width) * 0.6, f64::from(height) * 0.6, f64::from(height) * 0.2);
    for y in 0..height {
        for x in 0..width {
            let at = usize::try_from((y * width + x) * 3).unwrap();
            let on_line = (y / line) % 2 == 1 && y > height / 4;
            if on_line && (x / letter * 7 + y / line * 3) % 5 < 2 && (x % letter) * 3 > letter {
                for sample in &mut pixels[at..at + 3] {
                    *sample /= 3;
                }
            }
            let distance = (f64::from(x) - centre_x).hypot(f64::from(y) - centre_y) - radius;
            if distance.abs() < radius / 20.0 {
                pixels[at] = pixels[at].saturating_add(60);
                pixels[at + 1] /= 3;
                pixels[at + 2] /= 3;
            }
        }
    }
}

/// How a JPEG fixture is coded.
#[derive(Clone, Copy)]
pub(crate) struct Coded {
    pub(crate) quality: i32,
    pub(crate) subsampling: Subsamp,
    pub(crate) progressive: bool,
    pub(crate) arithmetic: bool,
    /// Else the one that suits the pixels.
    pub(crate) colorspace: Option<Colorspace>,
}

impl Default for Coded {
    fn default() -> Self {
        Self { quality: 92, subsampling: Subsamp::Sub2x2, progressive: false, arithmetic: false, colorspace: None }
    }
}

pub(crate) fn jpeg(picture: &RgbImage) -> Vec<u8> {
    jpeg_coded(picture, Coded::default())
}

pub(crate) fn jpeg_coded(picture: &RgbImage, coded: Coded) -> Vec<u8> {
    compress(picture.as_raw(), picture.width(), picture.height(), PixelFormat::RGB, coded)
}

pub(crate) fn compress(pixels: &[u8], width: u32, height: u32, format: PixelFormat, coded: Coded) -> Vec<u8> {
    let (width, height) = (usize::try_from(width).unwrap(), usize::try_from(height).unwrap());
    let mut encoder = Compressor::new().unwrap();
    encoder.set_quality(coded.quality).unwrap();
    encoder.set_subsamp(coded.subsampling).unwrap();
    encoder.set_progressive(coded.progressive).unwrap();
    encoder.set_arithmetic(coded.arithmetic).unwrap();
    if let Some(colorspace) = coded.colorspace {
        encoder.set_colorspace(colorspace).unwrap();
    }
    encoder.compress_to_vec(Image { pixels, width, pitch: width * format.size(), height, format }).unwrap()
}

pub(crate) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The JPEG with one more segment after its first two bytes.
pub(crate) fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, marker], &length, body, &jpeg[2..]].concat()
}

pub(crate) fn with_exif(jpeg: &[u8], tiff: &[u8]) -> Vec<u8> {
    with_segment(jpeg, 0xE1, &[b"Exif\0\0", tiff].concat())
}

/// The JPEG with a colour profile, in parts of `part` bytes that come in the wrong order.
pub(crate) fn with_profile(jpeg: &[u8], profile: &[u8], part: usize) -> Vec<u8> {
    let parts: Vec<&[u8]> = profile.chunks(part).collect();
    let count = u8::try_from(parts.len()).unwrap();
    (1_u8..).zip(parts).fold(jpeg.to_vec(), |jpeg, (number, part)| {
        with_segment(&jpeg, 0xE2, &[b"ICC_PROFILE\0", [number, count].as_slice(), part].concat())
    })
}

/// A chunk put before the first IDAT of a PNG.
pub(crate) fn with_chunk(png: &[u8], name: &str, body: &[u8]) -> Vec<u8> {
    let named = [name.as_bytes(), body].concat();
    let chunk =
        [&u32::try_from(body.len()).unwrap().to_be_bytes(), named.as_slice(), &crc32fast::hash(&named).to_be_bytes()]
            .concat();
    let at = png.windows(4).position(|window| window == b"IDAT").unwrap() - 4;
    [&png[..at], &chunk, &png[at..]].concat()
}

pub(crate) fn short(tag: Tag, value: u16) -> Field {
    Field { tag, ifd_num: In::PRIMARY, value: Value::Short(vec![value]) }
}

pub(crate) fn text(tag: Tag, value: &str) -> Field {
    Field { tag, ifd_num: In::PRIMARY, value: Value::Ascii(vec![value.as_bytes().to_vec()]) }
}

/// A TIFF structure with these fields, written by a library that the reader under test does not use.
pub(crate) fn tiff(fields: &[Field], little_endian: bool) -> Vec<u8> {
    let mut writer = Writer::new();
    for field in fields {
        writer.push_field(field);
    }
    let mut bytes = Cursor::new(Vec::new());
    writer.write(&mut bytes, little_endian).unwrap();
    bytes.into_inner()
}

/// 64 KiB of directories that lie over each other: one of `n` pointers, each to a directory that reaches from its own
/// place to the end. A reader that follows and keeps everything gets n²/2 fields.
pub(crate) fn overlapping_directories() -> Vec<u8> {
    const POINTERS: u16 = 2_700;
    let field = |tag: u16, kind: u16, count: u32, value: u32| -> Vec<u8> {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
    };
    let start = 8 + 2 + 12 * u32::from(POINTERS) + 4;
    let mut bytes = b"MM\0\x2A\0\0\0\x08".to_vec();
    bytes.extend(POINTERS.to_be_bytes());
    for n in 0..u32::from(POINTERS) {
        bytes.extend(field(0x8769, 4, 1, start + 12 * n));
    }
    bytes.extend([0; 4]);
    // The two bytes before each field are the field count of the directory that begins there.
    bytes.extend(POINTERS.to_be_bytes());
    for left in (0..POINTERS).rev() {
        bytes.extend(field(0x9000, 4, 1, u32::from(left)));
    }
    bytes.extend([0; 4]);
    bytes
}
