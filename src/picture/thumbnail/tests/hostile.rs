//! Cut, broken, huge and made to hurt.

use super::*;
use crate::picture::thumbnail::pictures::{Xorshift, overlapping_directories, photo, text, with_chunk, with_segment};

/// The header of a PNG and a first chunk of pixels, 65 bytes in all, for a picture of any size.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let chunk = |name: &str, body: &[u8]| {
        let named = [name.as_bytes(), body].concat();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&length, named.as_slice(), &crc32fast::hash(&named).to_be_bytes()].concat()
    };
    let header = chunk("IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[16, 6, 0, 0, 0]].concat());
    let data = chunk("IDAT", b"\x78\x9C\x03\x00\x00\x00\x00\x01");
    let bytes = [b"\x89PNG\r\n\x1A\n".as_slice(), &header, &data, &[0, 0, 0, 0, b'I', b'E', b'N', b'D']].concat();
    assert_eq!(bytes.len(), 61);
    [bytes, vec![0xAE, 0x42, 0x60, 0x82]].concat()
}

#[test]
fn a_bomb_of_65_bytes_is_refused_by_its_header() {
    for (width, height) in [(20_001, 1), (1, 20_001), (19_999, 19_999), (u32::MAX, u32::MAX), (10_001, 10_000)] {
        assert_eq!(bomb(width, height).len(), 65);
        assert_eq!(made(&bomb(width, height), &[256]), Err(Impossible::TooLarge { width, height }));
    }
    // 12 bytes for each of its pixels.
    assert_eq!(made(&bomb(10_000, 9_000), &[256]), Err(Impossible::TooHungry { bytes: 1_080_000_000 }));
    assert!(matches!(made(&bomb(2_000, 2_000), &[256]), Err(Impossible::Broken(_))));
    assert!(matches!(made(&bomb(0, 10), &[256]), Err(Impossible::Broken(_))));
}

#[test]
fn huge_jpegs_are_refused_by_their_header() {
    let mut bytes = jpeg(&quarters(64, 48));
    let frame = bytes.windows(2).position(|window| window == [0xFF, 0xC0]).unwrap();
    for (height, width) in [(0xFFFF_u16, 0xFFFF_u16), (10_001, 10_000), (1, 20_001)] {
        bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
        bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
        let (width, height) = (u32::from(width), u32::from(height));
        assert_eq!(made(&bytes, &[256]), Err(Impossible::TooLarge { width, height }));
    }
    // Even if the inspection was of other bytes.
    let harmless = inspect(&jpeg(&quarters(64, 48)));
    let refused = thumbnails(&bytes, &harmless, &[256], &ThumbnailLimits::default());
    assert_eq!(refused, Err(Impossible::TooLarge { width: 20_001, height: 1 }));
    // The coefficients of all scans are kept.
    let coded = Coded { progressive: true, subsampling: Subsamp::None, ..Coded::default() };
    let bytes = jpeg_coded(&quarters(640, 480), coded);
    let tight = ThumbnailLimits { max_memory: 1_500_000, ..ThumbnailLimits::default() };
    assert!(matches!(thumbnails(&bytes, &inspect(&bytes), &[64], &tight), Err(Impossible::TooHungry { .. })));
}

#[test]
fn a_progressive_jpeg_with_too_many_scans_is_refused() {
    let coded = Coded { progressive: true, ..Coded::default() };
    let bytes = jpeg_coded(&quarters(64, 48), coded);
    let last = bytes.windows(2).rposition(|window| window == [0xFF, 0xDA]).unwrap();
    let end = bytes.len() - 2;
    let scans = |more: usize| [&bytes[..end], &bytes[last..end].repeat(more), &bytes[end..]].concat();
    let own = bytes.windows(2).filter(|window| *window == [0xFF, 0xDA]).count();
    assert!(made(&scans(100 - own), &[32]).is_ok(), "a hundred are still allowed");
    assert_eq!(made(&scans(101 - own), &[32]), Err(Impossible::TooManyScans(101)));

    let limits = ThumbnailLimits { max_pixels: 64 * 48, ..ThumbnailLimits::default() };
    let limited = |bytes: &[u8]| thumbnails(bytes, &inspect(bytes), &[32], &limits);
    assert!(limited(&scans(20 - own)).is_ok());
    assert_eq!(limited(&scans(21 - own)), Err(Impossible::TooManyScans(21)), "the largest pictures have fewer");
}

#[test]
fn a_cut_jpeg_shows_what_is_there() {
    for coded in [Coded::default(), Coded { progressive: true, ..Coded::default() }] {
        let whole = jpeg_coded(&photo(640, 480, 7), coded);
        let cut = &whole[..whole.len() / 2];
        assert!(!inspect(cut).complete);
        let (cut, whole) = (seen(cut, 160), seen(&whole, 160));
        assert_eq!(cut.dimensions(), (160, 120));
        let strip = |picture: &RgbImage| picture.as_raw()[..160 * 3 * 20].to_vec();
        let worst = strip(&cut).iter().zip(strip(&whole)).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>();
        assert!(worst / (160 * 3 * 20) < 12, "the top is the same: {worst}");
    }
}

#[test]
fn what_is_no_picture_has_no_thumbnail() {
    assert_eq!(made(b"", &[256]), Err(Impossible::Unsupported(Kind::Other)));
    assert_eq!(made(b"%PDF-1.7", &[256]), Err(Impossible::Unsupported(Kind::Pdf)));
    assert_eq!(made(&tiff(&[short(Tag::ImageWidth, 9)], true), &[256]), Err(Impossible::Unsupported(Kind::Tiff)));
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    assert_eq!(made(heic, &[256]), Err(Impossible::Unsupported(Kind::Heic)));
    let mut random = Xorshift(3);
    for length in [0, 1, 40, 5_000] {
        let garbage: Vec<u8> = (0..length).map(|_| random.next().to_le_bytes()[0]).collect();
        for magic in [b"\xFF\xD8\xFF\xE0".as_slice(), b"\x89PNG\r\n\x1A\n", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 "] {
            let refused = made(&[magic, &garbage].concat(), &[256]);
            assert!(matches!(refused, Err(Impossible::Broken(_) | Impossible::TooLarge { .. })), "{refused:?}");
        }
    }
}

