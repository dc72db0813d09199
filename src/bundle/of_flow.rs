//! The photos of a flow as one bundle, for local download.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;

use super::{
    ExpiryError, delete_objects, entries, expire_of_flow,
    layout::{Entry, EntryContent},
    left::{self, LeftCode, LeftOut},
    plan::FrozenPlan,
    plans::OpenPlan,
    record::{self, Bundle, BundleKind},
    rights::NeededRights,
};
use crate::{
    app::App,
    clock::Timestamp,
    cpu::CpuError,
    db::{Db, DbError},
    hash::Hashes,
    id::{BundleId, FlowId},
    library::selected::{documents::photos_of_flow, places},
    preservation::findings,
    seal_use::{Grant, PhotoCounts, SealUse},
    store::{StoreError, StoreKey},
    user::User,
};

#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    #[error("the photos of the flow have changed meanwhile")]
    Changed,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The plan of the photos that a user may download now. It is not frozen yet.
#[derive(Debug)]
pub struct PhotosPlan {
    plan: FrozenPlan,
    left: Vec<LeftOut>,
    pub open: Arc<OpenPlan>,
}

impl PhotosPlan {
    /// Returns the plan of the stored photos. `None` if no photo is stored.
    pub async fn now(app: &App, flow: &FlowId, serial_no: &str, user: &User) -> Result<Option<Self>, FreezeError> {
        let mut documents = photos_of_flow(&app.db, flow).await?;
        documents.retain(|document| user.reads_all() || !document.place.private);
        let Some(modified) = documents.iter().map(|document| document.received_at).max() else { return Ok(None) };
        let mut left = missing(&app.db, flow).await?;
        let damaged = findings::open_damage(&app.db).await?;
        documents.retain(|document| {
            let good = !damaged.contains(&document.blake3);
            if !good {
                left.push(LeftOut::new(&document.name, LeftCode::OriginalDamaged));
            }
            good
        });
        let mut entries = entries(&documents);
        if let Some(text) = left::list(&left) {
            entries.push(made(left::FILE, text.into(), modified));
        }
        let documents = documents.into_iter().map(|document| document.id).collect();
        let plan = FrozenPlan { name: format!("{serial_no}_用印图片.zip"), modified, documents, entries };
        let (open, plan) = app.cpu.run(plan.memory(), move || (OpenPlan::of(&plan), plan)).await?;
        Ok(Some(Self { plan, left, open: Arc::new(open) }))
    }

    /// Returns the bundle of this state. One state, one bundle.
    pub async fn freeze(self, app: &App, flow: &FlowId, user: &User) -> Result<Bundle, FreezeError> {
        let (etag, now) = (self.open.layout.etag().to_owned(), app.clock.now());
        if let Some(bundle) = Bundle::of_state(&app.db, flow, BundleKind::Photos, &etag).await? {
            if bundle.is_live(now) {
                return Ok(bundle);
            }
            expire_of_flow(app, flow).await?;
        }
        let places = places::of_ids(&app.db, &self.plan.documents).await?.ok_or(FreezeError::Changed)?;
        let (needs, names) = NeededRights::of(&places, BTreeSet::new());
        let id = BundleId::new();
        let key = StoreKey::plan_of(&id);
        let (plan, memory) = (self.plan, self.open.layout.memory() as u64);
        let (name, entries) = (plan.name.clone(), plan.entries.len());
        let object = app.cpu.run(memory, move || plan.encode()).await?;
        app.store.put(&key, object.into()).await?;
        let bundle = Bundle {
            id,
            kind: BundleKind::Photos,
            flow_id: Some(flow.clone()),
            faces: false,
            name,
            plan_key: Some(key.to_string()),
            bytes: i64::try_from(self.open.layout.bytes()).unwrap_or(i64::MAX),
            entries: i64::try_from(entries).unwrap_or(i64::MAX),
            etag,
            needs: Some(needs.json()?),
            left_out: left::json(&self.left)?,
            made_by: user.username.clone(),
            made_at: now,
            expires_at: Some(now.plus(app.config.bundle.keep.get())),
        };
        let mut tx = app.db.begin().await?;
        if bundle.insert(&mut tx).await? {
            record::stand_at(&mut tx, &bundle.id, &names).await?;
            record::look_again(&mut tx, &bundle.id).await?;
            tx.commit().await?;
            return Ok(bundle);
        }
        drop(tx);
        // Another request has frozen the same state.
        delete_objects(&app.store, &bundle).await?;
        Ok(Bundle::of_state(&app.db, flow, BundleKind::Photos, &bundle.etag).await?.ok_or(DbError::RowNotFound)?)
    }
}

/// Returns an entry of bytes that are made for the zip.
pub(super) fn made(name: &str, bytes: Bytes, at: Timestamp) -> Entry {
    let Hashes { blake3, crc32, .. } = Hashes::of(&bytes);
    let (name, length) = (name.to_owned(), bytes.len() as u64);
    Entry { name, bytes: length, crc32, blake3, at, content: EntryContent::Made(bytes) }
}

/// Returns what the vendor owes now, a line for each seal and kind.
pub(super) async fn missing(db: &Db, flow: &FlowId) -> Result<Vec<LeftOut>, DbError> {
    let mut left = Vec::new();
    for seal_use in SealUse::with_photos(db, flow).await? {
        let mut reader = db.reader().await?;
        let counts = PhotoCounts::read(&mut reader, &seal_use.id).await?;
        if counts.sum.missing == 0 {
            continue;
        }
        let grants = Grant::of_seal_use(&mut reader, &seal_use.id).await?;
        for gap in counts.gaps {
            let grant = grants.iter().find(|grant| gap.grant_id.as_ref() == Some(&grant.id));
            let seal = grant.map_or("未知印章", |grant| grant.seal.as_str());
            let name = format!("{seal} {} × {}", gap.kind.as_str(), gap.missing);
            left.push(LeftOut::new(name, LeftCode::PhotosMissing));
        }
    }
    Ok(left)
}
