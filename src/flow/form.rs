//! The form of a flow: checks values against the definition.

use std::{collections::HashSet, fmt};

use serde_json::{Map, Value};

pub use super::application::{ApplicationError, application, times_over};
use crate::{
    db::is_blank,
    definition::{Body, Field, FieldError, FieldType, moment},
    user::Directory,
};

/// Field values by key.
pub type Form = Map<String, Value>;

/// Most rows of a table.
const MOST_ROWS: usize = 500;
/// Most people, or seals, in one value.
pub(super) const MOST_PEOPLE: usize = 50;
/// After this number of errors the check ends.
pub(super) const MOST_ERRORS: usize = 100;
/// The longest text of one line, in characters.
const LINE: usize = 1_000;
/// The longest name of a seal, in characters.
const SEAL: usize = 200;

pub(super) fn too_many_people() -> String {
    format!("names more than {MOST_PEOPLE} people; use several rows")
}

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
    // An empty required cell of a draft is no error, so it must not use up the number of errors.
    let fields = if whole == Whole::Yes { body.fields.clone() } else { optional(&body.fields) };
    let known: HashSet<&str> = body.fields.iter().map(|field| field.key.as_str()).collect();
    for key in form.keys().filter(|key| !known.contains(key.as_str())).take(MOST_ERRORS) {
        errors.push(FieldError::new(format!("form.{key}"), "the definition has no such field; remove it"));
    }
    for field in &fields {
        if errors.len() >= MOST_ERRORS {
            break;
        }
        check_value(field, form.get(&field.key), Place { row: None, key: &field.key }, users, &mut errors);
    }
    errors
}

fn optional(fields: &[Field]) -> Vec<Field> {
    let columns = |field: &Field| field.columns.as_deref().map(optional);
    fields.iter().map(|field| Field { required: false, columns: columns(field), ..field.clone() }).collect()
}

/// Returns the number of values that a check of the form looks at.
#[must_use]
pub fn cells(body: &Body, form: &Form) -> usize {
    let rows = |field: &Field| form.get(&field.key).and_then(Value::as_array).map_or(1, Vec::len);
    let columns = |field: &Field| field.columns.as_ref().map_or(1, Vec::len);
    body.fields.iter().map(|field| rows(field) * columns(field)).sum()
}

/// The place of a value. It becomes a text only in an error, because a form can have 250,000 values.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The table and the number of its row.
    row: Option<(&'a str, usize)>,
    key: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some((table, row)) => write!(f, "form.{table}[{row}].{}", self.key),
            None => write!(f, "form.{}", self.key),
        }
    }
}

const REQUIRED: &str = "is required";

fn check_value(field: &Field, value: Option<&Value>, at: Place<'_>, users: &Directory, errors: &mut Vec<FieldError>) {
    let value = match value {
        value if is_absent(field, value) => {
            if field.required && field.field_type != FieldType::Files {
                errors.push(FieldError::new(at.to_string(), REQUIRED));
            }
            return;
        }
        None => return,
        Some(value) => value,
    };
    if field.required && is_empty(value) {
        errors.push(FieldError::new(at.to_string(), REQUIRED));
    }
    match field.field_type {
        FieldType::Files => {
            errors.push(FieldError::new(at.to_string(), "files are set by upload only; upload the file to this field"));
        }
        FieldType::Table => check_table(field, value, users, errors),
        _ => {
            if let Err(message) = check_plain(field, value, users) {
                errors.push(FieldError::new(at.to_string(), message));
            }
        }
    }
}

/// An empty text is a value of text fields only. Pages send it for an empty date or number.
fn is_absent(field: &Field, value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => {
            text.trim().is_empty() && !matches!(field.field_type, FieldType::Text | FieldType::Textarea)
        }
        Some(_) => false,
    }
}

