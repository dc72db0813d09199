//! The chain of custody: what came from the vendor, when, and where it was stored.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{EvidenceError, known::Known, mask};
use crate::{
    app::App,
    callback::record::Record,
    clock::Timestamp,
    id::{CallbackId, SealUseId},
    store::{StoreError, StoreKey},
};

/// A callback as `callbacks.jsonl` has it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallbackLine {
    pub(super) id: CallbackId,
    pub(super) seal_use: SealUseId,
    pub(super) received_at: Timestamp,
    authenticated: bool,
    shape: String,
    business_id: Option<String>,
    params: Value,
    images: i64,
    body_bytes: i64,
    /// SHA-256 of the body as it came. Null if the body is not kept.
    body_sha256: Option<String>,
}

impl CallbackLine {
    /// Returns the callbacks of these seal uses that came until then, in the order of arrival.
    pub(super) async fn of(
        app: &App,
        uses: &[&SealUseId],
        until: Option<Timestamp>,
    ) -> Result<Vec<Self>, EvidenceError> {
        let mut lines = Vec::new();
        for record in Record::of_seal_uses(&app.db, uses, until).await? {
            lines.push(Self::line(app, record).await?);
        }
        Ok(lines)
    }

    async fn line(app: &App, record: Record) -> Result<Self, EvidenceError> {
        let body = match (&record.body, &record.body_key) {
            (_, Some(key)) => match app.store.get(&StoreKey::Raw(key.clone())).await {
                Ok(bytes) => Some(bytes.to_vec()),
                Err(StoreError::NotFound { .. }) => None,
                Err(error) => return Err(error.into()),
            },
            (body, None) => body.clone(),
        };
        let whole = body.filter(|body| i64::try_from(body.len()) == Ok(record.body_bytes));
        Ok(Self {
            body_sha256: whole.map(|body| hex::encode(Sha256::digest(&body))),
            params: mask::phones(serde_json::from_str(&record.params).unwrap_or_default()),
            id: record.id,
            seal_use: record.seal_use_id.unwrap_or_else(SealUseId::new),
            received_at: record.received_at,
            authenticated: record.authenticated,
            shape: record.shape,
            business_id: record.business_id,
            images: record.images,
            body_bytes: record.body_bytes,
        })
    }
}

/// Returns the steps of each photo that is here, in the order of the running numbers. `path` gives the place of a photo in the
/// package, if it is in there.
pub(super) fn custody(known: &Known, path: impl Fn(usize) -> Option<String>) -> Vec<Value> {
    let mut lines = Vec::new();
    for (index, file) in known.facts.documents.iter().enumerate() {
        let (Some(photo), Some(path)) = (&file.photo, path(index)) else { continue };
        let used = known.facts.seal_uses.iter().find(|used| used.photos.iter().any(|one| one.id == photo.photo_id));
        let source = used.and_then(|used| used.photos.iter().find(|one| one.id == photo.photo_id));
        let mut steps = Vec::new();
        let of_use = known.callbacks.iter().filter(|line| used.is_some_and(|used| line.seal_use == used.id));
        for callback in of_use.filter(|callback| callback.received_at <= file.received_at) {
            steps.push(json!({ "step": "callback_received", "at": callback.received_at, "callback": callback.id, "bodySha256": callback.body_sha256 }));
        }
        if let Some(at) = used.and_then(|used| known.asked_at.get(&used.id)) {
            let listed = source.and_then(|source| source.photokey.as_ref());
            steps.push(json!({ "step": "detail_asked", "at": at, "photokey": listed }));
        }
        let how = source.map(|source| source.source.as_str());
        steps.push(json!({ "step": "fetched", "at": file.received_at, "source": how, "bytes": file.bytes,
            "sha256": file.sha256, "blake3": file.blake3, "crc32": format!("{:08x}", file.crc32) }));
        steps.push(json!({ "step": "stored", "at": file.received_at, "key": file.store_key }));
        if let Some(acceptance) = source.and_then(|source| source.acceptance.as_ref()) {
            steps.push(json!({ "step": "accepted", "by": acceptance["by"], "at": acceptance["at"], "reason": acceptance["reason"] }));
        }
        if known.n > 0 {
            steps.push(json!({ "step": "read_again_and_verified", "at": known.at, "sm3": file.sm3 }));
        }
        lines.push(
            json!({ "no": photo.no, "path": path, "photo": photo.photo_id, "state": photo.state, "steps": steps }),
        );
    }
    lines
}
