//! What the bytes of an original are, by the bytes alone: never by a name, a suffix or a content type.
//!
//! Everything here is pure, allocates next to nothing and takes time linear in the length of the bytes, whatever they
//! say about themselves: they come from devices and servers that nobody vouches for.

mod bmp;
mod clock_doubt;
pub(crate) mod exif;
mod gif;
mod heif;
pub(crate) mod jpeg;
mod kind;
mod not_an_image;
mod png;
mod webp;

pub use clock_doubt::clock_doubt;
pub use exif::{ExifTime, Orientation};
pub use kind::Kind;
pub use not_an_image::{NotAnImage, not_an_image};

/// What [`inspect`] found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    pub kind: Kind,
    pub mime: &'static str,
    /// The file suffix that fits the bytes, without a dot.
    pub ext: &'static str,
    /// Pixels in a stored row, before the orientation is applied; see [`Inspection::shown`].
    pub width: Option<u32>,
    /// Stored rows, before the orientation is applied.
    pub height: Option<u32>,
    /// False when the bytes end before the picture does, which is how a broken connection or a full disk of the
    /// device looks. True for kinds that cannot tell.
    pub complete: bool,
    /// When the device says the picture was taken.
    pub exif: Option<ExifTime>,
    pub orientation: Orientation,
    /// What decoding will cost.
    pub(crate) coding: Coding,
}

/// What a decoder will have to do, as far as the headers tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Nothing here decodes it.
    #[default]
    None,
    Jpeg(jpeg::JpegCoding),
    /// Decoded whole, with at most this many bytes for each of `pixels`, scratch space included. `pixels` can be more
    /// than width × height, for a container may claim less than the frame inside it.
    Raster {
        pixels: u64,
        bytes_per_pixel: u64,
    },
}

/// What a reader of one format found.
#[derive(Clone, Copy, Debug, Default)]
struct Facts<'a> {
    width: Option<u32>,
    height: Option<u32>,
    complete: bool,
    /// The TIFF structure that holds the EXIF fields.
    exif: Option<&'a [u8]>,
    coding: Coding,
}

/// Looks at the bytes of an original. Never fails: what is not recognised is [`Kind::Other`].
#[must_use]
pub fn inspect(bytes: &[u8]) -> Inspection {
    let kind = Kind::sniff(bytes);
    let facts = match kind {
        Kind::Jpeg => jpeg::read(bytes),
        Kind::Png => png::read(bytes),
        Kind::Gif => gif::read(bytes),
        Kind::Webp => webp::read(bytes),
        Kind::Bmp => bmp::read(bytes),
        Kind::Heic | Kind::Heif | Kind::Avif => heif::read(bytes),
        Kind::Tiff => Facts { complete: true, exif: Some(bytes), ..Facts::default() },
        Kind::Pdf | Kind::Other => Facts { complete: true, ..Facts::default() },
    };
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
        // HEIF turns pictures by a property of its own and readers must ignore the EXIF field there.
        orientation: if kind.is_heif() { Orientation::Upright } else { exif.orientation },
        coding: facts.coding,
    }
}

/// The `N` bytes at `at`, if they are all there.
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

/// A length or an offset that the bytes state; on every machine we run on it fits.
fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
