//! An outage of our own storage: the database or the store fails, whatever it is asked to do. The same work succeeds
//! when the cause is gone, so it waits and does not count as a failed try.

use std::{error::Error, io};

use crate::vocabulary::words;

words! {
    /// Why the database or the store does not work.
    Outage {
        /// The disk or a quota is full.
        NoSpace = "no_space",
        /// The file system or the database is read-only, or a right to write is missing.
        ReadOnly = "read_only",
        /// It does not answer.
        Unreachable = "unreachable",
        /// It answers with an error of its own.
        Failing = "failing",
    }
}

impl Outage {
    /// The outage that an error of the operating system shows.
    #[must_use]
    pub fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::NoSpace,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::TimedOut => Self::Unreachable,
            _ => Self::Failing,
        }
    }

    /// The outage that the first error of the operating system among the causes shows.
    #[must_use]
    pub fn of_causes(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                return Some(Self::of_io(error));
            }
            next = cause.source();
        }
        None
    }
}
