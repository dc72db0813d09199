//! Receives callbacks. One transaction stores the raw callback and queues the job. The response is sent after the
//! commit. The job does the work later.
//!
//! Commits are grouped. One task writes all callbacks that arrived during its last commit, so a burst of callbacks
//! costs few commits. While photos wait to be decoded, the groups are larger. The queue of this task is bounded. A
//! full queue returns 503.

pub mod brought;
pub mod door;
pub mod keep;
pub mod parse;
pub mod record;
mod room;
pub mod unpack;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use crate::{
    app::App,
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    config::CallbackConfig,
    cpu::CpuError,
    db::{self, DbError, Tx},
    hash::Blake3,
    id::{CallbackId, SealUseId},
    killpoint,
    queue::Waits,
    seal_use::{
        SealUse,
        ingest::{Trigger, wake, wake_all},
    },
    store::{StoreError, StoreKey},
    telemetry::CallbackLabels,
};
use parse::{Callback, PushedImage, RawRequest, Shape};
use record::{CallbackState, Record};
use room::Rooms;

pub use room::Room;

/// A callback as received over HTTP.
#[derive(Clone, Debug)]
pub struct Received {
    pub peer: String,
    /// It passed the secret or the network that is demanded. Otherwise it is only a hint.
    pub authenticated: bool,
    /// The raw query string.
    pub query: String,
    pub content_type: Option<String>,
    pub body: Bytes,
}

/// Why a callback was not stored. The response makes the vendor send it again.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    #[error("too many callbacks are waiting to be stored. Send the callback again.")]
    Full,
    #[error("the callback is larger than {limit} bytes. Send less.")]
    TooLarge { limit: u64 },
    #[error(
        "this address has sent more bytes than one may send in an hour. Set `callback.secret`, or send it again later."
    )]
    TooMuch { retry_after: Duration },
    #[error("the callback ended before it was complete: {0}. Send it again.")]
    Cut(String),
    #[error("the body of the callback was not complete after {0:?}. Send it again.")]
    Slow(Duration),
    #[error("the callback cannot be unpacked: {0}. Send it again.")]
    Packed(String),
    #[error("the callback has the unknown Content-Encoding {0:?}. Use gzip, deflate or none.")]
    Coding(String),
    #[error("the callback could not be stored. Send it again.")]
    Db(#[from] Arc<DbError>),
    #[error("the body of the callback could not be stored. Send the callback again.")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error("the service is stopping. Send the callback again.")]
    Stopping,
}

impl From<DbError> for CallbackError {
    fn from(error: DbError) -> Self {
        Self::Db(Arc::new(error))
    }
}

type Waiting = (Record, oneshot::Sender<Result<(), Arc<DbError>>>);

/// Sends callbacks to the task that writes them in groups.
#[derive(Clone, Debug)]
pub struct Inbox {
    app: Arc<App>,
    queue: mpsc::Sender<Waiting>,
    rooms: Rooms,
}

/// The part of an unauthenticated callback's body that is kept.
const HEAD: usize = 64 << 10;

/// Maximum number of callbacks in one transaction.
const GROUP: usize = 256;

/// Minimum time between two groups while photos wait for a processor. Each transaction takes time from the photos,
/// and the vendor can wait this long for the response.
const GATHER: Duration = Duration::from_millis(25);

impl Inbox {
    /// Starts the task. It ends when the last `Inbox` is dropped.
    #[must_use]
    pub fn start(app: Arc<App>) -> Self {
        let (queue, waiting) = mpsc::channel(app.config.callback.queue);
        let rooms = Rooms::new(&app.config.callback);
        tokio::spawn(write_groups(Arc::clone(&app), waiting));
        Self { app, queue, rooms }
    }

    /// Returns the memory for one body. It must live as long as the body. `stranger` is the address of an
    /// unauthenticated sender.
    #[must_use]
    pub fn room(&self, stranger: Option<IpAddr>) -> Room {
        self.rooms.enter(stranger)
    }

    /// Undoes the content coding of a body.
    pub async fn unpack(
        &self,
        encoding: String,
        body: Vec<u8>,
        mut room: Room,
    ) -> Result<(Bytes, Room), CallbackError> {
        if !unpack::is_packed(&encoding, &body) {
            return Ok((body.into(), room));
        }
        let max = self.app.config.callback.max_body.get();
        let work = move || unpack::unpack(&encoding, body, max, &mut room).map(|body| (body.into(), room));
        self.app.cpu.run(0, work).await?
    }

