//! Headers that lie, and metadata that is heavy: the picture is shown all the same.

use std::io::Write;

use super::*;
use crate::picture::{inspect::MAX_PROFILE, thumbnail::pictures::with_chunk};

fn zlib(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    parts.into_iter().for_each(|part| packer.write_all(&part).unwrap());
    packer.finish().unwrap()
}

/// So many MiB of zeros, packed.
fn packed_zeros(mebibytes: usize) -> Vec<u8> {
    zlib((0..mebibytes).map(|_| vec![0; 1 << 20]))
}

fn reserved(bytes: &[u8]) -> u64 {
    memory_needed(&inspect(bytes), &[256], &ThumbnailLimits::default())
}

#[test]
fn a_png_with_heavy_metadata_is_shown_without_it() {
    let plain = png(quarters(64, 48));
    let zeros = packed_zeros(400);
    let profile = |packed: &[u8]| with_chunk(&plain, "iCCP", &[b"icc\0\0", packed].concat());
    let text = |name: &str, head: &[u8]| with_chunk(&plain, name, &[head, &zeros].concat());
    let noise = crate::picture::thumbnail::pictures::photo(1024, 700, 7).into_raw();
    for (name, heavy) in [
        ("a profile that unpacks to 400 MiB", profile(&zeros)),
        ("a profile just above the limit", profile(&zlib([vec![0; MAX_PROFILE + 1]]))),
        ("a profile that is not packed", profile(b"not packed")),
        ("a profile without a name", with_chunk(&plain, "iCCP", b"")),
        ("a packed text", text("zTXt", b"Comment\0\0")),
        ("an international text", text("iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0")),
        ("2 MiB of EXIF", with_chunk(&plain, "eXIf", &noise)),
        ("2 MiB of text", with_chunk(&plain, "tEXt", &noise)),
    ] {
        let picture = seen(&heavy, 32);
        assert_eq!(picture.dimensions(), (32, 24), "{name}");
        assert_quarters(&picture, [RED, GREEN, BLUE, YELLOW]);
        let (need, usual) = (reserved(&heavy), reserved(&plain));
        assert!(need <= usual + heavy.len() as u64, "{name} reserves {need}, without it {usual}");
    }
}

#[test]
fn a_png_with_a_usual_profile_is_shown_by_it() {
    let plain = png(quarters(64, 48));
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    let shown = with_chunk(&plain, "iCCP", &[b"P3\0\0", zlib([p3.clone()]).as_slice()].concat());
    assert!(
        !near(seen(&shown, 32).get_pixel(8, 6).0, seen(&plain, 32).get_pixel(8, 6).0),
        "the colours are those of P3"
    );
    assert!(reserved(&shown) >= reserved(&plain) + p3.len() as u64, "the profile is counted");
}

fn near(a: [u8; 3], b: [u8; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 3)
}

#[test]
fn a_jpeg_with_more_segments_than_any_profile_is_shown_without_them() {
    let plain = jpeg(&quarters(64, 48));
    let segment = [b"ICC_PROFILE\0\x01\xFF".as_slice(), &vec![0; 65_000]].concat();
    let other = [b"MPF\0".as_slice(), &vec![0; 65_000]].concat();
    for body in [segment, other] {
        let count = MAX_PROFILE / body.len() + 1;
        let header = [&[0xFF, 0xE2][..], &u16::try_from(body.len() + 2).unwrap().to_be_bytes(), &body].concat();
        let heavy = [&plain[..2], &header.repeat(count), &plain[2..]].concat();
        assert_quarters(&seen(&heavy, 32), [RED, GREEN, BLUE, YELLOW]);
        assert!(reserved(&heavy) >= reserved(&plain) + heavy.len() as u64, "the copy is counted");
    }
    let profiled = with_profile(&plain, &ColorProfile::new_display_p3().encode().unwrap(), 60_000);
    assert!(reserved(&profiled) < reserved(&plain) + (1 << 20), "a usual profile costs little");
}

