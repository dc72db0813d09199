//! Makes a stored original from bytes: inspects them, stores them if they are new, makes their thumbnails. On return,
//! the bytes and the thumbnails are durable. The link step writes the rows later.

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    ContentError,
    thumbnails::{MakeError, make},
};
use crate::{
    app::App,
    clock::Timestamp,
    hash::{Blake3, Hashes},
    killpoint,
    library::folder::Place,
    original::{Original, parted, unlinked::UnlinkedOriginal},
    picture::{
        inspect::{Inspection, inspect},
        thumbnail::Thumbnail,
    },
    store::{Extension, Month, StoreFolder, StoreKey},
};

/// Bytes that were received completely. `budget` is the permit to hold them in memory; `None` if the caller holds it.
#[derive(Debug)]
pub struct Fetched {
    pub bytes: Bytes,
    pub hashes: Hashes,
    pub received_at: Timestamp,
    pub budget: Option<OwnedSemaphorePermit>,
}

/// The content of a photo, stored.
#[derive(Clone, Debug)]
pub struct StoredContent {
    pub original: Original,
    /// The time of the picture, as its EXIF data says.
    pub exif_at: Option<Timestamp>,
    pub received_at: Timestamp,
    /// Held until the original has its row; see [`UnlinkedOriginals`](crate::original::unlinked::UnlinkedOriginals).
    /// `None` if it has its row already.
    pub unlinked: Option<UnlinkedOriginal>,
}

/// Stores the bytes. Known content is not stored again. The CPU work queues in `lane`.
pub async fn store_original(
    app: &App,
    lane: &str,
    place: &Place,
    fetched: Fetched,
) -> Result<StoredContent, ContentError> {
    let Fetched { bytes, hashes, received_at, budget } = fetched;
    app.metrics.photos_fetched.inc();
    app.metrics.photos_bytes.inc_by(bytes.len() as u64);
    let looked_at = bytes.clone();
    // Not on the decode threads: an inspection takes a fraction of a millisecond, and would queue there behind
    // pictures.
    let inspection = tokio::task::spawn_blocking(move || inspect(&looked_at)).await?;
    let exif_at = inspection.exif.as_ref().map(|exif| exif.at);
    let unlinked = app.unlinked.of(&hashes.blake3);
    let original =
        unlinked.get_or_try_init(async || match parted::known(&app.db, &hashes.blake3, app.clock.now()).await? {
            Some(known) => Ok(known),
            None => store_new(app, lane, place, bytes, hashes, inspection).await,
        });
    let original = original.await?.clone();
    drop(budget);
    Ok(StoredContent { original, exif_at, received_at, unlinked: Some(unlinked) })
}

async fn store_new(
    app: &App,
    lane: &str,
    place: &Place,
    bytes: Bytes,
    hashes: Hashes,
    inspection: Inspection,
) -> Result<Original, ContentError> {
    let now = app.clock.now();
    let key = StoreKey::Original {
        folder: StoreFolder::parse(&place.prefix)?,
        month: Month::of(now),
        hash: hashes.blake3.clone(),
        ext: Extension::new(inspection.ext),
    };
    let mut original = Original {
        hash: hashes.blake3,
        sha256: hashes.sha256,
        sm3: None,
        crc32: i64::from(hashes.crc32),
        bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        mime: inspection.mime.to_owned(),
        ext: inspection.ext.to_owned(),
        width: inspection.width.map(i64::from),
        height: inspection.height.map(i64::from),
        complete: inspection.complete,
        store_key: key.to_string(),
        undecodable: None,
        created_at: now,
    };
    let put = async {
        app.store.put(&key, bytes.clone()).await?;
        app.metrics.photos_stored.inc();
        killpoint::reach("original_put");
        Ok::<_, ContentError>(())
    };
    // The disk writes while the processor decodes. The photo is linked after both are done.
    let sizes = app.config.thumbnail.sizes.clone();
    let thumbnails = async { Ok(make(app, lane, bytes.clone(), inspection, sizes).await) };
    let (made, ()) = tokio::try_join!(thumbnails, put)?;
    original.undecodable = put_thumbnails(app, &original.hash, made).await?;
    Ok(original)
}

/// Makes the thumbnails of stored bytes. Returns the reason if that is impossible.
pub async fn add_thumbnails(
    app: &App,
    hash: &Blake3,
    bytes: Bytes,
    inspection: Inspection,
) -> Result<Option<String>, ContentError> {
    let made = make(app, "", bytes, inspection, app.config.thumbnail.sizes.clone()).await;
    put_thumbnails(app, hash, made).await
}

async fn put_thumbnails(
    app: &App,
    hash: &Blake3,
    made: Result<Vec<Thumbnail>, MakeError>,
) -> Result<Option<String>, ContentError> {
    let thumbnails = match made {
        Ok(thumbnails) => thumbnails,
        Err(MakeError::Impossible(impossible)) => return Ok(Some(impossible.to_string())),
        Err(MakeError::Cpu(error)) => return Err(error.into()),
        // The original is stored. Its thumbnails are made when the first reader asks for them.
        Err(error @ MakeError::Page(_)) => {
            tracing::warn!(%error, %hash, "no thumbnails yet");
            return Ok(None);
        }
    };
    for thumbnail in thumbnails {
        let key = StoreKey::Thumbnail { size: thumbnail.size, hash: hash.clone() };
        app.store.put(&key, thumbnail.jpeg.into()).await?;
        app.metrics.thumbnails_made.inc();
    }
    killpoint::reach("thumbnail_put");
    Ok(None)
}
