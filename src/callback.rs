//! A callback comes in: it is kept as it came, the work it asks for is queued in the same transaction, and only then
//! it is answered. The work itself never happens here.
//!
//! Commits are grouped: one task writes whatever has come in while it wrote the last group, so a storm of callbacks
//! costs few commits. The queue before it is bounded; being full is an answer (503).

pub mod parse;
pub mod record;

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{
    app::App,
    audit::{self, Entry},
    clock::Timestamp,
    db::{DbError, Tx},
    id::{CallbackId, SealUseId},
    ingest::record::{Trigger, wake},
    killpoint,
    seal_use::SealUse,
    store::{StoreError, StoreKey},
    telemetry::CallbackLabels,
};
use parse::{Callback, RawRequest, Shape};
use record::{CallbackState, Record};

/// A callback as it came over the wire.
#[derive(Clone, Debug)]
pub struct Received {
    pub peer: String,
    /// The query string, as it came.
    pub query: String,
    pub content_type: Option<String>,
    pub body: Bytes,
}

/// Why a callback could not be kept. The vendor is told to come again.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    #[error("too many callbacks are waiting to be kept")]
    Full,
    #[error("the callback could not be kept")]
    Db(#[from] Arc<DbError>),
    #[error("the callback's body could not be kept")]
    Store(#[from] StoreError),
    #[error("the service is stopping")]
    Stopping,
}

type Waiting = (Record, oneshot::Sender<Result<(), Arc<DbError>>>);

/// The door to the task that writes callbacks in groups.
#[derive(Clone, Debug)]
pub struct Inbox {
    app: Arc<App>,
    queue: mpsc::Sender<Waiting>,
}

/// Most callbacks in one transaction.
const GROUP: usize = 256;

impl Inbox {
    /// Starts the task; it ends when the last `Inbox` is dropped.
    #[must_use]
    pub fn start(app: Arc<App>) -> Self {
        let (queue, waiting) = mpsc::channel(app.config.callback.queue);
        tokio::spawn(write_groups(Arc::clone(&app), waiting));
        Self { app, queue }
    }

    /// Keeps a callback; answers once it is durable.
    pub async fn keep(&self, received: Received) -> Result<Shape, CallbackError> {
        let raw =
            RawRequest { query: &received.query, content_type: received.content_type.as_deref(), body: &received.body };
        let callback = parse::parse(raw);
        let shape = callback.shape;
        self.app.metrics.callbacks_received.get_or_create(&CallbackLabels { shape: shape.as_str() }).inc();
        let place = self.queue.clone().try_reserve_owned().map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CallbackError::Full,
            mpsc::error::TrySendError::Closed(_) => CallbackError::Stopping,
        })?;
        let mut record = to_record(&callback, &received, self.app.clock.now());
        if received.body.len() > self.app.config.callback.inline_body.in_memory() {
            let key = StoreKey::Callback { id: record.id.clone() };
            self.app.store.put(&key, received.body).await?;
            record.body_key = Some(key.to_string());
        } else {
            record.body = Some(received.body.to_vec());
        }
        let (done, answer) = oneshot::channel();
        place.send((record, done));
        answer.await.map_err(|_| CallbackError::Stopping)??;
        Ok(shape)
    }
}

fn to_record(callback: &Callback, received: &Received, now: Timestamp) -> Record {
    let named = callback.seal_use.as_deref().and_then(|id| id.parse::<SealUseId>().ok());
    let error = match callback.shape {
        Shape::N | Shape::F => Some("encrypted: kept, not read".to_owned()),
        _ => callback.problem.clone(),
    };
    Record {
        id: CallbackId::new(),
        received_at: now,
        peer: received.peer.clone(),
        query: without_secret(&received.query),
        content_type: received.content_type.as_deref().map(|text| text.replace('\0', "")),
        body: None,
        body_bytes: i64::try_from(received.body.len()).unwrap_or(i64::MAX),
        body_key: None,
        shape: callback.shape.as_str().to_owned(),
        business_id: callback.business_id.clone(),
        named_use: named.map(|id| id.to_string()),
        images: i64::try_from(callback.images.len()).unwrap_or(i64::MAX),
        digest: callback.digest.clone(),
        params: serde_json::to_string(&callback.params).unwrap_or_default(),
        state: CallbackState::Orphan,
        seal_use_id: None,
        error,
    }
}

