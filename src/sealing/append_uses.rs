//! Appends uses at the vendor while the caller waits. A request is never repeated: it could append the uses twice.

use crate::{
    app::App,
    audit::Act,
    db::DbError,
    flow::{Flow, act::FlowAct, event::EventKind, people},
    id::FlowId,
    killpoint,
    provider::{Actor, AppendLog, Client, ProviderError},
    seal_use::{
        Grant, Reopened, SealUse,
        ingest::{Trigger, wake},
    },
    sealing::actor::acting,
    service::{Service, ServiceError},
    user::{
        User,
        keyed::{self, KeyedRun},
    },
};

/// Why no uses were appended, or why the result is unknown.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("the number of uses is out of range. Send a number from 1 to 100000.")]
    Count,
    #[error("the flow has no seal in the box {0:?}. Send the device number of one of its seals.")]
    NoSuchDevice(String),
    #[error("the flow has no seal use at the vendor that accepts more uses")]
    NothingToAppendTo,
    #[error("the flow has left the node at which uses can be appended")]
    MovedOn,
    #[error("neither you nor the applicant has an employee number or a mobile phone. Add one to a user.")]
    ContactMissing,
    #[error(transparent)]
    Vendor(#[from] ProviderError),
    /// The vendor may have received the request.
    #[error(
        "{cause}. It is unknown whether the uses were appended ({hint}). Check the seal details before you append again."
    )]
    Unclear { cause: ProviderError, hint: &'static str },
    /// The vendor has appended the uses.
    #[error(
        "the vendor appended the uses, but the service could not record it. Check the seal details before you append again."
    )]
    Unrecorded(#[source] Box<AppendError>),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The request: the number of uses, and the box.
#[derive(Clone, Debug)]
pub struct More {
    pub count: u32,
    /// `None`: every seal.
    pub device_no: Option<String>,
}

/// Appends uses to the seal use of the flow, for `user`. `run`: the run of the request, which learns when the vendor is
/// asked, and notes the act.
pub async fn append(app: &App, flow: &FlowId, user: &User, more: &More, run: &KeyedRun) -> Result<(), AppendError> {
    if !(1..=100_000).contains(&more.count) {
        return Err(AppendError::Count);
    }
    let node = Flow::find(&app.db, flow).await?.and_then(|flow| flow.node);
    let seal_use = SealUse::at_vendor(&app.db, flow).await?.ok_or(AppendError::NothingToAppendTo)?;
    let mut grants = Grant::of_seal_use(&app.db, &seal_use.id).await?;
    if let Some(device) = &more.device_no {
        grants.retain(|grant| grant.device_no.as_ref() == Some(device));
        if grants.is_empty() {
            return Err(AppendError::NoSuchDevice(device.clone()));
        }
    }
    let appending = Appending { app, seal_use: &seal_use, grants: &grants, user, more, run };
    let appended = appending.append(node.as_deref()).await;
    if let Err(error @ AppendError::Unrecorded(_)) = &appended {
        tracing::error!(error = ?error, seal_use = %seal_use.id, "the vendor appended uses without a record");
    }
    appended
}

/// One append to one seal use.
struct Appending<'a> {
    app: &'a App,
    seal_use: &'a SealUse,
    grants: &'a [Grant],
    user: &'a User,
    more: &'a More,
    run: &'a KeyedRun,
}

