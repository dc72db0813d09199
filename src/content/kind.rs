//! Detects the kind of an uploaded file by its content: the usual pictures and office files.

use crate::picture::inspect;

/// The number of bytes inspected at the beginning and at the end of a file.
pub const LOOKED_AT: usize = 64 << 10;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind {
    pub mime: &'static str,
    /// `bin` if the content is not recognised.
    pub ext: &'static str,
    pub is_picture: bool,
}

impl FileKind {
    /// Returns true for a picture and for a PDF. Their bytes decide whether there really is a thumbnail.
    #[must_use]
    pub fn may_have_thumbnails(self) -> bool {
        self.is_picture || self.ext == "pdf"
    }
}

const fn office(mime: &'static str, ext: &'static str) -> FileKind {
    FileKind { mime, ext, is_picture: false }
}

const ZIP: FileKind = office("application/zip", "zip");
/// The part that each kind of zip must contain (ECMA-376, GB/T 33190, OpenDocument 1.2 3.3).
const PACKED: [(&[u8], FileKind); 5] = [
    (b"word/document", office("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx")),
    (b"xl/workbook", office("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx")),
    (b"ppt/presentation", office("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx")),
    (b"OFD.xml", office("application/ofd", "ofd")),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", office("application/vnd.oasis.opendocument.text", "odt")),
];
/// Streams of an OLE file. Their names are UTF-16.
const OLE: [(&str, FileKind); 3] = [
    ("WordDocument", office("application/msword", "doc")),
    ("Workbook", office("application/vnd.ms-excel", "xls")),
    ("PowerPoint Document", office("application/vnd.ms-powerpoint", "ppt")),
];

/// Detects the kind by the first and the last bytes of a file. The two parts may overlap.
#[must_use]
pub fn detect(head: &[u8], tail: &[u8]) -> FileKind {
    let has = |part: &[u8]| contains(head, part) || contains(tail, part);
    match inspect::Kind::sniff(head) {
        inspect::Kind::Pdf => return office("application/pdf", "pdf"),
        inspect::Kind::Other => {}
        picture => return FileKind { mime: picture.mime(), ext: picture.ext(), is_picture: true },
    }
    match head {
        // A local header, or the end of an empty zip.
        [b'P', b'K', 3 | 5, 4 | 6, ..] => PACKED.iter().find(|(part, _)| has(part)).map_or(ZIP, |found| found.1),
        [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, ..] => {
            let found = OLE.iter().find(|(name, _)| has(&utf16(name)));
            found.map_or(office("application/x-ole-storage", "bin"), |found| found.1)
        }
        [b'{', b'\\', b'r', b't', b'f', ..] => office("application/rtf", "rtf"),
        text if is_text(text) => office("text/plain", "txt"),
        _ => office("application/octet-stream", "bin"),
    }
}

/// Returns the given name with a suffix that matches the content. Without a name: the label of the field.
#[must_use]
pub fn named(given: &str, kind: FileKind) -> String {
    let suffix = given.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
    let fits = match kind.ext {
        // Texts of all sorts and unrecognised files keep their suffix.
        "bin" | "txt" | "zip" => suffix.is_some(),
        "jpg" => matches!(suffix.as_deref(), Some("jpg" | "jpeg" | "jpe" | "jfif")),
        "tif" => matches!(suffix.as_deref(), Some("tif" | "tiff")),
        ext => suffix.as_deref() == Some(ext),
    };
    if fits { given.to_owned() } else { format!("{given}.{}", kind.ext) }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.is_empty() && !bytes.iter().any(|byte| matches!(byte, 0..=8 | 11 | 14..=31 | 127))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn zip(names: &[&str]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(b"<x/>").unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn ext(bytes: &[u8]) -> &'static str {
        detect(bytes, bytes).ext
    }

    #[test]
    fn office_files_are_told_by_what_is_in_them() {
        assert_eq!(ext(&zip(&["[Content_Types].xml", "word/document.xml"])), "docx");
        assert_eq!(ext(&zip(&["xl/workbook.xml"])), "xlsx");
        assert_eq!(ext(&zip(&["OFD.xml", "Doc_0/Document.xml"])), "ofd");
        assert_eq!(ext(&zip(&["a.txt"])), "zip");
        assert_eq!(ext(b"%PDF-1.7\n"), "pdf");
        let ole = [&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1][..], &utf16("WordDocument")].concat();
        assert_eq!(ext(&ole), "doc");
        assert_eq!(ext("合同".as_bytes()), "txt");
        assert_eq!(ext(b"MZ\x90\0"), "bin");
        assert_eq!(ext(b""), "bin");
        assert!(detect(b"\xFF\xD8\xFF\xE0", b"").is_picture);
    }

    #[test]
    fn the_directory_at_the_end_tells_what_the_beginning_does_not() {
        let bytes = zip(&["_rels/.rels", "word/document.xml"]);
        assert_eq!(detect(&bytes[..40], &bytes[bytes.len() - 120..]).ext, "docx");
    }

    #[test]
    fn a_suffix_that_lies_is_followed_by_the_right_one() {
        let pdf = detect(b"%PDF-1.7", b"");
        assert_eq!(named("合同.PDF", pdf), "合同.PDF");
        assert_eq!(named("合同.jpg", pdf), "合同.jpg.pdf");
        assert_eq!(named("合同", pdf), "合同.pdf");
        assert_eq!(named("a.md", detect(b"# text", b"")), "a.md");
        assert_eq!(named("a.JPEG", detect(b"\xFF\xD8\xFF\xE0", b"")), "a.JPEG");
    }
}
