//! Which users may have a bundle now.
//!
//! Documents of one folder, shelf and flow have the same rights. So a bundle keeps one document of each such place, and a
//! request asks the rights of these alone, as the lists do. A trigger notes each change of a document at a place of the
//! bundle (moved, trashed, another kind, gone). The next request looks at the documents again.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{
    expiry,
    layout::EntryContent,
    plans::{self, PlanError},
    record::{self, Bundle, BundleKind},
};
use crate::{
    app::App,
    content::download::original_of,
    db::{Db, DbError, padded, placeholders, sql},
    hash::Blake3,
    id::{DocumentId, FlowId},
    library::{
        rights::Sight,
        selected::places::{self, DocumentPlace, Places, RightsPlace},
    },
    user::User,
};

/// What a user must be allowed to have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NeededRights {
    /// One document of each place.
    documents: BTreeSet<DocumentId>,
    /// The same for documents in the trash.
    trashed: BTreeSet<DocumentId>,
    /// Flows whose packages are in the bundle.
    flows: BTreeSet<FlowId>,
}

#[derive(Debug, thiserror::Error)]
pub enum BundleRightsError {
    #[error("the rights of the bundle cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl NeededRights {
    /// Returns the rights to the documents of these places and to the packages of these flows, and the names of all.
    pub(super) fn of(places: &Places, flows: BTreeSet<FlowId>) -> (Self, Vec<String>) {
        let of = |trashed| places.iter().filter(move |(place, _)| place.trashed == trashed);
        let ids = |trashed| of(trashed).map(|(_, id)| id.clone()).collect();
        let names = places.keys().map(RightsPlace::name).chain(flows.iter().map(FlowId::as_str));
        let names = names.collect::<BTreeSet<_>>().into_iter().map(ToOwned::to_owned).collect();
        (Self { documents: ids(false), trashed: ids(true), flows }, names)
    }

    pub(super) fn json(&self) -> Result<String, DbError> {
        serde_json::to_string(self).map_err(|error| DbError::Encode(error.into()))
    }
}

/// Returns true if `user` may download every document of the bundle now. A bundle whose documents are gone ends.
pub async fn may_have(app: &App, bundle: &Bundle, user: &User) -> Result<bool, BundleRightsError> {
    settle(app, bundle).await?;
    let (needs, faces) = Bundle::needs_of(&app.db, &bundle.id).await?;
    let needs: NeededRights =
        needs.map_or_else(|| Ok(NeededRights::default()), |needs| serde_json::from_str(&needs))?;
    let flows: Vec<&FlowId> = needs.flows.iter().chain(own_flow(bundle)).collect();
    let documents: Vec<DocumentId> = needs.documents.union(&needs.trashed).cloned().collect();
    Ok((!faces || user.reads_all())
        && knows_all(&app.db, &flows, user).await?
        && places::may_have_all(&app.db, &documents, &Sight::of(&app.db, user).await?).await?)
}

/// Returns the flow whose package the bundle is.
fn own_flow(bundle: &Bundle) -> Option<&FlowId> {
    bundle.flow_id.as_ref().filter(|_| bundle.kind == BundleKind::Evidence)
}

