//! Receives files that users upload: into a field of a flow, or as a missing photo of a grant.
//!
//! The bytes are streamed. They are hashed while they arrive and are written to a staging file. A complete file moves
//! to its place. The file is durable before a row names it. An interrupted upload leaves at most a staging file. Each
//! upload holds only a few MiB in memory. A picture is read back for its thumbnails, within the memory budget of all
//! photos.

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
    original::{Original, parted, unlinked::UnlinkedOriginal},
    photo::{given_name::basename, kind::PhotoKind},
    picture::inspect::{Inspection, inspect},
    store::{Extension, InvalidName, Month, Staging, StoreError, StoreFolder, StoreKey},
};

/// The size of a block that is hashed and written at once.
const BLOCK: usize = 1 << 20;

/// Why a file was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("the connection ended before the upload was complete: {0}. Upload the file again.")]
    Cut(String),
    #[error("no data arrived for {0:?}, so the upload was ended. Upload the file again.")]
    Stalled(Duration),
    #[error("the file is larger than {limit} bytes. Upload a smaller file.")]
    TooLarge { limit: u64 },
    #[error(
        "more than {0} bytes came before the content of a part. Send only the parts of the form, with short heads."
    )]
    HeadTooLong(usize),
    #[error("a request may contain at most {0} files. Send the others in another request.")]
    TooMany(usize),
    #[error("the file {0:?} is empty. Upload a file with content.")]
    Empty(String),
    #[error("the request contains no file. Send one or more multipart parts named `file`.")]
    NoFile,
    #[error("{0:?} is not a picture. Upload a picture.")]
    NotAnImage(String),
    #[error("the object does not exist, or you have no right to see it")]
    NotFound,
    #[error("the field {0:?} does not accept files. Upload to a files field.")]
    NotAFilesField(String),
    #[error("the field {0:?} gets its photos from the vendor. Upload a missing photo to its grant.")]
    DownloadField(String),
    #[error("the field {0:?} cannot be changed at this node")]
    NotEditable(String),
    #[error("a photo cannot be removed from its field, because it is evidence")]
    PhotoDocument,
    #[error("the grant owes no photo. Supply only photos that /api/owed lists.")]
    NothingOwed,
    #[error("the grant owes {owed} photos of kind {}. Supply at most {owed}.", kind.as_str())]
    OwesFewer { owed: usize, kind: PhotoKind },
    #[error("the folder of the files was deleted during the upload. Upload the files again.")]
    NoFolder,
    #[error("the flow is {0}, so its files cannot be changed")]
    NotRunning(FlowState),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the store does not accept the name of the folder: {0}. Rename the folder.")]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The files of one request. They are complete but still in staging.
#[derive(Debug, Default)]
pub struct Batch(Vec<Incoming>);

/// A file that was received completely.
#[derive(Debug)]
struct Incoming {
    name: String,
    kind: FileKind,
    hashes: Hashes,
    staging: Staging,
}

/// A file that is in its place in the store. Its row is not written yet.
#[derive(Debug)]
pub struct StoredUpload {
    pub name: String,
    pub original: Original,
    /// Held until the original has its row; see [`UnlinkedOriginals`](crate::original::unlinked::UnlinkedOriginals).
    pub unlinked: UnlinkedOriginal,
}

impl Batch {
    /// Receives one file. After an error, [`discard`](Self::discard) the batch.
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
                let kind = kind::detect(&receiver.head, &receiver.tail, &name);
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

    /// Returns the name of the first file that is not a picture.
    #[must_use]
    pub fn not_a_picture(&self) -> Option<&str> {
        self.0.iter().find(|incoming| !incoming.kind.is_picture).map(|incoming| incoming.name.as_str())
    }

    /// Deletes the received files from staging.
    pub async fn discard(self) {
        for incoming in self.0 {
            incoming.staging.discard().await;
        }
    }

    /// Moves all files to their place. After an error, staging holds no file of this batch.
    pub async fn store(self, app: &App, place: &Place) -> Result<Vec<StoredUpload>, UploadError> {
        let mut stored = Vec::with_capacity(self.0.len());
        let mut rest = self.0.into_iter();
        while let Some(incoming) = rest.next() {
            match incoming.store(app, place).await {
                Ok(one) => stored.push(one),
                Err(error) => {
                    Self(rest.collect()).discard().await;
                    return Err(error);
                }
            }
        }
        Ok(stored)
    }
}

/// A file that is being received.
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

    /// Writes and hashes a block. The disk writes while the processor hashes.
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
    /// Stores the file, unless its content is known.
    async fn store(self, app: &App, place: &Place) -> Result<StoredUpload, UploadError> {
        let Self { name, kind, hashes, staging } = self;
        let unlinked = app.unlinked.of(&hashes.blake3);
        let mut staging = Some(staging);
        let original =
            unlinked.get_or_try_init(async || match parted::known(&app.db, &hashes.blake3, app.clock.now()).await? {
                Some(known) => Ok(known),
                None => store_new(app, place, kind, &hashes, &mut staging).await,
            });
        let original = original.await.cloned();
        if let Some(staging) = staging {
            staging.discard().await;
        }
        Ok(StoredUpload { name, original: original?, unlinked })
    }
}

/// Moves the file to its place, durably, and makes its thumbnails.
async fn store_new(
    app: &App,
    place: &Place,
    kind: FileKind,
    hashes: &Hashes,
    staging: &mut Option<Staging>,
) -> Result<Original, UploadError> {
    let now = app.clock.now();
    let key = StoreKey::Original {
        folder: StoreFolder::parse(&place.prefix)?,
        month: Month::of(now),
        hash: hashes.blake3.clone(),
        ext: Extension::new(kind.ext),
    };
    let bytes = staging.as_ref().map_or(0, Staging::bytes);
    let mut original = Original {
        hash: hashes.blake3.clone(),
        sha256: hashes.sha256.clone(),
        sm3: None,
        crc32: i64::from(hashes.crc32),
        bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        mime: kind.mime.to_owned(),
        ext: kind.ext.to_owned(),
        width: None,
        height: None,
        complete: true,
        store_key: key.to_string(),
        undecodable: Some(format!("{} has no preview", kind.mime)),
        created_at: now,
    };
    if let Some(staging) = staging.take() {
        app.store.commit(staging, &key).await?;
    }
    if kind.may_have_thumbnails() {
        add_picture(app, &mut original, &key).await?;
    }
    Ok(original)
}

/// Inspects a picture or a PDF and makes its thumbnails. A file over the size limit is stored without thumbnails.
async fn add_picture(app: &App, original: &mut Original, key: &StoreKey) -> Result<(), UploadError> {
    let bytes = u64::try_from(original.bytes).unwrap_or(u64::MAX);
    let limit = app.config.ingest.max_photo_bytes.get();
    if bytes > limit {
        original.undecodable = Some(format!("a file over {limit} bytes has no preview"));
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
