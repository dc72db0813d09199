//! Attacks on secrets at rest: a copied database, another key, seal codes of ended seal uses, other users of the machine.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use yinku::{
    app::App,
    clock::Clock,
    config::{Config, Secret},
    db::{Db, Pools, sql},
    id::FlowId,
};

use crate::support::{
    Engine, Plan, World,
    process::{House, yinku},
    seals::{in_use, one_seal},
    story,
    world::{furnish, small_photos},
};

const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const OTHER_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

fn with_key(config: &mut Config) {
    config.secrets.key = Some(Secret::from(KEY));
}

fn with_other_key(config: &mut Config) {
    config.secrets.key = Some(Secret::from(OTHER_KEY));
}

async fn stored(db: &Db) -> String {
    sql("SELECT app_secret FROM services").scalar(db).await.unwrap()
}

story!(a_copy_of_the_database_has_no_secret_of_a_service, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(with_key), ..Plan::default() }).await;
    let secret = small_photos().secret;
    let kept = stored(&world.app.db).await;
    assert!(kept.starts_with("sealed:1:") && !kept.contains(&secret), "{kept}");
    // The service itself can use it.
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    // One that is bound through the API is stored like it, and is shown to nobody.
    let admin = world.caller("admin").await;
    let new = json!({ "name": "第二", "baseUrl": world.sim.url(), "appToken": "t", "appSecret": "s3cret-of-another" });
    let made = admin.post("/api/services", &new).await.expect(201);
    let shown = admin.get(&format!("/api/services/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(shown, made);
    assert!(!shown.to_string().contains("s3cret"), "{shown}");
    let clear = "SELECT COUNT(*) FROM services WHERE app_secret NOT LIKE 'sealed:1:%' OR app_secret LIKE '%s3cret%'";
    assert_eq!(world.count(clear).await, 0);
    if matches!(engine, Engine::Sqlite) {
        let copied = copied(&world.app).await;
        assert!(contains(&copied, b"sealed:1:"), "the copy is whole");
        for secret in [secret.as_bytes(), b"s3cret-of-another", KEY.as_bytes(), &[1; 32]] {
            assert!(!contains(&copied, secret), "{secret:?}");
        }
    }
});

/// The bytes of a copy of the whole database, as a backup makes it.
async fn copied(app: &App) -> Vec<u8> {
    let Pools::Sqlite { write, .. } = app.db.pools() else { unreachable!("SQLite alone is a file") };
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy.db");
    sqlx::query("VACUUM INTO $1").bind(copy.to_str().unwrap()).execute(write).await.unwrap();
    std::fs::read(copy).unwrap()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

story!(a_copy_of_the_database_has_no_seed_of_one_time_codes, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(with_key), ..Plan::default() }).await;
    let zhang = world.session("zhang").await;
    let begun = zhang.send(zhang.request(Method::POST, "/api/session/totp")).await.expect(200);
    let uri = begun["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/"), "{uri}");
    let kept: String =
        sql("SELECT totp_pending FROM users WHERE username = 'zhang'").scalar(&world.app.db).await.unwrap();
    assert!(kept.starts_with("sealed:1:"), "{kept}");
});

#[tokio::test]
async fn the_first_start_on_sqlite_makes_a_key_that_only_the_owner_may_read() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::in_dir(&dir.path().join("data"));
    let file = config.secrets.key_file.clone();
    let first = App::open(config.clone(), Clock::System).await.unwrap();
    assert_eq!(mode(&file), 0o600);
    let key = std::fs::read_to_string(&file).unwrap();
    assert_eq!(key.trim().len(), 44, "32 bytes in base64");
    let second = App::open(config, Clock::System).await.unwrap();
    assert_eq!(first.secrets.fingerprint(), second.secrets.fingerprint());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), key, "a key is never replaced");
    // The whole database does not have it, in no spelling.
    let (text, copied) = (key.trim(), copied(&second).await);
    let bytes = BASE64_STANDARD.decode(text).unwrap();
    for spelling in [text.as_bytes(), &bytes, hex::encode(&bytes).as_bytes()] {
        assert!(!contains(&copied, spelling));
    }
}

// The start, the help of the settings and the manual say it.
#[test]
fn it_is_said_that_no_backup_has_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = yinku(dir.path());
    command.arg("serve").env("YINKU_LISTEN", "127.0.0.1:0").env("YINKU_LOG__FILTER", "info");
    let line = serve_until(command, "made the key for stored secrets");
    assert!(line.contains("no backup contains it") && line.contains("data/secrets.key"), "{line}");
    assert!(line.contains("keep a copy of this file elsewhere"), "{line}");
    let help = include_str!("../../../yinku.example.toml");
    assert!(help.contains("The key is in no backup: keep a copy of it elsewhere."));
    let manual = include_str!("../../../docs/security.md");
    assert!(manual.contains("**No backup contains the key.** Keep a copy of it elsewhere."));
}

