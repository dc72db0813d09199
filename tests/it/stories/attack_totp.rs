//! Attacks by somebody who knows the password of a user with one-time codes.

use std::{io::Write, process::Stdio, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::Totp;
use yinku::{
    clock::Clock,
    config::{Config, DatabaseUrl},
    db::sql,
};

use crate::support::{
    Caller, Engine, Plan, World,
    audit_log::id,
    people::{PASSWORD, login, make_user},
    process::yinku,
    seals::noon,
    story,
};

/// An authenticator with the seed that the set-up shows.
struct Authenticator(Totp, Clock);

impl Authenticator {
    fn code(&self) -> String {
        self.0.generate(u64::try_from(self.1.now().0 / 1_000_000).unwrap()).to_string()
    }

    /// A code that is neither the present one nor one beside it.
    fn wrong_code(&self) -> String {
        let now = u64::try_from(self.1.now().0 / 1_000_000).unwrap();
        let right = [now - 30, now, now + 30].map(|at| self.0.generate(at).to_string());
        (0..4).map(|n| format!("{n:06}")).find(|code| !right.contains(code)).unwrap()
    }
}

async fn set_up(session: &Caller, clock: &Clock) -> Authenticator {
    let begun = session.post("/api/session/totp", &json!({})).await.expect(200);
    let totp = Totp::from_url(begun["uri"].as_str().unwrap()).unwrap();
    let authenticator = Authenticator(totp, clock.clone());
    session.post("/api/session/totp", &json!({ "code": authenticator.code() })).await.expect(204);
    authenticator
}

fn with_code(username: &str, code: &str) -> Value {
    json!({ "username": username, "password": PASSWORD, "totp": code })
}

async fn world_with_a_clock(engine: Engine, config: Option<fn(&mut Config)>) -> (World, Clock) {
    let clock = noon();
    (World::new(engine, Plan { clock: clock.clone(), config, ..Plan::default() }).await, clock)
}

story!(a_password_alone_does_not_open_a_login_with_codes, async |engine: Engine| {
    let (world, clock) = world_with_a_clock(engine, None).await;
    make_user(&world, "chen", &["member"]).await;
    let session = Caller::nobody(&world).log_in(&login("chen")).await;
    session.post("/api/session/totp", &json!({ "code": "123456" })).await.expect_problem(409, "totp_not_begun");
    let begun = session.post("/api/session/totp", &json!({})).await.expect(200);
    let pending = Authenticator(Totp::from_url(begun["uri"].as_str().unwrap()).unwrap(), clock.clone());
    let wrong = json!({ "code": pending.wrong_code() });
    session.post("/api/session/totp", &wrong).await.expect_problem(422, "invalid");
    Caller::nobody(&world).log_in(&login("chen")).await; // Codes are not on before the first right one.

    let authenticator = set_up(&session, &clock).await;
    session.post("/api/session/totp", &json!({})).await.expect_problem(409, "totp_is_on");
    assert_eq!(session.get("/api/session").await.expect(200)["totp"], true);
    let nobody = Caller::nobody(&world);
    nobody.post("/api/session", &login("chen")).await.expect_problem(401, "totp_required");
    let guess = with_code("chen", &authenticator.wrong_code());
    nobody.post("/api/session", &guess).await.expect_problem(401, "login_failed");
    let wrong = json!({ "username": "chen", "password": "not this one at all", "totp": authenticator.code() });
    nobody.post("/api/session", &wrong).await.expect_problem(401, "login_failed");

    // The code of the set-up was seen by the service: it opens nothing more.
    let seen = with_code("chen", &authenticator.code());
    nobody.post("/api/session", &seen).await.expect_problem(401, "login_failed");
    clock.advance(Duration::from_secs(30));
    let present = with_code("chen", &authenticator.code());
    nobody.post("/api/session", &present).await.expect(200);
    nobody.post("/api/session", &present).await.expect_problem(401, "login_failed");
});

story!(codes_are_guessed_no_faster_than_passwords, async |engine: Engine| {
    let (world, clock) = world_with_a_clock(engine, None).await;
    make_user(&world, "chen", &["member"]).await;
    let authenticator = set_up(&Caller::nobody(&world).log_in(&login("chen")).await, &clock).await;
    let nobody = Caller::nobody(&world);
    let guess = with_code("chen", &authenticator.wrong_code());
    for _ in 0..4 {
        nobody.post("/api/session", &guess).await.expect_problem(401, "login_failed");
        // The right password without a code does not begin the count anew.
        nobody.post("/api/session", &login("chen")).await.expect_problem(401, "totp_required");
    }
    nobody.post("/api/session", &guess).await.expect_problem(429, "too_many_logins");
    nobody.post("/api/session", &login("chen")).await.expect_problem(429, "too_many_logins");
});

story!(only_the_password_or_an_administrator_takes_the_codes_away, async |engine: Engine| {
    let (world, clock) = world_with_a_clock(engine, None).await;
    let chen = make_user(&world, "chen", &["member"]).await;
    let session = Caller::nobody(&world).log_in(&login("chen")).await;
    let remove =
        |password: &str| session.request(Method::DELETE, "/api/session/totp").json(&json!({ "password": password }));
    set_up(&session, &clock).await;
    session.send(remove("not this one at all")).await.expect_problem(422, "invalid");
    Caller::nobody(&world).post("/api/session", &login("chen")).await.expect_problem(401, "totp_required");
    session.send(remove(PASSWORD)).await.expect(204);
    Caller::nobody(&world).log_in(&login("chen")).await;

    clock.advance(Duration::from_secs(30));
    set_up(&session, &clock).await;
    let path = format!("/api/users/{}/totp", id(&chen));
    for username in ["zhang", "sun"] {
        world.caller(username).await.delete(&path).await.expect_problem(403, "forbidden");
    }
    world.caller("admin").await.delete(&path).await.expect(204);
    world.caller("admin").await.delete(&path).await.expect_problem(404, "not_found");
    Caller::nobody(&world).log_in(&login("chen")).await;
    let (seeds,): (i64,) = sql("SELECT COUNT(*) FROM users WHERE totp_seed IS NOT NULL OR totp_pending IS NOT NULL")
        .one(&world.app.db)
        .await
        .unwrap();
    assert_eq!(seeds, 0);
});

story!(a_role_that_needs_codes_gives_nothing_before_they_are_set_up, async |engine: Engine| {
    fn for_auditors(config: &mut Config) {
        config.auth.totp_required_roles = vec!["auditor".to_owned()];
    }
    let (world, clock) = world_with_a_clock(engine, Some(for_auditors)).await;
    let (sun, program) = (world.session("sun").await, world.caller("sun").await);
    let shown = sun.get("/api/session").await.expect(200);
    assert_eq!((&shown["totp"], &shown["totpRequired"]), (&json!(false), &json!(true)));
    for path in ["/api/flows", "/api/audit", "/api/documents", "/api/tokens"] {
        sun.get(path).await.expect_problem(403, "must_set_up_totp");
        program.get(path).await.expect_problem(403, "must_set_up_totp");
    }
    let zhang = world.session("zhang").await;
    zhang.get("/api/flows").await.expect(200);
    assert_eq!(zhang.get("/api/session").await.expect(200)["totpRequired"], false);
    set_up(&sun, &clock).await;
    sun.get("/api/audit").await.expect(200);
    program.get("/api/audit").await.expect(200);
});

/// Runs the program over the world's database, with this input.
async fn at_the_command_line(world: &World, words: &'static [&'static str], input: &'static str) {
    let url = match &world.app.config.database.url {
        DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
        DatabaseUrl::Postgres(url) => url.to_string(),
    };
    let dir = world.app.config.data_dir.clone();
    let run = move || {
        let mut command = yinku(&dir);
        command.args(words).env("YINKU_DATABASE__URL", &url).env("YINKU_DATA_DIR", &dir);
        let mut process = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

story!(a_password_from_the_command_line_ends_sessions_and_leaves_tokens_and_codes, async |engine: Engine| {
    let (world, clock) = world_with_a_clock(engine, None).await;
    make_user(&world, "chen", &["member"]).await;
    let session = Caller::nobody(&world).log_in(&login("chen")).await;
    let authenticator = set_up(&session, &clock).await;
    let program = world.caller("chen").await;
    at_the_command_line(&world, &["user", "password", "chen", "--password-stdin"], "seven green umbrellas\n").await;
    // A write of this process ends what it remembers of logins for a second.
    Caller::nobody(&world).delete("/api/session").await.expect(204);
    session.get("/api/flows").await.expect_problem(401, "not_logged_in");
    program.get("/api/flows").await.expect(200);
    let nobody = Caller::nobody(&world);
    clock.advance(Duration::from_secs(30));
    let code = authenticator.code();
    nobody.post("/api/session", &with_code("chen", &code)).await.expect_problem(401, "login_failed");
    let new = |totp: Value| json!({ "username": "chen", "password": "seven green umbrellas", "totp": totp });
    nobody.post("/api/session", &new(Value::Null)).await.expect_problem(401, "totp_required");
    let entered = nobody.post("/api/session", &new(json!(code))).await.expect(200);
    assert_eq!(entered["mustChange"], false);
    let reset = "SELECT COUNT(*) FROM audit WHERE act = 'password_reset' AND username = 'command line'";
    assert_eq!(world.count(reset).await, 1);

    let words = &["user", "password", "chen", "--password-stdin", "--must-change"];
    at_the_command_line(&world, words, "eight blue umbrellas\n").await;
    clock.advance(Duration::from_secs(30));
    let third = json!({ "username": "chen", "password": "eight blue umbrellas", "totp": authenticator.code() });
    let chen = nobody.log_in(&third).await;
    chen.get("/api/flows").await.expect_problem(403, "must_change_password");
});

story!(the_seed_of_codes_in_use_is_sealed, async |engine: Engine| {
    fn with_key(config: &mut Config) {
        config.secrets.key = Some("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=".into());
    }
    let (world, clock) = world_with_a_clock(engine, Some(with_key)).await;
    make_user(&world, "chen", &["member"]).await;
    let session = Caller::nobody(&world).log_in(&login("chen")).await;
    let begun = session.post("/api/session/totp", &json!({})).await.expect(200);
    let uri = url::Url::parse(begun["uri"].as_str().unwrap()).unwrap();
    let (_, seed) = uri.query_pairs().find(|(name, _)| name == "secret").unwrap();
    let authenticator = Authenticator(Totp::from_url(uri.as_str()).unwrap(), clock.clone());
    session.post("/api/session/totp", &json!({ "code": authenticator.code() })).await.expect(204);
    let kept: Vec<String> =
        sql("SELECT totp_seed FROM users WHERE totp_seed IS NOT NULL").scalars(&world.app.db).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].starts_with("sealed:1:") && !kept[0].contains(&*seed), "{kept:?}");
    assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE totp_pending IS NOT NULL").await, 0);
});

