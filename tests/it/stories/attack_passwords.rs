//! Attacks on passwords: weak ones, old ones, and ones that somebody else has set.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use yinku::{config::Config, db::sql};

use crate::support::{
    Caller, World,
    audit_log::{id, logged},
    people::{PASSWORD, login, make_user},
    story,
};

const NEW: &str = "seven green umbrellas";

/// What nobody may choose.
const WEAK: [&str; 10] = [
    "short",
    "            ",
    "aaaaaaaaaaaa",
    "abcabcabcabc",
    "qwertyuiopas",
    "123456789012",
    "password2026!",
    "!!letmein2026",
    "chen!2026!1127",
    "Chen-Chen-1127",
];

fn is_refused(problem: &Value, field: &str) {
    assert_eq!(problem["errors"][0]["field"], field, "{problem}");
}

story!(a_weak_password_is_refused_wherever_one_is_set, async |world: World| {
    let admin = world.caller("admin").await;
    let chen = make_user(&world, "chen", &["member"]).await;
    let session = Caller::nobody(&world).log_in(&login("chen")).await;
    let reset = format!("/api/users/{}/password", id(&chen));
    for weak in WEAK {
        let own = session.put("/api/session/password", &json!({ "old": PASSWORD, "new": weak })).await;
        is_refused(&own.expect_problem(422, "invalid"), "new");
        let told = admin.post(&reset, &json!({ "password": weak })).await;
        is_refused(&told.expect_problem(422, "invalid"), "password");
        let user = json!({ "username": "chen2", "displayName": "Chen", "password": weak, "roles": ["member"] });
        is_refused(&admin.post("/api/users", &user).await.expect_problem(422, "invalid"), "password");
        let mut config = Config::default();
        config.admin.password = Some(weak.replace("hen", "dmin").replace('c', "a").replace('C', "A").as_str().into());
        let problems = config.problems();
        assert_eq!(problems.iter().map(|problem| problem.setting).collect::<Vec<_>>(), ["admin.password"], "{weak}");
    }
    let same = session.put("/api/session/password", &json!({ "old": PASSWORD, "new": PASSWORD })).await;
    is_refused(&same.expect_problem(422, "invalid"), "new");
});

story!(a_new_password_ends_the_other_sessions_and_the_old_password, async |world: World| {
    let chen = make_user(&world, "chen", &["member"]).await;
    let begin = world.last_entry().await;
    let here = Caller::nobody(&world).log_in(&login("chen")).await;
    let elsewhere = Caller::nobody(&world).log_in(&login("chen")).await;
    here.put("/api/session/password", &json!({ "old": PASSWORD, "new": NEW })).await.expect(204);
    here.get("/api/flows").await.expect(200);
    elsewhere.get("/api/flows").await.expect_problem(401, "not_logged_in");
    let nobody = Caller::nobody(&world);
    nobody.post("/api/session", &login("chen")).await.expect_problem(401, "login_failed");
    nobody.post("/api/session", &json!({ "username": "chen", "password": NEW })).await.expect(200);
    let log = world.log_after(begin).await;
    assert_eq!(log[2], logged("chen", "password_changed", id(&chen), None, None));
});

story!(a_password_of_an_administrator_must_be_changed_before_all_else, async |world: World| {
    let admin = world.caller("admin").await;
    let chen = make_user(&world, "chen", &["member"]).await;
    let (session, program) = (Caller::nobody(&world).log_in(&login("chen")).await, world.caller("chen").await);
    session.get("/api/flows").await.expect(200);
    admin.post(&format!("/api/users/{}/password", id(&chen)), &json!({ "password": NEW })).await.expect(204);
    session.get("/api/session").await.expect_problem(401, "not_logged_in");
    Caller::nobody(&world).post("/api/session", &login("chen")).await.expect_problem(401, "login_failed");

    let chen = Caller::nobody(&world).log_in(&json!({ "username": "chen", "password": NEW })).await;
    assert_eq!(chen.get("/api/session").await.expect(200)["mustChange"], true);
    for path in ["/api/flows", "/api/documents", "/api/sessions", "/api/tokens", "/api/folders", "/api/events"] {
        chen.get(path).await.expect_problem(403, "must_change_password");
        program.get(path).await.expect_problem(403, "must_change_password");
    }
    chen.post("/api/tokens", &json!({ "name": "t" })).await.expect_problem(403, "must_change_password");
    chen.put("/api/session/password", &json!({ "old": NEW, "new": PASSWORD })).await.expect(204);
    assert_eq!(chen.get("/api/session").await.expect(200)["mustChange"], false);
    chen.get("/api/flows").await.expect(200);
    program.get("/api/flows").await.expect(200);
});

story!(a_first_password_need_only_be_changed_where_the_administrator_says_so, async |world: World| {
    let admin = world.caller("admin").await;
    let user = |username: &str| json!({ "username": username, "displayName": "陈八", "password": PASSWORD, "roles": ["member"] });
    admin.post("/api/users", &user("chen")).await.expect(201);
    let mut zhou = user("zhou");
    zhou["mustChange"] = json!(true);
    assert_eq!(admin.post("/api/users", &zhou).await.expect(201)["mustChange"], true);
    Caller::nobody(&world).log_in(&login("chen")).await.get("/api/flows").await.expect(200);
    let zhou = Caller::nobody(&world).log_in(&login("zhou")).await;
    zhou.get("/api/flows").await.expect_problem(403, "must_change_password");
});

story!(only_an_administrator_resets_and_a_token_changes_no_login, async |world: World| {
    let chen = make_user(&world, "chen", &["member"]).await;
    let reset = format!("/api/users/{}/password", id(&chen));
    for username in ["zhang", "wang", "zhao", "sun"] {
        let told = world.caller(username).await.post(&reset, &json!({ "password": NEW })).await;
        told.expect_problem(403, "forbidden");
    }
    let program = world.caller("chen").await;
    let change = json!({ "old": PASSWORD, "new": NEW });
    program.put("/api/session/password", &change).await.expect_problem(403, "needs_session");
    program.post("/api/session/totp", &json!({})).await.expect_problem(403, "needs_session");
});

story!(a_password_is_compared_as_it_was_typed, async |world: World| {
    let admin = world.caller("admin").await;
    let password = format!(" Seven green {} umbrellas ", "é绿".repeat(60));
    let user = json!({ "username": "chen", "displayName": "陈八", "password": password, "roles": ["member"] });
    admin.post("/api/users", &user).await.expect(201);
    let nobody = Caller::nobody(&world);
    let enter = async |password: &str| {
        nobody.post("/api/session", &json!({ "username": "chen", "password": password })).await.status.as_u16()
    };
    let cut: String = password.chars().take(72).collect();
    for other in [password.trim(), &password.to_lowercase(), &password.replace("é", "e\u{301}"), &cut] {
        assert_eq!(enter(other).await, 401, "{other:?}");
        assert_eq!(enter(&password).await, 200);
    }
});

story!(passwords_are_kept_as_argon2id_of_19_mib_and_two_passes, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    world.give_password("zhang").await;
    let hashes = "SELECT password_hash FROM users WHERE username IN ('chen', 'zhang')";
    let hashes: Vec<String> = sql(hashes).scalars(&world.app.db).await.unwrap();
    assert!(hashes.iter().all(|hash| hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")), "{hashes:?}");
    assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), 2, "one password, two salts");
});