story!(without_a_key_on_postgresql_secrets_are_clear_until_there_is_one, async |engine: Engine| {
    let world = World::new(engine, Plan::default()).await;
    let kept = stored(&world.app.db).await;
    let expected = match engine {
        Engine::Sqlite => "sealed:1:",
        Engine::Postgres => "clear:",
    };
    assert!(kept.starts_with(expected), "{kept}");
    if matches!(engine, Engine::Postgres) {
        let mut config = world.app.config.clone();
        with_key(&mut config);
        let later = App::open(config, Clock::System).await.unwrap();
        let sealed = stored(&later.db).await;
        assert!(sealed.starts_with("sealed:1:"), "the first start with a key seals what was clear: {sealed}");
    }
});

story!(a_wrong_key_is_named_and_the_secret_can_be_given_again, async |engine: Engine| {
    let plan = Plan { config: Some(with_other_key), ..Plan::default() };
    let world = World::over(engine, plan, async |config, sim| {
        let mut config = config.clone();
        with_key(&mut config);
        let before = App::open(config, Clock::System).await.unwrap();
        let knobs = sim.knobs();
        furnish(&before, sim, &knobs.token, &knobs.secret, None).await;
    })
    .await;
    let admin = world.caller("admin").await;
    let id = admin.get("/api/services").await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let (path, check) = (format!("/api/services/{id}"), format!("/api/services/{id}/check"));
    let problem = admin.post(&check, &Value::Null).await.expect_problem(409, "secret_locked");
    let detail = problem["detail"].as_str().unwrap();
    let kept = stored(&world.app.db).await;
    let (under, present) = (kept.split(':').nth(2).unwrap(), world.app.secrets.fingerprint().unwrap());
    assert!(detail.contains(under) && detail.contains(present) && detail.contains("give the secret again"), "{detail}");

    // Another address gets the secret only from somebody who knows it.
    let elsewhere = json!({ "baseUrl": "http://127.0.0.1:1" });
    let refused = admin.patch(&path, &elsewhere).await.expect_problem(422, "invalid");
    assert_eq!(refused["errors"][0]["field"], "appSecret");
    world.caller("zhang").await.patch(&path, &json!({ "appSecret": "x" })).await.expect_problem(403, "forbidden");

    let again = json!({ "appSecret": world.sim.knobs().secret });
    admin.patch(&path, &again).await.expect(200);
    let checked = admin.post(&check, &Value::Null).await.expect(200);
    assert_eq!(checked["ok"], true, "{checked}");
    assert_eq!(stored(&world.app.db).await.split(':').nth(2), Some(present));
    let entry = admin.get("/api/audit?act=service_changed").await.expect(200)["items"][0].clone();
    assert_eq!((&entry["subject"], &entry["detail"]), (&json!(id), &json!("appSecret")));
});

story!(a_secret_in_the_row_of_another_service_does_not_open, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(with_key), ..Plan::default() }).await;
    let admin = world.caller("admin").await;
    // Somebody who writes the database wants the secret sent to a server of theirs.
    let new =
        json!({ "name": "第二", "baseUrl": world.sim.url(), "appToken": world.sim.knobs().token, "appSecret": "x" });
    let theirs = admin.post("/api/services", &new).await.expect(201)["id"].as_str().unwrap().to_owned();
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE services SET app_secret = (SELECT s.app_secret FROM services s WHERE s.id <> $1) WHERE id = $1")
        .bind(theirs.clone())
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    admin.post(&format!("/api/services/{theirs}/check"), &Value::Null).await.expect_problem(409, "secret_locked");
});

story!(seal_codes_are_dropped_when_use_has_ended, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(1)).await;
    let wang = world.caller("wang").await;
    let code = |codes: Value| codes[0]["code"].as_str().map(str::to_owned);
    let shown = async || code(wang.get(&format!("/api/flows/{flow}/seal-code")).await.expect(200));
    world.until("the code is here", async || shown().await.is_some()).await;
    let first = shown().await.unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    assert_eq!(world.count("SELECT COUNT(*) FROM grants WHERE code IS NOT NULL").await, 0);
    let detail: String = sql("SELECT detail FROM seal_uses").scalar(&world.app.db).await.unwrap();
    assert!(detail.contains("vertifyCode") && !detail.contains(&first), "{detail}");
});

