//! What a package tells: the state of a flow, read from its manifest. Before archiving, from the manifest that it would
//! have now.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{EvidenceError, custody::CallbackLine};
use crate::{
    app::App,
    archive::manifest::Manifest,
    clock::Timestamp,
    definition::Body,
    flow::{Flow, FlowState, manifest::StoredManifest},
    hash::Blake3,
    id::{FlowId, GrantId, PhotoId, SealUseId},
    photo::kind::PhotoKind,
    seal_use::{Grant, PhotoCounts, counts},
    store::StoreKey,
    user::people::DisplayNames,
};

/// The facts of one state of a flow.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) flow_id: FlowId,
    /// At the instant of the manifest. Before archiving: now.
    pub(super) flow_state: FlowState,
    archived_at: Option<Timestamp>,
    /// The number of the manifest. 0: the flow has no manifest yet.
    pub(super) n: u32,
    /// `n`, or `0-` and a fingerprint of the facts.
    pub(super) state: String,
    /// The date of the state: of its manifest, or of its last fact.
    pub(super) at: Timestamp,
    pub(super) manifest: Value,
    pub(super) facts: ManifestFacts,
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
    /// `None`: the manifest is of format 1, which did not keep them.
    pub(super) details: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) callbacks: Vec<CallbackLine>,
    #[serde(default)]
    names: DisplayNames,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FlowFacts {
    state: FlowState,
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
    #[serde(default)]
    pub(super) listed_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) supplied_by: Option<String>,
    #[serde(default)]
    pub(super) supplied_at: Option<Timestamp>,
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
    #[serde(default)]
    pub(super) supplied_by: Option<String>,
    #[serde(default)]
    pub(super) supplied_at: Option<Timestamp>,
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
    /// Reads the state of a flow: of its last manifest, or of this moment.
    pub(super) async fn of(app: &App, id: &FlowId) -> Result<Self, EvidenceError> {
        match StoredManifest::last(&app.db, id).await? {
            Some(stored) => Self::recorded(app, id, &stored).await,
            None => Self::present(app, id).await,
        }
    }

    async fn recorded(app: &App, id: &FlowId, stored: &StoredManifest) -> Result<Self, EvidenceError> {
        let flow = Flow::find(&app.db, id).await?.ok_or(EvidenceError::NoFlow)?;
        let bytes = app.store.get(&StoreKey::Raw(stored.store_key.clone())).await?;
        if Blake3::of(&bytes) != stored.hash {
            return Err(EvidenceError::Changed(stored.store_key.clone()));
        }
        let manifest: Value = serde_json::from_slice(&bytes)?;
        let facts: ManifestFacts = serde_json::from_value(manifest.clone())?;
        let n = u32::try_from(stored.n).unwrap_or(u32::MAX);
        let (state, flow_state, archived_at) = (n.to_string(), facts.flow.state, flow.archived_at);
        Ok(Self { flow_id: id.clone(), flow_state, archived_at, n, state, at: stored.created_at, manifest, facts })
    }

    async fn present(app: &App, id: &FlowId) -> Result<Self, EvidenceError> {
        let (flow, manifest) = Manifest::read(&app.db, id).await?.ok_or(EvidenceError::NoFlow)?;
        let mut manifest = serde_json::to_value(manifest)?;
        manifest["n"] = json!(0);
        let facts: ManifestFacts = serde_json::from_value(manifest.clone())?;
        let manifest = only_facts(manifest);
        // Equal facts have equal fingerprints.
        let fingerprint = Blake3::of(&serde_json::to_vec(&json!([flow.state, manifest]))?);
        let (state, at) = (format!("0-{}", &fingerprint.as_str()[..16]), last_fact(&facts));
        let (flow_id, flow_state, archived_at) = (flow.id, flow.state, flow.archived_at);
        Ok(Self { flow_id, flow_state, archived_at, n: 0, state, at, manifest, facts })
    }

    /// A state of made-up facts.
    #[cfg(test)]
    pub(super) fn of_facts(manifest: Value) -> Self {
        let facts: ManifestFacts = serde_json::from_value(manifest.clone()).unwrap();
        let (flow_state, at) = (facts.flow.state, facts.as_of);
        let (flow_id, state) = (FlowId::new(), "1".to_owned());
        Self { flow_id, flow_state, archived_at: Some(at), n: 1, state, at, manifest, facts }
    }

    pub(super) fn name<'a>(&'a self, username: &'a str) -> &'a str {
        self.facts.names.get(username).map_or(username, String::as_str)
    }

    /// The flow's last event of this kind.
    fn last(&self, act: &str) -> Option<Timestamp> {
        self.facts.events.iter().rev().find(|event| event.act == act).map(|event| event.at)
    }

    /// What `bag-info.txt` says of the archive.
    pub(super) fn archived(&self) -> String {
        match self.flow_state {
            FlowState::Withdrawn => format!("已撤回 {}", self.last("withdrawn").unwrap_or(self.at)),
            _ if self.n == 0 => "未归档".to_owned(),
            _ => self.archived_at.unwrap_or(self.at).to_string(),
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

/// Before archiving, a package takes the SM3 of originals, and the vendor is asked again and again. These are no new facts.
fn only_facts(mut manifest: Value) -> Value {
    for (list, member) in [("documents", "sm3"), ("details", "detailAt")] {
        for row in manifest[list].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            row.remove(member);
        }
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

fn last_fact(facts: &ManifestFacts) -> Timestamp {
    let of_files = facts.documents.iter().map(|file| file.received_at.max(file.created_at));
    let of_events = facts.events.iter().map(|event| event.at);
    let of_callbacks = facts.callbacks.iter().map(|callback| callback.received_at);
    of_files.chain(of_events).chain(of_callbacks).fold(facts.as_of, Timestamp::max)
}
