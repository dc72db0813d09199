//! A directory as the store. Adds the syncs that `object_store` omits and that a put needs to survive a power failure.

use std::{
    collections::HashSet,
    fs::{File, Metadata},
    io::{self, ErrorKind, Write},
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::UNIX_EPOCH,
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::ready, stream::BoxStream};
use object_store::{local::LocalFileSystem, path::Path as Key};

use super::{Reading, StoreError, Stored, cached, failed};
use crate::clock::Timestamp;

/// The chunk size of a read. It is large enough to hide the cost of the blocking pool. It is small enough to stay in
/// the processor cache until it is sent.
const CHUNK_BYTES: u64 = 256 * 1024;
/// The largest object that is read without the blocking pool.
const AT_ONCE: u64 = 1024 * 1024;
/// The directory of files whose key is not known yet.
const STAGING: &str = "staging";

#[derive(Debug)]
pub(super) struct LocalDirectory {
    root: PathBuf,
    /// Directories that are durable in their parent. The number of folders and months limits this set.
    synced: Arc<Mutex<HashSet<PathBuf>>>,
}

impl LocalDirectory {
    pub(super) async fn open(path: PathBuf) -> Result<(Self, LocalFileSystem), StoreError> {
        let display_path = path.display().to_string();
        let root = blocking("create", display_path.clone(), move || {
            make_with_ancestors(&path)?;
            path.canonicalize()
        })
        .await?;
        let objects = LocalFileSystem::new_with_prefix(&root).map_err(failed("open", &Key::from(display_path)))?;
        Ok((Self { root, synced: Arc::default() }, objects.with_fsync(true)))
    }

    /// Creates the directories of an object and syncs each in its parent before the put. A directory of a concurrent
    /// put may not be on disk yet, and `object_store` syncs only directories that it creates.
    pub(super) async fn make_parents(&self, key: &Key) -> Result<(), StoreError> {
        let mut parents = Vec::new();
        let mut directory = self.root.clone();
        let names: Vec<_> = key.parts().collect();
        for name in names.iter().take(names.len().saturating_sub(1)) {
            directory.push(name.as_ref());
            parents.push(directory.clone());
        }
        {
            let synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
            parents.retain(|directory| !synced.contains(directory));
        }
        if parents.is_empty() {
            return Ok(());
        }
        let synced = Arc::clone(&self.synced);
        blocking("create", directory.display().to_string(), move || {
            for directory in parents {
                make_one(&directory)?;
                synced.lock().unwrap_or_else(PoisonError::into_inner).insert(directory);
            }
            Ok(())
        })
        .await
    }

    /// Creates a staging file. Its name is found by a sweep and not by a listing.
    pub(super) async fn stage(&self) -> Result<(File, PathBuf), StoreError> {
        let path = self.root.join(STAGING).join(format!("{}#1", uuid::Uuid::now_v7()));
        self.make_parents(&Key::from(STAGING).join("x")).await?;
        let made = path.clone();
        let file = blocking("create", path.display().to_string(), move || {
            File::options().read(true).write(true).create_new(true).open(made)
        })
        .await?;
        Ok((file, path))
    }

    /// Moves a staging file to its key. A failed fsync must not be retried, so the file is discarded.
    pub(super) async fn adopt(&self, file: Arc<File>, from: PathBuf, key: &Key) -> Result<(), StoreError> {
        let to = self.path_of(key);
        blocking("put", to.display().to_string(), move || {
            file.sync_all()?;
            std::fs::rename(&from, &to)?;
            File::open(to.parent().unwrap_or(Path::new("/")))?.sync_all()
        })
        .await
    }

    /// Reads a whole object, at once or with one switch to the blocking pool, because a page requests many thumbnails.
    pub(super) async fn read(&self, key: &Key) -> Result<Bytes, StoreError> {
        let path = self.path_of(key);
        if let Some(bytes) = read_cached(&path) {
            return Ok(bytes);
        }
        let display_path = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await.map_err(io::Error::other).flatten();
        match read {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(StoreError::NotFound { key: key.to_string() }),
            Err(source) => Err(StoreError::Directory { action: "read", path: display_path, source }),
        }
    }

