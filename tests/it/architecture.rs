//! The plan of the house, read out of the source: which room may use which, and how long a file may be.
//!
//! docs/architecture.md draws the rows. A room uses rooms of its own row and of the rows below it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rows of the plan, from the top down.
const ROWS: [&[&str]; 6] = [
    &["main", "lib", "cli", "http", "worker"],
    &["callback", "ingest", "sealing", "content", "archive", "bundle", "curate", "preservation", "notify"],
    &["app"],
    &["definition", "flow", "seal_use", "photo", "original", "library", "user", "service", "audit", "queue"],
    &["provider", "store", "db", "cpu", "config", "secret", "telemetry", "picture"],
    &["clock", "id", "hash", "vocabulary", "outage", "killpoint", "tls", "password"],
];
const DRIVERS: [&str; 8] = [
    "SqlitePool",
    "PgPool",
    "SqliteConnection",
    "PgConnection",
    "SqliteRow",
    "PgRow",
    "sqlx::Sqlite",
    "sqlx::Postgres",
];
const MOST_LINES: usize = 400;

/// The room that owns each table: only there it is written.
const OWNERS: [(&str, &[&str]); 11] = [
    ("definition", &["definitions", "definition_folders", "definition_versions"]),
    ("flow", &["flows", "flow_events", "flow_people", "approvals", "manifests", "serial_numbers", "evidence_packages"]),
    ("seal_use", &["seal_uses", "grants", "ingests", "dispatches", "sent_documents"]),
    ("photo", &["photos"]),
    ("original", &["originals", "parted_originals"]),
    (
        "library",
        &[
            "folders",
            "folder_tree",
            "folder_rights",
            "shelf_rights",
            "folder_totals",
            "folder_days",
            "documents",
            "search_owners",
            "search_terms",
            "reindex_runs",
            "trash",
        ],
    ),
    ("user", &["users", "sessions", "tokens", "keyed_requests"]),
    ("service", &["services"]),
    ("audit", &["audit", "audit_head"]),
    ("queue", &["jobs"]),
    ("db", &["write_test"]),
];

/// Tables of verbs, each with the one file that writes it.
const OF_VERBS: [(&str, &str); 8] = [
    ("callbacks", "callback/record.rs"),
    ("bundles", "bundle/record.rs"),
    ("bundle_places", "bundle/record.rs"),
    ("bundle_changes", "bundle/record.rs"),
    ("bundle_wishes", "bundle/record.rs"),
    ("bundle_links", "bundle/record.rs"),
    ("fixity_findings", "preservation/findings.rs"),
    ("fixity_runs", "preservation/runs.rs"),
];

struct Source {
    /// Path below src/.
    path: String,
    /// First module of the path, such as `ingest` for `ingest/link.rs`.
    room: String,
    /// Without its unit tests and its comments.
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let room = path.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        Self { path: path.to_owned(), room, text: lines.collect::<Vec<_>>().join("\n") }
    }

    /// The rooms that this file names, by `crate::room` (`yinku::room` in the program) or in a group of imports.
    fn uses(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for root in ["crate::", "yinku::"] {
            for (at, _) in self.text.match_indices(root) {
                let rest = &self.text[at + root.len()..];
                match rest.strip_prefix('{') {
                    Some(group) => found.extend(heads(group)),
                    None => found.extend(word(rest)),
                }
            }
        }
        found.remove(&self.room);
        found
    }
}

/// The first word of a path.
fn word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The first words of the paths in a group of imports, up to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut expected, mut found) = (0_usize, true, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expected = true,
            c if expected && depth == 0 && !c.is_whitespace() => {
                found.extend(word(&group[at..]));
                expected = false;
            }
            _ => {}
        }
    }
    found
}

/// The tables that SQL in this text writes.
fn written(text: &str) -> Vec<String> {
    let between = |c: char| c.is_whitespace() || matches!(c, '"' | '(' | '\\');
    let words: Vec<&str> = text.split(between).filter(|word| !word.is_empty()).collect();
    let mut found = Vec::new();
    for (at, verb) in words.iter().enumerate() {
        let mut rest = words[at + 1..].iter().skip_while(|next| next.chars().all(|c| c.is_ascii_uppercase()));
        let table = rest.next().filter(|next| next.starts_with(|c: char| c.is_alphabetic() || c == '{'));
        let starts = match *verb {
            "INSERT" | "REPLACE" | "MERGE" => words[at + 1..].iter().take(3).any(|next| *next == "INTO"),
            "DELETE" => words.get(at + 1) == Some(&"FROM"),
            // Not the end of `FOR UPDATE`, and no `ON CONFLICT … DO UPDATE SET`, which writes the table of its INSERT.
            "UPDATE" => words.get(at + 1) != Some(&"SET") && (at == 0 || words[at - 1] != "FOR"),
            _ => false,
        };
        found.extend(table.filter(|_| starts).map(|table| word(table).unwrap_or_else(|| (*table).to_owned())));
    }
    found
}

