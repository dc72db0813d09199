//! Archives a finished flow: reads every original back and verifies it, stores the manifest, then changes the state.
//! A later document is a supplement with its own manifest. An archive is never changed silently. A withdrawn flow with
//! photos has manifests, too, and stays withdrawn.

pub mod by_hand;
pub mod evidence;
mod manifest;
pub mod missing;
pub mod read_back;

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    db::{self, DbError, Tx},
    definition::Definition,
    flow::{
        Flow, FlowState, LockedFlow,
        event::{self, EventKind, NewEvent, YINKU},
        manifest::NewManifest,
    },
    hash::Blake3,
    id::{DocumentId, FlowId},
    killpoint,
    library::document::{Document, shelf},
    original::Original,
    outage::Outage,
    photo::{Photo, PhotoState},
    queue::{self, FenceError, JobKind, Lease, Next},
    seal_use::{
        SealUse,
        ingest::{Ingest, IngestState},
    },
    store::{StoreError, StoreKey},
};
use by_hand::Accepted;
use manifest::Manifest;
use missing::Lacking;
use read_back::ReadBackError;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the flow does not exist")]
    NoFlow,
    #[error(transparent)]
    ReadBack(#[from] ReadBackError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the manifest cannot be written: {0}")]
    Manifest(#[from] serde_json::Error),
    #[error(transparent)]
    Fence(#[from] FenceError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl ArchiveError {
    /// Returns the outage of our database or store that stopped the run.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Store(error) => error.outage(),
            Self::Fence(error) => error.outage(),
            Self::Db(error) => db::outage(error),
            Self::ReadBack(error) => error.outage(),
            Self::NoFlow | Self::Manifest(_) => None,
        }
    }
}

/// Runs the job once: archives the flow, supplements its archive, or does nothing if neither is due. A failure is
/// retried without a limit: a store recovers, and bytes can be restored. The events of the flow show the failure.
pub async fn run(app: &Arc<App>, lease: &Lease) -> Result<Next, ArchiveError> {
    let error = match archive(app, lease).await {
        Err(error @ (ArchiveError::ReadBack(_) | ArchiveError::Store(_))) => error,
        other => return other,
    };
    let (id, why): (FlowId, _) = (lease.subject.parse().map_err(|_| ArchiveError::NoFlow)?, error.to_string());
    tracing::error!(flow = %id, %error, "not archived");
    if lease.attempts == 0 {
        let mut tx = app.db.begin().await?;
        Flow::lock(&mut tx, &id).await?;
        lease.fence(&mut tx).await?;
        let happened = NewEvent { actor: YINKU, act: EventKind::ArchiveFailed, node: None, detail: Some(&why) };
        event::record(&mut tx, &id, happened, app.clock.now()).await?;
        tx.commit().await?;
    }
    if error.outage().is_some() {
        return Ok(Lease::blocked(app.clock.now(), why));
    }
    Ok(lease.retry_patiently(&app.config.jobs.retries, DAILY, app.clock.now(), why))
}

/// The longest wait between two tries of an archive. Each try reads every original of the flow, and it waits for the
/// repair of a store. So `jobs.longest_wait` does not apply.
const DAILY: Duration = Duration::from_hours(24);

async fn archive(app: &Arc<App>, lease: &Lease) -> Result<Next, ArchiveError> {
    let id: FlowId = lease.subject.parse().map_err(|_| ArchiveError::NoFlow)?;
    let flow = Flow::find(&app.db, &id).await?.ok_or(ArchiveError::NoFlow)?;
    let past_the_last_node = flow.node.is_none() && flow.state == FlowState::Running;
    if !past_the_last_node && !matches!(flow.state, FlowState::Archived | FlowState::Withdrawn) {
        return Ok(Next::Idle);
    }
    let mut tx = app.db.begin().await?;
    let lacking = waits_for(&mut tx, &flow).await?;
    let arriving = flow.state == FlowState::Withdrawn && still_arriving(&mut tx, &flow).await?;
    tx.commit().await?;
    if let Some(reason) = lacking {
        return Ok(Next::Park { reason });
    }
    if arriving {
        // The pass that ends this wakes the job again.
        return Ok(Next::Idle);
    }
    let documents = Document::of_flow(&app.db, &id).await?;
    prove(app, &documents).await?;
    let mut proved: Vec<DocumentId> = documents.into_iter().map(|document| document.id).collect();
    proved.sort();
    let (_, mut manifest) = Manifest::read(&app.db, &flow.id).await?.ok_or(ArchiveError::NoFlow)?;
    if manifest.document_ids() != proved {
        // A document arrived since the check. The next run verifies it, too.
        return Ok(Next::At { at: app.clock.now(), failed: None });
    }
    if manifest.adds_nothing(flow.state) {
        return Ok(Next::Idle);
    }
    manifest.check_bodies(app).await?;
    let now = app.clock.now();
    let bytes = serde_json::to_vec_pretty(&manifest)?;
    let hash = Blake3::of(&bytes);
    let key = StoreKey::Manifest { year: now.in_china().year(), flow: id, n: manifest.n };
    // A run that lost its lease must not overwrite the manifest of its successor.
    lease.begin(&app.db).await?.commit().await?;
    app.store.put(&key, bytes.into()).await?;
    killpoint::reach("manifest_put");
    let mut tx = app.db.begin().await?;
    // The flow before the job: an ingest that settles the flow holds its row while it wakes this job.
    let locked = Flow::lock(&mut tx, &flow.id).await?.ok_or(ArchiveError::NoFlow)?;
    lease.fence(&mut tx).await?;
    if locked.state != flow.state || Document::ids_of_flow(&mut tx, &flow.id).await? != manifest.document_ids() {
        // A user added or removed a document since. The manifest does not describe this state of the flow.
        return Ok(Next::At { at: now, failed: None });
    }
    if let Some(reason) = waits_for(&mut tx, &locked).await? {
        return Ok(Next::Park { reason });
    }
    record(app, &mut tx, &locked, &manifest, &key, &hash).await?;
    tx.commit().await?;
    app.notify_listeners(crate::app::ChangeNotice {
        about: crate::app::ChangeSubject::Flow,
        id: flow.id.to_string(),
        flow_id: flow.id.to_string(),
        state: manifest::recorded_state(&flow).as_str().to_owned(),
        received: manifest.counted().all,
        expected: manifest.counted().all,
    });
    Ok(Next::Idle)
}

