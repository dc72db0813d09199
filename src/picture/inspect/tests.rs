mod not_an_image;

use ::exif::{Field, Tag};
use image::{DynamicImage, ImageFormat};

use super::*;
use crate::{
    clock::Timestamp,
    picture::thumbnail::{
        ThumbnailLimits,
        pictures::{
            Coded, encoded, jpeg, jpeg_coded, overlapping_directories, quarters, short, text, tiff, with_chunk,
            with_exif, with_segment,
        },
        thumbnails,
    },
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn picture(format: ImageFormat) -> Vec<u8> {
    encoded(&DynamicImage::ImageRgb8(quarters(40, 30)), format)
}

fn boxed(name: &str, body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len() + 8).unwrap().to_be_bytes(), name.as_bytes(), body].concat()
}

/// A camera's HEIC with this TIFF structure as the standard says.
fn heic(tiff: &[u8]) -> Vec<u8> {
    heic_with(&[&[0, 0, 0, 6], b"Exif\0\0".as_slice(), tiff].concat())
}

/// The boxes of a camera's HEIC around no picture: sizes of a preview, a tile and the whole, an EXIF item.
fn heic_with(payload: &[u8]) -> Vec<u8> {
    let size = |width: u32, height: u32| boxed("ispe", &[[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat());
    let sizes = boxed("iprp", &boxed("ipco", &[size(512, 512), size(4032, 3024), size(320, 240)].concat()));
    let item = |number: u16, kind: &str| {
        boxed("infe", &[&[2, 0, 0, 0], number.to_be_bytes().as_slice(), &[0, 0], kind.as_bytes(), &[0]].concat())
    };
    let items = boxed("iinf", &[&[0, 0, 0, 0, 0, 2], item(1, "hvc1").as_slice(), &item(2, "Exif")].concat());
    let ftyp = boxed("ftyp", b"heic\0\0\0\0mif1heic");
    let whole = |exif_at: u32| {
        let place = |number: u16, at: u32, length: u32| {
            [&number.to_be_bytes()[..], &[0, 0, 0, 0, 0, 1], &at.to_be_bytes(), &length.to_be_bytes()].concat()
        };
        let length = u32::try_from(payload.len()).unwrap();
        let places = [&[1, 0, 0, 0, 0x44, 0, 0, 2], place(1, 0, 0).as_slice(), &place(2, exif_at, length)].concat();
        let meta = [vec![0; 4], items.clone(), sizes.clone(), boxed("iloc", &places)].concat();
        [ftyp.clone(), boxed("meta", &meta), boxed("mdat", payload)].concat()
    };
    let length = whole(0).len() - payload.len();
    whole(u32::try_from(length).unwrap())
}

#[test]
fn every_kind_is_told_by_its_bytes() {
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (jpeg(&quarters(40, 30)), "image/jpeg", "jpg"),
        (picture(ImageFormat::Png), "image/png", "png"),
        (picture(ImageFormat::Gif), "image/gif", "gif"),
        (picture(ImageFormat::WebP), "image/webp", "webp"),
        (picture(ImageFormat::Bmp), "image/bmp", "bmp"),
        (tiff(&[short(Tag::ImageWidth, 40), short(Tag::ImageLength, 30)], true), "image/tiff", "tif"),
        (tiff(&[short(Tag::ImageWidth, 40), short(Tag::ImageLength, 30)], false), "image/tiff", "tif"),
    ];
    for (bytes, mime, ext) in cases {
        let seen = inspect(&bytes);
        assert_eq!((seen.mime, seen.ext), (mime, ext));
        assert_eq!((seen.width, seen.height), (Some(40), Some(30)), "{mime}");
        assert!(seen.complete, "{mime}");
    }
    for (bytes, mime) in [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice(), "image/heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image/heic"),
        (b"\0\0\0\x14ftypmif1\0\0\0\0mif1", "image/heif"),
        (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", "image/avif"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "application/octet-stream"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"BMW is a car maker, not a bitmap", "application/octet-stream"),
        (b"\xFF\xD8", "application/octet-stream"),
        (b"PK\x03\x04", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ] {
        assert_eq!(inspect(bytes).mime, mime);
    }
}

#[test]
fn a_jpeg_is_complete_only_with_its_own_end() {
    let preview = jpeg(&quarters(16, 12));
    let whole = with_segment(&jpeg(&quarters(400, 300)), 0xE1, &[b"Exif\0\0", preview.as_slice()].concat());
    assert!(inspect(&whole).complete);
    for coded in [
        Coded { progressive: true, ..Coded::default() },
        Coded { arithmetic: true, ..Coded::default() },
        Coded { progressive: true, arithmetic: true, ..Coded::default() },
    ] {
        let whole = jpeg_coded(&quarters(400, 300), coded);
        assert!(inspect(&whole).complete);
        assert!(!inspect(&whole[..whole.len() - 2]).complete);
    }

    for trailer in [vec![0; 700], vec![0xFF; 3], b"\r\n".to_vec(), preview.clone(), b"\0\0\0\x18ftypmp42".to_vec()] {
        assert!(inspect(&[whole.clone(), trailer].concat()).complete);
    }
    for kept in [3, 30, 700, whole.len() / 2, whole.len() - 1] {
        assert!(!inspect(&whole[..kept]).complete, "cut at {kept}");
        let filled = [&whole[..kept], &vec![0; whole.len() - kept]].concat();
        assert!(!inspect(&filled).complete, "filled with zeros from {kept}");
    }
    assert!(!inspect(b"\xFF\xD8\xFF\xD9").complete);
}

#[test]
fn other_pictures_are_complete_only_to_their_last_byte() {
    for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Bmp] {
        let whole = picture(format);
        assert!(inspect(&whole).complete, "{format:?}");
        assert!(inspect(&[whole.clone(), vec![0; 9]].concat()).complete, "{format:?} with padding");
        for kept in [whole.len() / 2, whole.len() - 1] {
            assert!(!inspect(&whole[..kept]).complete, "{format:?} cut at {kept}");
        }
    }
    let whole = heic(&[]);
    assert!(inspect(&whole).complete);
    assert!(!inspect(&whole[..whole.len() - 1]).complete);
}

fn taken(fields: &[Field]) -> Option<ExifTime> {
    inspect(&with_exif(&jpeg(&quarters(16, 16)), &tiff(fields, false))).exif
}

#[test]
fn the_time_of_a_picture_is_read_with_and_without_offset() {
    let original = |value| text(Tag::DateTimeOriginal, value);
    let offset = |value| text(Tag::OffsetTimeOriginal, value);
    let stated = |text: &str| Some(ExifTime { at: at(text), offset_assumed: false });
    let assumed = |text: &str| Some(ExifTime { at: at(text), offset_assumed: true });

    let noon = || original("2026:11:23 12:00:00");
    assert_eq!(taken(&[noon()]), assumed("2026-11-23T12:00:00+08:00"));
    assert_eq!(taken(&[noon(), offset("+09:00")]), stated("2026-11-23T12:00:00+09:00"));
    assert_eq!(taken(&[noon(), offset("-03:30")]), stated("2026-11-23T12:00:00-03:30"));
    let fraction = text(Tag::SubSecTimeOriginal, "25");
    assert_eq!(taken(&[noon(), offset("+08:00"), fraction]), stated("2026-11-23T12:00:00.25+08:00"));
    for (digits, read) in [("5 ", ".5"), ("123456789", ".123456"), ("1234560000", ".123456"), ("2x", ""), ("", "")] {
        let fraction = text(Tag::SubSecTimeOriginal, digits);
        assert_eq!(taken(&[noon(), fraction]), assumed(&format!("2026-11-23T12:00:00{read}+08:00")), "{digits}");
    }
    for broken in ["   :  ", "+8", "later!", "+99:99", "+08:60", "08:00", "+08.00", " 08:00"] {
        assert_eq!(taken(&[noon(), offset(broken)]), assumed("2026-11-23T12:00:00+08:00"), "{broken}");
    }
    for none in [
        "0000:00:00 00:00:00",
        "2026:13:01 00:00:00",
        "    :  :     :  :  ",
        "2026-11-23",
        "2026:11:23 1x:00:00",
        "2026:11-23 12:00:00",
        "26:11:23 12:00:00",
        "20261123 120000",
        "2026:11:23 12:00:0",
        "",
    ] {
        assert_eq!(taken(&[original(none)]), None, "{none}");
    }
    // Debatable. A rotation or an export writes this time. A wrong time of taking is worse in an archive than none.
    assert_eq!(taken(&[text(Tag::DateTime, "2026:11:23 12:00:00")]), None, "that is when the file was changed");
}

#[test]
fn a_time_is_read_as_devices_write_it() {
    let noon = at("2026-11-23T12:00:00+08:00");
    for written in [
        "2026-11-23 12:00:00",
        "2026/11/23 12:00:00",
        "2026-11-23T12:00:00",
        "2026:11:23T12:00:00",
        "2026.11.23 12:00:00",
        "2026-11-23  12:00:00",
        "2026-11-23t12:00:00.000",
        " 2026:11:23 12:00:00 ",
        // The device does not know the seconds.
        "2026:11:23 12:00:  ",
    ] {
        let read = taken(&[text(Tag::DateTimeOriginal, written)]).unwrap();
        assert_eq!((read.at, read.offset_assumed), (noon, true), "{written}");
    }
    let early = taken(&[text(Tag::DateTimeOriginal, "2026/1/3 9:05:07")]).unwrap();
    assert_eq!(early.at, at("2026-01-03T09:05:07+08:00"), "numbers without a leading zero");
    for (written, read) in [
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
        ("2026-11-23T12:00:00.25+09:00", "2026-11-23T12:00:00.25+09:00"),
        ("2026:11:23 12:00:00 +0900", "2026-11-23T12:00:00+09:00"),
    ] {
        let stated = ExifTime { at: at(read), offset_assumed: false };
        assert_eq!(taken(&[text(Tag::DateTimeOriginal, written)]), Some(stated), "{written}");
    }
    let both = [text(Tag::DateTimeOriginal, "2026-11-23T12:00:00Z"), text(Tag::OffsetTimeOriginal, "+09:00")];
    assert_eq!(taken(&both).unwrap().at, at("2026-11-23T12:00:00+09:00"), "the field of its own counts");
}

#[test]
fn an_offset_is_read_as_devices_write_it() {
    for written in ["+09:00", "+9:00", "+0900", "+09", " +09:00 "] {
        let fields = [text(Tag::DateTimeOriginal, "2026:11:23 12:00:00"), text(Tag::OffsetTimeOriginal, written)];
        let stated = ExifTime { at: at("2026-11-23T12:00:00+09:00"), offset_assumed: false };
        assert_eq!(taken(&fields), Some(stated), "{written}");
    }
    let zulu = [text(Tag::DateTimeOriginal, "2026:11:23 12:00:00"), text(Tag::OffsetTimeOriginal, "Z")];
    assert_eq!(taken(&zulu).unwrap().at, at("2026-11-23T12:00:00Z"));
}

#[test]
fn the_time_of_digitizing_stands_for_a_missing_time_of_taking() {
    let digitized = || text(Tag::DateTimeDigitized, "2026:11:23 12:00:00");
    let noon = Some(ExifTime { at: at("2026-11-23T12:00:00+08:00"), offset_assumed: true });
    assert_eq!(taken(&[digitized()]), noon);
    for blank in ["    :  :     :  :  ", "                   ", "0000:00:00 00:00:00", ""] {
        assert_eq!(taken(&[text(Tag::DateTimeOriginal, blank), digitized()]), noon, "{blank:?}");
    }
    let own = [digitized(), text(Tag::OffsetTimeDigitized, "+09:00"), text(Tag::SubSecTimeDigitized, "5")];
    assert_eq!(taken(&own).unwrap().at, at("2026-11-23T12:00:00.5+09:00"), "its own offset and fraction");
    let other = [digitized(), text(Tag::OffsetTimeOriginal, "+09:00")];
    assert_eq!(taken(&other), noon, "the offset of another time says nothing");
    let taken_first = [text(Tag::DateTimeOriginal, "2026:11:22 12:00:00"), digitized()];
    assert_eq!(taken(&taken_first).unwrap().at, at("2026-11-22T12:00:00+08:00"));
}

#[test]
fn the_offset_of_the_last_change_counts_only_for_an_unchanged_picture() {
    // Debatable. OffsetTime belongs to the time of the last change (EXIF 2.31). If the file names no other such time, it
    // was not changed after it was taken. Otherwise the change may have happened in another time zone.
    let fields = |changed: Option<&str>| {
        let taken = [text(Tag::DateTimeOriginal, "2026:11:23 12:00:00"), text(Tag::OffsetTime, "+09:00")];
        taken.into_iter().chain(changed.map(|changed| text(Tag::DateTime, changed))).collect::<Vec<_>>()
    };
    let stated = Some(ExifTime { at: at("2026-11-23T12:00:00+09:00"), offset_assumed: false });
    assert_eq!(taken(&fields(None)), stated);
    assert_eq!(taken(&fields(Some("2026:11:23 12:00:00"))), stated);
    let assumed = Some(ExifTime { at: at("2026-11-23T12:00:00+08:00"), offset_assumed: true });
    assert_eq!(taken(&fields(Some("2026:11:24 08:00:00"))), assumed);
}

#[test]
fn the_exif_item_of_a_heic_is_found_in_every_wrapping() {
    for little_endian in [true, false] {
        let tiff = tiff(&[text(Tag::DateTimeOriginal, "2026:11:23 12:00:00")], little_endian);
        for (front, name) in [
            (b"\0\0\0\0".as_slice(), "the TIFF structure at once"),
            (b"\0\0\0\x06Exif\0\0", "the standard"),
            (b"", "no offset"),
            (b"Exif\0\0", "no offset, but a preamble"),
            (b"\0\0\0\0Exif\0\0", "a preamble that is not counted"),
            (b"\0\0\0\x06", "an offset to a preamble that is absent"),
            (b"\0\0\0\0\xFF\xE1\0\x80Exif\0\0", "a JPEG marker"),
            (b"\0\0\0\x0A\xFF\xE1\0\x80Exif\0\0", "a JPEG marker that is counted"),
            (b"\xFF\xFF\xFF\xFFExif\0\0", "an offset beyond the end"),
        ] {
            let seen = inspect(&heic_with(&[front, tiff.as_slice()].concat()));
            assert_eq!((seen.mime, seen.width, seen.complete), ("image/heic", Some(4032), true), "{name}");
            assert_eq!(seen.exif.map(|exif| exif.at), Some(at("2026-11-23T12:00:00+08:00")), "{name}");
        }
    }
    assert_eq!(inspect(&heic_with(&[0; 100])).exif, None);
}

#[test]
fn every_container_gives_up_its_exif() {
    let fields = [text(Tag::DateTimeOriginal, "2026:11:23 12:00:00"), short(Tag::Orientation, 6)];
    for little_endian in [true, false] {
        let tiff = tiff(&fields, little_endian);
        let webp = {
            let mut chunk = [b"EXIF".as_slice(), &u32::try_from(tiff.len()).unwrap().to_le_bytes(), &tiff].concat();
            chunk.resize(chunk.len().next_multiple_of(2), 0);
            [picture(ImageFormat::WebP), chunk].concat()
        };
        for bytes in [
            with_exif(&jpeg(&quarters(40, 30)), &tiff),
            with_chunk(&picture(ImageFormat::Png), "eXIf", &tiff),
            webp,
            heic(&tiff),
            tiff.clone(),
        ] {
            let seen = inspect(&bytes);
            assert_eq!(seen.exif.unwrap().at, at("2026-11-23T12:00:00+08:00"), "{:?}", seen.kind);
        }
    }
}

#[test]
fn the_orientation_of_a_picture_is_read_beside_its_stored_sides() {
    for value in 0..=9 {
        let turned = with_exif(&jpeg(&quarters(40, 30)), &tiff(&[short(Tag::Orientation, value)], true));
        let seen = inspect(&turned);
        assert_eq!((seen.width, seen.height), (Some(40), Some(30)));
        let expected = if (1..=8).contains(&value) { value } else { 1 };
        assert_eq!(seen.orientation as u16, expected, "orientation {value}");
    }
}

#[test]
fn a_heic_tells_the_size_of_the_whole_and_is_not_turned_by_exif() {
    let seen = inspect(&heic(&tiff(&[short(Tag::Orientation, 6)], true)));
    assert_eq!((seen.kind, seen.width, seen.height), (Kind::Heic, Some(4032), Some(3024)));
    assert_eq!(seen.orientation, Orientation::Upright);
}

#[test]
fn directories_over_each_other_are_read_in_place() {
    // A reader that collects every field does not come to the end of these rounds before the runner ends the test.
    let hostile = with_exif(&jpeg(&quarters(16, 16)), &overlapping_directories());
    for _ in 0..100 {
        assert_eq!(inspect(&hostile).exif, None);
    }
}

#[test]
fn a_frame_larger_than_its_canvas_is_counted() {
    let frame = b"\x10\x02\x00\x9D\x01\x2A\xFF\x3F\xFF\x3F";
    let inner = [b"VP8 ".as_slice(), &10_u32.to_le_bytes(), frame].concat();
    let animation = [b"ANMF".as_slice(), &34_u32.to_le_bytes(), &[0; 16], &inner].concat();
    for chunk in [inner, animation] {
        let canvas = [b"VP8X".as_slice(), &10_u32.to_le_bytes(), &[0, 0, 0, 0, 9, 0, 0, 9, 0, 0]].concat();
        let body = [b"WEBP".as_slice(), &canvas, &chunk].concat();
        let bytes = [b"RIFF".as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat();
        let seen = inspect(&bytes);
        assert_eq!((seen.width, seen.height), (Some(10), Some(10)));
        assert!(matches!(seen.coding, Coding::Raster { pixels: 268_402_689, .. }), "{:?}", seen.coding);
    }
}

#[test]
fn a_clock_is_doubted_by_the_rule() {
    let received = at("2026-11-23T12:00:00+08:00");
    let doubt = |exif: &str, vendor: Option<&str>| clock_doubt(Some(at(exif)), vendor.map(at), received);
    assert!(!clock_doubt(None, Some(at("2017-01-01T00:00:00Z")), received));
    assert!(!doubt("2026-11-23T11:58:00+08:00", None));
    assert!(!doubt("2026-11-22T12:00:00+08:00", None), "exactly a day");
    assert!(doubt("2026-11-22T11:59:59+08:00", None), "more than a day before the receipt");
    assert!(!doubt("2026-11-20T12:00:00+08:00", Some("2026-11-20T12:01:00+08:00")), "late, but the vendor agrees");
    assert!(doubt("2026-11-20T12:00:00+08:00", Some("2026-11-21T12:00:01+08:00")));
    assert!(doubt("2026-11-21T12:00:01+08:00", Some("2026-11-20T12:00:00+08:00")));
    assert!(!doubt("2026-11-23T12:05:00+08:00", None), "clocks differ by minutes");
    assert!(doubt("2026-11-23T12:05:01+08:00", None), "from the future");
    assert!(doubt("2017-12-31T23:59:59+08:00", Some("2017-12-31T23:59:59+08:00")), "before anything was built");
}
