//! A flow (流程): one run of a definition, from its form to its archive.

pub mod actions;
pub mod assign;
pub mod event;
pub mod form;
pub mod settle;
pub mod step;
pub mod view;

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, On, Tx, contains, placeholders, sql},
    id::{DefinitionId, FlowId},
    user::User,
    word::words,
};

words! {
    FlowState {
        Running = "running",
        Archived = "archived",
        Rejected = "rejected",
        Withdrawn = "withdrawn",
    }
}

words! {
    /// Where a flow stands, for people.
    Phase {
        Approving = "approving",
        /// Seals are in use.
        Using = "using",
        /// Use has ended; photos are still owed.
        Collecting = "collecting",
        /// Everything is here; it waits to be archived.
        Ready = "ready",
        Archived = "archived",
    }
}

#[derive(Clone, Debug, FromRow)]
pub struct Flow {
    pub id: FlowId,
    pub serial_no: String,
    pub definition_id: DefinitionId,
    pub version: i64,
    pub title: String,
    /// Username of who started it.
    pub starter: String,
    #[sqlx(try_from = "String")]
    pub state: FlowState,
    /// The node it stands at; `None` after the last.
    pub node: Option<String>,
    /// Field values as JSON, without files.
    pub form: String,
    pub photo_no: i64,
    pub manifest_no: i64,
    /// 1, and one more after each return.
    pub round: i64,
    /// A person returned it to a seal node whose use is complete: a person leaves that node too.
    pub by_hand: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub archived_at: Option<Timestamp>,
}

/// What to list; absent members do not restrict.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<FlowState>,
    pub definition: Option<DefinitionId>,
    /// A part of the title or the serial number.
    pub q: Option<String>,
}

impl Flow {
    pub async fn find(on: impl Into<On<'_>>, id: &FlowId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM flows WHERE id = $1").bind(id).optional(on).await
    }

    /// The flow, locked until the transaction ends: two people who act at once act one after the other.
    pub async fn lock(tx: &mut Tx, id: &FlowId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM flows WHERE id = $1 {for_update}").bind(id).optional(tx).await
    }

    pub async fn insert(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("INSERT INTO flows (id, serial_no, definition_id, version, title, starter, state, node, form, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)")
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
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Moves the flow to `node` (`None`: past the last); false when somebody else moved it meanwhile.
    pub async fn move_to(&self, tx: &mut Tx, node: Option<&str>, now: Timestamp) -> Result<bool, DbError> {
        let moved =
            sql("UPDATE flows SET node = $1, updated_at = $2 WHERE id = $3 AND state = 'running' AND node = $4")
                .bind(node)
                .bind(now)
                .bind(&self.id)
                .bind(self.node.clone())
                .execute(tx)
                .await?;
        Ok(moved == 1)
    }

    /// Gives out the next `count` running numbers for photos; the first of them.
    pub async fn take_numbers(tx: &mut Tx, id: &FlowId, count: i64) -> Result<i64, DbError> {
        let last: i64 = sql("UPDATE flows SET photo_no = photo_no + $1 WHERE id = $2 RETURNING photo_no")
            .bind(count)
            .bind(id)
            .scalar(tx)
            .await?;
        Ok(last - count + 1)
    }

    /// Names who takes part: they may see the flow.
    pub async fn add_people(tx: &mut Tx, id: &FlowId, people: impl IntoIterator<Item = String>) -> Result<(), DbError> {
        for who in people {
            sql("INSERT INTO flow_people (flow_id, who) VALUES ($1, $2) ON CONFLICT (flow_id, who) DO NOTHING")
                .bind(id)
                .bind(who)
                .execute(&mut *tx)
                .await?;
        }
        Ok(())
    }

    /// Whether `user` may see the flow: takes part in it, or reads everything.
    pub async fn visible_to(on: impl Into<On<'_>>, id: &FlowId, user: &User) -> Result<bool, DbError> {
        Ok(user.reads_all() || Self::takes_part(on, id, user).await?)
    }

    /// Whether the flow names `user`, by name or by a role.
    pub async fn takes_part(on: impl Into<On<'_>>, id: &FlowId, user: &User) -> Result<bool, DbError> {
        let names = user.names_in_flows();
        let found: i64 = sql(format!(
            "SELECT COUNT(*) FROM flow_people WHERE flow_id = $1 AND who IN {}",
            placeholders(2, names.len())
        ))
        .bind(id)
        .bind_all(names)
        .scalar(on)
        .await?;
        Ok(found > 0)
    }

    /// What `user` may see of what the filter asks for: newest first, those before `after`.
    pub async fn list(
        db: &Db,
        filter: &Filter,
        user: &User,
        after: Option<&FlowId>,
        limit: i64,
    ) -> Result<Vec<Self>, DbError> {
        let names = user.names_in_flows();
        let statement = format!(
            "SELECT * FROM flows WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR definition_id = $2)
               AND ($3 IS NULL OR title LIKE $3 ESCAPE '\\' OR serial_no LIKE $3 ESCAPE '\\') AND ($4 IS NULL OR id < $4)
               AND ($5 OR EXISTS (SELECT 1 FROM flow_people p WHERE p.flow_id = flows.id AND p.who IN {}))
             ORDER BY id DESC LIMIT $6",
            placeholders(7, names.len())
        );
        sql(statement)
            .bind(filter.state.map(FlowState::as_str))
            .bind(filter.definition.as_ref())
            .bind(filter.q.as_deref().map(contains))
            .bind(after)
            .bind(user.reads_all())
            .bind(limit)
            .bind_all(names)
            .all(db)
            .await
    }
}

/// The next serial number of the day in China, such as `YK20261123-0001`.
pub async fn next_serial_no(tx: &mut Tx, now: Timestamp) -> Result<String, DbError> {
    let day = now.in_china().strftime("%Y%m%d").to_string();
    let n: i64 = sql("INSERT INTO serial_numbers (day, last) VALUES ($1, 1)
         ON CONFLICT (day) DO UPDATE SET last = serial_numbers.last + 1 RETURNING last")
    .bind(&day)
    .scalar(tx)
    .await?;
    Ok(format!("YK{day}-{n:04}"))
}
