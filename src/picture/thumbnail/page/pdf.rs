//! Renders the first page of a PDF with `hayro`. A font that the file does not embed is replaced ([`fonts`]).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hayro::{
    PixmapSettings, RenderCache, RenderSettings,
    hayro_interpret::InterpreterSettings,
    hayro_syntax::{DecryptionError, LoadPdfError, Pdf},
    vello_cpu::{color::palette::css::WHITE, peniko::ImageAlphaType},
};

use super::super::{
    Impossible, colour,
    pixels::{Pixels, Samples, broken},
};
use super::fonts;

pub(super) fn render(bytes: Vec<u8>, largest: u32) -> Result<Pixels, Impossible> {
    let pdf = Pdf::new(bytes).map_err(|error| broken(words(error)))?;
    let page = pdf.pages().first().ok_or_else(|| broken("the PDF has no page"))?;
    let size = page.render_dimensions();
    let look = PixmapSettings {
        x_scale: scale(size.0, size, largest)?,
        y_scale: scale(size.1, size, largest)?,
        bg_color: WHITE,
    };
    let warned = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&warned);
    let settings = InterpreterSettings {
        font_resolver: Arc::new(fonts::resolve),
        warning_sink: Arc::new(move |_| told.store(true, Ordering::Relaxed)),
        ..InterpreterSettings::default()
    };
    let drawn = hayro::render(page, &RenderCache::new(), &settings, &RenderSettings::default(), &look);
    let (width, height) = (u32::from(drawn.width()), u32::from(drawn.height()));
    let bytes = colour::on_white(drawn.take_rgba8(ImageAlphaType::Alpha));
    // The library leaves out what it cannot draw, for example a scan in an unknown coding.
    if warned.load(Ordering::Relaxed) && bytes.iter().all(|sample| *sample == u8::MAX) {
        return Err(broken("nothing on the first page of the PDF can be drawn"));
    }
    Ok(Pixels { width, height, samples: Samples::Rgb, bytes })
}

/// Returns the scale of a side, so that the long edge has `largest` pixels and each side at least one.
fn scale(side: f32, (width, height): (f32, f32), largest: u32) -> Result<f32, Impossible> {
    if !(side > 0.0 && width.max(height).is_finite()) {
        return Err(broken("the first page of the PDF has no width or no height"));
    }
    let largest = f32::from(u16::try_from(largest).unwrap_or(u16::MAX).max(1));
    let pixels = (side / width.max(height) * largest).round().max(1.0);
    // The library rounds down.
    Ok((pixels + 0.01) / side)
}

fn words(error: LoadPdfError) -> &'static str {
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => "the PDF needs a password",
        LoadPdfError::Decryption(_) => "the PDF is encrypted in an unknown way",
        LoadPdfError::Invalid => "the PDF has no pages that can be read",
    }
}
