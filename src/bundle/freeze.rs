//! Freezes what was gathered: its plan becomes an object of the store, then its row names the plan.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    left,
    of_flow::made,
    plan::FrozenPlan,
    plans::{OpenPlan, PlanError},
    record::{self, Bundle, BundleKind},
    rights::{self, BundleRightsError, NeededRights},
    selection::{BundleWish, Gathered, SelectionError, visible_flow},
};
use crate::{
    app::App,
    audit::{self, Act, NewEntry},
    id::BundleId,
    library::selected::places::Places,
    store::StoreKey,
    user::User,
};

impl Gathered {
    /// Freezes the selection. Returns its plan, too.
    pub async fn freeze(
        self,
        app: &App,
        user: &User,
        name: Option<&str>,
    ) -> Result<(Bundle, OpenPlan), SelectionError> {
        let bundle = blank(app, user, name);
        self.freeze_as(app, user, bundle, false).await
    }

    /// Freezes the selection as a bundle that has its row already.
    pub async fn complete(self, app: &App, user: &User, bundle: Bundle) -> Result<Bundle, SelectionError> {
        Ok(self.freeze_as(app, user, bundle, true).await?.0)
    }

    async fn freeze_as(
        mut self,
        app: &App,
        user: &User,
        bundle: Bundle,
        known: bool,
    ) -> Result<(Bundle, OpenPlan), SelectionError> {
        self.name_refused()?;
        let modified = self.entries.iter().map(|entry| entry.at).max().unwrap_or(bundle.made_at);
        if let Some(text) = left::list(&self.left) {
            self.entries.push(made(left::FILE, text.into(), modified));
        }
        let (needs, names) = NeededRights::of(&self.places, self.flows);
        let documents = self.documents.clone();
        let plan = FrozenPlan { name: bundle.name.clone(), modified, documents: self.documents, entries: self.entries };
        let frozen = Frozen::put(app, &bundle.id, plan).await?;
        let bundle = Bundle {
            faces: self.faces,
            plan_key: Some(frozen.key.to_string()),
            bytes: i64::try_from(frozen.plan.layout.bytes()).unwrap_or(i64::MAX),
            entries: i64::try_from(frozen.entries).unwrap_or(i64::MAX),
            etag: frozen.plan.layout.etag().to_owned(),
            needs: Some(needs.json()?),
            left_out: left::json(&self.left)?,
            ..bundle
        };
        let now = app.clock.now();
        let mut tx = app.db.begin().await?;
        let held = match bundle.expires_at {
            Some(end) => Bundle::hold(&mut tx, &self.packages, now, end).await?,
            None => true,
        };
        let written = held && if known { bundle.complete(&mut tx).await? } else { bundle.insert(&mut tx).await? };
        if !written {
            drop(tx);
            app.store.delete(&frozen.key).await?;
            return Err(SelectionError::Changed);
        }
        record::stand_at(&mut tx, &bundle.id, &names).await?;
        record::look_again(&mut tx, &bundle.id).await?;
        let detail = format!("{} entries, {} bytes; places: {}", bundle.entries, bundle.bytes, names.join(" "));
        let entry = NewEntry::new(&user.username, Act::BundleMade, bundle.id.as_str()).detail(&detail);
        audit::commit(tx, entry, now).await?;
        match rights::settle_new(app, &bundle, &documents, frozen.plan.layout.keys()).await {
            // The caller does not know the bundle yet.
            Err(BundleRightsError::Plan(PlanError::Gone)) if !known => Err(SelectionError::Changed),
            settled => Ok(settled.map(|()| (bundle, frozen.plan))?),
        }
    }
}

/// Returns a bundle whose zip is not made.
fn blank(app: &App, user: &User, name: Option<&str>) -> Bundle {
    let name = name.map(str::trim).filter(|name| !name.is_empty()).unwrap_or("打包下载");
    let now = app.clock.now();
    Bundle {
        id: BundleId::new(),
        kind: BundleKind::Selection,
        flow_id: None,
        faces: false,
        name: format!("{}.zip", name.trim_end_matches(".zip")),
        plan_key: None,
        bytes: 0,
        entries: 0,
        etag: String::new(),
        needs: None,
        left_out: "[]".to_owned(),
        made_by: user.username.clone(),
        made_at: now,
        expires_at: Some(now.plus(app.config.bundle.keep.get())),
    }
}

/// Keeps a wish whose packages are not made yet. The bundle has its id, and its bytes follow.
pub async fn begin(app: &App, user: &User, wish: &BundleWish) -> Result<Bundle, SelectionError> {
    let mut bundle = blank(app, user, wish.name.as_deref());
    let mut flows = BTreeSet::new();
    for id in &wish.flow_ids {
        flows.extend(visible_flow(&app.db, id, user).await?.map(|flow| flow.id));
    }
    let (needs, _) = NeededRights::of(&Places::new(), flows);
    bundle.needs = Some(needs.json()?);
    bundle.faces = wish.faces;
    let json = serde_json::to_string(wish).map_err(BundleRightsError::from)?;
    let mut tx = app.db.begin().await?;
    bundle.insert(&mut tx).await?;
    record::wish(&mut tx, &bundle.id, user, &json).await?;
    tx.commit().await?;
    Ok(bundle)
}

/// Returns the wish of a bundle that is not made yet, and its maker.
pub async fn begun(app: &App, bundle: &Bundle) -> Result<Option<(User, BundleWish)>, SelectionError> {
    let Some((user, wish)) = record::wish_of(&app.db, &bundle.id).await? else { return Ok(None) };
    let user = User::find(&app.db, &user).await?.filter(|user| !user.disabled).ok_or(SelectionError::Nothing)?;
    Ok(Some((user, serde_json::from_str(&wish).map_err(BundleRightsError::from)?)))
}

/// The plan of a bundle in the store.
struct Frozen {
    key: StoreKey,
    entries: usize,
    plan: OpenPlan,
}

impl Frozen {
    async fn put(app: &App, id: &BundleId, plan: FrozenPlan) -> Result<Self, SelectionError> {
        let (key, entries, memory) = (StoreKey::plan_of(id), plan.entries.len(), plan.memory());
        // A plan of 100,000 entries takes some tenths of a second.
        let plan = Arc::new(plan);
        let encoded = {
            let plan = Arc::clone(&plan);
            app.cpu.run(memory / 2, move || plan.encode())
        };
        let opened = app.cpu.run(memory, move || OpenPlan::of(&plan));
        let (object, plan) = tokio::try_join!(encoded, opened)?;
        app.store.put(&key, object.into()).await?;
        Ok(Self { key, entries, plan })
    }
}
