//! Tells photos from the files that file managers and network drives leave beside them.

use crate::picture::inspect::{Kind, is_picture, not_an_image};

/// Directories that hold no photos, only what a system made of them. A thumbnail in one is a picture, but not the photo.
const DIRECTORIES: [&str; 10] = [
    "__macosx",
    ".appledouble",
    "@eadir",
    ".thumbnails",
    ".trashes",
    ".fseventsd",
    ".spotlight-v100",
    "$recycle.bin",
    "system volume information",
    ".picasaoriginals",
];

/// Files of file managers.
const FILES: [&str; 9] = [
    ".ds_store",
    "thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    ".directory",
    ".picasa.ini",
    "picasa.ini",
    ".nomedia",
];

/// Returns why the entry is no photo. `path` is its name in the zip.
#[must_use]
pub fn not_a_photo(path: &str, bytes: &[u8]) -> Option<String> {
    let path = path.to_lowercase();
    let mut parts = path.rsplit(['/', '\\']);
    let file = parts.next().unwrap_or_default();
    if let Some(directory) = parts.find(|part| DIRECTORIES.contains(part)) {
        return Some(format!("lies in {directory}, which a system made"));
    }
    // A photo may have any name.
    if is_picture(bytes) {
        return None;
    }
    if FILES.contains(&file) || file.starts_with("._") || file.starts_with("~$") {
        return Some("a file of a file manager".to_owned());
    }
    if Kind::sniff(bytes) == Kind::Pdf {
        return Some("a PDF".to_owned());
    }
    not_an_image(bytes).map(|reason| reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0\0\x10JFIF\0";

    #[test]
    fn files_of_systems_are_left_out_whatever_they_hold() {
        for (path, bytes) in [
            ("__MACOSX/用印/._用印_1.jpg", b"\0\x05\x16\x07\0\x02".as_slice()),
            ("用印/._用印_1.jpg", b"\x01\x02\x03\x04"),
            ("用印\\Thumbs.DB", b"\x01\x02\x03\x04"),
            ("desktop.ini", b"[.ShellClassInfo]"),
            ("photos/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", JPEG),
            ("$RECYCLE.BIN/1.jpg", JPEG),
            ("~$用印.docx", b"\x01\x02\x03\x04"),
            ("readme.txt", b"read me"),
            ("清单.xlsx", b"PK\x03\x04\0"),
            ("index.html", b"<html>"),
            ("合同.pdf", b"%PDF-1.4"),
            ("zero.jpg", &[0; 100]),
        ] {
            assert!(not_a_photo(path, bytes).is_some(), "{path}");
        }
    }

    #[test]
    fn photos_are_kept_under_any_name() {
        for (path, bytes) in [
            ("._1.jpg", JPEG),
            ("thumbs.db", JPEG),
            ("a/b/no suffix", JPEG),
            ("photo.raw", b"\x01\x02\x03\x04\x05\x06\x07\x08"),
            ("MACOSX/1.jpg", JPEG),
        ] {
            assert_eq!(not_a_photo(path, bytes), None, "{path}");
        }
    }
}
