//! Ends the use at the vendor: after the flow was withdrawn or rejected, and after the time of use.
//!
//! The job reads the vendor's detail first and does not end a use twice, so it is safe to repeat. While it fails, the
//! seal use shows the reason. Existing photos still arrive: an end wakes the ingest.

use std::sync::Arc;

use crate::{
    app::App,
    audit::Act,
    clock::Timestamp,
    db::{self, DbError},
    flow::{
        Flow,
        act::FlowAct,
        event::{self, EventKind, NewEvent, YINKU},
    },
    id::{FlowId, SealUseId},
    killpoint,
    outage::Outage,
    provider::{Actor, Client, Detail, INTERACTIVE, ProviderError},
    queue::{FenceError, Lease, Next},
    seal_use::{
        Grant, SealUse, SealUseStatus,
        ending::Ending,
        ingest::{Trigger, wake},
    },
    sealing::{actor::acting, detail},
    service::{Service, ServiceError},
    user::{
        User,
        keyed::{self, KeyedRun},
    },
};

#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    #[error("the seal use does not exist")]
    NoSealUse,
    #[error("the flow has no open seal use at the vendor")]
    NothingToEnd,
    #[error("the flow has no seal in the box {0:?}. Send the device number of one of its seals.")]
    NoSuchDevice(String),
    #[error(
        "neither the user who asked nor the applicant has an employee number or a mobile phone. Add one to a user."
    )]
    ContactMissing,
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Vendor(#[from] ProviderError),
    #[error(transparent)]
    Fence(#[from] FenceError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl FinishError {
    /// Returns the outage of the database that stopped the run.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Service(error) => error.outage(),
            Self::Fence(error) => error.outage(),
            Self::Db(error) => db::outage(error),
            Self::NoSealUse | Self::NothingToEnd | Self::NoSuchDevice(_) | Self::ContactMissing | Self::Vendor(_) => {
                None
            }
        }
    }

    /// Returns true if another try can succeed without a change here.
    fn is_transient(&self) -> bool {
        match self {
            Self::Vendor(error) => error.is_transient(),
            Self::NoSealUse
            | Self::NothingToEnd
            | Self::NoSuchDevice(_)
            | Self::ContactMissing
            | Self::Service(ServiceError::Gone | ServiceError::Credentials(_) | ServiceError::Secret(_)) => false,
            Self::Service(ServiceError::Db(_)) | Self::Fence(_) | Self::Db(_) => true,
        }
    }
}

/// The uses to end now.
#[derive(Debug, PartialEq, Eq)]
struct Due {
    /// The boxes of the seals whose time is over. `None`: all seals.
    devices: Option<Vec<String>>,
    reason: String,
    /// Username of the user that asked.
    by: Option<String>,
}

const OVER: &str = "用印时间已结束";

/// Runs the job once.
pub async fn run(app: &Arc<App>, lease: &Lease) -> Result<Next, FinishError> {
    let id: SealUseId = lease.subject.parse().map_err(|_| FinishError::NoSealUse)?;
    let seal_use = SealUse::find(&app.db, &id).await?.ok_or(FinishError::NoSealUse)?;
    let ending = Ending::of(&app.db, &id).await?;
    let grants = Grant::of_seal_use(&app.db, &id).await?;
    let now = app.clock.now();
    match seal_use.status {
        SealUseStatus::Using => {}
        // No answer yet, or its fate is unknown: the end waits until the application is adopted or has failed.
        SealUseStatus::Applying | SealUseStatus::Unknown => {
            return Ok(Next::At { at: now.plus(app.config.jobs.longest_wait.get()), failed: None });
        }
        SealUseStatus::Complete | SealUseStatus::Finished | SealUseStatus::Failed => return Ok(Next::Idle),
    }
    let Some(due) = due(ending, &grants, now) else {
        return Ok(next_window(&grants, now));
    };
    match end(app, &seal_use, &due).await {
        Ok(sent) => {
            ended(app, lease, &seal_use, &due, sent).await?;
            Ok(next_window(&grants, now))
        }
        Err(error) => not_yet(app, lease, &id, &error).await,
    }
}

/// Returns the whole seal use if a user asked for it or if the time of every open grant is over. Otherwise returns
/// the seals whose time is over.
fn due(ending: Option<Ending>, grants: &[Grant], now: Timestamp) -> Option<Due> {
    if let Some(ending) = ending {
        let by = Some(ending.by).filter(|by| by != YINKU);
        return Some(Due { devices: None, reason: ending.reason, by });
    }
    let over = |grant: &&Grant| grant.window_end.is_some_and(|end| end <= now);
    let open = || grants.iter().filter(|grant| !grant.complete);
    let mut devices: Vec<String> = open().filter(over).filter_map(|grant| grant.device_no.clone()).collect();
    devices.sort();
    devices.dedup();
    if open().next().is_some() && open().all(|grant| over(&grant)) {
        return Some(Due { devices: None, reason: OVER.to_owned(), by: None });
    }
    (!devices.is_empty()).then(|| Due { devices: Some(devices), reason: OVER.to_owned(), by: None })
}

