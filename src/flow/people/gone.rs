//! Flows that wait only for people who are gone: disabled users, or a role that no user has. They are in the 待办 of
//! every administrator. The row of `role:admin` has the mark.
//!
//! A step marks the flow in its own transaction. A change of a user wakes the job `people`, which looks at the flows
//! that wait for this user. Both lock the users that they read, so neither misses the other.

use crate::{
    db::{Db, DbError, Sql, Tx, sql},
    flow::{Flow, FlowState},
    id::{FlowId, UserId},
    queue::{Lease, Next},
    user::{Role, User},
};

/// Marks the flow: nobody could be assigned, so the administrators have it until someone is.
pub(super) async fn mark(tx: &mut Tx, flow: &FlowId) -> Result<(), DbError> {
    sql("INSERT INTO flow_people (flow_id, list_key, who, state, definition_id, gone)
         SELECT id, list_key, 'role:admin', state, definition_id, TRUE FROM flows WHERE id = $1
         ON CONFLICT (flow_id, who) DO UPDATE SET gone = TRUE")
    .bind(flow)
    .execute(tx)
    .await?;
    Ok(())
}

/// Marks the flow if it waits only for people who are gone. Otherwise removes the mark. The caller has locked the flow.
pub async fn refresh(tx: &mut Tx, flow: &FlowId) -> Result<(), DbError> {
    let waits_for: Vec<String> =
        sql("SELECT who FROM flow_people WHERE flow_id = $1 AND (turn OR stamps) AND state IN ('running', 'rejected') ORDER BY who")
            .bind(flow)
            .scalars(&mut *tx)
            .await?;
    for who in &waits_for {
        if is_here(tx, who).await? {
            // With a turn of its own, the row says that nobody else could be assigned. That stays.
            sql("UPDATE flow_people SET gone = FALSE WHERE flow_id = $1 AND gone AND NOT turn")
                .bind(flow)
                .execute(tx)
                .await?;
            return Ok(());
        }
    }
    if waits_for.is_empty() { Ok(()) } else { mark(tx, flow).await }
}

/// Returns true if the user is not disabled, or if a user has the role. Locks this user, so a change waits until the
/// flow is written, and its job then finds the flow.
async fn is_here(tx: &mut Tx, who: &str) -> Result<bool, DbError> {
    let found: Option<(UserId,)> = match who.split_once(':') {
        Some(("role", role)) => {
            sql("SELECT id FROM users WHERE NOT disabled AND {position}(roles, $1) > 0 ORDER BY username LIMIT 1 {for_share}")
                .bind(format!("\"{role}\""))
                .optional(tx)
                .await?
        }
        Some((_, name)) => {
            sql("SELECT id FROM users WHERE NOT disabled AND username = $1 {for_share}").bind(name).optional(tx).await?
        }
        None => None,
    };
    Ok(found.is_some())
}

/// The largest number of flows in one transaction's list.
const STEP: i64 = 200;

/// Runs the job `people` after a change of the user that is its subject: looks again at the flows that wait for this
/// user, at those that wait for a role that nobody has, and at those with the mark.
pub async fn run(db: &Db, lease: &Lease) -> Result<Next, DbError> {
    let id: Option<UserId> = lease.subject.parse().ok();
    let user = match &id {
        Some(id) => User::find(db, id).await?,
        None => None,
    };
    let Some(user) = user else { return Ok(Next::Idle) };
    let mut names = vec![format!("user:{}", user.username)];
    for role in Role::ALL {
        let mut tx = db.begin().await?;
        let who = format!("role:{role}");
        if !is_here(&mut tx, &who).await? {
            names.push(who);
        }
    }
    for who in names {
        let statement = "SELECT flow_id, list_key FROM flow_people WHERE who = $1 AND (turn OR stamps OR gone) AND list_key > $2 ORDER BY list_key LIMIT $3";
        each(db, |after| sql(statement).bind(&who).bind(after).bind(STEP)).await?;
    }
    let statement = "SELECT flow_id, flow_id FROM flow_people WHERE gone AND flow_id > $1 ORDER BY flow_id LIMIT $2";
    each(db, |after| sql(statement).bind(after).bind(STEP)).await?;
    Ok(Next::Idle)
}

/// Looks at the flows of each page. A page has the flows with the place behind which the next page begins.
async fn each(db: &Db, page: impl Fn(&str) -> Sql) -> Result<(), DbError> {
    let mut after = String::new();
    loop {
        let flows: Vec<(FlowId, String)> = page(&after).all(db).await?;
        let Some((_, last)) = flows.last() else { return Ok(()) };
        after.clone_from(last);
        for (flow, _) in &flows {
            let mut tx = db.begin().await?;
            if let Some(locked) = Flow::lock(&mut tx, flow).await?
                && matches!(locked.state, FlowState::Running | FlowState::Rejected)
            {
                refresh(&mut tx, flow).await?;
                tx.commit().await?;
            }
        }
    }
}
