//! The form of a flow: checks values against the definition.

use serde_json::{Map, Value};

pub use super::application::{ApplicationError, application};
use crate::{
    definition::{Body, Field, FieldError, FieldType},
    user::Directory,
};

/// Field values by key.
pub type Form = Map<String, Value>;

/// Returns every error of `form`; empty if the flow may start. Files are set by upload only. So required files fields
/// are checked when the apply node is passed, or when the flow is archived.
#[must_use]
pub fn check(body: &Body, form: &Form, users: &Directory) -> Vec<FieldError> {
    check_as(body, form, users, Whole::Yes)
}

/// Returns the errors in the values of a draft's form. A required field may be empty.
#[must_use]
pub fn check_types(body: &Body, form: &Form, users: &Directory) -> Vec<FieldError> {
    check_as(body, form, users, Whole::No)
}

/// Whether required fields must have a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Yes,
    No,
}

fn check_as(body: &Body, form: &Form, users: &Directory, whole: Whole) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for key in form.keys().filter(|key| body.field(key).is_none()) {
        errors.push(FieldError::new(format!("form.{key}"), "the definition has no such field; remove it"));
    }
    for field in &body.fields {
        check_value(field, form.get(&field.key), &format!("form.{}", field.key), users, &mut errors);
    }
    if whole == Whole::No {
        errors.retain(|error| error.message != REQUIRED);
    }
    errors
}

const REQUIRED: &str = "is required";

fn check_value(field: &Field, value: Option<&Value>, path: &str, users: &Directory, errors: &mut Vec<FieldError>) {
    let value = match value {
        None | Some(Value::Null) => {
            if field.required && field.field_type != FieldType::Files {
                errors.push(FieldError::new(path, REQUIRED));
            }
            return;
        }
        Some(value) => value,
    };
    if field.required && is_empty(value) {
        errors.push(FieldError::new(path, REQUIRED));
    }
    match field.field_type {
        FieldType::Files => {
            errors.push(FieldError::new(path, "files are set by upload only; upload the file to this field"));
        }
        FieldType::Table => check_table(field, value, path, users, errors),
        _ => {
            if let Err(message) = check_plain(field, value, users) {
                errors.push(FieldError::new(path, message));
            }
        }
    }
}

fn check_table(field: &Field, value: &Value, path: &str, users: &Directory, errors: &mut Vec<FieldError>) {
    let Some(rows) = value.as_array() else {
        errors.push(FieldError::new(path, "must be a list of rows"));
        return;
    };
    let columns = field.columns.as_deref().unwrap_or_default();
    for (i, row) in rows.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let Some(row) = row.as_object() else {
            errors.push(FieldError::new(path, "must be an object"));
            continue;
        };
        for key in row.keys().filter(|key| !columns.iter().any(|column| column.key == **key)) {
            errors.push(FieldError::new(format!("{path}.{key}"), "the table has no such column; remove it"));
        }
        for column in columns {
            check_value(column, row.get(&column.key), &format!("{path}.{}", column.key), users, errors);
        }
    }
}

fn check_plain(field: &Field, value: &Value, users: &Directory) -> Result<(), String> {
    let text = || value.as_str().ok_or_else(|| "must be text".to_owned());
    let known = |name: &str| {
        if users.get(name).is_some() { Ok(()) } else { Err(format!("there is no user {name:?}; name another user")) }
    };
    match field.field_type {
        FieldType::Text | FieldType::Textarea | FieldType::Seal => text().and_then(|text| {
            // PostgreSQL refuses NUL in text. The service refuses it on both engines.
            if text.contains('\0') { Err("must not contain NUL".to_owned()) } else { Ok(()) }
        }),
        FieldType::Number => value.as_f64().map(|_| ()).ok_or_else(|| "must be a number".to_owned()),
        FieldType::Date => {
            text()?.parse::<jiff::civil::Date>().map(|_| ()).map_err(|_| "must be yyyy-MM-dd".to_owned())
        }
        FieldType::Time => text()?.parse::<jiff::civil::Time>().map(|_| ()).map_err(|_| "must be HH:mm".to_owned()),
        FieldType::Select => {
            let text = text()?;
            let options = field.options.as_deref().unwrap_or_default();
            if options.iter().any(|option| option == text) {
                Ok(())
            } else {
                Err(format!("must be one of: {}", options.join(", ")))
            }
        }
        FieldType::User => known(text()?),
        FieldType::Users => strings(value)?.into_iter().try_for_each(known),
        FieldType::Seals => strings(value).map(|_| ()),
        FieldType::Files | FieldType::Table => Ok(()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn strings(value: &Value) -> Result<Vec<&str>, String> {
    let list = value.as_array().ok_or_else(|| "must be a list of texts".to_owned())?;
    list.iter().map(|item| item.as_str().ok_or_else(|| "must be a list of texts".to_owned())).collect()
}
