//! The program as people start it.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use crate::support::process::{run, text, yinku};

#[test]
fn a_demo_ends_well_only_when_every_photo_arrived() {
    let dir = tempfile::tempdir().unwrap();
    let demo = ["demo", "--photos", "7", "--megapixels", "0.1", "--exit", "--listen", "127.0.0.1:0"];
    let told = text(&run(yinku(dir.path()).args(demo)));
    assert!(told.contains("All 7 photos arrived, once, unaltered; the flow is archived."), "{told}");
    assert_eq!(told.matches("/content").count(), 7, "the address of each photo");
    assert!(told.contains("duplicate 1 "), "two stampings had equal pictures: {told}");
    for step in ["王五 views the seal codes: 公章 ", "王五 uploaded the stamped file "] {
        assert!(told.contains(step), "{step}: {told}");
    }
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none(), "nothing is left behind");
}

#[test]
fn each_demo_makes_a_secret_of_its_own_for_its_callbacks() {
    let dir = tempfile::tempdir().unwrap();
    let secret = |name: &str| {
        let data = dir.path().join(name);
        let demo = ["demo", "--photos", "1", "--megapixels", "0.1", "--exit", "--listen", "127.0.0.1:0", "--data"];
        run(yinku(dir.path()).args(demo).arg(&data));
        let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(data.join("demo.json")).unwrap()).unwrap();
        kept["callback_secret"].as_str().unwrap().to_owned()
    };
    let (one, other) = (secret("one"), secret("other"));
    assert!(one.len() >= 32 && other.len() >= 32 && one != other, "{one} {other}");
}

#[test]
fn a_demo_whose_plug_was_pulled_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let demo = |photos: &str| {
        let mut command = yinku(dir.path());
        command.args(["demo", "--photos", photos, "--megapixels", "0.1", "--exit", "--data"]).arg(&data);
        command
    };
    let mut cut = demo("40").env("YINKU_KILL_AT", "original_put:7").stdout(Stdio::null()).spawn().unwrap();
    assert!(!cut.wait().unwrap().success(), "killed in the middle");
    // Its own number of photos is remembered.
    let told = text(&run(&mut demo("3")));
    assert!(told.contains("All 40 photos arrived"), "{told}");
}

#[test]
fn the_first_user_and_token_come_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    run(yinku(dir.path()).arg("migrate"));
    let add = |password: &str| {
        let mut child = yinku(dir.path())
            .args(["user", "add", "chen", "--role", "admin", "--role", "auditor", "--password-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait().unwrap().success()
    };
    assert!(!add("short\n"), "a short password is refused");
    assert!(add("a long enough password\n"));
    assert!(!add("a long enough password\n"), "the name is taken");
    let token = text(&run(yinku(dir.path()).args(["token", "create", "--user", "chen"])));
    assert!(token.starts_with("yk_") && token.trim().len() == 67, "{token}");
    let proven = text(&run(yinku(dir.path()).args(["audit", "verify"])));
    assert!(proven.starts_with("the audit log is as it was written: 2 entries, head "), "{proven}");
}

#[test]
fn a_lost_password_or_authenticator_is_replaced_at_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    run(yinku(dir.path()).arg("migrate"));
    let with_password = |arguments: &[&str], password: &str| {
        let mut command = yinku(dir.path());
        command
            .args(arguments)
            .arg("--password-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait().unwrap().success()
    };
    assert!(with_password(&["user", "add", "chen", "--role", "admin"], "a long enough password"));
    for weak in ["short", "password2026!", "chen!2026!1127"] {
        assert!(!with_password(&["user", "password", "chen"], weak), "{weak}");
    }
    assert!(!with_password(&["user", "password", "nobody"], "seven green umbrellas"));
    assert!(with_password(&["user", "password", "chen"], "seven green umbrellas"));
    let refused = |arguments: &[&str]| !yinku(dir.path()).args(arguments).output().unwrap().status.success();
    assert!(refused(&["user", "totp", "chen"]), "it only removes");
    assert!(refused(&["user", "totp", "chen", "--remove"]), "there are none");
    assert!(refused(&["token", "create", "--user", "chen", "--days", "0"]));
    assert!(refused(&["token", "create", "--user", "chen", "--scope", "write"]));
    let token = ["token", "create", "--user", "chen", "--scope", "read", "--days", "7"];
    assert!(text(&run(yinku(dir.path()).args(token))).starts_with("yk_"));
}

#[test]
fn check_config_names_what_is_wrong_and_shows_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = yinku(dir.path()).arg("check-config").env("YINKU_JOBS__WORKERS", "0").output().unwrap();
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("jobs.workers"));
    for weak in ["", "short", "password2026!", "admin!2026!1127"] {
        let wrong = yinku(dir.path()).arg("check-config").env("YINKU_ADMIN__PASSWORD", weak).output().unwrap();
        assert!(!wrong.status.success(), "{weak}");
        assert!(String::from_utf8_lossy(&wrong.stderr).contains("admin.password"), "{weak}");
    }
    let shown = text(&run(yinku(dir.path()).arg("check-config").env("YINKU_CALLBACK__SECRET", "a-secret-of-mine")));
    assert!(!shown.contains("a-secret-of-mine") && shown.contains("[callback]"), "{shown}");
}

