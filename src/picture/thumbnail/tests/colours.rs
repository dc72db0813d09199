//! Profiles and inks.

use image::RgbImage;
use moxcms::{DataColorSpace, LutDataType, LutStore, LutType, LutWarehouse, Matrix3d, ProfileClass};
use turbojpeg::Colorspace;

use super::*;
use crate::picture::thumbnail::pictures::with_chunk;

/// sRGB with red and green changed for each other: who ignores the profile shows the wrong colour.
fn swapped() -> Vec<u8> {
    let mut profile = ColorProfile::new_srgb();
    std::mem::swap(&mut profile.red_colorant, &mut profile.green_colorant);
    profile.cicp = None;
    profile.encode().unwrap()
}

fn png_with_profile(png: &[u8], profile: &[u8]) -> Vec<u8> {
    let mut packed = flate2_stored(profile);
    packed.splice(0..0, *b"test\0\0");
    with_chunk(png, "iCCP", &packed)
}

/// A zlib stream of one stored block.
fn flate2_stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    [&[0x78, 0x01, 1], length.to_le_bytes().as_slice(), &(!length).to_le_bytes(), bytes, &(b << 16 | a).to_be_bytes()]
        .concat()
}

#[test]
fn a_colour_profile_is_applied() {
    let plain = RgbImage::from_pixel(64, 48, image::Rgb([220, 40, 30]));
    for bytes in [with_profile(&jpeg(&plain), &swapped(), 200), png_with_profile(&png(plain.clone()), &swapped())] {
        assert_colour(&seen(&bytes, 32), (16, 12), [40, 220, 30]);
        assert_colour(&seen(&bytes, 1280), (16, 12), [40, 220, 30]);
    }
    let wide = ColorProfile::new_display_p3().encode().unwrap();
    let muted = RgbImage::from_pixel(64, 48, image::Rgb([200, 100, 100]));
    // The same colour has stronger sRGB samples, by the published matrices.
    assert_colour(&seen(&with_profile(&jpeg(&muted), &wide, 60_000), 32), (16, 12), [214, 95, 97]);
}

#[test]
fn a_profile_that_is_no_use_is_ignored() {
    let plain = RgbImage::from_pixel(64, 48, image::Rgb([220, 40, 30]));
    let whole = with_profile(&jpeg(&plain), &swapped(), 200);
    // One part's number changed: a part is missing now and another one is twice there.
    let at = whole.windows(12).position(|window| window == b"ICC_PROFILE\0").unwrap();
    let mut part_missing = whole.clone();
    part_missing[at + 12] = 1;
    let gray = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
    for bytes in [
        part_missing,
        with_profile(&jpeg(&plain), b"no profile at all", 200),
        with_profile(&jpeg(&plain), &swapped()[..300], 200),
        with_profile(&jpeg(&plain), &gray, 60_000),
    ] {
        assert_colour(&seen(&bytes, 32), (16, 12), [220, 40, 30]);
    }
}

#[test]
fn a_gray_profile_is_applied() {
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let gray =
        compress(&[55; 64 * 48], 64, 48, PixelFormat::GRAY, Coded { subsampling: Subsamp::Gray, ..Coded::default() });
    // 55/255 of the light is sRGB 128.
    assert_colour(&seen(&with_profile(&gray, &linear, 60_000), 32), (16, 12), [128; 3]);
}

/// A JPEG of one mixture of inks, stored as Adobe's programs do (inverted, with their segment), or plainly.
fn inks(inks: [u8; 4], adobe: bool) -> Vec<u8> {
    let stored = if adobe { inks.map(|ink| !ink) } else { inks };
    let colorspace = Some(if adobe { Colorspace::YCCK } else { Colorspace::CMYK });
    let coded = Coded { quality: 95, subsampling: Subsamp::None, colorspace, ..Coded::default() };
    let bytes = compress(&stored.repeat(64 * 48), 64, 48, PixelFormat::CMYK, coded);
    let at = bytes.windows(7).position(|window| window == b"\0\x0EAdobe").unwrap() - 2;
    if adobe { bytes } else { [&bytes[..at], &bytes[at + 16..]].concat() }
}

#[test]
fn inks_become_colours_inverted_or_not() {
    for (mixture, colour) in [
        ([0, 0, 0, 0], [255, 255, 255]),
        ([255, 0, 0, 0], [0, 255, 255]),
        ([0, 255, 255, 0], [255, 0, 0]),
        ([0, 0, 0, 255], [0, 0, 0]),
        ([0, 128, 255, 51], [204, 102, 0]),
    ] {
        assert_colour(&seen(&inks(mixture, true), 32), (16, 12), colour);
        assert_colour(&seen(&inks(mixture, false), 32), (16, 12), colour);
    }
}

/// A press that prints everything as one colour, whatever the inks: only who uses the profile sees it.
fn press(lab: [u8; 3]) -> Vec<u8> {
    let ramp = |channels: usize| (0..channels).flat_map(|_| 0..=255_u8).collect::<Vec<_>>();
    let table = LutDataType {
        num_input_channels: 4,
        num_output_channels: 3,
        num_clut_grid_points: 2,
        matrix: Matrix3d::IDENTITY,
        num_input_table_entries: 256,
        num_output_table_entries: 256,
        input_table: LutStore::Store8(ramp(4)),
        clut_table: LutStore::Store8(lab.repeat(16)),
        output_table: LutStore::Store8(ramp(3)),
        lut_type: LutType::Lut8,
    };
    let mut profile = ColorProfile::new_srgb();
    profile.profile_class = ProfileClass::OutputDevice;
    profile.color_space = DataColorSpace::Cmyk;
    profile.pcs = DataColorSpace::Lab;
    (profile.red_trc, profile.green_trc, profile.blue_trc, profile.cicp) = (None, None, None, None);
    profile.lut_a_to_b_perceptual = Some(LutWarehouse::Lut(table));
    profile.encode().unwrap()
}

#[test]
fn a_profile_for_inks_is_applied() {
    // L* 50, neutral.
    let bytes = with_profile(&inks([255, 0, 0, 0], true), &press([128, 128, 128]), 60_000);
    assert_colour(&seen(&bytes, 32), (16, 12), [119; 3]);
}
