//! Asks the vendor for the detail of the seal use and stores it.

use super::{IngestError, pass::Pass};
use crate::{
    callback::record::Record,
    flow::Flow,
    provider::Detail,
    queue::{self, JobKind},
    seal_use::{SealUse, ending},
    sealing::detail,
};

/// Asks for the detail and stores it. Returns false if the vendor does not have this seal use, as far as yinku knows.
pub(super) async fn fetch_detail(pass: &Pass) -> Result<bool, IngestError> {
    // A change at the vendor during the request makes the answer stale. Then the vendor is asked once more.
    match ask_once(pass, true).await? {
        Answer::Old => Ok(!matches!(ask_once(pass, false).await?, Answer::NotApplied)),
        answer => Ok(!matches!(answer, Answer::NotApplied)),
    }
}

enum Answer {
    Stored,
    Old,
    NotApplied,
}

async fn ask_once(pass: &Pass, may_be_old: bool) -> Result<Answer, IngestError> {
    let asked = pass.app.clock.now();
    let detail = match &pass.seal_use.business_id {
        Some(business_id) => pass.client.detail(business_id).await?,
        None => match adopt(pass).await? {
            Some(detail) => detail,
            None => return Ok(Answer::NotApplied),
        },
    };
    let now = pass.app.clock.now();
    let mut tx = pass.lease.begin(pass.db()).await?;
    // The flow is locked before the row of the seal use: a withdrawal locks the flow first, and then marks its seal
    // uses.
    let flow = Flow::lock(&mut tx, &pass.flow.id).await?.ok_or(IngestError::NoSealUse)?;
    if SealUse::changed_since(&mut tx, pass.id(), asked).await? && may_be_old {
        return Ok(Answer::Old);
    }
    if pass.seal_use.business_id.is_none() {
        SealUse::applied(&mut tx, pass.id(), &detail.id).await?;
    }
    let present = SealUse::find(&mut tx, pass.id()).await?.ok_or(IngestError::NoSealUse)?;
    detail::store(&mut tx, &flow, &present, &detail, now).await?;
    tx.commit().await?;
    // Outside the transaction: a run of the other job waits for locks that this transaction holds.
    if pass.seal_use.business_id.is_none() {
        settle(pass, JobKind::Apply).await?;
        ending::wake_requested(pass.db(), pass.id(), now).await?;
    }
    if detail.status.terminal() {
        settle(pass, JobKind::Finish).await?;
    }
    Ok(Answer::Stored)
}

/// Clears the parked job `kind` of the seal use: the vendor has done its work by now.
async fn settle(pass: &Pass, kind: JobKind) -> Result<(), IngestError> {
    if !queue::is_parked(pass.db(), kind, pass.id().as_str()).await? {
        return Ok(());
    }
    let mut tx = pass.db().begin().await?;
    queue::settle(&mut tx, kind, pass.id().as_str()).await?;
    Ok(tx.commit().await?)
}

/// Finds the business if the answer to the application was lost but a callback names our seal use. The business is
/// ours if the vendor's detail repeats our serial number.
async fn adopt(pass: &Pass) -> Result<Option<Detail>, IngestError> {
    for candidate in Record::businesses(pass.db(), pass.id()).await? {
        let detail = match pass.client.detail(&candidate).await {
            // Every sender can post callbacks. A foreign business id must not hide the right one.
            Err(error) if !error.is_transient() => continue,
            other => other?,
        };
        if detail.serial_no.as_ref() == Some(&pass.seal_use.serial_no) {
            return Ok(Some(detail));
        }
    }
    Ok(None)
}
