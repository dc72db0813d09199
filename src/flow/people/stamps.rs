//! The people with an open grant. The flow is in their 待办 until the grant is used up or ended.

use crate::{
    db::{DbError, Tx, sql},
    flow::{LockedFlow, people::gone},
};

/// Writes which people of the flow have an open grant. Call it after every change of a grant or of a seal use.
pub async fn refresh(tx: &mut Tx, flow: &LockedFlow) -> Result<(), DbError> {
    let open = "SELECT DISTINCT 'user:' || g.username FROM grants g JOIN seal_uses s ON s.id = g.seal_use_id JOIN flows f ON f.id = s.flow_id
       WHERE s.flow_id = $1 AND s.status = 'using' AND NOT s.superseded AND f.state = 'running' AND g.username IS NOT NULL
         AND NOT g.complete AND (g.used = 0 OR g.left_count > 0)";
    sql(format!("UPDATE flow_people SET stamps = FALSE WHERE flow_id = $1 AND stamps AND who NOT IN ({open})"))
        .bind(&flow.id)
        .execute(&mut *tx)
        .await?;
    sql(format!(
        "INSERT INTO flow_people (flow_id, list_key, who, state, definition_id, stamps)
         SELECT f.id, f.list_key, o.who, f.state, f.definition_id, TRUE FROM flows f, ({}) AS o WHERE f.id = $1
         ON CONFLICT (flow_id, who) DO UPDATE SET stamps = TRUE WHERE NOT flow_people.stamps",
        open.replacen("g.username FROM", "g.username AS who FROM", 1)
    ))
    .bind(&flow.id)
    .execute(&mut *tx)
    .await?;
    gone::refresh(tx, &flow.id).await
}