#[test]
fn odd_metadata_does_not_spoil_the_picture() {
    let whole = jpeg(&quarters(64, 48));
    // Each is an error or a warning to the library's header reader.
    let odd_version = [&whole[..11], &[7], &whole[12..]].concat();
    let garbage_between = [&whole[..20], b"garbage", &whole[20..]].concat();
    for bytes in [odd_version, garbage_between, with_segment(&whole, 0xEE, b"Adobe\0\x64\0\0\0\0\x09")] {
        assert_quarters(&seen(&bytes, 32), [RED, GREEN, BLUE, YELLOW]);
    }
}

#[test]
fn the_dearest_progressive_jpeg_that_is_allowed_is_made() {
    // A hundred scans over four megapixels of nothing, in a few KiB.
    let coded = Coded { progressive: true, ..Coded::default() };
    let bytes = jpeg_coded(&RgbImage::new(2_000, 2_000), coded);
    let last = bytes.windows(2).rposition(|window| window == [0xFF, 0xDA]).unwrap();
    let end = bytes.len() - 2;
    let own = bytes.windows(2).filter(|window| *window == [0xFF, 0xDA]).count();
    let many = [&bytes[..end], &bytes[last..end].repeat(100 - own), &bytes[end..]].concat();
    assert!(made(&many, &[256]).is_ok());
}

/// Mutates, inspects, decodes; whatever comes out, something does.
fn survive(bytes: &[u8], rounds: usize, seed: u64) -> usize {
    let mut random = Xorshift(seed);
    // What an attacker can ask for is bounded elsewhere; here it only has to be quick.
    let limits = ThumbnailLimits { max_pixels: 40_000, ..ThumbnailLimits::default() };
    let mut decodable = 0;
    for _ in 0..rounds {
        let mut mutant = bytes.to_vec();
        // Half of the changes hit the head, where the structure is.
        for _ in 0..=random.below(4) {
            let reach = if random.next() & 256 == 0 { mutant.len() } else { mutant.len().min(200) };
            let at = random.below(reach);
            let value = random.next().to_le_bytes();
            match random.below(5) {
                0 => mutant[at] = value[0],
                1 => mutant[at] ^= 1 << (value[0] % 8),
                2 => mutant[at] = [0, 0xFF, 0x7F, 0x80][random.below(4)],
                3 => mutant.truncate(at.max(mutant.len() / 4)),
                _ => drop(mutant.splice(at..at, value.iter().copied().take(4))),
            }
        }
        let found = inspect(&mutant);
        assert!(memory_needed(&found, &[24, 12], &limits) < 1 << 30);
        decodable += usize::from(thumbnails(&mutant, &found, &[24, 12], &limits).is_ok());
    }
    decodable
}

#[test]
fn mutations_of_jpegs_never_hurt() {
    let fields = [short(Tag::Orientation, 6), text(Tag::DateTimeOriginal, "2026:11:23 12:00:00")];
    let picture = quarters(48, 32);
    let with_all = with_profile(&jpeg(&picture), &ColorProfile::new_display_p3().encode().unwrap(), 300);
    let with_all = with_exif(&with_all, &tiff(&fields, false));
    let progressive = jpeg_coded(&picture, Coded { progressive: true, ..Coded::default() });
    let arithmetic = jpeg_coded(&picture, Coded { arithmetic: true, ..Coded::default() });
    let inks = compress(
        &[90; 48 * 32 * 4],
        48,
        32,
        PixelFormat::CMYK,
        Coded { subsampling: Subsamp::None, ..Coded::default() },
    );
    for (seed, bytes) in (1..).zip([with_all, progressive, arithmetic, inks]) {
        let decodable = survive(&bytes, 2_000, seed);
        assert!((100..2_000).contains(&decodable), "{decodable}");
    }
}

#[test]
fn mutations_of_other_pictures_never_hurt() {
    let picture = || DynamicImage::ImageRgb8(quarters(48, 32));
    let fields = [short(Tag::Orientation, 6), text(Tag::DateTimeOriginal, "2026:11:23 12:00:00")];
    let png = with_chunk(&png(quarters(48, 32)), "eXIf", &tiff(&fields, true));
    let others = [ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Bmp].map(|format| encoded(&picture(), format));
    let lossy = include_bytes!("../../../../fixtures/quarters-lossy-alpha.webp").to_vec();
    for (seed, bytes) in (11..).zip([png, lossy].into_iter().chain(others)) {
        survive(&bytes, 2_000, seed);
    }
}

#[test]
fn mutations_of_exif_never_hurt() {
    let fields = [
        short(Tag::Orientation, 6),
        text(Tag::DateTimeOriginal, "2026:11:23 12:00:00"),
        text(Tag::SubSecTimeOriginal, "123"),
        text(Tag::OffsetTimeOriginal, "+08:00"),
    ];
    let mut random = Xorshift(99);
    let sources = [(tiff(&fields, true), 5_000), (tiff(&fields, false), 5_000), (overlapping_directories(), 500)];
    for (source, rounds) in sources {
        for _ in 0..rounds {
            let mut mutant = source.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(mutant.len().min(300));
                mutant[at] = random.next().to_le_bytes()[0];
            }
            let _ = inspect(&mutant);
        }
    }
}
