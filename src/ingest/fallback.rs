//! The vendor's zip. It is read when the keys do not account for every stamping, and once after the end of use: only the
//! zip has emergency photos. It is read seldom: some vendors lock a file that is downloaded too often.

mod kinds;

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{
    IngestError,
    link::{self, Arrival, Identity},
    pass::Pass,
    push,
    zip::{self, Skipped, Summary, ZipEntry, ZipLimits},
};
use crate::{
    clock::Timestamp,
    hash::Blake3,
    photo::{Photo, PhotoState, Source, kind::PhotoKind},
    provider::ProviderError,
    seal_use::{PhotoCounts, SealUse},
};
use crate::{
    content::store_original::{Fetched, store_original},
    seal_use::ingest::{Ingest, Trigger},
};

/// Entries that are read ahead of the one that is being stored.
const AHEAD: usize = 1;
const MAX_ENTRIES: usize = 100_000;
/// Skipped entries that a note names.
const NAMED: usize = 10;
const LEFT_OUT: &str = "entries of the zip were skipped";

/// Reads the zip if it may contain missing photos. Returns the reason if that failed.
pub(super) async fn read_zip(pass: &Pass) -> Result<Option<String>, IngestError> {
    let Some(due) = zip_to_read(pass, When::BeforeSettling).await? else {
        // What was left out of the zip stays shown until the zip is read again.
        return Ok(pass.ingest.error.clone().filter(|note| note.contains(LEFT_OUT)));
    };
    let _turn = pass.app.bounds.zip().await;
    mark_read(pass, Some(pass.app.clock.now())).await?;
    let outcome = fetch_and_read(pass, &due).await;
    if let Err(error) = &outcome
        && error.outage().is_some()
        && let Err(error) = mark_read(pass, pass.ingest.zip_at).await
    {
        tracing::warn!(%error, seal_use = %pass.id(), "the zip is read again only after the next wake");
    }
    outcome
}

/// The note of a zip that was read after the flow was settled.
pub(super) struct ReadLater(pub(super) Option<String>);

/// Reads the zip although no photo is missing: once after the end of use, because only the zip has emergency photos, and
/// for photos that are unconfirmed or of an unknown kind. The flow is settled before, so this reading delays neither node
/// nor archive. `None`: the zip is not due.
pub(super) async fn read_zip_later(pass: &Pass) -> Result<Option<ReadLater>, IngestError> {
    let Some(due) = zip_to_read(pass, When::AfterSettling).await? else { return Ok(None) };
    let _turn = pass.app.bounds.zip().await;
    let begun = pass.app.clock.now();
    if !due.once {
        mark_read(pass, Some(begun)).await?;
    }
    let note = fetch_and_read(pass, &due).await?;
    // The reading after the end counts if it succeeds. Otherwise a recheck or a user's retry makes it again, not each
    // wake: some vendors lock a file that is downloaded too often.
    if due.once && note.as_ref().is_none_or(|note| note.contains(LEFT_OUT)) {
        mark_read(pass, Some(begun)).await?;
    }
    mark_tried(pass, pass.app.clock.now()).await?;
    Ok(Some(ReadLater(note)))
}

async fn mark_read(pass: &Pass, at: Option<Timestamp>) -> Result<(), IngestError> {
    let mut tx = pass.lease.begin(pass.db()).await?;
    Ingest::zip_read(&mut tx, pass.id(), at).await?;
    Ok(tx.commit().await?)
}

async fn mark_tried(pass: &Pass, at: Timestamp) -> Result<(), IngestError> {
    let mut tx = pass.lease.begin(pass.db()).await?;
    Ingest::zip_tried(&mut tx, pass.id(), at).await?;
    Ok(tx.commit().await?)
}

/// A reading can complete its flow only before the flow is settled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    BeforeSettling,
    AfterSettling,
}

/// A zip that is due.
struct DueZip {
    when: When,
    /// The zip was not read since the end of use.
    once: bool,
    business_id: String,
    /// Nothing is missing and use has not ended. Only the contents of unsettled photos are looked for: a photo that is
    /// newer than the detail waits for the next detail, which names its seal.
    settles_only: bool,
}

