//! A bundle (打包下载): a zip of documents, streamed from the store.
//!
//! A bundle is frozen when it is made: its [`plan`] is an object of the store and names its bytes for ever. [`layout`] is
//! pure. The position of every byte is known before the first one is sent. So the length is exact, every range can be
//! sent alone, and equal contents give equal bytes. This module fetches and sends.

pub mod expiry;
pub mod freeze;
pub mod layout;
pub mod left;
pub mod link;
pub mod names;
pub mod of_flow;
pub mod plan;
pub mod plans;
pub mod record;
pub mod rights;
pub mod selection;

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};

pub use expiry::{ExpiryError, delete_objects, expire, expire_of_flow};
pub use layout::{Entry, EntryContent, Layout, Piece};

use crate::{
    app::App,
    audit::{Act, NewEntry, journal::JournalError},
    clock::Timestamp,
    content::download::{self, FoundBy},
    library::selected::SelectedDocument,
    store::{Expected, Store, StoreError, checked},
};
use record::{Bundle, BundleKind};

/// The folder of photos that the vendor has not confirmed.
const UNCONFIRMED: &str = "未确认";

/// Returns the documents as entries of a bundle, in their order, in their folders. A photo that the vendor has not
/// confirmed is in a folder that says so.
#[must_use]
pub fn entries(documents: &[SelectedDocument]) -> Vec<Entry> {
    let entry = |document: &SelectedDocument| Entry {
        name: {
            let (folder, name) = (&document.folder, document.name.replace('/', "-"));
            if document.unconfirmed { format!("{folder}{UNCONFIRMED}/{name}") } else { format!("{folder}{name}") }
        },
        bytes: u64::try_from(document.bytes).unwrap_or(0),
        crc32: u32::try_from(document.crc32).unwrap_or(0),
        blake3: document.blake3.clone(),
        at: document.received_at,
        content: EntryContent::Stored(document.store_key.clone()),
    };
    documents.iter().map(entry).collect()
}

impl Bundle {
    /// Returns true if its bytes may be served.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.plan_key.is_some() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// Serves a range of a bundle. The audit log records the download before the first byte is sent.
pub async fn give_out(
    app: &App,
    username: &str,
    bundle: &Bundle,
    layout: &Arc<Layout>,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, JournalError> {
    let act = match bundle.kind {
        BundleKind::Photos => Act::PhotosDownloaded,
        BundleKind::Evidence => Act::EvidenceDownloaded,
        BundleKind::Selection => Act::BundleDownloaded,
    };
    let subject = bundle.flow_id.as_ref().map_or(bundle.id.as_str(), |flow| flow.as_str());
    let detail = format!("{} bytes {}-{}/{}", bundle.id, range.start, range.end.max(1) - 1, layout.bytes());
    let entry = NewEntry::new(username, act, subject).of_flow_if(bundle.flow_id.as_ref()).detail(&detail);
    app.journal.write(entry, app.clock.now()).await?;
    let chunks = download::watched(app, FoundBy::Bundle, stream(app.store.clone(), layout, range));
    Ok(ending_with_its_parts(app, bundle, chunks))
}

/// Ends the bundle if a part that was made for a package is damaged or lost. The package is made anew then.
fn ending_with_its_parts(
    app: &App,
    bundle: &Bundle,
    chunks: BoxStream<'static, Result<Bytes, StoreError>>,
) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let (db, store, clock, id) = (app.db.clone(), app.store.clone(), app.clock.clone(), bundle.id.clone());
    chunks
        .or_else(move |error| {
            let (db, store, clock, id) = (db.clone(), store.clone(), clock.clone(), id.clone());
            async move {
                let (StoreError::Damaged { key } | StoreError::NotFound { key }) = &error else { return Err(error) };
                // A missing bucket must not look like a missing object.
                let part = expiry::bundle_of(key).filter(|_| key.starts_with("evidence/"));
                if let Some(package) = part
                    && store.check().await.is_ok()
                {
                    for id in [&package, &id] {
                        if let Err(error) = expiry::end_row(&db, id, clock.now()).await {
                            tracing::error!(%error, bundle = %id, "cannot end a damaged bundle");
                        }
                    }
                }
                Err(error)
            }
        })
        .boxed()
}

/// Streams the bytes of `range`, in the store's chunks. If an object has another length than its row, or another CRC-32,
/// the stream ends with an error: a short or changed response would look complete.
#[must_use]
pub fn stream(store: Store, layout: &Arc<Layout>, range: Range<u64>) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let pieces = Layout::pieces(Arc::clone(layout), range);
    stream::iter(pieces).then(move |piece| chunks(store.clone(), piece)).try_flatten().boxed()
}

async fn chunks(store: Store, piece: Piece) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
    match piece {
        Piece::Made(bytes) => Ok(stream::once(async { Ok(bytes) }).boxed()),
        Piece::Stored { key, bytes, range, whole } => {
            let chunks = download::exactly(&store, &key, bytes, range).await?;
            Ok(match whole {
                Some(crc32) => checked(chunks, key, Expected::Crc32(crc32)),
                None => chunks,
            })
        }
    }
}
