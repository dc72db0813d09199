//! The keys of the store: path, content type and caching of every object.

use std::fmt;

use object_store::path::Path;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    hash::Blake3,
    id::{BundleId, CallbackId, FlowId},
};

/// The name of one object. It defines path, type and caching.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StoreKey {
    /// `originals/<folder>/<yyyy-mm>/<blake3>.<ext>`. The original's row stores the key and is then the truth.
    Original { folder: StoreFolder, month: Month, hash: Blake3, ext: Extension },
    /// `thumbnails/<size>/<2 digits>/<blake3>.jpg`
    Thumbnail { size: u32, hash: Blake3 },
    /// `manifests/<yyyy>/<flow>/<n>.json`
    Manifest { year: i16, flow: FlowId, n: u32 },
    /// `callbacks/<id>`: a body that is too large for its row.
    Callback { id: CallbackId },
    /// `evidence/<flow>/<bundle>/<blake3>.<ext>`: a made part of an evidence package, or its plan.
    Evidence { flow: FlowId, bundle: BundleId, hash: Blake3, ext: &'static str },
    /// `bundles/<id>.<attempt>.plan`. Two nodes that make one bundle at once must not write one object.
    Bundle { id: BundleId, attempt: Uuid },
    /// A key that was read from a row or a listing.
    Raw(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name cannot be part of a store key: {0}; choose another name")]
pub struct InvalidName(String);

impl From<object_store::path::Error> for InvalidName {
    fn from(e: object_store::path::Error) -> Self {
        Self(e.to_string())
    }
}

impl StoreKey {
    /// Returns a new key for the plan of a bundle.
    #[must_use]
    pub fn plan_of(id: &BundleId) -> Self {
        Self::Bundle { id: id.clone(), attempt: Uuid::now_v7() }
    }

    /// `Path::from` would percent-encode Chinese. `parse` keeps it readable on disk and in bucket browsers.
    pub(super) fn path(&self) -> Result<Path, InvalidName> {
        let path = Path::parse(self.to_string())?;
        if path.is_root() { Err(InvalidName("it is empty".to_owned())) } else { Ok(path) }
    }

    /// Returns the MIME type by extension.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Original { ext, .. } => mime(ext.as_str()),
            Self::Thumbnail { .. } => "image/jpeg",
            Self::Manifest { .. } => "application/json",
            Self::Callback { .. } | Self::Bundle { .. } => mime(""),
            Self::Evidence { ext, .. } => mime(ext),
            Self::Raw(key) => mime(key.rsplit_once('.').map_or("", |(_, ext)| ext)),
        }
    }

    /// Returns the `Cache-Control` header. The content of a key never changes, but only images are worth caching.
    #[must_use]
    pub fn cache_control(&self) -> &'static str {
        match self {
            Self::Original { .. } | Self::Thumbnail { .. } | Self::Raw(_) => "private, max-age=31536000, immutable",
            Self::Manifest { .. } | Self::Callback { .. } | Self::Evidence { .. } | Self::Bundle { .. } => "no-store",
        }
    }
}

/// Writes the key as in the rows.
impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Original { folder, month, hash, ext } => {
                write!(f, "originals/{}/{month}/{hash}.{}", folder.0, ext.as_str())
            }
            Self::Thumbnail { size, hash } => write!(f, "thumbnails/{size}/{}/{hash}.jpg", &hash.as_str()[..2]),
            Self::Manifest { year, flow, n } => write!(f, "manifests/{year:04}/{flow}/{n}.json"),
            Self::Callback { id } => write!(f, "callbacks/{id}"),
            Self::Evidence { flow, bundle, hash, ext } => write!(f, "evidence/{flow}/{bundle}/{hash}.{ext}"),
            Self::Bundle { id, attempt } => write!(f, "bundles/{id}.{attempt}.plan"),
            Self::Raw(key) => f.write_str(key),
        }
    }
}

/// The first knowledge-base folder of an original, as the first part of its key:
/// `系统知识库-电子签`, `公共知识库/用印/2026`, `个人知识库/li/x`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreFolder(String);

/// S3 allows 1,024 bytes for a key. The bucket prefix, `originals/`, month, hash and extension need the rest.
const MAX_FOLDER_BYTES: usize = 800;

