//! What a callback brought, for the audit log. Each callback with pictures leaves an entry, also one that is dead or names
//! no business that is known.

use super::record::{CallbackState, Record};
use crate::{
    audit::{self, Act, NewEntry, origin::Origin},
    clock::Timestamp,
    db::{DbError, Tx},
    hash::Blake3,
    id::{CallbackId, FlowId},
};

/// What a callback brought.
#[derive(Debug)]
pub struct Brought<'a> {
    pub peer: &'a str,
    pub authenticated: bool,
    pub images: i64,
    pub hashes: Vec<Blake3>,
}

impl<'a> Brought<'a> {
    /// Returns what an unauthenticated callback brought. Its pictures are not kept.
    #[must_use]
    pub fn hint(record: &'a Record) -> Self {
        let hashes = record.picture_hashes.as_deref().and_then(|text| serde_json::from_str(text).ok());
        Self { peer: &record.peer, authenticated: false, images: record.images, hashes: hashes.unwrap_or_default() }
    }

    fn detail(&self) -> String {
        let trust = if self.authenticated { "unconfirmed" } else { "not authenticated, not kept" };
        let hashes: Vec<&str> = self.hashes.iter().map(Blake3::as_str).collect();
        let hashes = if hashes.is_empty() { "no picture".to_owned() } else { hashes.join(" ") };
        format!("{} from {}, {trust}: {hashes}", self.images, self.peer)
    }

    /// Records what the callback brought to a flow.
    pub async fn record(&self, tx: &mut Tx, id: &CallbackId, flow: &FlowId, now: Timestamp) -> Result<(), DbError> {
        let detail = self.detail();
        write(
            tx,
            self.peer,
            NewEntry::new(audit::VENDOR, Act::PhotosPushed, id.as_str()).of_flow(flow).detail(&detail),
            now,
        )
        .await
    }
}

/// Records the pictures of callbacks that lead to no flow.
pub(super) async fn record_lost(tx: &mut Tx, records: &[Record], now: Timestamp) -> Result<(), DbError> {
    let lost = |record: &&Record| record.images > 0 && record.state != CallbackState::Pending;
    for record in records.iter().filter(lost) {
        let why =
            if record.state == CallbackState::Orphan { "its business is not known" } else { "it names no business" };
        let what = if record.authenticated {
            // The pictures are read when the business is known. Until then the digest stands for them.
            format!("{} from {}, in a body with the digest {}", record.images, record.peer, record.digest)
        } else {
            Brought::hint(record).detail()
        };
        let detail = format!("{what}; {why}");
        let entry = NewEntry::new(audit::VENDOR, Act::PhotosPushed, record.id.as_str()).detail(&detail);
        write(tx, &record.peer, entry, now).await?;
    }
    Ok(())
}

/// The task that writes has no request. The entry has the address of the sender.
async fn write(tx: &mut Tx, peer: &str, entry: NewEntry<'_>, now: Timestamp) -> Result<(), DbError> {
    Origin::new(Some(peer.to_owned())).scope(audit::record(tx, entry, now)).await
}
