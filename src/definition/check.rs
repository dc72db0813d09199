//! The rules of a definition, checked when it is saved; each finding names the place and says what to do.

use std::collections::HashSet;

use serde::Serialize;

use super::{Body, Field, FieldType, Integration, NodeKind, Space};
use crate::{folder, user::Role};

/// What is wrong with one member of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Path of the member, such as `integration.sealField`.
    pub field: String,
    pub message: String,
}

impl FieldError {
    #[must_use]
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Everything that is wrong with `body`; empty when it may be saved.
#[must_use]
pub fn check(body: &Body) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if body.name.trim().is_empty() {
        errors.push(FieldError::new("name", "must not be empty"));
    }
    check_fields(&body.fields, "fields", &mut errors);
    check_nodes(body, &mut errors);
    if let Some(integration) = &body.integration {
        check_mapping(body, integration, &mut errors);
        check_tables(integration, &mut errors);
        check_node_lists(body, integration, &mut errors);
        check_folder(integration, &mut errors);
    }
    errors
}

fn check_fields(fields: &[Field], path: &str, errors: &mut Vec<FieldError>) {
    let mut keys = HashSet::new();
    for (i, field) in fields.iter().enumerate() {
        let at = |member: &str| format!("{path}[{i}].{member}");
        check_key(&field.key, &mut keys, at("key"), errors);
        match (field.field_type, &field.columns, &field.options) {
            (FieldType::Table, Some(columns), _) if !columns.is_empty() => {
                if columns.iter().any(|column| matches!(column.field_type, FieldType::Table | FieldType::Files)) {
                    errors.push(FieldError::new(at("columns"), "a column cannot be a table or files"));
                }
                check_fields(columns, &at("columns"), errors);
            }
            (FieldType::Table, ..) => errors.push(FieldError::new(at("columns"), "a table needs columns")),
            (FieldType::Select, _, Some(options)) if !options.is_empty() => {}
            (FieldType::Select, ..) => errors.push(FieldError::new(at("options"), "a select needs options")),
            (_, Some(_), _) => errors.push(FieldError::new(at("columns"), "only a table has columns")),
            _ => {}
        }
    }
}

fn check_nodes(body: &Body, errors: &mut Vec<FieldError>) {
    if body.nodes.is_empty() {
        errors.push(FieldError::new("nodes", "a flow needs at least one node"));
    }
    let mut keys = HashSet::from(["start"]);
    for (i, node) in body.nodes.iter().enumerate() {
        let at = |member: &str| format!("nodes[{i}].{member}");
        check_key(&node.key, &mut keys, at("key"), errors);
        if node.assignees.is_empty() {
            errors.push(FieldError::new(at("assignees"), "name at least one: user:<name>, role:<role> or manager"));
        }
        for assignee in node.assignees.iter().filter(|assignee| !is_assignee(assignee)) {
            let message = format!("{assignee:?} is not user:<name>, role:<role> or manager");
            errors.push(FieldError::new(at("assignees"), message));
        }
        for key in node.editable.iter().flatten().filter(|key| body.field(key).is_none()) {
            errors.push(FieldError::new(at("editable"), format!("there is no field {key:?}")));
        }
    }
}

fn check_key<'b>(key: &'b str, keys: &mut HashSet<&'b str>, at: String, errors: &mut Vec<FieldError>) {
    let well_formed = (1..=64).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !well_formed {
        errors.push(FieldError::new(at, "1 to 64 of a-z A-Z 0-9 _ -"));
    } else if !keys.insert(key) {
        errors.push(FieldError::new(at, format!("{key:?} is used twice or reserved")));
    }
}

fn is_assignee(assignee: &str) -> bool {
    match assignee.split_once(':') {
        Some(("user", name)) => !name.is_empty(),
        Some(("role", role)) => role.parse::<Role>().is_ok(),
        _ => assignee == "manager",
    }
}

