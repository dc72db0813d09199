//! Attacks with usernames that look alike, and with the last administrator.

use std::{io::Write, process::Stdio};

use serde_json::{Value, json};

use crate::support::{
    Caller, Told, World,
    audit_log::id,
    people::{PASSWORD, login, make_user},
    process::{run, yinku},
    story,
};

async fn make(admin: &Caller, username: &str) -> Told {
    let user = json!({ "username": username, "displayName": "陈", "password": PASSWORD, "roles": ["member"] });
    admin.post("/api/users", &user).await
}

const LOOK_ALIKE: [&str; 5] = ["ADMIN", "Admin", "ａｄｍｉｎ", "ＡＤＭＩＮ", "admiN"];
const PATHS_AND_OPTIONS: [&str; 8] = [".", "..", "-x", "--role", "a/b", "a b", "", "a\u{202e}b"];

story!(a_username_that_looks_like_another_one_is_taken, async |world: World| {
    let admin = world.caller("admin").await;
    for name in LOOK_ALIKE {
        let problem = make(&admin, name).await.expect_problem(409, "name_taken");
        assert!(problem["detail"].as_str().unwrap().contains("\"admin\""), "{problem}");
    }
    for name in PATHS_AND_OPTIONS {
        let problem = make(&admin, name).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "username", "{name:?}");
    }
    make(&admin, "strasse").await.expect(201);
    make(&admin, "straße").await.expect_problem(409, "name_taken");
    // Two requests at once: the database decides.
    let (one, other) = tokio::join!(make(&admin, "Twin"), make(&admin, "tWIN"));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE username_folded = 'twin'").await, 1);
});

#[test]
fn the_command_line_checks_usernames_as_the_api_does() {
    let dir = tempfile::tempdir().unwrap();
    run(yinku(dir.path()).arg("migrate"));
    let add = |name: &str| {
        let mut child = yinku(dir.path())
            .args(["user", "add", "--role", "admin", "--password-stdin", "--", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    assert!(add("admin").0);
    for name in LOOK_ALIKE {
        let (added, why) = add(name);
        assert!(!added && why.contains("taken by \"admin\""), "{name}: {why}");
    }
    for name in PATHS_AND_OPTIONS {
        let (added, why) = add(name);
        assert!(!added && why.contains("username: must"), "{name:?}: {why}");
    }
}

async fn user(admin: &Caller, username: &str) -> Value {
    let users = admin.get("/api/users").await.expect(200);
    users["items"].as_array().unwrap().iter().find(|user| user["username"] == username).unwrap().clone()
}

story!(the_last_administrator_stays, async |world: World| {
    let admin = world.caller("admin").await;
    let path = |user: &Value| format!("/api/users/{}", id(user));
    let last = path(&user(&admin, "admin").await);
    for change in
        [json!({ "disabled": true }), json!({ "roles": ["member"] }), json!({ "roles": ["auditor"], "disabled": true })]
    {
        admin.patch(&last, &change).await.expect_problem(409, "last_administrator");
    }
    // A disabled administrator is none.
    let chen = make_user(&world, "chen", &["admin"]).await;
    admin.patch(&path(&chen), &json!({ "disabled": true })).await.expect(200);
    admin.patch(&last, &json!({ "disabled": true })).await.expect_problem(409, "last_administrator");
    admin.patch(&last, &json!({ "roles": ["admin", "auditor"] })).await.expect(200);
    admin.patch(&path(&chen), &json!({ "disabled": false })).await.expect(200);
    admin.patch(&last, &json!({ "roles": ["member"] })).await.expect(200);
    admin.get("/api/users").await.expect_problem(403, "forbidden");
    let chen_alone = Caller::nobody(&world).log_in(&login("chen")).await;
    chen_alone.patch(&path(&chen), &json!({ "disabled": true })).await.expect_problem(409, "last_administrator");
});

story!(two_administrators_who_shut_each_other_out_leave_one, async |world: World| {
    let admin = world.caller("admin").await;
    let chen = make_user(&world, "chen", &["admin"]).await;
    let (of_admin, of_chen) =
        (format!("/api/users/{}", id(&user(&admin, "admin").await)), format!("/api/users/{}", id(&chen)));
    for round in 0..10 {
        let (one, other) = (world.caller("admin").await, world.caller("chen").await);
        let (roles, disabled) = (json!({ "roles": ["member"] }), json!({ "disabled": true }));
        let (told, told_other) = tokio::join!(one.patch(&of_chen, &roles), other.patch(&of_admin, &disabled));
        let left = world.count("SELECT COUNT(*) FROM users WHERE NOT disabled AND roles LIKE '%\"admin\"%'").await;
        assert_eq!(left, 1, "round {round}: {} and {}", told.status, told_other.status);
        // The one who is left takes the other one in again.
        let (winner, given) = if told.status == 200 { (&one, &of_chen) } else { (&other, &of_admin) };
        winner.patch(given, &json!({ "roles": ["admin"], "disabled": false })).await.expect(200);
    }
});

story!(a_change_of_a_user_is_checked_as_a_new_user_is, async |world: World| {
    let admin = world.caller("admin").await;
    let chen = make_user(&world, "chen", &["member"]).await;
    let path = format!("/api/users/{}", id(&chen));
    for (change, member) in [
        (json!({ "displayName": " " }), "displayName"),
        (json!({ "displayName": "印".repeat(101) }), "displayName"),
        (json!({ "roles": [] }), "roles"),
        (json!({ "employeeNo": "7".repeat(65) }), "employeeNo"),
        (json!({ "mobile": "7".repeat(65) }), "mobile"),
        (json!({ "manager": "chen" }), "manager"),
        (json!({ "manager": "not there" }), "manager"),
    ] {
        let problem = admin.patch(&path, &change).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], member, "{change}");
    }
    admin.patch(&path, &json!({ "username": "other" })).await.expect_problem(422, "invalid");
    assert_eq!(user(&admin, "chen").await, chen);
});