/// Whether the file at `path` in `room` may write `table`.
fn may_write(path: &str, room: &str, table: &str) -> bool {
    let owner = OWNERS.iter().find(|(_, tables)| tables.contains(&table)).map(|(owner, _)| *owner);
    owner == Some(room) || OF_VERBS.contains(&(table, path))
}

/// The types that this text declares for more than its own room, also those in the macros that declare ids and words.
fn public_types(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let item = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "));
        let item = item.map(|rest| rest.trim_start_matches("unsafe "));
        if let Some((kind, name)) = item.and_then(|item| item.split_once(' ')) {
            found.extend(matches!(kind, "struct" | "enum" | "trait" | "type" | "union").then(|| word(name)).flatten());
        } else if line == "words! {" {
            found.extend(lines.by_ref().next().and_then(word));
        } else if line == "ids! {" {
            found.extend(lines.by_ref().take_while(|line| *line != "}").filter_map(word));
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let found = read(&root().join("src"));
    assert!(found.len() > 100, "the source was read");
    found.into_iter().filter(|source| !is_test(source)).collect()
}

fn read(root: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    let mut todo: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

fn is_test(source: &Source) -> bool {
    source.path.contains("/tests/") || source.path.ends_with("/tests.rs") || source.path.ends_with("/conformance.rs")
}

fn row(room: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&room))
}

/// Which room uses which, with one file that shows it.
fn arrows() -> BTreeMap<(String, String), String> {
    let sources = sources();
    let rooms: BTreeSet<String> = sources.iter().map(|source| source.room.clone()).collect();
    let mut arrows = BTreeMap::new();
    for source in &sources {
        for used in source.uses().into_iter().filter(|used| rooms.contains(used)) {
            arrows.entry((source.room.clone(), used)).or_insert_with(|| source.path.clone());
        }
    }
    arrows
}

fn broken(rule: impl Fn(&Source) -> bool) -> Vec<String> {
    sources().into_iter().filter(|source| rule(source)).map(|source| source.path).collect()
}

/// The rooms on a way that leads back to `start`.
fn way_back(arrows: &BTreeMap<(String, String), String>, start: &str) -> Option<Vec<String>> {
    let mut ways: Vec<Vec<String>> = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        let here = way.last()?;
        for (_, to) in arrows.keys().filter(|(from, _)| from == here) {
            let mut longer = way.clone();
            longer.push(to.clone());
            if to == start {
                return Some(longer);
            }
            if seen.insert(to.clone()) {
                ways.push(longer);
            }
        }
    }
    None
}

