//! When a job is due: workers that have nothing to do sleep until then, or until they are told of an earlier one.

use std::{
    ops::Deref,
    sync::atomic::{AtomicI64, Ordering},
};

use tokio::sync::Notify;

use crate::clock::Timestamp;

/// Told when a job may be due; it wakes a worker only if none would look by then.
#[derive(Debug)]
pub struct Due {
    now: Notify,
    /// When a worker looks by itself. Too late is harmless: one is woken for nothing.
    looks: AtomicI64,
}

impl Due {
    /// A job is due at `at`.
    pub fn at(&self, at: Timestamp, now: Timestamp) {
        if self.looks.fetch_min(at.0, Ordering::SeqCst) > at.0 || at <= now {
            self.now.notify_one();
        }
    }

    /// A worker is about to find out when it looks next. What comes meanwhile wakes it.
    pub fn nobody_looks(&self) {
        self.looks.store(i64::MAX, Ordering::SeqCst);
    }

    /// A worker looks at `at`.
    pub fn looks_at(&self, at: Timestamp) {
        self.looks.fetch_min(at.0, Ordering::SeqCst);
    }
}

impl Default for Due {
    fn default() -> Self {
        Self { now: Notify::new(), looks: AtomicI64::new(i64::MAX) }
    }
}

impl Deref for Due {
    type Target = Notify;

    fn deref(&self) -> &Notify {
        &self.now
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_worker_is_woken_only_for_what_none_would_look_at_in_time() {
        let due = Due::default();
        let woken = async || tokio::time::timeout(Duration::ZERO, due.notified()).await.is_ok();
        due.nobody_looks();
        due.looks_at(Timestamp(100));
        due.at(Timestamp(100), Timestamp(50));
        assert!(!woken().await, "a worker looks by then");
        due.at(Timestamp(90), Timestamp(50));
        assert!(woken().await, "it would look too late");
        due.at(Timestamp(95), Timestamp(50));
        assert!(!woken().await, "the one that was woken finds it");
        due.at(Timestamp(50), Timestamp(50));
        assert!(woken().await, "it is due now");
        due.nobody_looks();
        due.at(Timestamp(200), Timestamp(50));
        assert!(woken().await, "nobody looks");
    }
}
