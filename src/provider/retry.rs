//! Bounded retries with exponential back-off, jitter and `Retry-After`.
//!
//! The crate `backon` supports `Retry-After` (`adjust`), but it cannot record failed tries. Its `notify` is not async, so
//! it cannot write a row, and it is not called for the last try. Its jitter lengthens waits. Ours shortens them, so `max`
//! is a limit. With these three parts here, only the loop of `backon` would remain.

use std::time::Duration;

use crate::provider::ProviderError;

/// How often a failed call is retried, and after which waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    /// Tries in total, including the first. 0 counts as 1.
    pub tries: u32,
    /// The wait after the first failed try. It doubles with each further one.
    pub first: Duration,
    /// The longest wait without `Retry-After`.
    pub max: Duration,
    /// The longest wait that a vendor may ask for with `Retry-After`.
    pub max_retry_after: Duration,
    /// The random part of a wait, from 0 (none) to 1 (all). It spreads the retries of many calls.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            tries: 4,
            first: Duration::from_millis(300),
            max: Duration::from_secs(10),
            max_retry_after: Duration::from_secs(30),
            jitter: 0.5,
        }
    }
}

impl Backoff {
    /// The wait after failed try `attempt` (from 1); `chance` in 0..1 picks the point within the jitter.
    #[must_use]
    pub fn wait(&self, attempt: u32, error: &ProviderError, chance: f64) -> Duration {
        let doublings = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let full = self.first.saturating_mul(doublings).min(self.max);
        let own = full.mul_f64(1.0 - self.jitter.clamp(0.0, 1.0) * chance.clamp(0.0, 1.0));
        own.max(error.retry_after().unwrap_or_default().min(self.max_retry_after))
    }
}

/// Runs `op` until it succeeds, fails permanently, or has no tries left. `op` gets the number of the try, from 1.
/// `on_failure` gets every failed try, including the last, before the wait.
//
// Not `AsyncFnMut`: a future that awaits async closures over borrowed values is not `Send` enough for `tokio::spawn`
// (rust-lang/rust#102211), and workers spawn.
pub async fn retry<T, Try, Note>(
    backoff: &Backoff,
    op: impl FnMut(u32) -> Try,
    on_failure: impl FnMut(u32, ProviderError) -> Note,
) -> Result<T, ProviderError>
where
    Try: Future<Output = Result<T, ProviderError>>,
    Note: Future<Output = ()>,
{
    retry_if(backoff, ProviderError::is_transient, op, on_failure).await
}

/// Like [`retry`], but retries only the failures that `again` accepts.
pub async fn retry_if<T, Try, Note>(
    backoff: &Backoff,
    again: fn(&ProviderError) -> bool,
    mut op: impl FnMut(u32) -> Try,
    mut on_failure: impl FnMut(u32, ProviderError) -> Note,
) -> Result<T, ProviderError>
where
    Try: Future<Output = Result<T, ProviderError>>,
    Note: Future<Output = ()>,
{
    let mut attempt = 1;
    loop {
        let error = match op(attempt).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        on_failure(attempt, error.clone()).await;
        if attempt >= backoff.tries || !again(&error) {
            return Err(error);
        }
        tokio::time::sleep(backoff.wait(attempt, &error, rand::random())).await;
        attempt += 1;
    }
}

/// For callers of [`retry`] that do not record failed tries.
pub(crate) fn quietly(_attempt: u32, _error: ProviderError) -> std::future::Ready<()> {
    std::future::ready(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn at_once() -> Backoff {
        Backoff { first: Duration::ZERO, ..Backoff::default() }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_jitter_only_shortens_them() {
        let backoff = Backoff { jitter: 0.5, ..Backoff::default() };
        let wait = |attempt, chance| backoff.wait(attempt, &ProviderError::Timeout, chance).as_millis();
        assert_eq!([wait(1, 0.0), wait(2, 0.0), wait(3, 0.0)], [300, 600, 1200]);
        assert_eq!([wait(40, 0.0), wait(u32::MAX, 0.0)], [10_000, 10_000]);
        assert_eq!([wait(1, 1.0), wait(2, 1.0)], [150, 300]);
    }

    #[test]
    fn a_vendor_that_asks_for_patience_gets_it_within_bounds() {
        let busy = |seconds| ProviderError::Status {
            status: 503,
            text: String::new(),
            retry_after: Some(Duration::from_secs(seconds)),
        };
        let wait = |seconds| Backoff::default().wait(1, &busy(seconds), 0.0);
        assert_eq!(wait(2), Duration::from_secs(2));
        assert_eq!(wait(86_400), Duration::from_secs(30));
        assert_eq!(wait(0), Duration::from_millis(300));
    }

    #[tokio::test]
    async fn a_spawned_retry_tells_of_each_failed_try_and_then_succeeds() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = seen.clone();
        // Spawned, because that is how it is used: the future must be Send.
        let work = tokio::spawn(async move {
            let backoff = at_once();
            let op = |attempt| async move {
                tokio::task::yield_now().await;
                if attempt < 3 { Err(ProviderError::Timeout) } else { Ok(attempt) }
            };
            let note = |attempt, error: ProviderError| {
                let notes = notes.clone();
                async move {
                    tokio::task::yield_now().await;
                    notes.lock().unwrap().push((attempt, error.code()));
                }
            };
            retry(&backoff, op, note).await
        });
        assert_eq!(work.await.unwrap(), Ok(3));
        assert_eq!(*seen.lock().unwrap(), [(1, "vendor_timeout"), (2, "vendor_timeout")]);
    }

    #[tokio::test]
    async fn tries_are_counted_and_final_failures_end_them() {
        let tries_of = async |error: ProviderError| {
            let mut tries = 0;
            let op = |attempt| {
                tries = attempt;
                std::future::ready(Err::<(), _>(error.clone()))
            };
            assert_eq!(retry(&at_once(), op, quietly).await, Err(error.clone()));
            tries
        };
        assert_eq!(tries_of(ProviderError::Timeout).await, 4);
        assert_eq!(tries_of(ProviderError::TooLarge { limit: 1 }).await, 1);
        assert_eq!(tries_of(ProviderError::Redirected { location: String::new() }).await, 1);
    }
}
