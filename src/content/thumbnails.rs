//! Thumbnails in the store. They are derived: a missing thumbnail is made again from its original.

use bytes::Bytes;

use crate::picture::thumbnail::{Impossible, memory_needed, thumbnails};
use crate::{
    app::App,
    cpu::CpuError,
    hash::Blake3,
    picture::inspect::inspect,
    store::{StoreError, StoreKey},
};

#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error("the original cannot be shown as a picture: {0}. Download the original instead.")]
    Impossible(#[from] Impossible),
}

/// Returns the bytes of the thumbnail (JPEG).
pub async fn get(app: &App, hash: &Blake3, original: &str, size: u32) -> Result<Bytes, ThumbnailError> {
    let key = StoreKey::Thumbnail { size, hash: hash.clone() };
    match app.store.get(&key).await {
        Err(StoreError::NotFound { .. }) => make_again(app, original, &key, size).await,
        other => Ok(other?),
    }
}

async fn make_again(app: &App, original: &str, key: &StoreKey, size: u32) -> Result<Bytes, ThumbnailError> {
    let bytes = app.store.get(&StoreKey::Raw(original.to_owned())).await?;
    let (sizes, limits) = ([size], app.thumbnail_limits());
    let header = bytes.clone();
    let inspection = app.cpu.run(0, move || inspect(&header)).await?;
    let memory = memory_needed(&inspection, &sizes, &limits);
    let mut made = app.cpu.run(memory, move || thumbnails(&bytes, &inspection, &sizes, &limits)).await??;
    let jpeg = made.pop().map(|thumbnail| Bytes::from(thumbnail.jpeg)).unwrap_or_default();
    app.store.put(key, jpeg.clone()).await?;
    Ok(jpeg)
}