    /// Opens the object or a range of it if the file is cached.
    pub(super) fn stream_cached(&self, key: &Key, range: Option<&Range<u64>>) -> Option<Reading> {
        let file = cached::open(&self.path_of(key))?;
        let metadata = file.metadata().ok().filter(Metadata::is_file)?;
        let (size, key) = (metadata.len(), key.to_string());
        let range = range.cloned().unwrap_or(0..size);
        if range.start >= range.end || range.end > size {
            return None;
        }
        let stored = Stored { key: key.clone(), bytes: size, modified: modified(&metadata)? };
        Some(Reading { stored, range: range.clone(), stream: chunks(file, range, key) })
    }

    fn path_of(&self, key: &Key) -> PathBuf {
        let mut path = self.root.clone();
        path.extend(key.parts().map(|part| part.as_ref().to_owned()));
        path
    }

    pub(super) async fn check(&self) -> Result<(), StoreError> {
        let root = self.root.clone();
        blocking("read", self.root.display().to_string(), move || root.read_dir()?.next().transpose().map(drop)).await
    }

    /// Writes and removes a staging file of one block.
    pub(super) async fn check_write(&self) -> Result<(), StoreError> {
        let (file, path) = self.stage().await?;
        blocking("write", path.display().to_string(), move || {
            let written = (&file).write_all(&[0; 4096]).and_then(|()| file.sync_all());
            let removed = std::fs::remove_file(&path);
            written.and(removed)
        })
        .await
    }

    pub(super) async fn sweep_staging(&self, older_than: Timestamp) -> Result<u64, StoreError> {
        let root = self.root.clone();
        blocking("sweep", self.root.display().to_string(), move || sweep(&root, older_than)).await
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    action: &'static str,
    path: String,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other);
    done.flatten().map_err(|source| StoreError::Directory { action, path, source })
}

fn make_with_ancestors(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_with_ancestors(parent)?;
    }
    make_one(directory)
}

fn make_one(directory: &Path) -> io::Result<()> {
    match std::fs::create_dir(directory) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// The next sweep removes files that this sweep cannot remove.
fn sweep(root: &Path, older_than: Timestamp) -> io::Result<u64> {
    let mut removed = 0;
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in directory.read_dir()? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else if is_staging(&entry.path())
                && entry.metadata().is_ok_and(|of| modified(&of).is_some_and(|at| at < older_than))
            {
                match std::fs::remove_file(entry.path()) {
                    Ok(()) => removed += 1,
                    Err(e) => tracing::warn!(file = %entry.path().display(), error = %e, "staging file not removed"),
                }
            }
        }
    }
    Ok(removed)
}

fn modified(metadata: &Metadata) -> Option<Timestamp> {
    let since_epoch = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp(0).plus(since_epoch))
}

/// `object_store` writes to `<name>#<number>` and then renames.
fn is_staging(path: &Path) -> bool {
    let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.rsplit_once('#'));
    number.is_some_and(|(name, n)| !name.is_empty() && !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Streams the bytes of the file in chunks. It reads the next chunk while one is sent. A file that ends early is an
/// error and never a short answer.
pub(super) fn chunks(file: File, range: Range<u64>, key: String) -> BoxStream<'static, Result<Bytes, StoreError>> {
    const AHEAD: usize = 2;
    let file = Arc::new(file);
    let starts = std::iter::successors(Some(range.start), |start| start.checked_add(CHUNK_BYTES));
    futures::stream::iter(starts.take_while(move |start| *start < range.end))
        .map(move |start| {
            let (file, end) = (Arc::clone(&file), range.end.min(start.saturating_add(CHUNK_BYTES)));
            match cached::read(&file, &(start..end)) {
                Some(chunk) => ready(Ok(chunk)).left_future(),
                None => blocking("read", key.clone(), move || read_at(&file, start..end)).right_future(),
            }
        })
        .buffered(AHEAD)
        .boxed()
}

fn read_cached(path: &Path) -> Option<Bytes> {
    let file = cached::open(path)?;
    let size = file.metadata().ok().filter(Metadata::is_file)?.len();
    (size <= AT_ONCE).then(|| cached::read(&file, &(0..size))).flatten()
}

fn read_at(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let mut chunk = vec![0; usize::try_from(range.end - range.start).map_err(io::Error::other)?];
    file.read_exact_at(&mut chunk, range.start)?;
    Ok(chunk.into())
}