async fn fetch_and_read(pass: &Pass, due: &DueZip) -> Result<Option<String>, IngestError> {
    let business_id = due.business_id.as_str();
    let file = tempfile::tempfile_in(&pass.app.config.data_dir)?;
    let mut writer = tokio::fs::File::from_std(file.try_clone()?);
    let max_bytes = pass.app.config.vendor.max_zip_bytes.get();
    match pass.client.images_zip(business_id, &mut writer, max_bytes).await {
        Ok(body) if body.empty => {
            let needed = due.when == When::BeforeSettling;
            return Ok(needed.then(|| "the vendor's zip is empty".to_owned()));
        }
        Ok(_) => {}
        Err(error @ ProviderError::Disk(_)) => return Err(error.into()),
        Err(error) => return Ok(Some(error.to_string())),
    }
    let (outcome, untold) = read(pass, file, due.settles_only).await?;
    let (told, without_kinds) = kinds::tell(pass, business_id, untold).await?;
    for batch in chunks(told, pass.app.config.ingest.link_batch) {
        link::link(pass, batch).await?;
    }
    let left_out = match outcome {
        Ok(summary) if summary.skipped.is_empty() => None,
        Ok(summary) => Some(format!("{} {LEFT_OUT}: {}", summary.skipped.len(), named(&summary.skipped))),
        Err(zip::ZipError::Io(error)) => return Err(error.into()),
        Err(error) => Some(error.to_string()),
    };
    let notes: Vec<String> = left_out.into_iter().chain(without_kinds).collect();
    Ok(Some(notes.join("; ")).filter(|note| !note.is_empty()))
}

/// Returns the first of the skipped entries, each with its reason.
fn named(skipped: &[Skipped]) -> String {
    let each = skipped.iter().take(NAMED).map(|skipped| format!("{}: {}", skipped.name, skipped.reason));
    each.collect::<Vec<_>>().join("; ")
}

/// Returns the zip that is to be read. No key may bring its photos soon. Before the flow is settled, photos must be
/// missing. After it, the zip was not read since the end of use, or photos are unsettled. Missing photos need a wake since
/// the last reading (a scheduled recheck counts as a wake). Unsettled photos are looked for when they are new, at rechecks
/// and when a user asks. While seals are in use every stamping wakes the ingest; then the zip is read at most once per poll
/// interval.
async fn zip_to_read(pass: &Pass, when: When) -> Result<Option<DueZip>, IngestError> {
    let mut reader = pass.db().reader().await?;
    let (Some(seal_use), Some(ingest)) =
        (SealUse::find(&mut reader, pass.id()).await?, Ingest::of_seal_use(&mut reader, pass.id()).await?)
    else {
        return Ok(None);
    };
    let photos = Photo::of_seal_use(&mut reader, pass.id()).await?;
    let on_the_way = photos.iter().any(|photo| !matches!(photo.state, PhotoState::Done | PhotoState::Failed));
    let sum = PhotoCounts::read(&mut reader, pass.id()).await?.sum;
    let ended = seal_use.status.ended();
    let needed = sum.missing > 0 || (ended && !photos.iter().any(Photo::counts));
    let unread = ingest.zip_at.is_none_or(|read| {
        if ended {
            read < pass.begun && (read < pass.ingest.woken_at || pass.is_recheck())
        } else {
            read.plus(pass.app.config.ingest.poll_open.get()) <= pass.begun
        }
    });
    let again = pass.is_recheck() || pass.ingest.cause == Trigger::Button;
    let once = seal_use.ended_at.is_some_and(|ended| {
        let since_the_end = |at: Option<Timestamp>| at.is_some_and(|at| at >= ended);
        !since_the_end(ingest.zip_at) && (again || !since_the_end(ingest.zip_tried_at))
    });
    let newest = photos.iter().filter(|photo| !photo.is_settled()).map(|photo| photo.created_at).max();
    let is_new = newest.is_some_and(|newest| ingest.zip_at.max(ingest.zip_tried_at).is_none_or(|read| read < newest));
    let unsettled = newest.is_some() && unread && (!ended || again || is_new);
    let due = match when {
        When::BeforeSettling => needed && unread,
        When::AfterSettling => !needed && (once || unsettled),
    };
    let business_id = seal_use.business_id.filter(|_| due && !on_the_way);
    Ok(business_id.map(|business_id| DueZip { when, once, business_id, settles_only: !needed && !ended }))
}

