//! Memory for the bodies of callbacks that are being received.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::CallbackError;

/// The memory of all bodies, in KiB.
#[derive(Clone, Debug)]
pub(super) struct Rooms(Arc<Semaphore>);

impl Rooms {
    pub(super) fn new(bytes: u64) -> Self {
        Self(Arc::new(Semaphore::new(kibibytes(bytes))))
    }

    pub(super) fn enter(&self) -> Room {
        Room { rooms: self.clone(), held: None }
    }
}

/// The memory of one body. It grows with the bytes that arrive: a declared length reserves nothing, because a silent
/// sender could declare any. Dropping it frees the memory.
#[derive(Debug)]
pub struct Room {
    rooms: Rooms,
    held: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Reserves memory up to `bytes` in total. Fails without waiting: bodies that wait for each other would block the
    /// endpoint.
    pub fn grow(&mut self, bytes: u64) -> Result<(), CallbackError> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(kibibytes(bytes).saturating_sub(held)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.rooms.0).try_acquire_many_owned(more).map_err(|_| CallbackError::Full)?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        Ok(())
    }
}

fn kibibytes(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(1024)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}
