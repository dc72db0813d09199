use exif::Tag;
use image::{
    DynamicImage, Frame, GrayImage, ImageFormat, Luma, LumaA, RgbImage, Rgba, RgbaImage, codecs::gif::GifEncoder,
};
use moxcms::ColorProfile;
use turbojpeg::{PixelFormat, Subsamp};

use super::*;
use crate::picture::{
    inspect::{Orientation, inspect},
    thumbnail::pictures::{
        BLUE, Coded, GREEN, RED, YELLOW, compress, encoded, jpeg, jpeg_coded, quarters, short, tiff, with_exif,
        with_profile,
    },
};

mod colours;
mod headers;
mod hostile;
mod pages;
mod quality;

fn made(bytes: &[u8], sizes: &[u32]) -> Result<Vec<Thumbnail>, Impossible> {
    thumbnails(bytes, &inspect(bytes), sizes, &ThumbnailLimits::default())
}

fn decoded(jpeg: &[u8]) -> RgbImage {
    let image = turbojpeg::decompress(jpeg, PixelFormat::RGB).unwrap();
    RgbImage::from_raw(u32::try_from(image.width).unwrap(), u32::try_from(image.height).unwrap(), image.pixels).unwrap()
}

/// The one thumbnail of a size, decoded.
fn seen(bytes: &[u8], size: u32) -> RgbImage {
    decoded(&made(bytes, &[size]).unwrap()[0].jpeg)
}

fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    encoded(&picture.into(), ImageFormat::Png)
}

/// Near enough after JPEG's losses.
fn assert_colour(picture: &RgbImage, (x, y): (u32, u32), expected: [u8; 3]) {
    let colour = picture.get_pixel(x, y).0;
    let near = colour.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 12);
    assert!(near, "{colour:?} at {x},{y} should be {expected:?}");
}

/// The middles of the four quarters: above left and right, below left and right.
fn assert_quarters(picture: &RgbImage, expected: [[u8; 3]; 4]) {
    let (width, height) = picture.dimensions();
    for (n, colour) in (0..).zip(expected) {
        assert_colour(picture, (width / 4 + (n % 2) * width / 2, height / 4 + (n / 2) * height / 2), colour);
    }
}

#[test]
fn a_png_that_lacks_only_its_end_is_shown() {
    let whole = png(quarters(64, 48));
    for left in [12, 8, 1] {
        let cut = &whole[..whole.len() - left];
        assert!(!inspect(cut).complete);
        assert_quarters(&seen(cut, 32), [RED, GREEN, BLUE, YELLOW]);
    }
    assert!(made(&whole[..whole.len() - 40], &[32]).is_err(), "pixels are missing");
}

#[test]
fn all_eight_orientations_stand_upright() {
    // By the EXIF standard's words: where the first row and the first column are to be seen.
    let expected = [
        (1, [RED, GREEN, BLUE, YELLOW]),
        (2, [GREEN, RED, YELLOW, BLUE]),
        (3, [YELLOW, BLUE, GREEN, RED]),
        (4, [BLUE, YELLOW, RED, GREEN]),
        (5, [RED, BLUE, GREEN, YELLOW]),
        (6, [BLUE, RED, YELLOW, GREEN]),
        (7, [YELLOW, GREEN, BLUE, RED]),
        (8, [GREEN, YELLOW, RED, BLUE]),
    ];
    for (orientation, colours) in expected {
        let stored = with_exif(&jpeg(&quarters(320, 160)), &tiff(&[short(Tag::Orientation, orientation)], true));
        for thumbnail in made(&stored, &[128, 64]).unwrap() {
            let size = thumbnail.size;
            let (width, height) = if orientation < 5 { (size, size / 2) } else { (size / 2, size) };
            assert_eq!((thumbnail.width, thumbnail.height), (width, height), "orientation {orientation}");
            let picture = decoded(&thumbnail.jpeg);
            assert_eq!(picture.dimensions(), (width, height));
            assert_quarters(&picture, colours);
        }
    }
}

#[test]
fn sizes_come_in_the_order_asked_for_and_nothing_is_enlarged() {
    let sizes = |bytes: &[u8], sizes: &[u32]| -> Vec<(u32, u32, u32)> {
        made(bytes, sizes).unwrap().iter().map(|made| (made.size, made.width, made.height)).collect()
    };
    let wide = jpeg(&quarters(600, 400));
    assert_eq!(sizes(&wide, &[256, 1280]), [(256, 256, 171), (1280, 600, 400)]);
    assert_eq!(
        sizes(&wide, &[1280, 700, 256, 256]),
        [(1280, 600, 400), (700, 600, 400), (256, 256, 171), (256, 256, 171)]
    );
    assert_eq!(sizes(&jpeg(&quarters(5, 3)), &[256]), [(256, 5, 3)]);
    assert_eq!(sizes(&jpeg(&quarters(1, 1)), &[256, 1, 0]), [(256, 1, 1), (1, 1, 1), (0, 1, 1)]);
    assert_eq!(sizes(&png(quarters(2000, 1)), &[256]), [(256, 256, 1)]);
    assert_eq!(sizes(&wide, &[]), []);
}

