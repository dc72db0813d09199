//! Schemas go by the bare names of Rust types: of two types with one name the OpenAPI document would keep one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Names of schemas that `text` declares: by derive, by hand, or inside one of the macros that derive.
fn declared(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("impl").and_then(by_hand) {
            names.push(name);
        } else if line.starts_with("#[derive(") {
            let mut attributes = line.to_owned();
            let item = loop {
                match lines.next() {
                    Some(next) if next.starts_with("///") => {}
                    Some(next) if item_name(next).is_some() => break item_name(next),
                    Some(next) => attributes.push_str(next),
                    None => break None,
                }
            };
            if attributes.contains("ToSchema") {
                names.extend(renamed(&attributes).or(item));
            }
        } else if line.starts_with("words! {") {
            let rest = lines.by_ref().find(|line| !line.starts_with("///")).unwrap_or_default();
            names.extend(identifier(rest));
        } else if line.starts_with("ids! {") {
            let inside = lines.by_ref().take_while(|line| *line != "}").filter(|line| !line.starts_with("///"));
            names.extend(inside.filter_map(identifier));
        }
    }
    names
}

fn identifier(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The name of `struct Name` or `enum Name`; none inside of a macro's definition (`struct $name`).
fn item_name(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.starts_with("//")).collect();
    let at = words.iter().position(|word| matches!(*word, "struct" | "enum"))?;
    words.get(at + 1).map(|name| identifier(name).unwrap_or_default())
}

/// `X` of `#[schema(as = X)]`.
fn renamed(attributes: &str) -> Option<String> {
    let (_, schema) = attributes.split_once("#[schema(")?;
    let (_, name) = schema.split_once("as = ")?;
    identifier(name)
}

/// `X` of `impl ToSchema for X`.
fn by_hand(line: &str) -> Option<String> {
    let (before, name) = line.split_once("ToSchema for ")?;
    before
        .trim_start_matches(|c: char| c != ' ')
        .trim()
        .trim_end_matches("utoipa::")
        .is_empty()
        .then(|| identifier(name))?
}

fn sources(dir: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Every schema's name, with the files that declare it.
fn all() -> BTreeMap<String, Vec<String>> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in files {
        for name in declared(&text).into_iter().filter(|name| !name.is_empty()) {
            all.entry(name).or_default().push(path.clone());
        }
    }
    all
}

#[test]
fn no_two_types_have_one_schema_name() {
    let twice: Vec<(String, Vec<String>)> = all().into_iter().filter(|(_, files)| files.len() > 1).collect();
    assert_eq!(twice, [], "each needs a name of its own, or `#[schema(as = …)]`");
}

#[test]
fn every_schema_of_the_document_was_found_in_the_source() {
    let document = serde_json::to_value(yinku::http::openapi()).unwrap();
    let known: BTreeSet<String> = all().into_keys().collect();
    let of_document = document["components"]["schemas"].as_object().unwrap().keys();
    let unknown: Vec<&String> = of_document.filter(|name| name.split('_').any(|part| !known.contains(part))).collect();
    assert_eq!(unknown, Vec::<&String>::new(), "two types of this name would not be noticed");
}

#[test]
fn every_way_to_declare_a_schema_is_seen() {
    let text = "
        #[derive(Debug, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        /// A struct.
        pub(super) struct One<T> {
        #[derive(Debug)]
        struct NoSchema;
        #[derive(Debug,
                 ToSchema)] // wrapped
        #[schema(as = Renamed)]
        enum Two {
        words! {
            /// Words.
            Three { A = \"a\" }
        }
        ids! {
            /// An id.
            FourId,
            FiveId,
        }
        impl ToSchema for Six {}
        impl utoipa::ToSchema for Seven {}
        impl PartialSchema for NoSchemaEither {}
        #[derive(ToSchema)]
        pub struct $name(String);
        ";
    let names: Vec<String> = declared(text).into_iter().filter(|name| !name.is_empty()).collect();
    assert_eq!(names, ["One", "Renamed", "Three", "FourId", "FiveId", "Six", "Seven"]);
}
