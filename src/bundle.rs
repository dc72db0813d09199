//! A bundle (打包下载): a zip of documents, streamed from the store.
//!
//! [`layout`] plans the zip and is pure. The position of every byte is known before the first one is sent. So the
//! length is exact, every range can be sent alone, and equal contents give equal bytes. This module fetches and
//! sends.

pub mod layout;

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};

pub use layout::{Entry, EntryContent, Layout, Piece};

use crate::{
    app::App,
    audit::{Act, NewEntry, journal::JournalError},
    id::FlowId,
    library::document::Document,
    store::{Store, StoreError, StoreKey},
    user::User,
};

/// The folder of photos that the vendor has not confirmed.
const UNCONFIRMED: &str = "未确认";

/// Returns the documents as entries of a bundle, in their order, under their own names. A photo that the vendor has not
/// confirmed is in a folder that says so.
#[must_use]
pub fn entries(documents: &[Document]) -> Vec<Entry> {
    let entry = |document: &Document| Entry {
        name: if document.is_unconfirmed() {
            format!("{UNCONFIRMED}/{}", document.name)
        } else {
            document.name.clone()
        },
        bytes: u64::try_from(document.bytes).unwrap_or(0),
        crc32: u32::try_from(document.crc32).unwrap_or(0),
        blake3: document.blake3.clone(),
        at: document.received_at,
        content: EntryContent::Stored(document.store_key.clone()),
    };
    documents.iter().map(entry).collect()
}

/// Serves the photos of a flow. The audit log records the download before the first byte is sent.
pub async fn give_out(
    app: &App,
    user: &User,
    flow: &FlowId,
    layout: &Arc<Layout>,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, JournalError> {
    let entry = NewEntry::to_flow(&user.username, Act::PhotosDownloaded, flow).detail(layout.etag());
    app.journal.write(entry, app.clock.now()).await?;
    Ok(stream(app.store.clone(), layout, range))
}

/// Streams the bytes of `range`, in the store's chunks. If an object is shorter than its row says, the stream ends
/// with an error: a short response would look complete.
#[must_use]
pub fn stream(store: Store, layout: &Arc<Layout>, range: Range<u64>) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let pieces = Layout::pieces(Arc::clone(layout), range);
    stream::iter(pieces)
        .then(move |piece| {
            let store = store.clone();
            async move {
                match piece {
                    Piece::Made(bytes) => Ok(stream::once(async { Ok(bytes) }).boxed()),
                    Piece::Stored { key, range } => stored(&store, key, range).await,
                }
            }
        })
        .try_flatten()
        .boxed()
}

async fn stored(
    store: &Store,
    key: String,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
    let reading = store.get_stream(&StoreKey::Raw(key.clone()), Some(range.clone())).await?;
    if reading.range == range {
        return Ok(reading.stream);
    }
    let source = std::io::Error::other(format!("it has {} bytes, not {}", reading.stored.bytes, range.end));
    Err(StoreError::Directory { action: "read", path: key, source })
}