impl Appending<'_> {
    async fn append(&self, node: Option<&str>) -> Result<(), AppendError> {
        let Self { app, seal_use, user, more, .. } = *self;
        let client = Service::client(&app.db, &app.vendor, &seal_use.service_id).await?;
        let business_id = seal_use.business_id.as_deref().ok_or(AppendError::NothingToAppendTo)?;
        let by = acting(&app.db, Some(&user.username), seal_use).await?.ok_or(AppendError::ContactMissing)?;
        // The list before the append: only a comparison with it can resolve a lost response. If this call fails, nothing
        // was sent.
        let before = client.detail(business_id).await?.append_logs;
        let reopened = reopen(app, seal_use, node).await?;
        let not_asked = self.run.asks_vendor();
        match client.append(business_id, more.count, &by, more.device_no.as_deref()).await {
            Ok(_) => {}
            Err(error) if error.refused_in_words() || error.surely_never_arrived() => {
                self.run.vendor_refused(not_asked);
                take_back(app, seal_use, &reopened).await?;
                return Err(error.into());
            }
            Err(cause) => {
                if let Err(hint) = append_is_listed(&client, business_id, &before, &by, more.count).await {
                    if let Err(error) = record_unclear(app, seal_use, user, more, &cause).await {
                        tracing::error!(%error, seal_use = %seal_use.id, "an unclear append has no event");
                    }
                    return Err(AppendError::Unclear { cause, hint });
                }
            }
        }
        killpoint::reach("append_answered");
        self.record().await.map_err(|error| AppendError::Unrecorded(Box::new(error)))?;
        killpoint::reach("append_recorded");
        Ok(())
    }

    /// Records the append directly after the vendor's answer. Without this record, the next detail corrects the numbers.
    async fn record(&self) -> Result<(), AppendError> {
        let Self { app, seal_use, grants, user, more, .. } = *self;
        let now = app.clock.now();
        let mut tx = app.db.begin().await?;
        // The wake reads the vendor's numbers now. After it, the slow poll runs until the next end.
        wake(&mut tx, &seal_use.id, Trigger::Poll, now, now).await?;
        let locked = Flow::lock(&mut tx, &seal_use.flow_id).await?.ok_or(AppendError::NothingToAppendTo)?;
        SealUse::reopen(&mut tx, &seal_use.id, now).await?;
        SealUse::set_error(&mut tx, &seal_use.id, None).await?;
        for grant in grants {
            grant.append(&mut tx, i64::from(more.count)).await?;
        }
        if let Some(device) = &more.device_no {
            Grant::append_elsewhere(&mut tx, &seal_use.id, device, i64::from(more.count)).await?;
        }
        people::stamps::refresh(&mut tx, &locked).await?;
        keyed::note(&mut tx, self.run.id.as_ref(), &seal_use.flow_id).await?;
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
}

/// Marks the seal use as open before the request: the flow must not leave its node while uses are being appended.
async fn reopen(app: &App, seal_use: &SealUse, node: Option<&str>) -> Result<Reopened, AppendError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    // If this process dies now, the vendor's detail corrects the state.
    wake(&mut tx, &seal_use.id, Trigger::Poll, now.plus(app.config.vendor.total_timeout.get()), now).await?;
    let flow = Flow::lock(&mut tx, &seal_use.flow_id).await?.ok_or(AppendError::NothingToAppendTo)?;
    if flow.node.as_deref() != node {
        return Err(AppendError::MovedOn);
    }
    let reopened = SealUse::reopen(&mut tx, &seal_use.id, now).await?.ok_or(AppendError::NothingToAppendTo)?;
    tx.commit().await?;
    Ok(reopened)
}

/// Nothing was appended: restores the state from before and wakes the ingest.
async fn take_back(app: &App, seal_use: &SealUse, before: &Reopened) -> Result<(), DbError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    wake(&mut tx, &seal_use.id, Trigger::Poll, now, now).await?;
    SealUse::close_again(&mut tx, &seal_use.id, before).await?;
    tx.commit().await?;
    Ok(())
}

/// Checks that the vendor's list shows a new append by this person. Otherwise returns what is known.
async fn append_is_listed(
    client: &Client,
    business_id: &str,
    before: &[AppendLog],
    by: &Actor,
    count: u32,
) -> Result<(), &'static str> {
    let Ok(detail) = client.detail(business_id).await else {
        return Err("the vendor does not answer now");
    };
    let theirs = |logs: &[AppendLog]| logs.iter().filter(|log| log.count == count && by.made(log)).count();
    if theirs(&detail.append_logs) > theirs(before) {
        return Ok(());
    }
    Err("the vendor does not list the append yet")
}

/// The response was lost. The seal use and the events show it, because the uses may have changed.
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
