//! Stores the vendor's detail. It is the truth, not the callback: grants, photos and the status come from it.

pub mod grants;

use std::collections::{HashMap, HashSet};

use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    flow::{
        LockedFlow,
        event::{self, EventKind, NewEvent, YINKU},
        people,
    },
    id::GrantId,
    photo::{Photo, Source, kind::PhotoKind},
    provider::{self, Detail, PhotoRef},
    seal_use::{Application, Grant, SealUse},
};

/// Stores the vendor's detail of `seal_use`. A pass applies the effects on the flow.
pub async fn store(
    tx: &mut Tx,
    flow: &LockedFlow,
    seal_use: &SealUse,
    detail: &Detail,
    now: Timestamp,
) -> Result<(), DbError> {
    let application: Application = serde_json::from_str(&seal_use.application).unwrap_or_default();
    let grants = grants::save_grants(tx, seal_use, &application, &detail.auths).await?;
    Grant::list_appends(tx, &seal_use.id, detail.appended()).await?;
    save_photos(tx, flow, seal_use, detail, &grants.into_iter().collect(), now).await?;
    let status = grants::status_of(&detail.status);
    if status.ended() && !seal_use.status.ended() {
        let happened = NewEvent { actor: YINKU, act: EventKind::UseEnded, node: None, detail: Some(status.as_str()) };
        event::record(tx, &seal_use.flow_id, happened, now).await?;
        // An error of an earlier attempt to end the use is over.
        SealUse::set_error(tx, &seal_use.id, None).await?;
    }
    // The text is kept as evidence. After the end of use its codes serve no purpose.
    let text = if status.ended() { provider::without_codes(detail.raw.expose()) } else { detail.raw.expose().into() };
    SealUse::seen(tx, &seal_use.id, status, &text, now).await?;
    people::stamped(tx, flow, &seal_use.id).await?;
    people::stamps::refresh(tx, flow).await
}

/// Creates photos for new keys, numbered in the vendor's order. While there are photos without a key, a new key may
/// belong to one of them. Then the number is assigned after the bytes have arrived.
async fn save_photos(
    tx: &mut Tx,
    flow: &LockedFlow,
    seal_use: &SealUse,
    detail: &Detail,
    grants: &HashMap<String, GrantId>,
    now: Timestamp,
) -> Result<(), DbError> {
    let known: HashMap<String, bool> = Photo::known_keys(&mut *tx, &seal_use.id).await?.into_iter().collect();
    let listed = |kind, list: &'_ [PhotoRef]| list.iter().map(|photo| (kind, photo.clone())).collect::<Vec<_>>();
    let photos =
        [listed(PhotoKind::Signatory, &detail.use_images), listed(PhotoKind::Face, &detail.face_images)].concat();
    let new: HashSet<&String> =
        photos.iter().map(|(_, told)| &told.photokey).filter(|key| !known.contains_key(*key)).collect();
    let mut next_no = None;
    if !new.is_empty() && !Photo::any_keyless(&mut *tx, &seal_use.id).await? {
        let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
        next_no = Some(flow.take_numbers(tx, count).await?);
    }
    let (mut written, mut rows) = (HashSet::new(), Vec::new());
    for (position, (kind, told)) in (0_i64..).zip(&photos) {
        let complete = known.get(&told.photokey) == Some(&true);
        if complete || !written.insert(&told.photokey) {
            continue;
        }
        let mut photo = Photo::new(&seal_use.id, *kind, Source::Key, now);
        photo.grant_id = told.auth_id.as_ref().and_then(|auth| grants.get(auth)).cloned();
        photo.photokey = Some(told.photokey.clone());
        photo.position = position;
        photo.listed = true;
        photo.listed_at = Some(now);
        if new.contains(&told.photokey) {
            photo.no = next_no;
            next_no = next_no.map(|no| no + 1);
        }
        rows.push(photo);
    }
    Photo::insert_all(tx, &rows).await
}
