//! The files fields that must have a file before a flow is archived.

use crate::{
    db::{DbError, On, sql},
    definition::{Body, Field, FieldType},
    id::FlowId,
};

/// Returns the required files fields that are empty.
pub async fn empty<'b>(on: impl Into<On<'_>>, flow: &FlowId, body: &'b Body) -> Result<Vec<&'b Field>, DbError> {
    let required = || body.fields.iter().filter(|field| field.required && field.field_type == FieldType::Files);
    if required().next().is_none() {
        return Ok(Vec::new());
    }
    let filled: Vec<String> = sql(
        "SELECT DISTINCT field_key FROM documents WHERE flow_id = $1 AND field_key IS NOT NULL AND deleted_at IS NULL",
    )
    .bind(flow)
    .scalars(on)
    .await?;
    Ok(required().filter(|field| !filled.contains(&field.key)).collect())
}
