//! Opens and reads files that are in the page cache without the blocking pool, because the switch to the pool costs
//! more than the copy. `None` means that the caller must use the blocking pool.

#[cfg(target_os = "linux")]
pub(super) use linux::{open, read};
#[cfg(not(target_os = "linux"))]
pub(super) use other::{open, read};

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs::File, io::IoSliceMut, ops::Range, path::Path};

    use bytes::Bytes;
    use rustix::{
        fs::{CWD, Mode, OFlags, ResolveFlags, openat2},
        io::{ReadWriteFlags, preadv2},
    };

    /// Opens a file if its whole path is cached (Linux 5.12).
    pub(crate) fn open(path: &Path) -> Option<File> {
        openat2(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED).ok().map(File::from)
    }

    /// Reads these bytes if the system does not have to wait for a disk.
    pub(crate) fn read(file: &File, range: &Range<u64>) -> Option<Bytes> {
        let mut bytes = vec![0; usize::try_from(range.end.checked_sub(range.start)?).ok()?];
        let mut filled = 0;
        while filled < bytes.len() {
            let offset = range.start + filled as u64;
            match preadv2(file, &mut [IoSliceMut::new(&mut bytes[filled..])], offset, ReadWriteFlags::NOWAIT) {
                Ok(0) | Err(_) => return None,
                Ok(more) => filled += more,
            }
        }
        Some(bytes.into())
    }
}

/// Other systems cannot report cached files, so the blocking pool reads every file.
#[cfg(not(target_os = "linux"))]
mod other {
    use std::{fs::File, ops::Range, path::Path};

    use bytes::Bytes;

    pub(crate) fn open(_path: &Path) -> Option<File> {
        None
    }

    pub(crate) fn read(_file: &File, _range: &Range<u64>) -> Option<Bytes> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
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
        assert!(open(&directory.path().join("b")).is_none());
        Ok(())
    }
}
