//! The people of a flow: participants, the users for which it waits, the users who have acted. Each is one row,
//! `user:<username>` or `role:<role>`. Each step rewrites the rows in its transaction. The lists of flows read only
//! these rows.

pub mod gone;
pub mod stamps;

use sqlx::FromRow;

use super::{LockedFlow, assign::Assigned};
use crate::{
    db::{DbError, On, Tx, placeholders, sql},
    id::{FlowId, SealUseId},
    user::User,
};

/// All users and roles that a flow names. Those for which it waits come first, in the order of their turns.
#[derive(Clone, Debug, Default)]
pub struct People(Vec<Part>);

/// The part that one user or role has in a flow.
#[derive(Clone, Debug, FromRow)]
struct Part {
    who: String,
    /// Position in the order of the current node. NULL if the node does not wait for it.
    place: Option<i64>,
    /// The flow waits for it now.
    turn: bool,
    acted: bool,
    /// It has an open grant.
    stamps: bool,
}

impl People {
    pub async fn of(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Self, DbError> {
        let parts: Vec<Part> = sql("SELECT who, place, turn, acted, stamps FROM flow_people WHERE flow_id = $1
             ORDER BY CASE WHEN place IS NULL THEN 1 ELSE 0 END, place, who")
        .bind(flow)
        .all(on)
        .await?;
        Ok(Self(parts))
    }

    fn parts_of(&self, user: &User) -> impl Iterator<Item = &Part> {
        let names = user.names_in_flows();
        self.0.iter().filter(move |part| names.contains(&part.who))
    }

    #[must_use]
    pub fn takes_part(&self, user: &User) -> bool {
        self.parts_of(user).next().is_some()
    }

    /// Returns true if the flow waits for `user` now, by name or by a role.
    #[must_use]
    pub fn has_turn(&self, user: &User) -> bool {
        self.parts_of(user).any(|part| part.turn)
    }

    /// Returns true if the node will wait for `user` after the users before have acted.
    #[must_use]
    pub fn comes_later(&self, user: &User) -> bool {
        self.parts_of(user).any(|part| part.place.is_some() && !part.turn)
    }

    /// Returns true if the flow waits for `user`, waited for `user` when it was archived, or keeps a place for `user`.
    #[must_use]
    pub fn has_place(&self, user: &User) -> bool {
        self.parts_of(user).any(|part| part.place.is_some())
    }

    #[must_use]
    pub fn has_acted(&self, user: &User) -> bool {
        self.parts_of(user).any(|part| part.acted)
    }

    /// Returns for whom the flow waits now, as `user:<username>` or `role:<role>`: assignees and people with an open grant.
    #[must_use]
    pub fn waits_for(&self) -> Vec<String> {
        self.0.iter().filter(|part| part.turn || part.stamps).map(|part| part.who.clone()).collect()
    }

    /// Returns true if the current node waits for no user any more.
    #[must_use]
    pub fn no_turn_left(&self) -> bool {
        self.0.iter().all(|part| part.place.is_none())
    }
}

/// Adds participants. A participant may see the flow.
pub async fn add(tx: &mut Tx, flow: &FlowId, people: impl IntoIterator<Item = String>) -> Result<(), DbError> {
    for who in people {
        sql("INSERT INTO flow_people (flow_id, list_key, who, state, definition_id)
             SELECT id, list_key, $2, state, definition_id FROM flows WHERE id = $1 ON CONFLICT (flow_id, who) DO NOTHING")
        .bind(flow)
        .bind(who)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// The people of the grants take part in the flow: by category only the vendor knew who stamps.
pub async fn add_of_grants(tx: &mut Tx, seal_use: &SealUseId) -> Result<(), DbError> {
    sql("INSERT INTO flow_people (flow_id, list_key, who, state, definition_id)
         SELECT DISTINCT f.id, f.list_key, 'user:' || g.username, f.state, f.definition_id FROM grants g
         JOIN seal_uses s ON s.id = g.seal_use_id JOIN flows f ON f.id = s.flow_id
         WHERE g.seal_use_id = $1 AND g.username IS NOT NULL
         ON CONFLICT (flow_id, who) DO NOTHING")
    .bind(seal_use)
    .execute(tx)
    .await?;
    Ok(())
}

/// Records that the user started the flow, so the flow is in the user's list of started flows.
pub async fn started_by(tx: &mut Tx, flow: &FlowId, username: &str) -> Result<(), DbError> {
    let who = format!("user:{username}");
    add(tx, flow, [who.clone()]).await?;
    sql("UPDATE flow_people SET started = TRUE WHERE flow_id = $1 AND who = $2")
        .bind(flow)
        .bind(who)
        .execute(tx)
        .await?;
    Ok(())
}

/// Makes the flow wait for the assigned: for all of them at once, or for one after the other.
pub async fn wait_for(tx: &mut Tx, flow: &FlowId, assigned: &Assigned, one_by_one: bool) -> Result<(), DbError> {
    sql("UPDATE flow_people SET turn = FALSE, place = NULL, gone = FALSE WHERE flow_id = $1 AND (place IS NOT NULL OR gone)")
        .bind(flow)
        .execute(&mut *tx)
        .await?;
    for (place, who) in (0_i64..).zip(&assigned.order) {
        sql("INSERT INTO flow_people (flow_id, list_key, who, state, definition_id, turn, place)
             SELECT id, list_key, $2, state, definition_id, $3, $4 FROM flows WHERE id = $1
             ON CONFLICT (flow_id, who) DO UPDATE SET turn = excluded.turn, place = excluded.place")
        .bind(flow)
        .bind(who)
        .bind(place == 0 || !one_by_one)
        .bind(place)
        .execute(&mut *tx)
        .await?;
    }
    if assigned.rescued { gone::mark(tx, flow).await } else { gone::refresh(tx, flow).await }
}

/// Gives those who have none a place behind all others, without a turn.
pub async fn keep_place(tx: &mut Tx, flow: &FlowId, people: &[String]) -> Result<(), DbError> {
    for who in people {
        sql("INSERT INTO flow_people (flow_id, list_key, who, state, definition_id, place)
             SELECT id, list_key, $2, state, definition_id, $3 FROM flows WHERE id = $1
             ON CONFLICT (flow_id, who) DO UPDATE SET place = excluded.place WHERE flow_people.place IS NULL")
        .bind(flow)
        .bind(who)
        .bind(BEHIND)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// A place behind all assignees.
const BEHIND: i64 = i32::MAX as i64;

/// Ends the turn of `user`. If the users act one by one, the next user gets the turn.
pub async fn end_turn(tx: &mut Tx, flow: &FlowId, user: &User) -> Result<(), DbError> {
    let names = user.names_in_flows();
    sql(format!(
        "UPDATE flow_people SET turn = FALSE, place = NULL WHERE flow_id = $1 AND turn AND who IN {}",
        placeholders(2, names.len())
    ))
    .bind(flow)
    .bind_all(names)
    .execute(&mut *tx)
    .await?;
    acted(tx, flow, &user.username).await?;
    let waiting: i64 =
        sql("SELECT COUNT(*) FROM flow_people WHERE flow_id = $1 AND turn").bind(flow).scalar(&mut *tx).await?;
    if waiting == 0 {
        sql("UPDATE flow_people SET turn = TRUE WHERE flow_id = $1
               AND place = (SELECT MIN(place) FROM flow_people WHERE flow_id = $1)")
        .bind(flow)
        .execute(&mut *tx)
        .await?;
    }
    gone::refresh(tx, flow).await
}

/// Records that the user has acted on the flow, so the flow is in the user's list of handled flows.
pub async fn acted(tx: &mut Tx, flow: &FlowId, username: &str) -> Result<(), DbError> {
    sql("INSERT INTO flow_people (flow_id, list_key, who, state, definition_id, acted)
         SELECT id, list_key, $2, state, definition_id, TRUE FROM flows WHERE id = $1
         ON CONFLICT (flow_id, who) DO UPDATE SET acted = TRUE")
    .bind(flow)
    .bind(format!("user:{username}"))
    .execute(tx)
    .await?;
    Ok(())
}

/// Records the same for the users who stamped, by the counts of a seal use's grants.
pub async fn stamped(tx: &mut Tx, _flow: &LockedFlow, seal_use: &SealUseId) -> Result<(), DbError> {
    sql("INSERT INTO flow_people (flow_id, list_key, who, state, definition_id, acted)
         SELECT DISTINCT f.id, f.list_key, 'user:' || g.username, f.state, f.definition_id, TRUE
         FROM grants g JOIN seal_uses s ON s.id = g.seal_use_id JOIN flows f ON f.id = s.flow_id
         WHERE g.seal_use_id = $1 AND g.used > 0 AND g.username IS NOT NULL
         ON CONFLICT (flow_id, who) DO UPDATE SET acted = TRUE WHERE NOT flow_people.acted")
    .bind(seal_use)
    .execute(tx)
    .await?;
    Ok(())
}

/// Hands the turns of `from` to `to`, at the same positions. `None`: hands over all turns.
pub async fn hand_over(tx: &mut Tx, flow: &FlowId, from: Option<&User>, to: &User) -> Result<(), DbError> {
    let people = People::of(&mut *tx, flow).await?;
    let names = from.map(User::names_in_flows);
    let theirs = |part: &&Part| part.turn && names.as_ref().is_none_or(|names| names.contains(&part.who));
    let handed: Vec<&Part> = people.0.iter().filter(theirs).collect();
    sql("UPDATE flow_people SET gone = FALSE WHERE flow_id = $1 AND gone").bind(flow).execute(&mut *tx).await?;
    let place = handed.iter().filter_map(|part| part.place).min().unwrap_or(0);
    for part in handed {
        sql("UPDATE flow_people SET turn = FALSE, place = NULL WHERE flow_id = $1 AND who = $2")
            .bind(flow)
            .bind(&part.who)
            .execute(&mut *tx)
            .await?;
    }
    sql("INSERT INTO flow_people (flow_id, list_key, who, state, definition_id, turn, place)
         SELECT id, list_key, $2, state, definition_id, TRUE, $3 FROM flows WHERE id = $1
         ON CONFLICT (flow_id, who) DO UPDATE SET turn = TRUE, place = excluded.place")
    .bind(flow)
    .bind(format!("user:{}", to.username))
    .bind(place)
    .execute(&mut *tx)
    .await?;
    gone::refresh(tx, flow).await
}
