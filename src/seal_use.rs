//! A seal use (用印申请): one application at the vendor, its grants and the counts of its photos.

mod application;
pub mod code;
pub mod counts;
pub mod delivery;
pub mod ending;
mod grant;
pub mod ingest;
pub mod sent_document;

use sqlx::FromRow;

pub use application::{Application, Person, PickedSeal, SealAtVendor, Want};
pub use counts::{Counts, PhotoCounts};
pub use grant::Grant;

use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    id::{FlowId, SealUseId, ServiceId},
    vocabulary::words,
};

words! {
    SealUseStatus {
        /// The vendor has not answered yet.
        Applying = "applying",
        Using = "using",
        /// Ended by the last use.
        Complete = "complete",
        /// Ended by a platform.
        Finished = "finished",
        /// The answer was lost, so the vendor may have the application. The service does not send it again without a
        /// check.
        Unknown = "unknown",
        /// The vendor refused the application.
        Failed = "failed",
    }
}

impl SealUseStatus {
    /// Returns true if no stamping can follow.
    #[must_use]
    pub const fn ended(self) -> bool {
        matches!(self, Self::Complete | Self::Finished)
    }
}

#[derive(Clone, Debug, FromRow)]
pub struct SealUse {
    pub id: SealUseId,
    pub flow_id: FlowId,
    pub service_id: ServiceId,
    /// 1, 2 … within the flow.
    pub no: i64,
    pub serial_no: String,
    pub business_id: Option<String>,
    #[sqlx(try_from = "String")]
    pub status: SealUseStatus,
    /// [`Application`] as JSON.
    pub application: String,
    pub asked_at: Option<Timestamp>,
    pub detail: Option<String>,
    pub detail_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub error: Option<String>,
    pub created_at: Timestamp,
    /// A return of the flow ended this seal use, and another one replaces it.
    pub superseded: bool,
}

impl SealUse {
    /// Returns true if its seals can be used now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == SealUseStatus::Using && self.business_id.is_some() && !self.superseded
    }
}

/// The state of a seal use before it was opened again.
#[derive(Clone, Debug, FromRow)]
pub struct Reopened {
    #[sqlx(try_from = "String")]
    pub status: SealUseStatus,
    pub ended_at: Option<Timestamp>,
}

