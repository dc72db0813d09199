//! Inspects the bytes of an original. The result never depends on a name, a suffix or a content type.
//!
//! The code is pure and allocates almost nothing. Its time is linear in the length of the bytes for every input,
//! because the input comes from untrusted devices and servers.

pub(crate) mod bmp;
mod clock_doubt;
pub(crate) mod exif;
mod gif;
mod heif;
pub(crate) mod jpeg;
mod kind;
mod not_an_image;
pub(crate) mod png;
mod text;
pub(crate) mod tiff;
mod time_text;
pub(crate) mod webp;

pub use clock_doubt::clock_doubt;
pub use exif::{
    ExifTime, Orientation,
    camera::{CameraData, GpsPosition},
};
pub use kind::Kind;
pub use not_an_image::{NotAnImage, is_picture, not_an_image};
pub use text::is_text;

/// The result of [`inspect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    pub kind: Kind,
    pub mime: &'static str,
    /// The file suffix that fits the bytes, without a dot.
    pub ext: &'static str,
    /// Pixels in a stored row, before the orientation is applied.
    pub width: Option<u32>,
    /// Stored rows, before the orientation is applied.
    pub height: Option<u32>,
    /// False if the bytes end before the image does, for example after a broken connection or on a full disk. True for
    /// formats that do not show it.
    pub complete: bool,
    /// The time of the photo, by the device.
    pub exif: Option<ExifTime>,
    pub orientation: Orientation,
    /// The cost of decoding.
    pub(crate) coding: Coding,
}

/// The work of a decoder, by the headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Coding {
    /// This crate does not decode the format.
    #[default]
    None,
    Jpeg(jpeg::JpegCoding),
    /// The decoder needs at most this many bytes for each of `pixels`, including scratch space. `pixels` can exceed
    /// width × height, because a container can declare less than its frame.
    Raster {
        pixels: u64,
        bytes_per_pixel: u64,
        /// More bytes, whatever the number of pixels: the profile, and copies of parts of the file.
        scratch: u64,
    },
    /// A process of its own renders the first page; see [`page`](crate::picture::thumbnail::page).
    Page,
}

/// The longest colour profile that is used. Profiles of presses have at most 3 MiB. A picture with a longer one is shown
/// without it.
pub(crate) const MAX_PROFILE: usize = 4 << 20;

/// The memory that a colour profile costs for each of its bytes: its copies, and its tables as 32-bit numbers.
const PROFILE_COST: u64 = 8;

impl Inspection {
    /// Returns true if a process of its own renders the first page.
    #[must_use]
    pub fn has_pages(&self) -> bool {
        self.coding == Coding::Page
    }
}

/// The result of the reader of one format.
#[derive(Clone, Copy, Debug, Default)]
struct Facts<'a> {
    width: Option<u32>,
    height: Option<u32>,
    complete: bool,
    /// The TIFF structure with the EXIF fields.
    exif: Option<&'a [u8]>,
    coding: Coding,
}

/// Blanks and marks before a file that are skipped.
const MAX_BEFORE: usize = 64;

/// Returns the position of the first byte of the picture or PDF. Templates of web servers write blank lines and byte
/// order marks before a body. 0 if no known format follows them.
#[must_use]
pub fn start_of_file(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < MAX_BEFORE.min(bytes.len()) && Kind::sniff(&bytes[at..]) == Kind::Other {
        at += match &bytes[at..] {
            [0xEF, 0xBB, 0xBF, ..] => 3,
            [blank, ..] if blank.is_ascii_whitespace() => 1,
            _ => return 0,
        };
    }
    if bytes.get(at..).is_some_and(|rest| Kind::sniff(rest) != Kind::Other) { at } else { 0 }
}

/// Inspects the bytes of an original. Never fails. An unknown format is [`Kind::Other`].
#[must_use]
pub fn inspect(bytes: &[u8]) -> Inspection {
    let bytes = &bytes[start_of_file(bytes)..];
    let kind = Kind::sniff(bytes);
    let facts = facts(kind, bytes);
    let exif = facts.exif.map(exif::read).unwrap_or_default();
    let (width, height) = match kind {
        Kind::Tiff => (exif.width, exif.height),
        _ => (facts.width, facts.height),
    };
    Inspection {
        kind,
        mime: kind.mime(),
        ext: kind.ext(),
        width,
        height,
        complete: facts.complete,
        exif: exif.taken,
        // HEIF has its own property for the orientation. Readers must ignore the EXIF field.
        orientation: if kind.is_heif() { Orientation::Upright } else { exif.orientation },
        coding: facts.coding,
    }
}

fn facts(kind: Kind, bytes: &[u8]) -> Facts<'_> {
    match kind {
        Kind::Jpeg => jpeg::read(bytes),
        Kind::Png => png::read(bytes),
        Kind::Gif => gif::read(bytes),
        Kind::Webp => webp::read(bytes),
        Kind::Bmp => bmp::read(bytes),
        Kind::Heic | Kind::Heif | Kind::Avif => heif::read(bytes),
        Kind::Tiff => Facts { complete: true, exif: Some(bytes), coding: Coding::Page, ..Facts::default() },
        Kind::Pdf => Facts { complete: true, coding: Coding::Page, ..Facts::default() },
        Kind::Other => Facts { complete: true, ..Facts::default() },
    }
}

/// Returns what the camera wrote about the picture.
#[must_use]
pub fn camera_data(bytes: &[u8]) -> CameraData {
    let bytes = &bytes[start_of_file(bytes)..];
    facts(Kind::sniff(bytes), bytes).exif.map(exif::camera::read).unwrap_or_default()
}

/// Returns the `N` bytes at `at`. `None` if the bytes end earlier.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(|[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// Converts a length or an offset. It fits on all supported machines.
fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
