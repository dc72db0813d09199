//! Reads the needed EXIF fields in place.
//!
//! The crate kamadak-exif is not used, because it collects all fields of all directories first: 64 KiB of directories
//! that overlap each other made 3.6 million fields in 171 MiB (0.6.2), and a TIFF file is not limited to 64 KiB. This
//! module looks up a few fields of two directories and copies nothing. Only tests use that crate, to write fields.

pub(super) mod camera;

use jiff::tz::Offset;

use super::{
    array, index,
    time_text::{self, TimeText},
};
use crate::clock::Timestamp;

/// The time of the photo, by the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExifTime {
    pub at: Timestamp,
    /// The photo has no usable offset from UTC, so the reader assumed +08:00 (China).
    pub offset_assumed: bool,
}

/// The EXIF orientation (1 to 8): the rotation and mirroring that make the stored pixels upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Orientation {
    #[default]
    Upright = 1,
    Mirrored = 2,
    UpsideDown = 3,
    MirroredUpsideDown = 4,
    /// The first stored row is the left side, the first column the top.
    Transposed = 5,
    /// Rotate clockwise by 90°.
    TurnedLeft = 6,
    Transversed = 7,
    /// Rotate counter-clockwise by 90°.
    TurnedRight = 8,
}

impl Orientation {
    fn from_exif(value: u32) -> Option<Self> {
        Some(match value {
            1 => Self::Upright,
            2 => Self::Mirrored,
            3 => Self::UpsideDown,
            4 => Self::MirroredUpsideDown,
            5 => Self::Transposed,
            6 => Self::TurnedLeft,
            7 => Self::Transversed,
            8 => Self::TurnedRight,
            _ => return None,
        })
    }

