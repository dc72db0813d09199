//! The end of bundles. A bundle ends by its time. Its objects stay one hour longer, for downloads that run and for nodes
//! whose clock is behind.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};

use super::record::{self, Bundle, BundleKind};
use crate::{
    app::App,
    clock::Timestamp,
    db::{Db, DbError},
    flow::evidence::SealedPackage,
    id::{BundleId, FlowId},
    store::{Store, StoreError, StoreKey},
};

/// Why a bundle could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum ExpiryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Bundles of one page.
const PAGE: i64 = 100;
/// How long objects outlive their bundle.
const GRACE: Duration = Duration::from_hours(1);
/// The age of an object without a row. The row of a younger object may not be written yet.
const STRAY: Duration = Duration::from_hours(24);

/// Ends the bundles whose time is over: first their rows say so, then their objects go. A bundle whose objects cannot be
/// deleted does not delay the others. The next turn tries it again.
pub async fn expire(app: &App) -> Result<(), ExpiryError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    record::forget_links(&mut tx, now).await?;
    tx.commit().await?;
    let (mut last, mut failed): (Option<Bundle>, Option<ExpiryError>) = (None, None);
    loop {
        let page = Bundle::over(&app.db, now.minus(GRACE), last.as_ref(), PAGE).await?;
        for bundle in &page {
            if let Err(error) = end(app, bundle, now).await {
                tracing::warn!(bundle = %bundle.id, %error, "cannot delete the objects of an ended bundle");
                failed = Some(error);
            }
        }
        let Some(bundle) = page.into_iter().next_back() else { break };
        last = Some(bundle);
    }
    failed.map_or(Ok(()), Err)
}

async fn end(app: &App, bundle: &Bundle, now: Timestamp) -> Result<(), ExpiryError> {
    end_row(&app.db, &bundle.id, now).await?;
    delete_objects(&app.store, bundle).await?;
    let mut tx = app.db.begin().await?;
    Bundle::forget_objects(&mut tx, &bundle.id).await?;
    tx.commit().await?;
    Ok(())
}

/// Ends a bundle now. Its objects go in a later turn.
pub async fn end_row(db: &Db, id: &BundleId, now: Timestamp) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    Bundle::end(&mut tx, id, now).await?;
    SealedPackage::forget(&mut tx, id).await?;
    tx.commit().await
}

/// Ends the bundles of a flow whose time is over, so that its state can have another one.
pub async fn expire_of_flow(app: &App, flow: &FlowId) -> Result<(), ExpiryError> {
    let now = app.clock.now();
    for id in Bundle::over_of_flow(&app.db, flow, now).await? {
        end_row(&app.db, &id, now).await?;
    }
    Ok(())
}

/// Deletes the objects of a bundle. Originals stay.
pub async fn delete_objects(store: &Store, bundle: &Bundle) -> Result<(), StoreError> {
    let Some(key) = &bundle.plan_key else { return Ok(()) };
    if bundle.kind != BundleKind::Evidence {
        return store.delete(&StoreKey::Raw(key.clone())).await;
    }
    let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
    let parts: Vec<String> = store.list(folder).map_ok(|stored| stored.key).try_collect().await?;
    for part in parts {
        store.delete(&StoreKey::Raw(part)).await?;
    }
    Ok(())
}

/// Deletes plans and parts of packages that no row names. They remain after a crash between a put and its commit. They
/// are derived: a new bundle makes them again.
pub async fn sweep(app: &App) -> Result<u64, ExpiryError> {
    let (before, mut deleted) = (app.clock.now().minus(STRAY), 0);
    for top in ["bundles", "evidence"] {
        let old = app.store.list(top).try_filter(|stored| std::future::ready(stored.modified < before));
        let mut pieces = old.chunks(256);
        while let Some(piece) = pieces.next().await {
            let piece: Vec<String> =
                piece.into_iter().map(|stored| Ok(stored?.key)).collect::<Result<_, StoreError>>()?;
            let mut ids: Vec<BundleId> = piece.iter().filter_map(|key| bundle_of(key)).collect();
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                continue;
            }
            let known = Bundle::with_objects(&app.db, &ids).await?;
            for key in piece {
                if bundle_of(&key).is_some_and(|id| !known.contains(&id)) {
                    app.store.delete(&StoreKey::Raw(key)).await?;
                    deleted += 1;
                }
            }
        }
    }
    Ok(deleted)
}

/// Returns the bundle to which an object belongs. `None`: the key has no format that yinku writes.
pub(super) fn bundle_of(key: &str) -> Option<BundleId> {
    let mut parts = key.split('/');
    match (parts.next()?, parts.next()?, parts.next(), parts.next()) {
        ("bundles", plan, None, None) => plan.strip_suffix(".plan")?.split_once('.')?.0.parse().ok(),
        ("evidence", _flow, Some(bundle), Some(_)) => bundle.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_whose_it_is() {
        let id = BundleId::new();
        assert_eq!(bundle_of(&StoreKey::plan_of(&id).to_string()), Some(id.clone()));
        assert_eq!(bundle_of(&format!("evidence/flow/{id}/ab.html")), Some(id.clone()));
        assert_eq!(bundle_of(&format!("bundles/{id}")), None);
        assert_eq!(bundle_of("bundles/notes.txt"), None);
        assert_eq!(bundle_of(&format!("originals/{id}/{id}/x")), None);
    }
}
