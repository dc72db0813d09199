//! The files fields that must have a file: template and file fields before the apply node is passed, all before the
//! archive.

use crate::{
    db::{DbError, On, sql},
    definition::{Body, Field, FieldError, FieldType},
    id::FlowId,
};

/// Returns the required files fields that are empty.
pub async fn empty<'b>(on: impl Into<On<'_>>, flow: &FlowId, body: &'b Body) -> Result<Vec<&'b Field>, DbError> {
    if all(body).next().is_none() {
        return Ok(Vec::new());
    }
    let filled: Vec<String> = sql(
        "SELECT DISTINCT field_key FROM documents WHERE flow_id = $1 AND field_key IS NOT NULL AND deleted_at IS NULL",
    )
    .bind(flow)
    .scalars(on)
    .await?;
    Ok(all(body).filter(|field| !filled.contains(&field.key)).collect())
}

/// Returns the required files fields.
pub fn all(body: &Body) -> impl Iterator<Item = &Field> {
    body.fields.iter().filter(|field| field.required && field.field_type == FieldType::Files)
}

/// Returns the error of an empty field.
#[must_use]
pub fn error(field: &Field) -> FieldError {
    FieldError::new(format!("form.{}", field.key), format!("{} is required but empty", field.label))
}
