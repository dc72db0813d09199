//! Reads what the camera wrote into an original.

use super::thumbnails::ThumbnailError;
use crate::{
    app::App,
    library::document::Document,
    picture::inspect::{CameraData, camera_data},
    store::StoreKey,
};

/// Returns the data of the camera. A file that is too large for a photo has none.
pub async fn of_document(app: &App, document: &Document) -> Result<CameraData, ThumbnailError> {
    let bytes = u64::try_from(document.bytes).unwrap_or(u64::MAX);
    if bytes > app.config.ingest.max_photo_bytes.get() {
        return Ok(CameraData::default());
    }
    let _budget = app.bounds.bytes(bytes).await;
    let bytes = app.store.get(&StoreKey::Raw(document.store_key.clone())).await?;
    Ok(app.cpu.run(0, move || camera_data(&bytes)).await?)
}