#[test]
fn flags_of_a_webp_whose_chunks_are_gone_do_not_matter() {
    let plain = include_bytes!("../../../../fixtures/quarters-lossy.webp");
    let alpha = include_bytes!("../../../../fixtures/quarters-lossy-alpha.webp");
    let flagged = |webp: &[u8], flags: u8| {
        let mut webp = webp.to_vec();
        assert_eq!(&webp[12..16], b"VP8X");
        webp[20] |= flags;
        webp
    };
    // ICC 0x20, alpha 0x10, EXIF 0x08, XMP 0x04, animation 0x02.
    for flags in [0x00, 0x08, 0x04, 0x10, 0x20, 0x02, 0x3E] {
        let webp = flagged(plain, flags);
        let made = made(&webp, &[256, 1280]).unwrap_or_else(|error| panic!("{flags:#x}: {error}"));
        let sizes: Vec<_> = made.iter().map(|made| (made.width, made.height)).collect();
        assert_eq!(sizes, [(256, 192), (640, 480)], "{flags:#x}");
        assert_quarters(&decoded(&made[0].jpeg), [RED, GREEN, BLUE, YELLOW]);
    }
    assert_quarters(&seen(&flagged(alpha, 0x0C), 32), [RED, GREEN, BLUE, YELLOW]);
    let exif = flagged(&[plain.as_slice(), b"EXIF\x04\0\0\0abcd"].concat(), 0x08);
    assert_quarters(&seen(&exif, 32), [RED, GREEN, BLUE, YELLOW]);
}

#[test]
fn a_webp_with_a_long_profile_is_shown_without_it() {
    let plain = include_bytes!("../../../../fixtures/quarters-lossy.webp");
    let length = u32::try_from(MAX_PROFILE + 2).unwrap();
    let profile = [b"ICCP".as_slice(), &length.to_le_bytes(), &vec![0; MAX_PROFILE + 2]].concat();
    let mut heavy = [&plain[..30], &profile, &plain[30..]].concat();
    heavy[20] |= 0x20;
    let riff = u32::try_from(heavy.len() - 8).unwrap();
    heavy[4..8].copy_from_slice(&riff.to_le_bytes());
    assert_quarters(&seen(&heavy, 32), [RED, GREEN, BLUE, YELLOW]);
}

/// A bitmap from its header after the file's own, its palette and its rows.
fn bmp(header: &[u8], palette: &[u8], gap: usize, stated_offset: Option<u32>, rows: &[u8]) -> Vec<u8> {
    let offset = u32::try_from(14 + header.len() + palette.len() + gap).unwrap();
    let length = offset + u32::try_from(rows.len()).unwrap();
    let stated = stated_offset.unwrap_or(offset);
    let file = [b"BM".as_slice(), &length.to_le_bytes(), &[0; 4], &stated.to_le_bytes()].concat();
    [file.as_slice(), header, palette, &vec![0xAA; gap], rows].concat()
}

fn info_header(bits: u16, compression: u32, size: u32, colours: u32, more: &[u8]) -> Vec<u8> {
    let length = 40 + u32::try_from(more.len()).unwrap();
    [
        &length.to_le_bytes()[..],
        &64_u32.to_le_bytes(),
        &48_u32.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &bits.to_le_bytes(),
        &compression.to_le_bytes(),
        &size.to_le_bytes(),
        &[0; 8],
        &colours.to_le_bytes(),
        &[0; 4],
        more,
    ]
    .concat()
}

/// Four colours as a palette of blue, green, red.
fn palette() -> Vec<u8> {
    [RED, GREEN, BLUE, YELLOW].iter().flat_map(|[red, green, blue]| [*blue, *green, *red, 0]).collect()
}

/// The rows of the quarters from below, by the number of a colour.
fn indices() -> impl Iterator<Item = u8> {
    (0..48_u8).rev().flat_map(|y| (0..64_u8).map(move |x| u8::from(x >= 32) + 2 * u8::from(y >= 24)))
}

