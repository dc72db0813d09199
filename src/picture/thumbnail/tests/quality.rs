//! What the shortcuts cost: the scaled decode, and the smaller size made from the larger one.

use fast_image_resize::{FilterType, ResizeAlg};

use super::*;
use crate::picture::thumbnail::pictures::{contact_sheet, photo, resized};

/// Peak signal to noise ratio in dB.
fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let squares: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    let samples = f64::from(a.width() * a.height() * 3);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mean = squares as f64 / samples;
    10.0 * (255.0 * 255.0 / mean).log10()
}

/// How much worse our thumbnail of a photo is than the best there can be at this size and quality: the photo decoded in
/// full, resized by Lanczos3 at once, turned, and encoded. Both are compared with that photo before encoding.
fn loss(original: &[u8], sizes: &[u32], size: u32) -> f64 {
    let ours = made(original, sizes).unwrap();
    let ours = decoded(&ours.iter().find(|thumbnail| thumbnail.size == size).unwrap().jpeg);
    let mut full = DynamicImage::ImageRgb8(decoded(original));
    full.apply_orientation(image::metadata::Orientation::from_exif(inspect(original).orientation as u8).unwrap());
    let truth = resized(&full.into_rgb8(), ours.width(), ours.height(), ResizeAlg::Convolution(FilterType::Lanczos3));
    let pixels = Pixels {
        width: truth.width(),
        height: truth.height(),
        samples: pixels::Samples::Rgb,
        bytes: truth.as_raw().clone(),
    };
    let best = decoded(&encode::rgb(&pixels).unwrap());
    let (best, ours) = (psnr(&best, &truth), psnr(&ours, &truth));
    eprintln!("{size}: best {best:.2} dB, ours {ours:.2} dB");
    best - ours
}

#[test]
fn every_usual_coding_and_orientation_keeps_the_quality() {
    // Sides that are odd when stored, when decoded at half scale, and when shown: 320 × 239 and 64 × 48.
    let odd = photo(809, 603, 5);
    let coded = |subsampling, progressive| jpeg_coded(&odd, Coded { subsampling, progressive, ..Coded::default() });
    let mut originals: Vec<(String, Vec<u8>)> = (1..=8)
        .map(|orientation| {
            let turned = with_exif(&jpeg(&odd), &tiff(&[short(Tag::Orientation, orientation)], true));
            (format!("orientation {orientation}"), turned)
        })
        .collect();
    for subsampling in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub1x2] {
        originals.push((format!("{subsampling:?}"), coded(subsampling, false)));
    }
    originals.push(("progressive".to_owned(), coded(Subsamp::Sub2x2, true)));
    for (name, original) in originals {
        let (large, small) = (loss(&original, &[320, 64], 320), loss(&original, &[320, 64], 64));
        assert!(large < 0.5, "{name}: {large:.2} dB are lost at 320");
        assert!(small < 0.2, "{name}: {small:.2} dB are lost at 64");
    }
}

#[test]
fn the_filter_is_the_librarys() {
    let photo = photo(405, 302, 6);
    for (width, height) in [(320, 239), (64, 48), (133, 99)] {
        let theirs = resized(&photo, width, height, ResizeAlg::Convolution(FilterType::Lanczos3));
        let whole = pixels::Part { left: 0.0, top: 0.0, width: 405.0, height: 302.0 };
        let rgb = pixels::Samples::Rgb;
        let ours = Pixels::resampled(photo.as_raw(), (405, 302), rgb, whole, (width, height), pixels::Kernel::Lanczos3)
            .unwrap();
        assert_eq!(&ours.bytes, theirs.as_raw());
    }
}

#[test]
fn colours_are_weighed_for_a_decoder_that_interpolates() {
    let photo = photo(405, 302, 7);
    // With room above and below: what is clipped is no sum of weights any more.
    let light: Vec<u8> = photo.pixels().map(|pixel| 64 + pixel.0[0] / 2).collect();
    let whole = pixels::Part { left: 0.0, top: 0.0, width: 405.0, height: 302.0 };
    let resampled = |target, kernel| {
        Pixels::resampled(&light, (405, 302), pixels::Samples::Gray, whole, target, kernel).unwrap().bytes
    };
    let full = resampled((160, 120), pixels::Kernel::Lanczos3);
    let half = resampled((80, 60), pixels::Kernel::Interpolated);
    let at = |x: usize, y: usize| f64::from(full[y * 160 + x]);
    let weights = [(-2_isize, -0.125), (0, 0.625), (1, 0.625), (3, -0.125)];
    for y in 4..56_usize {
        for x in 4..76_usize {
            let expected: f64 = weights
                .iter()
                .flat_map(|(down, a)| weights.iter().map(move |(across, b)| (down, across, a * b)))
                .map(|(down, across, weight)| {
                    weight * at((2 * x).saturating_add_signed(*across), (2 * y).saturating_add_signed(*down))
                })
                .sum();
            let ours = f64::from(half[y * 80 + x]);
            assert!((ours - expected).abs() < 2.0, "{ours} should be {expected:.1} at {x},{y}");
        }
    }
}

#[test]
fn a_scaled_decode_keeps_the_quality() {
    // Five megapixels, decoded at half scale with next to nothing to spare: the worst case.
    let original = jpeg(&contact_sheet(3_264, 1_472, 1));
    let (large, small) = (loss(&original, &[1280, 256], 1280), loss(&original, &[1280, 256], 256));
    assert!(large < 0.5, "{large:.2} dB are lost at 1280");
    assert!(small < 0.1, "{small:.2} dB are lost at 256");
}

#[test]
fn on_average_next_to_nothing_is_lost() {
    // 2, 5, 8 and 12 megapixels, as the boxes' cameras take them.
    let originals = [(1_920, 1_080), (2_592, 1_944), (3_264, 2_448), (4_000, 3_000)];
    let losses = originals.map(|(width, height)| {
        let original = jpeg(&contact_sheet(width, height, width.into()));
        let (large, small) = (loss(&original, &[1280, 256], 1280), loss(&original, &[1280, 256], 256));
        assert!(large < 0.5, "{width} × {height}: {large:.2} dB are lost at 1280");
        assert!(small < 0.1, "{width} × {height}: {small:.2} dB are lost at 256");
        large
    });
    let mean = losses.iter().sum::<f64>() / 4.0;
    assert!(mean < 0.1, "{mean:.3} dB are lost at 1280 on average: {losses:?}");
}
