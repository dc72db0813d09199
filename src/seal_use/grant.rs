//! A grant (用印授权): one seal × one person in a seal use.

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, placeholders, sql},
    id::{GrantId, SealUseId},
    user::User,
};

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
    /// The person as the vendor names them.
    pub user_name: String,
    pub contact: Option<String>,
    pub number: Option<String>,
    /// The user for whom the grant was asked, or whose number or mobile it was when it was first seen. It never changes.
    pub username: Option<String>,
    pub employee_no: Option<String>,
    pub applied: i64,
    pub used: i64,
    pub left_count: i64,
    /// The seal code (用印码). Only users with the right may see it, and every view is audited.
    pub code: Option<String>,
    pub complete: bool,
    /// Uses that were appended through this service.
    pub appended: i64,
    /// Uses that were appended through this service at other boxes of the seal use.
    pub appended_elsewhere: i64,
    /// The sum of all appends that the vendor lists for the seal use. The list names no box.
    pub append_logs: i64,
    /// The time in which the seal may be used, if it is limited.
    pub window_start: Option<Timestamp>,
    pub window_end: Option<Timestamp>,
}

impl Grant {
    /// Returns how many stampings are authorised: applied for and appended. An append that only the vendor lists counts
    /// as far as uses or uses left show it. A use without an append raises nothing.
    #[must_use]
    pub fn authorised(&self) -> i64 {
        let listed = (self.append_logs - self.appended_elsewhere).max(0);
        self.applied + self.appended.max(listed.min(self.used + self.left_count - self.applied))
    }

    /// Returns true if the grant belongs to this user.
    #[must_use]
    pub fn is_of(&self, user: &User) -> bool {
        self.username.as_ref() == Some(&user.username)
    }

    /// Returns true if the person can still stamp: the grant is neither ended nor used up. `flow_people.stamps`
    /// has the same condition in SQL.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.complete && (self.used == 0 || self.left_count > 0)
    }

    /// Writes the vendor's data of a grant. The user, the applied count and the time of use keep their first values.
    /// Returns our id.
    pub async fn upsert(&self, tx: &mut Tx) -> Result<GrantId, DbError> {
        sql("INSERT INTO grants (id, seal_use_id, vendor_id, position, seal, device_no, owner, user_name, contact, number, applied, used, left_count, code, complete,
               window_start, window_end, username, employee_no)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
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
            .bind(self.window_start)
            .bind(self.window_end)
            .bind(self.username.clone())
            .bind(self.employee_no.clone())
            .scalar(tx)
            .await
    }

    /// Adds `count` appended uses. The next detail brings the vendor's numbers.
    pub async fn append(&self, tx: &mut Tx, count: i64) -> Result<(), DbError> {
        sql("UPDATE grants SET appended = appended + $1, left_count = left_count + $1, complete = FALSE WHERE id = $2")
            .bind(count)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Records that `count` uses were appended at the box `device` and not at the other boxes of the seal use.
    pub async fn append_elsewhere(tx: &mut Tx, seal_use: &SealUseId, device: &str, count: i64) -> Result<(), DbError> {
        sql("UPDATE grants SET appended_elsewhere = appended_elsewhere + $1
             WHERE seal_use_id = $2 AND (device_no IS NULL OR device_no <> $3)")
        .bind(count)
        .bind(seal_use)
        .bind(device)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Writes the sum of the appends that the vendor lists for the seal use.
    pub async fn list_appends(tx: &mut Tx, seal_use: &SealUseId, sum: i64) -> Result<(), DbError> {
        sql("UPDATE grants SET append_logs = $1 WHERE seal_use_id = $2").bind(sum).bind(seal_use).execute(tx).await?;
        Ok(())
    }

    /// Sets the time in which the seal may be used.
    pub async fn set_window(&self, tx: &mut Tx, start: Timestamp, end: Timestamp) -> Result<(), DbError> {
        sql("UPDATE grants SET window_start = $1, window_end = $2 WHERE id = $3")
            .bind(start)
            .bind(end)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Forgets the seal codes of a seal use that has ended.
    pub async fn drop_codes(tx: &mut Tx, seal_use: &SealUseId) -> Result<(), DbError> {
        sql("UPDATE grants SET code = NULL WHERE seal_use_id = $1 AND code IS NOT NULL")
            .bind(seal_use)
            .execute(tx)
            .await?;
        Ok(())
    }

    pub async fn find(on: impl Into<On<'_>>, id: &GrantId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM grants WHERE id = $1").bind(id).optional(on).await
    }

    pub async fn of_seal_uses(on: impl Into<On<'_>>, seal_uses: &[&SealUseId]) -> Result<Vec<Self>, DbError> {
        if seal_uses.is_empty() {
            return Ok(Vec::new());
        }
        let list = placeholders(1, seal_uses.len());
        let statement = format!("SELECT * FROM grants WHERE seal_use_id IN {list} ORDER BY position, id");
        sql(statement).bind_all(seal_uses.iter().copied()).all(on).await
    }

    pub async fn of_seal_use(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM grants WHERE seal_use_id = $1 ORDER BY position, id").bind(seal_use).all(on).await
    }
}
