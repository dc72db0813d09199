//! Files on their way in whose key is known only at their end: written beside the objects, moved when they are whole.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use object_store::{Attribute, Attributes, PutMultipartOptions, path::Path as Key};

use super::{
    Store, StoreError, StoreKey, failed,
    local::{self, blocking},
};

/// Parts of a large object on its way to a bucket; every S3 server takes parts of this size.
const PART_BYTES: usize = 8 << 20;

/// A file that is coming in. Dropped without [`Store::commit`] or [`Staging::discard`], it lies until the next sweep.
#[derive(Debug)]
pub struct Staging {
    file: Arc<File>,
    /// Where it lies; `None`: it has no name and is gone with its last handle.
    path: Option<PathBuf>,
    bytes: u64,
}

impl Store {
    /// Begins a file. `spare` is a directory for those stores that cannot rename: there the file waits without a name.
    pub async fn stage(&self, spare: &Path) -> Result<Staging, StoreError> {
        let (file, path) = if let Some(local) = &self.local {
            let (file, path) = local.stage().await?;
            (file, Some(path))
        } else {
            let (spare, shown) = (spare.to_owned(), spare.display().to_string());
            (blocking("stage", shown, move || tempfile::tempfile_in(spare)).await?, None)
        };
        Ok(Staging { file: Arc::new(file), path, bytes: 0 })
    }

    /// Makes the file the object `key`, over an older one. Durable when it returns; after an error begin again.
    pub async fn commit(&self, staging: Staging, key: &StoreKey) -> Result<(), StoreError> {
        let path = key.path()?;
        match (&self.local, &staging.path) {
            (Some(local), Some(from)) => {
                local.make_parents(&path).await?;
                local.adopt(Arc::clone(&staging.file), from.clone(), &path).await
            }
            _ => self.send(&staging, key, &path).await,
        }
    }

    async fn send(&self, staging: &Staging, key: &StoreKey, path: &Key) -> Result<(), StoreError> {
        if staging.bytes <= PART_BYTES as u64 {
            return self.put(key, staging.read_all().await?).await;
        }
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, key.content_type()),
            (Attribute::CacheControl, key.cache_control()),
        ]);
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut upload = self.objects.put_multipart_opts(path, options).await.map_err(failed("put", path))?;
        let sent = send_parts(staging, &mut *upload, path).await;
        match sent {
            Ok(()) => upload.complete().await.map(drop).map_err(failed("put", path)),
            Err(error) => {
                // Parts of an upload that nobody ends are paid for and seen by nobody.
                if let Err(error) = upload.abort().await {
                    tracing::warn!(%error, key = %path, "parts of an upload could not be removed");
                }
                Err(error)
            }
        }
    }
}

async fn send_parts(
    staging: &Staging,
    upload: &mut dyn object_store::MultipartUpload,
    path: &Key,
) -> Result<(), StoreError> {
    let mut chunks = staging.chunks()?;
    let mut part = BytesMut::new();
    while let Some(chunk) = chunks.try_next().await? {
        part.extend_from_slice(&chunk);
        if part.len() >= PART_BYTES {
            upload.put_part(part.split().freeze().into()).await.map_err(failed("put", path))?;
        }
    }
    if !part.is_empty() {
        upload.put_part(part.freeze().into()).await.map_err(failed("put", path))?;
    }
    Ok(())
}

impl Staging {
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds to its end.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let (file, length) = (Arc::clone(&self.file), bytes.len() as u64);
        blocking("write", self.shown(), move || (&*file).write_all(&bytes)).await?;
        self.bytes += length;
        Ok(())
    }

    /// All of it, in memory.
    pub async fn read_all(&self) -> Result<Bytes, StoreError> {
        let mut all = BytesMut::new();
        let mut chunks = self.chunks()?;
        while let Some(chunk) = chunks.try_next().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    fn chunks(&self) -> Result<futures::stream::BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        let clone = || -> io::Result<File> {
            let mut file = self.file.try_clone()?;
            file.seek(SeekFrom::Start(0))?;
            Ok(file)
        };
        let file = clone().map_err(|source| StoreError::Directory { action: "read", path: self.shown(), source })?;
        Ok(local::chunks(file, 0..self.bytes, self.shown()))
    }

    /// Gives it up. What cannot be removed now is swept later.
    pub async fn discard(self) {
        let Some(path) = self.path.clone() else { return };
        if let Err(error) = blocking("remove", self.shown(), move || std::fs::remove_file(path)).await {
            tracing::warn!(%error, "a staging file was not removed");
        }
    }

    fn shown(&self) -> String {
        self.path.as_ref().map_or_else(|| "a file on its way in".to_owned(), |path| path.display().to_string())
    }
}
