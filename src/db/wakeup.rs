//! When queued work is due: workers that have nothing to do sleep until then, or until a commit queues earlier work.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

use crate::clock::Timestamp;

/// Wakes a worker when a committed transaction has queued work that no worker would look for in time.
#[derive(Debug)]
pub struct Wakeup {
    now: Notify,
    /// When a worker looks by itself. A value that is too late only wakes a worker for nothing.
    looks: AtomicI64,
}

/// Work that a transaction has queued: when the first of it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    pub(super) at: Timestamp,
    /// When it was queued.
    pub(super) now: Timestamp,
}

impl Queued {
    pub(super) fn earlier(self, other: Option<Self>) -> Self {
        other.filter(|other| other.at < self.at).unwrap_or(self)
    }
}

impl Wakeup {
    /// Queued work was committed.
    pub(super) fn committed(&self, queued: Queued) {
        if self.looks.fetch_min(queued.at.0, Ordering::SeqCst) > queued.at.0 || queued.at <= queued.now {
            self.now.notify_one();
        }
    }

    /// Wakes one worker at once: another job may be due.
    pub fn look_now(&self) {
        self.now.notify_one();
    }

    /// A worker is about to find out when it looks next. Work that is queued meanwhile wakes it.
    pub fn nobody_looks(&self) {
        self.looks.store(i64::MAX, Ordering::SeqCst);
    }

    /// A worker looks at `at`.
    pub fn looks_at(&self, at: Timestamp) {
        self.looks.fetch_min(at.0, Ordering::SeqCst);
    }

    /// Returns when there may be work.
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
