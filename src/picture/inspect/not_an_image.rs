//! Recognises bodies that are something else than a photo. A photo is what has the signature of a picture, and binary
//! data of an unknown format: a device may use one that this crate does not know.

use serde_json::{Map, Value};

use super::{Kind, array, be32, index, le32, start_of_file, text::is_text};

/// The reason why a body is not a photo.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnImage {
    #[error("the body is empty")]
    Empty,
    #[error("the body is an HTML page")]
    HtmlPage,
    /// The vendor answers errors with status 200 and `{"code": …, "message": …}`.
    #[error("the body is a JSON answer (code {}): {message}", code.as_deref().unwrap_or("absent"))]
    Json { code: Option<String>, message: String },
    #[error("the body is text: {0}")]
    Text(String),
    /// A file whose data never reached the disk reads as zeros.
    #[error("the body has no content: every byte is {0:#04x}")]
    Blank(u8),
    #[error("the body is {0}")]
    OtherFile(&'static str),
}

/// The start of the body that is searched for HTML.
const HEAD: usize = 1024;
/// The longest JSON text that is read. Error answers are short.
const MAX_JSON: usize = 256 * 1024;
const MAX_MESSAGE_CHARS: usize = 200;

/// Returns true if the bytes have the signature of a picture. The signatures of GIF and WebP are letters, which a text
/// can begin with, too.
#[must_use]
pub fn is_picture(bytes: &[u8]) -> bool {
    let bytes = &bytes[start_of_file(bytes)..];
    match Kind::sniff(bytes) {
        Kind::Pdf | Kind::Other => false,
        // A marker follows. No letter is a marker.
        Kind::Jpeg => bytes.get(3).is_none_or(|marker| *marker >= 0xC0),
        // The position of the first directory follows. Four letters would be a position beyond 512 MiB.
        Kind::Tiff => {
            let big_endian = bytes[0] == b'M';
            let position = if big_endian { be32(bytes, 4) } else { le32(bytes, 4) };
            position.is_none_or(|position| position < 0x2000_0000)
        }
        // A size follows the letters. Its upper byte is small.
        Kind::Gif | Kind::Webp => !is_text(&bytes[..bytes.len().min(16)]),
        _ => true,
    }
}

/// Returns why the bytes are no photo. `None` for a picture, for binary data of an unknown format, and for a PDF: some
/// devices scan into one.
#[must_use]
pub fn not_an_image(bytes: &[u8]) -> Option<NotAnImage> {
    if is_picture(bytes) || Kind::sniff(&bytes[start_of_file(bytes)..]) == Kind::Pdf {
        return None;
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    if text.is_empty() {
        return Some(NotAnImage::Empty);
    }
    if is_html(text) {
        return Some(NotAnImage::HtmlPage);
    }
    if let Some(answer) = json(text) {
        return Some(answer);
    }
    if text.iter().all(|byte| *byte == text[0]) {
        return Some(NotAnImage::Blank(text[0]));
    }
    if let Some(name) = other_file(text) {
        return Some(NotAnImage::OtherFile(name));
    }
    is_text(text).then(|| NotAnImage::Text(start(text)))
}

/// Files that lie beside photos, or that photos are packed in. None of them is a photo.
fn other_file(bytes: &[u8]) -> Option<&'static str> {
    const STARTS: [(&[u8], &str); 16] = [
        (b"\x00\x05\x16\x07", "metadata of macOS (AppleDouble)"),
        (b"\x00\x05\x16\x00", "metadata of macOS (AppleSingle)"),
        (b"\x00\x00\x00\x01Bud1", "a folder view of macOS (.DS_Store)"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "a compound file (Thumbs.db or an office file)"),
        (b"SQLite format 3\0", "a SQLite database"),
        (b"PK\x03\x04", "a zip"),
        (b"PK\x05\x06", "an empty zip"),
        (b"\x1F\x8B\x08", "packed with gzip"),
        (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
        (b"Rar!\x1A\x07", "a RAR archive"),
        (b"\x7FELF", "a program for Linux"),
        (b"\xCA\xFE\xBA\xBE", "a Java class"),
        (b"ID3", "a sound file (MP3)"),
        (b"OggS", "a sound or video file (Ogg)"),
        (b"\x1A\x45\xDF\xA3", "a video (Matroska)"),
        (b"\x00\x00\x01\xBA", "a video (MPEG)"),
    ];
    match bytes {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some("a sound file (WAVE)"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => Some("a video (AVI)"),
        // The brands of pictures are recognised before this.
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some("a video or sound file (MP4)"),
        [b'M', b'Z', ..] if is_windows_program(bytes) => Some("a program for Windows"),
        _ => STARTS.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, name)| *name),
    }
}

/// Two letters are weak evidence, so the position of the second header must have its mark, too.
fn is_windows_program(bytes: &[u8]) -> bool {
    le32(bytes, 60).is_some_and(|at| array(bytes, index(at)) == Some(*b"PE\0\0"))
}

/// The first words of a text, for display.
fn start(text: &[u8]) -> String {
    let (text, ..) = encoding_rs::UTF_8.decode(&text[..text.len().min(4 * MAX_MESSAGE_CHARS)]);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(MAX_MESSAGE_CHARS).collect()
}

fn is_html(text: &[u8]) -> bool {
    // A page in UTF-16 has the same letters after a mark, with zeros between them.
    let head: Vec<u8> =
        text.iter().take(HEAD).filter(|byte| !matches!(byte, 0 | 0xFE | 0xFF)).map(u8::to_ascii_lowercase).collect();
    let head = head.trim_ascii_start();
    let starts = |word: &[u8]| head.starts_with(word);
    let says_html = || head.windows(5).any(|word| word == b"<html") || head.windows(5).any(|word| word == b" html");
    match head {
        [b'<', ..] => {
            [b"<html".as_slice(), b"<head", b"<body", b"<title", b"<h1", b"<h2"].iter().any(|word| starts(word))
                || ([b"<!doctype".as_slice(), b"<!--", b"<?xml"].iter().any(|word| starts(word)) && says_html())
        }
        _ => false,
    }
}

fn json(text: &[u8]) -> Option<NotAnImage> {
    if text.first() != Some(&b'{') || text.len() > MAX_JSON {
        return None;
    }
    let answer: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let code = answer.get("code").map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
    let message = ["message", "msg"].iter().find_map(|key| answer.get(*key)?.as_str()).unwrap_or_default();
    Some(NotAnImage::Json { code, message: message.chars().take(MAX_MESSAGE_CHARS).collect() })
}
