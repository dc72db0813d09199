//! The photos of a flow as one bundle, for local download.

use std::{fmt::Write as _, sync::Arc};

use bytes::Bytes;

use super::{
    ExpiryError, delete_objects, entries, expire,
    layout::{Entry, EntryContent, Layout},
    plan::FrozenPlan,
    plans::OpenPlan,
    record::{Bundle, BundleKind},
};
use crate::{
    app::App,
    clock::Timestamp,
    db::{Db, DbError},
    hash::Hashes,
    id::{BundleId, FlowId},
    library::document::Document,
    seal_use::{Grant, PhotoCounts, SealUse},
    store::{StoreError, StoreKey},
    user::User,
};

#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The plan of the photos that a user may download now. It is not frozen yet.
#[derive(Debug)]
pub struct PhotosPlan {
    plan: FrozenPlan,
    faces: bool,
    pub open: Arc<OpenPlan>,
}

impl PhotosPlan {
    /// Returns the plan of the stored photos. `None` if no photo is stored.
    pub async fn now(db: &Db, flow: &FlowId, serial_no: &str, user: &User) -> Result<Option<Self>, DbError> {
        let mut documents = Document::photos_of_flow(db, flow).await?;
        documents.retain(|document| document.may_be_seen_by(user));
        let Some(modified) = documents.iter().map(|document| document.received_at).max() else { return Ok(None) };
        let faces = documents.iter().any(Document::is_face);
        let mut entries = entries(&documents);
        if let Some(text) = missing(db, flow).await? {
            entries.push(made("缺失清单.txt", text.into(), modified));
        }
        let plan = FrozenPlan { name: format!("{serial_no}_用印图片.zip"), modified, entries };
        let layout = Arc::new(Layout::of(plan.entries.clone()));
        Ok(Some(Self { plan, faces, open: Arc::new(OpenPlan { modified, layout }) }))
    }

    /// Returns the bundle of this state. One state, one bundle.
    pub async fn freeze(self, app: &App, flow: &FlowId, user: &User) -> Result<Bundle, FreezeError> {
        let (etag, now) = (self.open.layout.etag().to_owned(), app.clock.now());
        if let Some(bundle) = Bundle::of_state(&app.db, flow, BundleKind::Photos, &etag).await? {
            if bundle.is_live(now) {
                return Ok(bundle);
            }
            expire(app).await?;
        }
        let id = BundleId::new();
        let key = StoreKey::Bundle { id: id.clone() };
        app.store.put(&key, self.plan.encode().into()).await?;
        let bundle = Bundle {
            id,
            kind: BundleKind::Photos,
            flow_id: Some(flow.clone()),
            faces: self.faces,
            name: self.plan.name,
            plan_key: Some(key.to_string()),
            bytes: i64::try_from(self.open.layout.bytes()).unwrap_or(i64::MAX),
            entries: i64::try_from(self.plan.entries.len()).unwrap_or(i64::MAX),
            etag,
            needs: None,
            left_out: "[]".to_owned(),
            made_by: user.username.clone(),
            made_at: now,
            expires_at: Some(now.plus(app.config.bundle.keep.get())),
        };
        let mut tx = app.db.begin().await?;
        if bundle.insert(&mut tx).await? {
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

/// Returns the list of what is missing now. `None` if every photo is here.
async fn missing(db: &Db, flow: &FlowId) -> Result<Option<String>, DbError> {
    let mut text = String::new();
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
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{seal} {}: {} 张未取得 / {} missing", gap.kind.as_str(), gap.missing, gap.missing);
        }
    }
    Ok((!text.is_empty()).then(|| format!("缺失清单 / What is missing\n\n{text}")))
}
