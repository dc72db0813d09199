//! The evidence package (证据包) of a flow: report, originals, metadata and manifests as one zip that a stranger checks
//! offline.
//!
//! A package belongs to one state of its flow: to the last manifest. A flow without a manifest has the state of its
//! present facts. All of
//! its parts are made once and kept in the store. The unique index on (flow, state, variant) decides between two nodes
//! that make the same package. So its bytes never change.

mod bag;
mod custody;
mod known;
pub mod many;
mod mask;
mod metadata;
pub mod parts;
mod report;
mod withheld;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use self::{
    bag::{Bag, BagFile, Source, Variant},
    known::Known,
};
use crate::{
    app::App,
    archive::read_back::{self, ReadBackError},
    audit::{self, Act, NewEntry},
    bundle::{
        self, ExpiryError, Layout,
        plan::{DamagedPlan, FrozenPlan},
        plans::PlanError,
        record::{Bundle, BundleKind},
    },
    content::thumbnails::{self, ThumbnailError},
    cpu::CpuError,
    db::{self, DbError},
    flow::{actions::Refusal, event::YINKU, evidence::SealedPackage, manifest::StoredManifest},
    hash::Blake3,
    id::{BundleId, FlowId},
    original::Original,
    outage::Outage,
    queue::{self, JobKind, Lease, Next},
    store::{StoreError, StoreKey},
};

pub use bag::VERIFY_HTML;
pub(super) use custody::CallbackLine;

#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("the flow does not exist")]
    NoFlow,
    #[error("the bytes of {0} in the store have changed. Restore the object.")]
    Changed(String),
    #[error(transparent)]
    ReadBack(#[from] ReadBackError),
    #[error("a manifest cannot be read or written: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Rule(#[from] Refusal),
    #[error(transparent)]
    Plan(#[from] DamagedPlan),
    #[error(transparent)]
    Open(#[from] PlanError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl EvidenceError {
    /// Returns the outage of our database or store that stopped the run.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Db(error) | Self::Expiry(ExpiryError::Db(error)) => db::outage(error),
            Self::Store(error) | Self::Expiry(ExpiryError::Store(error)) => error.outage(),
            Self::ReadBack(error) => error.outage(),
            Self::NoFlow
            | Self::Changed(_)
            | Self::Json(_)
            | Self::Rule(_)
            | Self::Plan(_)
            | Self::Open(_)
            | Self::Cpu(_) => None,
        }
    }
}

/// A package that is made, with its bundle.
#[derive(Debug)]
pub struct EvidencePackage {
    pub sealed: SealedPackage,
    pub bundle: Bundle,
}

/// Runs the job once: makes the packages of the flow's present state that are not made.
pub async fn run(app: &Arc<App>, lease: &Lease) -> Result<Next, EvidenceError> {
    let id: FlowId = lease.subject.parse().map_err(|_| EvidenceError::NoFlow)?;
    make(app, &id).await?;
    Ok(Next::Idle)
}

/// Returns the package of the present state. `None`: it is not made.
pub async fn present(app: &App, id: &FlowId, faces: bool) -> Result<Option<EvidencePackage>, EvidenceError> {
    of_state(app, id, &state(app, id).await?, faces).await
}

/// Returns the present state of a flow. Without a manifest, this reads all of its facts.
async fn state(app: &App, id: &FlowId) -> Result<String, EvidenceError> {
    match StoredManifest::last(&app.db, id).await? {
        Some(stored) => Ok(stored.n.to_string()),
        None => Ok(Known::of(app, id).await?.state),
    }
}

async fn of_state(app: &App, id: &FlowId, state: &str, faces: bool) -> Result<Option<EvidencePackage>, EvidenceError> {
    let Some(without) = live(app, id, state, false).await? else { return Ok(None) };
    // A package without private photos is the same for everyone.
    if !faces || without.sealed.withheld == 0 {
        return Ok(Some(without));
    }
    live(app, id, state, true).await
}

async fn live(app: &App, id: &FlowId, state: &str, faces: bool) -> Result<Option<EvidencePackage>, EvidenceError> {
    let Some(sealed) = SealedPackage::find(&app.db, id, state, faces).await? else { return Ok(None) };
    let bundle = Bundle::find(&app.db, &sealed.bundle_id).await?.filter(|bundle| bundle.is_live(app.clock.now()));
    Ok(bundle.map(|bundle| EvidencePackage { sealed, bundle }))
}

