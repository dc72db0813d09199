//! Staging files. The key of an upload is known only at its end, so the bytes go to a staging file, which then moves.

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

/// The part size of a multipart upload. Every S3 server accepts it.
const PART_BYTES: usize = 8 << 20;

/// A file that is being received. Without [`Store::commit`] or [`Staging::discard`], the next sweep removes it.
#[derive(Debug)]
pub struct Staging {
    file: Arc<File>,
    /// The path. `None`: the file has no name and disappears with its last handle.
    path: Option<PathBuf>,
    bytes: u64,
}

impl Store {
    /// Creates a staging file. A store that cannot rename uses a file without a name in the directory `spare`.
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

    /// Makes the file the object `key` and overwrites an older one. The object is durable when this returns. After an
    /// error receive the file again.
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
                // The bucket owner pays for parts of an incomplete upload, and no listing shows them.
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

    /// Appends bytes.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let (file, length) = (Arc::clone(&self.file), bytes.len() as u64);
        blocking("write", self.display_path(), move || (&*file).write_all(&bytes)).await?;
        self.bytes += length;
        Ok(())
    }

    /// Reads the whole file into memory.
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
        let file =
            clone().map_err(|source| StoreError::Directory { action: "read", path: self.display_path(), source })?;
        Ok(local::chunks(file, 0..self.bytes, self.display_path()))
    }

    /// Removes the file. If this fails, the next sweep removes it.
    pub async fn discard(self) {
        let Some(path) = self.path.clone() else { return };
        if let Err(error) = blocking("remove", self.display_path(), move || std::fs::remove_file(path)).await {
            tracing::warn!(%error, "a staging file was not removed");
        }
    }

    fn display_path(&self) -> String {
        self.path.as_ref().map_or_else(|| "a staging file without a name".to_owned(), |path| path.display().to_string())
    }
}
