//! What a package tells: the state of a flow, read from its manifest. Before archiving, from the manifest that it would
//! have now.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{EvidenceError, custody::CallbackLine, mask};
use crate::{
    app::App,
    archive::manifest::Manifest,
    clock::Timestamp,
    definition::Body,
    flow::{Flow, FlowState, manifest::StoredManifest},
    hash::Blake3,
    id::{GrantId, PhotoId, SealUseId},
    photo::kind::PhotoKind,
    provider,
    seal_use::{Grant, PhotoCounts, SealUse, counts},
    store::StoreKey,
    user::people::{DisplayNames, display_names},
};

/// The facts of one state of a flow.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) flow: Flow,
    /// The number of the manifest. 0: the flow has no manifest yet.
    pub(super) n: u32,
    /// `n`, or `0-` and a fingerprint of the facts.
    pub(super) state: String,
    /// The date of the state: of its manifest, or of its last fact.
    pub(super) at: Timestamp,
    pub(super) manifest: Value,
    pub(super) facts: ManifestFacts,
    pub(super) details: Vec<Value>,
    /// When the last detail of each seal use was read. It is no fact: asking again changes it.
    pub(super) asked_at: HashMap<SealUseId, Timestamp>,
    pub(super) callbacks: Vec<CallbackLine>,
    pub(super) names: DisplayNames,
}