/// How long a request waits for a package that is not made: with a manifest, and before archiving.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(10));
const LOOK: Duration = Duration::from_millis(50);

/// Returns the package of the present state. If it is not made, the job makes it, and the caller waits a while.
/// `None`: the job goes on.
pub async fn bring(app: &App, id: &FlowId, faces: bool) -> Result<Option<EvidencePackage>, EvidenceError> {
    let wanted = state(app, id).await?;
    if let Some(package) = of_state(app, id, &wanted, faces).await? {
        return Ok(Some(package));
    }
    have_made(app, id).await?;
    let patience = if wanted.starts_with("0-") { PATIENCE.1 } else { PATIENCE.0 };
    let made = async {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(package) = of_state(app, id, &wanted, faces).await? {
                return Ok(Some(package));
            }
            if !queue::is_active(&app.db, JobKind::Evidence, id.as_str()).await? {
                // A fact came meanwhile, so the job made another state. Or the job is parked.
                return present(app, id, faces).await;
            }
        }
    };
    tokio::time::timeout(patience, made).await.unwrap_or(Ok(None))
}

/// Wakes the job that makes the packages.
pub async fn have_made(app: &App, id: &FlowId) -> Result<(), DbError> {
    let (mut tx, now) = (app.db.begin().await?, app.clock.now());
    queue::wake(&mut tx, JobKind::Evidence, id.as_str(), now, now).await?;
    tx.commit().await
}

/// Makes the packages of the flow's present state.
pub async fn make(app: &Arc<App>, id: &FlowId) -> Result<(), EvidenceError> {
    bundle::expire_of_flow(app, id).await?;
    let mut known = Known::of(app, id).await?;
    let variants: &[bool] = if known.private_files() > 0 { &[false, true] } else { &[false] };
    let mut due = Vec::new();
    for faces in variants {
        if live(app, id, &known.state, *faces).await?.is_none() {
            due.push(*faces);
        }
    }
    if due.is_empty() {
        return Ok(());
    }
    take_sm3(app, &mut known).await?;
    let thumbnails = thumbnails_of(app, &known).await?;
    let known = Arc::new(known);
    for faces in due {
        seal(app, &known, Variant { faces, thumbnails: thumbnails.clone() }).await?;
    }
    Ok(())
}

/// Takes the SM3 of originals that do not have it: before archiving. Each one is read whole, so its identity is checked.
async fn take_sm3(app: &App, known: &mut Known) -> Result<(), EvidenceError> {
    for file in known.facts.documents.iter_mut().filter(|file| file.sm3.is_none()) {
        let sm3 = read_back::sm3(app, &file.blake3, &file.store_key, "evidence").await?;
        let mut tx = app.db.begin().await?;
        Original::set_sm3(&mut tx, &file.blake3, &sm3).await?;
        tx.commit().await?;
        file.sm3 = Some(sm3);
    }
    Ok(())
}

/// The size of the thumbnails in a report, and how many are read at once.
const THUMBNAIL: u32 = 256;
const READS: usize = 8;

/// Returns the thumbnails of the photos in the order of the documents.
async fn thumbnails_of(app: &App, known: &Known) -> Result<Vec<Option<Bytes>>, EvidenceError> {
    let wanted: Vec<Option<(Blake3, String)>> = known
        .facts
        .documents
        .iter()
        .map(|file| {
            let shown = file.photo.is_some() && file.undecodable.is_none();
            shown.then(|| (file.blake3.clone(), file.store_key.clone()))
        })
        .collect();
    stream::iter(wanted)
        .map(async |wanted| {
            let Some((hash, key)) = wanted else { return Ok(None) };
            match thumbnails::of_original(app, &hash, &key, THUMBNAIL).await {
                Ok(jpeg) => Ok(Some(jpeg)),
                Err(ThumbnailError::Store(error)) if error.outage().is_some() => Err(error.into()),
                // The report says that it is missing.
                Err(_) => Ok(None),
            }
        })
        .buffered(READS)
        .try_collect()
        .await
}