// A user ends the use, the starter withdraws, the person who stamps sends back: nothing was stamped.
story!(seal_codes_are_dropped_however_use_ends, async |world: World| {
    let (wang, zhang) = (world.caller("wang").await, world.caller("zhang").await);
    let codes = async |flow: &FlowId| -> Vec<String> {
        sql("SELECT g.code FROM grants g JOIN seal_uses s ON s.id = g.seal_use_id WHERE s.flow_id = $1 AND g.code IS NOT NULL")
            .bind(flow)
            .scalars(&world.app.db)
            .await
            .unwrap()
    };
    for (who, act, body) in [
        (&wang, "seal-finish", json!({ "reason": "不用了" })),
        (&zhang, "withdraw", json!({ "comment": "不用了" })),
        (&wang, "reject", json!({ "to": "start", "comment": "不对" })),
    ] {
        let (flow, _) = in_use(&world, &one_seal(2)).await;
        wang.get(&format!("/api/flows/{flow}/seal-code")).await.expect(200);
        world.until("the code is here", async || codes(&flow).await.len() == 1).await;
        let code = codes(&flow).await.remove(0);
        who.post(&format!("/api/flows/{flow}/{act}"), &body).await.expect(200);
        world.until("the code is dropped", async || codes(&flow).await.is_empty()).await;
        world.until_quiet().await;
        let details: Vec<Option<String>> =
            sql("SELECT detail FROM seal_uses WHERE flow_id = $1").bind(&flow).scalars(&world.app.db).await.unwrap();
        assert!(details.iter().flatten().all(|detail| !detail.contains(&code)), "{act}: {details:?}");
    }
});

/// The permissions of a file or directory.
fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn all_below(path: &Path, found: &mut Vec<(String, u32)>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        found.push((path.display().to_string(), mode(&path)));
        if path.is_dir() {
            all_below(&path, found);
        }
    }
}

#[test]
fn other_users_of_the_machine_read_nothing_that_the_program_creates() {
    let dir = tempfile::tempdir().unwrap();
    let add = |words: &str| {
        let plain = yinku(dir.path());
        let line = format!("umask 022; {words} exec \"$0\" user add chen --role member --password-stdin");
        let mut command = Command::new("sh");
        command.args(["-c", &line]).arg(plain.get_program()).current_dir(dir.path()).stdin(Stdio::piped());
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        process.stdin.take().unwrap().write_all("七色花 an uncommon phrase 42".as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    add("");
    let mut found = vec![("data".to_owned(), mode(&dir.path().join("data")))];
    all_below(&dir.path().join("data"), &mut found);
    assert!(found.iter().any(|(path, _)| path.ends_with("yinku.db")), "{found:?}");
    assert!(found.iter().all(|(_, mode)| mode % 0o100 == 0), "{found:?}");
}

/// Runs a line of shell that ends with the service, until its log has these words. Returns the line with them.
fn serve_until(mut command: Command, words: &str) -> String {
    command.env("YINKU_LISTEN", "127.0.0.1:0").env("YINKU_LOG__FILTER", "info");
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut all = String::new();
    let found = lines.find(|line| {
        all.push_str(line);
        all.push('\n');
        line.contains(words)
    });
    process.kill().unwrap();
    process.wait().unwrap();
    found.unwrap_or_else(|| panic!("it never said {words}: {all}"))
}

fn served_after(dir: &Path, words: &str) -> Command {
    let plain = yinku(dir);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{words}; exec \"$0\" serve")]).arg(plain.get_program()).current_dir(dir);
    command
}

#[test]
fn other_users_of_the_machine_read_nothing_that_the_service_creates() {
    let dir = tempfile::tempdir().unwrap();
    serve_until(served_after(dir.path(), "umask 022"), "listening");
    let data = dir.path().join("data");
    let mut found = vec![("data".to_owned(), mode(&data))];
    all_below(&data, &mut found);
    for name in ["yinku.db", "secrets.key", "store"] {
        assert!(found.iter().any(|(path, _)| path.ends_with(name)), "{name}: {found:?}");
    }
    assert!(found.iter().all(|(_, mode)| mode % 0o100 == 0), "{found:?}");

    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let warned = serve_until(served_after(dir.path(), "umask 022"), "other users may read the data directory");
    assert!(warned.contains("WARN") && warned.contains("755") && warned.contains("chmod 700"), "{warned}");
    std::fs::set_permissions(data.join("secrets.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let warned = serve_until(served_after(dir.path(), "umask 022"), "other users may read the key file");
    assert!(warned.contains("WARN") && warned.contains("644") && warned.contains("chmod 600"), "{warned}");
}

// SQLite has made a key. PostgreSQL has none before an administrator gives one.
story!(a_start_says_that_there_is_no_key_or_another_one, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let command = |key: Option<&str>| {
        let mut command = house.command().into_std();
        if let Some(key) = key {
            command.env("YINKU_SECRETS__KEY", key);
        }
        command
    };
    let said = |key: Option<&'static str>, words: &'static str| {
        let command = command(key);
        tokio::task::spawn_blocking(move || serve_until(command, words))
    };
    if matches!(engine, Engine::Postgres) {
        let line = said(None, "no key for stored secrets").await.unwrap();
        assert!(line.contains("WARN") && line.contains("openssl rand -base64 32"), "{line}");
        let line = said(Some(KEY), "sealed the secrets that were stored in clear").await.unwrap();
        assert!(line.contains("sealed=1"), "{line}");
    }
    let under = stored(&house.app.db).await.split(':').nth(2).unwrap().to_owned();
    let line = said(Some(OTHER_KEY), "secrets are stored under another key").await.unwrap();
    assert!(line.contains("ERROR") && line.contains(&under) && line.contains("YINKU_SECRETS__KEY"), "{line}");
});
