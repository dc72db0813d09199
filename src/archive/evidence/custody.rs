//! The chain of custody: what came from the vendor, when, and where it was stored.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    known::{FileFacts, Known, PhotoFacts, UseOfSeal},
    mask,
};
use crate::{
    app::App,
    archive::read_back::{self, ReadBackError},
    callback::record::Receipt,
    clock::Timestamp,
    db::{DbError, On},
    id::{CallbackId, SealUseId},
    provider,
};

/// A callback as the manifest and `callbacks.jsonl` have it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::archive) struct CallbackLine {
    pub(super) id: CallbackId,
    pub(super) seal_use: SealUseId,
    pub(super) received_at: Timestamp,
    authenticated: bool,
    shape: String,
    business_id: Option<String>,
    /// A list of `[name, values]`, without seal codes.
    pub(super) params: Value,
    images: i64,
    body_bytes: i64,
    /// SHA-256 of the body, taken when it came.
    body_sha256: String,
    /// The whole body is kept.
    body_kept: bool,
    /// `None`: not compared, because the flow is not archived, the body is not kept, or the manifest is an older one.
    #[serde(default)]
    pub(super) body_checked: Option<BodyCheck>,
}

/// The kept body of a callback beside the SHA-256 that was taken when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::archive) enum BodyCheck {
    Same,
    Changed,
    Lost,
}

impl CallbackLine {
    /// Reads the kept body again and compares it.
    pub(in crate::archive) async fn check_body(&mut self, app: &App) -> Result<(), ReadBackError> {
        if !self.body_kept {
            return Ok(());
        }
        let found = read_back::sha256_of_body(app, &self.id).await?;
        self.body_checked = Some(match found {
            Some(sha256) if sha256 == self.body_sha256 => BodyCheck::Same,
            Some(_) => BodyCheck::Changed,
            None => BodyCheck::Lost,
        });
        Ok(())
    }

    /// Returns the callbacks of these seal uses in the order of arrival.
    pub(in crate::archive) async fn of(on: impl Into<On<'_>>, uses: &[&SealUseId]) -> Result<Vec<Self>, DbError> {
        Ok(Receipt::of_seal_uses(on, uses).await?.into_iter().map(Self::line).collect())
    }

    fn line(receipt: Receipt) -> Self {
        Self {
            params: without_codes(serde_json::from_str(&receipt.params).unwrap_or_default()),
            id: receipt.id,
            seal_use: receipt.seal_use_id,
            received_at: receipt.received_at,
            authenticated: receipt.authenticated,
            shape: receipt.shape,
            business_id: receipt.business_id,
            images: receipt.images,
            body_bytes: receipt.body_bytes,
            body_sha256: receipt.body_sha256,
            body_kept: receipt.body_kept,
            body_checked: None,
        }
    }

    pub(super) fn is_body_kept(&self) -> bool {
        self.body_kept
    }
}

/// Returns the parameters without seal codes: an open code lets its reader use the seal.
fn without_codes(params: Value) -> Value {
    let Value::Array(pairs) = params else { return Value::Null };
    let pair = |mut pair: Value| {
        let is_code = pair[0].as_str().is_some_and(provider::is_code);
        for value in pair[1].as_array_mut().into_iter().flatten() {
            *value = match value.as_str() {
                Some(text) if !is_code => json!(without_code(text)),
                _ => Value::Null,
            };
        }
        pair
    };
    Value::Array(pairs.into_iter().map(pair).collect())
}

/// Returns the text without codes. A text that names a code and is no JSON is dropped.
fn without_code(text: &str) -> Option<String> {
    let is_json = serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object() || value.is_array());
    if !is_json && provider::names_code(text) {
        return None;
    }
    Some(provider::without_codes(text).into_owned())
}

/// Returns the steps of each photo that is here, in the order of the running numbers. `path` gives the place of a photo in the
/// package, if it is in there.
pub(super) fn custody(known: &Known, path: impl Fn(usize) -> Option<String>) -> Vec<Value> {
    let mut lines = Vec::new();
    for (index, file) in known.facts.documents.iter().enumerate() {
        let (Some(photo), Some(path)) = (&file.photo, path(index)) else { continue };
        let used = known.facts.seal_uses.iter().find(|used| used.photos.iter().any(|one| one.id == photo.photo_id));
        let row = used.and_then(|used| used.photos.iter().find(|one| one.id == photo.photo_id));
        lines.push(json!({
            "no": photo.no, "path": path, "photo": photo.photo_id, "state": photo.state, "steps": steps(known, file, used, row),
        }));
    }
    lines
}

fn steps(known: &Known, file: &FileFacts, used: Option<&UseOfSeal>, photo: Option<&PhotoFacts>) -> Vec<Value> {
    let mut steps = Vec::new();
    let of_use = known.facts.callbacks.iter().filter(|line| used.is_some_and(|used| line.seal_use == used.id));
    for callback in of_use.filter(|callback| callback.received_at <= file.received_at) {
        steps.push(json!({ "step": "callback_received", "at": callback.received_at, "callback": callback.id,
            "bodySha256": callback.body_sha256, "bodyKept": callback.body_kept, "bodyChecked": callback.body_checked }));
    }
    // A photo that was pushed or supplied was not asked for.
    if let Some(photo) = photo.filter(|photo| photo.source == "key") {
        let listed = photo.listed_at.filter(|at| *at <= file.received_at);
        steps.extend(listed.map(|at| json!({ "step": "detail_asked", "at": at, "photokey": photo.photokey })));
    }
    let source = photo.map_or("key", |photo| photo.source.as_str());
    let step = match source {
        "push" => "pushed",
        "supply" => "supplied",
        _ => "fetched",
    };
    let mut came = json!({ "step": step, "at": file.received_at, "source": source, "bytes": file.bytes,
        "sha256": file.sha256, "blake3": file.blake3, "crc32": format!("{:08x}", file.crc32) });
    if let Some(by) = photo.and_then(|photo| photo.supplied_by.as_deref()) {
        came["by"] = json!(by);
        came["byName"] = json!(known.name(by));
    }
    steps.push(came);
    steps.push(json!({ "step": "stored", "at": file.received_at, "key": file.store_key }));
    if let Some(acceptance) = photo.and_then(|photo| photo.acceptance.as_ref()) {
        steps.push(json!({ "step": "accepted", "by": acceptance["by"], "at": acceptance["at"],
            "reason": mask::phone(acceptance["reason"].as_str().unwrap_or_default()) }));
    }
    if known.n > 0 {
        steps.push(json!({ "step": "read_again_and_verified", "at": known.at, "sm3": file.sm3 }));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_a_code_is_left_in_the_parameters() {
        let params = json!([
            ["vertifyCode", ["665544"]],
            [" VertifyCode ", ["665544"]],
            ["auths", ["{\"deviceNo\":\"D1\",\"vertifyCode\":\"665544\"}", "[{\"vertifyCode\":665544}]"]],
            ["detail", ["{\"auths\":\"[{\\\"vertifyCode\\\":\\\"665544\\\"}]\"}"]],
            ["note", ["vertifyCode=665544&x=1"]],
            ["businessId", ["2501966386851659778"]],
            ["ecologyOperate", ["syncVertifyCode"]],
        ]);
        let clean = without_codes(params);
        assert!(!clean.to_string().contains("665544"), "{clean}");
        assert_eq!(clean[5], json!(["businessId", ["2501966386851659778"]]));
        assert_eq!(clean[6], json!(["ecologyOperate", ["syncVertifyCode"]]));
        assert!(clean[2][1][0].as_str().unwrap().contains("D1"), "{clean}");
    }
}
