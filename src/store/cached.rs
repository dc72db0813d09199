//! Files that the system holds in memory are opened and read at once: a walk to the blocking pool and back costs more than
//! copying them. `None` says nothing of a file but that it must be asked for the long way.

use std::{
    fs::File,
    io::IoSliceMut,
    ops::Range,
    path::Path,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, openat2},
    io::{ReadWriteFlags, preadv2},
};

/// Opens a file whose whole path is in the system's memory (Linux 5.12).
pub(super) fn open(path: &Path) -> Option<File> {
    openat2(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED).ok().map(File::from)
}

/// These bytes, if the system need not wait for a disk.
pub(super) fn read(file: &File, range: &Range<u64>) -> Option<Bytes> {
    let mut lent = Lent::of(usize::try_from(range.end.checked_sub(range.start)?).ok()?);
    let mut filled = 0;
    while filled < lent.length {
        let offset = range.start + filled as u64;
        let rest = &mut lent.buffer[filled..lent.length];
        match preadv2(file, &mut [IoSliceMut::new(rest)], offset, ReadWriteFlags::NOWAIT) {
            Ok(0) | Err(_) => return None,
            Ok(more) => filled += more,
        }
    }
    Some(Bytes::from_owner(lent))
}

/// Buffers that were read into before: fresh ones would have to be filled with zeros first, on pages that the system
/// fills with zeros first.
static BUFFERS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
/// So many are kept, and none that is larger.
const KEPT: usize = 32;
const LARGEST: usize = 1 << 20;

/// A buffer that goes back when its bytes have been sent.
struct Lent {
    buffer: Vec<u8>,
    length: usize,
}

impl Lent {
    fn of(length: usize) -> Self {
        let kept = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = kept.unwrap_or_default();
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        Self { buffer, length }
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut kept = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.len() <= LARGEST && kept.len() < KEPT {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn what_was_just_written_is_read_at_once_and_what_is_not_there_is_left_to_others() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("a");
        std::fs::write(&path, b"0123456789")?;
        let file = open(&path).expect("the path is in memory");
        assert_eq!(read(&file, &(2..5)).as_deref(), Some(&b"234"[..]));
        assert_eq!(read(&file, &(5..11)), None, "it ends before");
        let (first, second) = (read(&file, &(0..9)), read(&file, &(9..10)));
        assert_eq!(first.as_deref(), Some(&b"012345678"[..]), "one that is still read is not lent again");
        assert_eq!(second.as_deref(), Some(&b"9"[..]), "nothing is left of what was read before");
        assert!(open(&directory.path().join("b")).is_none());
        Ok(())
    }
}
