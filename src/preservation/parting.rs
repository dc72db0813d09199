//! Deletes the bytes of contents whose last document was removed for good a day ago.

use std::time::Duration;

use crate::{
    app::App,
    db::DbError,
    original::{Original, parted},
    store::{StoreError, StoreKey},
};

#[derive(Debug, thiserror::Error)]
pub enum PartingError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How long a content stays without a document. No upload takes longer.
const GRACE: Duration = Duration::from_hours(24);
/// Contents of one round.
const ROUND: i64 = 100;

/// Deletes what nothing names any more. Returns the number of contents.
pub async fn run(app: &App) -> Result<u64, PartingError> {
    let before = app.clock.now().minus(GRACE);
    let (mut deleted, mut after) = (0, None);
    loop {
        let due = parted::due(&app.db, before, after.as_ref(), ROUND).await?;
        let Some(last) = due.last().cloned() else { return Ok(deleted) };
        for hash in &parted::without_photos(&app.db, &due).await? {
            let mut tx = app.db.begin().await?;
            let original = parted::let_go(&mut tx, hash, before).await?;
            tx.commit().await?;
            if let Some(original) = original {
                delete(app, &original).await?;
                let mut tx = app.db.begin().await?;
                parted::remove(&mut tx, hash).await?;
                tx.commit().await?;
                deleted += 1;
            }
        }
        after = Some(last);
    }
}

async fn delete(app: &App, original: &Original) -> Result<(), StoreError> {
    for size in &app.config.thumbnail.sizes {
        app.store.delete(&StoreKey::Thumbnail { size: *size, hash: original.hash.clone() }).await?;
    }
    app.store.delete(&StoreKey::Raw(original.store_key.clone())).await
}
