//! Asks the vendor for a seal code: the application of one seal use.
//!
//! An application is never sent twice blindly: that it is being sent is committed before the first byte leaves, and
//! a run that finds this mark without an answer says `unknown` instead of asking again.

pub mod actor;

use std::sync::Arc;

use crate::{
    app::App,
    callback,
    db::{DbError, Tx, sql},
    finish,
    flow::event::{self, Happened, YINKU},
    id::{GrantId, SealUseId},
    ingest::record::{Trigger, wake},
    job::{FenceError, Lease, Next},
    seal_use::{
        Application, Grant, Person, SealUse, SealUseStatus, Want,
        ending::{self, Ending},
    },
    service::{Service, ServiceError},
    vendor::{
        VendorError,
        qiyuesuo::{self, ApplicationAuth, Auth, Created, SealCategory, SealUser},
    },
};

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("the seal use is not there")]
    NoSealUse,
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Fence(#[from] FenceError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("what was to be asked cannot be read: {0}")]
    Application(#[from] serde_json::Error),
}

/// One run of the job.
pub async fn run(app: &Arc<App>, lease: &Lease) -> Result<Next, ApplyError> {
    let id: SealUseId = lease.subject.parse().map_err(|_| ApplyError::NoSealUse)?;
    let seal_use = SealUse::find(&app.db, &id).await?.ok_or(ApplyError::NoSealUse)?;
    if seal_use.status != SealUseStatus::Applying {
        return Ok(Next::Idle);
    }
    if seal_use.asked_at.is_none()
        && let Some(ending) = Ending::of(&app.db, &id).await?
    {
        return give_up(app, lease, &seal_use, SealUseStatus::Failed, &ending::never_sent(&ending.reason)).await;
    }
    if seal_use.asked_at.is_some() {
        let why = "the service ended while the vendor was being asked: nobody knows whether it has the application";
        return give_up(app, lease, &seal_use, SealUseStatus::Unknown, why).await;
    }
    let client = Service::client(&app.db, &app.vendor, &seal_use.service_id).await?;
    let application: Application = serde_json::from_str(&seal_use.application)?;
    let seals = match client.seals(SealCategory::Physical).await {
        Ok(seals) => seals,
        Err(error) => return again_or_refused(app, lease, &seal_use, error).await,
    };
    let request = match to_request(app, &seal_use, &application, &seals) {
        Ok(request) => request,
        Err(why) => return give_up(app, lease, &seal_use, SealUseStatus::Failed, &why).await,
    };
    if !mark_asked(app, lease, &id).await? {
        return Ok(Next::Idle);
    }
    match client.create(&request).await {
        Ok(created) => answered(app, lease, &seal_use, &application, created).await,
        Err(error) if error.surely_never_arrived() => {
            mark_never_arrived(app, lease, &id).await?;
            again_or_refused(app, lease, &seal_use, error).await
        }
        Err(error @ VendorError::Rejected { .. }) => {
            give_up(app, lease, &seal_use, SealUseStatus::Failed, &error.to_string()).await
        }
        Err(error) => give_up(app, lease, &seal_use, SealUseStatus::Unknown, &error.to_string()).await,
    }
}

/// Committed before the first byte leaves. False: meanwhile somebody asked for the end, nothing is sent.
async fn mark_asked(app: &App, lease: &Lease, id: &SealUseId) -> Result<bool, ApplyError> {
    let mut tx = app.db.begin().await?;
    lease.fence(&mut tx).await?;
    let marked =
        sql("UPDATE seal_uses SET asked_at = $1 WHERE id = $2 AND status = 'applying' AND end_asked_at IS NULL")
            .bind(app.clock.now())
            .bind(id)
            .execute(&mut tx)
            .await?;
    tx.commit().await?;
    Ok(marked == 1)
}

async fn mark_never_arrived(app: &App, lease: &Lease, id: &SealUseId) -> Result<(), ApplyError> {
    let mut tx = app.db.begin().await?;
    lease.fence(&mut tx).await?;
    sql("UPDATE seal_uses SET asked_at = NULL WHERE id = $1 AND status = 'applying'").bind(id).execute(&mut tx).await?;
    Ok(tx.commit().await?)
}

/// Nothing was asked yet: repeated while that can help.
async fn again_or_refused(
    app: &App,
    lease: &Lease,
    seal_use: &SealUse,
    error: VendorError,
) -> Result<Next, ApplyError> {
    if error.is_transient() {
        return Ok(lease.retry(&app.config.ingest.retries, app.clock.now(), error.to_string()));
    }
    give_up(app, lease, seal_use, SealUseStatus::Failed, &error.to_string()).await
}

async fn give_up(
    app: &App,
    lease: &Lease,
    seal_use: &SealUse,
    status: SealUseStatus,
    why: &str,
) -> Result<Next, ApplyError> {
    let mut tx = app.db.begin().await?;
    lease.fence(&mut tx).await?;
    SealUse::not_applied(&mut tx, &seal_use.id, status, why).await?;
    let happened = Happened { actor: YINKU, act: "application_failed", node: None, detail: Some(why) };
    event::record(&mut tx, &seal_use.flow_id, happened, app.clock.now()).await?;
    tx.commit().await?;
    Ok(Next::Park { reason: why.to_owned() })
}

async fn answered(
    app: &App,
    lease: &Lease,
    seal_use: &SealUse,
    application: &Application,
    created: Created,
) -> Result<Next, ApplyError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    lease.fence(&mut tx).await?;
    SealUse::applied(&mut tx, &seal_use.id, &created.id).await?;
    save_grants(&mut tx, &seal_use.id, application, &created.auths).await?;
    let happened = Happened { actor: YINKU, act: "applied", node: None, detail: Some(&created.id) };
    event::record(&mut tx, &seal_use.flow_id, happened, now).await?;
    // Open seal uses are looked at slowly, in case the callback never comes.
    wake(&mut tx, &seal_use.id, Trigger::Poll, now.plus(app.config.ingest.poll_open.get()), now).await?;
    callback::adopt_orphans(&mut tx, now).await?;
    tx.commit().await?;
    finish::look_again(&app.db, &seal_use.id, now).await?;
    Ok(Next::Idle)
}

