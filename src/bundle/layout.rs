//! Plans a zip: stored entries, UTF-8 names, fixed order and times, all lengths known in advance.
//!
//! Pure. Follows APPNOTE 6.3: local headers, the central directory, zip64 where 32 or 16 bits are too few.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use super::names::Names;
use crate::{clock::Timestamp, hash::Blake3};

/// An entry to plan.
#[derive(Clone, Debug)]
pub struct Entry {
    /// A path with `/`. [`Names`] makes it valid. Of equal paths, the later ones get ` (2)`, ` (3)` …
    pub name: String,
    pub bytes: u64,
    /// CRC-32 (IEEE) of the bytes.
    pub crc32: u32,
    pub blake3: Blake3,
    /// The entry's time in the zip, in China.
    pub at: Timestamp,
    pub content: EntryContent,
}

/// The source of an entry's bytes.
#[derive(Clone, Debug)]
pub enum EntryContent {
    /// The key of an object, as rows store it.
    Stored(String),
    /// Bytes made for this zip.
    Made(Bytes),
}

/// A part of the zip's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Made(Bytes),
    /// This range of an object, which has `bytes` bytes. `whole`: the range is the whole object with this CRC-32.
    Stored {
        key: String,
        bytes: u64,
        range: Range<u64>,
        whole: Option<u32>,
    },
}

/// A planned zip.
#[derive(Debug)]
pub struct Layout {
    /// Headers and contents in turn, then the directory. Each has its offset.
    parts: Vec<(u64, Part)>,
    bytes: u64,
    etag: String,
}

#[derive(Debug)]
enum Part {
    Made(Bytes),
    Stored { key: String, bytes: u64, crc32: u32 },
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Made(bytes) => bytes.len() as u64,
            Self::Stored { bytes, .. } => *bytes,
        }
    }
}

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
/// Names are UTF-8, independent of the reader's code page.
const UTF8: u16 = 0x0800;
const VERSION: u16 = 20;
const VERSION64: u16 = 45;
/// "Made by Unix", so that readers apply the permissions below.
const UNIX: u16 = 3 << 8;
const MODE: u32 = 0o100_644 << 16;
const MAX32: u64 = 0xffff_ffff;
const MAX16: usize = 0xffff;

impl Layout {
    /// Plans a zip of these entries, in this order.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let etag = etag(entries);
        let (mut parts, mut at) = (Vec::with_capacity(entries.len() * 2 + 1), 0);
        let (mut directory, mut names, count) = (Vec::new(), Names::default(), entries.len());
        for entry in entries {
            let header = Header::of(entry, names.place(&entry.name), at);
            directory.extend(header.central());
            let content = match &entry.content {
                EntryContent::Stored(key) => Part::Stored { key: key.clone(), bytes: entry.bytes, crc32: entry.crc32 },
                EntryContent::Made(bytes) => Part::Made(bytes.clone()),
            };
            for part in [Part::Made(header.local().into_boxed_slice().into()), content] {
                let length = part.len();
                parts.push((at, part));
                at += length;
            }
        }
        let begins = at;
        let length = directory.len() as u64;
        directory.extend(end(count, begins, length));
        at += directory.len() as u64;
        parts.push((begins, Part::Made(directory.into_boxed_slice().into())));
        parts.shrink_to_fit();
        Self { parts, bytes: at, etag }
    }

    /// The exact length of the zip.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The memory that the plan takes, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let part = |part: &Part| match part {
            Part::Made(bytes) => bytes.len(),
            Part::Stored { key, .. } => key.capacity(),
        };
        self.parts.iter().map(|(_, held)| size_of::<(u64, Part)>() + part(held)).sum()
    }

    /// The keys of the objects, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|(_, part)| match part {
            Part::Made(_) => None,
            Part::Stored { key, .. } => Some(key.as_str()),
        })
    }

    /// A strong entity tag, in quotes. Equal tags mean equal bytes.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Returns the pieces of these bytes, in order. `range` is cut to the zip's length.
    pub fn pieces(layout: Arc<Self>, range: Range<u64>) -> impl Iterator<Item = Piece> + Send + 'static {
        let range = range.start..range.end.min(layout.bytes);
        let first = layout.parts.partition_point(|(begins, part)| begins + part.len() <= range.start);
        (first..layout.parts.len())
            .map_while(move |index| {
                let (begins, part) = &layout.parts[index];
                let from = range.start.max(*begins);
                let to = range.end.min(begins + part.len());
                (*begins < range.end).then(|| part.slice(from - begins..to.max(from) - begins))
            })
            .filter(|piece| !piece.is_empty())
    }
}

impl Part {
    fn slice(&self, range: Range<u64>) -> Piece {
        match self {
            Self::Made(bytes) => {
                let index = |at| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Piece::Made(bytes.slice(index(range.start)..index(range.end)))
            }
            Self::Stored { key, bytes, crc32 } => {
                let whole = (range == (0..*bytes)).then_some(*crc32);
                Piece::Stored { key: key.clone(), bytes: *bytes, range, whole }
            }
        }
    }
}

impl Piece {
    fn is_empty(&self) -> bool {
        match self {
            Self::Made(bytes) => bytes.is_empty(),
            Self::Stored { range, .. } => range.is_empty(),
        }
    }
}

fn etag(entries: &[Entry]) -> String {
    // The number is the version of the layout. Increase it when equal entries would give other bytes.
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"zip 2");
    for entry in entries {
        hasher.update(&(entry.name.len() as u64).to_le_bytes());
        hasher.update(entry.name.as_bytes());
        hasher.update(entry.blake3.as_str().as_bytes());
        hasher.update(&entry.at.0.to_le_bytes());
    }
    format!("\"{}\"", hasher.finalize().to_hex())
}

