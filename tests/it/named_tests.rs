//! The pages on security and reliability name tests. Each of them exists, and each row of a table of faults names one.

use std::path::Path;

/// The names of tests in a page: words in backticks with at least three underscores. The module before a name is left
/// out.
fn named(page: &str) -> impl Iterator<Item = &str> {
    let words = page.split('`').skip(1).step_by(2).map(|word| word.rsplit("::").next().unwrap_or(word));
    // A metric is no test.
    words.filter(|word| !word.starts_with("yinku_")).filter(|word| {
        word.matches('_').count() >= 3 && word.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}

fn sources(dir: &Path, all: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

/// The code of the service and of its tests.
fn code() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    sources(&root.join("src"), &mut code);
    sources(&root.join("tests"), &mut code);
    code
}

fn exists(code: &str, name: &str) -> bool {
    let forms = [format!("story!({name},"), format!("story_on_postgres!({name},"), format!("fn {name}(")];
    forms.iter().any(|form| code.contains(form))
}

#[test]
fn the_pages_name_only_tests_that_exist() {
    let code = code();
    for (name, least) in [("security.md", 60), ("reliability.md", 60)] {
        let page = page(name);
        let gone: Vec<&str> = named(&page).filter(|name| !exists(&code, name)).collect();
        assert!(gone.is_empty(), "{name} names tests that do not exist: {gone:#?}");
        assert!(named(&page).count() > least, "{name}");
    }
}

#[test]
fn each_fault_and_each_protection_names_its_test() {
    for name in ["security.md", "reliability.md"] {
        let page = page(name);
        let rows = page.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 3);
        let without: Vec<&str> =
            rows.filter(|row| !is_head(row) && !is_honest(row) && !names_a_test(last_cell(row))).collect();
        assert!(without.is_empty(), "{name}: {without:#?}");
    }
}

fn last_cell(row: &str) -> &str {
    row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default()
}

/// A requirement that is not met, or does not apply, and says so.
fn is_honest(row: &str) -> bool {
    let state = row.split(" | ").nth(1);
    row.starts_with("| V") && state.is_some_and(|state| ["not met", "does not apply"].contains(&state))
}

fn is_head(row: &str) -> bool {
    ["test", "the test", "shown by"].iter().any(|word| row.ends_with(&format!("| {word} |")))
}

/// A name of a test, the module of many, or a file of tests in the browser.
fn names_a_test(cell: &str) -> bool {
    cell.split('`').nth(1).is_some_and(|word| {
        let in_browser = word.ends_with(".spec.ts") && Path::new(env!("CARGO_MANIFEST_DIR")).join(word).exists();
        word.contains('_') || word == "rights" || in_browser
    })
}

#[test]
fn each_table_of_the_database_has_a_level_of_protection() {
    let page = page("security.md");
    let data = page.split("# Data and their protection").nth(1).unwrap().split("\n# ").next().unwrap();
    let schema = include_str!("../../migrations/sqlite/0001_schema.sql");
    let tables = schema.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split(' ').next());
    let tables: Vec<&str> = tables.collect();
    assert!(tables.len() > 40, "{tables:?}");
    let times = |table: &str| data.matches(&format!("`{table}`")).count();
    let wrong: Vec<&&str> = tables.iter().filter(|table| times(table) != 1).collect();
    assert!(wrong.is_empty(), "say once which data they have: {wrong:?}");
}
