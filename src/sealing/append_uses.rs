//! Appends uses at the vendor, while somebody waits for the answer. Never sent twice: uses appended twice are doubled.

use crate::{
    app::App,
    audit::Act,
    db::DbError,
    flow::{Flow, act::FlowAct, event::EventKind},
    id::FlowId,
    provider::{Actor, AppendLog, Client, ProviderError},
    seal_use::{
        Grant, Reopened, SealUse,
        ingest::{Trigger, wake},
    },
    sealing::actor::acting,
    service::{Service, ServiceError},
    user::User,
};

/// Why no uses were appended, or why nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("a number of uses from 1 to 100000")]
    Count,
    #[error("no seal of this flow is in the box {0:?}")]
    NoSuchDevice(String),
    #[error("the flow has no seal use at the vendor to which uses can be appended")]
    NothingToAppendTo,
    #[error("the flow has moved on meanwhile: uses are appended only while it stands at such a node")]
    MovedOn,
    #[error("neither you nor the applicant has an employee number or a mobile phone; add one to a user")]
    ContactMissing,
    #[error(transparent)]
    Vendor(#[from] ProviderError),
    /// The request may have arrived.
    #[error("{cause}: nobody knows whether the uses were appended: look at the detail before appending again ({hint})")]
    Unclear { cause: ProviderError, hint: &'static str },
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What is asked: how many more, of which box.
#[derive(Clone, Debug)]
pub struct More {
    pub count: u32,
    /// `None`: every seal.
    pub device_no: Option<String>,
}

/// `user` appends uses to the flow's seal uses.
pub async fn append(app: &App, flow: &FlowId, user: &User, more: &More) -> Result<(), AppendError> {
    if !(1..=100_000).contains(&more.count) {
        return Err(AppendError::Count);
    }
    let node = Flow::find(&app.db, flow).await?.and_then(|flow| flow.node);
    let mut found = false;
    for seal_use in SealUse::at_vendor(&app.db, flow).await? {
        let grants = Grant::of_seal_use(&app.db, &seal_use.id).await?;
        let of_device = |grant: &Grant| more.device_no.is_none() || grant.device_no == more.device_no;
        let grants: Vec<Grant> = grants.into_iter().filter(of_device).collect();
        if grants.is_empty() && more.device_no.is_some() {
            continue;
        }
        found = true;
        append_to_seal_use(app, &seal_use, &grants, user, more, node.as_deref()).await?;
    }
    match (found, &more.device_no) {
        (true, _) => Ok(()),
        (false, Some(device)) => Err(AppendError::NoSuchDevice(device.clone())),
        (false, None) => Err(AppendError::NothingToAppendTo),
    }
}

async fn append_to_seal_use(
    app: &App,
    seal_use: &SealUse,
    grants: &[Grant],
    user: &User,
    more: &More,
    node: Option<&str>,
) -> Result<(), AppendError> {
    let client = Service::client(&app.db, &app.vendor, &seal_use.service_id).await?;
    let business_id = seal_use.business_id.as_deref().ok_or(AppendError::NothingToAppendTo)?;
    let by = acting(&app.db, Some(&user.username), seal_use).await?.ok_or(AppendError::ContactMissing)?;
    // What was appended before: only so can a lost answer be cleared up. Nothing was sent if this fails.
    let before = client.detail(business_id).await?.append_logs;
    let reopened = reopen(app, seal_use, node).await?;
    match client.append(business_id, more.count, &by, more.device_no.as_deref()).await {
        Ok(_) => {}
        Err(error @ ProviderError::Rejected { .. }) => {
            take_back(app, seal_use, &reopened).await?;
            return Err(error.into());
        }
        Err(error) if error.surely_never_arrived() => {
            take_back(app, seal_use, &reopened).await?;
            return Err(error.into());
        }
        Err(cause) => {
            if let Err(hint) = append_is_listed(&client, business_id, &before, &by, more.count).await {
                record_unclear(app, seal_use, user, more, &cause).await?;
                return Err(AppendError::Unclear { cause, hint });
            }
        }
    }
    record_append(app, seal_use, grants, user, more).await
}

/// In use again before the vendor is asked: the flow must not leave its node while uses are being appended.
async fn reopen(app: &App, seal_use: &SealUse, node: Option<&str>) -> Result<Reopened, AppendError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    // Should this process die now, the vendor's detail puts it right.
    wake(&mut tx, &seal_use.id, Trigger::Poll, now.plus(app.config.vendor.total_timeout.get()), now).await?;
    let flow = Flow::lock(&mut tx, &seal_use.flow_id).await?.ok_or(AppendError::NothingToAppendTo)?;
    if flow.node.as_deref() != node {
        return Err(AppendError::MovedOn);
    }
    let reopened = SealUse::reopen(&mut tx, &seal_use.id, now).await?.ok_or(AppendError::NothingToAppendTo)?;
    tx.commit().await?;
    Ok(reopened)
}

/// Nothing was appended: as it was, and looked at once more.
async fn take_back(app: &App, seal_use: &SealUse, before: &Reopened) -> Result<(), DbError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    wake(&mut tx, &seal_use.id, Trigger::Poll, now, now).await?;
    SealUse::close_again(&mut tx, &seal_use.id, before).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether the vendor's list shows an append by this person that was not there before; if not, what it shows.
async fn append_is_listed(
    client: &Client,
    business_id: &str,
    before: &[AppendLog],
    by: &Actor,
    count: u32,
) -> Result<(), &'static str> {
    let Ok(detail) = client.detail(business_id).await else {
        return Err("the vendor does not answer just now");
    };
    let theirs = |logs: &[AppendLog]| logs.iter().filter(|log| log.count == count && by.made(log)).count();
    if theirs(&detail.append_logs) > theirs(before) {
        return Ok(());
    }
    Err("its list of appends does not show it so far")
}

