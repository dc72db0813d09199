//! The identity of the file of a SQLite database. SQLite goes on with a file that was moved or deleted: what it commits
//! there is lost with the next start.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::DbError;

#[derive(Debug)]
pub struct DatabaseFile {
    path: PathBuf,
    id: FileId,
}

type FileId = (u64, u64);

impl DatabaseFile {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), id: id(path)? })
    }

    /// Fails if the path does not name the file that was opened.
    pub(super) fn check(&self) -> Result<(), DbError> {
        match id(&self.path) {
            Ok(id) if id == self.id => Ok(()),
            Ok(_) => Err(self.lost("another file is in its place; restart the service")),
            Err(error) => Err(self.lost(&error.to_string())),
        }
    }

    fn lost(&self, why: &str) -> DbError {
        DbError::Io(io::Error::other(format!("the database file {} was taken away: {why}", self.path.display())))
    }
}

#[cfg(unix)]
fn id(path: &Path) -> io::Result<FileId> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn id(path: &Path) -> io::Result<FileId> {
    std::fs::metadata(path).map(|_| (0, 0))
}
