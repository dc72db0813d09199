//! The vendor's detail is the truth, not the callback: grants, photos and the status are taken from it.

use std::collections::{HashMap, HashSet};

use super::{IngestError, pass::Pass};
use crate::{
    apply,
    callback::record::Record,
    clock::Timestamp,
    db::{DbError, Tx},
    finish,
    flow::{
        Flow,
        event::{self, Happened, YINKU},
        people,
    },
    id::GrantId,
    photo::{Photo, Source, kind::PhotoKind},
    seal_use::{Application, SealUse},
    vendor::qiyuesuo::{Detail, PhotoRef},
};

/// Asks and stores. False: the vendor does not have this seal use, as far as anybody knows.
pub(super) async fn ask(pass: &Pass) -> Result<bool, IngestError> {
    // What is changed at the vendor while it is asked makes the answer old: it is asked once more.
    match ask_once(pass, true).await? {
        Answer::Old => Ok(!matches!(ask_once(pass, false).await?, Answer::NotApplied)),
        answer => Ok(!matches!(answer, Answer::NotApplied)),
    }
}

enum Answer {
    Stored,
    Old,
    NotApplied,
}

async fn ask_once(pass: &Pass, may_be_old: bool) -> Result<Answer, IngestError> {
    let asked = pass.app.clock.now();
    let detail = match &pass.seal_use.business_id {
        Some(business_id) => pass.client.detail(business_id).await?,
        None => match adopt(pass).await? {
            Some(detail) => detail,
            None => return Ok(Answer::NotApplied),
        },
    };
    let now = pass.app.clock.now();
    let mut tx = pass.db().begin().await?;
    pass.lease.fence(&mut tx).await?;
    // Before the seal use's row: who withdraws a flow holds it and then marks its seal uses.
    Flow::lock(&mut tx, &pass.flow.id).await?;
    if SealUse::changed_since(&mut tx, pass.id(), asked).await? && may_be_old {
        return Ok(Answer::Old);
    }
    if pass.seal_use.business_id.is_none() {
        SealUse::applied(&mut tx, pass.id(), &detail.id).await?;
    }
    let present = SealUse::find(&mut tx, pass.id()).await?.ok_or(IngestError::NoSealUse)?;
    store(&mut tx, &present, &detail, now).await?;
    tx.commit().await?;
    if pass.seal_use.business_id.is_none() {
        // Outside the transaction: a run of that job waits for what this one holds.
        finish::look_again(pass.db(), pass.id(), now).await?;
    }
    Ok(Answer::Stored)
}

/// Writes what the vendor says of `seal_use`, whose flow is locked. What it means for the flow, a pass finds out.
pub async fn store(tx: &mut Tx, seal_use: &SealUse, detail: &Detail, now: Timestamp) -> Result<(), DbError> {
    let application: Application = serde_json::from_str(&seal_use.application).unwrap_or_default();
    let grants = apply::save_grants(tx, &seal_use.id, &application, &detail.auths).await?;
    save_photos(tx, seal_use, detail, &grants.into_iter().collect(), now).await?;
    let status = apply::status_of(&detail.status);
    if status.ended() && !seal_use.status.ended() {
        let happened = Happened { actor: YINKU, act: "use_ended", node: None, detail: Some(status.as_str()) };
        event::record(tx, &seal_use.flow_id, happened, now).await?;
    }
    SealUse::seen(tx, &seal_use.id, status, detail.raw.expose(), now).await?;
    people::stamped(tx, &seal_use.id).await
}

/// The answer to the application was lost, but a callback names our seal use: its business is ours if the vendor's
/// detail repeats our serial number.
async fn adopt(pass: &Pass) -> Result<Option<Detail>, IngestError> {
    for candidate in Record::businesses(pass.db(), pass.id()).await? {
        let detail = match pass.client.detail(&candidate).await {
            // Anybody may call: what is no business of ours must not hide the one that is.
            Err(error) if !error.is_transient() => continue,
            other => other?,
        };
        if detail.serial_no.as_ref() == Some(&pass.seal_use.serial_no) {
            return Ok(Some(detail));
        }
    }
    Ok(None)
}

/// New keys become photos, numbered in the vendor's order. While there are photos without a key nobody knows which of
/// these are the same ones: then a number is given when the bytes are here.
async fn save_photos(
    tx: &mut Tx,
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
        next_no = Some(Flow::take_numbers(tx, &seal_use.flow_id, count).await?);
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
        if new.contains(&told.photokey) {
            photo.no = next_no;
            next_no = next_no.map(|no| no + 1);
        }
        rows.push(photo);
    }
    Photo::insert_all(tx, &rows).await
}
