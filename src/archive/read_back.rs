//! Reads an original back: its bytes must have its hash. What is damaged is a finding. The kept body of a callback is read
//! back for the evidence package, which says whether it has changed.

use futures::TryStreamExt;
use sha2::Sha256;
use sm3::{Digest, Sm3};

use crate::{
    app::App,
    callback::record::Record,
    cpu::CpuError,
    db::{self, DbError},
    flow::event::YINKU,
    hash::Blake3,
    id::CallbackId,
    outage::Outage,
    preservation::findings::{self, FindingKind, NewFinding},
    store::{StoreError, StoreKey},
};

#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    #[error("the bytes of {0} in the store have changed. Restore the object.")]
    Changed(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl ReadBackError {
    /// Returns the outage of our database or store that stopped the reading.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Store(error) => error.outage(),
            Self::Db(error) => db::outage(error),
            Self::Changed(_) | Self::Cpu(_) => None,
        }
    }
}

/// Returns the SM3 of an original whose bytes have the hash. `purpose` says in a finding what read the original.
pub(super) async fn sm3(app: &App, hash: &Blake3, key: &str, purpose: &str) -> Result<String, ReadBackError> {
    let read = hashes(app, key).await;
    let damage = match &read {
        Ok((blake3, sm3)) if blake3 == hash.as_str() => return Ok(sm3.clone()),
        Ok(_) => FindingKind::Changed,
        // A missing bucket must not look like a missing object.
        Err(ReadBackError::Store(StoreError::NotFound { .. })) if app.store.check().await.is_ok() => {
            FindingKind::Missing
        }
        Err(_) => return read.map(|(_, sm3)| sm3),
    };
    let found = NewFinding::damaged(damage, hash, key, purpose);
    findings::report(&app.db, found, YINKU, app.clock.now()).await?;
    read.and(Err(ReadBackError::Changed(key.to_owned())))
}

/// Returns the SHA-256 of the kept body of a callback. `None`: the body is lost.
pub(super) async fn sha256_of_body(app: &App, id: &CallbackId) -> Result<Option<String>, ReadBackError> {
    let Some(record) = Record::find(&app.db, id).await? else { return Ok(None) };
    if let Some(body) = record.body {
        return Ok(Some(app.cpu.run(0, move || hex::encode(Sha256::digest(&body))).await?));
    }
    let Some(key) = record.body_key else { return Ok(None) };
    let mut reading = match app.store.get_stream(&StoreKey::Raw(key), None).await {
        Ok(reading) => reading.stream,
        // A missing bucket must not look like a missing object.
        Err(StoreError::NotFound { .. }) if app.store.check().await.is_ok() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut sha256 = Sha256::new();
    while let Some(chunk) = reading.try_next().await? {
        sha256 = app.cpu.run(0, move || sha256.chain_update(&chunk)).await?;
    }
    Ok(Some(hex::encode(sha256.finalize())))
}

async fn hashes(app: &App, key: &str) -> Result<(String, String), ReadBackError> {
    let mut reading = app.store.get_stream(&StoreKey::Raw(key.to_owned()), None).await?.stream;
    let (mut blake3, mut sm3) = (blake3::Hasher::new(), Sm3::new());
    while let Some(chunk) = reading.try_next().await? {
        (blake3, sm3) = app.cpu.run(0, move || (blake3.update(&chunk).clone(), sm3.chain_update(&chunk))).await?;
    }
    Ok((blake3.finalize().to_hex().to_string(), hex::encode(sm3.finalize())))
}
