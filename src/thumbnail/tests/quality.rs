//! What the shortcuts cost: the scaled decode, and the smaller size made from the larger one.

use fast_image_resize::{FilterType, ResizeAlg};

use super::*;
use crate::thumbnail::pictures::{contact_sheet, resized};

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
/// full, resized by Lanczos3 at once, and encoded. Both are compared with that resized photo before encoding.
fn loss(original: &[u8], size: u32) -> f64 {
    let ours = made(original, &[1280, 256]).unwrap();
    let ours = decoded(&ours.iter().find(|thumbnail| thumbnail.size == size).unwrap().jpeg);
    let full = decoded(original);
    let truth = resized(&full, ours.width(), ours.height(), ResizeAlg::Convolution(FilterType::Lanczos3));
    let pixels = Pixels {
        width: truth.width(),
        height: truth.height(),
        samples: pixels::Samples::Rgb,
        bytes: truth.as_raw().clone(),
    };
    let best = decoded(&encode::jpeg(&pixels).unwrap());
    let (best, ours) = (psnr(&best, &truth), psnr(&ours, &truth));
    eprintln!("{size}: best {best:.2} dB, ours {ours:.2} dB");
    best - ours
}

#[test]
fn a_scaled_decode_keeps_the_quality() {
    // Five megapixels, decoded at half scale with next to nothing to spare: the worst case.
    let original = jpeg(&contact_sheet(3_264, 1_472, 1));
    let (large, small) = (loss(&original, 1280), loss(&original, 256));
    assert!(large < 0.5, "{large:.2} dB are lost at 1280");
    assert!(small < 0.1, "{small:.2} dB are lost at 256");
}
