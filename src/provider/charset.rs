//! Decodes text with an uncertain charset: the declared charset, else UTF-8, else GBK.

use std::borrow::Cow;

use encoding_rs::{Encoding, GBK, REPLACEMENT, UTF_8, WINDOWS_1252};

/// Decodes `bytes` without NUL (PostgreSQL refuses it) and without a byte order mark. Bytes that no charset can decode
/// are replaced.
#[must_use]
pub fn decode(bytes: &[u8], declared: Option<&str>) -> String {
    let declared = declared
        .and_then(|label| Encoding::for_label(label.trim().as_bytes()))
        // Ignore Latin-1: it decodes any bytes, and Java servers declare it by default.
        .filter(|encoding| *encoding != WINDOWS_1252 && *encoding != REPLACEMENT);
    let text = [declared, Some(UTF_8), Some(GBK)]
        .into_iter()
        .flatten()
        .find_map(|encoding| encoding.decode_without_bom_handling_and_without_replacement(bytes))
        .unwrap_or_else(|| String::from_utf8_lossy(bytes));
    clean(text)
}

fn clean(text: Cow<'_, str>) -> String {
    if text.contains(['\0', '\u{feff}']) {
        text.strip_prefix('\u{feff}').unwrap_or(&text).replace('\0', "")
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 用印图片 in both charsets.
    const UTF8: &[u8] = b"\xe7\x94\xa8\xe5\x8d\xb0\xe5\x9b\xbe\xe7\x89\x87";
    const IN_GBK: &[u8] = b"\xd3\xc3\xd3\xa1\xcd\xbc\xc6\xac";

    #[test]
    fn the_same_word_is_read_from_both_charsets_declared_or_not() {
        for (bytes, declared) in [
            (UTF8, None),
            (UTF8, Some("utf-8")),
            (IN_GBK, None),
            (IN_GBK, Some("GB2312")),
            (IN_GBK, Some(" gb18030 ")),
            (IN_GBK, Some("no-such-charset")),
        ] {
            assert_eq!(decode(bytes, declared), "用印图片", "{declared:?}");
        }
    }

    #[test]
    fn a_wrong_declaration_gives_way_to_what_the_bytes_are() {
        assert_eq!(decode(IN_GBK, Some("UTF-8")), "用印图片");
        assert_eq!(decode(UTF8, Some("ISO-8859-1")), "用印图片");
    }

    #[test]
    fn nul_and_byte_order_marks_vanish_and_garbage_is_replaced() {
        assert_eq!(decode(b"\xef\xbb\xbfa\0b", None), "ab");
        assert_eq!(decode(b"a\xff\xff", None), "a\u{fffd}\u{fffd}");
        assert_eq!(decode(b"", Some("gbk")), "");
    }
}
