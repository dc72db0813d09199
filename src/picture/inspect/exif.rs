//! The few EXIF fields that matter here, read in place.
//!
//! Not by kamadak-exif, because it collects all fields of all directories first: 64 KiB of directories that overlap
//! each other made 3.6 million fields in 171 MiB (0.6.2), and a TIFF file is not limited to 64 KiB. Here a few fields of
//! two directories are looked up and nothing is copied. That crate parses the texts of the times, and writes the tests'
//! fields.

use jiff::{civil, tz::Offset};

use super::{array, index};
use crate::clock::Timestamp;

/// When the device says it took the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExifTime {
    pub at: Timestamp,
    /// The picture states no usable offset from UTC, so +08:00 (China) was assumed.
    pub offset_assumed: bool,
}

/// How the stored pixels must be turned to stand upright (the EXIF orientation, 1 to 8).
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
    /// To be turned clockwise by 90°.
    TurnedLeft = 6,
    Transversed = 7,
    /// To be turned counter-clockwise by 90°.
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

    /// Whether what is stored from left to right, and from top to bottom, is seen the other way round.
    #[must_use]
    pub fn mirrors(self) -> (bool, bool) {
        let left_to_right = matches!(self, Self::Mirrored | Self::UpsideDown | Self::Transversed | Self::TurnedRight);
        let top_to_bottom =
            matches!(self, Self::UpsideDown | Self::MirroredUpsideDown | Self::TurnedLeft | Self::Transversed);
        (left_to_right, top_to_bottom)
    }

    /// Whether the width as seen is the stored height.
    #[must_use]
    pub fn swaps_sides(self) -> bool {
        matches!(self, Self::Transposed | Self::TurnedLeft | Self::Transversed | Self::TurnedRight)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exif {
    pub(crate) orientation: Orientation,
    pub(crate) taken: Option<ExifTime>,
    /// Of a TIFF file's first picture.
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

/// No text that is read here is longer: "2026:11:23 10:20:30", "+08:00", nine digits.
const MAX_TEXT: usize = 32;

/// Reads the fields of a TIFF structure; what is absent or broken is left out.
pub(crate) fn read(bytes: &[u8]) -> Exif {
    Tiff::open(bytes).map(Tiff::exif).unwrap_or_default()
}

#[derive(Clone, Copy)]
struct Tiff<'a> {
    bytes: &'a [u8],
    little_endian: bool,
}

/// One field: its type, its number of values and where in the bytes its four value bytes are.
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
        let mut time = exif::DateTime::from_ascii(text(DATE_TIME_ORIGINAL)?).ok()?;
        // Broken additions leave the time as it is.
        let _ = text(SUB_SEC_TIME_ORIGINAL).map(|digits| time.parse_subsec(digits));
        let _ = text(OFFSET_TIME_ORIGINAL).map(|offset| time.parse_offset(offset));
        resolve(&time)
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

    /// The text up to its first NUL, cut at [`MAX_TEXT`].
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

/// The instant of a civil time and its offset; none for a date that does not exist, such as the zeros of a device
/// whose clock was never set.
fn resolve(time: &exif::DateTime) -> Option<ExifTime> {
    let small = |n: u8| i8::try_from(n).ok();
    let civil = civil::DateTime::new(
        i16::try_from(time.year).ok()?,
        small(time.month)?,
        small(time.day)?,
        small(time.hour)?,
        small(time.minute)?,
        small(time.second)?,
        i32::try_from(time.nanosecond.unwrap_or(0)).ok()?,
    )
    .ok()?;
    let stated = time.offset.and_then(|minutes| Offset::from_seconds(i32::from(minutes) * 60).ok());
    let at = match stated {
        Some(offset) => Timestamp(offset.to_timestamp(civil).ok()?.as_microsecond()),
        None => Timestamp::from_china(civil)?,
    };
    Some(ExifTime { at, offset_assumed: stated.is_none() })
}
