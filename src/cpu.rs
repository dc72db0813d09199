//! The bridge from async code to the threads that compute: decoding and encoding never runs on tokio's threads.

mod turns;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::{Semaphore, oneshot};

use turns::Turns;

/// Memory is shared out in units of 64 KiB, so that every budget fits into a semaphore's 32 bits.
const UNIT: u64 = 64 << 10;

/// A pool of threads with bounds on the jobs and on the memory that are in it at once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cpu {
    pool: Arc<rayon::ThreadPool>,
    jobs: Arc<Turns>,
    memory: Arc<Semaphore>,
    /// All units of memory.
    units: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuError {
    /// The work panicked; the pool goes on.
    #[error("the work panicked: {0}")]
    Panicked(String),
    /// The pool is gone, which only happens when the process ends.
    #[error("the threads have stopped")]
    Stopped,
}

impl Cpu {
    /// A pool of `threads` threads for at most `jobs` jobs, queued ones included, that use at most `memory` bytes in
    /// all. Zero counts as one of each. Fails if the operating system gives no threads.
    pub fn new(threads: usize, jobs: usize, memory: u64) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|n| format!("cpu-{n}"))
            // Panics of the work are caught before; this is for one while a result is dropped that nobody waits for.
            .panic_handler(|_| tracing::error!("a result panicked while it was dropped"))
            .build()?;
        let units = u32::try_from(memory / UNIT).unwrap_or(u32::MAX).clamp(1, u32::MAX >> 3);
        Ok(Self {
            pool: Arc::new(pool),
            jobs: Turns::new(jobs),
            memory: Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(Semaphore::MAX_PERMITS))),
            units,
        })
    }

    /// Whether who comes now has to wait for a place.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.jobs.free() == 0
    }

    /// Runs `work`, which uses at most `memory` bytes, as soon as a job's place and that much of the budget are free. Work that asks for more than the whole budget has all of it, alone.
    ///
    /// Both are held until the work has ended, even if the caller stops waiting: a thread cannot be interrupted. Work
    /// that was not begun by then is not begun any more.
    pub async fn run<T, W>(&self, memory: u64, work: W) -> Result<T, CpuError>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        self.run_in("", memory, work).await
    }

    /// The same in a lane of those who wait: lanes are served in turn, and first come first served within each.
    pub async fn run_in<T, W>(&self, lane: &str, memory: u64, work: W) -> Result<T, CpuError>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let units = u32::try_from(memory.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.units);
        let job = self.jobs.take(lane).await;
        let budget = Arc::clone(&self.memory).acquire_many_owned(units).await.map_err(|_| CpuError::Stopped)?;
        let (answer, answered) = oneshot::channel();
        let span = tracing::Span::current();
        self.pool.spawn(move || {
            if answer.is_closed() {
                return;
            }
            let result = span.in_scope(|| catch_unwind(AssertUnwindSafe(work)));
            // Freed before the answer: whoever has the answer can count on it.
            drop((job, budget));
            let _ = answer.send(result.map_err(|panic| CpuError::Panicked(panic_text(&*panic).to_owned())));
        });
        answered.await.map_err(|_| CpuError::Stopped)?
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests;
