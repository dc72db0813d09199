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
