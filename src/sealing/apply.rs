//! Asks the vendor for a seal code: sends the application of one seal use.
//!
//! An application is never repeated blindly. The mark "is being sent" is committed before the first byte is sent. A
//! run that finds this mark without an answer sets the state `unknown` and does not send again.

mod approvals;
mod categories;
mod documents;
mod request;
pub mod seals;

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    callback,
    db::{self, DbError},
    definition::Definition,
    flow::{
        Flow,
        event::{self, EventKind, NewEvent, YINKU},
        people,
    },
    id::SealUseId,
    killpoint,
    outage::Outage,
    provider::{Client, Created, ProviderError, SealRequest},
    queue::{self, FenceError, JobKind, Lease, Next},
    seal_use::{
        Application, SealUse, SealUseStatus,
        ending::{self, Ending},
        ingest::{Trigger, wake},
    },
    sealing::{detail::grants::save_grants, hint},
    service::{Service, ServiceError},
    store::StoreError,
};

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("the seal use does not exist")]
    NoSealUse,
    /// A retry cannot succeed. The seal use shows the reason.
    #[error("{0}")]
    Impossible(String),
    #[error(transparent)]
    Vendor(#[from] ProviderError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("a file to be stamped cannot be read: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fence(#[from] FenceError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the stored application cannot be read: {0}")]
    Application(#[from] serde_json::Error),
}

impl ApplyError {
    /// Returns the outage of our database or store that stopped the run.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Service(error) => error.outage(),
            Self::Store(error) => error.outage(),
            Self::Fence(error) => error.outage(),
            Self::Db(error) => db::outage(error),
            Self::NoSealUse | Self::Impossible(_) | Self::Vendor(_) | Self::Application(_) => None,
        }
    }

    /// Returns true if another try can succeed without a change here. Applies before the application is sent.
    fn is_transient(&self) -> bool {
        // Nothing was sent yet, and every error of the vendor can pass.
        !matches!(
            self,
            Self::NoSealUse
                | Self::Impossible(_)
                | Self::Application(_)
                | Self::Service(ServiceError::Gone | ServiceError::Credentials(_) | ServiceError::Secret(_))
        )
    }
}

/// The application to send, and the parts of it to store.
struct Ready {
    client: Client,
    application: Application,
    request: SealRequest,
}

/// Runs the job once.
pub async fn run(app: &Arc<App>, lease: &Lease) -> Result<Next, ApplyError> {
    let id: SealUseId = lease.subject.parse().map_err(|_| ApplyError::NoSealUse)?;
    let seal_use = SealUse::find(&app.db, &id).await?.ok_or(ApplyError::NoSealUse)?;
    if seal_use.status != SealUseStatus::Applying {
        return Ok(Next::Idle);
    }
    if seal_use.asked_at.is_some() {
        let why = "the service stopped while it sent the application, so it is unknown whether the vendor has it";
        return give_up(app, lease, &seal_use, SealUseStatus::Unknown, why).await;
    }
    if let Some(ending) = Ending::of(&app.db, &id).await? {
        give_up(app, lease, &seal_use, SealUseStatus::Failed, &ending::never_sent(&ending.reason)).await?;
        return Ok(Next::Idle);
    }
    let ready = match make_ready(app, lease, &seal_use).await {
        Ok(ready) => ready,
        Err(error @ ApplyError::Fence(FenceError::LeaseLost(_))) => return Err(error),
        Err(error) => return again_or_refused(app, lease, &seal_use, &error).await,
    };
    if !mark_asked(app, lease, &id, &ready.application).await? {
        return Ok(Next::Idle);
    }
    killpoint::reach("application_marked");
    let answer = send(&ready).await;
    killpoint::reach("application_answered");
    match answer {
        Ok(created) => answered(app, &seal_use, &ready.application, created).await,
        Err(error) if error.surely_never_arrived() => {
            mark_never_arrived(app, lease, &id).await?;
            again_or_refused(app, lease, &seal_use, &error.into()).await
        }
        Err(error @ ProviderError::Rejected { status: ..500, .. }) if error.refused_in_words() => {
            give_up(app, lease, &seal_use, SealUseStatus::Failed, &error.to_string()).await
        }
        Err(error) => give_up(app, lease, &seal_use, SealUseStatus::Unknown, &error.to_string()).await,
    }
}

/// Does the steps that can be repeated: looks up the seals, sends the files to be stamped.
async fn make_ready(app: &App, lease: &Lease, seal_use: &SealUse) -> Result<Ready, ApplyError> {
    let client = Service::client(&app.db, &app.vendor, &seal_use.service_id).await?;
    let mut application: Application = serde_json::from_str(&seal_use.application)?;
    let seals = client.seals().await?;
    if let Err(errors) = seals::find(&mut application, &seals) {
        let reasons: Vec<String> = errors.into_iter().map(|(_, why)| why).collect();
        return Err(ApplyError::Impossible(reasons.join("; ")));
    }
    if application.wants.iter().any(|want| want.end.is_some_and(|end| end <= app.clock.now())) {
        let why = "the time of use was over before the application was sent";
        return Err(ApplyError::Impossible(why.to_owned()));
    }
    if let Some(named) = &application.category_beside {
        application.category_beside = Some(categories::id_of(&client, named).await?);
    }
    let flow = Flow::find(&app.db, &seal_use.flow_id).await?.ok_or(ApplyError::NoSealUse)?;
    let body = Definition::version(&app.db, &flow.definition_id, flow.version).await?.body;
    let (mut documents, mut approvals) = (Vec::new(), Vec::new());
    if let Some(integration) = &body.integration {
        documents = documents::send(app, lease, &client, seal_use, integration).await?;
        if application.category.is_some() {
            approvals = approvals::given(&app.db, &flow, &body, integration).await?;
        }
    }
    let request = request::to_request(app, seal_use, &application, documents, approvals);
    Ok(Ready { client, application, request })
}