fn check_table(field: &Field, value: &Value, users: &Directory, errors: &mut Vec<FieldError>) {
    let path = format!("form.{}", field.key);
    let Some(rows) = value.as_array() else {
        errors.push(FieldError::new(path, "must be a list of rows"));
        return;
    };
    if rows.len() > MOST_ROWS {
        errors.push(FieldError::new(path, format!("has more than {MOST_ROWS} rows; start several flows")));
        return;
    }
    let columns = field.columns.as_deref().unwrap_or_default();
    let known: HashSet<&str> = columns.iter().map(|column| column.key.as_str()).collect();
    for (i, row) in rows.iter().enumerate() {
        if errors.len() >= MOST_ERRORS {
            return;
        }
        let Some(row) = row.as_object() else {
            errors.push(FieldError::new(format!("{path}[{i}]"), "must be an object"));
            continue;
        };
        let place = |key| Place { row: Some((&field.key, i)), key };
        for key in row.keys().filter(|key| !known.contains(key.as_str())).take(MOST_ERRORS) {
            errors.push(FieldError::new(place(key).to_string(), "the table has no such column; remove it"));
        }
        for column in columns {
            check_value(column, row.get(&column.key), place(&column.key), users, errors);
        }
    }
}

fn check_plain(field: &Field, value: &Value, users: &Directory) -> Result<(), String> {
    let text = || value.as_str().ok_or_else(|| "must be text".to_owned());
    let known = |name: &str| {
        if users.get(name).is_some() {
            return Ok(());
        }
        let start: String = name.chars().take(64).collect();
        Err(format!("there is no user {start:?}; name another user"))
    };
    match field.field_type {
        FieldType::Text => within(text()?, LINE),
        // The edge bounds each text.
        FieldType::Textarea => within(text()?, usize::MAX),
        FieldType::Seal => within(text()?, SEAL),
        FieldType::Number => value.as_f64().map(|_| ()).ok_or_else(|| "must be a number".to_owned()),
        FieldType::Date => moment::date(text()?.trim())
            .map(|_| ())
            .ok_or_else(|| "must be yyyy-MM-dd, without a time of day".to_owned()),
        FieldType::Time => moment::time(text()?.trim()).map(|_| ()).ok_or_else(|| "must be HH:mm".to_owned()),
        FieldType::Datetime => {
            moment::datetime(text()?.trim()).map(|_| ()).ok_or_else(|| "must be yyyy-MM-ddTHH:mm".to_owned())
        }
        FieldType::Select => {
            let text = text()?;
            let options = field.options.as_deref().unwrap_or_default();
            if options.iter().any(|option| option == text) {
                Ok(())
            } else {
                let first = options.get(..options.len().min(20)).unwrap_or_default();
                Err(format!("must be one of: {}", first.join(", ")))
            }
        }
        FieldType::User => known(text()?),
        FieldType::Users => {
            let names = strings(value)?;
            if names.len() > MOST_PEOPLE { Err(too_many_people()) } else { names.into_iter().try_for_each(known) }
        }
        FieldType::Seals => {
            let seals = strings(value)?;
            if seals.len() > MOST_PEOPLE {
                return Err(format!("names more than {MOST_PEOPLE} seals; use several rows"));
            }
            seals.into_iter().try_for_each(|seal| within(seal, SEAL))
        }
        FieldType::Files | FieldType::Table => Ok(()),
    }
}

/// PostgreSQL refuses NUL in text. The service refuses it on both engines.
fn within(text: &str, most: usize) -> Result<(), String> {
    if text.contains('\0') {
        Err("must not contain NUL".to_owned())
    } else if text.len() > most && text.chars().nth(most).is_some() {
        Err(format!("must have at most {most} characters"))
    } else {
        Ok(())
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => is_blank(text),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn strings(value: &Value) -> Result<Vec<&str>, String> {
    let list = value.as_array().ok_or_else(|| "must be a list of texts".to_owned())?;
    list.iter().map(|item| item.as_str().ok_or_else(|| "must be a list of texts".to_owned())).collect()
}
