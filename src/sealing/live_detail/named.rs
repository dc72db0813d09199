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

/// Missing photos of one grant and kind that the vendor names.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) grant_id: Option<GrantId>,
    pub(super) kind: PhotoKind,
    keys: Vec<String>,
    since: Timestamp,
    error: Option<String>,
}

/// A missing photo that an ingest has recorded.
#[derive(FromRow)]
struct Recorded {
    grant_id: Option<GrantId>,
    #[sqlx(try_from = "String")]
    kind: PhotoKind,
    photokey: String,
    created_at: Timestamp,
    error_detail: Option<String>,
}

pub(super) async fn outstanding(app: &App, seal_use: &SealUseId) -> Result<Vec<Named>, DbError> {
    let recorded: Vec<Recorded> = sql("SELECT grant_id, kind, photokey, created_at, error_detail
         FROM photos WHERE seal_use_id = $1 AND photokey IS NOT NULL AND original_hash IS NULL
         ORDER BY kind, created_at, photokey")
    .bind(seal_use)
    .all(&app.db)
    .await?;
    let mut outstanding: Vec<Named> = Vec::new();
    for photo in recorded {
        let new = NewPhoto { grant_id: photo.grant_id, kind: photo.kind, key: photo.photokey };
        let named = place(&mut outstanding, new, photo.created_at);
        named.error = photo.error_detail.max(named.error.take());
    }
    Ok(outstanding)
}

/// Adds a photo to the others of its grant and kind, and returns these.
fn place(outstanding: &mut Vec<Named>, photo: NewPhoto, since: Timestamp) -> &mut Named {
    let NewPhoto { grant_id, kind, key } = photo;
    let at = outstanding.iter().position(|named| named.grant_id == grant_id && named.kind == kind);
    let at = at.unwrap_or_else(|| {
        outstanding.push(Named { grant_id, kind, keys: Vec::new(), since, error: None });
        outstanding.len() - 1
    });
    outstanding[at].keys.push(key);
    &mut outstanding[at]
}

pub(super) fn of_grant(outstanding: &[Named], grant: Option<&GrantId>) -> Vec<MissingPhotos> {
    let theirs = outstanding.iter().filter(|photos| photos.grant_id.as_ref() == grant);
    theirs
        .map(|photos| MissingPhotos {
            kind: photos.kind,
            count: i64::try_from(photos.keys.len()).unwrap_or(i64::MAX),
            since: Some(photos.since),
            named: true,
            keys: photos.shown_keys(),
            error: photos.error.clone(),
        })
        .collect()
}

impl Named {
    /// Returns the first keys. The key of a photo that may show a face is for those who may see it.
    fn shown_keys(&self) -> Vec<String> {
        let shown = matches!(self.kind, PhotoKind::Signatory | PhotoKind::Emergency);
        self.keys.iter().filter(|_| shown).take(MOST_KEYS).cloned().collect()
    }
}

/// More keys than a page can show help nobody.
const MOST_KEYS: usize = 100;

/// A photo that no ingest knows yet.
#[derive(Clone, Debug)]
pub(super) struct NewPhoto {
    grant_id: Option<GrantId>,
    kind: PhotoKind,
    key: String,
}

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
    new.map(|(photo, kind)| NewPhoto { grant_id: grant_of(photo), kind, key: photo.photokey.clone() }).collect()
}

/// Adds the new photos to the known missing ones.
pub(super) fn add(
    seal_use: &SealUseId,
    new: &[NewPhoto],
    now: Timestamp,
    tallies: &mut Vec<Tally>,
    outstanding: &mut Vec<Named>,
) {
    for photo in new {
        place(outstanding, photo.clone(), now);
        let tally = Tally {
            seal_use_id: seal_use.clone(),
            grant_id: photo.grant_id.clone(),
            kind: photo.kind,
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
