//! Runs compute work on its own threads, because decoding and encoding would block tokio's threads.

pub mod child;
mod turns;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use turns::{Place, Turns};

/// The unit of the memory budget: 64 KiB. With it every budget fits into the 32 bits of a semaphore.
const UNIT: u64 = 64 << 10;

/// A thread pool with limits on concurrent jobs and on their memory. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Cpu {
    pool: Arc<rayon::ThreadPool>,
    jobs: Arc<Turns>,
    memory: Arc<Semaphore>,
    /// The memory budget in units.
    units: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuError {
    /// The work panicked. The pool continues.
    #[error("the work panicked: {0}")]
    Panicked(String),
    /// The pool has stopped. This happens only when the process ends.
    #[error("the threads have stopped")]
    Stopped,
}

impl Cpu {
    /// Creates a pool of `threads` threads for at most `jobs` jobs, including queued jobs. All jobs together use at
    /// most
    /// `memory` bytes. Zero counts as one. Fails if the operating system cannot create the threads.
    pub fn new(threads: usize, jobs: usize, memory: u64) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|n| format!("cpu-{n}"))
            // `run_in` catches panics of the work. This handler catches a panic while an unused result is dropped.
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

    /// Returns true if a new job would have to wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.jobs.free() == 0
    }

    /// Runs `work`, which uses at most `memory` bytes. Waits until a job slot and the memory are free. Work that needs
    /// more than the budget gets the whole budget and runs alone.
    ///
    /// The slot and the memory are held until the work has ended, also if the caller stops waiting, because a thread
    /// cannot be interrupted. Work that has not started is skipped if the caller stops waiting.
    pub async fn run<T, W>(&self, memory: u64, work: W) -> Result<T, CpuError>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        self.run_in("", memory, work).await
    }

    /// Like [`run`](Self::run), in a lane. Waiting lanes are served in turn. Within a lane the order is first in, first
    /// out.
    pub async fn run_in<T, W>(&self, lane: &str, memory: u64, work: W) -> Result<T, CpuError>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let reserved = self.reserve(lane, memory).await?;
        let (answer, answered) = oneshot::channel();
        let span = tracing::Span::current();
        self.pool.spawn(move || {
            if answer.is_closed() {
                return;
            }
            let result = span.in_scope(|| catch_unwind(AssertUnwindSafe(work)));
            // Free both before the answer, so a caller with the answer finds them free.
            drop(reserved);
            let _ = answer.send(result.map_err(|panic| CpuError::Panicked(panic_text(&*panic).to_owned())));
        });
        answered.await.map_err(|_| CpuError::Stopped)?
    }

    /// Waits for a job slot and for the memory, like [`run_in`](Self::run_in), for work in another process.
    pub async fn reserve(&self, lane: &str, memory: u64) -> Result<Reserved, CpuError> {
        let units = u32::try_from(memory.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.units);
        let job = self.jobs.take(lane).await;
        let memory = Arc::clone(&self.memory).acquire_many_owned(units).await.map_err(|_| CpuError::Stopped)?;
        Ok(Reserved { _job: job, _memory: memory })
    }
}

/// A job slot and memory. Dropping it frees both.
#[derive(Debug)]
pub struct Reserved {
    _job: Place,
    _memory: OwnedSemaphorePermit,
}

/// Returns the message of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests;