/// The members of a manifest that a package reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ManifestFacts {
    pub(super) as_of: Timestamp,
    pub(super) flow: FlowFacts,
    pub(super) definition: Body,
    pub(super) approvals: Vec<ApprovalFacts>,
    pub(super) seal_uses: Vec<UseOfSeal>,
    pub(super) documents: Vec<FileFacts>,
    pub(super) missing_accepted: Option<Value>,
    pub(super) events: Vec<EventFacts>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FlowFacts {
    pub(super) serial_no: String,
    pub(super) title: String,
    pub(super) starter: String,
    pub(super) form: Value,
    pub(super) created_at: Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApprovalFacts {
    pub(super) node: String,
    pub(super) round: i64,
    pub(super) username: String,
    pub(super) at: Timestamp,
    pub(super) comment: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct EventFacts {
    pub(super) at: Timestamp,
    pub(super) actor: String,
    pub(super) act: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UseOfSeal {
    pub(super) id: SealUseId,
    pub(super) business_id: Option<String>,
    pub(super) status: String,
    #[serde(default)]
    pub(super) ended_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) superseded: bool,
    pub(super) grants: Vec<GrantFacts>,
    pub(super) photos: Vec<PhotoFacts>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GrantFacts {
    pub(super) id: GrantId,
    pub(super) seal: String,
    pub(super) device_no: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) user: String,
    pub(super) contact: Option<String>,
    pub(super) applied: i64,
    pub(super) authorised: i64,
    pub(super) used: i64,
    pub(super) left: i64,
}

impl GrantFacts {
    /// Uses that were added after the application.
    pub(super) fn appended(&self) -> i64 {
        self.authorised - self.applied
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhotoFacts {
    pub(super) id: PhotoId,
    pub(super) photokey: Option<String>,
    pub(super) kind: PhotoKind,
    pub(super) grant_id: Option<GrantId>,
    pub(super) source: String,
    pub(super) state: String,
    pub(super) blake3: Option<Blake3>,
    pub(super) no: Option<i64>,
    pub(super) confirmation: String,
    pub(super) acceptance: Option<Value>,
    pub(super) supplied_by: Option<String>,
}

impl PhotoFacts {
    /// Returns true if the photo is in the counts.
    fn counts(&self) -> bool {
        self.confirmation != "unconfirmed" && (self.blake3.is_some() || self.source == "key")
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileFacts {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) mime: String,
    pub(super) width: Option<i64>,
    pub(super) height: Option<i64>,
    pub(super) blake3: Blake3,
    pub(super) sha256: String,
    pub(super) sm3: Option<String>,
    pub(super) crc32: u32,
    pub(super) field_key: Option<String>,
    pub(super) photo: Option<FilePhoto>,
    pub(super) taken_at: Option<Timestamp>,
    pub(super) vendor_at: Option<Timestamp>,
    pub(super) received_at: Timestamp,
    pub(super) clock_doubt: bool,
    pub(super) complete: bool,
    pub(super) undecodable: Option<String>,
    pub(super) store_key: String,
    pub(super) created_by: String,
    pub(super) created_at: Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilePhoto {
    pub(super) photo_id: PhotoId,
    pub(super) kind: PhotoKind,
    pub(super) seal: Option<String>,
    pub(super) user: Option<String>,
    pub(super) no: Option<i64>,
    pub(super) state: String,
}

impl FileFacts {
    /// Returns true if only users who read everything may see it.
    pub(super) fn is_private(&self) -> bool {
        self.photo.as_ref().is_some_and(|photo| photo.kind.is_private())
    }

    /// The time that names the file: of the camera, or of the reception if the camera has none or a wrong one.
    pub(super) fn shown_at(&self) -> Timestamp {
        self.taken_at.filter(|_| !self.clock_doubt).unwrap_or(self.received_at)
    }
}

impl Known {
    pub(super) async fn of(app: &App, flow: Flow) -> Result<Self, EvidenceError> {
        let stored = StoredManifest::last(&app.db, &flow.id).await?;
        let (n, manifest, until) = if let Some(stored) = &stored {
            let bytes = app.store.get(&StoreKey::Raw(stored.store_key.clone())).await?;
            if Blake3::of(&bytes) != stored.hash {
                return Err(EvidenceError::Changed(stored.store_key.clone()));
            }
            let n = u32::try_from(stored.n).unwrap_or(u32::MAX);
            (n, serde_json::from_slice(&bytes)?, Some(stored.created_at))
        } else {
            let mut manifest = serde_json::to_value(Manifest::of(app, &flow).await?)?;
            manifest["n"] = json!(0);
            (0, manifest, None)
        };
        let facts: ManifestFacts = serde_json::from_value(manifest.clone())?;
        let manifest = if n == 0 { without_sm3(manifest) } else { manifest };
        let (mut details, mut asked_at) = (Vec::new(), HashMap::new());
        for seal_use in SealUse::of_flow(&app.db, &flow.id).await? {
            asked_at.extend(
                seal_use
                    .detail_at
                    .filter(|at| until.is_none_or(|until| *at <= until))
                    .map(|at| (seal_use.id.clone(), at)),
            );
            if let Some(detail) = seal_use.detail.as_deref() {
                let text = provider::without_codes(detail);
                let detail = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "text": text }));
                details.push(json!({ "sealUse": seal_use.id, "detail": mask::phones(detail) }));
            }
        }
        let uses: Vec<&SealUseId> = facts.seal_uses.iter().map(|used| &used.id).collect();
        let callbacks = CallbackLine::of(app, &uses, until).await?;
        let names = display_names(&app.db, usernames(&facts)).await?;
        let at = until.unwrap_or_else(|| last_fact(&facts, &callbacks));
        let mut known =
            Self { flow, n, state: n.to_string(), at, manifest, facts, details, asked_at, callbacks, names };
        if n == 0 {
            known.state = format!("0-{}", &known.fingerprint()?[..16]);
        }
        Ok(known)
    }

    /// Equal facts have equal fingerprints.
    fn fingerprint(&self) -> Result<String, EvidenceError> {
        let facts = json!([self.flow.state, self.manifest, self.details, self.callbacks, self.names]);
        Ok(Blake3::of(&serde_json::to_vec(&facts)?).as_str().to_owned())
    }

    pub(super) fn name<'a>(&'a self, username: &'a str) -> &'a str {
        self.names.get(username).map_or(username, String::as_str)
    }

    /// The flow's last event of this kind.
    fn last(&self, act: &str) -> Option<Timestamp> {
        self.facts.events.iter().rev().find(|event| event.act == act).map(|event| event.at)
    }

    /// What `bag-info.txt` says of the archive.
    pub(super) fn archived(&self) -> String {
        match self.flow.state {
            FlowState::Withdrawn => format!("已撤回 {}", self.last("withdrawn").unwrap_or(self.at)),
            _ if self.n == 0 => "未归档".to_owned(),
            _ => self.flow.archived_at.unwrap_or(self.at).to_string(),
        }
    }

    /// Photos that are not in a package without faces.
    pub(super) fn private_files(&self) -> usize {
        self.facts.documents.iter().filter(|file| file.is_private()).count()
    }

    /// The counts of all seal uses that can have photos.
    pub(super) fn counts(&self) -> Vec<PhotoCounts> {
        let live = self.facts.seal_uses.iter().filter(|used| !used.superseded || used.business_id.is_some());
        live.map(|used| counts::count(&grants(used), &tallies(used))).collect()
    }
}

/// Before archiving, a package takes the SM3 of originals. That is no new fact.
fn without_sm3(mut manifest: Value) -> Value {
    for document in manifest["documents"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        document.remove("sm3");
    }
    manifest
}

fn grants(used: &UseOfSeal) -> Vec<Grant> {
    let grant = |grant: &GrantFacts| Grant {
        id: grant.id.clone(),
        seal_use_id: used.id.clone(),
        vendor_id: String::new(),
        position: 0,
        seal: grant.seal.clone(),
        device_no: None,
        owner: None,
        user_name: grant.user.clone(),
        username: None,
        employee_no: None,
        contact: None,
        number: None,
        applied: grant.applied,
        used: grant.used,
        left_count: grant.left,
        code: None,
        complete: false,
        appended: grant.appended(),
        append_logs: 0,
        appended_elsewhere: 0,
        window_start: None,
        window_end: None,
    };
    used.grants.iter().map(grant).collect()
}

/// One tally for each photo: the sums are the same.
fn tallies(used: &UseOfSeal) -> Vec<counts::Tally> {
    let tally = |photo: &PhotoFacts| counts::Tally {
        seal_use_id: used.id.clone(),
        grant_id: photo.grant_id.clone(),
        kind: photo.kind,
        keyed: i64::from(photo.photokey.is_some()),
        stored: i64::from(photo.blake3.is_some()),
        outstanding: i64::from(photo.photokey.is_some() && photo.blake3.is_none()),
        unsettled: i64::from(photo.state != "done"),
        parked: i64::from(photo.photokey.is_some() && photo.blake3.is_none() && photo.state == "failed"),
        supplied: i64::from(photo.supplied_by.is_some() && photo.blake3.is_some()),
        confirmed: true,
    };
    used.photos.iter().filter(|photo| photo.counts()).map(tally).collect()
}

fn usernames(facts: &ManifestFacts) -> Vec<String> {
    let mut names = vec![facts.flow.starter.clone()];
    names.extend(facts.approvals.iter().map(|approval| approval.username.clone()));
    names.extend(facts.events.iter().map(|event| event.actor.clone()));
    names.extend(facts.documents.iter().map(|file| file.created_by.clone()));
    names
}

fn last_fact(facts: &ManifestFacts, callbacks: &[CallbackLine]) -> Timestamp {
    let of_files = facts.documents.iter().map(|file| file.received_at.max(file.created_at));
    let of_events = facts.events.iter().map(|event| event.at);
    let of_callbacks = callbacks.iter().map(|callback| callback.received_at);
    of_files.chain(of_events).chain(of_callbacks).fold(facts.as_of, Timestamp::max)
}
