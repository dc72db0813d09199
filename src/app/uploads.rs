//! Places for uploads in progress: a number in all, and a number for each user.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{config::UploadConfig, id::UserId};

/// Why an upload gets no place now.
#[derive(Debug, thiserror::Error)]
pub enum UploadsFull {
    #[error("{0} uploads of this user are in progress. Wait until one of them ends.")]
    OfUser(usize),
    #[error("Too many uploads in progress. Retry after 1 s.")]
    All,
}

#[derive(Debug)]
pub(super) struct Uploads {
    all: Arc<Semaphore>,
    per_user: usize,
    open: Open,
}

type Open = Arc<Mutex<HashMap<UserId, usize>>>;

/// The place of an upload. Dropping it frees the place.
#[derive(Debug)]
pub struct UploadPlace {
    _permit: OwnedSemaphorePermit,
    open: Open,
    user: UserId,
}

impl Uploads {
    pub(super) fn new(config: &UploadConfig) -> Self {
        Self { all: Arc::new(Semaphore::new(config.in_flight)), per_user: config.per_user, open: Open::default() }
    }

    pub(super) fn enter(&self, user: &UserId) -> Result<UploadPlace, UploadsFull> {
        let mut open = lock(&self.open);
        if open.get(user).is_some_and(|uploads| *uploads >= self.per_user) {
            return Err(UploadsFull::OfUser(self.per_user));
        }
        let permit = Arc::clone(&self.all).try_acquire_owned().map_err(|_| UploadsFull::All)?;
        *open.entry(user.clone()).or_default() += 1;
        Ok(UploadPlace { _permit: permit, open: Arc::clone(&self.open), user: user.clone() })
    }
}

impl Drop for UploadPlace {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        let left = open.get(&self.user).map_or(0, |uploads| uploads.saturating_sub(1));
        if left == 0 {
            open.remove(&self.user);
        } else {
            open.insert(self.user.clone(), left);
        }
    }
}

fn lock(open: &Open) -> MutexGuard<'_, HashMap<UserId, usize>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
