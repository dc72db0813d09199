//! Completes the derived schemas: flattened objects, one type per list item, required members of answers, and patterns
//! of text in requests.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::{
    KnownFormat, ObjectBuilder, OneOfBuilder, OpenApi, Ref, RefOr, SchemaFormat, Type,
    path::{Operation, Parameter, ParameterIn},
    schema::{AllOf, ArrayItems, Object, Schema, SchemaType},
};

use crate::http::texts;

type Schemas = BTreeMap<String, RefOr<Schema>>;

const PREFIX: &str = "#/components/schemas/";

/// Members that an answer can omit. An answer has all other members, possibly as null.
const OPTIONAL_MEMBERS: [(&str, &str); 13] = [
    ("AuditReport", "firstBroken"),
    ("AuditReport", "why"),
    ("AuditReport", "detail"),
    ("DefinitionView", "integration"),
    ("DefinitionView", "retired"),
    ("DefinitionView", "starters"),
    ("Document", "can"),
    ("Document", "copies"),
    ("Document", "path"),
    ("IngestView", "photos"),
    ("Page", "total"),
    ("Problem", "errors"),
    ("Problem", "missing"),
];

/// Text that the service accepts. PostgreSQL refuses NUL, so the service refuses it.
const TEXT: &str = r"^[^\x00]*$";
/// The pattern of a text that must not be blank, and the same pattern without NUL.
const VISIBLE: &str = r"\S";
const VISIBLE_TEXT: &str = r"^[^\x00]*[^\s\x00][^\x00]*$";

/// Completes the schemas of the document. Call it after all operations are in the document.
pub(super) fn complete(document: &mut OpenApi) {
    let (mut sent, mut answered) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in &mut document.paths.paths {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete] {
            let Some(operation) = operation else { continue };
            narrow_body(operation);
            // A callback's parameters are the vendor's: the service accepts any text.
            if path.starts_with("/api/") {
                operation.parameters.iter_mut().flatten().for_each(allow_empty);
            }
            names_in(&operation.request_body, &mut sent);
            names_in(&operation.responses, &mut answered);
        }
    }
    let Some(components) = &mut document.components else { return };
    let schemas = &mut components.schemas;
    reference_items(schemas);
    flatten(schemas);
    close_over(schemas, &mut sent);
    close_over(schemas, &mut answered);
    for name in &sent {
        if let Some(RefOr::T(schema)) = schemas.get_mut(name) {
            restrict_text(schema, "");
        }
    }
    for name in answered.difference(&sent) {
        if let Some(RefOr::T(Schema::Object(object))) = schemas.get_mut(name) {
            require_members(name, object);
        }
    }
}

/// Removes `null` from an optional body. A client omits the body instead.
fn narrow_body(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::T(Schema::OneOf(choice))) = &content.schema
            && let Some(reference) = choice.items.iter().find(|item| matches!(item, RefOr::Ref(_)))
        {
            content.schema = Some(reference.clone());
        }
    }
}

/// Allows the empty text for query parameters, because the service treats it as absent.
fn allow_empty(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else { return };
    if parameter.parameter_in != ParameterIn::Query {
        return;
    }
    let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { return };
    if !is_text(schema) {
        return;
    }
    if let Some(words) = &mut schema.enum_values {
        words.push("".into());
    } else if schema.pattern.is_some() || schema.format.is_some() {
        let empty = ObjectBuilder::new().schema_type(Type::String).max_length(Some(0)).build();
        schema.schema_type = Type::String.into();
        let full = schema.clone();
        parameter.schema = Some(Schema::OneOf(OneOfBuilder::new().item(full).item(empty).build()).into());
    } else {
        schema.pattern = Some(TEXT.to_owned());
    }
}

fn is_text(schema: &Object) -> bool {
    match &schema.schema_type {
        SchemaType::Type(kind) => *kind == Type::String,
        SchemaType::Array(kinds) => kinds.contains(&Type::String),
        SchemaType::AnyValue => false,
    }
}

