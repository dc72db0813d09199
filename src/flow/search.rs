//! The text by which a flow is found: a narrow row beside the wide one, with what lists are filtered by, so that looking
//! through all of them is quick: 100,000 in some 20 ms. Words of one and two characters must be found, which full-text
//! indices of either engine do not do; an index of pairs of characters is larger than all flows together, and does not
//! help with serial numbers, whose pairs are in every text.

use super::Flow;
use crate::db::{DbError, Tx, sql};

/// Writes what the flow is found by.
pub(super) async fn write(tx: &mut Tx, flow: &Flow) -> Result<(), DbError> {
    sql("INSERT INTO flow_search (flow_id, state, definition_id, text) VALUES ($1, $2, $3, $4)
         ON CONFLICT (flow_id) DO UPDATE SET text = excluded.text")
    .bind(&flow.id)
    .bind(flow.state)
    .bind(&flow.definition_id)
    .bind(folded(&format!("{} {}", flow.serial_no, flow.title)))
    .execute(tx)
    .await?;
    Ok(())
}

/// Upper and lower case are the same; engines do not agree on that, so it is done here.
pub(super) fn folded(text: &str) -> String {
    text.to_lowercase()
}
