//! Thumbnails in the store. They are derived: a missing thumbnail is made again from its original.

use bytes::Bytes;

use super::page::{self, PageError};
use crate::{
    app::App,
    audit::{Act, NewEntry, journal::JournalError},
    cpu::CpuError,
    hash::Blake3,
    library::document::Document,
    picture::{
        inspect::{Inspection, inspect, start_of_file},
        thumbnail::{self, Impossible, Thumbnail, memory_needed, thumbnails},
    },
    store::{StoreError, StoreKey},
    user::User,
};

#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error("the original cannot be shown as a picture: {0}. Download the original instead.")]
    Impossible(#[from] Impossible),
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why no thumbnails were made.
#[derive(Debug, thiserror::Error)]
pub(super) enum MakeError {
    #[error(transparent)]
    Impossible(#[from] Impossible),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// This can pass.
    #[error(transparent)]
    Page(#[from] PageError),
}

impl From<MakeError> for ThumbnailError {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Impossible(error) => error.into(),
            MakeError::Cpu(error) => error.into(),
            MakeError::Page(error) => error.into(),
        }
    }
}

/// Makes the thumbnails of an original. The CPU work queues in `lane`.
pub(super) async fn make(
    app: &App,
    lane: &str,
    bytes: Bytes,
    inspection: Inspection,
    sizes: Vec<u32>,
) -> Result<Vec<Thumbnail>, MakeError> {
    let limits = app.thumbnail_limits();
    let memory = memory_needed(&inspection, &sizes, &limits);
    if !inspection.has_pages() {
        return Ok(app.cpu.run_in(lane, memory, move || thumbnails(&bytes, &inspection, &sizes, &limits)).await??);
    }
    let largest = sizes.iter().copied().max().unwrap_or(1);
    let bytes = bytes.slice(start_of_file(&bytes)..);
    let page = page::render(app, lane, bytes, &inspection, largest).await??;
    Ok(app.cpu.run_in(lane, memory, move || thumbnail::page::thumbnails(page, &inspection, &sizes)).await??)
}

/// Returns the bytes of a document's thumbnail to a user with the right to read it. A face is on record before its first
/// byte is sent.
pub async fn view(app: &App, user: &User, document: &Document, size: u32) -> Result<Bytes, ThumbnailError> {
    let jpeg = of_original(app, &document.blake3, &document.store_key, size).await?;
    put_on_record(app, user, document).await?;
    Ok(jpeg)
}

/// Lets a proxy send the thumbnail from the directory of the store. A missing thumbnail is made first.
pub async fn hand_over(app: &App, user: &User, document: &Document, size: u32) -> Result<(), ThumbnailError> {
    let key = StoreKey::Thumbnail { size, hash: document.blake3.clone() };
    if !app.store.exists(&key).await? {
        make_again(app, &document.store_key, &key, size).await?;
    }
    Ok(put_on_record(app, user, document).await?)
}

async fn put_on_record(app: &App, user: &User, document: &Document) -> Result<(), JournalError> {
    if !document.is_face() {
        return Ok(());
    }
    let entry = NewEntry::new(&user.username, Act::FaceViewed, document.id.as_str());
    app.journal.write(entry.of_flow_if(document.flow_id.as_ref()), app.clock.now()).await
}

/// Returns the bytes of the thumbnail (JPEG).
pub async fn of_original(app: &App, hash: &Blake3, original: &str, size: u32) -> Result<Bytes, ThumbnailError> {
    let key = StoreKey::Thumbnail { size, hash: hash.clone() };
    match app.store.get(&key).await {
        Err(StoreError::NotFound { .. }) => make_again(app, original, &key, size).await,
        other => Ok(other?),
    }
}

async fn make_again(app: &App, original: &str, key: &StoreKey, size: u32) -> Result<Bytes, ThumbnailError> {
    let bytes = app.store.get(&StoreKey::Raw(original.to_owned())).await?;
    let header = bytes.clone();
    let inspection = app.cpu.run(0, move || inspect(&header)).await?;
    let mut made = make(app, "", bytes, inspection, vec![size]).await?;
    let jpeg = made.pop().map(|thumbnail| Bytes::from(thumbnail.jpeg)).unwrap_or_default();
    app.store.put(key, jpeg.clone()).await?;
    Ok(jpeg)
}
