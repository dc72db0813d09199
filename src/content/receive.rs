//! Files that people bring: into a field of a flow, or a missing photo for a grant.
//!
//! Streamed: hashed while they come, written to a staging file, moved to their place when they are whole, and durable
//! before any row names them. A file that is cut off leaves a staging file at most. Never more than a few MiB of one
//! upload are in memory; a picture is read back for its thumbnails within the budget that all photos share.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};

use super::{
    ContentError,
    kind::{self, FileKind, LOOKED_AT},
    store_original::add_thumbnails,
};
use crate::{
    app::App,
    cpu::CpuError,
    db::DbError,
    flow::FlowState,
    hash::{Hasher, Hashes},
    library::folder::Place,
    original::Original,
    photo::given_name::basename,
    picture::inspect::{Inspection, inspect},
    store::{Extension, InvalidName, Month, Staging, StoreError, StoreFolder, StoreKey},
};

/// What is hashed and written at once.
const BLOCK: usize = 1 << 20;

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("the upload was cut off: {0}")]
    Cut(String),
    #[error("nothing came for {0:?}: the upload was given up")]
    Stalled(Duration),
    #[error("the file is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("a request brings at most {0} files")]
    TooMany(usize),
    #[error("the file {0:?} is empty")]
    Empty(String),
    #[error("send one or more multipart parts named `file`")]
    NoFile,
    #[error("{0:?} is no picture")]
    NotAnImage(String),
    #[error("there is nothing here, or nothing you may see")]
    NotFound,
    #[error("the field {0:?} does not take files")]
    NotAFilesField(String),
    #[error("the field {0:?} gets its photos from the vendor: supply a missing one for its grant")]
    DownloadField(String),
    #[error("the field {0:?} cannot be changed on this node")]
    NotEditable(String),
    #[error("a photo stays in its field: it is evidence")]
    PhotoDocument,
    #[error("the flow is {0}: nothing can be done with it any more")]
    NotRunning(FlowState),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the folder's name does not fit the store: {0}")]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Files of one request, complete but not in their place yet.
#[derive(Debug, Default)]
pub struct Batch(Vec<Incoming>);

/// A file that has come whole.
#[derive(Debug)]
struct Incoming {
    name: String,
    kind: FileKind,
    hashes: Hashes,
    staging: Staging,
}

/// A file that is in its place; its row is not written yet.
#[derive(Debug)]
pub struct Kept {
    pub name: String,
    pub original: Original,
}

