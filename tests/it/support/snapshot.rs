//! Snapshots of a world: all rows that matter, the events, the audit log and the store's keys as one text, compared
//! with `tests/it/snapshots/<name>.snap`. Both engines have the same one. `.config/insta.yaml` says how one is written.

use std::collections::HashMap;

use futures::TryStreamExt;
use serde_json::Value;
use yinku::db::sql;

use crate::support::world::World;

use self::labels::Labels;

mod labels;

const EVENTS_OF_PEOPLE: &str =
    "SELECT actor || ' ' || act || ' ' || COALESCE(node, '-') || '>' || COALESCE(target, '-')
       || COALESCE(': ' || detail, '') FROM flow_events WHERE actor <> 'yinku' ORDER BY flow_id, id";
const EVENTS_OF_THE_SERVICE: &str = "SELECT act || ' ' || COALESCE(node, '-') || COALESCE(': ' || detail, '')
     FROM flow_events WHERE actor = 'yinku' ORDER BY flow_id, id";

/// What a snapshot shows: a heading, and a statement that makes a line of each row.
const TABLES: [(&str, &str); 12] = [
    (
        "flows",
        "SELECT serial_no || ' ' || title || ' by ' || starter || ': ' || state || ', node ' || COALESCE(node, '-')
           || ', round ' || CAST(round AS TEXT) || ', form ' || form FROM flows ORDER BY id",
    ),
    // Two lists, because what the service does by itself may come before or after what a person does.
    ("events of people", EVENTS_OF_PEOPLE),
    ("events of the service", EVENTS_OF_THE_SERVICE),
    (
        "seal uses",
        "SELECT serial_no || ' ' || status || CASE WHEN superseded THEN ', superseded' ELSE '' END
           || ', business ' || COALESCE(business_id, '-') || COALESCE(', ended by ' || end_by || ': ' || end_reason, '')
           || COALESCE(', error: ' || error, '') FROM seal_uses ORDER BY flow_id, no",
    ),
    (
        "grants",
        "SELECT seal || ' ' || user_name || ': applied ' || CAST(applied AS TEXT) || ', appended '
           || CAST(appended AS TEXT) || ', used ' || CAST(used AS TEXT) || ', left ' || CAST(left_count AS TEXT)
           || CASE WHEN complete THEN ', complete' ELSE '' END FROM grants g ORDER BY seal_use_id, position",
    ),
    (
        "photos",
        "SELECT COALESCE(CAST(no AS TEXT), '-') || ' ' || kind || ' by ' || source || ': ' || state || ', key '
           || COALESCE(photokey, '-') || ', original ' || COALESCE(original_hash, '-')
           || CASE WHEN grant_id IS NULL THEN ', no grant' ELSE '' END
           || CASE WHEN listed THEN '' ELSE ', not listed' END
           || CASE WHEN confirmation = 'confirmed' THEN '' ELSE ', ' || confirmation END
           || CASE WHEN clock_doubt THEN ', clock in doubt' ELSE '' END || COALESCE(', error ' || error_code, '')
         FROM photos ORDER BY seal_use_id, COALESCE(no, 1000000), position, id",
    ),
    (
        "documents",
        "SELECT f.space || '/' || f.name || ' ' || d.name || ': ' || d.source || ' by ' || d.created_by || ', field '
           || COALESCE(d.field_key, '-') || ' ' || COALESCE(CAST(d.position AS TEXT), '-') || ', original '
           || d.original_hash || ' ' || o.mime || CASE WHEN o.complete THEN '' ELSE ', incomplete' END
           || CASE WHEN d.deleted_at IS NULL THEN '' ELSE ', taken out' END
         FROM documents d JOIN folders f ON f.id = d.folder_id JOIN originals o ON o.hash = d.original_hash
         ORDER BY d.flow_id, COALESCE(d.field_key, ''), d.position, d.name",
    ),
    (
        "sent to the vendor",
        "SELECT kind || ' ' || name || ': ' || state || COALESCE(', error: ' || error, '')
         FROM dispatches ORDER BY seal_use_id, name",
    ),
    (
        "manifests",
        "SELECT CAST(n AS TEXT) || ' of ' || CAST(documents AS TEXT) || ' documents'
         FROM manifests ORDER BY flow_id, n",
    ),
    (
        "callbacks",
        "SELECT shape || ' ' || state || ' ' || CAST(COUNT(*) AS TEXT) FROM callbacks
         GROUP BY shape, state ORDER BY shape, state",
    ),
    (
        "jobs",
        "SELECT kind || ' ' || state || ' ' || CAST(COUNT(*) AS TEXT) FROM jobs
         WHERE kind <> 'evidence' GROUP BY kind, state ORDER BY kind, state",
    ),
    (
        "audit log",
        "SELECT username || ' ' || act || COALESCE(': ' || detail, '') FROM audit
         WHERE act <> 'evidence_sealed' ORDER BY seq",
    ),
];

impl World {
    /// Compares the whole world with the snapshot of this name, once nothing is left to do in it.
    pub(crate) async fn assert_snapshot(&self, name: &str) {
        self.until_quiet().await;
        let mut labels = Labels::default();
        let mut text = String::new();
        for (heading, statement) in TABLES {
            let rows: Vec<String> = sql(statement).scalars(&self.app.db).await.unwrap();
            let rows: Vec<String> = rows.iter().map(|row| labels.label(row)).collect();
            text.push_str(&section(heading, &rows));
        }
        let stored: Vec<_> = self.app.store.list("").try_collect().await.unwrap();
        // The evidence package has stories of its own.
        let told = stored.iter().filter(|stored| !stored.key.starts_with("evidence/"));
        let mut keys: Vec<String> = told.map(|stored| labels.label(&without_fan_out(&stored.key))).collect();
        keys.sort();
        text.push_str(&section("store", &keys));
        settings().bind(|| insta::assert_snapshot!(name, text));
    }
}

fn section(heading: &str, rows: &[String]) -> String {
    rows.iter().fold(format!("{heading}\n"), |text, row| text + "  " + row + "\n")
}

/// `thumbnails/256/ab/abc….jpg` without the first letters of its hash.
fn without_fan_out(key: &str) -> String {
    match key.splitn(4, '/').collect::<Vec<_>>()[..] {
        ["thumbnails", size, _, name] => format!("thumbnails/{size}/{name}"),
        _ => key.to_owned(),
    }
}

/// Compares an answer, or an object of the store, with the snapshot of this name. Sizes and checksums of the
/// simulated pictures are left out.
pub(crate) fn assert_json_snapshot(name: &str, value: &Value) {
    let value = Labels::default().label_all(value);
    settings().bind(|| {
        insta::assert_json_snapshot!(name, value, {
            ".**.bytes" => "[bytes]",
            ".**.crc32" => "[crc32]",
            ".**.width" => "[width]",
            ".**.height" => "[height]",
        });
    });
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn every_snapshot_is_compared_by_one_story() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut asserted = HashMap::<String, usize>::new();
    for file in std::fs::read_dir(root.join("stories")).unwrap() {
        let Ok(text) = std::fs::read_to_string(file.unwrap().path()) else { continue };
        for call in text.split("_snapshot(\"").skip(1) {
            *asserted.entry(call.split('"').next().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert!(asserted.values().all(|times| *times == 1), "{asserted:?}");
    let files = std::fs::read_dir(root.join("snapshots")).unwrap().map(|file| file.unwrap().file_name());
    let mut files: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
    files.sort();
    let mut due: Vec<String> = asserted.into_keys().map(|name| format!("{name}.snap")).collect();
    due.sort();
    assert_eq!(files, due);
}