impl StoreFolder {
    /// Makes the path from the folder names, outermost first. A path that is too long for S3 has only the outer
    /// folders.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidName> {
        let mut path = String::new();
        for name in names {
            check_segment(name)?;
            if path.len() + 1 + name.len() > MAX_FOLDER_BYTES {
                break;
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(name);
        }
        if path.is_empty() { Err(InvalidName("a folder has at least one name".to_owned())) } else { Ok(Self(path)) }
    }

    /// Parses a path with slashes.
    pub fn parse(path: &str) -> Result<Self, InvalidName> {
        Self::new(path.split('/'))
    }
}

/// Checks that the name of a folder or user can be one segment of a key: 1 to 240 bytes, no `/`, no control character,
/// not
/// `.` or `..`.
pub fn check_segment(name: &str) -> Result<(), InvalidName> {
    let reason = match name {
        "" => "it is empty",
        "." | ".." => "it is `.` or `..`",
        _ if name.len() > 240 => "it is longer than 240 bytes",
        _ if name.contains('/') => "it contains `/`",
        _ if name.contains(char::is_control) => "it contains a control character",
        _ => return Ok(()),
    };
    Err(InvalidName(format!("{reason}: {name:?}")))
}

/// The month of an ingest, in China.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    #[must_use]
    pub fn of(instant: Timestamp) -> Self {
        let civil = instant.in_china();
        Self { year: civil.year(), month: civil.month() }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The extension of a file name in lower case, without its dot. `bin` if there is no valid extension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extension(String);

impl Extension {
    #[must_use]
    pub fn new(text: &str) -> Self {
        let plain = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        Self(if plain { text.to_ascii_lowercase() } else { "bin".to_owned() })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn mime(ext: &str) -> &'static str {
    match ext {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "bmp" => "image/bmp",
        "tif" | "tiff" => "image/tiff",
        "heic" | "heif" => "image/heic",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash() -> Blake3 {
        Blake3::of(b"abc")
    }

    #[test]
    fn a_key_shows_folder_and_month_as_people_read_them() {
        // 2026-11-30T18:00Z is already December in China.
        let month = Month::of("2026-11-30T18:00:00Z".parse().unwrap());
        let key = StoreKey::Original {
            folder: StoreFolder::parse("公共知识库/用印/2026").unwrap(),
            month,
            hash: hash(),
            ext: Extension::new("JPG"),
        };
        let shown = "originals/公共知识库/用印/2026/2026-12/6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85.jpg";
        assert_eq!(key.to_string(), shown);
        assert_eq!(key.path().unwrap().as_ref(), shown);
        assert_eq!(key.content_type(), "image/jpeg");
    }

    #[test]
    fn names_that_leave_their_folder_or_cannot_be_shown_are_refused() {
        let long = "印".repeat(81);
        for name in ["", ".", "..", "a/b", "a\nb", "a\0b", "\u{85}", &long] {
            assert!(check_segment(name).is_err(), "{name:?}");
        }
        for name in ["用印 2026", "a%2Fb", "..a", "#1", &long[..240]] {
            assert!(check_segment(name).is_ok(), "{name:?}");
        }
        assert!(StoreFolder::parse("公共知识库/../x").is_err());
        assert!(StoreFolder::parse("公共知识库//x").is_err());
        assert!(StoreFolder::new([]).is_err());
    }

    #[test]
    fn the_deepest_folder_leaves_room_for_the_rest_of_an_s3_key() {
        let names = vec!["印".repeat(80); 9];
        let folder = StoreFolder::new(names.iter().map(String::as_str)).unwrap();
        let month = Month::of(Timestamp(0));
        let key = StoreKey::Original { folder, month, hash: hash(), ext: Extension::new("jpg") };
        assert!(key.to_string().len() <= 920, "{key}");
        assert!(key.to_string().contains(&names[0]));
    }

    #[test]
    fn an_extension_is_plain_or_bin() {
        for (text, ext) in [("JPEG", "jpeg"), ("", "bin"), ("a/b", "bin"), ("图", "bin"), ("abcdefghijk", "bin")] {
            assert_eq!(Extension::new(text).as_str(), ext);
        }
    }

    #[test]
    fn a_raw_key_is_checked_like_any_other() {
        for key in ["", "/", "a//b", "../x", "a/./b", "a\0b"] {
            assert!(StoreKey::Raw(key.to_owned()).path().is_err(), "{key:?}");
        }
    }
}