/// Puts the parts of one variant and its plan, then writes its rows. The first node wins.
async fn seal(app: &Arc<App>, known: &Arc<Known>, variant: Variant) -> Result<(), EvidenceError> {
    let (of, faces, id) = (Arc::clone(known), variant.faces, BundleId::new());
    let bag = app.cpu.run(0, move || Bag::of(&of, &variant)).await?;
    let key = |file: &BagFile| part_key(known, &id, file.blake3.clone(), ext(&file.path));
    let made = bag.files.iter().filter_map(|file| match &file.source {
        Source::Made(bytes) => Some((key(file), bytes.clone())),
        Source::Original(_) => None,
    });
    let puts: Vec<(StoreKey, Bytes)> = made.collect();
    stream::iter(puts)
        .map(Ok)
        .try_for_each_concurrent(READS, async |(key, bytes)| app.store.put(&key, bytes).await)
        .await?;
    let entries = bag.entries(|file| key(file).to_string());
    let mark = if known.n == 0 { "_未归档" } else { "" };
    let name = format!("{}_证据包{mark}{}.zip", bag.folder, if faces { "_含人脸" } else { "" });
    let plan = FrozenPlan { name, modified: known.at, documents: Vec::new(), entries };
    let object = plan.encode();
    let plan_key = part_key(known, &id, Blake3::of(&object), "plan");
    app.store.put(&plan_key, object.into()).await?;
    let layout = Layout::of(&plan.entries);
    let now = app.clock.now();
    let bundle = Bundle {
        id: id.clone(),
        kind: BundleKind::Evidence,
        flow_id: Some(known.flow_id.clone()),
        faces,
        name: plan.name,
        plan_key: Some(plan_key.to_string()),
        bytes: i64::try_from(layout.bytes()).unwrap_or(i64::MAX),
        entries: i64::try_from(plan.entries.len()).unwrap_or(i64::MAX),
        etag: layout.etag().to_owned(),
        needs: None,
        left_out: "[]".to_owned(),
        made_by: YINKU.to_owned(),
        made_at: now,
        expires_at: (known.n == 0).then(|| now.plus(app.config.bundle.keep.get())),
    };
    if !record(app, known, &bundle, &bag).await? {
        bundle::delete_objects(&app.store, &bundle).await?;
    }
    Ok(())
}

/// Writes the rows of a package. Returns false if its objects are not needed: another node has made the package, or the
/// package of another state has the same bytes.
async fn record(app: &App, known: &Known, bundle: &Bundle, bag: &Bag) -> Result<bool, DbError> {
    let mut tx = app.db.begin().await?;
    let is_new = bundle.insert(&mut tx).await?;
    let bundle_id = if is_new {
        bundle.id.clone()
    } else {
        let same = Bundle::of_state(&mut tx, &known.flow_id, bundle.kind, &bundle.etag).await?;
        let Some(same) = same.filter(|same| same.is_live(bundle.made_at)) else { return Ok(false) };
        Bundle::prolong(&mut tx, &same.id, bundle.expires_at).await?;
        same.id
    };
    let sealed = SealedPackage {
        flow_id: known.flow_id.clone(),
        state: known.state.clone(),
        faces: bundle.faces,
        n: i64::from(known.n),
        s: bag.s.clone(),
        bundle_id,
        missing: bag.missing,
        withheld: i64::try_from(bag.withheld).unwrap_or(i64::MAX),
        sealed_at: bundle.made_at,
    };
    if !sealed.insert(&mut tx).await? {
        return Ok(false);
    }
    let variant = if bundle.faces { "with faces" } else { "without faces" };
    let detail = format!("state {}, {variant}: {}", known.state, bag.s);
    let entry = NewEntry::to_flow(YINKU, Act::EvidenceSealed, &known.flow_id).detail(&detail);
    audit::commit(tx, entry, bundle.made_at).await?;
    Ok(is_new)
}

fn part_key(known: &Known, bundle: &BundleId, hash: Blake3, ext: &'static str) -> StoreKey {
    StoreKey::Evidence { flow: known.flow_id.clone(), bundle: bundle.clone(), hash, ext }
}

fn ext(path: &str) -> &'static str {
    let found = path.rsplit_once('.').map_or("", |(_, ext)| ext);
    ["html", "json", "jsonl", "txt", "md", "py"].into_iter().find(|ext| *ext == found).unwrap_or("bin")
}
