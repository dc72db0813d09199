//! Brings bytes into the system: receives an upload, detects its kind, stores an original with its thumbnails.

pub mod camera;
pub mod download;
pub mod kind;
mod page;
pub mod receive;
pub mod store_original;
pub mod thumbnails;

use crate::{
    cpu::CpuError,
    db::{self, DbError},
    outage::Outage,
    store::{InvalidName, StoreError},
};

/// Why bytes could not be stored as an original with its thumbnails.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("the store does not accept the photos: {0}")]
    Store(#[from] StoreError),
    #[error("the store does not accept the name of the folder: {0}. Rename the folder.")]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error("the inspection of the picture ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl ContentError {
    /// Returns the outage of the database or the store that caused this error.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Store(error) => error.outage(),
            Self::Db(error) => db::outage(error),
            Self::Name(_) | Self::Cpu(_) | Self::Task(_) => None,
        }
    }
}
