//! Pictures inside callbacks. Those of authenticated callbacks are stored and linked at once, before the request to the
//! vendor. They are unconfirmed until the vendor's detail or zip shows the same content.
//!
//! Photo keys in callbacks are not used: the pass fetches the keys that the vendor's detail lists for this business.

use std::collections::HashMap;

use bytes::Bytes;

use super::{
    IngestError,
    link::{self, Arrival, Identity},
    pass::Pass,
};
use crate::content::store_original::{Fetched, store_original};
use crate::{
    callback::{
        brought::Brought,
        parse::{self, Callback, PushedImage, RawRequest},
        record::{CallbackState, Record},
    },
    hash::{Blake3, Hashes},
    id::{CallbackId, GrantId},
    photo::{Source, kind::PhotoKind},
    picture::inspect::not_an_image,
    seal_use::Grant,
    store::{StoreError, StoreKey},
};

pub(super) async fn take_in_pushes(pass: &Pass) -> Result<(), IngestError> {
    for callback in pass.callbacks.iter().filter(|callback| callback.images > 0) {
        if callback.authenticated {
            take_in_callback(pass, &callback.id).await?;
        } else {
            note_hint(pass, &callback.id).await?;
        }
    }
    Ok(())
}

/// Records what an unauthenticated callback brought. Its pictures were not kept.
async fn note_hint(pass: &Pass, id: &CallbackId) -> Result<(), IngestError> {
    let Some(record) = Record::find(pass.db(), id).await? else {
        return Ok(());
    };
    settle(pass, id, CallbackState::Done, None, &Brought::hint(&record)).await
}

async fn take_in_callback(pass: &Pass, id: &CallbackId) -> Result<(), IngestError> {
    let Some(record) = Record::find(pass.db(), id).await? else {
        return Ok(());
    };
    // The memory for the body and for the pictures decoded from it.
    let most = pass.app.config.ingest.bytes_in_flight.get();
    let _room = pass.app.bounds.bytes(u64::try_from(record.body_bytes).unwrap_or(0).saturating_mul(2).min(most)).await;
    let body = match (record.body.clone(), record.body_key.clone()) {
        (Some(body), _) => Bytes::from(body),
        (None, Some(key)) => match pass.app.store.get(&StoreKey::Raw(key)).await {
            // The stored body is gone, so its pictures cannot be read any more. The rest of the pass continues.
            Err(error @ StoreError::NotFound { .. }) => {
                let brought =
                    Brought { peer: &record.peer, authenticated: true, images: record.images, hashes: Vec::new() };
                return settle(pass, id, CallbackState::Dead, Some(&error.to_string()), &brought).await;
            }
            other => other?,
        },
        (None, None) => Bytes::new(),
    };
    let raw = RawRequest { query: &record.query, content_type: record.content_type.as_deref(), body: &body };
    let callback = parse::parse(raw);
    let grant = grant_of(pass, &callback).await?;
    let kind = callback.image_kind.unwrap_or(PhotoKind::Unknown);
    let mut seen: HashMap<Blake3, i64> = HashMap::new();
    let (mut problems, mut arrivals) = (Vec::new(), Vec::new());
    for image in callback.images {
        match image {
            PushedImage::Bytes { bytes, .. } => match not_an_image(&bytes) {
                Some(reason) => problems.push(format!("a pushed file is not a picture: {reason}")),
                None => arrivals.push(arrival(pass, bytes, kind, grant.as_ref(), &mut seen).await?),
            },
            PushedImage::Photokey(_) => {}
            PushedImage::Url(url) => problems.push(format!("photos are not fetched from URLs: {url}")),
            PushedImage::Unreadable(why) => problems.push(why),
        }
    }
    let hashes = arrivals.iter().map(|arrival| arrival.content.original.hash.clone()).collect();
    link::link(pass, arrivals).await?;
    let problems = (!problems.is_empty()).then(|| problems.join("; "));
    let brought = Brought { peer: &record.peer, authenticated: true, images: record.images, hashes };
    settle(pass, id, CallbackState::Done, problems.as_deref(), &brought).await
}

/// Ends the work on a callback. What it brought is an entry of the audit log.
async fn settle(
    pass: &Pass,
    id: &CallbackId,
    state: CallbackState,
    problems: Option<&str>,
    brought: &Brought<'_>,
) -> Result<(), IngestError> {
    let mut tx = pass.lease.begin(pass.db()).await?;
    Record::settle(&mut tx, id, state, problems).await?;
    brought.record(&mut tx, id, &pass.flow.id, pass.app.clock.now()).await?;
    Ok(tx.commit().await?)
}

async fn arrival(
    pass: &Pass,
    bytes: Bytes,
    kind: PhotoKind,
    grant: Option<&GrantId>,
    seen: &mut HashMap<Blake3, i64>,
) -> Result<Arrival, IngestError> {
    let hashes = hash(pass, bytes.clone()).await?;
    let occurrence = seen.entry(hashes.blake3.clone()).or_insert(0);
    *occurrence += 1;
    let identity = Identity::Keyless {
        kind,
        grant: grant.cloned(),
        source: Source::Push,
        occurrence: *occurrence,
        supplied: None,
    };
    let fetched = Fetched { bytes, hashes, received_at: pass.app.clock.now(), budget: None };
    Ok(Arrival { content: store_original(&pass.app, pass.id().as_str(), &pass.place, fetched).await?, identity })
}

pub(super) async fn hash(pass: &Pass, bytes: Bytes) -> Result<Hashes, IngestError> {
    Ok(pass.app.cpu.run(0, move || Hashes::of(&bytes)).await?)
}

/// Returns the only grant of the person that the push names. `None` for several grants: the push does not name the
/// seal.
async fn grant_of(pass: &Pass, callback: &Callback) -> Result<Option<GrantId>, IngestError> {
    let grants = Grant::of_seal_use(pass.db(), pass.id()).await?;
    let named = |pushed: Option<&String>, known: Option<&String>| pushed.is_some() && pushed == known;
    let mut theirs = grants.into_iter().filter(|grant| {
        named(callback.number.as_ref(), grant.number.as_ref())
            || named(callback.mobile.as_ref(), grant.contact.as_ref())
    });
    Ok(match (theirs.next(), theirs.next()) {
        (Some(only), None) => Some(only.id),
        _ => None,
    })
}