async fn send(ready: &Ready) -> Result<Created, ProviderError> {
    if ready.application.category.is_some() {
        ready.client.create_by_category(&ready.request).await
    } else {
        ready.client.create(&ready.request).await
    }
}

/// Commits the mark before the first byte is sent. Returns false if a user asked for the end since; then nothing is
/// sent.
async fn mark_asked(app: &App, lease: &Lease, id: &SealUseId, application: &Application) -> Result<bool, ApplyError> {
    let now = app.clock.now();
    let mut tx = lease.begin(&app.db).await?;
    // After the end of its time the use is ended automatically, for every answer.
    if let Some(end) = application.wants.iter().filter_map(|want| want.end).min() {
        queue::wake(&mut tx, JobKind::Finish, id.as_str(), end, now).await?;
    }
    let key = callback::door::mark(app);
    let marked = SealUse::mark_asked(&mut tx, id, &serde_json::to_string(application)?, key.as_deref(), now).await?;
    tx.commit().await?;
    Ok(marked)
}

async fn mark_never_arrived(app: &App, lease: &Lease, id: &SealUseId) -> Result<(), ApplyError> {
    let mut tx = lease.begin(&app.db).await?;
    SealUse::mark_never_arrived(&mut tx, id).await?;
    Ok(tx.commit().await?)
}

/// Nothing was sent yet: retries while a retry can help. The seal use shows the reason for the wait.
async fn again_or_refused(
    app: &App,
    lease: &Lease,
    seal_use: &SealUse,
    error: &ApplyError,
) -> Result<Next, ApplyError> {
    let why = error.to_string();
    if !error.is_transient() {
        return give_up(app, lease, seal_use, SealUseStatus::Failed, &why).await;
    }
    let mut tx = lease.begin(&app.db).await?;
    SealUse::set_error(&mut tx, &seal_use.id, Some(&why)).await?;
    tx.commit().await?;
    hint::changed(app, &seal_use.flow_id).await;
    if error.outage().is_some() {
        return Ok(Lease::blocked(app.clock.now(), why));
    }
    let config = &app.config.jobs;
    Ok(lease.retry_patiently(&config.retries, config.longest_wait.get(), app.clock.now(), why))
}

async fn give_up(
    app: &App,
    lease: &Lease,
    seal_use: &SealUse,
    status: SealUseStatus,
    why: &str,
) -> Result<Next, ApplyError> {
    let mut tx = lease.begin(&app.db).await?;
    let given_up = SealUse::give_up(&mut tx, &seal_use.id, status, why).await?;
    if given_up {
        let act =
            if status == SealUseStatus::Unknown { EventKind::ApplicationUnknown } else { EventKind::ApplicationFailed };
        let happened = NewEvent { actor: YINKU, act, node: None, detail: Some(why) };
        event::record(&mut tx, &seal_use.flow_id, happened, app.clock.now()).await?;
    }
    tx.commit().await?;
    hint::changed(app, &seal_use.flow_id).await;
    // If a callback brought the business id meanwhile, the application is done.
    Ok(if given_up { Next::Park { reason: why.to_owned() } } else { Next::Idle })
}

/// Stores the vendor's answer. Until the commit it exists only in memory, so it is written again while the database has
/// an outage, and a few times after another failure. The lease does not fence this write: the answer is true for every holder of the job, and the first one
/// counts.
async fn answered(
    app: &App,
    seal_use: &SealUse,
    application: &Application,
    created: Created,
) -> Result<Next, ApplyError> {
    let mut waits = [1, 2, 4, 8].into_iter();
    loop {
        let Err(error) = keep_answer(app, seal_use, application, &created).await else {
            hint::changed(app, &seal_use.flow_id).await;
            return Ok(Next::Idle);
        };
        tracing::error!(%error, business = created.id, "cannot store the vendor's answer; trying again");
        if queue::write_again_after(error.outage()).await {
            continue;
        }
        match waits.next() {
            Some(wait) => tokio::time::sleep(Duration::from_secs(wait)).await,
            None => return Err(error),
        }
    }
}

async fn keep_answer(
    app: &App,
    seal_use: &SealUse,
    application: &Application,
    created: &Created,
) -> Result<(), ApplyError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    // Open seal uses are polled slowly, in case the callback is lost. The poll is immediate if the answer names no
    // grants.
    let next_poll = if created.auths.is_empty() { now } else { now.plus(app.config.ingest.poll_open.get()) };
    wake(&mut tx, &seal_use.id, Trigger::Poll, next_poll, now).await?;
    let flow = Flow::lock(&mut tx, &seal_use.flow_id).await?.ok_or(DbError::RowNotFound)?;
    SealUse::applied(&mut tx, &seal_use.id, &created.id).await?;
    save_grants(&mut tx, seal_use, application, &created.auths).await?;
    people::stamps::refresh(&mut tx, &flow).await?;
    let happened = NewEvent { actor: YINKU, act: EventKind::Applied, node: None, detail: Some(&created.id) };
    event::record(&mut tx, &seal_use.flow_id, happened, now).await?;
    callback::adopt_orphans(&mut tx, now).await?;
    tx.commit().await?;
    Ok(ending::wake_requested(&app.db, &seal_use.id, now).await?)
}