/// Writes the vendor's authorisations as grants; our ids by the vendor's.
pub async fn save_grants(
    tx: &mut Tx,
    seal_use: &SealUseId,
    application: &Application,
    auths: &[Auth],
) -> Result<Vec<(String, GrantId)>, DbError> {
    let mut ids = Vec::with_capacity(auths.len());
    for (position, auth) in (0_i64..).zip(auths) {
        let want = application.wants.iter().find(|want| matches(want, auth));
        let seal = auth.seal_name.clone().or_else(|| want.map(|want| want.seal.clone()));
        let grant = Grant {
            id: GrantId::new(),
            seal_use_id: seal_use.clone(),
            vendor_id: auth.id.clone(),
            position,
            seal: seal.or_else(|| auth.device_no.clone()).unwrap_or_else(|| "印章".to_owned()),
            device_no: auth.device_no.clone(),
            owner: auth.owner_name.clone(),
            user_name: auth.user_name.clone().unwrap_or_default(),
            contact: auth.contact.clone(),
            number: auth.number.clone(),
            applied: want.map_or(0, |want| i64::from(want.count)),
            used: i64::from(auth.used_count),
            left_count: i64::from(auth.left_count),
            code: auth.vertify_code.clone().map(crate::vendor::Hidden::into_inner),
            complete: auth.complete,
            appended: 0,
            window_start: None,
            window_end: None,
        };
        ids.push((auth.id.clone(), grant.upsert(tx).await?));
    }
    Ok(ids)
}

fn matches(want: &Want, auth: &Auth) -> bool {
    let seal = Some(&want.seal);
    let same_seal = auth.seal_name.as_ref() == seal || auth.device_no.as_ref() == seal;
    let by = |person: &Person| {
        (person.number.is_some() && person.number == auth.number)
            || (person.mobile.is_some() && person.mobile == auth.contact)
    };
    same_seal && (want.users.len() <= 1 || want.users.iter().any(by))
}

/// The application in the vendor's words. A seal is sent by its box's number where that is known: names are not unique.
fn to_request(
    app: &App,
    seal_use: &SealUse,
    application: &Application,
    seals: &[qiyuesuo::Seal],
) -> Result<qiyuesuo::Application, String> {
    let auths = application.wants.iter().map(|want| to_auth(want, seals)).collect::<Result<Vec<_>, _>>()?;
    Ok(qiyuesuo::Application {
        tenant_name: application.tenant_name.clone(),
        subject: application.subject.clone(),
        serial_no: Some(seal_use.serial_no.clone()),
        description: application.description.clone(),
        applyer_name: Some(application.applicant.name.clone()),
        applyer_contact: application.applicant.mobile.clone(),
        applyer_number: application.applicant.number.clone(),
        auths,
        callback_url: Some(callback_url(app, &seal_use.id)),
        ..qiyuesuo::Application::default()
    })
}

fn to_auth(want: &Want, seals: &[qiyuesuo::Seal]) -> Result<ApplicationAuth, String> {
    let named: Vec<&qiyuesuo::Seal> =
        seals.iter().filter(|seal| seal.device_no.as_ref() == Some(&want.seal) || seal.name == want.seal).collect();
    let seal = match named[..] {
        [seal] => seal,
        [] => return Err(format!("the vendor has no physical seal {:?}", want.seal)),
        _ => return Err(format!("several seals are called {:?}: name one by its device number", want.seal)),
    };
    let users =
        want.users.iter().map(|person| SealUser { mobile: person.mobile.clone(), number: person.number.clone() });
    Ok(ApplicationAuth {
        device_no: seal.device_no.clone(),
        seal_name: if seal.device_no.is_some() { None } else { Some(seal.name.clone()) },
        owner_name: seal.owner_name.clone(),
        count: want.count,
        users: users.collect(),
        ..ApplicationAuth::default()
    })
}

/// Where the vendor is to call: the address carries our seal use's id, so that a callback finds it even when the
/// vendor's answer was lost.
fn callback_url(app: &App, seal_use: &SealUseId) -> String {
    let mut url = app.config.public_url.clone();
    url.set_path("/papi/signcenter/qiyuesuo/categoryCallback");
    url.query_pairs_mut().clear().append_pair("sealUse", seal_use.as_str());
    if let Some(secret) = &app.config.callback.secret {
        url.query_pairs_mut().append_pair("key", secret.expose());
    }
    url.to_string()
}
