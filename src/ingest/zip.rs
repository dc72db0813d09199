//! Reads the vendor's zip of all photos from a file. It blocks, so call it on a thread that may block.
//!
//! The vendor documents nothing about these zips. Every entry is either returned or listed as skipped with a reason.
//! A zip that may hide entries is an error, so no photo is lost silently.

mod directory;
mod junk;
mod name;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{self, Read},
    ops::ControlFlow,
};

use zip::{
    CompressionMethod, ZipReadOptions,
    read::{Config, ZipFileEntry},
    result::ZipError as Fault,
    unstable::read::ZipIterable,
};

use crate::photo::key;
pub use junk::not_a_photo;

/// Limits on the bytes that are really read. The sizes that the zip declares are not trusted.
#[derive(Clone, Copy, Debug)]
pub struct ZipLimits {
    /// Maximum number of entries, directories included.
    pub max_entries: usize,
    /// Maximum unpacked bytes of one entry, which are in memory at once. A larger entry is skipped.
    pub max_entry_bytes: u64,
    /// Maximum unpacked bytes of all entries, skipped ones included. More is an error.
    pub max_total_bytes: u64,
    /// Maximum ratio of unpacked to packed size. Photos hardly shrink, so an entry above it is skipped.
    pub max_ratio: Option<u64>,
}

/// One file of the zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipEntry {
    /// For display only. It is never a path, and it is not unique.
    pub name: String,
    /// The name with its directories, as written in the zip. For display only.
    pub path: String,
    /// The photokey, if the name contains one.
    pub photokey: Option<String>,
    /// Never empty. Their CRC-32 equals the declared one.
    pub bytes: Vec<u8>,
}

/// A file of the zip that was not returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub name: String,
    pub reason: String,
    /// What the zip declares of a content that could not be read. `None`: the content was read, or it is no photo.
    pub unread: Option<DeclaredContent>,
}

/// Size and checksum of a content, as a zip declares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclaredContent {
    pub bytes: u64,
    pub crc32: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of returned entries.
    pub entries: usize,
    pub skipped: Vec<Skipped>,
    /// True if the receiver stopped the reading. Later entries were not read.
    pub stopped: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    #[error("the file is not a zip")]
    NotAZip,
    /// The end record, which lists the positions of all entries, is missing.
    #[error("the zip is truncated: its end record is missing")]
    CutOff,
    #[error("the zip is damaged: {0}")]
    Damaged(String),
    /// A zip bomb: the entries share bytes.
    #[error("entries of the zip overlap")]
    Overlapping,
    #[error("the zip has {entries} entries; the limit is {limit}")]
    TooManyEntries { entries: usize, limit: usize },
    #[error("the zip unpacks to more than {limit} bytes")]
    TooLarge { limit: u64 },
    /// The disk failed, not the zip.
    #[error("cannot read the zip: {0}")]
    Io(io::Error),
}

impl From<io::Error> for ZipError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Io(error),
        }
    }
}

impl From<Fault> for ZipError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(error) => error.into(),
            fault => Self::Damaged(fault.to_string()),
        }
    }
}

/// Passes each file to `each`, in the order of the zip's directory, duplicates included.
///
/// The read position of `file` is ignored at the start and undefined afterwards.
pub fn read(
    file: &File,
    limits: ZipLimits,
    mut each: impl FnMut(ZipEntry) -> ControlFlow<()>,
) -> Result<Summary, ZipError> {
    directory::check_frame(file)?;
    let mut zip = ZipIterable::try_new(file, Config::default())?;
    if zip.len() > limits.max_entries {
        return Err(ZipError::TooManyEntries { entries: zip.len(), limit: limits.max_entries });
    }
    directory::check_places(file, &mut zip)?;
    let mut summary = Summary::default();
    let mut budget = Budget { limits, total: 0 };
    for found in zip.files()? {
        let found = found?;
        let names = name::Names::read(found.name_raw());
        if names.is_directory() {
            continue;
        }
        let declared = DeclaredContent { bytes: found.size(), crc32: found.crc32() };
        match unpack(found, file, &mut budget)? {
            Ok(bytes) => {
                summary.entries += 1;
                let photokey = key::find(&names.path).map(str::to_owned);
                if each(ZipEntry { name: names.shown, path: names.path, photokey, bytes }).is_break() {
                    summary.stopped = true;
                    break;
                }
            }
            Err(refusal) => {
                let unread = refusal.unread.then_some(declared);
                summary.skipped.push(Skipped { name: names.shown, reason: refusal.reason, unread });
            }
        }
    }
    Ok(summary)
}

struct Budget {
    limits: ZipLimits,
    total: u64,
}

impl Budget {
    /// Returns the limit of bytes to read of an entry, and the reason for that limit.
    fn limit_for(&self, packed: u64) -> (u64, String) {
        let whole = (self.limits.max_entry_bytes, format!("larger than {} bytes", self.limits.max_entry_bytes));
        // An empty deflate stream has two bytes, so tiny entries can double in size.
        let ratio = self.limits.max_ratio.map(|ratio| {
            (packed.max(64).saturating_mul(ratio), format!("unpacks to more than {ratio} times its size"))
        });
        ratio.into_iter().chain([whole]).min_by_key(|(bytes, _)| *bytes).unwrap_or_default()
    }

    fn left(&self) -> u64 {
        self.limits.max_total_bytes.saturating_sub(self.total)
    }

    fn spend(&mut self, bytes: u64) -> Result<(), ZipError> {
        self.total += bytes;
        let limit = self.limits.max_total_bytes;
        if self.total > limit { Err(ZipError::TooLarge { limit }) } else { Ok(()) }
    }
}

/// Why an entry is skipped.
struct Refusal {
    reason: String,
    /// Its content is not known.
    unread: bool,
}

fn unread(reason: impl Into<String>) -> Refusal {
    Refusal { reason: reason.into(), unread: true }
}

fn no_photo(reason: &str) -> Refusal {
    Refusal { reason: reason.to_owned(), unread: false }
}

/// Returns the bytes, or the reason to skip the entry. An error ends the reading.
fn unpack(found: ZipFileEntry<'_>, file: &File, budget: &mut Budget) -> Result<Result<Vec<u8>, Refusal>, ZipError> {
    if let Some(reason) = refused(&found) {
        return Ok(Err(reason));
    }
    let (most, too_large) = budget.limit_for(found.compressed_size());
    let mut bytes = Vec::new();
    let mut reader = file;
    let outcome = found.with_reader(&mut reader, ZipReadOptions::new()).and_then(|source| {
        let most = most.min(budget.left()).saturating_add(1);
        source.take(most).read_to_end(&mut bytes).map_err(Fault::from)
    });
    budget.spend(bytes.len() as u64)?;
    match outcome.map_err(ZipError::from) {
        Err(ZipError::Damaged(why)) => Ok(Err(unread(format!("damaged: {why}")))),
        Err(error) => Err(error),
        Ok(_) if bytes.is_empty() => Ok(Err(no_photo("empty"))),
        Ok(_) if bytes.len() as u64 > most => Ok(Err(unread(too_large))),
        Ok(_) if bytes.starts_with(directory::ENTRY) => Ok(Err(no_photo("a zip within the zip"))),
        Ok(_) => Ok(Ok(bytes)),
    }
}

fn refused(found: &ZipFileEntry<'_>) -> Option<Refusal> {
    if found.encrypted() {
        Some(unread("encrypted"))
    } else if found.is_symlink() {
        Some(no_photo("a symbolic link"))
    } else if matches!(found.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
        None
    } else {
        Some(unread(format!("unknown compression method ({})", found.compression())))
    }
}
