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
/// The part that holds macros (MS-OFFMACRO2, 2.2.1).
const MACROS: &[u8] = b"vbaProject.bin";
/// A suffix, its type, and whether the file may hold macros.
type Member = (&'static str, &'static str, bool);

/// More suffixes of the same content, by the suffix of the kind. The name decides between them, because office programs
/// refuse a file whose suffix does not fit its content.
const FAMILIES: [(&str, &[Member]); 6] = [
    (
        "docx",
        &[
            ("docm", "application/vnd.ms-word.document.macroEnabled.12", true),
            ("dotm", "application/vnd.ms-word.template.macroEnabled.12", true),
            ("dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template", false),
        ],
    ),
    (
        "xlsx",
        &[
            ("xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12", true),
            ("xltm", "application/vnd.ms-excel.template.macroEnabled.12", true),
            ("xlam", "application/vnd.ms-excel.addin.macroEnabled.12", true),
            ("xlsb", "application/vnd.ms-excel.sheet.binary.macroEnabled.12", true),
            ("xltx", "application/vnd.openxmlformats-officedocument.spreadsheetml.template", false),
        ],
    ),
    (
        "pptx",
        &[
            ("pptm", "application/vnd.ms-powerpoint.presentation.macroEnabled.12", true),
            ("ppsm", "application/vnd.ms-powerpoint.slideshow.macroEnabled.12", true),
            ("potm", "application/vnd.ms-powerpoint.template.macroEnabled.12", true),
            ("ppsx", "application/vnd.openxmlformats-officedocument.presentationml.slideshow", false),
            ("potx", "application/vnd.openxmlformats-officedocument.presentationml.template", false),
        ],
    ),
    // WPS writes the formats of Office under its own suffixes.
    (
        "doc",
        &[
            ("wps", "application/msword", true),
            ("wpt", "application/msword", true),
            ("dot", "application/msword", true),
        ],
    ),
    (
        "xls",
        &[
            ("et", "application/vnd.ms-excel", true),
            ("ett", "application/vnd.ms-excel", true),
            ("xlt", "application/vnd.ms-excel", true),
        ],
    ),
    (
        "ppt",
        &[
            ("dps", "application/vnd.ms-powerpoint", true),
            ("dpt", "application/vnd.ms-powerpoint", true),
            ("pps", "application/vnd.ms-powerpoint", true),
            ("pot", "application/vnd.ms-powerpoint", true),
        ],
    ),
];
/// Streams of an OLE file. Their names are UTF-16.
const OLE: [(&str, FileKind); 3] = [
    ("WordDocument", office("application/msword", "doc")),
    ("Workbook", office("application/vnd.ms-excel", "xls")),
    ("PowerPoint Document", office("application/vnd.ms-powerpoint", "ppt")),
];

/// Detects the kind by the first and the last bytes of a file. The two parts may overlap. The given name only decides
/// between kinds that the content does not tell apart.
#[must_use]
pub fn detect(head: &[u8], tail: &[u8], given: &str) -> FileKind {
    let found = by_content(head, tail);
    let Some((_, members)) = FAMILIES.iter().find(|(ext, _)| *ext == found.ext) else { return found };
    let macros = contains(head, MACROS) || contains(tail, MACROS);
    let suffix = suffix(given).unwrap_or_default();
    // With macros, the suffix without them would be refused, too. The first one is the usual one.
    let named = members.iter().find(|(ext, ..)| *ext == suffix).filter(|(.., may)| *may || !macros);
    let member = named.or_else(|| members.first().filter(|(ext, ..)| macros && ext.ends_with('m')));
    member.map_or(found, |(ext, mime, _)| office(mime, ext))
}

fn by_content(head: &[u8], tail: &[u8]) -> FileKind {
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
    let suffix = suffix(given);
    let fits = match kind.ext {
        // Texts of all sorts and unrecognised files keep their suffix.
        "bin" | "txt" | "zip" => suffix.is_some(),
        "jpg" => matches!(suffix.as_deref(), Some("jpg" | "jpeg" | "jpe" | "jfif")),
        "tif" => matches!(suffix.as_deref(), Some("tif" | "tiff")),
        ext => suffix.as_deref() == Some(ext),
    };
    if fits { given.to_owned() } else { format!("{given}.{}", kind.ext) }
}

fn suffix(given: &str) -> Option<String> {
    given.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase())
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
        detect(bytes, bytes, "").ext
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
        assert!(detect(b"\xFF\xD8\xFF\xE0", b"", "").is_picture);
    }

    #[test]
    fn the_directory_at_the_end_tells_what_the_beginning_does_not() {
        let bytes = zip(&["_rels/.rels", "word/document.xml"]);
        assert_eq!(detect(&bytes[..40], &bytes[bytes.len() - 120..], "").ext, "docx");
    }

    #[test]
    fn office_files_with_macros_and_of_wps_keep_their_suffix() {
        let (word, excel) = (["word/document.xml"].as_slice(), ["xl/workbook.xml"].as_slice());
        let ole = |stream| [&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1][..], &utf16(stream)].concat();
        let with_macros = |names: &[&str]| zip(&[names, &["x/vbaProject.bin"]].concat());
        for (bytes, given, name, mime) in [
            (with_macros(excel), "台账.xlsm", "台账.xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"),
            (with_macros(word), "模板.DOCM", "模板.DOCM", "application/vnd.ms-word.document.macroEnabled.12"),
            (zip(excel), "空.xlsm", "空.xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"),
            (
                zip(word),
                "模板.dotx",
                "模板.dotx",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
            ),
            (with_macros(word), "假.docx", "假.docx.docm", "application/vnd.ms-word.document.macroEnabled.12"),
            (with_macros(word), "假.dotx", "假.dotx.docm", "application/vnd.ms-word.document.macroEnabled.12"),
            (zip(&["xl/workbook.bin"]), "大.xlsb", "大.xlsb", "application/vnd.ms-excel.sheet.binary.macroEnabled.12"),
            (ole("Workbook"), "台账.et", "台账.et", "application/vnd.ms-excel"),
            (ole("WordDocument"), "合同.wps", "合同.wps", "application/msword"),
            (with_macros(excel), "假.docm", "假.docm.xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"),
        ] {
            let kind = detect(&bytes, &bytes, given);
            assert_eq!((named(given, kind).as_str(), kind.mime), (name, mime));
        }
    }

    #[test]
    fn a_suffix_that_lies_is_followed_by_the_right_one() {
        let pdf = detect(b"%PDF-1.7", b"", "");
        assert_eq!(named("合同.PDF", pdf), "合同.PDF");
        assert_eq!(named("合同.jpg", pdf), "合同.jpg.pdf");
        assert_eq!(named("合同", pdf), "合同.pdf");
        assert_eq!(named("a.md", detect(b"# text", b"", "")), "a.md");
        assert_eq!(named("a.JPEG", detect(b"\xFF\xD8\xFF\xE0", b"", "")), "a.JPEG");
    }
}
