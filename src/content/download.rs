//! Serves the bytes of an original. The audit log records the download before the first byte is sent.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{
    app::App,
    audit::{Act, NewEntry, journal::JournalError},
    library::document::Document,
    store::{StoreError, StoreKey},
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
    Ok(reading.stream)
}