impl Batch {
    /// Takes one file in. After an error, [`discard`](Self::discard) the batch.
    pub async fn receive<E: std::fmt::Display>(
        &mut self,
        app: &App,
        given: &str,
        limit: u64,
        stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(), UploadError> {
        if self.0.len() >= app.config.upload.max_files {
            return Err(UploadError::TooMany(app.config.upload.max_files));
        }
        let name = basename(given).unwrap_or_else(|| "文件".to_owned());
        let mut receiver = Receiver::begin(app).await?;
        match receiver.all(limit, stream).await {
            Ok(()) if receiver.staging.bytes() > 0 => {
                let kind = kind::of(&receiver.head, &receiver.tail);
                let (hashes, staging) = (receiver.hasher.finish(), receiver.staging);
                self.0.push(Incoming { name: kind::named(&name, kind), kind, hashes, staging });
                Ok(())
            }
            other => {
                receiver.staging.discard().await;
                other.and(Err(UploadError::Empty(name)))
            }
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of the first file that is no picture.
    #[must_use]
    pub fn not_a_picture(&self) -> Option<&str> {
        self.0.iter().find(|incoming| !incoming.kind.is_picture).map(|incoming| incoming.name.as_str())
    }

    /// Gives up what has come.
    pub async fn discard(self) {
        for incoming in self.0 {
            incoming.staging.discard().await;
        }
    }

    /// Puts all files into their place; after an error none that was not there yet stays behind in staging.
    pub async fn keep(self, app: &App, place: &Place) -> Result<Vec<Kept>, UploadError> {
        let mut kept = Vec::with_capacity(self.0.len());
        let mut rest = self.0.into_iter();
        while let Some(incoming) = rest.next() {
            match incoming.keep(app, place).await {
                Ok(one) => kept.push(one),
                Err(error) => {
                    Self(rest.collect()).discard().await;
                    return Err(error);
                }
            }
        }
        Ok(kept)
    }
}

/// One file on its way in.
struct Receiver<'a> {
    app: &'a App,
    staging: Staging,
    hasher: Hasher,
    head: Bytes,
    tail: Bytes,
}

impl<'a> Receiver<'a> {
    async fn begin(app: &'a App) -> Result<Self, UploadError> {
        let staging = app.store.stage(&app.config.data_dir).await?;
        Ok(Self { app, staging, hasher: Hasher::default(), head: Bytes::new(), tail: Bytes::new() })
    }

    async fn all<E: std::fmt::Display>(
        &mut self,
        limit: u64,
        mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(), UploadError> {
        let patience = self.app.config.upload.idle_timeout.get();
        let mut block = BytesMut::with_capacity(BLOCK);
        loop {
            let next = tokio::time::timeout(patience, stream.next()).await;
            let Some(chunk) = next.map_err(|_| UploadError::Stalled(patience))? else { break };
            let chunk = chunk.map_err(|error| UploadError::Cut(error.to_string()))?;
            if self.staging.bytes() + (block.len() + chunk.len()) as u64 > limit {
                return Err(UploadError::TooLarge { limit });
            }
            block.extend_from_slice(&chunk);
            if block.len() >= BLOCK {
                self.block(block.split().freeze()).await?;
            }
        }
        if block.is_empty() { Ok(()) } else { self.block(block.freeze()).await }
    }

    /// The disk writes while the processor hashes.
    async fn block(&mut self, block: Bytes) -> Result<(), UploadError> {
        if self.staging.bytes() == 0 {
            self.head = Bytes::copy_from_slice(&block[..block.len().min(LOOKED_AT)]);
        }
        let seen = if block.len() >= LOOKED_AT { block.to_vec() } else { [&self.tail, &block[..]].concat() };
        self.tail = Bytes::copy_from_slice(&seen[seen.len().saturating_sub(LOOKED_AT)..]);
        let (mut hasher, bytes) = (std::mem::take(&mut self.hasher), block.clone());
        let hash = self.app.cpu.run(0, move || {
            hasher.update(&bytes);
            hasher
        });
        let write = async { self.staging.write(block).await.map_err(UploadError::from) };
        let (hasher, ()) = tokio::try_join!(async { hash.await.map_err(UploadError::from) }, write)?;
        self.hasher = hasher;
        Ok(())
    }
}

impl Incoming {
    /// Moves the file to its place, durably, and makes its thumbnails; content that is known is not stored again.
    async fn keep(self, app: &App, place: &Place) -> Result<Kept, UploadError> {
        if let Some(original) = Original::find(&app.db, &self.hashes.blake3).await? {
            self.staging.discard().await;
            return Ok(Kept { name: self.name, original });
        }
        let now = app.clock.now();
        let key = StoreKey::Original {
            folder: StoreFolder::parse(&place.prefix)?,
            month: Month::of(now),
            hash: self.hashes.blake3.clone(),
            ext: Extension::new(self.kind.ext),
        };
        let mut original = Original {
            hash: self.hashes.blake3,
            sha256: self.hashes.sha256,
            sm3: None,
            crc32: i64::from(self.hashes.crc32),
            bytes: i64::try_from(self.staging.bytes()).unwrap_or(i64::MAX),
            mime: self.kind.mime.to_owned(),
            ext: self.kind.ext.to_owned(),
            width: None,
            height: None,
            complete: true,
            store_key: key.to_string(),
            undecodable: Some(format!("{} is not decoded", self.kind.mime)),
            created_at: now,
        };
        app.store.commit(self.staging, &key).await?;
        if self.kind.is_picture {
            picture(app, &mut original, &key).await?;
        }
        Ok(Kept { name: self.name, original })
    }
}

/// Looks at a picture and makes its thumbnails; one that is too large for that is kept without.
async fn picture(app: &App, original: &mut Original, key: &StoreKey) -> Result<(), UploadError> {
    let bytes = u64::try_from(original.bytes).unwrap_or(u64::MAX);
    let limit = app.config.ingest.max_photo_bytes.get();
    if bytes > limit {
        original.undecodable = Some(format!("pictures over {limit} bytes are not decoded"));
        return Ok(());
    }
    let _budget = app.bounds.bytes(bytes).await;
    let bytes = app.store.get(key).await?;
    let looked_at = bytes.clone();
    let inspection: Inspection = app.cpu.run(0, move || inspect(&looked_at)).await?;
    original.width = inspection.width.map(i64::from);
    original.height = inspection.height.map(i64::from);
    original.complete = inspection.complete;
    original.undecodable = add_thumbnails(app, &original.hash, bytes, inspection).await?;
    Ok(())
}
