//! Names of documents: `<serialNo>_<seal>_<no>_<yyyyMMdd-HHmmss>_<kind>.<ext>`, valid on every file system. A photo that a
//! user supplied has `_supplied` at the end.

use crate::{clock::Timestamp, library::folder::turns_text, photo::kind::PhotoKind};

/// Longest name in bytes. It leaves room for ` (2)` below the 255 bytes of file systems.
const MAX_BYTES: usize = 240;

/// Returns the name of a photo's document. `seal` is `None` while the seal of the photo is unknown.
#[must_use]
pub fn of_photo(
    serial_no: &str,
    seal: Option<&str>,
    no: i64,
    at: Timestamp,
    kind: PhotoKind,
    supplied: bool,
    ext: &str,
) -> String {
    let time = at.in_china().strftime("%Y%m%d-%H%M%S");
    let mark = if supplied { "_supplied" } else { "" };
    let tail = format!("_{no:03}_{time}_{}{mark}.{ext}", kind.as_str());
    let head = format!("{serial_no}_{}", seal.unwrap_or("未知印章"));
    format!("{}{tail}", cut(&clean(&head), MAX_BYTES - tail.len()))
}

/// Returns the name of an uploaded file, without the characters that a file system refuses.
#[must_use]
pub fn of_upload(given: &str) -> String {
    let name = Some(clean(given)).filter(|name| !name.is_empty()).unwrap_or_else(|| "_".to_owned());
    let (stem, suffix) = match name.rsplit_once('.') {
        Some((stem, ext)) if !stem.is_empty() && ext.len() <= 20 => (stem, format!(".{ext}")),
        _ => (name.as_str(), String::new()),
    };
    format!("{}{suffix}", cut(stem, MAX_BYTES - suffix.len()))
}

/// Returns `name` for n = 1, and `stem (n).ext` from 2 on.
#[must_use]
pub fn numbered(name: &str, n: usize) -> String {
    if n == 1 {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((stem, ext)) => format!("{stem} ({n}).{ext}"),
        None => format!("{name} ({n})"),
    }
}

/// Replaces characters that some file system or zip tool refuses.
fn clean(text: &str) -> String {
    let forbidden = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    let letters = text.chars().filter(|c| !turns_text(*c));
    letters.map(|c| if forbidden(c) { '-' } else { c }).collect::<String>().trim().to_owned()
}

fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_700_000_000_000_000);

    #[test]
    fn a_photo_is_named_by_flow_seal_number_time_and_kind() {
        let name = of_photo("YK20231115-0001", Some("公章"), 7, AT, PhotoKind::Signatory, false, "jpg");
        assert_eq!(name, "YK20231115-0001_公章_007_20231115-061320_signatory.jpg");
        let name = of_photo("YK20231115-0001", Some("公章"), 7, AT, PhotoKind::Face, true, "png");
        assert_eq!(name, "YK20231115-0001_公章_007_20231115-061320_face_supplied.png");
    }

    #[test]
    fn a_hostile_seal_name_cannot_leave_the_folder_or_grow_over_the_limit() {
        let seal = format!("../{}\u{0}", "章".repeat(200));
        let name = of_photo("S", Some(&seal), 1, AT, PhotoKind::Face, false, "jpg");
        assert!(!name.contains('/') && !name.contains('\u{0}'));
        assert!(name.len() <= MAX_BYTES);
        assert!(name.ends_with("_001_20231115-061320_face.jpg"));
    }

    #[test]
    fn an_uploaded_file_keeps_its_name_as_far_as_file_systems_take_it() {
        assert_eq!(of_upload("合同 (终稿).pdf"), "合同 (终稿).pdf");
        assert_eq!(of_upload("a:b?.pdf"), "a-b-.pdf");
        assert_eq!(of_upload("a\u{202e}gpj.exe"), "agpj.exe", "it would look like aexe.jpg");
        assert_eq!(of_upload("\u{202e} "), "_");
        let long = of_upload(&format!("{}.pdf", "合".repeat(200)));
        assert!(long.len() <= MAX_BYTES && long.ends_with("合.pdf"), "{long}");
    }

    #[test]
    fn the_second_of_a_name_gets_its_number_before_the_extension() {
        assert_eq!(numbered("a.b.jpg", 2), "a.b (2).jpg");
        assert_eq!(numbered("a", 3), "a (3)");
    }
}
