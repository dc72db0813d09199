//! The journal: audit entries of acts that write nothing else, such as a download.
//!
//! Entries that arrive while a group is being written form the next group. So many downloads share one commit. The
//! queue is bounded. A full queue is an error that the client sees.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{NewEntry, Unchained, append};
use crate::{
    clock::Timestamp,
    db::{self, Db, DbError},
};

/// Why an act was not recorded. Then the act must not happen.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("too many audit entries wait to be written; retry after 1 s")]
    Full,
    #[error("the audit log could not be written")]
    Db(#[from] Arc<DbError>),
    #[error("the service is stopping")]
    Stopping,
}

impl From<DbError> for JournalError {
    fn from(error: DbError) -> Self {
        Self::Db(Arc::new(error))
    }
}

type Waiting = (Unchained, oneshot::Sender<Result<(), Arc<DbError>>>);

/// A handle to the task that writes entries in groups. The task ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Journal {
    queue: mpsc::Sender<Waiting>,
}

/// Largest number of entries in one transaction.
const GROUP: usize = 256;

impl Journal {
    /// Starts the task. At most `bound` entries wait for it.
    #[must_use]
    pub fn start(db: Db, bound: usize) -> Self {
        let (queue, waiting) = mpsc::channel(bound);
        tokio::spawn(write_groups(db, waiting));
        Self { queue }
    }

    /// Records an act and returns when the entry is durable. The entry is written even if the caller is cancelled.
    pub async fn write(&self, entry: NewEntry<'_>, now: Timestamp) -> Result<(), JournalError> {
        let (done, answer) = oneshot::channel();
        self.queue.try_send((Unchained::of(entry, now), done)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => JournalError::Full,
            mpsc::error::TrySendError::Closed(_) => JournalError::Stopping,
        })?;
        let written = async { Ok::<_, JournalError>(answer.await.map_err(|_| JournalError::Stopping)??) };
        db::answered(written).await
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
            // The caller may have been cancelled. The entry is written anyway.
            let _ = answer.send(written.clone());
        }
    }
}

async fn write_group(db: &Db, entries: Vec<Unchained>) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    append(&mut tx, entries).await?;
    tx.commit().await
}
