//! A flow (流程): one run of a definition, from its form to its archive.

pub mod act;
pub mod actions;
pub mod application;
pub mod approval;
pub mod assign;
pub mod case;
pub mod draft;
pub mod event;
pub mod evidence;
pub mod form;
pub mod head;
pub mod list;
pub mod manifest;
pub mod narrow;
pub mod owing;
pub mod people;
mod progress;
pub mod required_files;
pub mod search;
pub mod settle;
pub mod step;
pub mod trouble;
pub mod view;
pub mod waiting;

use std::ops::Deref;

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, On, Tx, sql},
    definition::START,
    id::{DefinitionId, FlowId},
    user::User,
    vocabulary::words,
};
use people::People;

words! {
    FlowState {
        /// Not submitted. Only its starter sees it.
        Draft = "draft",
        Running = "running",
        Archived = "archived",
        /// Sent back to its starter. The starter may change it and submit it again, or withdraw it.
        Rejected = "rejected",
        /// Withdrawn. A withdrawn flow cannot run again.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// The phase of a flow, for display.
    Phase {
        Approving = "approving",
        /// Seals are in use.
        Using = "using",
        /// Use has ended, but photos are missing.
        Collecting = "collecting",
        /// Every photo is stored. The flow waits to be archived.
        Ready = "ready",
        Archived = "archived",
    }
}

#[derive(Clone, Debug, FromRow)]
pub struct Flow {
    pub id: FlowId,
    /// Empty while the flow is a draft.
    pub serial_no: String,
    pub definition_id: DefinitionId,
    pub version: i64,
    pub title: String,
    /// Username of the starter.
    pub starter: String,
    #[sqlx(try_from = "String")]
    pub state: FlowState,
    /// The current node. [`START`] after a return to the starter, `None` after the last node.
    pub node: Option<String>,
    /// Field values as JSON, without files.
    pub form: String,
    pub manifest_no: i64,
    /// Starts at 1. Each return of the flow adds 1.
    pub round: i64,
    /// A user returned the flow to a seal node whose use is complete. So a user must also approve that node.
    pub by_hand: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub archived_at: Option<Timestamp>,
}

impl Flow {
    /// Returns true if a manifest names the documents of the flow. Then they keep their names.
    #[must_use]
    pub const fn has_manifest(&self) -> bool {
        self.manifest_no > 0
    }

    pub async fn find(on: impl Into<On<'_>>, id: &FlowId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM flows WHERE id = $1").bind(id).optional(on).await
    }

    /// Returns the field values of the form.
    pub fn values(&self) -> Result<form::Form, DbError> {
        serde_json::from_str(&self.form).map_err(|error| DbError::Decode(error.into()))
    }

    /// Returns the flow with this id or serial number.
    pub async fn by_name(on: impl Into<On<'_>>, name: &str) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM flows WHERE id = $1 OR serial_no = $1").bind(name).optional(on).await
    }

    /// Locks the flow until the transaction ends. So concurrent acts on one flow are serialised.
    pub async fn lock(tx: &mut Tx, id: &FlowId) -> Result<Option<LockedFlow>, DbError> {
        let flow: Option<Self> = sql("SELECT * FROM flows WHERE id = $1 {for_update}").bind(id).optional(tx).await?;
        Ok(flow.map(LockedFlow))
    }

    /// Writes a new flow. It is locked until the transaction ends.
    pub async fn insert(self, tx: &mut Tx) -> Result<LockedFlow, DbError> {
        sql("INSERT INTO flows (id, list_key, serial_no, definition_id, version, title, starter, state, node, form, created_at, updated_at)
             VALUES ($1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)")
            .bind(&self.id)
            .bind(&self.serial_no)
            .bind(&self.definition_id)
            .bind(self.version)
            .bind(&self.title)
            .bind(&self.starter)
            .bind(self.state)
            .bind(self.node.clone())
            .bind(&self.form)
            .bind(self.created_at)
            .execute(&mut *tx)
            .await?;
        search::write(tx, &self).await?;
        Ok(LockedFlow(self))
    }

    /// Returns true if `user` may see the flow: a participant, or a user who reads everything. Only its starter sees a
    /// draft.
    pub async fn visible_to(db: &Db, id: &FlowId, user: &User) -> Result<bool, DbError> {
        let Some(flow) = Self::find(db, id).await? else { return Ok(false) };
        Ok(flow.is_visible_to(user, &People::of(db, id).await?))
    }

    /// The same, for a flow whose people are known.
    #[must_use]
    pub fn is_visible_to(&self, user: &User, people: &People) -> bool {
        people.takes_part(user) || (self.state != FlowState::Draft && user.reads_all())
    }

    /// Returns true if the flow names `user`, by name or by a role.
    pub async fn takes_part(on: impl Into<On<'_>>, id: &FlowId, user: &User) -> Result<bool, DbError> {
        Ok(People::of(on, id).await?.takes_part(user))
    }
}

/// A flow that the current transaction has locked. Only a locked flow may be changed.
#[derive(Debug)]
pub struct LockedFlow(Flow);

impl Deref for LockedFlow {
    type Target = Flow;

    fn deref(&self) -> &Flow {
        &self.0
    }
}

impl LockedFlow {
    /// Moves the running flow to `node`. `None`: the flow is after the last node.
    pub async fn move_to(&self, tx: &mut Tx, node: Option<&str>, now: Timestamp) -> Result<(), DbError> {
        sql("UPDATE flows SET node = $1, by_hand = FALSE, updated_at = $2 WHERE id = $3 AND state = 'running'")
            .bind(node)
            .bind(now)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Sends the flow back to `node` and starts the next round.
    pub async fn send_back(&self, tx: &mut Tx, node: &str, by_hand: bool, now: Timestamp) -> Result<(), DbError> {
        let state = if node == START { FlowState::Rejected } else { FlowState::Running };
        sql("UPDATE flows SET state = $1, node = $2, by_hand = $3, round = round + 1, updated_at = $4 WHERE id = $5")
            .bind(state)
            .bind(node)
            .bind(by_hand)
            .bind(now)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Makes another user the starter of the flow.
    pub async fn set_starter(&self, tx: &mut Tx, username: &str, now: Timestamp) -> Result<(), DbError> {
        sql("UPDATE flows SET starter = $1, updated_at = $2 WHERE id = $3")
            .bind(username)
            .bind(now)
            .bind(&self.id)
            .execute(&mut *tx)
            .await?;
        search::write(tx, &Flow { starter: username.to_owned(), ..self.0.clone() }).await
    }

    /// Sets the state of the flow. Its node stays the same.
    pub async fn set_state(&self, tx: &mut Tx, state: FlowState, now: Timestamp) -> Result<(), DbError> {
        sql("UPDATE flows SET state = $1, updated_at = $2 WHERE id = $3")
            .bind(state)
            .bind(now)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Writes the form of the flow, its title and the words that find it.
    pub async fn write_form(
        &mut self,
        tx: &mut Tx,
        form: String,
        title: String,
        now: Timestamp,
    ) -> Result<(), DbError> {
        (self.0.form, self.0.title) = (form, title);
        sql("UPDATE flows SET form = $1, title = $2, updated_at = $3 WHERE id = $4")
            .bind(&self.form)
            .bind(&self.title)
            .bind(now)
            .bind(&self.id)
            .execute(&mut *tx)
            .await?;
        search::write(tx, &self.0).await
    }

    /// Reserves the next `count` running numbers for photos. Returns the first of them.
    pub async fn take_numbers(&self, tx: &mut Tx, count: i64) -> Result<i64, DbError> {
        let last: i64 = sql("UPDATE flows SET photo_no = photo_no + $1 WHERE id = $2 RETURNING photo_no")
            .bind(count)
            .bind(&self.id)
            .scalar(tx)
            .await?;
        Ok(last - count + 1)
    }

    /// Sets the last running number that was reserved.
    pub async fn set_photo_count(&self, tx: &mut Tx, count: i64) -> Result<(), DbError> {
        sql("UPDATE flows SET photo_no = $1 WHERE id = $2").bind(count).bind(&self.id).execute(tx).await?;
        Ok(())
    }
}

/// Returns the next serial number of the day in China, such as `YK20261123-0001`.
pub async fn next_serial_no(tx: &mut Tx, now: Timestamp) -> Result<String, DbError> {
    let day = now.in_china().strftime("%Y%m%d").to_string();
    let n: i64 = sql("INSERT INTO serial_numbers (day, last) VALUES ($1, 1)
         ON CONFLICT (day) DO UPDATE SET last = serial_numbers.last + 1 RETURNING last")
    .bind(&day)
    .scalar(tx)
    .await?;
    Ok(format!("YK{day}-{n:04}"))
}
