//! The rules of a definition, checked when it is saved. Each finding names the place and says what to do.

mod integration;

use std::collections::HashSet;

use super::{Body, Field, FieldError, FieldType};
use crate::user::{Directory, Role};

/// Returns every error of `body` that can be found without the database.
#[must_use]
pub fn check(body: &Body) -> Vec<FieldError> {
    let mut errors = sizes(body);
    if !errors.is_empty() {
        return errors;
    }
    check_text(&body.name, "name".to_owned(), &mut errors);
    check_fields(&body.fields, "fields", &mut errors);
    check_nodes(body, &mut errors);
    if let Some(integration) = &body.integration {
        integration::check(body, integration, &mut errors);
    }
    errors
}

/// The most members of the lists of a definition. The checks compare lists with each other.
const MOST_FIELDS: usize = 200;
/// Of all tables together.
const MOST_COLUMNS: usize = 500;
const MOST_OPTIONS: usize = 500;
const MOST_NODES: usize = 100;
const MOST_NAMES: usize = 200;

/// Returns the lists that are too long.
fn sizes(body: &Body) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut check = |at: String, length: usize, most: usize| {
        if length > most {
            errors.push(FieldError::new(at, format!("has more than {most} items; remove some")));
        }
    };
    check("fields".to_owned(), body.fields.len(), MOST_FIELDS);
    // A form has a cell for each column and row, and each is checked.
    let columns: usize = body.fields.iter().map(|field| field.columns.as_ref().map_or(0, Vec::len)).sum();
    check("fields".to_owned(), columns, MOST_COLUMNS);
    check("nodes".to_owned(), body.nodes.len(), MOST_NODES);
    for (i, field) in body.fields.iter().enumerate() {
        check(format!("fields[{i}].columns"), field.columns.as_ref().map_or(0, Vec::len), MOST_FIELDS);
        let options = field.columns.iter().flatten().chain([field]).filter_map(|field| field.options.as_ref());
        check(format!("fields[{i}].options"), options.map(Vec::len).max().unwrap_or(0), MOST_OPTIONS);
    }
    for (i, node) in body.nodes.iter().enumerate() {
        check(format!("nodes[{i}].assignees"), node.assignees.len(), MOST_NAMES);
        check(format!("nodes[{i}].editable"), node.editable.as_ref().map_or(0, Vec::len), MOST_NAMES);
    }
    for (member, list) in body.integration.iter().flat_map(integration::node_lists) {
        check(format!("integration.{member}"), list.len(), MOST_NODES);
    }
    errors
}

/// Returns the assignees without a user. A flow would wait for them forever.
#[must_use]
pub fn check_people(body: &Body, users: &Directory) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (i, node) in body.nodes.iter().enumerate() {
        let names = node.assignees.iter().filter_map(|assignee| assignee.strip_prefix("user:"));
        for name in names.filter(|name| !name.is_empty() && users.get(name).is_none()) {
            let message = format!("there is no user {name:?}, or the user is disabled; name another user");
            errors.push(FieldError::new(format!("nodes[{i}].assignees"), message));
        }
    }
    errors
}

fn check_fields(fields: &[Field], path: &str, errors: &mut Vec<FieldError>) {
    let mut keys = HashSet::new();
    for (i, field) in fields.iter().enumerate() {
        let at = |member: &str| format!("{path}[{i}].{member}");
        check_key(&field.key, &mut keys, at("key"), errors);
        check_text(&field.label, at("label"), errors);
        match (field.field_type, &field.columns) {
            (FieldType::Table, Some(columns)) if !columns.is_empty() => {
                if columns.iter().any(|column| matches!(column.field_type, FieldType::Table | FieldType::Files)) {
                    errors.push(FieldError::new(
                        at("columns"),
                        "a column cannot be a table or files; choose another type",
                    ));
                }
                check_fields(columns, &at("columns"), errors);
            }
            (FieldType::Table, _) => {
                errors.push(FieldError::new(at("columns"), "a table needs columns; add at least one"));
            }
            (_, Some(_)) => errors.push(FieldError::new(at("columns"), "only a table has columns; remove them")),
            _ => {}
        }
        check_options(field, &at("options"), errors);
    }
}

