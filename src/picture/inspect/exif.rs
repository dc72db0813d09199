//! Reads the needed EXIF fields in place.
//!
//! The crate kamadak-exif is not used, because it collects all fields of all directories first: 64 KiB of directories
//! that overlap each other made 3.6 million fields in 171 MiB (0.6.2), and a TIFF file is not limited to 64 KiB. This
//! module looks up a few fields of two directories and copies nothing. Only tests use that crate, to write fields.

use jiff::{civil, tz::Offset};

use super::{array, index};
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
const EXIF_DIRECTORY: u16 = 0x8769;
const DATE_TIME_ORIGINAL: u16 = 0x9003;
const OFFSET_TIME_ORIGINAL: u16 = 0x9011;
const SUB_SEC_TIME_ORIGINAL: u16 = 0x9291;

/// The longest text that is read: "2026:11:23 10:20:30", "+08:00", nine digits.
const MAX_TEXT: usize = 32;

/// Reads the fields of a TIFF structure. Omits absent and broken fields.
pub(crate) fn read(bytes: &[u8]) -> Exif {
    Tiff::open(bytes).map(Tiff::exif).unwrap_or_default()
}

#[derive(Clone, Copy)]
struct Tiff<'a> {
    bytes: &'a [u8],
    little_endian: bool,
}

/// One field: its type, its number of values and the position of its four value bytes.
#[derive(Clone, Copy)]
struct Field {
    kind: u16,
    count: usize,
    value_at: usize,
}

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;

impl<'a> Tiff<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
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
        let taken = number(EXIF_DIRECTORY).and_then(|at| self.taken(index(at)));
        Exif {
            orientation: number(ORIENTATION).and_then(Orientation::from_exif).unwrap_or_default(),
            taken,
            width: number(IMAGE_WIDTH),
            height: number(IMAGE_LENGTH),
        }
    }

    fn taken(self, directory: usize) -> Option<ExifTime> {
        let text = |tag| self.find(directory, tag).and_then(|field| self.text(field));
        let nanosecond = text(SUB_SEC_TIME_ORIGINAL).and_then(fraction).unwrap_or(0);
        let civil = civil_time(text(DATE_TIME_ORIGINAL)?, nanosecond)?;
        let stated = text(OFFSET_TIME_ORIGINAL).and_then(offset);
        let at = match stated {
            Some(offset) => Timestamp(offset.to_timestamp(civil).ok()?.as_microsecond()),
            None => Timestamp::from_china(civil)?,
        };
        Some(ExifTime { at, offset_assumed: stated.is_none() })
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

    fn u16(self, at: usize) -> Option<u16> {
        let bytes = array(self.bytes, at)?;
        Some(if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(self, at: usize) -> Option<u32> {
        let bytes = array(self.bytes, at)?;
        Some(if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
}

/// Reads `2026:11:23 10:20:30`. `None` for an invalid date, such as the zeros of a device without a set clock.
fn civil_time(text: &[u8], nanosecond: i32) -> Option<civil::DateTime> {
    let marks = [(4, b':'), (7, b':'), (10, b' '), (13, b':'), (16, b':')];
    if marks.iter().any(|&(at, mark)| text.get(at) != Some(&mark)) {
        return None;
    }
    let two = |at: usize| i8::try_from(digits(text.get(at..at + 2)?)?).ok();
    let year = i16::try_from(digits(text.get(..4)?)?).ok()?;
    civil::DateTime::new(year, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?, nanosecond).ok()
}

/// Reads the digits after a decimal point as nanoseconds. Spaces may follow them.
fn fraction(text: &[u8]) -> Option<i32> {
    let text = text.split(|byte| *byte == b' ').next()?;
    let text = &text[..text.len().min(9)];
    let missing = u32::try_from(9 - text.len()).ok()?;
    digits(text)?.checked_mul(10_i32.pow(missing))
}

/// Reads an offset such as `+08:00`.
fn offset(text: &[u8]) -> Option<Offset> {
    let sign = match text.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let [hours, minutes] = [digits(text.get(1..3)?)?, digits(text.get(4..6)?)?];
    (text[3] == b':').then(|| Offset::from_seconds(sign * (hours * 60 + minutes) * 60).ok()).flatten()
}

/// Reads at most nine digits.
fn digits(text: &[u8]) -> Option<i32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i32::from(byte - b'0')))
}
