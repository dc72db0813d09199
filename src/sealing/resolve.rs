//! Lets an administrator resolve a stuck seal use: set its business at the vendor, apply again, or retry its end.

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
    #[error("the seal use does not exist")]
    NotFound,
    #[error("the business id is invalid. Send 1 to 20 digits.")]
    NoBusinessId,
    #[error("the seal use is {0}, so there is nothing to resolve")]
    NothingToResolve(SealUseStatus),
    #[error("the flow was withdrawn, sent back or archived, so this seal use is not needed any more")]
    Ending,
    #[error("the end of this seal use was not requested, or the vendor does not have the seal use")]
    NoEnding,
    #[error(
        "the vendor's business {business_id} has the serial number {theirs:?}, not {ours:?} (subject {subject:?}, status {status}). \
         If it is the right one nevertheless, send \"force\": true."
    )]
    OtherSerialNumber { business_id: String, theirs: String, ours: String, subject: String, status: String },
    #[error("business {0} already belongs to another seal use. Check the business id.")]
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

/// Sets the business of the seal use. The serial number at the vendor must match, unless `force` is set.
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
    queue::settle(&mut tx, JobKind::Apply, id.as_str()).await?;
    if Ending::of(&mut tx, id).await?.is_some() {
        queue::wake_afresh(&mut tx, JobKind::Finish, id.as_str(), now).await?;
    }
    wake(&mut tx, id, Trigger::Button, now, now).await?;
    let wanted = still_wanted(&mut tx, &seal_use).await?;
    // If the end was requested, the use ends as soon as its business is known.
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

/// Applies again with the current values of the form. After a lost response it uses another serial number: if the
/// first application did arrive, it is never mistaken for the second.
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
    // The row of the job comes first: a run holds it while it writes the row of the seal use.
    queue::wake_afresh(&mut tx, JobKind::Apply, id.as_str(), now).await?;
    if !still_wanted(&mut tx, &seal_use).await? {
        return Err(ResolveError::Ending);
    }
    if !SealUse::apply_again(&mut tx, id, seal_use.status, &text, &serial_no).await? {
        return Err(ResolveError::Ending);
    }
    resolved(tx, app, &seal_use, by, "applied again").await?;
    found(app, id).await
}

/// Retries the requested end at once.
pub async fn end_again(app: &App, id: &SealUseId, by: &str) -> Result<SealUse, ResolveError> {
    let seal_use = found(app, id).await?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    if seal_use.status != SealUseStatus::Using || Ending::of(&mut tx, id).await?.is_none() {
        return Err(ResolveError::NoEnding);
    }
    queue::wake_afresh(&mut tx, JobKind::Finish, id.as_str(), now).await?;
    resolved(tx, app, &seal_use, by, "end retried").await?;
    Ok(seal_use)
}

async fn found(app: &App, id: &SealUseId) -> Result<SealUse, ResolveError> {
    SealUse::find(&app.db, id).await?.ok_or(ResolveError::NotFound)
}

/// Returns the seal use if its response was lost or the vendor refused it.
async fn standing_still(app: &App, id: &SealUseId) -> Result<SealUse, ResolveError> {
    let seal_use = found(app, id).await?;
    match seal_use.status {
        SealUseStatus::Unknown | SealUseStatus::Failed => Ok(seal_use),
        other => Err(ResolveError::NothingToResolve(other)),
    }
}

/// Locks the flow. Returns false if the flow has ended or other seal uses replace this one. In both cases no job
/// would end the rights that a new application gives.
async fn still_wanted(tx: &mut Tx, seal_use: &SealUse) -> Result<bool, ResolveError> {
    let flow = Flow::lock(tx, &seal_use.flow_id).await?.ok_or(ResolveError::NotFound)?;
    let present = SealUse::find(tx, &seal_use.id).await?.ok_or(ResolveError::NotFound)?;
    // Another user may have resolved it since.
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

/// Records the user and commits.
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