#[test]
fn the_openapi_document_is_the_one_that_is_published() {
    let published = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json")).unwrap();
    let printed = text(&run(Command::new(env!("CARGO_BIN_EXE_yinku")).arg("openapi")));
    assert!(
        published == printed,
        "the API changed: run `cargo run -- openapi > docs/openapi.json` and look at the difference"
    );
}

#[test]
fn the_openapi_document_names_each_operation_once_and_says_where_its_parameters_are() {
    let document: serde_json::Value =
        serde_json::from_slice(&run(Command::new(env!("CARGO_BIN_EXE_yinku")).arg("openapi")).stdout).unwrap();
    let mut names = std::collections::HashSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} is there twice");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let word = parameter["name"].as_str().unwrap();
                let place = match word {
                    _ if path.contains(&format!("{{{word}}}")) => "path",
                    header if header.starts_with("x-") || header == "Idempotency-Key" => "header",
                    _ => "query",
                };
                assert_eq!(parameter["in"], place, "{name}: {parameter}");
            }
        }
    }
    assert!(names.contains("get_flows_id_seal_detail"), "{names:?}");
    let schemas = &document["components"]["schemas"];
    assert_eq!(
        schemas["FlowState"]["enum"],
        serde_json::json!(["draft", "running", "archived", "rejected", "withdrawn"])
    );
    assert!(schemas["DocumentPhoto"]["properties"].as_object().unwrap().contains_key("businessId"));
}

#[test]
fn the_openapi_document_says_who_may_ask_and_what_can_go_wrong() {
    let document = serde_json::to_value(yinku::http::openapi()).unwrap();
    let subjects: Vec<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            let tags = operation["tags"].as_array().unwrap();
            assert!(tags.len() == 1 && subjects.contains(&tags[0].as_str().unwrap()), "{name}: {tags:?}");
            let open = operation.get("security") == Some(&serde_json::json!([{}]));
            let answers = operation["responses"].as_object().unwrap();
            assert_eq!(answers.contains_key("401"), !open || name == "post /api/session", "{name}");
            assert!(answers.contains_key("404") || !path.contains('{'), "{name}");
            assert!(answers.contains_key("403") || method == "get" || !path.starts_with("/api/"), "{name}");
            for (status, answer) in answers.iter().filter(|(status, _)| status.as_str() >= "400") {
                let content = answer["content"].as_object().into_iter().flatten();
                // Two have words of their own: readiness, and what the vendor is answered.
                let own = match path.as_str() {
                    "/readyz" => "#/components/schemas/Ready",
                    door if door.starts_with("/papi/") => "#/components/schemas/CallbackAnswer",
                    _ => "",
                };
                for (kind, content) in content.filter(|(_, content)| content["schema"]["$ref"] != own) {
                    assert_eq!(kind, "application/problem+json", "{name} {status}");
                    assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{name} {status}");
                }
            }
        }
    }
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Problem"]["properties"]["code"]["$ref"], "#/components/schemas/Code");
    let words: Vec<&str> =
        schemas["Code"]["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let known: Vec<&str> = yinku::http::Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(words, known, "the type of `code` has no other words: each is documented");
    let meanings = schemas["Code"]["description"].as_str().unwrap();
    for code in yinku::http::Code::ALL {
        let said = format!("* `{}` ({}): ", code.as_str(), code.status().as_u16());
        assert!(meanings.contains(&said), "{said} in {meanings}");
    }
}

