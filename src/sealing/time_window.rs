//! Changes the time in which seals may be used, at the vendor and in yinku. yinku ends the use after that time.

use crate::{
    app::App,
    audit::Act,
    clock::Timestamp,
    db::DbError,
    flow::{Flow, act::FlowAct, event::EventKind},
    id::FlowId,
    provider::{ProviderError, SealWindow},
    queue::{self, JobKind},
    seal_use::{Grant, SealUse, SealUseStatus},
    service::{Service, ServiceError},
    user::User,
};

/// Why the time was not changed.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    #[error("no end of the time of use is known. Send `end`.")]
    NoEnd,
    #[error("the time of use ends before it begins. Send an `end` after `start`.")]
    EndsBeforeItBegins,
    #[error("the end is in the past. End the use instead.")]
    EndIsPast,
    #[error("the flow has no open seal {0:?}. Send the name or the device number of an open seal.")]
    NoSuchSeal(String),
    #[error("the flow has no open seal use at the vendor")]
    NothingOpen,
    #[error(transparent)]
    Vendor(#[from] ProviderError),
    #[error("{0}. It is unknown whether the time was changed. Set it again.")]
    Unclear(ProviderError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The new time, and its seals.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// `None`: the present time stays. Without a present time, the time of the application counts.
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// `None`: every open seal.
    pub seals: Option<Selector>,
}

#[derive(Clone, Debug)]
pub enum Selector {
    Device(String),
    /// The name or the device number of a seal.
    Seal(String),
}

impl Selector {
    fn picks(&self, grant: &Grant) -> bool {
        match self {
            Self::Device(device) => grant.device_no.as_ref() == Some(device),
            Self::Seal(seal) => grant.seal == *seal || grant.device_no.as_ref() == Some(seal),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Device(text) | Self::Seal(text) => text,
        }
    }
}

/// Changes the time of use of the flow's open seals, for `user`.
pub async fn set(app: &App, flow: &FlowId, user: &User, wanted: &Wanted) -> Result<(), WindowError> {
    let open = SealUse::at_vendor(&app.db, flow).await?.filter(|seal_use| seal_use.status == SealUseStatus::Using);
    let seal_use = open.ok_or(WindowError::NothingOpen)?;
    let mut grants = Grant::of_seal_use(&app.db, &seal_use.id).await?;
    grants.retain(|grant| !grant.complete && wanted.seals.as_ref().is_none_or(|seals| seals.picks(grant)));
    match &wanted.seals {
        _ if !grants.is_empty() => change_seal_use(app, &seal_use, &grants, user, wanted).await,
        Some(seals) => Err(WindowError::NoSuchSeal(seals.text().to_owned())),
        None => Err(WindowError::NothingOpen),
    }
}

async fn change_seal_use(
    app: &App,
    seal_use: &SealUse,
    grants: &[Grant],
    user: &User,
    wanted: &Wanted,
) -> Result<(), WindowError> {
    let business_id = seal_use.business_id.as_deref().ok_or(WindowError::NothingOpen)?;
    let now = app.clock.now();
    let known_start = grants.iter().filter_map(|grant| grant.window_start).min();
    let known_end = grants.iter().filter_map(|grant| grant.window_end).max();
    let start = wanted.start.or(known_start).unwrap_or(seal_use.created_at);
    let end = wanted.end.or(known_end).ok_or(WindowError::NoEnd)?;
    if end <= start {
        return Err(WindowError::EndsBeforeItBegins);
    }
    if end <= now {
        return Err(WindowError::EndIsPast);
    }
    let client = Service::client(&app.db, &app.vendor, &seal_use.service_id).await?;
    for (named, grants) in selections(grants, wanted.seals.is_some()) {
        let (device_no, seal_name, owner_name) = named;
        let window = SealWindow {
            business_id: business_id.to_owned(),
            device_no,
            seal_name,
            owner_name,
            start: Some(start),
            end: Some(end),
        };
        // One after the other: a change that the vendor has made is stored, even if a later one fails.
        match client.set_window(&window).await {
            Ok(()) => changed(app, seal_use, &grants, user, (start, end)).await?,
            Err(lost) if lost.unclear() => {
                record_unclear(app, seal_use, &grants, user, (start, end), &lost).await?;
                return Err(WindowError::Unclear(lost));
            }
            Err(never) => return Err(never.into()),
        }
    }
    Ok(())
}

/// A box, or a name and an owner; or all open seals.
type Named = (Option<String>, Option<String>, Option<String>);

/// Groups the grants by the vendor's selectors, one call each. Seals are selected by their boxes if these are known.
/// No selector is needed if every seal is meant.
fn selections(grants: &[Grant], only_some: bool) -> Vec<(Named, Vec<&Grant>)> {
    if !only_some {
        return vec![((None, None, None), grants.iter().collect())];
    }
    let named = |grant: &Grant| match &grant.device_no {
        Some(device) => (Some(device.clone()), None, None),
        None => (None, Some(grant.seal.clone()), grant.owner.clone()),
    };
    let mut selectors: Vec<Named> = grants.iter().map(named).collect();
    selectors.sort();
    selectors.dedup();
    let of = |name: &Named| grants.iter().filter(|grant| named(grant) == *name).collect();
    selectors.into_iter().map(|name| (name.clone(), of(&name))).collect()
}

async fn changed(
    app: &App,
    seal_use: &SealUse,
    grants: &[&Grant],
    user: &User,
    (start, end): (Timestamp, Timestamp),
) -> Result<(), WindowError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    queue::wake(&mut tx, JobKind::Finish, seal_use.id.as_str(), end, now).await?;
    Flow::lock(&mut tx, &seal_use.flow_id).await?;
    for grant in grants {
        grant.set_window(&mut tx, start, end).await?;
    }
    let detail = window_summary(grants, start, end);
    let act = FlowAct {
        username: &user.username,
        event: EventKind::WindowChanged,
        act: Act::WindowChanged,
        subject: seal_use.id.as_str(),
        detail: &detail,
    };
    Ok(act.commit(tx, &seal_use.flow_id, now).await?)
}

/// The result is unknown. The events show it, because the time may have changed. The stored time stays: at its end
/// yinku ends the use, independent of the vendor's time.
async fn record_unclear(
    app: &App,
    seal_use: &SealUse,
    grants: &[&Grant],
    user: &User,
    (start, end): (Timestamp, Timestamp),
    lost: &ProviderError,
) -> Result<(), DbError> {
    let mut tx = app.db.begin().await?;
    Flow::lock(&mut tx, &seal_use.flow_id).await?;
    let detail = format!("{}: {lost}", window_summary(grants, start, end));
    let act = FlowAct {
        username: &user.username,
        event: EventKind::WindowUnclear,
        act: Act::WindowUnclear,
        subject: seal_use.id.as_str(),
        detail: &detail,
    };
    act.commit(tx, &seal_use.flow_id, app.clock.now()).await
}

fn window_summary(grants: &[&Grant], start: Timestamp, end: Timestamp) -> String {
    let mut seals: Vec<&str> = grants.iter().map(|grant| grant.seal.as_str()).collect();
    seals.dedup();
    format!("{start} – {end} ({})", seals.join(", "))
}
