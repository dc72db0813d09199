//! The rules of an integration configuration: one rule for each row of its settings.

use super::FieldError;
use crate::{
    definition::{Body, Field, FieldType, Integration, NodeKind, START},
    library::{FolderPath, Space, folder},
};

pub(super) fn check(body: &Body, integration: &Integration, errors: &mut Vec<FieldError>) {
    let found = mapping(body, integration)
        .into_iter()
        .chain(by_category(integration))
        .chain(one_table(integration))
        .chain(times(body, integration))
        .chain(sync_nodes(body, integration))
        .chain(files(integration))
        .chain(nodes(body, integration))
        .chain(folder_path("downloadFolder", integration.download_folder.as_ref()))
        .chain(folder_path("stampedFolder", integration.stamped_folder.as_ref()));
    errors.extend(found.map(|(member, message)| FieldError::new(format!("integration.{member}"), message)));
}

/// A member of the configuration, and what is wrong with it.
type Found = (String, String);

fn wrong(member: &str, message: impl Into<String>) -> Found {
    (member.to_owned(), message.into())
}

/// Where the field of a setting may be.
#[derive(PartialEq)]
enum Place {
    Main,
    MainOrTable,
}

/// Checks that every field that the configuration names exists, is in a readable place and has a suitable type.
fn mapping(body: &Body, integration: &Integration) -> Vec<Found> {
    use FieldType as T;
    use Place::{Main, MainOrTable};
    let i = integration;
    let text = &[T::Text, T::Textarea][..];
    let named = &[T::Text, T::Select][..];
    let people = &[T::User, T::Users][..];
    let dates = &[T::Date, T::Datetime][..];
    let settings: [(&str, Option<&String>, Place, &[FieldType]); 16] = [
        ("subjectField", Some(&i.subject_field), Main, text),
        ("organisationField", Some(&i.organisation_field), Main, named),
        ("sealField", Some(&i.seal_field), MainOrTable, &[T::Seal, T::Seals]),
        ("userField", i.user_field.as_ref(), MainOrTable, people),
        ("countField", Some(&i.count_field), MainOrTable, &[T::Number]),
        ("applicantField", i.applicant_field.as_ref(), Main, people),
        ("categoryField", i.category_field.as_ref(), Main, named),
        ("descriptionField", i.description_field.as_ref(), Main, text),
        ("startDateField", i.start_date_field.as_ref(), MainOrTable, dates),
        ("startTimeField", i.start_time_field.as_ref(), MainOrTable, &[T::Time]),
        ("endDateField", i.end_date_field.as_ref(), MainOrTable, dates),
        ("endTimeField", i.end_time_field.as_ref(), MainOrTable, &[T::Time]),
        ("templateField", i.template_field.as_ref(), Main, &[T::Files]),
        ("fileField", i.file_field.as_ref(), Main, &[T::Files]),
        ("stampedFileField", i.stamped_file_field.as_ref(), Main, &[T::Files]),
        ("downloadField", i.download_field.as_ref(), Main, &[T::Files]),
    ];
    let mut found = Vec::new();
    for (member, key, place, types) in settings {
        let Some(key) = key else { continue };
        let message = match resolve(body, key) {
            None => format!("there is no field {key:?}; name a field of the form"),
            Some(_) if place == Main && key.contains('.') => {
                "must be a field of the main form, not a column".to_owned()
            }
            Some(field) if types.contains(&field.field_type) => continue,
            Some(field) => {
                format!("the field {key:?} has type {}; name a field of type {}", field.field_type, words(types))
            }
        };
        found.push(wrong(member, message));
    }
    if let Some(key) = i.button_field.as_ref().filter(|key| body.field(key).is_none()) {
        found.push(wrong("buttonField", format!("there is no field {key:?} in the main form; name another field")));
    }
    found
}

/// With `byCategory` the vendor's category decides the seal users. Otherwise the user field does.
fn by_category(integration: &Integration) -> Vec<Found> {
    let wanted = if integration.by_category {
        vec![
            (
                "applicantField",
                &integration.applicant_field,
                "is required with `byCategory`; name the field that holds the applicant",
            ),
            (
                "categoryField",
                &integration.category_field,
                "is required with `byCategory`; name the field that holds the category",
            ),
        ]
    } else {
        vec![("userField", &integration.user_field, "is required; name the field that holds the people who stamp")]
    };
    wanted.into_iter().filter(|(_, key, _)| key.is_none()).map(|(member, _, message)| wrong(member, message)).collect()
}

/// Seal, count, user and time columns must be in the same table, or in the main form.
fn one_table(integration: &Integration) -> Vec<Found> {
    let table_of = |key: &String| key.split_once('.').map(|(table, _)| table.to_owned());
    let seals = table_of(&integration.seal_field);
    let i = integration;
    let others = [
        ("countField", Some(&i.count_field)),
        ("userField", i.user_field.as_ref()),
        ("startDateField", i.start_date_field.as_ref()),
        ("startTimeField", i.start_time_field.as_ref()),
        ("endDateField", i.end_date_field.as_ref()),
        ("endTimeField", i.end_time_field.as_ref()),
    ];
    let apart = others.into_iter().filter(|(_, key)| {
        let table = key.and_then(table_of);
        table.is_some() && table != seals
    });
    apart.map(|(member, _)| wrong(member, "must stand in the same table as the seal, or in the main form")).collect()
}

