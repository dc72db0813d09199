//! Where bytes lie: a directory or an S3 bucket behind one concrete [`Store`]. Only [`StoreKey`] knows what is where.
//!
//! A put has reached the disk (or the bucket) when it returns, and overwrites: keys name contents, so the same put
//! may run again, or twice at once. No store condition is ever trusted; the database alone decides who was first.

mod cached;
#[cfg(test)]
mod conformance;
mod key;
mod local;
mod s3;
mod staging;

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    Attribute, Attributes, GetOptions, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, PutOptions,
    path::Path,
};

pub use self::key::{Extension, InvalidName, Month, StoreFolder, StoreKey, check_segment};
use self::local::LocalDirectory;
pub use self::staging::Staging;
use crate::{
    clock::Timestamp,
    config::{StoreConfig, StoreUrl},
};

/// One directory or bucket; clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// Present if this is a directory.
    local: Option<Arc<LocalDirectory>>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store answered that it has no such object.
    #[error("the store has no object {key}")]
    NotFound { key: String },
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error("cannot {action} {key} in the store: {source}")]
    Failed { action: &'static str, key: String, source: object_store::Error },
    #[error("cannot {action} {path}: {source}")]
    Directory { action: &'static str, path: String, source: std::io::Error },
}

/// What the store says about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The key as rows save it.
    pub key: String,
    pub bytes: u64,
    /// When it was last put, by the store's clock.
    pub modified: Timestamp,
}

/// An object, or a range of it, on its way out.
pub struct Reading {
    pub stored: Stored,
    /// The bytes that come, end exclusive: what was asked for, cut at the object's end.
    pub range: Range<u64>,
    pub stream: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl Store {
    /// Opens the store and, if it is a directory, creates it.
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        match &config.url {
            StoreUrl::Local(path) => {
                let (local, objects) = LocalDirectory::open(path.clone()).await?;
                Ok(Self { objects: Arc::new(objects), local: Some(Arc::new(local)) })
            }
            StoreUrl::S3 { bucket, prefix } => Ok(Self { objects: s3::open(config, bucket, prefix)?, local: None }),
        }
    }

    /// Puts an object, over an older one if there is one. Durable when it returns; after an error it may or may not
    /// be there: put it again.
    pub async fn put(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        let path = key.path()?;
        let attributes = match &self.local {
            Some(local) => {
                local.make_parents(&path).await?;
                Attributes::default() // files have none
            }
            None => Attributes::from_iter([
                (Attribute::ContentType, key.content_type()),
                (Attribute::CacheControl, key.cache_control()),
            ]),
        };
        let options = PutOptions { attributes, ..PutOptions::default() };
        self.objects.put_opts(&path, bytes.into(), options).await.map_err(failed("put", &path))?;
        Ok(())
    }

    /// The whole object, in memory.
    pub async fn get(&self, key: &StoreKey) -> Result<Bytes, StoreError> {
        let path = key.path()?;
        if let Some(local) = &self.local {
            return local.read(&path).await;
        }
        let found = self.objects.get(&path).await.map_err(failed("get", &path))?;
        found.bytes().await.map_err(failed("read", &path))
    }

    /// The object, or a range of it, in chunks. A range that starts at or after the object's end is an error.
    pub async fn get_stream(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Reading, StoreError> {
        let path = key.path()?;
        if let Some(reading) = self.local.as_ref().and_then(|local| local.stream_cached(&path, range.as_ref())) {
            return Ok(reading);
        }
        let options = GetOptions::new().with_range(range);
        let found = self.objects.get_opts(&path, options).await.map_err(failed("get", &path))?;
        let (stored, range) = (Stored::from(&found.meta), found.range.clone());
        let stream = match found.payload {
            GetResultPayload::File(file, _) => local::chunks(file, range.clone(), stored.key.clone()),
            GetResultPayload::Stream(stream) => stream.map_err(failed("read", &path)).boxed(),
        };
        Ok(Reading { stored, range, stream })
    }

    pub async fn head(&self, key: &StoreKey) -> Result<Stored, StoreError> {
        let path = key.path()?;
        let meta = self.objects.head(&path).await.map_err(failed("look at", &path))?;
        Ok(Stored::from(&meta))
    }

    /// False only if the store answered that it has no such object. S3 answers the same for a bucket that is not there:
    /// whoever draws conclusions from absence asks [`check`](Self::check) first.
    pub async fn exists(&self, key: &StoreKey) -> Result<bool, StoreError> {
        match self.head(key).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Deletes an object; one that is not there is well deleted.
    pub async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let path = key.path()?;
        match self.objects.delete(&path).await.map_err(failed("delete", &path)) {
            Err(StoreError::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    /// All objects under `prefix` (whole segments; "": all), in no order. Staging files of puts are not listed.
    #[must_use]
    pub fn list(&self, prefix: &str) -> BoxStream<'static, Result<Stored, StoreError>> {
        let path = match Path::parse(prefix) {
            Ok(path) => path,
            Err(e) => return futures::stream::once(async { Err(InvalidName::from(e).into()) }).boxed(),
        };
        let listed = self.objects.list(Some(&path).filter(|path| !path.is_root()));
        listed.map_ok(|meta| Stored::from(&meta)).map_err(failed("list", &path)).boxed()
    }

    /// Asks the store for an answer without writing: one round trip, also for readers without the right to write.
    pub async fn check(&self) -> Result<(), StoreError> {
        match &self.local {
            Some(local) => local.check().await,
            // Nothing lies here, so the page is empty; a missing bucket or a lost right is an error all the same.
            None => self.list("readiness").try_next().await.map(drop),
        }
    }

    /// Removes what puts that were cut off left behind before `older_than`; returns how many files.
    pub async fn sweep_staging(&self, older_than: Timestamp) -> Result<u64, StoreError> {
        match &self.local {
            Some(local) => local.sweep_staging(older_than).await,
            None => Ok(0), // single requests leave nothing
        }
    }
}

impl From<&ObjectMeta> for Stored {
    fn from(meta: &ObjectMeta) -> Self {
        Self {
            key: meta.location.to_string(),
            bytes: meta.size,
            modified: Timestamp(meta.last_modified.timestamp_micros()),
        }
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("stored", &self.stored).field("range", &self.range).finish_non_exhaustive()
    }
}

fn failed(action: &'static str, path: &Path) -> impl Fn(object_store::Error) -> StoreError + Send + use<> {
    let key = path.to_string();
    move |source| match source {
        object_store::Error::NotFound { .. } => StoreError::NotFound { key: key.clone() },
        source => StoreError::Failed { action, key: key.clone(), source },
    }
}
