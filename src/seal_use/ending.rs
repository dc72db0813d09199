//! The request to end a seal use at the vendor. The transaction that withdraws or rejects the flow writes the request.
//! The job `finish` carries it out. Photos that exist are still fetched.

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, On, Tx, is_blank, sql},
    id::{FlowId, SealUseId},
    queue::{self, JobKind},
};

/// The requester of the end and the reason.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Ending {
    #[sqlx(rename = "end_asked_at")]
    pub asked_at: Timestamp,
    #[sqlx(rename = "end_reason")]
    pub reason: String,
    /// A username, or `yinku`.
    #[sqlx(rename = "end_by")]
    pub by: String,
}

/// The vendor requires a reason.
const NO_REASON: &str = "流程已结束";

/// Requests the end of every open seal use of the flow and wakes the jobs that end them at the vendor. A seal use whose
/// application was not sent yet is marked `failed`, so the apply job will not send it. A seal use that has ended or was
/// refused is not changed. But it may be reopened until the flow is locked, so its job is woken too.
pub async fn ask(tx: &mut Tx, flow: &FlowId, reason: &str, by: &str, now: Timestamp) -> Result<(), DbError> {
    let reason = reason.replace('\0', "");
    let reason = if is_blank(&reason) { NO_REASON } else { reason.trim() };
    let all: Vec<SealUseId> = sql("SELECT id FROM seal_uses WHERE flow_id = $1 AND end_asked_at IS NULL ORDER BY id")
        .bind(flow)
        .scalars(&mut *tx)
        .await?;
    // Lock the rows of the jobs before the row of the flow. An ingest run holds its job while it writes the seal use.
    for id in &all {
        queue::wake(tx, JobKind::Finish, id.as_str(), now, now).await?;
    }
    sql("SELECT id FROM flows WHERE id = $1 {for_update}").bind(flow).optional::<(String,)>(&mut *tx).await?;
    for id in all {
        let marked = sql("UPDATE seal_uses SET end_asked_at = $1, end_reason = $2, end_by = $3
             WHERE id = $4 AND status IN ('applying', 'using', 'unknown') AND end_asked_at IS NULL")
        .bind(now)
        .bind(reason)
        .bind(by)
        .bind(&id)
        .execute(&mut *tx)
        .await?;
        if marked == 0 {
            continue;
        }
        sql("UPDATE seal_uses SET status = 'failed', error = $1 WHERE id = $2 AND status = 'applying' AND asked_at IS NULL")
            .bind(never_sent(reason))
            .bind(&id)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Returns the error of a seal use that ended before its application was sent.
#[must_use]
pub fn never_sent(reason: &str) -> String {
    format!("the application was not sent: {reason}")
}

impl Ending {
    /// Returns the request to end the seal use. `None` if there is no request.
    pub async fn of(on: impl Into<On<'_>>, id: &SealUseId) -> Result<Option<Self>, DbError> {
        sql("SELECT end_asked_at, end_reason, end_by FROM seal_uses WHERE id = $1 AND end_asked_at IS NOT NULL")
            .bind(id)
            .optional(on)
            .await
    }
}

/// Wakes the job `finish` of a seal use with an end request, for example because its business id is now known.
pub async fn wake_requested(db: &Db, id: &SealUseId, now: Timestamp) -> Result<(), DbError> {
    if Ending::of(db, id).await?.is_none() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    queue::wake(&mut tx, JobKind::Finish, id.as_str(), now, now).await?;
    tx.commit().await
}