/// Links the photos whose kind the detail tells. Returns the summary, and the other photos.
async fn read(
    pass: &Pass,
    file: std::fs::File,
    settles_only: bool,
) -> Result<(Result<Summary, zip::ZipError>, Vec<Arrival>), IngestError> {
    let config = &pass.app.config;
    let limits = limits(pass);
    let (sender, mut entries) = mpsc::channel::<ZipEntry>(AHEAD);
    let reader = tokio::task::spawn_blocking(move || {
        zip::read(&file, limits, |entry| match sender.blocking_send(entry) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        })
    });
    let mut seen = Seen { settles_only, ..Seen::default() };
    let (mut batch, mut untold) = (Vec::new(), Vec::new());
    let mut skipped = Vec::new();
    while let Some(entry) = entries.recv().await {
        if let Some(reason) = zip::not_a_photo(&entry.path, &entry.bytes) {
            skipped.push(Skipped { name: entry.path, reason, unread: None });
            continue;
        }
        if entry.photokey.as_ref().is_some_and(|key| seen.keys.contains_key(key)) {
            // The first entry of this key may change the row that the second one needs.
            link::link(pass, std::mem::take(&mut batch)).await?;
        }
        match arrival(pass, entry, &mut seen).await? {
            Some(arrival) if arrival.is_listed() => batch.push(arrival),
            Some(arrival) => untold.push(arrival),
            None => {}
        }
        if batch.len() >= config.ingest.link_batch {
            link::link(pass, std::mem::take(&mut batch)).await?;
        }
    }
    link::link(pass, batch).await?;
    let outcome = reader.await?.map(|mut summary| {
        summary.skipped.extend(skipped);
        summary
    });
    Ok((outcome, untold))
}

fn limits(pass: &Pass) -> ZipLimits {
    let config = &pass.app.config;
    ZipLimits {
        max_entries: MAX_ENTRIES,
        max_entry_bytes: config.ingest.max_photo_bytes.get(),
        max_total_bytes: config.vendor.max_zip_bytes.get(),
        max_ratio: Some(100),
    }
}

fn chunks(mut all: Vec<Arrival>, size: usize) -> impl Iterator<Item = Vec<Arrival>> {
    std::iter::from_fn(move || {
        let rest = all.split_off(size.min(all.len()));
        let chunk = std::mem::replace(&mut all, rest);
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// The entries of the zip so far.
#[derive(Default)]
struct Seen {
    settles_only: bool,
    /// How often each content came without a key.
    keyless: HashMap<Blake3, i64>,
    /// The contents that came under each key.
    keys: HashMap<String, HashSet<Blake3>>,
}

async fn arrival(pass: &Pass, entry: ZipEntry, seen: &mut Seen) -> Result<Option<Arrival>, IngestError> {
    let bytes = Bytes::from(entry.bytes);
    let hashes = push::hash(pass, bytes.clone()).await?;
    let of_content = async || Photo::of_content(pass.db(), pass.id(), &hashes.blake3).await;
    if seen.settles_only && of_content().await?.iter().all(Photo::is_settled) {
        return Ok(None);
    }
    let identity = if let Some(key) = entry.photokey {
        let contents = seen.keys.entry(key.clone()).or_default();
        let is_first = contents.is_empty();
        if !contents.insert(hashes.blake3.clone()) {
            return Ok(None);
        }
        // Other bytes under a key of this zip are a second version of its photo.
        let photo = by_key(pass, key).await?;
        if photo.original_hash.is_some() && is_first && photo.is_settled() {
            return Ok(None);
        }
        Identity::Key(Box::new(photo))
    } else {
        let occurrence = seen.keyless.entry(hashes.blake3.clone()).or_insert(0);
        *occurrence += 1;
        let kind = PhotoKind::Unknown;
        Identity::Keyless { kind, grant: None, source: Source::Zip, occurrence: *occurrence, supplied: None }
    };
    let budget = pass.app.bounds.bytes(bytes.len() as u64).await;
    let fetched = Fetched { bytes, hashes, received_at: pass.app.clock.now(), budget: Some(budget) };
    Ok(Some(Arrival { content: store_original(&pass.app, pass.id().as_str(), &pass.place, fetched).await?, identity }))
}

/// Returns the photo that an entry names by its key. A new one gets its row when it is linked.
async fn by_key(pass: &Pass, key: String) -> Result<Photo, IngestError> {
    if let Some(known) = Photo::with_key(pass.db(), pass.id(), &key).await? {
        return Ok(known);
    }
    let mut photo = Photo::new(pass.id(), PhotoKind::Unknown, Source::Zip, pass.app.clock.now());
    photo.photokey = Some(key);
    photo.position = i64::from(u32::MAX);
    Ok(photo)
}