#[test]
fn every_decodable_kind_has_thumbnails() {
    let picture = || DynamicImage::ImageRgb8(quarters(64, 48));
    let lossy_webp = include_bytes!("../../../fixtures/quarters-lossy-alpha.webp");
    for bytes in [
        encoded(&picture(), ImageFormat::Png),
        encoded(&picture(), ImageFormat::WebP),
        encoded(&picture(), ImageFormat::Gif),
        encoded(&picture(), ImageFormat::Bmp),
        lossy_webp.to_vec(),
        jpeg(&quarters(64, 48)),
    ] {
        let picture = seen(&bytes, 32);
        assert_eq!(picture.dimensions(), (32, 24), "{}", inspect(&bytes).mime);
        assert_quarters(&picture, [RED, GREEN, BLUE, YELLOW]);
    }
}

#[test]
fn every_coding_of_a_jpeg_has_thumbnails() {
    for subsampling in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Sub4x1] {
        for (progressive, arithmetic) in [(false, false), (true, false), (false, true), (true, true)] {
            let coded = Coded { subsampling, progressive, arithmetic, quality: 95, ..Coded::default() };
            let picture = seen(&jpeg_coded(&quarters(320, 240), coded), 80);
            assert_eq!(picture.dimensions(), (80, 60));
            assert_quarters(&picture, [RED, GREEN, BLUE, YELLOW]);
        }
    }
}

#[test]
fn the_first_frame_stands_for_an_animation() {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    let first = DynamicImage::ImageRgb8(quarters(64, 48)).into_rgba8();
    let second = RgbaImage::from_pixel(64, 48, Rgba([0, 0, 0, 255]));
    encoder.encode_frames([Frame::new(first), Frame::new(second)]).unwrap();
    drop(encoder);
    assert_quarters(&seen(&bytes, 32), [RED, GREEN, BLUE, YELLOW]);
}

#[test]
fn deep_and_gray_pictures_are_understood() {
    let deep = DynamicImage::ImageRgb8(quarters(64, 48)).into_rgb16();
    assert_quarters(&seen(&png(deep), 32), [RED, GREEN, BLUE, YELLOW]);
    let deep = DynamicImage::ImageRgb8(quarters(64, 48)).into_rgba16();
    assert_quarters(&seen(&png(deep), 32), [RED, GREEN, BLUE, YELLOW]);

    let gray = GrayImage::from_pixel(64, 48, Luma([77]));
    let gray_jpeg =
        compress(gray.as_raw(), 64, 48, PixelFormat::GRAY, Coded { subsampling: Subsamp::Gray, ..Coded::default() });
    let deep = DynamicImage::ImageLuma8(gray.clone()).into_luma16();
    for bytes in [gray_jpeg, png(gray), png(deep)] {
        assert_colour(&seen(&bytes, 32), (16, 12), [77; 3]);
    }
}

#[test]
fn transparency_lies_on_white() {
    let half = RgbaImage::from_fn(64, 48, |x, _| Rgba([0, 0, 200, if x < 32 { 0 } else { 128 }]));
    for bytes in [png(half.clone()), encoded(&half.into(), ImageFormat::WebP)] {
        let picture = seen(&bytes, 32);
        assert_colour(&picture, (5, 12), [255; 3]);
        assert_colour(&picture, (26, 12), [127, 127, 227]);
    }
    let gray = image::GrayAlphaImage::from_fn(64, 48, |x, _| LumaA([0, if x < 32 { 0 } else { 255 }]));
    let picture = seen(&png(gray), 32);
    assert_colour(&picture, (5, 12), [255; 3]);
    assert_colour(&picture, (26, 12), [0; 3]);
}

#[test]
fn nothing_of_the_metadata_is_in_the_thumbnail() {
    let stored = with_exif(&jpeg(&quarters(320, 240)), &tiff(&[short(Tag::Orientation, 6)], true));
    let stored = with_profile(&stored, &ColorProfile::new_display_p3().encode().unwrap(), 60_000);
    for thumbnail in made(&stored, &[1280, 64]).unwrap() {
        let seen = inspect(&thumbnail.jpeg);
        assert_eq!((seen.exif, seen.orientation), (None, Orientation::Upright));
        assert!(seen.complete);
        for name in [b"Exif".as_slice(), b"ICC_"] {
            assert!(!thumbnail.jpeg.windows(4).any(|window| window == name));
        }
    }
}

#[test]
fn the_decode_scale_leaves_a_quarter_to_spare() {
    let denominator = |long_edge| jpeg::scale(long_edge, 1280).denom();
    for (long_edge, expected) in
        [(100, 1), (1280, 1), (3198, 1), (3199, 2), (3200, 2), (6396, 2), (6397, 4), (12_793, 8), (65_535, 8)]
    {
        assert_eq!(denominator(long_edge), expected, "{long_edge}");
    }
}

#[test]
fn the_memory_bound_follows_the_coding() {
    let needed = |bytes: &[u8]| memory_needed(&inspect(bytes), &[256, 1280], &ThumbnailLimits::default());
    let photo = quarters(4000, 3000);
    let sequential = needed(&jpeg(&photo));
    let progressive = needed(&jpeg_coded(&photo, Coded { progressive: true, ..Coded::default() }));
    // Half scale, three bytes a pixel; a progressive file keeps three bytes for every pixel of the full size besides.
    assert!((9 << 20..48 << 20).contains(&sequential), "{sequential}");
    assert!((36_000_000..37_000_000).contains(&(progressive - sequential)), "{progressive} and {sequential}");
    let whole = needed(&png(photo));
    assert!((36_000_000..90_000_000).contains(&whole), "{whole}");
    assert_eq!(needed(b"not a picture"), 8 << 20, "what is refused costs nothing");
}
