//! Serves the bytes of an original. The audit log records the download before the first byte is sent.

use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};

use crate::{
    app::App,
    audit::{Act, NewEntry, journal::JournalError},
    clock::Clock,
    db::{Db, DbError},
    flow::event::YINKU,
    hash::Blake3,
    library::document::Document,
    preservation::findings::{self, FindingKind, NewFinding},
    store::{Expected, Store, StoreError, StoreKey, checked},
    user::User,
};

/// Why bytes are not served.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The original is known to be missing or changed.
    #[error("the original is damaged or lost")]
    Damaged,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What read the bytes that are damaged.
#[derive(Clone, Copy, Debug)]
pub enum FoundBy {
    Download,
    Bundle,
}

impl FoundBy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Bundle => "bundle",
        }
    }
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
    if findings::is_damaged(&app.db, &document.blake3).await? {
        return Err(DownloadError::Damaged);
    }
    let bytes = u64::try_from(document.bytes).unwrap_or(0);
    let whole = range == (0..bytes);
    let chunks = match exactly(&app.store, &document.store_key, bytes, range).await {
        Ok(chunks) => chunks,
        Err(error) => return Err(refused(app, error).await),
    };
    put_on_record(app, user, document, part).await?;
    // A range alone proves nothing, so only a whole read is checked.
    if !whole {
        return Ok(chunks);
    }
    let expected = Expected::Blake3(document.blake3.clone());
    Ok(watched(app, FoundBy::Download, checked(chunks, document.store_key.clone(), expected)))
}

/// The bytes of a text that tell whether it is UTF-8.
const LOOKED_AT: u64 = 4096;

/// Returns the content type of a document. UTF-8 is named, because browsers take a text without it for another encoding.
pub async fn content_type(store: &Store, document: &Document) -> String {
    let bytes = u64::try_from(document.bytes).unwrap_or(0);
    if document.mime != "text/plain" || bytes == 0 {
        return document.mime.clone();
    }
    let key = StoreKey::Raw(document.store_key.clone());
    let head = match store.get_stream(&key, Some(0..bytes.min(LOOKED_AT))).await {
        Ok(reading) => reading.stream.try_collect::<Vec<Bytes>>().await.unwrap_or_default().concat(),
        // The bytes themselves are read next, and tell why they are not there.
        Err(_) => return document.mime.clone(),
    };
    // The last character may be cut.
    let is_utf8 = std::str::from_utf8(&head).err().is_none_or(|error| error.error_len().is_none());
    if is_utf8 { "text/plain; charset=utf-8".to_owned() } else { document.mime.clone() }
}

/// Lets a proxy send the bytes of a document from the directory of the store. The proxy checks no hash, so a document of
/// another length, and a lost one, are refused here. `part` is as for [`open`].
pub async fn hand_over(app: &App, user: &User, document: &Document, part: Option<&str>) -> Result<(), DownloadError> {
    if findings::is_damaged(&app.db, &document.blake3).await? {
        return Err(DownloadError::Damaged);
    }
    let key = &document.store_key;
    let found = match app.store.head(&StoreKey::Raw(key.clone())).await {
        Ok(stored) if i64::try_from(stored.bytes) != Ok(document.bytes) => {
            Err(StoreError::Damaged { key: key.clone() })
        }
        other => other,
    };
    if let Err(error) = found {
        return Err(refused(app, error).await);
    }
    put_on_record(app, user, document, part).await
}

/// Records damage that the error says, and returns why nothing is served.
async fn refused(app: &App, error: StoreError) -> DownloadError {
    let damaged = Watch::of(app, FoundBy::Download).look_at(&error).await;
    if damaged { DownloadError::Damaged } else { error.into() }
}

async fn put_on_record(app: &App, user: &User, document: &Document, part: Option<&str>) -> Result<(), DownloadError> {
    let Some(part) = part else { return Ok(()) };
    let entry = NewEntry::new(&user.username, Act::DocumentDownloaded, document.id.as_str());
    let entry = entry.of_flow_if(document.flow_id.as_ref()).detail(part);
    Ok(app.journal.write(entry, app.clock.now()).await?)
}

/// Opens a range of an object that must have `bytes` bytes. An object of another length is damaged.
pub async fn exactly(
    store: &Store,
    key: &str,
    bytes: u64,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
    let object = StoreKey::Raw(key.to_owned());
    let damaged = || StoreError::Damaged { key: key.to_owned() };
    // A store refuses an empty range.
    let opened = store.get_stream(&object, Some(range.clone()).filter(|range| !range.is_empty())).await;
    match opened {
        Ok(reading) if reading.stored.bytes != bytes => Err(damaged()),
        Ok(reading) => Ok(reading.stream),
        Err(error @ StoreError::NotFound { .. }) => Err(error),
        // A range beyond the end of a shortened object is an error of the store.
        Err(error) => match store.head(&object).await {
            Ok(stored) if stored.bytes != bytes => Err(damaged()),
            _ => Err(error),
        },
    }
}

/// Reports an object that turns out to be damaged or lost while it leaves: in the log, and as a finding.
#[must_use]
pub fn watched(
    app: &App,
    by: FoundBy,
    chunks: BoxStream<'static, Result<Bytes, StoreError>>,
) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let watch = Watch::of(app, by);
    chunks
        .or_else(move |error| {
            let watch = watch.clone();
            async move {
                watch.look_at(&error).await;
                Err(error)
            }
        })
        .boxed()
}

/// What is needed to record a finding.
#[derive(Clone)]
struct Watch {
    db: Db,
    store: Store,
    clock: Clock,
    by: FoundBy,
}

impl Watch {
    fn of(app: &App, by: FoundBy) -> Self {
        Self { db: app.db.clone(), store: app.store.clone(), clock: app.clock.clone(), by }
    }

    /// Records the damage of an original. Returns true if the error says that an original is damaged or lost.
    async fn look_at(&self, error: &StoreError) -> bool {
        let (kind, key) = match error {
            StoreError::Damaged { key } => (FindingKind::Changed, key),
            // A missing bucket must not look like a missing object.
            StoreError::NotFound { key } if self.store.check().await.is_ok() => (FindingKind::Missing, key),
            _ => return false,
        };
        tracing::error!(key, %kind, "an object is damaged or lost; the download breaks off");
        let Some(original) = original_of(key) else { return false };
        let finding = NewFinding::damaged(kind, &original, key, self.by.as_str());
        if let Err(error) = findings::report(&self.db, finding, YINKU, self.clock.now()).await {
            tracing::error!(%error, "the finding is not recorded");
        }
        true
    }
}

/// Returns the hash of the original at this key. `None`: the object is no original.
#[must_use]
pub fn original_of(key: &str) -> Option<Blake3> {
    let file = key.strip_prefix("originals/")?.rsplit('/').next()?;
    file.split('.').next()?.parse().ok()
}