/// A time of day without a date is not a point in time.
fn times(body: &Body, integration: &Integration) -> Vec<Found> {
    let i = integration;
    let pairs = [
        ("startTimeField", &i.start_time_field, "startDateField", &i.start_date_field),
        ("endTimeField", &i.end_time_field, "endDateField", &i.end_date_field),
    ];
    let mut found = Vec::new();
    for (member, time, date_member, date) in pairs {
        let day = date.as_ref().and_then(|key| resolve(body, key));
        if time.is_some() && date.is_none() {
            found.push(wrong(member, format!("a time needs a date; set {date_member} too")));
        } else if time.is_some() && day.is_some_and(|field| field.field_type == FieldType::Datetime) {
            found.push(wrong(member, format!("{date_member} has the time of day already; remove {member}")));
        }
    }
    found
}

/// Photos, stamped files and files to be stamped must be in separate fields.
fn files(integration: &Integration) -> Vec<Found> {
    let i = integration;
    let settings = [
        ("downloadField", &i.download_field),
        ("stampedFileField", &i.stamped_file_field),
        ("fileField", &i.file_field),
        ("templateField", &i.template_field),
    ];
    let mut found = Vec::new();
    for (n, (member, key)) in settings.iter().enumerate() {
        let before = settings[..n].iter().find(|(_, other)| key.is_some() && other == key);
        if let Some((other, _)) = before {
            found.push(wrong(member, format!("{other} names the same field; name another field")));
        }
    }
    found
}

fn nodes(body: &Body, integration: &Integration) -> Vec<Found> {
    let i = integration;
    let mut found = Vec::new();
    if i.apply_node != START && body.node(&i.apply_node).is_none() {
        found.push(wrong("applyNode", format!("there is no node {:?}; name a node of the definition", i.apply_node)));
    } else {
        let passed = if i.apply_node == START {
            0
        } else {
            1 + body.nodes.iter().take_while(|node| node.key != i.apply_node).count()
        };
        if !body.nodes.iter().skip(passed).any(|node| node.kind == NodeKind::Seal) {
            found.push(wrong("applyNode", "a node of kind seal must follow this node; add one after it"));
        }
    }
    for (member, list) in node_lists(i) {
        let unknown = list.iter().filter(|key| body.node(key).is_none());
        found.extend(
            unknown.map(|key| wrong(member, format!("there is no node {key:?}; name a node of the definition"))),
        );
    }
    found
}

/// Only an application by category carries approvals, and it carries those that were given before it.
fn sync_nodes(body: &Body, integration: &Integration) -> Vec<Found> {
    let i = integration;
    let place = |key: &String| body.nodes.iter().position(|node| node.key == *key);
    if i.sync_nodes.iter().any(|key| place(key).is_some()) && !i.by_category {
        return vec![wrong(
            "syncNodes",
            "the vendor takes approvals only with `byCategory`; set it, or remove syncNodes",
        )];
    }
    let apply = place(&i.apply_node);
    let late = i.sync_nodes.iter().filter(|key| place(key).is_some_and(|node| apply.is_none_or(|apply| node > apply)));
    let message = |key| format!("{key:?} comes after the apply node, when the application has left; remove it");
    late.map(|key| wrong("syncNodes", message(key))).collect()
}

/// The lists of nodes, by the member that has them.
pub(super) fn node_lists(integration: &Integration) -> [(&'static str, &Vec<String>); 6] {
    let i = integration;
    [
        ("codeNodes", &i.code_nodes),
        ("detailNodes", &i.detail_nodes),
        ("finishNodes", &i.finish_nodes),
        ("appendNodes", &i.append_nodes),
        ("downloadNodes", &i.download_nodes),
        ("syncNodes", &i.sync_nodes),
    ]
}

fn folder_path(member: &str, folder: Option<&FolderPath>) -> Option<Found> {
    let folder = folder?;
    let member = format!("{member}.path");
    if folder.path.is_empty() && folder.space != Space::System {
        return Some(wrong(&member, "must not be empty; name a folder"));
    }
    folder::names_of(&folder.path).err().map(|reason| wrong(&member, reason.to_string()))
}

/// Finds the field `key` or `table.column`.
fn resolve<'b>(body: &'b Body, key: &str) -> Option<&'b Field> {
    match key.split_once('.') {
        None => body.field(key),
        Some((table, column)) => body.field(table)?.columns.as_ref()?.iter().find(|field| field.key == column),
    }
}

fn words(types: &[FieldType]) -> String {
    types.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" or ")
}
