//! Brings bytes into the house: receives an upload, recognises its kind, stores an original with its thumbnails.

pub mod download;
pub mod kind;
pub mod receive;
pub mod store_original;
pub mod thumbnails;

use crate::{
    cpu::CpuError,
    db::DbError,
    store::{InvalidName, StoreError},
};

/// Why bytes could not be stored as an original with its thumbnails.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("the store does not take the photos: {0}")]
    Store(#[from] StoreError),
    #[error("the folder's name does not fit the store: {0}")]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error("the inspection ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Db(#[from] DbError),
}
