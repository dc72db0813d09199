//! The rules of the house, read out of the source: who may import whom, how long a file may be.

use std::{
    fs,
    path::{Path, PathBuf},
};

const NOUNS: [&str; 16] = [
    "dispatch",
    "id",
    "hash",
    "clock",
    "word",
    "user",
    "service",
    "definition",
    "flow",
    "seal_use",
    "photo",
    "original",
    "folder",
    "document",
    "job",
    "audit",
];
const VERBS: [&str; 14] = [
    "callback",
    "apply",
    "append",
    "window",
    "finish",
    "ingest",
    "inquiry",
    "owed",
    "thumbnail",
    "archive",
    "bundle",
    "upload",
    "send",
    "sweep",
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

struct Source {
    /// Path below src/.
    path: String,
    /// First module of the path, such as `ingest` for `ingest/link.rs`.
    module: String,
    /// Without its unit tests.
    text: String,
}

impl Source {
    fn imports(&self, module: &str) -> bool {
        let direct = format!("crate::{module}");
        // One grouped import: `use crate::{\n    module::…`.
        let grouped = [
            format!("\n    {module}::"),
            format!("\n    {module},"),
            format!("crate::{{{module}::"),
            format!("crate::{{{module},"),
        ];
        let word = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        self.text.match_indices(&direct).any(|(at, found)| word(&self.text[at + found.len()..]))
            || (self.text.contains("use crate::{") && grouped.iter().any(|group| self.crate_group().contains(group)))
    }

    /// The text of `use crate::{ … }`.
    fn crate_group(&self) -> &str {
        let Some(at) = self.text.find("use crate::{") else { return "" };
        let group = &self.text[at + "use ".len()..];
        group.find("\n};").or_else(|| group.find("};")).map_or(group, |end| &group[..end])
    }
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
                let module = name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
                found.push(Source { path: name, module, text });
            }
        }
    }
    found
}

fn is_test(source: &Source) -> bool {
    source.path.contains("/tests/") || source.path.ends_with("/tests.rs") || source.path.ends_with("/conformance.rs")
}

fn broken(rule: impl Fn(&Source) -> bool) -> Vec<String> {
    sources().into_iter().filter(|source| rule(source)).map(|source| source.path).collect()
}

#[test]
fn nothing_but_the_program_imports_the_edges_http_and_jobs() {
    let inside = ["http", "jobs", "cli", "main", "lib"];
    let found = broken(|source| {
        !inside.contains(&source.module.as_str()) && (source.imports("http") || source.imports("jobs"))
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn verbs_and_nouns_know_nothing_of_axum() {
    let inner: Vec<&str> = NOUNS.into_iter().chain(VERBS).collect();
    let found = broken(|source| inner.contains(&source.module.as_str()) && source.text.contains("axum::"));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn nouns_know_no_verbs_and_no_store() {
    let forbidden: Vec<&str> = VERBS.into_iter().chain(["store", "cpu", "app"]).collect();
    let found = broken(|source| {
        NOUNS.contains(&source.module.as_str()) && forbidden.iter().any(|module| source.imports(module))
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn only_db_names_a_driver() {
    let found = broken(|source| source.module != "db" && DRIVERS.iter().any(|driver| source.text.contains(driver)));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_simulator_depends_on_no_crate_of_this_repository() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert_eq!(own_dependencies(&lock, "yinku"), ["simulator"], "the lock file was read");
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
    let source = |text: &str| Source { path: "x.rs".into(), module: "x".into(), text: text.into() };
    assert!(source("use crate::http::Edge;").imports("http"));
    assert!(source("use crate::{\n    db::Db,\n    http::Edge,\n};").imports("http"));
    assert!(source("use crate::{http::Edge, id::UserId};").imports("http"));
    assert!(source("fn f() { crate::jobs::work() }").imports("jobs"));
    assert!(!source("use crate::{\n    job::Lease,\n};\nmod http;").imports("jobs"));
    assert!(!source("use crate::jobs_of::X;").imports("jobs"));
}
