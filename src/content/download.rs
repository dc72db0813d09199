//! Serves the bytes of an original. The audit log records the download before the first byte is sent.

use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};

use crate::{
    app::App,
    audit::{Act, NewEntry, journal::JournalError},
    flow::event::YINKU,
    library::document::Document,
    store::{Expected, StoreError, StoreKey, checked},
    user::User,
};

/// Why bytes are not served.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Serves the bytes of `range` of a document to a user with the right to read it. `part` describes the range in the
/// audit log. `None`: the caller only asks whether the bytes exist, and no bytes are sent.
pub async fn open(
    app: &App,
    user: &User,
    document: &Document,
    range: Range<u64>,
    part: Option<&str>,
) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, DownloadError> {
    let key = StoreKey::Raw(document.store_key.clone());
    let reading = app.store.get_stream(&key, Some(range)).await?;
    if let Some(part) = part {
        let entry = NewEntry::new(&user.username, Act::DocumentDownloaded, document.id.as_str());
        let entry = entry.of_flow_if(document.flow_id.as_ref()).detail(part);
        app.journal.write(entry, app.clock.now()).await?;
    }
    // A range alone proves nothing, so only a whole read is checked.
    if reading.range != (0..reading.stored.bytes) {
        return Ok(reading.stream);
    }
    let expected = Expected::Blake3(document.blake3.clone());
    Ok(watched(app, checked(reading.stream, document.store_key.clone(), expected)))
}

/// Reports an object that turns out to be damaged while it leaves: in the log, and in the audit log as a finding.
#[must_use]
pub fn watched(
    app: &App,
    chunks: BoxStream<'static, Result<Bytes, StoreError>>,
) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let (journal, clock) = (app.journal.clone(), app.clock.clone());
    chunks
        .or_else(move |error| {
            let (journal, clock) = (journal.clone(), clock.clone());
            async move {
                if let StoreError::Damaged { key } = &error {
                    tracing::error!(key, "an original is damaged; the download breaks off");
                    let entry = NewEntry::new(YINKU, Act::DamageFound, key).detail("changed: found by a download");
                    if let Err(error) = journal.write(entry, clock.now()).await {
                        tracing::error!(%error, "the finding is not in the audit log");
                    }
                }
                Err(error)
            }
        })
        .boxed()
}
