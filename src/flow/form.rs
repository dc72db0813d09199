//! The form of a flow: checking values against the definition, and reading what the integration needs out of them.

use serde_json::{Map, Value};

use crate::{
    definition::{Body, Field, FieldError, FieldType, Integration},
    seal_use::{Application, Person, Want},
    user::{Directory, User},
};

/// Field values by key.
pub type Form = Map<String, Value>;

/// Everything that is wrong with `form`; empty when the flow may start. Files are set by upload only, so a required
/// files field is checked at archiving.
#[must_use]
pub fn check(body: &Body, form: &Form, users: &Directory) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for key in form.keys().filter(|key| body.field(key).is_none()) {
        errors.push(FieldError::new(format!("form.{key}"), "the definition has no such field"));
    }
    for field in &body.fields {
        check_value(field, form.get(&field.key), &format!("form.{}", field.key), users, &mut errors);
    }
    errors
}

fn check_value(field: &Field, value: Option<&Value>, path: &str, users: &Directory, errors: &mut Vec<FieldError>) {
    let value = match value {
        None | Some(Value::Null) => {
            if field.required && field.field_type != FieldType::Files {
                errors.push(FieldError::new(path, "is required"));
            }
            return;
        }
        Some(value) => value,
    };
    if field.required && is_empty(value) {
        errors.push(FieldError::new(path, "is required"));
    }
    match field.field_type {
        FieldType::Files => errors.push(FieldError::new(path, "files are set by upload only")),
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
            errors.push(FieldError::new(format!("{path}.{key}"), "the table has no such column"));
        }
        for column in columns {
            check_value(column, row.get(&column.key), &format!("{path}.{}", column.key), users, errors);
        }
    }
}

fn check_plain(field: &Field, value: &Value, users: &Directory) -> Result<(), String> {
    let text = || value.as_str().ok_or_else(|| "must be text".to_owned());
    let known = |name: &str| {
        if users.get(name).is_some() { Ok(()) } else { Err(format!("there is no user {name:?}")) }
    };
    match field.field_type {
        FieldType::Text | FieldType::Textarea | FieldType::Seal => text().and_then(|text| {
            // PostgreSQL refuses NUL in text; so do we, on both engines.
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

/// Why no application can be made of a form.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    #[error("the form cannot become an application")]
    Invalid(Vec<FieldError>),
    #[error(
        "nobody among applicant, starter and seal users has an employee number or a mobile phone; add one to a user"
    )]
    ContactMissing,
}

/// What is to be asked of the vendor.
pub fn application(
    integration: &Integration,
    form: &Form,
    starter: &User,
    users: &Directory,
) -> Result<Application, ApplicationError> {
    let mut errors = Vec::new();
    let wants = wants(integration, form, users, &mut errors);
    if wants.is_empty() && errors.is_empty() {
        errors.push(FieldError::new(format!("form.{}", integration.seal_field), "name at least one seal"));
    }
    if !errors.is_empty() {
        return Err(ApplicationError::Invalid(errors));
    }
    let named = integration.applicant_field.as_deref().and_then(|key| form.get(key)).map(names).unwrap_or_default();
    let applicant = named
        .first()
        .and_then(|name| users.get(name))
        .into_iter()
        .chain([starter])
        .map(person)
        .chain(wants.iter().flat_map(|want| want.users.iter().cloned()))
        .find(|person| person.number.is_some() || person.mobile.is_some())
        .ok_or(ApplicationError::ContactMissing)?;
    let text = |key: &str| form.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Application {
        tenant_name: text(&integration.organisation_field),
        subject: text(&integration.subject_field),
        description: integration.description_field.as_deref().map(text).filter(|text| !text.is_empty()),
        applicant,
        wants,
    })
}

/// The wanted uses: one per table row, or one of the main form.
fn wants(integration: &Integration, form: &Form, users: &Directory, errors: &mut Vec<FieldError>) -> Vec<Want> {
    let table = integration.seal_field.split_once('.').map(|(table, _)| table);
    let empty = Vec::new();
    let rows: Vec<(String, &Form)> = match table {
        None => vec![("form".to_owned(), form)],
        Some(table) => {
            let rows = form.get(table).and_then(Value::as_array).unwrap_or(&empty);
            rows.iter()
                .enumerate()
                .filter_map(|(i, row)| Some((format!("form.{table}[{i}]"), row.as_object()?)))
                .collect()
        }
    };
    let mut wants = Vec::new();
    for (path, row) in rows {
        // A field outside the table means the same for every row.
        let value = |key: &str| match key.split_once('.') {
            Some((_, column)) => row.get(column),
            None => form.get(key),
        };
        let seals = value(&integration.seal_field).map(names).unwrap_or_default();
        let people = integration.user_field.as_deref().and_then(value).map(names).unwrap_or_default();
        let count = value(&integration.count_field).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let Some(count) = count.filter(|count| (1..=100_000).contains(count)) else {
            errors.push(FieldError::new(
                format!("{path} ({})", integration.count_field),
                "must be a whole number from 1 to 100000",
            ));
            continue;
        };
        if seals.is_empty() || people.is_empty() {
            errors.push(FieldError::new(path, "names no seal or nobody who stamps"));
            continue;
        }
        let people: Vec<Person> = people.iter().filter_map(|name| users.get(name)).map(person).collect();
        for unreachable in people.iter().filter(|person| person.number.is_none() && person.mobile.is_none()) {
            let message =
                format!("{} has neither employee number nor mobile phone; add one to the user", unreachable.username);
            errors.push(FieldError::new(path.clone(), message));
        }
        wants.extend(seals.iter().map(|seal| Want { seal: (*seal).to_owned(), count, users: people.clone() }));
    }
    wants
}

/// One name, or a list of names.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::String(name) if !name.trim().is_empty() => vec![name],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn person(user: &User) -> Person {
    Person {
        username: user.username.clone(),
        name: user.display_name.clone(),
        number: user.employee_no.clone(),
        mobile: user.mobile.clone(),
    }
}
