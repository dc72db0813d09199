//! A seal use (用印申请): one application at the vendor, its grants, and what is known of its photos.

pub mod code;
pub mod counts;
pub mod ending;

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

pub use counts::Counts;

use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    id::{FlowId, GrantId, SealUseId, ServiceId},
    word::words,
};

words! {
    SealUseStatus {
        /// The vendor has not answered yet.
        Applying = "applying",
        Using = "using",
        /// Ended by use.
        Complete = "complete",
        /// Ended by a platform.
        Finished = "finished",
        /// The answer was lost: the vendor may have it or not. Never asked again blindly.
        Unknown = "unknown",
        /// The vendor refused.
        Failed = "failed",
    }
}

impl SealUseStatus {
    /// No stamping will follow.
    #[must_use]
    pub const fn ended(self) -> bool {
        matches!(self, Self::Complete | Self::Finished)
    }
}

/// What is asked of the vendor: kept, so that it can be asked again and proved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    pub tenant_name: String,
    pub subject: String,
    pub description: Option<String>,
    pub applicant: Person,
    pub wants: Vec<Want>,
}

/// One seal, how often, by whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// A seal's name or device number.
    pub seal: String,
    pub count: u32,
    pub users: Vec<Person>,
}

/// A person as the vendor knows them: by employee number, else by mobile phone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub username: String,
    pub name: String,
    pub number: Option<String>,
    pub mobile: Option<String>,
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
}

/// One seal × one person in a seal use (用印授权).
#[derive(Clone, Debug, FromRow)]
pub struct Grant {
    pub id: GrantId,
    pub seal_use_id: SealUseId,
    /// The vendor's id of the authorisation.
    pub vendor_id: String,
    pub position: i64,
    pub seal: String,
    pub device_no: Option<String>,
    pub owner: Option<String>,
    pub user_name: String,
    pub contact: Option<String>,
    pub number: Option<String>,
    pub applied: i64,
    pub used: i64,
    pub left_count: i64,
    /// The seal code (用印码): shown only to who may see it, and every view is audited.
    pub code: Option<String>,
    pub complete: bool,
    /// Uses appended through us.
    pub appended: i64,
    /// The time in which the seal may be used, where it is bounded.
    pub window_start: Option<Timestamp>,
    pub window_end: Option<Timestamp>,
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

    /// The vendor's answer to the application. A callback may have told it before; then the status is newer than this.
    pub async fn applied(tx: &mut Tx, id: &SealUseId, business_id: &str) -> Result<(), DbError> {
        sql("UPDATE seal_uses SET business_id = $1, status = 'using', error = NULL WHERE id = $2 AND business_id IS NULL")
            .bind(business_id)
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// The application ended without a business id: refused, or nobody knows.
    pub async fn not_applied(tx: &mut Tx, id: &SealUseId, status: SealUseStatus, error: &str) -> Result<(), DbError> {
        sql("UPDATE seal_uses SET status = $1, error = $2 WHERE id = $3 AND business_id IS NULL")
            .bind(status)
            .bind(error)
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// What the vendor's detail says; `ended_at` is when we first learned of the present end.
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
        .execute(tx)
        .await?;
        Ok(())
    }
}

impl Grant {
    /// Writes what the vendor says of a grant; `applied` is kept from the first time. Returns our id.
    pub async fn upsert(&self, tx: &mut Tx) -> Result<GrantId, DbError> {
        sql("INSERT INTO grants (id, seal_use_id, vendor_id, position, seal, device_no, owner, user_name, contact, number, applied, used, left_count, code, complete)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
             ON CONFLICT (seal_use_id, vendor_id) DO UPDATE SET
               used = excluded.used, left_count = excluded.left_count, complete = excluded.complete,
               code = COALESCE(excluded.code, grants.code), device_no = COALESCE(excluded.device_no, grants.device_no)
             RETURNING id")
            .bind(&self.id)
            .bind(&self.seal_use_id)
            .bind(&self.vendor_id)
            .bind(self.position)
            .bind(&self.seal)
            .bind(self.device_no.clone())
            .bind(self.owner.clone())
            .bind(&self.user_name)
            .bind(self.contact.clone())
            .bind(self.number.clone())
            .bind(self.applied)
            .bind(self.used)
            .bind(self.left_count)
            .bind(self.code.clone())
            .bind(self.complete)
            .scalar(tx)
            .await
    }

    pub async fn find(on: impl Into<On<'_>>, id: &GrantId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM grants WHERE id = $1").bind(id).optional(on).await
    }

    pub async fn of_seal_use(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM grants WHERE seal_use_id = $1 ORDER BY position, id").bind(seal_use).all(on).await
    }
}
