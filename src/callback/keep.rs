//! Drops the bodies of callbacks that led to nothing, after `callback.keep`.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::record::OldBody;
use crate::{
    app::App,
    db::DbError,
    store::{StoreError, StoreKey},
};

const HOURLY: Duration = Duration::from_hours(1);
/// Bodies in one transaction.
const SOME: i64 = 500;

#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Drops old bodies every hour, until `stop`.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    loop {
        match drop_old_bodies(&app).await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "dropped old bodies of callbacks that led to nothing"),
            Err(error) => tracing::warn!(%error, "cannot drop old bodies of callbacks; trying again in an hour"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(HOURLY) => {}
        }
    }
}

/// Drops the bodies that are due. Returns their number.
pub async fn drop_old_bodies(app: &App) -> Result<usize, KeepError> {
    let before = app.clock.now().minus(app.config.callback.keep.get());
    let mut dropped = 0;
    loop {
        let old = OldBody::list(&app.db, before, SOME).await?;
        if old.is_empty() {
            return Ok(dropped);
        }
        for key in old.iter().filter_map(|old| old.body_key.clone()) {
            match app.store.delete(&StoreKey::Raw(key)).await {
                Ok(()) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut tx = app.db.begin().await?;
        OldBody::clear(&mut tx, &old).await?;
        tx.commit().await?;
        dropped += old.len();
    }
}
