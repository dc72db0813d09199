//! The object store: a directory or an S3 bucket behind one [`Store`] type. Only [`StoreKey`] defines the keys.
//!
//! A put returns after the bytes are on the disk or in the bucket. It overwrites. A key names its content, so the same
//! put can run again or concurrently. The store decides no race; only the database does.

mod cached;
mod checked;
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

pub use self::checked::{Expected, checked};
pub use self::key::{Extension, InvalidName, Month, StoreFolder, StoreKey, check_segment};
use self::local::LocalDirectory;
pub use self::staging::Staging;
use crate::{
    clock::Timestamp,
    config::{StoreConfig, StoreUrl},
    outage::Outage,
};

/// One directory or bucket. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// `Some` if this is a directory.
    local: Option<Arc<LocalDirectory>>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store answered that the object does not exist.
    #[error("the store has no object {key}")]
    NotFound { key: String },
    /// The bytes are not those that were stored.
    #[error("the bytes of {key} in the store are damaged. Restore the object.")]
    Damaged { key: String },
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error("cannot {action} {key} in the store: {source}")]
    Failed { action: &'static str, key: String, source: object_store::Error },
    #[error("cannot {action} {path}: {source}")]
    Directory { action: &'static str, path: String, source: std::io::Error },
}

impl StoreError {
    /// Returns the outage of the store. `None`: the store works and answered.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::NotFound { .. } | Self::Damaged { .. } | Self::Name(_) => None,
            Self::Directory { source, .. } => Some(Outage::of_io(source)),
            Self::Failed { source, .. } => Some(Outage::of_causes(source).unwrap_or(Outage::Failing)),
        }
    }
}

/// The metadata of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The key as in the rows.
    pub key: String,
    pub bytes: u64,
    /// The time of the last put, by the clock of the store.
    pub modified: Timestamp,
}

/// An open object, or a range of it.
pub struct Reading {
    pub stored: Stored,
    /// The range of the bytes, end exclusive: the requested range, limited to the size of the object.
    pub range: Range<u64>,
    pub stream: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl Store {
    /// Opens the store. Creates the directory if it does not exist.
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        match &config.url {
            StoreUrl::Local(path) => {
                let (local, objects) = LocalDirectory::open(path.clone()).await?;
                Ok(Self { objects: Arc::new(objects), local: Some(Arc::new(local)) })
            }
            StoreUrl::S3 { bucket, prefix } => Ok(Self { objects: s3::open(config, bucket, prefix)?, local: None }),
        }
    }

    /// Puts an object and overwrites an older one. The object is durable when this returns. After an error its state is
    /// unknown: put it again.
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

    /// Reads the whole object into memory.
    pub async fn get(&self, key: &StoreKey) -> Result<Bytes, StoreError> {
        let path = key.path()?;
        if let Some(local) = &self.local {
            return local.read(&path).await;
        }
        let found = self.objects.get(&path).await.map_err(failed("get", &path))?;
        found.bytes().await.map_err(failed("read", &path))
    }

    /// Opens the object, or a range of it, as chunks. A range that starts at or after the end is an error.
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

    /// Returns false only if the store answered that the object does not exist. S3 answers the same for a missing
    /// bucket, so call [`check`](Self::check) before you rely on an absence.
    pub async fn exists(&self, key: &StoreKey) -> Result<bool, StoreError> {
        match self.head(key).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Deletes an object. Succeeds if the object does not exist.
    pub async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let path = key.path()?;
        match self.objects.delete(&path).await.map_err(failed("delete", &path)) {
            Err(StoreError::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    /// Lists all objects under `prefix` (whole segments; "": all), without order. Staging files are not listed.
    #[must_use]
    pub fn list(&self, prefix: &str) -> BoxStream<'static, Result<Stored, StoreError>> {
        let path = match Path::parse(prefix) {
            Ok(path) => path,
            Err(e) => return futures::stream::once(async { Err(InvalidName::from(e).into()) }).boxed(),
        };
        let listed = self.objects.list(Some(&path).filter(|path| !path.is_root()));
        listed.map_ok(|meta| Stored::from(&meta)).map_err(failed("list", &path)).boxed()
    }

    /// Checks that the store works: a directory must accept a file, a bucket must answer. A put into a bucket costs
    /// money, so this does not test the right to write there.
    pub async fn check_write(&self) -> Result<(), StoreError> {
        match &self.local {
            Some(local) => local.check_write().await,
            None => self.check().await,
        }
    }

    /// Checks that the store answers. It takes one round trip and needs no right to write.
    pub async fn check(&self) -> Result<(), StoreError> {
        match &self.local {
            Some(local) => local.check().await,
            // This prefix is always empty. A missing bucket or a lost right still causes an error.
            None => self.list("readiness").try_next().await.map(drop),
        }
    }

    /// Removes staging files of interrupted puts that are older than `older_than`. Returns the number of removed files.
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
