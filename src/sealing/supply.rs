//! Accepts a missing photo from a user. It belongs to one grant, is marked as supplied, and is sent to the vendor,
//! too.

use std::collections::HashSet;

use crate::content::receive::{Batch, StoredUpload, UploadError};
use crate::{
    app::App,
    audit::{self, Act, NewEntry},
    db::Tx,
    definition::{Definition, folders::FolderPurpose},
    flow::{
        Flow, FlowState, LockedFlow,
        event::{self, EventKind, NewEvent},
        people,
    },
    hash::Blake3,
    id::{GrantId, IngestId},
    original::Original,
    photo::kind::PhotoKind,
    queue::{self, JobKind},
    seal_use::{
        Grant, SealUse,
        delivery::{Dispatch, Supply},
        ingest::{Trigger, wake},
    },
    sealing::owed_photos::{self, OwedAtVendor},
    user::User,
};

/// The result of a supply: the ingest that links the photo, and all photos supplied for the grant.
#[derive(Debug)]
pub struct Supplied {
    pub ingest_id: IngestId,
    pub photos: Vec<Dispatch>,
}

/// Returns the flow of a grant, to check the user's rights.
pub async fn flow_of(app: &App, grant: &GrantId) -> Result<(Grant, SealUse, Flow), UploadError> {
    let grant = Grant::find(&app.db, grant).await?.ok_or(UploadError::NotFound)?;
    let seal_use = SealUse::find(&app.db, &grant.seal_use_id).await?.ok_or(UploadError::NotFound)?;
    let flow = Flow::find(&app.db, &seal_use.flow_id).await?.ok_or(UploadError::NotFound)?;
    Ok((grant, seal_use, flow))
}

/// A grant that owes photos.
#[derive(Debug)]
pub struct Owing {
    grant: Grant,
    flow: Flow,
    /// Only the vendor says that photos are owed.
    at_vendor: Option<OwedAtVendor>,
}

/// Returns the grant if it owes photos: by our count, or by the vendor's list, as `/api/owed` tells. Then an archived
/// flow takes photos, too: they supplement its archive.
pub async fn owing(app: &App, grant: Grant, seal_use: &SealUse, flow: Flow) -> Result<Owing, UploadError> {
    let mut tx = app.db.begin().await?;
    let here = owed_photos::owed_here(&mut tx, &grant, None).await? > 0;
    tx.commit().await?;
    let at_vendor = if here { None } else { OwedAtVendor::ask(app, seal_use, &grant).await? };
    if here || at_vendor.is_some() { Ok(Owing { grant, flow, at_vendor }) } else { Err(nothing_owed(&flow)) }
}

impl Owing {
    /// Fails if the grant owes fewer photos of this kind than `stored` has. A photo that was supplied before is the same
    /// one again. The flow is locked.
    async fn check(
        &self,
        tx: &mut Tx,
        flow: &LockedFlow,
        kind: PhotoKind,
        stored: &[StoredUpload],
    ) -> Result<(), UploadError> {
        let supplied = Dispatch::of_grant(&mut *tx, &self.grant.id).await?;
        let new: HashSet<&Blake3> = stored
            .iter()
            .map(|one| &one.original.hash)
            .filter(|hash| supplied.iter().all(|supplied| supplied.original_hash != **hash))
            .collect();
        let owed = match self.at_vendor {
            Some(at_vendor) => at_vendor.now(tx, &self.grant).await?,
            None => owed_photos::owed_here(tx, &self.grant, Some(kind)).await?,
        };
        match owed {
            0 => Err(nothing_owed(flow)),
            owed if new.len() > owed => Err(UploadError::OwesFewer { owed, kind }),
            _ => Ok(()),
        }
    }
}

fn nothing_owed(flow: &Flow) -> UploadError {
    if flow.state == FlowState::Archived { UploadError::NotRunning(flow.state) } else { UploadError::NothingOwed }
}

/// Stores the pictures and wakes the ingest, which links them. Only the ingest writes photos.
pub async fn supply(
    app: &App,
    owing: &Owing,
    kind: PhotoKind,
    user: &User,
    batch: Batch,
) -> Result<Supplied, UploadError> {
    let Owing { grant, flow, .. } = owing;
    if batch.is_empty() {
        return Err(UploadError::NoFile);
    }
    if let Some(name) = batch.not_a_picture().map(str::to_owned) {
        batch.discard().await;
        return Err(UploadError::NotAnImage(name));
    }
    let now = app.clock.now();
    let definition = Definition::version(&app.db, &flow.definition_id, flow.version).await?;
    let starter = User::named(&app.db, &flow.starter).await?.ok_or(UploadError::NotFound)?;
    let mut tx = app.db.begin().await?;
    let place = definition.place(&mut tx, FolderPurpose::Photos, &starter, now).await?;
    tx.commit().await?;
    let stored = batch.store(app, &place).await?;
    let mut tx = app.db.begin().await?;
    // The lock order of a pass: its job, the originals, the flow, the job that sends.
    let ingest_id = wake(&mut tx, &grant.seal_use_id, Trigger::Supply, now, now).await?;
    Original::insert_all(&mut tx, stored.iter().map(|one| &one.original)).await?;
    let flow = Flow::lock(&mut tx, &flow.id).await?.ok_or(UploadError::NotFound)?;
    // Another user may have supplied the photo during the upload.
    owing.check(&mut tx, &flow, kind, &stored).await?;
    queue::wake(&mut tx, JobKind::Send, grant.seal_use_id.as_str(), now, now).await?;
    for one in &stored {
        let supply = Supply {
            seal_use: grant.seal_use_id.clone(),
            grant: grant.id.clone(),
            kind,
            original: one.original.hash.clone(),
            name: one.name.clone(),
            by: user.username.clone(),
        };
        supply.insert(&mut tx, now).await?;
    }
    let detail = format!("{} {}", grant.seal, grant.user_name);
    let happened = NewEvent {
        actor: &user.username,
        act: EventKind::PhotoSupplied,
        node: flow.node.as_deref(),
        detail: Some(&detail),
    };
    event::record(&mut tx, &flow.id, happened, now).await?;
    people::acted(&mut tx, &flow.id, &user.username).await?;
    let names: Vec<&str> = stored.iter().map(|one| one.name.as_str()).collect();
    let names = names.join(", ");
    let entry = NewEntry::new(&user.username, Act::PhotoSupplied, grant.id.as_str()).of_flow(&flow.id).detail(&names);
    audit::commit(tx, entry, now).await?;
    Ok(Supplied { ingest_id, photos: Dispatch::of_grant(&app.db, &grant.id).await? })
}