/// The query without the parameter `key`: the secret is not kept.
fn without_secret(query: &str) -> String {
    let is_secret = |pair: &&str| pair.split('=').next().is_some_and(|name| name.eq_ignore_ascii_case("key"));
    query.split('&').filter(|pair| !is_secret(pair)).collect::<Vec<_>>().join("&").replace('\0', "")
}

async fn write_groups(app: Arc<App>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let (mut records, answers): (Vec<Record>, Vec<_>) = group.drain(..).unzip();
        let written = write_group(&app, &mut records).await.map_err(Arc::new);
        if let Err(error) = &written {
            tracing::error!(%error, callbacks = records.len(), "callbacks could not be kept");
        }
        killpoint::reach("callback_committed");
        app.due.notify_one();
        for answer in answers {
            // Whoever asked may have hung up; the callback is kept all the same.
            let _ = answer.send(written.clone());
        }
    }
}

async fn write_group(app: &App, records: &mut [Record]) -> Result<(), DbError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut woken: Vec<(SealUseId, Trigger)> = Vec::new();
    for record in records {
        if let Some((seal_use, trigger)) = place(&mut tx, record).await?
            && !woken.iter().any(|(known, _)| *known == seal_use)
        {
            woken.push((seal_use, trigger));
        }
        record.insert(&mut tx).await?;
    }
    // One order for all writers: two groups of two processes must not wait for each other.
    woken.sort_by(|a, b| a.0.cmp(&b.0));
    for (seal_use, trigger) in woken {
        wake(&mut tx, &seal_use, trigger, now, now).await?;
    }
    tx.commit().await
}

/// Finds what a callback is about, and sets its state accordingly; the seal use to wake, if any.
async fn place(tx: &mut Tx, record: &mut Record) -> Result<Option<(SealUseId, Trigger)>, DbError> {
    if record.business_id.is_none() && record.named_use.is_none() {
        record.state = CallbackState::Dead;
        return Ok(None);
    }
    let found = record::seal_use_of(tx, record.business_id.as_deref(), record.named_use.as_deref()).await?;
    let Some(seal_use) = found else {
        record.state = CallbackState::Orphan;
        return Ok(None);
    };
    record.state = CallbackState::Pending;
    record.seal_use_id = Some(seal_use.clone());
    let trigger = if record.images > 0 { Trigger::Push } else { Trigger::Callback };
    Ok(Some((seal_use, trigger)))
}

/// Looks at a callback again, by the wish of the user `by`: as if it had just come.
pub async fn replay(app: &App, id: &CallbackId, by: &str) -> Result<Option<CallbackState>, DbError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(mut record) = Record::find(&mut tx, id).await? else {
        return Ok(None);
    };
    let woken = place(&mut tx, &mut record).await?;
    crate::db::sql("UPDATE callbacks SET state = $1, seal_use_id = $2 WHERE id = $3")
        .bind(record.state)
        .bind(record.seal_use_id.as_ref())
        .bind(id)
        .execute(&mut tx)
        .await?;
    let mut flow = None;
    if let Some((seal_use, _)) = woken {
        wake(&mut tx, &seal_use, Trigger::Replay, now, now).await?;
        flow = SealUse::find(&mut tx, &seal_use).await?.map(|seal_use| seal_use.flow_id);
    }
    let act = Entry { username: by, act: "callback_replayed", subject: id.as_str(), flow: flow.as_ref(), detail: None };
    audit::commit(tx, act, now).await?;
    app.due.notify_one();
    Ok(Some(record.state))
}

/// Orphans whose business has become known wake its ingest.
pub async fn adopt_orphans(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let mut adopted = Record::adopt_orphans(tx).await?;
    adopted.sort();
    adopted.dedup();
    for seal_use in adopted {
        wake(tx, &seal_use, Trigger::Callback, now, now).await?;
    }
    Ok(())
}