async fn record_append(
    app: &App,
    seal_use: &SealUse,
    grants: &[Grant],
    user: &User,
    more: &More,
) -> Result<(), AppendError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    // Asked at once for the vendor's numbers, and then slowly until the next end.
    wake(&mut tx, &seal_use.id, Trigger::Poll, now, now).await?;
    Flow::lock(&mut tx, &seal_use.flow_id).await?;
    SealUse::reopen(&mut tx, &seal_use.id, now).await?;
    SealUse::set_error(&mut tx, &seal_use.id, None).await?;
    for grant in grants {
        grant.append(&mut tx, i64::from(more.count)).await?;
    }
    let detail = append_summary(more);
    let act = FlowAct {
        username: &user.username,
        event: EventKind::Appended,
        act: Act::UsesAppended,
        subject: seal_use.id.as_str(),
        detail: &detail,
    };
    Ok(act.commit(tx, &seal_use.flow_id, now).await?)
}

/// The answer was lost: shown on the seal use and among the events, because it may be a change.
async fn record_unclear(
    app: &App,
    seal_use: &SealUse,
    user: &User,
    more: &More,
    cause: &ProviderError,
) -> Result<(), AppendError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    wake(&mut tx, &seal_use.id, Trigger::Poll, now, now).await?;
    Flow::lock(&mut tx, &seal_use.flow_id).await?;
    let detail = format!("{}: {cause}", append_summary(more));
    let act = FlowAct {
        username: &user.username,
        event: EventKind::AppendUnclear,
        act: Act::UsesAppendUnclear,
        subject: seal_use.id.as_str(),
        detail: &detail,
    };
    Ok(act.commit(tx, &seal_use.flow_id, now).await?)
}

fn append_summary(more: &More) -> String {
    match &more.device_no {
        Some(device) => format!("+{} ({device})", more.count),
        None => format!("+{}", more.count),
    }
}
