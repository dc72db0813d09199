//! That a seal use is to end at the vendor: asked in the transaction of the fact that makes it necessary (the flow is
//! withdrawn or rejected), done by the job `finish`. Photos that exist still come in.

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, On, Tx, sql},
    id::{FlowId, SealUseId},
    queue::{self, JobKind},
};

/// Who asked for the end, and why.
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

/// The vendor wants a reason.
const NO_REASON: &str = "流程已结束";

/// Marks every seal use of the flow that has not ended, and wakes the job that ends it at the vendor. One that was
/// never sent has failed by this, so that it never will be. One that has ended, or that the vendor refused, is left
/// alone; but until the flow is locked it may be opened again, so its job is woken too.
pub async fn ask(tx: &mut Tx, flow: &FlowId, reason: &str, by: &str, now: Timestamp) -> Result<(), DbError> {
    let reason = reason.replace('\0', "");
    let reason = if reason.trim().is_empty() { NO_REASON } else { reason.trim() };
    let all: Vec<SealUseId> = sql("SELECT id FROM seal_uses WHERE flow_id = $1 AND end_asked_at IS NULL ORDER BY id")
        .bind(flow)
        .scalars(&mut *tx)
        .await?;
    // The jobs' rows first, then the flow's: whoever brings photos in holds it while it writes the seal use's.
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

/// What a seal use says that ended before its application left.
#[must_use]
pub fn never_sent(reason: &str) -> String {
    format!("never sent: {reason}")
}

impl Ending {
    /// `None`: nobody asked for the end.
    pub async fn of(on: impl Into<On<'_>>, id: &SealUseId) -> Result<Option<Self>, DbError> {
        sql("SELECT end_asked_at, end_reason, end_by FROM seal_uses WHERE id = $1 AND end_asked_at IS NOT NULL")
            .bind(id)
            .optional(on)
            .await
    }
}

/// What was waited for may be there: an application that was to be ended has its business id now.
pub async fn look_again(db: &Db, id: &SealUseId, now: Timestamp) -> Result<(), DbError> {
    if Ending::of(db, id).await?.is_none() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    queue::wake(&mut tx, JobKind::Finish, id.as_str(), now, now).await?;
    tx.commit().await
}