impl SealUse {
    pub async fn insert(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("INSERT INTO seal_uses (id, flow_id, service_id, no, serial_no, status, application, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(&self.id)
        .bind(&self.flow_id)
        .bind(&self.service_id)
        .bind(self.no)
        .bind(&self.serial_no)
        .bind(self.status)
        .bind(&self.application)
        .bind(self.created_at)
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn find(on: impl Into<On<'_>>, id: &SealUseId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM seal_uses WHERE id = $1").bind(id).optional(on).await
    }

    pub async fn of_flow(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM seal_uses WHERE flow_id = $1 ORDER BY no").bind(flow).all(on).await
    }

    /// Writes the business id from the vendor's answer. If a callback has brought it before, the status is newer and
    /// stays.
    pub async fn applied(tx: &mut Tx, id: &SealUseId, business_id: &str) -> Result<(), DbError> {
        sql("UPDATE seal_uses SET business_id = $1, status = 'using', error = NULL WHERE id = $2 AND business_id IS NULL")
            .bind(business_id)
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Marks a seal use without a business id as refused or unknown.
    pub async fn not_applied(tx: &mut Tx, id: &SealUseId, status: SealUseStatus, error: &str) -> Result<(), DbError> {
        Self::give_up(tx, id, status, error).await.map(|_| ())
    }

    /// As [`not_applied`](Self::not_applied). Returns false if a callback has brought the business id meanwhile.
    pub async fn give_up(tx: &mut Tx, id: &SealUseId, status: SealUseStatus, error: &str) -> Result<bool, DbError> {
        let changed = sql("UPDATE seal_uses SET status = $1, error = $2 WHERE id = $3 AND business_id IS NULL")
            .bind(status)
            .bind(error)
            .bind(id)
            .execute(tx)
            .await?;
        Ok(changed == 1)
    }

    /// Writes why the last try failed. `None`: it succeeded.
    pub async fn set_error(tx: &mut Tx, id: &SealUseId, error: Option<&str>) -> Result<(), DbError> {
        sql("UPDATE seal_uses SET error = $1 WHERE id = $2").bind(error).bind(id).execute(tx).await?;
        Ok(())
    }

    /// Returns the flow's seal uses that can have photos. A superseded seal use that the vendor never had is left out.
    pub async fn with_photos(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Vec<Self>, DbError> {
        let mut all = Self::of_flow(on, flow).await?;
        all.retain(|seal_use| !seal_use.superseded || seal_use.business_id.is_some());
        Ok(all)
    }

    /// Counts all seal uses of the flow, superseded ones included.
    pub async fn count(tx: &mut Tx, flow: &FlowId) -> Result<i64, DbError> {
        sql("SELECT COUNT(*) FROM seal_uses WHERE flow_id = $1").bind(flow).scalar(tx).await
    }

    /// Marks the flow's open seal uses, or all of them, as superseded.
    pub async fn supersede(tx: &mut Tx, flow: &FlowId, all: bool) -> Result<(), DbError> {
        sql("UPDATE seal_uses SET superseded = TRUE
             WHERE flow_id = $1 AND NOT superseded AND ($2 OR status NOT IN ('complete', 'finished'))")
        .bind(flow)
        .bind(all)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Returns the seal use that users can act on: the vendor has it and no end is requested. A flow has at most one that
    /// is not superseded.
    pub async fn at_vendor(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM seal_uses WHERE flow_id = $1 AND business_id IS NOT NULL AND end_asked_at IS NULL
               AND NOT superseded ORDER BY no DESC LIMIT 1")
        .bind(flow)
        .optional(on)
        .await
    }

    /// Opens a seal use before uses are appended, so that the flow is not completed meanwhile. Returns the old `status`
    /// and `ended_at`. `None`: no uses can be appended to it.
    pub async fn reopen(tx: &mut Tx, id: &SealUseId, now: Timestamp) -> Result<Option<Reopened>, DbError> {
        let before: Option<Reopened> = sql("SELECT status, ended_at FROM seal_uses
             WHERE id = $1 AND status IN ('using', 'complete', 'finished') AND end_asked_at IS NULL
               AND NOT superseded {for_update}")
        .bind(id)
        .optional(&mut *tx)
        .await?;
        if before.is_some() {
            sql("UPDATE seal_uses SET status = 'using', ended_at = NULL, changed_at = $1 WHERE id = $2")
                .bind(now)
                .bind(id)
                .execute(tx)
                .await?;
        }
        Ok(before)
    }

    /// Records a change at the vendor. Details requested before it are outdated.
    pub async fn changed(tx: &mut Tx, id: &SealUseId, now: Timestamp) -> Result<(), DbError> {
        sql("UPDATE seal_uses SET changed_at = $1 WHERE id = $2").bind(now).bind(id).execute(tx).await?;
        Ok(())
    }

    /// Restores the old state after the vendor refused to append uses.
    pub async fn close_again(tx: &mut Tx, id: &SealUseId, before: &Reopened) -> Result<(), DbError> {
        sql("UPDATE seal_uses SET status = $1, ended_at = $2 WHERE id = $3 AND status = 'using'")
            .bind(before.status)
            .bind(before.ended_at)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        if before.status.ended() { Grant::drop_codes(tx, id).await } else { Ok(()) }
    }

    /// Returns true if something was changed at the vendor since `asked`. Then a detail from `asked` is outdated.
    pub async fn changed_since(tx: &mut Tx, id: &SealUseId, asked: Timestamp) -> Result<bool, DbError> {
        let changed: Option<Timestamp> =
            sql("SELECT changed_at FROM seal_uses WHERE id = $1 {for_update}").bind(id).scalar(tx).await?;
        Ok(changed.is_some_and(|changed| changed >= asked))
    }

    /// Writes the vendor's detail. `ended_at` is the time when the service first saw the current end. The end drops
    /// the seal codes, because they open the boxes. If uses are appended, the next detail brings the codes again.
    pub async fn seen(
        tx: &mut Tx,
        id: &SealUseId,
        status: SealUseStatus,
        detail: &str,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let ended = status.ended().then_some(now);
        sql("UPDATE seal_uses SET status = $1, detail = $2, detail_at = $3,
               ended_at = CASE WHEN $4 IS NULL THEN NULL ELSE COALESCE(ended_at, $4) END
             WHERE id = $5")
        .bind(status)
        .bind(detail)
        .bind(now)
        .bind(ended)
        .bind(id)
        .execute(&mut *tx)
        .await?;
        if status.ended() { Grant::drop_codes(tx, id).await } else { Ok(()) }
    }
}