fn next_window(grants: &[Grant], now: Timestamp) -> Next {
    let ends = grants.iter().filter(|grant| !grant.complete).filter_map(|grant| grant.window_end);
    ends.filter(|end| *end > now).min().map_or(Next::Idle, |at| Next::At { at, failed: None })
}

/// Ends the open uses at the vendor. Returns false if there was nothing left to end.
async fn end(app: &App, seal_use: &SealUse, due: &Due) -> Result<bool, FinishError> {
    let Some(business_id) = &seal_use.business_id else {
        return Ok(false);
    };
    let client = Service::client(&app.db, &app.vendor, &seal_use.service_id).await?;
    let detail = client.detail(business_id).await?;
    let by = acting(&app.db, due.by.as_deref(), seal_use).await?.ok_or(FinishError::ContactMissing)?;
    let devices: Vec<Option<&str>> = match &due.devices {
        None => vec![None],
        Some(devices) => devices.iter().map(|device| Some(device.as_str())).collect(),
    };
    let mut sent = false;
    for device in devices.into_iter().filter(|device| !has_ended(&detail, *device)) {
        finish(&client, business_id, &due.reason, &by, device).await?;
        sent = true;
    }
    Ok(sent)
}

/// Ends all seals or one. After a refusal or a lost response, the detail shows whether the use has ended.
pub async fn finish(
    client: &Client,
    business_id: &str,
    reason: &str,
    by: &Actor,
    device: Option<&str>,
) -> Result<(), ProviderError> {
    match client.finish(business_id, reason, by, device).await {
        Err(error) if !error.surely_never_arrived() => match client.detail(business_id).await {
            Ok(detail) if has_ended(&detail, device) => Ok(()),
            _ => Err(error),
        },
        answer => answer,
    }
}

fn has_ended(detail: &Detail, device: Option<&str>) -> bool {
    let of_device = |device: &str| {
        let mut auths = detail.auths.iter().filter(|auth| auth.device_no.as_deref() == Some(device)).peekable();
        auths.peek().is_some() && auths.all(|auth| auth.complete)
    };
    detail.status.terminal() || device.is_some_and(of_device)
}

async fn ended(app: &App, lease: &Lease, seal_use: &SealUse, due: &Due, sent: bool) -> Result<(), FinishError> {
    let now = app.clock.now();
    // In a separate transaction to avoid a deadlock: the holder of the ingest's job may wait for a flow, and the
    // holder of the flow waits for this job.
    let mut tx = app.db.begin().await?;
    wake(&mut tx, &seal_use.id, Trigger::Finish, now, now).await?;
    tx.commit().await?;
    let mut tx = lease.begin(&app.db).await?;
    SealUse::set_error(&mut tx, &seal_use.id, None).await?;
    if sent {
        let actor = due.by.as_deref().unwrap_or(YINKU);
        let detail = due.devices.as_ref().map(|devices| format!("{} ({})", due.reason, devices.join(", ")));
        let detail = Some(detail.as_deref().unwrap_or(&due.reason));
        event::record(
            &mut tx,
            &seal_use.flow_id,
            NewEvent { actor, act: EventKind::Finished, node: None, detail },
            now,
        )
        .await?;
    }
    Ok(tx.commit().await?)
}

/// Shows the error on the seal use. Retries while a retry can help.
async fn not_yet(app: &App, lease: &Lease, id: &SealUseId, error: &FinishError) -> Result<Next, FinishError> {
    let why = format!("the use could not be ended at the vendor: {error}");
    let mut tx = lease.begin(&app.db).await?;
    SealUse::set_error(&mut tx, id, Some(&why)).await?;
    tx.commit().await?;
    if !error.is_transient() {
        return Ok(Next::Park { reason: why });
    }
    if error.outage().is_some() {
        return Ok(Lease::blocked(app.clock.now(), why));
    }
    let config = &app.config.jobs;
    Ok(lease.retry_patiently(&config.retries, config.longest_wait.get(), app.clock.now(), why))
}

/// Ends the use for `user`: of all seals, or of the one in the box `device_no`. A use that has ended already is a
/// success. `run`: the run of the request, which learns if the vendor may have got it, and notes the act.
pub async fn by_hand(
    app: &App,
    flow: &FlowId,
    user: &User,
    reason: &str,
    device_no: Option<&str>,
    run: &KeyedRun,
) -> Result<(), FinishError> {
    let seal_use = SealUse::at_vendor(&app.db, flow).await?.ok_or(FinishError::NothingToEnd)?;
    let grants = Grant::of_seal_use(&app.db, &seal_use.id).await?;
    let has = |device: &str| grants.iter().any(|grant| grant.device_no.as_deref() == Some(device));
    if let Some(device) = device_no.filter(|device| !has(device)) {
        return Err(FinishError::NoSuchDevice(device.to_owned()));
    }
    let business_id = seal_use.business_id.as_deref().ok_or(FinishError::NothingToEnd)?;
    let by = acting(&app.db, Some(&user.username), &seal_use).await?.ok_or(FinishError::ContactMissing)?;
    let client = Service::client(&app.db, &app.vendor, &seal_use.service_id).await?;
    let before = run.asks_vendor();
    let answer = finish(&client, business_id, reason, &by, device_no).await;
    // What was ended is ended: the same end once more changes nothing.
    if answer.as_ref().err().is_none_or(|error| !error.unclear()) {
        run.vendor_refused(before);
    }
    answer?;
    killpoint::reach("end_answered");
    ended_by_hand(app, &seal_use, user, reason, device_no, run).await?;
    killpoint::reach("end_recorded");
    // The response shows the new state. If the vendor does not answer quickly, the ingest reads it later.
    if let Err(error) = store_current_state(app, &client, &seal_use, business_id, Trigger::Finish).await {
        tracing::warn!(%error, seal_use = %seal_use.id, "the use was ended; its new state is not known yet");
    }
    Ok(())
}

