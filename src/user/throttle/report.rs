//! Repeated failures become one entry of the audit log with their count.

use std::time::Duration;

use crate::clock::Timestamp;

/// Repeats within this time are one entry.
const WINDOW: Duration = Duration::from_mins(10);
/// The name in an entry about an address at which many names failed. A username has no blank.
const SEVERAL: &str = "several names";

/// Failed logins that one audit entry records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureReport {
    pub name: String,
    pub detail: String,
}

impl FailureReport {
    pub(super) fn of_name(name: &str, address: &str, times: u32) -> Self {
        Self { name: name.to_owned(), detail: detail(address, times) }
    }

    pub(super) fn of_address(address: &str, times: u32) -> Self {
        Self::of_name(SEVERAL, address, times)
    }

    /// The name as the client wrote it, unless the report is about several names.
    #[must_use]
    pub(in crate::user) fn spelled(self, name: &str) -> Self {
        if self.name == SEVERAL { self } else { Self { name: name.to_owned(), ..self } }
    }
}

fn detail(address: &str, times: u32) -> String {
    if times == 1 { format!("from {address}") } else { format!("from {address}, {times} times") }
}

/// The failures since the last entry.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    entered: Option<Timestamp>,
    more: u32,
}

impl Repeats {
    pub(super) fn add(&mut self) {
        self.more = self.more.saturating_add(1);
    }

    /// Counts a failure. Returns how many an entry must record now: the first one at once.
    pub(super) fn count(&mut self, now: Timestamp) -> Option<u32> {
        self.add();
        let due = self.entered.is_none_or(|entered| now.since(entered) >= WINDOW);
        due.then(|| {
            self.entered = Some(now);
            std::mem::take(&mut self.more)
        })
    }

    /// Returns the repeats of a window that is over, or with `all` of any window.
    pub(super) fn take(&mut self, now: Timestamp, all: bool) -> Option<u32> {
        let over = all || self.entered.is_none_or(|entered| now.since(entered) >= WINDOW);
        (over && self.more > 0).then(|| {
            self.entered = Some(now);
            std::mem::take(&mut self.more)
        })
    }

    pub(super) fn rest(self) -> Option<u32> {
        (self.more > 0).then_some(self.more)
    }
}
