//! The first page of a TIFF or a PDF, rendered in this process: the files are made here.

use tiff::encoder::{Compression, TiffEncoder, colortype};

use super::*;
use crate::picture::thumbnail::page;

fn render(bytes: &[u8], largest: u32) -> Result<Vec<Thumbnail>, Impossible> {
    let inspection = inspect(bytes);
    assert!(inspection.has_pages());
    let page = page::render(bytes.to_vec(), inspection.kind, largest, &ThumbnailLimits::default())?;
    let sent = page::RenderedPage::from_bytes(&page.to_bytes(), largest)?;
    page::thumbnails(sent, &inspection, &[largest])
}

fn shown(bytes: &[u8], largest: u32) -> RgbImage {
    decoded(&render(bytes, largest).unwrap()[0].jpeg)
}

/// A scan: the picture as strips of 16 rows.
fn scan(compression: Compression) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap().with_compression(compression);
    let mut page = encoder.new_image::<colortype::RGB8>(64, 48).unwrap();
    page.rows_per_strip(16).unwrap();
    page.write_data(quarters(64, 48).as_raw()).unwrap();
    bytes.into_inner()
}

#[test]
fn a_scan_in_every_usual_coding_has_thumbnails() {
    let level = tiff::encoder::DeflateLevel::Balanced;
    for coding in [Compression::Uncompressed, Compression::Lzw, Compression::Deflate(level), Compression::Packbits] {
        let picture = shown(&scan(coding), 32);
        assert_eq!(picture.dimensions(), (32, 24));
        assert_quarters(&picture, [RED, GREEN, BLUE, YELLOW]);
    }
}

/// A page as a scanner writes it; fixtures/scans/make.py makes it.
macro_rules! scanned {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../../../fixtures/scans/", $name)).as_slice())
    };
}

#[test]
fn a_page_in_black_and_white_that_is_coded_as_a_facsimile_is_shown() {
    for (name, bytes) in [
        scanned!("g4-white-is-zero.tif"),
        scanned!("g4-black-is-zero.tif"),
        scanned!("g4-lowest-bit-first.tif"),
        scanned!("g4-strips.tif"),
    ] {
        let picture = shown(bytes, 50);
        assert_eq!(picture.dimensions(), (50, 32), "{name}");
        assert_quarters(&picture, [[0; 3], [255; 3], [255; 3], [255; 3]]);
    }
}

#[test]
fn a_page_with_jpeg_inside_is_shown_in_its_colours() {
    for (name, bytes) in [
        scanned!("jpeg-rgb.tif"),
        scanned!("jpeg-ycbcr.tif"),
        scanned!("jpeg-ycbcr-strips.tif"),
        scanned!("lzw-predictor.tif"),
        scanned!("deflate-predictor.tif"),
    ] {
        let picture = shown(bytes, 48);
        assert_eq!(picture.dimensions(), (48, 32), "{name}");
        assert_quarters(&picture, [RED, GREEN, BLUE, YELLOW]);
    }
    let (_, gray) = scanned!("jpeg-gray.tif");
    assert_quarters(&shown(gray, 48), [[0; 3], [80; 3], [160; 3], [240; 3]]);
}

#[test]
fn a_scan_whose_bytes_begin_with_the_lowest_bit_is_shown() {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    let mut page = encoder.new_image::<colortype::RGB8>(64, 48).unwrap();
    page.rows_per_strip(16).unwrap();
    page.encoder().write_tag(tiff::tags::Tag::FillOrder, 2_u16).unwrap();
    let turned: Vec<u8> = quarters(64, 48).as_raw().iter().map(|byte| byte.reverse_bits()).collect();
    page.write_data(&turned).unwrap();
    assert_quarters(&shown(&bytes.into_inner(), 32), [RED, GREEN, BLUE, YELLOW]);
}

#[test]
fn alpha_that_is_multiplied_into_the_colours_is_not_multiplied_again() {
    for (kind, expected) in [(1_u16, [242, 137, 137]), (2, [185, 132, 132])] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        let mut page = encoder.new_image::<colortype::RGBA8>(16, 16).unwrap();
        page.encoder().write_tag(tiff::tags::Tag::ExtraSamples, &[kind][..]).unwrap();
        page.write_data(&[115, 10, 10, 128].repeat(256)).unwrap();
        assert_colour(&shown(&bytes.into_inner(), 16), (8, 8), expected);
    }
}

#[test]
fn a_page_of_a_pdf_is_rendered_and_keeps_its_sides() {
    // A page of 200 × 100 points: its left half is blue, its right half is white.
    let picture = shown(&pdf("0 0 1 rg 0 0 100 100 re f", "[0 0 200 100]"), 64);
    assert_eq!(picture.dimensions(), (64, 32));
    assert_colour(&picture, (16, 16), [0, 0, 255]);
    assert_colour(&picture, (48, 16), [255; 3]);
    let narrow = shown(&pdf("", "[0 0 10000 1]"), 64);
    assert_eq!(narrow.dimensions(), (64, 1), "a page without content is white paper");
}

#[test]
fn chinese_text_without_an_embedded_font_is_shown_by_a_font_of_the_system() {
    let text = pdf(
        "BT /F1 80 Tf 10 20 Td <4E2D6587> Tj ET",
        "[0 0 200 100] /Resources << /Font << /F1 << /Type /Font \
         /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [<< /Type /Font \
         /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) \
         /Supplement 2 >> /FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 4 >> >>] >> >> >>",
    );
    let picture = shown(&text, 200);
    let ink = picture.pixels().filter(|pixel| pixel.0[0] < 128).count();
    // Two characters of 80 points have some strokes. A box for a missing character has fewer.
    assert_eq!(ink > 1000, page::fonts::of_system().is_some(), "{ink} dark pixels");
}

#[test]
fn a_broken_page_says_why_it_has_no_thumbnail() {
    let scan = scan(Compression::Lzw);
    let says = |bytes: &[u8]| render(bytes, 32).unwrap_err().to_string();
    assert!(says(&scan[..scan.len() / 2]).starts_with("the picture is broken: "));
    assert_eq!(says(b"%PDF-1.7\nno pages\n%%EOF\n"), "the picture is broken: the PDF has no pages that can be read");
    let limits = ThumbnailLimits { max_pixels: 64 * 48 - 1, ..ThumbnailLimits::default() };
    let refused = page::render(scan, Kind::Tiff, 32, &limits).unwrap_err();
    assert_eq!(refused, Impossible::TooLarge { width: 64, height: 48 });
}

#[test]
fn a_page_of_another_size_than_it_says_is_refused() {
    let page = page::render(scan(Compression::Lzw), Kind::Tiff, 32, &ThumbnailLimits::default()).unwrap();
    let bytes = page.to_bytes();
    assert!(page::RenderedPage::from_bytes(&bytes, 32).is_ok());
    for (bytes, largest) in [
        (&bytes[..bytes.len() - 1], 32),
        (&[&bytes[..], b"\0"].concat(), 32),
        (&bytes[..7], 32),
        (&bytes, 31),
        (&[&[0; 4], &bytes[4..]].concat(), 32),
        (b"", 32),
    ] {
        assert!(page::RenderedPage::from_bytes(bytes, largest).is_err(), "{} bytes", bytes.len());
    }
}

/// A PDF of one page with this content and this box.
fn pdf(content: &str, page_box: &str) -> Vec<u8> {
    format!(
        "%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n\
         3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox {page_box} /Contents 4 0 R >>\nendobj\n\
         4 0 obj\n<< /Length {} >>\nstream\n{content}\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n",
        content.len()
    )
    .into_bytes()
}