/// Records the end directly after the vendor's answer, before any further request.
async fn ended_by_hand(
    app: &App,
    seal_use: &SealUse,
    user: &User,
    reason: &str,
    device_no: Option<&str>,
    run: &KeyedRun,
) -> Result<(), DbError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    wake(&mut tx, &seal_use.id, Trigger::Finish, now, now).await?;
    Flow::lock(&mut tx, &seal_use.flow_id).await?;
    SealUse::changed(&mut tx, &seal_use.id, now).await?;
    SealUse::set_error(&mut tx, &seal_use.id, None).await?;
    keyed::note(&mut tx, run.id.as_ref(), &seal_use.flow_id).await?;
    let detail = device_no.map_or_else(|| reason.to_owned(), |device| format!("{reason} ({device})"));
    let act = FlowAct {
        username: &user.username,
        event: EventKind::Finished,
        act: Act::UseFinished,
        subject: seal_use.id.as_str(),
        detail: &detail,
    };
    act.commit(tx, &seal_use.flow_id, now).await
}

/// Stores the state of the seal use, if the vendor answers quickly and no newer state was stored since.
pub(super) async fn store_current_state(
    app: &App,
    client: &Client,
    seal_use: &SealUse,
    business_id: &str,
    cause: Trigger,
) -> Result<(), FinishError> {
    let asked = app.clock.now();
    let said = tokio::time::timeout(INTERACTIVE, client.detail(business_id)).await;
    let detail = said.map_err(|_| ProviderError::Timeout)??;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    // Wake the ingest to fetch photos that only this detail names.
    wake(&mut tx, &seal_use.id, cause, now, now).await?;
    let flow = Flow::lock(&mut tx, &seal_use.flow_id).await?.ok_or(FinishError::NoSealUse)?;
    let changed = SealUse::changed_since(&mut tx, &seal_use.id, asked).await?;
    let present = SealUse::find(&mut tx, &seal_use.id).await?.ok_or(FinishError::NoSealUse)?;
    if changed || present.detail_at.is_some_and(|at| at > asked) {
        return Ok(());
    }
    detail::store(&mut tx, &flow, &present, &detail, now).await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::GrantId;

    fn grant(device: &str, window_end: Option<i64>, complete: bool) -> Grant {
        Grant {
            id: GrantId::new(),
            seal_use_id: SealUseId::new(),
            vendor_id: "1".into(),
            position: 0,
            seal: "公章".into(),
            device_no: Some(device.into()),
            owner: None,
            user_name: "王".into(),
            contact: None,
            number: None,
            username: None,
            employee_no: None,
            applied: 1,
            used: 0,
            left_count: 1,
            code: None,
            complete,
            appended: 0,
            appended_elsewhere: 0,
            append_logs: 0,
            window_start: None,
            window_end: window_end.map(Timestamp),
        }
    }

    /// What ends: boxes by name, or `all`; nothing when empty.
    fn ends(grants: &[Grant], now: i64) -> Vec<String> {
        due(None, grants, Timestamp(now)).map_or(Vec::new(), |due| due.devices.unwrap_or_else(|| vec!["all".into()]))
    }

    #[test]
    fn only_the_seals_whose_time_is_over_end_and_all_together_when_none_is_left() {
        let nothing: [&str; 0] = [];
        let two = [grant("A", Some(10), false), grant("B", Some(20), false)];
        assert_eq!(ends(&two, 9), nothing);
        assert_eq!(ends(&two, 10), ["A"]);
        assert_eq!(ends(&two, 20), ["all"]);
        let one_open = [grant("A", Some(10), true), grant("B", Some(20), false)];
        assert_eq!(ends(&one_open, 15), nothing, "what has ended is not ended again");
        assert_eq!(ends(&[grant("A", Some(10), false), grant("B", None, false)], 99), ["A"]);
        assert_eq!(ends(&[], 99), nothing);
    }

    #[test]
    fn an_end_that_was_asked_comes_before_every_window() {
        let asked = Ending { asked_at: Timestamp(1), reason: "撤回".into(), by: "zhang".into() };
        let due = due(Some(asked), &[grant("A", Some(10), false)], Timestamp(0)).unwrap();
        assert_eq!(due, Due { devices: None, reason: "撤回".into(), by: Some("zhang".into()) });
    }
}