/// Every field that the configuration names exists and has a type that can mean what it is to mean.
fn check_mapping(body: &Body, integration: &Integration, errors: &mut Vec<FieldError>) {
    use FieldType as T;
    let mapping: [(&str, Option<&String>, &[T]); 8] = [
        ("subjectField", Some(&integration.subject_field), &[T::Text, T::Textarea]),
        ("organisationField", Some(&integration.organisation_field), &[T::Text, T::Select]),
        ("sealField", Some(&integration.seal_field), &[T::Seal, T::Seals]),
        ("countField", Some(&integration.count_field), &[T::Number]),
        ("userField", integration.user_field.as_ref(), &[T::User, T::Users]),
        ("applicantField", integration.applicant_field.as_ref(), &[T::User, T::Users]),
        ("descriptionField", integration.description_field.as_ref(), &[T::Text, T::Textarea]),
        ("downloadField", integration.download_field.as_ref(), &[T::Files]),
    ];
    let stamped = [("stampedFileField", integration.stamped_file_field.as_ref(), &[T::Files][..])];
    for (member, key, types) in mapping.into_iter().chain(stamped) {
        let Some(key) = key else { continue };
        let message = match resolve(body, key) {
            Some(found) if types.contains(&found.field_type) => continue,
            Some(found) => format!("the field {key:?} is a {}; wanted: {}", found.field_type, words(types)),
            None => format!("there is no field {key:?}"),
        };
        errors.push(FieldError::new(format!("integration.{member}"), message));
    }
    if integration.user_field.is_none() {
        errors.push(FieldError::new("integration.userField", "name the field that holds the people who stamp"));
    }
}

/// Seal, count and user columns stand in one and the same table, or in the main form.
fn check_tables(integration: &Integration, errors: &mut Vec<FieldError>) {
    let table_of = |key: &str| key.split_once('.').map(|(table, _)| table.to_owned());
    let seals = table_of(&integration.seal_field);
    for (member, key) in
        [("countField", Some(&integration.count_field)), ("userField", integration.user_field.as_ref())]
    {
        let table = key.and_then(|key| table_of(key));
        if table.is_some() && table != seals {
            let message = "must stand in the same table as the seal, or in the main form";
            errors.push(FieldError::new(format!("integration.{member}"), message));
        }
    }
}

fn check_node_lists(body: &Body, integration: &Integration, errors: &mut Vec<FieldError>) {
    let apply = &integration.apply_node;
    if apply != "start" && body.node(apply).is_none() {
        errors.push(FieldError::new("integration.applyNode", format!("there is no node {apply:?}")));
    }
    let mut later = body.nodes.iter().skip_while(|node| apply != "start" && node.key != *apply);
    if apply != "start" {
        later.next();
    }
    if !later.any(|node| node.kind == NodeKind::Seal) {
        let message = "a node of kind seal must follow it: somebody has to stamp";
        errors.push(FieldError::new("integration.applyNode", message));
    }
    for (member, list) in [
        ("codeNodes", &integration.code_nodes),
        ("detailNodes", &integration.detail_nodes),
        ("finishNodes", &integration.finish_nodes),
        ("appendNodes", &integration.append_nodes),
        ("downloadNodes", &integration.download_nodes),
    ] {
        for key in list.iter().filter(|key| body.node(key).is_none()) {
            errors.push(FieldError::new(format!("integration.{member}"), format!("there is no node {key:?}")));
        }
    }
}

fn check_folder(integration: &Integration, errors: &mut Vec<FieldError>) {
    let Some(folder) = &integration.download_folder else {
        return;
    };
    if folder.path.is_empty() && folder.space != Space::System {
        errors.push(FieldError::new("integration.downloadFolder.path", "name a folder"));
    } else if let Err(reason) = folder::names_of(&folder.path) {
        errors.push(FieldError::new("integration.downloadFolder.path", reason.to_string()));
    }
}

/// The field `key` or `table.column`.
fn resolve<'b>(body: &'b Body, key: &str) -> Option<&'b Field> {
    match key.split_once('.') {
        None => body.field(key),
        Some((table, column)) => body.field(table)?.columns.as_ref()?.iter().find(|field| field.key == column),
    }
}

fn words(types: &[FieldType]) -> String {
    types.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" or ")
}
