//! Tells text from binary data.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

/// The start of the bytes that is examined.
const SAMPLE: usize = 64 << 10;
/// Binary data has more than one control character in this many bytes. Compressed data has three.
const RARE: usize = 32;

/// Returns true if the bytes read as text in UTF-8, GBK, Latin-1 or UTF-16. A stray control character and zeros at the
/// end change nothing. No bytes are no text.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let sample = &bytes[..end.min(SAMPLE)];
    if let Some(encoding) = utf16(sample) {
        // The last zero of a letter may be cut off.
        let whole = &bytes[..sample.len().next_multiple_of(2).min(bytes.len())];
        let text = encoding.decode_with_bom_removal(whole).0;
        let odd = text.chars().filter(|c| *c == '\u{fffd}' || c.is_control() && !c.is_whitespace()).count();
        return odd * RARE <= text.chars().count();
    }
    !sample.is_empty() && sample.iter().filter(|byte| is_control(**byte)).count() * RARE <= sample.len()
}

/// Not the blanks, line ends and the escape of terminals.
fn is_control(byte: u8) -> bool {
    matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127)
}

/// A mark, or `<`, `{` or a quote with a zero beside it.
fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0xFF, 0xFE, ..] | [b'<' | b'{' | b'[' | b'"', 0, ..] => Some(UTF_16LE),
        [0xFE, 0xFF, ..] | [0, b'<' | b'{' | b'[' | b'"', ..] => Some(UTF_16BE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_text_in_every_encoding() {
        let utf16: Vec<u8> = "\u{feff}图片不存在 not found".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked: Vec<u8> = "<Error/>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for text in [
            b"Not Found".as_slice(),
            "图片不存在".as_bytes(),
            b"\xCD\xBC\xC6\xAC\xB2\xBB\xB4\xE6\xD4\xDA",
            b"introuvable: r\xE9essayez",
            b"Not Found\0",
            b"\x1b[31mError\x1b[0m: no such photo",
            &utf16,
            &marked,
        ] {
            assert!(is_text(text), "{text:?}");
        }
    }

    #[test]
    fn binary_data_is_no_text() {
        let mixed: Vec<u8> =
            (0..4096_u32).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
        for binary in [mixed.as_slice(), b"\0\0\0\x01Bud1\0\0\x10\0", b"", &[0; 40], b"\xFF\xD8\xFF\xE0\0\x10JFIF\0"] {
            assert!(!is_text(binary), "{binary:?}");
        }
    }
}
