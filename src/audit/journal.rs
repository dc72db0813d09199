//! The journal: for acts that change nothing else, such as a download. Whatever comes in while one group is being
//! written becomes the next, so many downloads share one commit. The queue before it is bounded; being full is an
//! answer.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{NewEntry, Unchained, append};
use crate::{
    clock::Timestamp,
    db::{Db, DbError},
};

/// Why an act could not be written down. It must not happen then.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("too many acts are waiting to be written into the audit log: come again")]
    Full,
    #[error("the audit log could not be written")]
    Db(#[from] Arc<DbError>),
    #[error("the service is stopping")]
    Stopping,
}

type Waiting = (Unchained, oneshot::Sender<Result<(), Arc<DbError>>>);

/// The door to the task that writes entries in groups. The task ends with the last clone.
#[derive(Clone, Debug)]
pub struct Journal {
    queue: mpsc::Sender<Waiting>,
}

/// Most entries in one transaction.
const GROUP: usize = 256;

impl Journal {
    /// Starts the task; at most `bound` acts wait for it.
    #[must_use]
    pub fn start(db: Db, bound: usize) -> Self {
        let (queue, waiting) = mpsc::channel(bound);
        tokio::spawn(write_groups(db, waiting));
        Self { queue }
    }

    /// Writes an act down; answers once it is durable. Once asked it is written, also if the one who asked is gone.
    pub async fn write(&self, entry: NewEntry<'_>, now: Timestamp) -> Result<(), JournalError> {
        let (done, answer) = oneshot::channel();
        self.queue.try_send((Unchained::of(entry, now), done)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => JournalError::Full,
            mpsc::error::TrySendError::Closed(_) => JournalError::Stopping,
        })?;
        Ok(answer.await.map_err(|_| JournalError::Stopping)??)
    }
}

async fn write_groups(db: Db, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let (entries, answers): (Vec<Unchained>, Vec<_>) = group.drain(..).unzip();
        let count = entries.len();
        let written = write_group(&db, entries).await.map_err(Arc::new);
        if let Err(error) = &written {
            tracing::error!(%error, entries = count, "the audit log could not be written");
        }
        for answer in answers {
            // Whoever asked may have hung up; the entry is kept all the same.
            let _ = answer.send(written.clone());
        }
    }
}

async fn write_group(db: &Db, entries: Vec<Unchained>) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    append(&mut tx, entries).await?;
    tx.commit().await
}
