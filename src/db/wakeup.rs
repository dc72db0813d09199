//! Wakes idle workers. An idle worker sleeps until the next job is due, or until a commit queues earlier work.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

use crate::clock::Timestamp;

/// Wakes a worker if a commit queued work that no worker would find in time.
#[derive(Debug)]
pub struct Wakeup {
    now: Notify,
    /// The time of the next planned look of a worker. A value that is too late only causes an unneeded wake.
    looks: AtomicI64,
}

/// The earliest due time of the work that a transaction queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    pub(super) at: Timestamp,
    /// The time when it was queued.
    pub(super) now: Timestamp,
}

impl Queued {
    pub(super) fn earlier(self, other: Option<Self>) -> Self {
        other.filter(|other| other.at < self.at).unwrap_or(self)
    }
}

impl Wakeup {
    /// Reports a commit of queued work.
    pub(super) fn committed(&self, queued: Queued) {
        if self.looks.fetch_min(queued.at.0, Ordering::SeqCst) > queued.at.0 || queued.at <= queued.now {
            self.now.notify_one();
        }
    }

    /// Wakes one worker at once, because another job may be due.
    pub fn look_now(&self) {
        self.now.notify_one();
    }

    /// Reports that a worker is about to read its next due time. Work that is queued after this call wakes it.
    pub fn nobody_looks(&self) {
        self.looks.store(i64::MAX, Ordering::SeqCst);
    }

    /// Reports that a worker looks for work at `at`.
    pub fn looks_at(&self, at: Timestamp) {
        self.looks.fetch_min(at.0, Ordering::SeqCst);
    }

    /// Waits until there may be work.
    pub async fn woken(&self) {
        self.now.notified().await;
    }
}

impl Default for Wakeup {
    fn default() -> Self {
        Self { now: Notify::new(), looks: AtomicI64::new(i64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_worker_is_woken_only_for_work_that_none_would_look_for_in_time() {
        let wakeup = Wakeup::default();
        let woken = async || tokio::time::timeout(Duration::ZERO, wakeup.woken()).await.is_ok();
        let queue = |at: i64| wakeup.committed(Queued { at: Timestamp(at), now: Timestamp(50) });
        wakeup.nobody_looks();
        wakeup.looks_at(Timestamp(100));
        queue(100);
        assert!(!woken().await, "a worker looks by then");
        queue(90);
        assert!(woken().await, "it would look too late");
        queue(95);
        assert!(!woken().await, "the worker that was woken finds it");
        queue(50);
        assert!(woken().await, "it is due now");
        wakeup.nobody_looks();
        queue(200);
        assert!(woken().await, "no worker looks");
    }

    #[test]
    fn the_earliest_of_the_queued_work_counts() {
        let queued = |at: i64| Queued { at: Timestamp(at), now: Timestamp(0) };
        assert_eq!(queued(5).earlier(None), queued(5));
        assert_eq!(queued(5).earlier(Some(queued(3))), queued(3));
        assert_eq!(queued(3).earlier(Some(queued(5))), queued(3));
    }
}