#[test]
fn every_room_is_in_the_plan() {
    let found = broken(|source| row(&source.room).is_none());
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn no_room_uses_a_room_of_a_higher_row() {
    let upwards: Vec<String> = arrows()
        .into_iter()
        .filter(|((from, to), _)| row(from) > row(to))
        .map(|((from, to), path)| format!("{from} -> {to} ({path})"))
        .collect();
    assert_eq!(upwards, Vec::<String>::new());
}

#[test]
fn no_rooms_use_each_other_in_a_circle() {
    let arrows = arrows();
    let rooms: BTreeSet<&String> = arrows.keys().map(|(from, _)| from).collect();
    let circles: Vec<String> =
        rooms.into_iter().filter_map(|room| way_back(&arrows, room)).map(|way| way.join(" -> ")).collect();
    assert_eq!(circles, Vec::<String>::new());
}

#[test]
fn nothing_imports_the_edges() {
    let edges = ["http", "worker", "cli"];
    let found = broken(|source| {
        !edges.contains(&source.room.as_str())
            && source.uses().iter().any(|to| edges.contains(&to.as_str()))
            && source.room != "main"
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn only_the_edges_know_axum() {
    let found = broken(|source| row(&source.room) != Some(0) && source.text.contains("axum::"));
    assert_eq!(found, Vec::<String>::new());
}

/// An act has one home: the same from HTTP, the command line, a job and a test.
#[test]
fn handlers_begin_no_transaction_and_write_no_audit_entry() {
    let found = broken(|source| {
        matches!(source.room.as_str(), "http" | "cli")
            && [".begin()", "NewEntry", "audit::commit", "audit::record", "journal.write", "sql("]
                .iter()
                .any(|act| source.text.contains(act))
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn each_table_is_written_in_its_noun_only() {
    let (mut seen, mut outside) = (BTreeSet::new(), Vec::new());
    for source in sources() {
        for table in written(&source.text) {
            if !may_write(&source.path, &source.room, &table) {
                outside.push(format!("{}: {table}", source.path));
            }
            seen.insert(table);
        }
    }
    assert_eq!(outside, Vec::<String>::new());
    let schema = fs::read_to_string(root().join("migrations/sqlite/0001_schema.sql")).unwrap();
    let tables = schema.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ").and_then(word));
    assert_eq!(seen, tables.collect(), "a write to each table was seen");
}

#[test]
fn no_two_public_types_have_one_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        for name in public_types(&source.text) {
            places.entry(name).or_default().push(source.path.clone());
        }
    }
    assert!(
        places.len() > 200 && places.contains_key("PhotoState") && places.contains_key("FlowId"),
        "types were found"
    );
    let twice: Vec<(String, Vec<String>)> = places.into_iter().filter(|(_, places)| places.len() > 1).collect();
    assert_eq!(twice, [], "each needs a name of its own");
}

#[test]
fn only_db_names_a_driver() {
    let found = broken(|source| source.room != "db" && DRIVERS.iter().any(|driver| source.text.contains(driver)));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn random_numbers_of_secrets_come_from_the_operating_system() {
    // The waits of `provider/retry.rs` are no secrets.
    let bad = broken(|source| {
        let text = source.text.replace("rand::rngs::SysRng", "").replace("use rand::TryRng;", "");
        text.contains("rand::") && !source.path.ends_with("provider/retry.rs")
    });
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn the_simulator_depends_on_no_crate_of_this_repository() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert_eq!(own_dependencies(&lock, "yinku"), ["simulator", "yinku-sqlx"], "the lock file was read");
    assert_eq!(own_dependencies(&lock, "simulator"), Vec::<String>::new());
}

/// The crates of this repository that `package` depends on, also for its tests only. The lock file names a crate by its
/// own name, whatever Cargo.toml calls it. Only a crate of this repository has no source there.
fn own_dependencies(lock: &str, package: &str) -> Vec<String> {
    let lock: toml::Table = lock.parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let own: Vec<&str> =
        packages.iter().filter(|one| one.get("source").is_none()).filter_map(|one| one["name"].as_str()).collect();
    let found = packages.iter().find(|one| one["name"].as_str() == Some(package)).unwrap();
    let listed = found["dependencies"].as_array().unwrap().iter().filter_map(|name| name.as_str());
    listed.filter(|name| own.contains(name)).map(str::to_owned).collect()
}

#[test]
fn no_file_is_too_long_and_none_is_called_mod() {
    let simulator = read(&root().join("crates/simulator/src"));
    assert!(simulator.len() > 20, "the simulator's source was read");
    let wrong = |source: &Source| source.text.lines().count() > MOST_LINES || source.path.ends_with("mod.rs");
    let all = sources().into_iter().chain(simulator);
    let found: Vec<String> = all.filter(wrong).map(|source| source.path).collect();
    assert_eq!(found, Vec::<String>::new());
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 150);
}

#[test]
fn the_rules_see_what_breaks_them() {
    let uses = |text: &str| Source::new("x.rs", text).uses().into_iter().collect::<Vec<_>>();
    assert_eq!(uses("use crate::http::Edge;"), ["http"]);
    assert_eq!(uses("use crate::{\n    db::{Db, Tx},\n    http::Edge,\n};"), ["db", "http"]);
    assert_eq!(uses("use crate::{http::Edge, id::UserId};"), ["http", "id"]);
    assert_eq!(uses("fn f() { crate::worker::work() }\n// crate::http"), ["worker"]);
    assert_eq!(uses("use crate::queue_of::X;\nmod http;"), ["queue_of"]);
    let text = r#"sql("INSERT INTO a (x) SELECT y FROM z ON CONFLICT (x) DO UPDATE SET x = 1"); sql("DELETE FROM b WHERE");
        format!("UPDATE c SET x = {}"); sql(
            "UPDATE
               d SET x"); sql("INSERT OR IGNORE INTO e(x)"); sql("SELECT x FROM f FOR UPDATE")"#;
    assert_eq!(written(text), ["a", "b", "c", "d", "e"]);
    assert_eq!(written(r#"sql(format!("UPDATE {table} SET x"))"#), ["{table}"], "a table that is not named is seen");
    assert!(may_write("flow/step.rs", "flow", "flows") && !may_write("sealing/apply.rs", "sealing", "flows"));
    assert!(
        may_write("callback/record.rs", "callback", "callbacks") && !may_write("callback.rs", "callback", "callbacks")
    );
    let text = "pub struct A<T>(T);\n#[derive(Debug)]\n    pub(crate) enum B {\npub(super) struct OfOneRoom;\npub fn struct_like() {}\nstruct Own;
        pub unsafe trait C: Sized {}\npub type D = A<u8>;\nids! {\nEId,\nFId,\n}\nwords! {\nG {\nH = \"h\",\n}\n}";
    assert_eq!(public_types(text), ["A", "B", "C", "D", "EId", "FId", "G"]);
    let circle = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")];
    let arrows = circle.map(|(from, to)| ((from.to_owned(), to.to_owned()), String::new())).into_iter().collect();
    assert_eq!(way_back(&arrows, "a").unwrap(), ["a", "b", "c", "a"]);
    assert_eq!(way_back(&arrows, "d"), None);
}