    /// Stores a callback. Returns after the commit.
    pub async fn receive(&self, received: Received) -> Result<Shape, CallbackError> {
        let (app, now) = (Arc::clone(&self.app), self.app.clock.now());
        let inline = app.config.callback.inline_body.in_memory();
        let (shape, mut record) = if received.body.len() > inline {
            // Decoding megabytes of base64 would block other requests on this thread.
            let received = received.clone();
            self.app.cpu.run(0, move || read(&received, &app.config.callback, now)).await?
        } else {
            read(&received, &app.config.callback, now)
        };
        self.app.metrics.callbacks_received.get_or_create(&CallbackLabels { shape: shape.as_str() }).inc();
        let place = self.queue.clone().try_reserve_owned().map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CallbackError::Full,
            mpsc::error::TrySendError::Closed(_) => CallbackError::Stopping,
        })?;
        if !received.authenticated {
            record.body = Some(received.body[..received.body.len().min(HEAD)].to_vec());
        } else if received.body.len() > inline {
            let key = StoreKey::Callback { id: record.id.clone() };
            self.app.store.put(&key, received.body).await?;
            record.body_key = Some(key.to_string());
        } else {
            record.body = Some(received.body.to_vec());
        }
        let (done, answer) = oneshot::channel();
        place.send((record, done));
        // A callback can be stored after this wait. The vendor sends it again, and the second one adds nothing.
        db::answered(async { Ok::<_, CallbackError>(answer.await.map_err(|_| CallbackError::Stopping)??) }).await?;
        Ok(shape)
    }
}

/// Parses a callback into its row. Pure.
fn read(received: &Received, config: &CallbackConfig, now: Timestamp) -> (Shape, Record) {
    let Received { query, content_type, body, .. } = received;
    let callback = parse::parse(RawRequest { query, content_type: content_type.as_deref(), body });
    let named = callback.seal_use.as_deref().and_then(|id| id.parse::<SealUseId>().ok());
    let error = match callback.shape {
        Shape::N | Shape::F => Some("encrypted; stored but not read".to_owned()),
        _ => callback.problem.clone(),
    };
    let record = Record {
        id: CallbackId::new(),
        received_at: now,
        authenticated: received.authenticated,
        peer: received.peer.clone(),
        query: door::without_secrets(config, &received.query),
        content_type: received.content_type.as_deref().map(|text| text.replace('\0', "")),
        body: None,
        body_bytes: i64::try_from(received.body.len()).unwrap_or(i64::MAX),
        body_sha256: hex::encode(Sha256::digest(body)),
        body_key: None,
        shape: callback.shape.as_str().to_owned(),
        params: params(&callback, config),
        picture_hashes: (!received.authenticated).then(|| picture_hashes(&callback)),
        business_id: callback.business_id,
        named_use: named.map(|id| id.to_string()),
        images: i64::try_from(callback.images.len()).unwrap_or(i64::MAX),
        digest: callback.digest,
        state: CallbackState::Orphan,
        seal_use_id: None,
        error,
    };
    (callback.shape, record)
}

/// Returns the text parameters as JSON, for display. Long ones are omitted: the stored body has them.
fn params(callback: &Callback, config: &CallbackConfig) -> String {
    let mut room = config.inline_body.in_memory();
    let fitting = callback.params.iter().filter(|(key, values)| {
        let bytes = key.len() + values.iter().map(String::len).sum::<usize>();
        let secret = values.iter().chain([key]).any(|text| door::names_secret(config, text));
        let fits = bytes <= room && !secret;
        room -= if fits { bytes } else { 0 };
        fits
    });
    serde_json::to_string(&fitting.collect::<Vec<_>>()).unwrap_or_default()
}

/// Returns the hashes of the pictures as JSON. The pictures of an unauthenticated callback are not kept.
fn picture_hashes(callback: &Callback) -> String {
    let hash = |image: &PushedImage| match image {
        PushedImage::Bytes { bytes, .. } => Some(Blake3::of(bytes)),
        PushedImage::Photokey(_) | PushedImage::Url(_) | PushedImage::Unreadable(_) => None,
    };
    serde_json::to_string(&callback.images.iter().filter_map(hash).collect::<Vec<_>>()).unwrap_or_default()
}

