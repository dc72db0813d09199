//! Recognises the format of a file by its first bytes.

use super::{array, be32, index, le32};

/// The recognised formats. The service makes thumbnails of all except HEIC, HEIF and AVIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Jpeg,
    Png,
    Gif,
    Webp,
    Bmp,
    Tiff,
    Heic,
    /// HEIF with an unknown coding, neither HEVC nor AV1.
    Heif,
    Avif,
    Pdf,
    Other,
}

impl Kind {
    /// Recognises a format by its magic numbers only.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Self {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Self::Jpeg,
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Self::Png,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Self::Gif,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::Webp,
            // 42 is TIFF and 43 is BigTIFF.
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Self::Tiff,
            [b'%', b'P', b'D', b'F', b'-', ..] => Self::Pdf,
            // Two letters are weak evidence, so the header size must also be valid.
            [b'B', b'M', ..] if matches!(le32(bytes, 14), Some(12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)) => Self::Bmp,
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => brand(bytes),
            _ => Self::Other,
        }
    }

    #[must_use]
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Heic => "image/heic",
            Self::Heif => "image/heif",
            Self::Avif => "image/avif",
            Self::Pdf => "application/pdf",
            Self::Other => "application/octet-stream",
        }
    }

    #[must_use]
    pub const fn ext(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Bmp => "bmp",
            Self::Tiff => "tif",
            Self::Heic => "heic",
            Self::Heif => "heif",
            Self::Avif => "avif",
            Self::Pdf => "pdf",
            Self::Other => "bin",
        }
    }

    pub(crate) const fn is_heif(self) -> bool {
        matches!(self, Self::Heic | Self::Heif | Self::Avif)
    }
}

/// Returns the kind of an ISO media file by its brands, major brand first (ISO/IEC 23008-12 and the AVIF
/// specification).
/// `mif1` only means "HEIF". The compatible brands then have the coding.
fn brand(bytes: &[u8]) -> Kind {
    let end = be32(bytes, 0).map_or(0, index).min(bytes.len()).min(256);
    let brands = (8..end.saturating_sub(3)).step_by(4).filter(|&at| at != 12).filter_map(|at| array::<4>(bytes, at));
    let mut generic = false;
    for brand in brands {
        match &brand {
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => return Kind::Heic,
            b"avif" | b"avis" => return Kind::Avif,
            b"mif1" | b"msf1" | b"mif2" | b"miaf" => generic = true,
            _ => {}
        }
    }
    if generic { Kind::Heif } else { Kind::Other }
}
