//! Brings the photos of one seal use in. One run of the job is a pass:
//!
//! pushes → detail → fetch, hash, dedupe, store, thumbnail, link → zip as fallback → conclude → zip for the rest.
//!
//! The order is bytes, row, link. Every step is safe to repeat, so a pass that died at any point runs again.

pub mod collect;
mod conclude;
mod detail;
mod fallback;
mod fetch;
mod link;
mod pass;
mod push;
mod supply;
pub mod view;
pub mod zip;

use std::{pin::pin, sync::Arc, time::Duration};

use futures::StreamExt;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    app::App,
    content::{ContentError, store_original::store_original},
    cpu::CpuError,
    db::{self, DbError},
    id::SealUseId,
    killpoint,
    outage::Outage,
    photo::Photo,
    provider::ProviderError,
    queue::{FenceError, Lease, Next},
    service::ServiceError,
    store::StoreError,
};
use conclude::Outcome;
use pass::Pass;

/// Why a pass stopped before its end. Photos that the pass has linked stay linked.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error("the seal use does not exist")]
    NoSealUse,
    #[error(transparent)]
    Vendor(#[from] ProviderError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error("the store does not accept the photos: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error(transparent)]
    Fence(#[from] FenceError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("cannot write the temporary file for the vendor's zip: {0}")]
    Disk(#[from] std::io::Error),
    #[error("a task of the pass ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

impl IngestError {
    /// Returns the outage of our database or store that stopped the pass.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Service(error) => error.outage(),
            Self::Content(error) => error.outage(),
            Self::Store(error) => error.outage(),
            Self::Fence(error) => error.outage(),
            Self::Db(error) => db::outage(error),
            Self::Disk(error) => Some(Outage::of_io(error)),
            // The vendor's answer could not be written to our disk.
            Self::Vendor(ProviderError::Disk(_)) => Some(Outage::Failing),
            Self::NoSealUse | Self::Vendor(_) | Self::Cpu(_) | Self::Task(_) => None,
        }
    }

    /// Returns true if another pass can succeed without a change here. Every error of the vendor can pass: the vendor
    /// is repaired, its licence is renewed, its secret is corrected.
    fn is_transient(&self) -> bool {
        !matches!(self, Self::NoSealUse | Self::Service(ServiceError::Gone) | Self::Content(ContentError::Name(_)))
    }
}

/// Runs the job once.
pub async fn run(app: &Arc<App>, lease: &Lease) -> Result<Next, IngestError> {
    let id: SealUseId = lease.subject.parse().map_err(|_| IngestError::NoSealUse)?;
    let pass = match Pass::begin(app, lease, &id).await {
        Ok(pass) => Arc::new(pass),
        Err(error @ IngestError::Fence(FenceError::LeaseLost(_))) => return Err(error),
        Err(error) => return conclude::interrupted(app, lease, &id, &error).await,
    };
    let ended = async {
        let outcome = whole_pass(&pass).await?;
        let whole = matches!(outcome, Outcome::Done(_));
        let next = conclude::conclude(&pass, outcome).await?;
        if whole { read_zip_later(&pass, next).await } else { Ok(next) }
    };
    match ended.await {
        Ok(next) => Ok(next),
        Err(error @ IngestError::Fence(FenceError::LeaseLost(_))) => Err(error),
        Err(error) => conclude::interrupted(app, lease, &id, &error).await,
    }
}

async fn whole_pass(pass: &Arc<Pass>) -> Result<Outcome, IngestError> {
    let pushed = push::take_in_pushes(pass).await;
    if let Err(error @ IngestError::Fence(_)) = pushed {
        return Err(error);
    }
    supply::take_in_supplied(pass).await?;
    if !detail::fetch_detail(pass).await? {
        return pushed.map(|()| Outcome::NotApplied);
    }
    killpoint::reach("detail_stored");
    if fetch_due_photos(pass).await? {
        return Ok(Outcome::TurnOver);
    }
    let note = fallback::read_zip(pass).await?;
    // A push that cannot be read now delays the end of the pass. It must not delay the photos from other sources.
    pushed.map(|()| Outcome::Done(note))
}

/// Reads the zip for photos that complete nothing. A failure changes only the note of the ingest.
async fn read_zip_later(pass: &Pass, next: Next) -> Result<Next, IngestError> {
    let note = match fallback::read_zip_later(pass).await {
        Ok(None) => return Ok(next),
        Ok(Some(read)) => read.0,
        Err(error @ IngestError::Fence(_)) => return Err(error),
        Err(error) if error.outage().is_some() => return Ok(Lease::blocked(pass.app.clock.now(), error.to_string())),
        Err(error) => Some(error.to_string()),
    };
    conclude::conclude_later(pass, note).await?;
    Ok(next)
}

/// How long a fetched photo waits for others, to be linked in one transaction. One transaction per photo makes a
/// large ingest 4 % slower. A longer wait would make progress look stopped.
const GATHER: Duration = Duration::from_millis(200);

/// Fetches the due photos by key. Returns true if other jobs should run before the rest.
async fn fetch_due_photos(pass: &Arc<Pass>) -> Result<bool, IngestError> {
    let config = &pass.app.config.ingest;
    let arrivals = pass
        .due_photos()
        .map(|photo| {
            let pass = Arc::clone(pass);
            async move { AbortOnDropHandle::new(tokio::spawn(fetch_and_store(pass, photo?))).await? }
        })
        .buffer_unordered(config.photos_in_flight);
    let mut batches = pin!(tokio_stream::StreamExt::chunks_timeout(arrivals, config.link_batch, GATHER));
    let (mut failure, mut any) = (None, false);
    while let Some(batch) = batches.next().await {
        any = true;
        // An internal error with one photo must not block the others: they are linked first.
        let (came, failed): (Vec<_>, Vec<_>) = batch.into_iter().partition(Result::is_ok);
        link::link(pass, came.into_iter().flatten().flatten().collect()).await?;
        failure = failure.or(failed.into_iter().find_map(Result::err));
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(any && pass.has_due_photos().await?),
    }
}

/// Brings in one photo by its key: fetch and hash, then dedupe, store and thumbnail. `None` if the fetch failed; the
/// failure is recorded.
async fn fetch_and_store(pass: Arc<Pass>, photo: Photo) -> Result<Option<link::Arrival>, IngestError> {
    let Some(fetched) = fetch::by_key(&pass, &photo).await? else {
        return Ok(None);
    };
    let content = store_original(&pass.app, pass.id().as_str(), &pass.place, fetched).await?;
    Ok(Some(link::Arrival { content, identity: link::Identity::Key(Box::new(photo)) }))
}