/// Returns what a flow waits for before it can be archived: missing photos that are not accepted, required files.
async fn waits_for(tx: &mut Tx, flow: &Flow) -> Result<Option<String>, DbError> {
    if matches!(flow.state, FlowState::Archived | FlowState::Withdrawn) {
        return Ok(None);
    }
    let body = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
    let mut lacking = Lacking::of(tx, &flow.id, &body).await?;
    let unstamped = missing::unstamped(tx, &flow.id).await?;
    // An end without a stamp accepts no missing photo: a stamping that is reported since is not accepted.
    let accepted = Accepted::of_flow(tx, &flow.id).await?.filter(|one| unstamped || !one.missing.is_empty());
    if let Some(accepted) = accepted {
        lacking.photos.retain(|shortfall| !accepted.covers(shortfall));
        if unstamped {
            lacking.forget_fields_of_stamps(&body);
        }
    } else if let Some(reason) = missing::unfinished(tx, &flow.id).await? {
        return Ok(Some(reason));
    }
    Ok((lacking != Lacking::default()).then(|| lacking.to_string()))
}

/// Returns true if a withdrawn flow without a manifest may get photos soon: a seal use has not ended, a pass has not
/// brought its photos, or a photo is on its way. A parked photo delays nothing.
async fn still_arriving(tx: &mut Tx, flow: &Flow) -> Result<bool, DbError> {
    if flow.manifest_no > 0 {
        return Ok(false);
    }
    for seal_use in SealUse::of_flow(&mut *tx, &flow.id).await? {
        if seal_use.business_id.is_none() {
            continue;
        }
        let ingest = Ingest::of_seal_use(&mut *tx, &seal_use.id).await?;
        let due = ingest.is_some_and(|ingest| matches!(ingest.state, IngestState::Queued | IngestState::Running));
        let photos = Photo::of_seal_use(&mut *tx, &seal_use.id).await?;
        let moving = |photo: &Photo| !matches!(photo.state, PhotoState::Done | PhotoState::Failed);
        if !seal_use.status.ended() || due || photos.iter().any(moving) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads every original back, also those archived by an earlier flow: the hash of its bytes must be unchanged. The
/// slow SM3 hash is computed in the same pass.
async fn prove(app: &App, documents: &[Document]) -> Result<(), ArchiveError> {
    for document in documents {
        let sm3 = read_back::sm3(app, &document.blake3, &document.store_key, "archive").await?;
        if document.sm3.is_some() {
            continue;
        }
        let mut tx = app.db.begin().await?;
        Original::set_sm3(&mut tx, &document.blake3, &sm3).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn record(
    app: &App,
    tx: &mut Tx,
    flow: &LockedFlow,
    manifest: &Manifest,
    key: &StoreKey,
    hash: &Blake3,
) -> Result<(), DbError> {
    let now = app.clock.now();
    let store_key = key.to_string();
    let row = NewManifest { n: manifest.n, store_key: &store_key, hash, documents: manifest.counted() };
    flow.archive(tx, row, now).await?;
    if flow.state != FlowState::Withdrawn {
        shelf::archive(tx, &flow.id).await?;
    }
    queue::wake(tx, JobKind::Evidence, flow.id.as_str(), now, now).await?;
    let act = match flow.state {
        _ if manifest.n > 1 => EventKind::Supplemented,
        FlowState::Withdrawn => EventKind::Recorded,
        _ => EventKind::Archived,
    };
    event::record(tx, &flow.id, NewEvent { actor: YINKU, act, node: None, detail: Some(&store_key) }, now).await
}
