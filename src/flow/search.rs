//! The search text of a flow: a narrow row beside the wide row of the flow.
//!
//! The row also has the columns that lists filter by. So a scan of 100,000 rows takes some 20 ms. A search must find
//! words of one and two characters. The full-text indexes of both engines cannot. An index of character pairs is larger
//! than all flows together. It does not help with serial numbers either, because their pairs are in every text.

use super::Flow;
use crate::db::{DbError, Tx, folded, sql};

/// Writes the search text of the flow.
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
