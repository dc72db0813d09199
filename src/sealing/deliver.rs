//! Sends queued files to the vendor: stamped files and supplied photos of one seal use.
//!
//! A request is never repeated blindly. The mark "is being sent" is committed before the first byte is sent. A retry
//! is automatic if the request surely never arrived or was surely refused. After a lost response the state is `unknown`
//! until a user decides.

use std::{error::Error, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt};

use crate::{
    app::App,
    audit::Act,
    db::{self, DbError},
    flow::Flow,
    id::{DispatchId, FlowId, SealUseId},
    killpoint,
    library::document::DeliveryState,
    original::Original,
    outage::Outage,
    provider::{Client, Outgoing, OutgoingStream, ProviderError},
    queue::{self, FenceError, Lease, Next},
    seal_use::{
        Grant, SealUse,
        delivery::{Dispatch, DispatchKind},
        ingest::{Trigger, wake},
    },
    sealing::hint,
    service::{Service, ServiceError},
    store::{StoreError, StoreKey},
    user::Acting,
};

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("the seal use does not exist")]
    NoSealUse,
    #[error("the file to be sent does not exist")]
    NoOriginal,
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fence(#[from] FenceError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl SendError {
    /// Returns the outage of our database or store that stopped the run.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Service(error) => error.outage(),
            Self::Store(error) => error.outage(),
            Self::Fence(error) => error.outage(),
            Self::Db(error) => db::outage(error),
            Self::NoSealUse | Self::NoOriginal => None,
        }
    }
}

/// Sends stamped files and supplied photos again if they failed or their response was lost.
pub async fn retry(acting: Acting<'_>, flow: &FlowId) -> Result<(), DbError> {
    let mut tx = acting.db.begin().await?;
    Dispatch::send_again(&mut tx, flow, acting.now).await?;
    acting.commit_to_flow(tx, Act::DispatchRetried, flow, None).await
}

/// Runs the job once.
pub async fn run(app: &Arc<App>, lease: &Lease) -> Result<Next, SendError> {
    let id: SealUseId = lease.subject.parse().map_err(|_| SendError::NoSealUse)?;
    let seal_use = SealUse::find(&app.db, &id).await?.ok_or(SendError::NoSealUse)?;
    let mut tx = lease.begin(&app.db).await?;
    Dispatch::mark_interrupted(&mut tx, &id, app.clock.now()).await?;
    tx.commit().await?;
    let Some(business_id) = &seal_use.business_id else {
        return Ok(Next::Park { reason: "the vendor does not know this seal use".to_owned() });
    };
    let client = Service::client(&app.db, &app.vendor, &seal_use.service_id).await?;
    let mut refused = None;
    for call in calls(Dispatch::to_send(&app.db, &id).await?) {
        let sender = Sender { app, lease, seal_use: &seal_use, business_id, client: &client };
        match sender.send(&call).await? {
            Sent::Done => {}
            // A refused file does not delay the others.
            Sent::Refused(reason) => refused = Some(reason),
            Sent::Stop(next) => return Ok(next),
        }
    }
    Ok(refused.map_or(Next::Idle, |reason| lease.retry_doubling(FIRST_PAUSE, LONGEST_PAUSE, app.clock.now(), reason)))
}

/// The pauses before a refused file is sent again. Each one is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// How one call ended.
enum Sent {
    Done,
    /// The vendor surely did not take the files. The text is the reason.
    Refused(String),
    /// The run ends here.
    Stop(Next),
}

/// Groups the files by call: the pictures of stamped pages go together, every other file alone.
fn calls(queued: Vec<Dispatch>) -> Vec<Vec<Dispatch>> {
    let (images, others): (Vec<_>, Vec<_>) =
        queued.into_iter().partition(|dispatch| dispatch.kind == DispatchKind::Images);
    let together = Some(images).filter(|images| !images.is_empty());
    others.into_iter().map(|dispatch| vec![dispatch]).chain(together).collect()
}