story!(the_command_line_takes_lost_codes_away, async |engine: Engine| {
    let (world, clock) = world_with_a_clock(engine, None).await;
    make_user(&world, "chen", &["member"]).await;
    set_up(&Caller::nobody(&world).log_in(&login("chen")).await, &clock).await;
    let nobody = Caller::nobody(&world);
    nobody.post("/api/session", &login("chen")).await.expect_problem(401, "totp_required");
    at_the_command_line(&world, &["user", "totp", "chen", "--remove"], "").await;
    nobody.log_in(&login("chen")).await;
    let removed = "SELECT COUNT(*) FROM audit WHERE act = 'totp_removed' AND username = 'command line'";
    assert_eq!(world.count(removed).await, 1);
});

story!(a_change_of_the_codes_ends_the_other_sessions, async |engine: Engine| {
    let (world, clock) = world_with_a_clock(engine, None).await;
    make_user(&world, "chen", &["member"]).await;
    let enter = async |login: Value| Caller::nobody(&world).log_in(&login).await;
    let (here, elsewhere) = (enter(login("chen")).await, enter(login("chen")).await);
    let authenticator = set_up(&here, &clock).await;
    elsewhere.get("/api/session").await.expect_problem(401, "not_logged_in");
    here.get("/api/session").await.expect(200);
    clock.advance(Duration::from_secs(30));
    let elsewhere = enter(with_code("chen", &authenticator.code())).await;
    let removal = here.request(Method::DELETE, "/api/session/totp").json(&json!({ "password": PASSWORD }));
    here.send(removal).await.expect(204);
    elsewhere.get("/api/session").await.expect_problem(401, "not_logged_in");
    here.get("/api/session").await.expect(200);
});

story!(seeds_and_secrets_are_random_and_never_repeat, async |engine: Engine| {
    let (world, _) = world_with_a_clock(engine, None).await;
    let session = world.session("zhang").await;
    let (mut seeds, mut secrets) = (Vec::new(), Vec::new());
    for n in 0..20 {
        let begun = session.post("/api/session/totp", &json!({})).await.expect(200);
        seeds.push(Totp::from_url(begun["uri"].as_str().unwrap()).unwrap().secret().as_bytes().to_vec());
        let made = session.post("/api/tokens", &json!({ "name": format!("t{n}") })).await.expect(201);
        secrets.push(made["token"].as_str().unwrap().trim_start_matches("yk_").to_owned());
    }
    assert!(seeds.iter().all(|seed| seed.len() == 20), "160 bits");
    assert!(secrets.iter().all(|secret| secret.len() == 64 && secret.chars().all(|c| c.is_ascii_hexdigit())));
    let distinct = |mut all: Vec<Vec<u8>>| {
        all.sort_unstable();
        all.dedup();
        all.len()
    };
    assert_eq!(distinct(seeds), 20);
    assert_eq!(distinct(secrets.into_iter().map(String::into_bytes).collect()), 20);
});