#[test]
fn a_fresh_service_tells_the_admin_password_once_and_stops_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut first =
        yinku(dir.path()).arg("serve").env("YINKU_LISTEN", "127.0.0.1:0").stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(first.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("user admin, password "), "{line}");
    run(Command::new("kill").arg(first.id().to_string()));
    assert!(first.wait().unwrap().success(), "SIGTERM is a normal end");
}

#[test]
fn sweep_lists_what_no_row_names_and_deletes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = || yinku(dir.path()).args(["sweep", "--json"]).output().unwrap();
    assert_eq!(sweep().status.code(), Some(2), "there is no database: nothing was compared");
    run(yinku(dir.path()).arg("migrate"));
    assert_eq!(text(&run(yinku(dir.path()).arg("sweep"))), "0 objects, 0 without a row\n");

    let hash = "ab".repeat(32);
    let originals = dir.path().join("data/store/originals/公共知识库/2026-11");
    std::fs::create_dir_all(&originals).unwrap();
    let (old, young) = (originals.join(format!("{hash}.jpg")), originals.join("young.jpg"));
    std::fs::write(&old, "old").unwrap();
    std::fs::write(&young, "young").unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(24);
    std::fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    let found = sweep();
    assert_eq!(found.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    let strays: Vec<_> = report["strays"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stray| (&stray["key"], &stray["why"], &stray["bytes"]))
        .collect();
    let key = serde_json::json!(format!("originals/公共知识库/2026-11/{hash}.jpg"));
    assert_eq!(strays, [(&key, &"no_row".into(), &3.into())], "the young one may be on its way to its row");
    assert!(old.exists() && young.exists());
}

#[tokio::test]
async fn audit_verify_says_by_its_status_whether_the_log_is_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let verify = || yinku(dir.path()).args(["audit", "verify", "--json"]).output().unwrap();
    let unchecked = verify();
    assert_eq!(unchecked.status.code(), Some(2), "there is no database: nothing was checked");
    assert!(!dir.path().join("data/yinku.db").exists(), "and none was made");

    run(yinku(dir.path()).arg("migrate"));
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(dir.path().join("data/yinku.db"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let well = verify();
    assert_eq!(well.status.code(), Some(0), "{}", String::from_utf8_lossy(&well.stderr));
    let report: serde_json::Value = serde_json::from_slice(&well.stdout).unwrap();
    assert_eq!((&report["ok"], report["head"].as_str().map(str::len)), (&true.into(), Some(64)));

    let noted = |head: &str| yinku(dir.path()).args(["audit", "verify", "--head", head]).output().unwrap();
    let nothing = "0".repeat(64);
    assert_eq!(noted(&format!("0:{nothing}")).status.code(), Some(0));
    let other = noted(&format!("7:{nothing}"));
    assert_eq!(other.status.code(), Some(1));
    assert!(
        text(&other).starts_with("the audit log does not contain the noted head: entry 7 was noted"),
        "{}",
        text(&other)
    );
    assert_eq!(noted("7").status.code(), Some(2), "no head: nothing was checked");

    sqlx::query("UPDATE audit_head SET seq = seq + 1").execute(&pool).await.unwrap();
    let broken = verify();
    assert_eq!(broken.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&broken.stdout).unwrap();
    assert_eq!((&report["ok"], &report["why"]), (&false.into(), &"cut_tail".into()), "{report}");

    sqlx::query("ALTER TABLE audit RENAME TO hidden").execute(&pool).await.unwrap();
    assert_eq!(verify().status.code(), Some(2));
    assert_eq!(verify().stdout, b"", "nothing that could be taken for a report");
    let settings = yinku(dir.path()).args(["audit", "verify"]).env("YINKU_JOBS__WORKERS", "0").output().unwrap();
    assert_eq!(settings.status.code(), Some(2));
}