struct Sender<'a> {
    app: &'a App,
    lease: &'a Lease,
    seal_use: &'a SealUse,
    business_id: &'a str,
    client: &'a Client,
}

impl Sender<'_> {
    /// Makes one call.
    async fn send(&self, call: &[Dispatch]) -> Result<Sent, SendError> {
        let mut files = Vec::with_capacity(call.len());
        for dispatch in call {
            match outgoing(self.app, dispatch).await {
                Ok(file) => files.push(file),
                Err(SendError::Store(error)) if error.outage().is_some() => {
                    self.mark(call, DeliveryState::Queued, Some(&error.to_string())).await?;
                    return Ok(Sent::Stop(Lease::blocked(self.app.clock.now(), error.to_string())));
                }
                Err(SendError::Store(error)) => return self.again_later(call, &error).await,
                Err(error) => return Err(error),
            }
        }
        // A user may have taken files out of their field since the run began.
        let going = self.mark_sending(call).await?;
        let (call, files): (Vec<Dispatch>, Vec<Outgoing>) =
            call.iter().cloned().zip(files).filter(|(dispatch, _)| going.contains(&dispatch.id)).unzip();
        if call.is_empty() {
            return Ok(Sent::Done);
        }
        let call = call.as_slice();
        killpoint::reach("dispatch_marked");
        let answer = self.call(call, files).await;
        killpoint::reach("dispatch_answered");
        match answer {
            Ok(()) => self.gone(call, DeliveryState::Sent, None).await.map(|()| Sent::Done),
            Err(error) if error.surely_never_arrived() => self.again_later(call, &error).await,
            Err(error) if error.surely_refused() => {
                // A vendor that is busy needs no user. A refusal in its own words may need one.
                let state = if error.is_transient() { DeliveryState::Queued } else { DeliveryState::Failed };
                self.mark(call, state, Some(&error.to_string())).await?;
                Ok(Sent::Refused(error.to_string()))
            }
            Err(error) => self.gone(call, DeliveryState::Unknown, Some(&error.to_string())).await.map(|()| Sent::Done),
        }
    }

    async fn call(&self, call: &[Dispatch], mut files: Vec<Outgoing>) -> Result<(), ProviderError> {
        let (Some(first), Some(file)) = (call.first(), files.pop()) else {
            return Ok(());
        };
        match first.kind {
            DispatchKind::File => self.client.used_file(self.business_id, &first.name, file).await,
            DispatchKind::Images => {
                files.push(file);
                self.client.used_images(self.business_id, &self.seal_use.serial_no, files).await
            }
            DispatchKind::Photo => {
                let kind = first.photo_kind.as_deref().unwrap_or("signatory");
                let grants = Grant::of_seal_use(&self.app.db, &self.seal_use.id).await;
                let grants = grants.map_err(|error| ProviderError::Disk(error.to_string()))?;
                let grant = grants.into_iter().find(|grant| Some(&grant.id) == first.grant_id.as_ref());
                let auth = grant.map(|grant| grant.vendor_id).unwrap_or_default();
                self.client.late_image(&auth, kind, file).await
            }
        }
    }

    /// Records that the vendor has the files, or may have them. Without this record a user would have to decide whether
    /// they arrived, so it waits for the end of an outage.
    async fn gone(&self, call: &[Dispatch], state: DeliveryState, error: Option<&str>) -> Result<(), SendError> {
        while let Err(failure) = self.record_gone(call, state, error).await {
            tracing::error!(error = %failure, "cannot record what was sent; trying again during an outage");
            if !queue::write_again_after(failure.outage()).await {
                return Err(failure);
            }
        }
        hint::changed(self.app, &self.seal_use.flow_id).await;
        Ok(())
    }

    async fn record_gone(&self, call: &[Dispatch], state: DeliveryState, error: Option<&str>) -> Result<(), SendError> {
        let now = self.app.clock.now();
        let mut tx = self.app.db.begin().await?;
        if call.iter().any(|dispatch| dispatch.kind == DispatchKind::Photo) {
            // If the vendor has the photo, it now lists it under a key. The photo here is the same one and gets that
            // key. The wake comes before this job's own row: a pass that settles a flow holds the row of its job
            // while it wakes this job.
            wake(&mut tx, &self.seal_use.id, Trigger::Supply, now, now).await?;
        }
        self.lease.fence(&mut tx).await?;
        for dispatch in call {
            Dispatch::set_state(&mut tx, &dispatch.id, state, error, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Records that the vendor surely has nothing yet. The files are queued again, without a limit of time, and show
    /// the reason.
    async fn again_later(&self, call: &[Dispatch], error: &(dyn Error + Sync)) -> Result<Sent, SendError> {
        self.mark(call, DeliveryState::Queued, Some(&error.to_string())).await?;
        let config = &self.app.config.jobs;
        let now = self.app.clock.now();
        let next = self.lease.retry_patiently(&config.retries, config.longest_wait.get(), now, error.to_string());
        Ok(Sent::Stop(next))
    }

    /// Marks the files that are still to be sent, before their first byte. Whoever takes a file out of its field holds
    /// the flow: the file either is marked before, or is not sent.
    async fn mark_sending(&self, call: &[Dispatch]) -> Result<Vec<DispatchId>, SendError> {
        let now = self.app.clock.now();
        let mut tx = self.app.db.begin().await?;
        // The flow before the job: an upload holds the flow while it wakes this job.
        Flow::lock(&mut tx, &self.seal_use.flow_id).await?.ok_or(SendError::NoSealUse)?;
        self.lease.fence(&mut tx).await?;
        let mut going = Vec::with_capacity(call.len());
        for dispatch in call {
            if Dispatch::mark_sending(&mut tx, &dispatch.id, now).await? {
                going.push(dispatch.id.clone());
            }
        }
        tx.commit().await?;
        hint::changed(self.app, &self.seal_use.flow_id).await;
        Ok(going)
    }

    async fn mark(&self, call: &[Dispatch], state: DeliveryState, error: Option<&str>) -> Result<(), SendError> {
        let now = self.app.clock.now();
        let mut tx = self.lease.begin(&self.app.db).await?;
        for dispatch in call {
            Dispatch::set_state(&mut tx, &dispatch.id, state, error, now).await?;
        }
        tx.commit().await?;
        hint::changed(self.app, &self.seal_use.flow_id).await;
        Ok(())
    }
}

async fn outgoing(app: &App, dispatch: &Dispatch) -> Result<Outgoing, SendError> {
    let original = Original::find(&app.db, &dispatch.original_hash).await?.ok_or(SendError::NoOriginal)?;
    let reading = app.store.get_stream(&StoreKey::Raw(original.store_key), None).await?;
    let bytes = u64::try_from(original.bytes).unwrap_or(0);
    let stream = OutgoingStream(reading.stream.map_err(std::io::Error::other).boxed());
    Ok(Outgoing { name: suffixed(&dispatch.name, &original.ext), mime: original.mime, bytes, stream })
}

/// Returns the name with the suffix of its content: the vendor accepts files by their suffix.
fn suffixed(name: &str, ext: &str) -> String {
    let ext = if ext == "tif" { "tiff" } else { ext };
    match name.rsplit_once('.') {
        Some((_, has)) if has.eq_ignore_ascii_case(ext) || (ext == "jpg" && has.eq_ignore_ascii_case("jpeg")) => {
            name.to_owned()
        }
        _ => format!("{name}.{ext}"),
    }
}

#[cfg(test)]
mod tests {
    use super::suffixed;

    #[test]
    fn the_vendor_sees_the_suffix_of_the_content() {
        assert_eq!(suffixed("合同.PDF", "pdf"), "合同.PDF");
        assert_eq!(suffixed("a.jpeg", "jpg"), "a.jpeg");
        assert_eq!(suffixed("a.tif", "tif"), "a.tif.tiff");
        assert_eq!(suffixed("a.png", "jpg"), "a.png.jpg");
    }
}
