//! Approvals: which user approved which node, in which round, with which opinion.

use serde::Serialize;
use sqlx::FromRow;

use super::Flow;
use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    id::FlowId,
    user::User,
};

#[derive(Clone, Debug, FromRow, Serialize)]
pub struct Approval {
    pub node: String,
    /// Starts at 1. Each return of the flow adds 1.
    pub round: i64,
    pub username: String,
    pub at: Timestamp,
    pub comment: Option<String>,
}

/// Returns the approvals in the order given, including those before a return.
pub async fn of_flow(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Vec<Approval>, DbError> {
    sql("SELECT node, round, username, at, comment FROM approvals WHERE flow_id = $1 ORDER BY at, round, username")
        .bind(flow)
        .all(on)
        .await
}

/// Returns true if `user` has approved `node` in the current round.
pub async fn given(on: impl Into<On<'_>>, flow: &Flow, node: &str, user: &User) -> Result<bool, DbError> {
    let given: i64 =
        sql("SELECT COUNT(*) FROM approvals WHERE flow_id = $1 AND round = $2 AND node = $3 AND username = $4")
            .bind(&flow.id)
            .bind(flow.round)
            .bind(node)
            .bind(&user.username)
            .scalar(on)
            .await?;
    Ok(given > 0)
}

pub async fn give(
    tx: &mut Tx,
    flow: &Flow,
    node: &str,
    user: &User,
    comment: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    sql("INSERT INTO approvals (flow_id, round, node, username, at, comment) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(&flow.id)
        .bind(flow.round)
        .bind(node)
        .bind(&user.username)
        .bind(now)
        .bind(comment)
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns true if a user has approved a node in the current round.
pub async fn any_in_round(on: impl Into<On<'_>>, flow: &Flow) -> Result<bool, DbError> {
    let given: i64 = sql("SELECT COUNT(*) FROM approvals WHERE flow_id = $1 AND round = $2")
        .bind(&flow.id)
        .bind(flow.round)
        .scalar(on)
        .await?;
    Ok(given > 0)
}
