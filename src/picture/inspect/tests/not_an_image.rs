//! What is no photo, and what is one behind blanks or a mark.

use super::*;

#[test]
fn answers_that_are_no_picture_are_told_apart() {
    for empty in [b"".as_slice(), b" \r\n\t", b"\xEF\xBB\xBF"] {
        assert_eq!(not_an_image(empty), Some(NotAnImage::Empty));
    }
    for page in [
        b"<html><body>HTTP ERROR 500".as_slice(),
        b"\r\n  <!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">",
        b"\xEF\xBB\xBF<!doctype html>",
        b"<?xml version=\"1.0\"?>\n<!DOCTYPE html>\n<HTML>",
        b"<!-- proxy --><Html>",
        b"<HEAD><title>502",
        b"\xFF\xFE<\0h\0t\0m\0l\0>\0",
    ] {
        assert_eq!(not_an_image(page), Some(NotAnImage::HtmlPage), "{}", String::from_utf8_lossy(page));
    }
    let answer = "\u{FEFF} {\"code\": 1201, \"message\": \"图片不存在\"}";
    assert_eq!(
        not_an_image(answer.as_bytes()),
        Some(NotAnImage::Json { code: Some("1201".to_owned()), message: "图片不存在".to_owned() })
    );
    assert_eq!(
        not_an_image(b"{\"code\":\"SIGN_ERROR\"}"),
        Some(NotAnImage::Json { code: Some("SIGN_ERROR".to_owned()), message: String::new() })
    );
    for text in [
        "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        "<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>",
        "{not json",
        "plain text",
        "null",
        "[]",
        "GIF89a is not supported",
        "BM2026-0042",
        "RIFFxxxxWEBP is what we expected",
    ] {
        assert_eq!(not_an_image(text.as_bytes()), Some(NotAnImage::Text(text.to_owned())));
    }
    assert_eq!(not_an_image(&[0; 4096]), Some(NotAnImage::Blank(0)));
    assert_eq!(not_an_image(&[0xFF; 4096]), Some(NotAnImage::Blank(0xFF)));
    assert_eq!(not_an_image(b"\x1F\x8B\x08\0\0\0\0\0"), Some(NotAnImage::OtherFile("packed with gzip")));
}

#[test]
fn a_file_of_another_kind_is_no_photo_though_it_is_binary() {
    let mut program = [b"MZ".as_slice(), &[1; 58], &[64, 0, 0, 0], b"PE\0\0", &[1; 64]].concat();
    let video = [b"\0\0\0\x18ftypmp42".as_slice(), &[0, 0, 0, 1], b"isomiso2", &[1; 64]].concat();
    let sound = [b"RIFF\x24\0\0\0WAVEfmt ".as_slice(), &[1; 32]].concat();
    let linux = [b"\x7fELF\x02\x01\x01".as_slice(), &[0, 9, 7, 1, 2].repeat(9)].concat();
    for file in [&program, &video, &sound, &linux] {
        assert!(matches!(not_an_image(file), Some(NotAnImage::OtherFile(_))), "{file:?}");
    }
    program[60] = 63;
    assert_eq!(not_an_image(&program), None, "without its second header two letters prove nothing");
    for words in [
        b"\xFF\xD8\xFF not a picture, but an answer".as_slice(),
        b"II*\0 words and more words, as a proxy writes them into an answer",
    ] {
        assert!(matches!(not_an_image(words), Some(NotAnImage::Text(_))), "{words:?}");
    }
}

#[test]
fn a_picture_behind_blank_lines_or_a_mark_is_that_picture() {
    let plain = jpeg(&quarters(64, 48));
    for before in [b"\r\n".as_slice(), b"\xEF\xBB\xBF", b"\xEF\xBB\xBF\n \n", b""] {
        let bytes = [before, &plain].concat();
        assert_eq!(not_an_image(&bytes), None);
        assert_eq!(inspect(&bytes), inspect(&plain));
        let limits = ThumbnailLimits::default();
        let made = thumbnails(&bytes, &inspect(&bytes), &[32], &limits).unwrap();
        assert_eq!(made, thumbnails(&plain, &inspect(&plain), &[32], &limits).unwrap());
    }
    let words = inspect(b"\n\n plain words");
    assert_eq!(words.kind, Kind::Other);
    assert_eq!(start_of_file(&[b' '; 200]), 0);
}

#[test]
fn pictures_and_unknown_binary_data_are_photos() {
    let raw: Vec<u8> = (0..2048_u32).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    for photo in [
        jpeg(&quarters(16, 16)),
        picture(ImageFormat::Png),
        picture(ImageFormat::Gif),
        picture(ImageFormat::Bmp),
        heic(&[]),
        b"%PDF-1.4 scanned".to_vec(),
        raw,
    ] {
        assert_eq!(not_an_image(&photo), None);
    }
}