    /// Returns true for each direction (left to right, top to bottom) that the orientation reverses.
    #[must_use]
    pub fn mirrors(self) -> (bool, bool) {
        let left_to_right = matches!(self, Self::Mirrored | Self::UpsideDown | Self::Transversed | Self::TurnedRight);
        let top_to_bottom =
            matches!(self, Self::UpsideDown | Self::MirroredUpsideDown | Self::TurnedLeft | Self::Transversed);
        (left_to_right, top_to_bottom)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exif {
    pub(crate) orientation: Orientation,
    pub(crate) taken: Option<ExifTime>,
    /// The size of the first image of a TIFF file.
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
}

const IMAGE_WIDTH: u16 = 0x0100;
const IMAGE_LENGTH: u16 = 0x0101;
const ORIENTATION: u16 = 0x0112;
/// The time of the last change.
const DATE_TIME: u16 = 0x0132;
const EXIF_DIRECTORY: u16 = 0x8769;
const OFFSET_TIME: u16 = 0x9010;
/// The tags of a time, of its offset and of its fraction: first of taking, then of digitizing. A camera that fills only
/// the second takes and digitizes at once.
const TAKEN: [[u16; 3]; 2] = [[0x9003, 0x9011, 0x9291], [0x9004, 0x9012, 0x9292]];

/// The longest text that is read: "2026-11-23T10:20:30.123+08:00".
const MAX_TEXT: usize = 32;

/// Reads the fields of a TIFF structure. Omits absent and broken fields.
pub(crate) fn read(bytes: &[u8]) -> Exif {
    Tiff::open(bytes).map(Tiff::exif).unwrap_or_default()
}

#[derive(Clone, Copy)]
pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    pub(super) little_endian: bool,
}

/// One field: its type, its number of values and the position of its four value bytes.
#[derive(Clone, Copy)]
pub(super) struct Field {
    kind: u16,
    count: usize,
    pub(super) value_at: usize,
}

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;

impl<'a> Tiff<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Option<Self> {
        let little_endian = match bytes.get(..4)? {
            [b'I', b'I', 42, 0] => true,
            [b'M', b'M', 0, 42] => false,
            _ => return None,
        };
        Some(Self { bytes, little_endian })
    }

    fn exif(self) -> Exif {
        let Some(root) = self.u32(4).map(index) else { return Exif::default() };
        let number = |tag| self.find(root, tag).and_then(|field| self.number(field));
        let taken = number(EXIF_DIRECTORY).and_then(|at| self.taken(root, index(at)));
        Exif {
            orientation: number(ORIENTATION).and_then(Orientation::from_exif).unwrap_or_default(),
            taken,
            width: number(IMAGE_WIDTH),
            height: number(IMAGE_LENGTH),
        }
    }

    fn taken(self, root: usize, directory: usize) -> Option<ExifTime> {
        TAKEN.into_iter().find_map(|[time, offset, fraction]| {
            let read = time_text::time(self.text_of(directory, time)?)?;
            let fraction = read.fraction.or_else(|| time_text::fraction(self.text_of(directory, fraction)?));
            let civil = read.civil.with().subsec_nanosecond(fraction.unwrap_or(0)).build().ok()?;
            let stated = self.text_of(directory, offset).and_then(time_text::offset).or(read.offset);
            let stated = stated.or_else(|| self.offset_of_change(root, directory, &read));
            let at = match stated {
                Some(offset) => Timestamp(offset.to_timestamp(civil).ok()?.as_microsecond()),
                None => Timestamp::from_china(civil)?,
            };
            Some(ExifTime { at, offset_assumed: stated.is_none() })
        })
    }

    /// Returns the offset of the last change, if the file names no other time of a change. Then it was not changed, and
    /// the offset is that of the time of taking.
    fn offset_of_change(self, root: usize, directory: usize, taken: &TimeText) -> Option<Offset> {
        let changed = self.text_of(root, DATE_TIME).and_then(time_text::time);
        let unchanged = changed.is_none_or(|changed| changed.civil == taken.civil);
        unchanged.then(|| self.text_of(directory, OFFSET_TIME).and_then(time_text::offset)).flatten()
    }

    fn text_of(self, directory: usize, tag: u16) -> Option<&'a [u8]> {
        self.find(directory, tag).and_then(|field| self.text(field))
    }

    /// Returns a field of the first image.
    pub(super) fn root_field(self, tag: u16) -> Option<Field> {
        self.find(index(self.u32(4)?), tag)
    }

    /// Returns the numbers of a field with at most 65,536 of them.
    pub(super) fn shorts(self, field: Field) -> Option<Vec<u16>> {
        let count = Some(field.count).filter(|count| field.kind == SHORT && (3..=1 << 16).contains(count))?;
        let at = index(self.u32(field.value_at)?);
        (0..count).map(|n| self.u16(at.checked_add(2 * n)?)).collect()
    }

    /// Returns the values of a field of whole numbers, at most 65,536 of them.
    pub(super) fn numbers(self, field: Field) -> Option<Vec<u32>> {
        let size = match field.kind {
            SHORT => 2,
            LONG => 4,
            _ => return None,
        };
        let count = Some(field.count).filter(|count| (1..=1 << 16).contains(count))?;
        let at = if count * size <= 4 { field.value_at } else { index(self.u32(field.value_at)?) };
        let number = |at| if size == 2 { self.u16(at).map(u32::from) } else { self.u32(at) };
        (0..count).map(|n| number(at.checked_add(n * size)?)).collect()
    }

    fn find(self, directory: usize, tag: u16) -> Option<Field> {
        let fields = usize::from(self.u16(directory)?);
        let first = directory.checked_add(2)?;
        (0..fields)
            .map_while(|n| first.checked_add(n * 12).filter(|at| *at < self.bytes.len()))
            .find(|&at| self.u16(at) == Some(tag))
            .and_then(|at| Some(Field { kind: self.u16(at + 2)?, count: index(self.u32(at + 4)?), value_at: at + 8 }))
    }

    fn number(self, field: Field) -> Option<u32> {
        match (field.kind, field.count) {
            (SHORT, 1) => self.u16(field.value_at).map(u32::from),
            (LONG, 1) => self.u32(field.value_at),
            _ => None,
        }
    }

    /// Returns the text up to its first NUL, at most [`MAX_TEXT`] bytes.
    fn text(self, field: Field) -> Option<&'a [u8]> {
        if field.kind != ASCII {
            return None;
        }
        let at = if field.count <= 4 { field.value_at } else { index(self.u32(field.value_at)?) };
        let text = self.bytes.get(at..at.checked_add(field.count.min(MAX_TEXT))?)?;
        text.split(|byte| *byte == 0).next()
    }

    pub(super) fn u16(self, at: usize) -> Option<u16> {
        let bytes = array(self.bytes, at)?;
        Some(if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(self, at: usize) -> Option<u32> {
        let bytes = array(self.bytes, at)?;
        Some(if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
}