async fn write_groups(app: Arc<App>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::with_capacity(GROUP);
    let mut next = Instant::now();
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        if app.cpu.is_full() {
            sleep_until(next).await;
            group.extend(std::iter::from_fn(|| waiting.try_recv().ok()).take(GROUP - group.len()));
        }
        next = Instant::now() + GATHER;
        let (mut records, answers): (Vec<Record>, Vec<_>) = group.drain(..).unzip();
        let together = write_group(&app, &mut records).await.map_err(Arc::new);
        if let Err(error) = &together {
            tracing::warn!(%error, callbacks = records.len(), "cannot store the callbacks in one transaction");
        }
        for (record, answer) in records.iter_mut().zip(answers) {
            let outcome = match &together {
                Ok(()) => Ok(()),
                // The same would happen to each. The vendor sends them again.
                Err(error) if db::outage(error).is_some() => Err(Arc::clone(error)),
                // A callback that the database refuses must not block the others.
                Err(_) => write_group(&app, std::slice::from_mut(record)).await.map_err(Arc::new),
            };
            if let Err(error) = &outcome {
                tracing::error!(%error, callback = %record.id, "cannot store a callback");
            }
            killpoint::reach("callback_committed");
            // The sender may have disconnected. The callback is stored nevertheless.
            let _ = answer.send(outcome);
        }
    }
}

async fn write_group(app: &App, records: &mut [Record]) -> Result<(), DbError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    // Jobs first, and in one order. Otherwise groups of two processes could deadlock, or a group and a user's
    // request: the request wakes the job and changes the seal use that the row of a callback refers to.
    let woken = place(&mut tx, records).await?;
    let wakes: Vec<_> = woken.iter().map(|(id, cause)| (id, *cause)).collect();
    wake_all(&mut tx, &wakes, Waits::ForNobody, now, now).await?;
    Record::insert_all(&mut tx, records).await?;
    brought::record_lost(&mut tx, records, now).await?;
    tx.commit().await
}

/// Finds the seal use of each callback and sets the callback's state. Returns the seal uses to wake, in order, with
/// the trigger.
async fn place(tx: &mut Tx, records: &mut [Record]) -> Result<BTreeMap<SealUseId, Trigger>, DbError> {
    let known = record::SealUses::of(tx, records).await?;
    let mut woken = BTreeMap::new();
    for record in records {
        let found = known.find(record);
        record.state = match &found {
            Some(_) => CallbackState::Pending,
            None if record.business_id.is_none() && record.named_use.is_none() => CallbackState::Dead,
            None => CallbackState::Orphan,
        };
        record.seal_use_id.clone_from(&found);
        let Some(seal_use) = found else { continue };
        if record.images > 0 && !record.authenticated {
            record.body = None;
        }
        if record.images > 0 && record.authenticated {
            woken.insert(seal_use, Trigger::Push);
        } else {
            woken.entry(seal_use).or_insert(Trigger::Callback);
        }
    }
    Ok(woken)
}

/// Processes a callback again as if it had just arrived. The user `by` asked for it.
pub async fn replay(app: &App, id: &CallbackId, by: &str) -> Result<Option<CallbackState>, DbError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(mut record) = Record::find(&mut tx, id).await? else {
        return Ok(None);
    };
    place(&mut tx, std::slice::from_mut(&mut record)).await?;
    if let Some(seal_use) = &record.seal_use_id {
        wake(&mut tx, seal_use, Trigger::Replay, now, now).await?;
    }
    record.write_place(&mut tx).await?;
    let flow = match &record.seal_use_id {
        Some(seal_use) => SealUse::find(&mut tx, seal_use).await?.map(|seal_use| seal_use.flow_id),
        None => None,
    };
    let act = NewEntry::new(by, Act::CallbackReplayed, id.as_str()).of_flow_if(flow.as_ref());
    audit::commit(tx, act, now).await?;
    Ok(Some(record.state))
}

/// Wakes the ingests of orphaned callbacks whose business is known now.
pub async fn adopt_orphans(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let mut adopted = Record::adopt_orphans(tx).await?;
    adopted.sort();
    adopted.dedup();
    for seal_use in adopted {
        wake(tx, &seal_use, Trigger::Callback, now, now).await?;
    }
    Ok(())
}
