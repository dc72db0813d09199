//! What an administrator does about a seal use that stands still: names its business at the vendor, applies again, or
//! has its end tried again.

use crate::{
    app::App,
    audit::Act,
    db::{DbError, Tx, sql},
    definition::Definition,
    flow::{
        Flow, FlowState,
        act::FlowAct,
        event::EventKind,
        form::{self, ApplicationError, Form},
    },
    id::SealUseId,
    provider::ProviderError,
    queue::{self, JobKind},
    seal_use::{
        Application, SealUse, SealUseStatus,
        ending::Ending,
        ingest::{Trigger, wake},
    },
    service::{Service, ServiceError},
    user::Directory,
};

/// Why a seal use was not resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("the seal use is not there")]
    NotFound,
    #[error("a business id is 1 to 20 digits")]
    NoBusinessId,
    #[error("the seal use is {0}: there is nothing to resolve")]
    NothingToResolve(SealUseStatus),
    #[error("the flow was withdrawn, sent back or archived: nobody waits for this seal use any more")]
    Ending,
    #[error("nobody asked for the end of this seal use, or the vendor does not have it")]
    NoEnding,
    #[error(
        "the vendor's business {business_id} has the serial number {theirs:?}, not {ours:?} (subject {subject:?}, status {status}); \
         if it is the right one all the same, send \"force\": true"
    )]
    OtherSerialNumber { business_id: String, theirs: String, ours: String, subject: String, status: String },
    #[error("business {0} belongs to another seal use already")]
    Taken(String),
    #[error(transparent)]
    Form(#[from] ApplicationError),
    #[error(transparent)]
    Vendor(#[from] ProviderError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// This business at the vendor is the seal use: proved by the serial number, unless `force`.
pub async fn adopt(
    app: &App,
    id: &SealUseId,
    business_id: &str,
    force: bool,
    by: &str,
) -> Result<SealUse, ResolveError> {
    let seal_use = standing_still(app, id).await?;
    let client = Service::client(&app.db, &app.vendor, &seal_use.service_id).await?;
    if !client.is_business_id(business_id) {
        return Err(ResolveError::NoBusinessId);
    }
    let detail = client.detail(business_id).await?;
    if detail.serial_no.as_ref() != Some(&seal_use.serial_no) && !force {
        return Err(ResolveError::OtherSerialNumber {
            business_id: business_id.to_owned(),
            theirs: detail.serial_no.unwrap_or_default(),
            ours: seal_use.serial_no,
            subject: detail.subject.unwrap_or_default(),
            status: detail.status.to_string(),
        });
    }
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    if Ending::of(&mut tx, id).await?.is_some() {
        queue::wake_afresh(&mut tx, JobKind::Finish, id.as_str(), now).await?;
    }
    wake(&mut tx, id, Trigger::Button, now, now).await?;
    let wanted = still_wanted(&mut tx, &seal_use).await?;
    // One whose end was asked for ends as soon as its business is known.
    if !wanted && Ending::of(&mut tx, id).await?.is_none() {
        return Err(ResolveError::Ending);
    }
    let others: i64 = sql("SELECT COUNT(*) FROM seal_uses WHERE business_id = $1 AND service_id = $2 AND id <> $3")
        .bind(business_id)
        .bind(&seal_use.service_id)
        .bind(id)
        .scalar(&mut tx)
        .await?;
    if others > 0 {
        return Err(ResolveError::Taken(business_id.to_owned()));
    }
    SealUse::applied(&mut tx, id, business_id).await?;
    let detail = if force { format!("{business_id} (forced)") } else { business_id.to_owned() };
    resolved(tx, app, &seal_use, by, &detail).await?;
    found(app, id).await
}

/// Applies again, with what the form says now. After a lost answer under another serial number: should the first one
/// have arrived, it is never taken for the second.
pub async fn apply_again(app: &App, id: &SealUseId, by: &str) -> Result<SealUse, ResolveError> {
    let seal_use = standing_still(app, id).await?;
    let application = from_form(app, &seal_use).await?;
    let text = serde_json::to_string(&application).map_err(|error| DbError::Encode(error.into()))?;
    let serial_no = match seal_use.status {
        SealUseStatus::Unknown => next_serial_no(&seal_use.serial_no),
        _ => seal_use.serial_no.clone(),
    };
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    // The job's row first: a run holds it while it writes the seal use's.
    queue::wake_afresh(&mut tx, JobKind::Apply, id.as_str(), now).await?;
    if !still_wanted(&mut tx, &seal_use).await? {
        return Err(ResolveError::Ending);
    }
    if !SealUse::apply_again(&mut tx, id, seal_use.status, &text, &serial_no).await? {
        return Err(ResolveError::Ending);
    }
    resolved(tx, app, &seal_use, by, "applied for again").await?;
    found(app, id).await
}

/// Has the end that was asked for tried again at once.
pub async fn end_again(app: &App, id: &SealUseId, by: &str) -> Result<SealUse, ResolveError> {
    let seal_use = found(app, id).await?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    if seal_use.status != SealUseStatus::Using || Ending::of(&mut tx, id).await?.is_none() {
        return Err(ResolveError::NoEnding);
    }
    queue::wake_afresh(&mut tx, JobKind::Finish, id.as_str(), now).await?;
    resolved(tx, app, &seal_use, by, "its end is tried again").await?;
    Ok(seal_use)
}

async fn found(app: &App, id: &SealUseId) -> Result<SealUse, ResolveError> {
    SealUse::find(&app.db, id).await?.ok_or(ResolveError::NotFound)
}

/// The answer was lost, or the vendor refused.
async fn standing_still(app: &App, id: &SealUseId) -> Result<SealUse, ResolveError> {
    let seal_use = found(app, id).await?;
    match seal_use.status {
        SealUseStatus::Unknown | SealUseStatus::Failed => Ok(seal_use),
        other => Err(ResolveError::NothingToResolve(other)),
    }
}

/// Locks the flow. False: the flow has ended, or others take this one's place: rights that it gave nobody would end.
async fn still_wanted(tx: &mut Tx, seal_use: &SealUse) -> Result<bool, ResolveError> {
    let flow = Flow::lock(tx, &seal_use.flow_id).await?.ok_or(ResolveError::NotFound)?;
    let present = SealUse::find(tx, &seal_use.id).await?.ok_or(ResolveError::NotFound)?;
    // Somebody else may have resolved it meanwhile.
    if present.status != seal_use.status {
        return Err(ResolveError::NothingToResolve(present.status));
    }
    Ok(flow.state == FlowState::Running && !present.superseded)
}

async fn from_form(app: &App, seal_use: &SealUse) -> Result<Application, ResolveError> {
    let flow = Flow::find(&app.db, &seal_use.flow_id).await?.ok_or(ResolveError::NotFound)?;
    let body = Definition::version(&app.db, &flow.definition_id, flow.version).await?.body;
    let integration = body.integration.as_ref().ok_or(ResolveError::NotFound)?;
    let users = Directory::load(&app.db).await?;
    let starter = users.get(&flow.starter).ok_or(ApplicationError::ContactMissing)?;
    let form: Form = serde_json::from_str(&flow.form).map_err(|error| DbError::Decode(error.into()))?;
    Ok(form::application(integration, &form, starter, &users)?)
}

/// `YK20261124-0001` becomes `YK20261124-0001-R2`, that becomes `…-R3`.
fn next_serial_no(serial_no: &str) -> String {
    let again = serial_no.rsplit_once("-R").and_then(|(base, n)| Some((base, n.parse::<u32>().ok()?)));
    let (base, n) = again.unwrap_or((serial_no, 1));
    format!("{base}-R{}", n.saturating_add(1))
}

/// Writes down who did it, and commits.
async fn resolved(tx: Tx, app: &App, seal_use: &SealUse, by: &str, detail: &str) -> Result<(), DbError> {
    let subject = seal_use.id.as_str();
    let act = FlowAct { username: by, event: EventKind::Resolved, act: Act::SealUseResolved, subject, detail };
    act.commit(tx, &seal_use.flow_id, app.clock.now()).await
}

#[cfg(test)]
mod tests {
    use super::next_serial_no;

    #[test]
    fn every_further_try_has_a_serial_number_of_its_own() {
        assert_eq!(next_serial_no("YK20261124-0001"), "YK20261124-0001-R2");
        assert_eq!(next_serial_no("YK20261124-0001-R2"), "YK20261124-0001-R3");
        assert_eq!(next_serial_no("YK20261124-0001-2"), "YK20261124-0001-2-R2");
    }
}
