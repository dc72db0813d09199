//! Missing photos that the vendor names: those recorded by an ingest, and those that only a current detail names.

use std::collections::HashSet;

use sqlx::FromRow;

use super::MissingPhotos;
use crate::{
    app::App,
    clock::Timestamp,
    db::{DbError, sql},
    id::{GrantId, SealUseId},
    photo::kind::PhotoKind,
    provider::{Detail, PhotoRef},
    seal_use::{Grant, counts::Tally},
};

/// Missing photos that the vendor names.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Named {
    pub(super) grant_id: Option<GrantId>,
    #[sqlx(try_from = "String")]
    pub(super) kind: PhotoKind,
    pub(super) count: i64,
    since: Option<Timestamp>,
    error: Option<String>,
}

pub(super) async fn outstanding(app: &App, seal_use: &SealUseId) -> Result<Vec<Named>, DbError> {
    sql("SELECT grant_id, kind, COUNT(*) AS count, MIN(created_at) AS since, MAX(error_detail) AS error
         FROM photos WHERE seal_use_id = $1 AND photokey IS NOT NULL AND original_hash IS NULL
         GROUP BY grant_id, kind ORDER BY kind")
    .bind(seal_use)
    .all(&app.db)
    .await
}

pub(super) fn of_grant(outstanding: &[Named], grant: Option<&GrantId>) -> Vec<MissingPhotos> {
    let theirs = outstanding.iter().filter(|photos| photos.grant_id.as_ref() == grant);
    theirs
        .map(|photos| MissingPhotos {
            kind: photos.kind,
            count: photos.count,
            since: photos.since,
            named: true,
            error: photos.error.clone(),
        })
        .collect()
}

/// A photo that no ingest knows yet: its grant and its kind.
type NewPhoto = (Option<GrantId>, PhotoKind);

/// Returns the photos that only this detail names.
pub(super) fn new_photos(detail: &Detail, known: &HashSet<String>, grants: &[Grant]) -> Vec<NewPhoto> {
    let grant_of = |photo: &PhotoRef| {
        let auth = photo.auth_id.as_ref()?;
        grants.iter().find(|grant| grant.vendor_id == *auth).map(|grant| grant.id.clone())
    };
    let stampings = detail.use_images.iter().map(|photo| (photo, PhotoKind::Signatory));
    let faces = detail.face_images.iter().map(|photo| (photo, PhotoKind::Face));
    let mut seen = HashSet::new();
    let new =
        stampings.chain(faces).filter(|(photo, _)| !known.contains(&photo.photokey) && seen.insert(&photo.photokey));
    new.map(|(photo, kind)| (grant_of(photo), kind)).collect()
}

/// Adds the new photos to the known missing ones.
pub(super) fn add(
    seal_use: &SealUseId,
    new: &[NewPhoto],
    now: Timestamp,
    tallies: &mut Vec<Tally>,
    outstanding: &mut Vec<Named>,
) {
    for (grant, kind) in new {
        let (seal_use_id, grant_id, kind) = (seal_use.clone(), grant.clone(), *kind);
        if let Some(named) = outstanding.iter_mut().find(|named| named.grant_id == grant_id && named.kind == kind) {
            named.count += 1;
        } else {
            let grant_id = grant_id.clone();
            outstanding.push(Named { grant_id, kind, count: 1, since: Some(now), error: None });
        }
        let tally = Tally {
            seal_use_id,
            grant_id,
            kind,
            keyed: 1,
            stored: 0,
            outstanding: 1,
            unsettled: 1,
            parked: 0,
            supplied: 0,
            confirmed: true,
        };
        tallies.push(tally);
    }
}