fn check_options(field: &Field, at: &str, errors: &mut Vec<FieldError>) {
    let mut seen = HashSet::new();
    match (field.field_type, &field.options) {
        (FieldType::Select, Some(options)) if !options.is_empty() => {
            for option in options {
                check_text(option, at.to_owned(), errors);
                if !seen.insert(option) {
                    errors.push(FieldError::new(at, format!("{option:?} is listed twice; remove one")));
                }
            }
        }
        (FieldType::Select, _) => errors.push(FieldError::new(at, "a select needs options; add at least one")),
        (_, Some(_)) => errors.push(FieldError::new(at, "only a select has options; remove them")),
        _ => {}
    }
}

fn check_nodes(body: &Body, errors: &mut Vec<FieldError>) {
    if body.nodes.is_empty() {
        errors.push(FieldError::new("nodes", "a flow needs at least one node; add a node"));
    }
    let mut keys = HashSet::from([super::START]);
    for (i, node) in body.nodes.iter().enumerate() {
        let at = |member: &str| format!("nodes[{i}].{member}");
        check_key(&node.key, &mut keys, at("key"), errors);
        check_text(&node.name, at("name"), errors);
        if node.assignees.is_empty() {
            errors.push(FieldError::new(
                at("assignees"),
                "a node needs at least one assignee; add user:<name>, role:<role>, field:<key> or manager",
            ));
        }
        for assignee in node.assignees.iter().filter(|assignee| !is_assignee(assignee)) {
            let message =
                format!("{assignee:?} is not an assignee; write user:<name>, role:<role>, field:<key> or manager");
            errors.push(FieldError::new(at("assignees"), message));
        }
        for key in node.assignees.iter().filter_map(|assignee| assignee.strip_prefix("field:")) {
            errors.extend(check_people_field(body, key).map(|message| FieldError::new(at("assignees"), message)));
        }
        for key in node.editable.iter().flatten().filter(|key| body.field(key).is_none()) {
            errors
                .push(FieldError::new(at("editable"), format!("there is no field {key:?}; name a field of the form")));
        }
    }
}

/// Returns what is wrong with a field that assigns a node: it holds users, in the main form or in a column.
fn check_people_field(body: &Body, key: &str) -> Option<String> {
    let field = match key.split_once('.') {
        Some((table, column)) => {
            let columns = body.field(table).and_then(|table| table.columns.as_ref());
            columns.and_then(|columns| columns.iter().find(|field| field.key == column))
        }
        None => body.field(key),
    };
    match field.map(|field| field.field_type) {
        Some(FieldType::User | FieldType::Users) => None,
        Some(other) => Some(format!("the field {key:?} has type {other}; name a field of type user or users")),
        None => Some(format!("there is no field {key:?}; name a field of the form, or table.column")),
    }
}

fn check_text(text: &str, at: String, errors: &mut Vec<FieldError>) {
    if text.trim().is_empty() {
        errors.push(FieldError::new(at, "must not be empty"));
    } else if text.contains('\0') {
        errors.push(FieldError::new(at, "must not contain NUL"));
    }
}

fn check_key<'b>(key: &'b str, keys: &mut HashSet<&'b str>, at: String, errors: &mut Vec<FieldError>) {
    let well_formed = (1..=64).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !well_formed {
        errors.push(FieldError::new(at, "must be 1 to 64 characters of a-z A-Z 0-9 _ -"));
    } else if !keys.insert(key) {
        errors.push(FieldError::new(at, format!("{key:?} is used twice or reserved; choose another key")));
    }
}

fn is_assignee(assignee: &str) -> bool {
    match assignee.split_once(':') {
        Some(("user", name)) => !name.is_empty(),
        Some(("role", role)) => role.parse::<Role>().is_ok(),
        Some(("field", key)) => !key.is_empty(),
        _ => assignee == "manager",
    }
}