/// Returns true if each of the flows knows the user. A draft has no package.
async fn knows_all(db: &Db, flows: &[&FlowId], user: &User) -> Result<bool, DbError> {
    if user.reads_all() {
        return Ok(true);
    }
    let names = user.names_in_flows();
    for piece in flows.chunks(1024) {
        let asked = padded(piece);
        let known: i64 = sql(format!(
            "SELECT COUNT(DISTINCT flow_id) FROM flow_people WHERE flow_id IN {} AND who IN {}",
            placeholders(1, asked.len()),
            placeholders(1 + asked.len(), names.len())
        ))
        .bind_all(asked)
        .bind_all(names.iter().map(String::as_str))
        .scalar(db)
        .await?;
        if usize::try_from(known) != Ok(piece.len()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Looks at what has changed since the rights were written.
pub(super) async fn settle(app: &App, bundle: &Bundle) -> Result<(), BundleRightsError> {
    if bundle.plan_key.is_none() {
        return Ok(());
    }
    // A change that comes after this line is looked at by the next request.
    let changes = Bundle::changes(&app.db, &bundle.id).await?;
    if changes.is_empty() {
        return Ok(());
    }
    let plan = plans::read(&app.store, &app.cpu, bundle).await?;
    let keys = plan.entries.iter().filter_map(|entry| match &entry.content {
        EntryContent::Stored(key) => Some(key.as_str()),
        EntryContent::Made(_) => None,
    });
    write_rights(app, bundle, &changes, &plan.documents, keys).await
}

/// As [`settle`], for a bundle whose row was just written. `keys`: the objects of its entries.
pub(super) async fn settle_new(
    app: &App,
    bundle: &Bundle,
    documents: &[DocumentId],
    keys: impl Iterator<Item = &str>,
) -> Result<(), BundleRightsError> {
    let changes = Bundle::changes(&app.db, &bundle.id).await?;
    if changes.is_empty() {
        return Ok(());
    }
    write_rights(app, bundle, &changes, documents, keys).await
}

async fn write_rights(
    app: &App,
    bundle: &Bundle,
    changes: &[String],
    documents: &[DocumentId],
    keys: impl Iterator<Item = &str>,
) -> Result<(), BundleRightsError> {
    let (needs, mut faces) = Bundle::needs_of(&app.db, &bundle.id).await?;
    let known: NeededRights =
        needs.map_or_else(|| Ok(NeededRights::default()), |needs| serde_json::from_str(&needs))?;
    let packages: BTreeSet<FlowId> = known.flows.iter().chain(own_flow(bundle)).cloned().collect();
    let of_packages =
        if packages.is_empty() { Some(Packaged::default()) } else { packaged(app, keys, packages).await? };
    let places = places::of_ids(&app.db, documents).await?;
    let (Some(places), Some(of_packages)) = (places, of_packages) else {
        expiry::end_row(&app.db, &bundle.id, app.clock.now()).await?;
        return Err(PlanError::Gone.into());
    };
    let (mut needs, names) = NeededRights::of(&places, known.flows);
    faces |= of_packages.faces;
    needs.trashed.extend(of_packages.trashed);
    let mut tx = app.db.begin().await?;
    if !Bundle::settle(&mut tx, &bundle.id, &needs.json()?, faces, changes).await? {
        return Ok(());
    }
    if record::stand_at(&mut tx, &bundle.id, &names).await? {
        record::look_again(&mut tx, &bundle.id).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// What became of the originals of packages.
#[derive(Debug, Default)]
struct Packaged {
    faces: bool,
    trashed: Vec<DocumentId>,
}

/// Compares the originals of packages with the documents of their flows. `None`: an original has no document any more.
async fn packaged(
    app: &App,
    keys: impl Iterator<Item = &str>,
    flows: BTreeSet<FlowId>,
) -> Result<Option<Packaged>, DbError> {
    let mut places: HashMap<Blake3, Vec<DocumentPlace>> = HashMap::new();
    for flow in &flows {
        for place in DocumentPlace::of_flow(&app.db, flow).await? {
            places.entry(place.blake3.clone()).or_default().push(place);
        }
    }
    let mut found = Packaged::default();
    for original in keys.filter_map(original_of) {
        let Some(places) = places.get(&original) else { return Ok(None) };
        let (trashed, live): (Vec<_>, Vec<_>) = places.iter().partition(|one| one.place.trashed);
        if live.is_empty() {
            found.trashed.extend(trashed.first().map(|one| one.id.clone()));
        }
        // Another photo of the flow may have the same bytes and show no face.
        found.faces |= !live.is_empty() && live.iter().all(|one| one.place.private);
    }
    Ok(Some(found))
}
