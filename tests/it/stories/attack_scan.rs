//! Attacks by a reader of the whole database: the callback secret is in no column, and its mark needs the key.

use reqwest::Method;
use serde_json::json;
use yinku::{
    app::App,
    callback::door,
    clock::Clock,
    config::Config,
    db::{Db, sql},
};

use crate::support::{Caller, Engine, Plan, World, callbacks::PATH, story};

/// Every byte is written as a number.
const HEXADECIMAL: percent_encoding::AsciiSet =
    percent_encoding::NON_ALPHANUMERIC.add(b'z').add(b'w').add(b'8').add(b'o').add(b'f');

const SECRET: &str = "zw8-of-callbacks-q71";
const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const OTHER_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

fn with_secret(config: &mut Config) {
    config.callback.allow_from = Vec::new();
    config.callback.secret = Some(SECRET.into());
    config.callback.former_secret = Some("zw8-before-it-q71".into());
}

fn with_key(config: &mut Config) {
    with_secret(config);
    config.secrets.key = Some(KEY.into());
}

fn with_other_key(config: &mut Config) {
    with_secret(config);
    config.secrets.key = Some(OTHER_KEY.into());
}

/// Every column of every table, with the kind of its values.
async fn columns(db: &Db) -> Vec<(String, String)> {
    let all = if db.is_postgres() {
        "SELECT table_name, column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND data_type IN ('text', 'character varying')"
    } else {
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND upper(c.type) = 'TEXT'"
    };
    sql(all).all(db).await.unwrap()
}

/// The columns that have this text somewhere.
async fn columns_with(db: &Db, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (table, column) in columns(db).await {
        let rows: i64 = sql(format!(r#"SELECT COUNT(*) FROM "{table}" WHERE {{position}}("{column}", $1) > 0"#))
            .bind(text)
            .scalar(db)
            .await
            .unwrap();
        if rows > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

story!(the_callback_secret_is_in_no_column_of_the_database, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(with_key), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp(&business, 0).await.unwrap();
    // The vendor, and a program that shows the secret at every place.
    let nobody = Caller::nobody(&world);
    let spelled = percent_encoding::percent_encode(SECRET.as_bytes(), &HEXADECIMAL).to_string();
    for suffix in [
        format!("?key={SECRET}&note={SECRET}&url=http%3A%2F%2Fa%2F%3Fkey%3D{SECRET}"),
        format!("/{SECRET}?businessId={business}"),
        format!("?key={spelled}&{SECRET}=1"),
        format!("/{spelled}?KEY={spelled}"),
    ] {
        let request = nobody.request(Method::POST, &format!("{PATH}{suffix}"));
        let told = nobody.send(request.json(&json!({ "businessId": "7", "key": SECRET, "note": SECRET }))).await;
        told.expect(200);
    }
    let by_header = nobody.request(Method::POST, PATH).header("x-yinku-key", SECRET).body(format!("note={SECRET}"));
    nobody.send(by_header).await.expect(200);
    nobody.send(nobody.request(Method::POST, &format!("{PATH}?key=wrong-{SECRET}"))).await.expect(403);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    assert!(columns(&world.app.db).await.len() > 80);
    assert!(columns_with(&world.app.db, "采购合同").await.len() > 2, "the search finds what is there");
    for text in [SECRET, "zw8-before-it-q71", KEY] {
        assert_eq!(columns_with(&world.app.db, text).await, Vec::<String>::new(), "{text}");
    }
});

async fn mark(db: &Db) -> String {
    sql("SELECT callback_key FROM seal_uses").scalar(db).await.unwrap()
}

story!(the_mark_of_the_callback_secret_needs_the_key, async |engine: Engine| {
    let mut marks = Vec::new();
    for config in [with_key as fn(&mut Config), with_key, with_other_key] {
        let world = World::new(engine, Plan { config: Some(config), ..Plan::default() }).await;
        world.seal_use(1).await;
        marks.push(mark(&world.app.db).await);
        assert_eq!(door::refused_seal_uses(&world.app).await.unwrap(), 0);
    }
    assert_eq!(marks[0], marks[1], "the same secret under the same key");
    assert_ne!(marks[0], marks[2], "another key");
    let without = hex::encode(&blake3::derive_key("yinku callback address 1", SECRET.as_bytes())[..8]);
    assert!(marks.iter().all(|mark| !mark.contains(&without)), "{marks:?}");
});

// PostgreSQL has no key before an administrator makes one.
story!(a_mark_from_before_there_was_a_key_is_made_again_with_it, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(with_secret), ..Plan::default() }).await;
    world.seal_use(1).await;
    let before = mark(&world.app.db).await;
    assert_eq!(before.starts_with("without key "), world.app.db.is_postgres(), "{before}");
    let mut config = world.app.config.clone();
    if world.app.db.is_postgres() {
        config.secrets.key = Some(KEY.into());
    }
    let later = App::open(config, Clock::System).await.unwrap();
    door::mark_again(&later).await.unwrap();
    let after = mark(&later.db).await;
    assert!(!after.contains("without"), "{after}");
    assert_eq!(door::refused_seal_uses(&later).await.unwrap(), 0, "the address still works");
    let mut config = later.config.clone();
    config.callback.secret = Some("another-secret".into());
    config.callback.former_secret = None;
    let changed = App::open(config, Clock::System).await.unwrap();
    assert_eq!(door::refused_seal_uses(&changed).await.unwrap(), 1);
});