#[test]
fn the_pixels_of_a_bitmap_are_found_behind_a_gap_and_where_the_header_lies() {
    let eight: Vec<u8> = indices().collect();
    let four: Vec<u8> = eight.as_chunks().0.iter().map(|[high, low]| high << 4 | low).collect();
    let full: Vec<u8> = indices()
        .flat_map(|n| [RED, GREEN, BLUE, YELLOW][usize::from(n)].into_iter().rev().collect::<Vec<_>>())
        .collect();
    // Runs of 32 pixels, an end of each row, an end of the picture.
    let runs: Vec<u8> = eight.chunks(64).flat_map(|row| [32, row[0], 32, row[63], 0, 0]).chain([0, 1]).collect();
    let size = |rows: &[u8]| u32::try_from(rows.len()).unwrap();
    for (name, header, colours, rows) in [
        ("8 bits", info_header(8, 0, size(&eight), 4, &[]), palette(), eight.clone()),
        ("4 bits", info_header(4, 0, size(&four), 4, &[]), palette(), four),
        ("run-length coded", info_header(8, 1, size(&runs), 4, &[]), palette(), runs),
        ("24 bits", info_header(24, 0, size(&full), 0, &[]), Vec::new(), full),
    ] {
        for gap in [0, 1, 2, 1000] {
            let picture = seen(&bmp(&header, &colours, gap, None, &rows), 64);
            assert_eq!(picture.dimensions(), (64, 48));
            assert_quarters(&picture, [RED, GREEN, BLUE, YELLOW]);
        }
        for lie in [0, 14, 54] {
            let picture = bmp(&header, &colours, 0, Some(lie), &rows);
            assert_quarters(&seen(&picture, 64), [RED, GREEN, BLUE, YELLOW]);
            assert!(reserved(&picture) > picture.len() as u64, "{name}: the copy is counted");
        }
    }
}

#[test]
fn a_bitmap_whose_alpha_is_all_zero_is_shown_opaque() {
    // Debatable: Windows shows it so, Chromium as wholly transparent. White all over tells an archivist nothing.
    let rows = |alpha: &dyn Fn(usize) -> u8| -> Vec<u8> {
        let colour = |n: u8| [RED, GREEN, BLUE, YELLOW][usize::from(n)];
        indices()
            .enumerate()
            .flat_map(|(at, n)| {
                let [red, green, blue] = colour(n);
                [blue, green, red, alpha(at)]
            })
            .collect()
    };
    let masks: Vec<u8> =
        [0x00FF_0000_u32, 0xFF00, 0xFF, 0xFF00_0000].iter().flat_map(|mask| mask.to_le_bytes()).collect();
    let version_4 = [masks.clone(), b" niW".to_vec(), vec![0; 48]].concat();
    let version_5 = [version_4.clone(), vec![0; 16]].concat();
    for more in [masks, version_4, version_5] {
        let picture =
            |alpha: &dyn Fn(usize) -> u8| bmp(&info_header(32, 3, 64 * 48 * 4, 0, &more), &[], 0, None, &rows(alpha));
        assert_quarters(&seen(&picture(&|_| 0), 64), [RED, GREEN, BLUE, YELLOW]);
        assert_quarters(&seen(&picture(&|_| 255), 64), [RED, GREEN, BLUE, YELLOW]);
        let one_seen = seen(&picture(&|at| if at == 0 { 255 } else { 0 }), 64);
        assert_quarters(&one_seen, [[255; 3]; 4]);
    }
    // Without a mask for alpha the fourth byte means nothing.
    let plain = bmp(&info_header(32, 0, 64 * 48 * 4, 0, &[]), &[], 0, None, &rows(&|_| 0));
    assert_quarters(&seen(&plain, 64), [RED, GREEN, BLUE, YELLOW]);
}