/// Makes the items of a page refer to their named type instead of a copy of its schema.
fn reference_items(schemas: &mut Schemas) {
    let names: BTreeSet<String> = schemas.keys().cloned().collect();
    for (name, page) in schemas.iter_mut() {
        if let Some(item) = name.strip_prefix("Page_").filter(|item| names.contains(*item))
            && let RefOr::T(Schema::Object(page)) = page
            && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
        {
            items.items = ArrayItems::from(RefOr::Ref(Ref::from_schema_name(item)));
        }
    }
}

/// Merges the parts of a `#[serde(flatten)]` type into one object. A closed part would refuse the members of the
/// others.
fn flatten(schemas: &mut Schemas) {
    let known = schemas.clone();
    for schema in schemas.values_mut() {
        if let RefOr::T(Schema::AllOf(parts)) = schema {
            *schema = RefOr::T(Schema::Object(flat(parts, &known)));
        }
    }
}

fn flat(parts: &AllOf, known: &Schemas) -> Object {
    let mut object = ObjectBuilder::new().schema_type(Type::Object).description(parts.description.clone()).build();
    for part in &parts.items {
        add(&mut object, part, true, known);
    }
    object
}

fn add(object: &mut Object, part: &RefOr<Schema>, always: bool, known: &Schemas) {
    match part {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.trim_start_matches(PREFIX);
            if let Some(part) = known.get(name) {
                add(object, part, always, known);
            }
        }
        RefOr::T(Schema::Object(part)) => {
            object.properties.extend(part.properties.clone());
            if always {
                object.required.extend(part.required.iter().cloned());
            }
            if part.additional_properties.is_some() {
                object.additional_properties.clone_from(&part.additional_properties);
            }
        }
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter().for_each(|part| add(object, part, always, known)),
        // An optional part: either all of its members are there or none.
        RefOr::T(Schema::OneOf(parts)) => parts.items.iter().for_each(|part| add(object, part, false, known)),
        RefOr::T(_) => {}
    }
}

fn names_in(part: &impl Serialize, names: &mut BTreeSet<String>) {
    // A part that cannot be serialized has no names, and the document omits it too.
    search(&serde_json::to_value(part).unwrap_or_default(), names);
}

fn search(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            names.extend(reference.and_then(|reference| reference.strip_prefix(PREFIX)).map(str::to_owned));
            members.values().for_each(|member| search(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| search(item, names)),
        _ => {}
    }
}

/// Adds all names that the named schemas refer to, directly or indirectly.
fn close_over(schemas: &Schemas, names: &mut BTreeSet<String>) {
    let mut before = 0;
    while names.len() > before {
        before = names.len();
        for name in names.clone() {
            names_in(&schemas.get(&name), names);
        }
    }
}

fn require_members(name: &str, object: &mut Object) {
    let name = name.split('_').next().unwrap_or(name);
    let always = object.properties.keys().filter(|member| !OPTIONAL_MEMBERS.contains(&(name, member.as_str())));
    object.required = always.cloned().collect();
}

/// Adds the pattern without NUL and the bound to all texts of a request schema. A file is not empty. `name` is the member
/// that has the text.
fn restrict_text(schema: &mut Schema, name: &str) {
    match schema {
        Schema::Object(object) if is_text(object) => {
            if object.format == Some(SchemaFormat::KnownFormat(KnownFormat::Binary)) {
                object.min_length = Some(1);
            }
            if object.enum_values.is_some() || object.format.is_some() {
                return;
            }
            object.max_length = object.max_length.or_else(|| Some(texts::longest(name)));
            match object.pattern.as_deref() {
                None => object.pattern = Some(TEXT.to_owned()),
                Some(VISIBLE) => {
                    object.pattern = Some(VISIBLE_TEXT.to_owned());
                    object.min_length = Some(1);
                }
                Some(_) => {}
            }
        }
        Schema::Object(object) => object.properties.iter_mut().for_each(|(name, member)| {
            if let RefOr::T(member) = member {
                restrict_text(member, name);
            }
        }),
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items
                && let RefOr::T(items) = items.as_mut()
            {
                restrict_text(items, name);
            }
        }
        _ => {}
    }
}
