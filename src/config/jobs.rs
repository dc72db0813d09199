use serde::{Deserialize, Serialize};

use super::Span;

/// Jobs: the work that continues after a request is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Jobs that this process runs at once.
    pub workers: usize,
    /// How long a job stays claimed after its last heartbeat. The jobs of a process that died wait this long. The keys of
    /// its requests (`Idempotency-Key`) are held as long, but at most 15 s.
    pub lease: Span,
    /// Waits before a failed job runs again: the first wait after the first failure, and so on. While the vendor cannot be
    /// reached, the last wait repeats. A job with another failure is parked after the last wait. An outage of our own
    /// database or store is no failure: the job runs again 10 s later.
    pub retries: Vec<Span>,
    /// Longest wait before a job that sends to the vendor runs again: apply, end a seal use, send files. It shortens
    /// `retries` while the vendor cannot be reached. An end also waits this long for its application to be answered.
    pub longest_wait: Span,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self {
            workers: 4,
            lease: Span::secs(30),
            retries: vec![
                Span::secs(10),
                Span::mins(1),
                Span::mins(10),
                Span::hours(1),
                Span::hours(6),
                Span::hours(24),
            ],
            longest_wait: Span::mins(10),
        }
    }
}
