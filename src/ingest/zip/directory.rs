//! Checks the positions of the entries that a zip declares.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use zip::unstable::read::ZipIterable;

use super::ZipError;
use crate::provider::zip_start;

/// The signature of an entry.
pub(super) const ENTRY: &[u8] = b"PK\x03\x04";
const LISTED: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
/// The start of the file that is searched for its first entry.
const HEAD: u64 = 80;
/// The length of the end record with the longest comment.
const LONGEST_END: u64 = 22 + 65_535;

/// Checks that the file begins like a zip and has an end record.
pub(super) fn check_frame(mut file: &File) -> Result<(), ZipError> {
    start(file)?.ok_or(ZipError::NotAZip)?;
    let length = file.seek(SeekFrom::End(0))?;
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(LONGEST_END)))?;
    file.take(LONGEST_END).read_to_end(&mut tail)?;
    if tail.windows(END.len()).any(|window| window == END) { Ok(()) } else { Err(ZipError::CutOff) }
}

/// Returns the position of the first entry or of the end record.
fn start(mut file: &File) -> io::Result<Option<usize>> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(HEAD).read_to_end(&mut head)?;
    Ok(zip_start(&head))
}

/// Checks that no byte belongs to two entries or to the directory, and that the directory ends where the end record
/// says.
pub(super) fn check_places(file: &File, zip: &mut ZipIterable<&File>) -> Result<(), ZipError> {
    let mut places = Vec::new();
    let mut listed = Vec::new();
    for entry in zip.files()? {
        let entry = entry?;
        listed.push(entry.central_header_start());
        // An entry without its own header has no position. Reading that entry reports the fault.
        if let Some(header) = bytes_at::<30>(file, entry.header_start())?.filter(|header| header.starts_with(ENTRY)) {
            let data = entry.header_start() + 30 + u16_at(&header, 26) + u16_at(&header, 28);
            places.push((entry.header_start(), data.saturating_add(entry.compressed_size())));
        }
    }
    let Some((first, last)) = listed.first().zip(listed.last()) else {
        let start = start(file)?.unwrap_or_default() as u64;
        return if bytes_at(file, start)? == Some(*b"PK\x03\x04") {
            Err(ZipError::Damaged("the end record does not list its entries".to_owned()))
        } else {
            Ok(())
        };
    };
    places.sort_unstable();
    let overlap = places.windows(2).any(|pair| pair[0].1 > pair[1].0);
    if overlap || places.last().is_some_and(|(_, end)| end > first) {
        return Err(ZipError::Overlapping);
    }
    // The end record counts entries in 16 bits. More entries would be invisible.
    let after = bytes_at::<46>(file, *last)?
        .map(|header| last + 46 + u16_at(&header, 28) + u16_at(&header, 30) + u16_at(&header, 32));
    match after.map(|after| bytes_at::<4>(file, after)).transpose()?.flatten() {
        Some(next) if next == LISTED => {
            Err(ZipError::Damaged("the directory lists more entries than the end record".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Returns `None` beyond the end of the file.
fn bytes_at<const N: usize>(mut file: &File, at: u64) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}