/// The common values of both headers of an entry.
struct Header {
    name: Vec<u8>,
    crc32: u32,
    bytes: u64,
    offset: u64,
    time: u16,
    date: u16,
    seconds: Option<i32>,
}

impl Header {
    fn of(entry: &Entry, name: String, offset: u64) -> Self {
        let (date, time) = dos(entry.at);
        let mut name = name.into_bytes();
        name.truncate(MAX16);
        let seconds = i32::try_from(entry.at.0.div_euclid(1_000_000)).ok();
        Self { name, crc32: entry.crc32, bytes: entry.bytes, offset, time, date, seconds }
    }

    fn local(&self) -> Vec<u8> {
        let large = self.bytes >= MAX32;
        let mut out = Vec::with_capacity(50 + self.name.len());
        out.extend(LOCAL.to_le_bytes());
        self.common(&mut out, large);
        out.extend(short(self.name.len()).to_le_bytes());
        let wide = if large { 20 } else { 0 };
        out.extend(short(wide + self.extended_time().len()).to_le_bytes());
        out.extend(&self.name);
        if large {
            zip64(&mut out, &[self.bytes, self.bytes]);
        }
        out.extend(self.extended_time());
        out
    }

    fn central(&self) -> Vec<u8> {
        let (large, far) = (self.bytes >= MAX32, self.offset >= MAX32);
        let mut wide = Vec::new();
        if large {
            wide.extend([self.bytes, self.bytes]);
        }
        if far {
            wide.push(self.offset);
        }
        let mut out = Vec::with_capacity(74 + self.name.len());
        out.extend(CENTRAL.to_le_bytes());
        out.extend((UNIX | VERSION64).to_le_bytes());
        self.common(&mut out, large || far);
        out.extend(short(self.name.len()).to_le_bytes());
        let extra = if wide.is_empty() { 0 } else { 4 + wide.len() * 8 };
        out.extend(short(extra + self.extended_time().len()).to_le_bytes());
        out.extend([0; 6]); // no comment, first disk, binary
        out.extend(MODE.to_le_bytes());
        out.extend(narrow(self.offset).to_le_bytes());
        out.extend(&self.name);
        zip64(&mut out, &wide);
        out.extend(self.extended_time());
        out
    }

    /// Returns the time in seconds since 1970 (0x5455). The other time has no zone, so readers elsewhere would be hours
    /// off. Empty after 2038, when the field ends.
    fn extended_time(&self) -> Vec<u8> {
        let Some(seconds) = self.seconds else { return Vec::new() };
        let mut out = vec![0x55, 0x54, 5, 0, 1];
        out.extend(seconds.to_le_bytes());
        out
    }

    /// Writes the fields from the required version to the sizes. The zip64 field of a large entry has both sizes.
    fn common(&self, out: &mut Vec<u8>, wide: bool) {
        out.extend(if wide { VERSION64 } else { VERSION }.to_le_bytes());
        out.extend(UTF8.to_le_bytes());
        out.extend([0; 2]); // stored
        out.extend(self.time.to_le_bytes());
        out.extend(self.date.to_le_bytes());
        out.extend(self.crc32.to_le_bytes());
        out.extend(narrow(self.bytes).to_le_bytes());
        out.extend(narrow(self.bytes).to_le_bytes());
    }
}

/// Writes the zip64 field, if it has content.
fn zip64(out: &mut Vec<u8>, numbers: &[u64]) {
    if numbers.is_empty() {
        return;
    }
    out.extend(1_u16.to_le_bytes());
    out.extend(short(numbers.len() * 8).to_le_bytes());
    for number in numbers {
        out.extend(number.to_le_bytes());
    }
}

/// Returns the records after the central directory of `count` entries that begins at `begins`.
fn end(count: usize, begins: u64, length: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(98);
    if count >= MAX16 || begins >= MAX32 || length >= MAX32 {
        out.extend(END64.to_le_bytes());
        out.extend(44_u64.to_le_bytes());
        out.extend((UNIX | VERSION64).to_le_bytes());
        out.extend(VERSION64.to_le_bytes());
        out.extend([0; 8]);
        for number in [count as u64, count as u64, length, begins] {
            out.extend(number.to_le_bytes());
        }
        out.extend(LOCATOR64.to_le_bytes());
        out.extend([0; 4]);
        out.extend((begins + length).to_le_bytes());
        out.extend(1_u32.to_le_bytes());
    }
    out.extend(END.to_le_bytes());
    out.extend([0; 4]);
    out.extend(short(count).to_le_bytes());
    out.extend(short(count).to_le_bytes());
    out.extend(narrow(length).to_le_bytes());
    out.extend(narrow(begins).to_le_bytes());
    out.extend([0; 2]);
    out
}

/// Returns the number in 32 bits, or the marker for "see zip64".
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn short(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// Returns date and time in the zip format: two-second steps from 1980 to 2107.
fn dos(at: Timestamp) -> (u16, u16) {
    let civil = at.in_china();
    let part = |number: i8| u16::try_from(number).unwrap_or(0);
    let year = u16::try_from(civil.year() - 1980).unwrap_or(0).min(127);
    let date = year << 9 | part(civil.month()) << 5 | part(civil.day());
    (date, part(civil.hour()) << 11 | part(civil.minute()) << 5 | (part(civil.second()) / 2))
}

#[cfg(test)]
mod tests;
