//! The files under `data/metadata`: the record for programs.

use serde_json::{Value, json};

use super::{
    custody::custody,
    known::{Known, UseOfSeal},
    mask, withheld,
};
use crate::id::PhotoId;

/// Returns the files by name. `paths` are the places of the documents in the package.
pub(super) fn files(known: &Known, faces: bool, paths: &[Option<String>]) -> Vec<(&'static str, String)> {
    let mut custody = custody(known, |index| paths.get(index).cloned().flatten());
    custody.sort_by_key(|line| line["no"].as_i64());
    let callbacks: Vec<Value> = known.facts.callbacks.iter().map(|line| json!(line)).collect();
    let (details, callbacks) = match (known.facts.details.clone(), faces) {
        (details, true) => (details, callbacks),
        (details, false) => withheld::faces(known, details, callbacks),
    };
    let details = match details {
        Some(details) => Value::Array(details),
        None => json!({ "kept": false, "why": "the manifest of this state did not keep the details" }),
    };
    vec![
        ("flow.json", pretty(&flow(known, faces))),
        ("photos.jsonl", lines(&photos(known, faces, paths))),
        ("approvals.json", pretty(&mask::phones(Value::Array(approvals(known))))),
        ("events.jsonl", lines(&events(known))),
        ("vendor-detail.json", pretty(&mask::phones(details))),
        ("callbacks.jsonl", lines(&callbacks.into_iter().map(mask::pairs).collect::<Vec<_>>())),
        ("custody.jsonl", lines(&custody)),
    ]
}

fn pretty(value: &Value) -> String {
    // A value is always text.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn lines(values: &[Value]) -> String {
    let texts: Vec<String> = values.iter().map(|value| value.to_string() + "\n").collect();
    texts.concat()
}

/// The manifest with masked phone numbers, without details and callbacks. Without faces it does not have the keys and hashes of private photos.
fn flow(known: &Known, faces: bool) -> Value {
    let mut manifest = mask::phones(known.manifest.clone());
    manifest["state"] = json!(known.flow_state);
    // These have files of their own.
    if let Some(members) = manifest.as_object_mut() {
        members.retain(|name, _| name != "details" && name != "callbacks");
    }
    if faces {
        return manifest;
    }
    let private = |kind: &Value| matches!(kind.as_str(), Some("face" | "unknown"));
    if let Some(documents) = manifest["documents"].as_array_mut() {
        documents.retain(|document| !private(&document["photo"]["kind"]));
    }
    for used in manifest["sealUses"].as_array_mut().into_iter().flatten() {
        for photo in used["photos"].as_array_mut().into_iter().flatten().filter(|photo| private(&photo["kind"])) {
            *photo = json!({ "kind": photo["kind"], "no": photo["no"], "withheld": true });
        }
    }
    manifest
}

fn photos(known: &Known, faces: bool, paths: &[Option<String>]) -> Vec<Value> {
    let mut found = Vec::new();
    for used in &known.facts.seal_uses {
        for photo in &used.photos {
            if !faces && photo.kind.is_private() {
                found
                    .push(json!({ "no": photo.no, "kind": photo.kind, "state": photo.confirmation, "withheld": true }));
                continue;
            }
            let versions = versions(known, &photo.id, paths);
            let grant = used.grants.iter().find(|grant| photo.grant_id.as_ref() == Some(&grant.id));
            found.push(json!({
                "no": photo.no, "photokey": photo.photokey, "kind": photo.kind, "seal": grant.map(|grant| &grant.seal),
                "user": grant.map(|grant| &grant.user), "businessId": used.business_id, "source": photo.source,
                "state": photo.confirmation, "suppliedBy": photo.supplied_by, "suppliedAt": photo.supplied_at, "files": versions,
            }));
        }
    }
    found.sort_by_key(|photo| photo["no"].as_i64().unwrap_or(i64::MAX));
    found
}

fn versions(known: &Known, photo: &PhotoId, paths: &[Option<String>]) -> Vec<Value> {
    let of_photo = known
        .facts
        .documents
        .iter()
        .zip(paths)
        .filter(|(file, path)| path.is_some() && file.photo.as_ref().is_some_and(|part| part.photo_id == *photo));
    of_photo
        .map(|(file, path)| {
            json!({
                "path": path, "bytes": file.bytes, "mime": file.mime, "width": file.width, "height": file.height,
                "sha256": file.sha256, "sm3": file.sm3, "blake3": file.blake3, "crc32": format!("{:08x}", file.crc32),
                "takenAt": file.taken_at, "vendorAt": file.vendor_at, "receivedAt": file.received_at,
                "clockDoubt": file.clock_doubt, "complete": file.complete, "undecodable": file.undecodable,
            })
        })
        .collect()
}

fn approvals(known: &Known) -> Vec<Value> {
    let node = |key: &str| known.facts.definition.node(key).map(|node| node.name.clone());
    let line = |approval: &super::known::ApprovalFacts| {
        json!({ "node": approval.node, "nodeName": node(&approval.node), "round": approval.round, "username": approval.username,
            "name": known.name(&approval.username), "at": approval.at, "comment": approval.comment })
    };
    known.facts.approvals.iter().map(line).collect()
}

fn events(known: &Known) -> Vec<Value> {
    let mut events = known.manifest["events"].as_array().cloned().unwrap_or_default();
    for event in &mut events {
        let actor = event["actor"].as_str().unwrap_or_default().to_owned();
        event["actorName"] = json!(known.name(&actor));
    }
    events.into_iter().map(mask::phones).collect()
}

/// The seal uses that can have photos.
pub(super) fn live(known: &Known) -> impl Iterator<Item = &UseOfSeal> {
    known.facts.seal_uses.iter().filter(|used| !used.superseded || used.business_id.is_some())
}
