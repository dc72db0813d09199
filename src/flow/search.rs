//! The text by which a flow is found: a narrow row beside the wide one, so that looking through all of them is quick.
//! Words of two characters must be found, which full-text indices of either engine do not do.

use super::Flow;
use crate::db::{DbError, Tx, sql};

/// Writes what the flow is found by.
pub(super) async fn write(tx: &mut Tx, flow: &Flow) -> Result<(), DbError> {
    sql("INSERT INTO flow_search (flow_id, text) VALUES ($1, $2) ON CONFLICT (flow_id) DO UPDATE SET text = excluded.text")
        .bind(&flow.id)
        .bind(folded(&format!("{} {}", flow.serial_no, flow.title)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Upper and lower case are the same; engines do not agree on that, so it is done here.
pub(super) fn folded(text: &str) -> String {
    text.to_lowercase()
}
