//! Attacks with tokens of programs: lost ones, old ones, and ones that want more than their scope.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Caller, Engine, Plan, World,
    audit_log::id,
    files::{form, pdf, png, stamped, world_with_stamped},
    seals::noon,
    story,
};

/// The token that the session makes, and a program with it.
async fn made(world: &World, session: &Caller, new: Value) -> (Value, Caller) {
    let made = session.post("/api/tokens", &new).await.expect(201);
    let program = Caller::with_token(world, made["token"].as_str().unwrap());
    (made, program)
}

story!(a_token_makes_no_token_whatever_its_scope, async |world: World| {
    let session = world.session("admin").await;
    for scope in ["read", "upload", "all"] {
        let (_, program) = made(&world, &session, json!({ "name": "p", "scope": scope })).await;
        let code = if scope == "all" { "needs_session" } else { "token_scope" };
        program.post("/api/tokens", &json!({ "name": "another" })).await.expect_problem(403, code);
    }
});

story!(a_lost_token_is_found_in_the_list_and_revoked, async |world: World| {
    let (zhang, wang) = (world.session("zhang").await, world.session("wang").await);
    let (lost, program) = made(&world, &zhang, json!({ "name": "lost", "scope": "read" })).await;
    let (kept, other) = made(&world, &zhang, json!({ "name": "kept" })).await;
    let (theirs, _) = made(&world, &wang, json!({ "name": "theirs" })).await;
    program.get("/api/flows").await.expect(200);
    let used = async || {
        let listed = zhang.get("/api/tokens").await.expect(200);
        listed["items"][1]["usedAt"].is_string()
    };
    world.until("the use is shown", used).await;
    let listed = zhang.get("/api/tokens").await.expect(200);
    let names: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|token| &token["name"]).collect();
    assert_eq!(names, ["kept", "lost"]);
    assert_eq!((&listed["items"][1]["scope"], &listed["items"][0]["usedAt"]), (&json!("read"), &Value::Null));
    assert!(!listed.to_string().contains("yk_"), "the secret is shown once: {listed}");

    zhang.delete(&format!("/api/tokens/{}", id(&theirs))).await.expect_problem(404, "not_found");
    zhang.delete(&format!("/api/tokens/{}", id(&lost))).await.expect(204);
    program.get("/api/flows").await.expect_problem(401, "not_logged_in");
    other.get("/api/flows").await.expect(200);
    zhang.delete(&format!("/api/tokens/{}", id(&lost))).await.expect_problem(404, "not_found");
    assert_eq!(kept["scope"], "all", "the default");
});

story!(a_token_ends_after_its_days, async |engine: Engine| {
    let clock = noon();
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    let session = world.session("zhang").await;
    for days in [0, 3651] {
        let told = session.post("/api/tokens", &json!({ "name": "p", "days": days })).await;
        assert_eq!(told.expect_problem(422, "invalid")["errors"][0]["field"], "days");
    }
    let (short, two) = made(&world, &session, json!({ "name": "two days", "days": 2 })).await;
    let (usual, ninety) = made(&world, &session, json!({ "name": "usual" })).await;
    let days = |token: &Value| {
        let at = |member: &str| token[member].as_str().unwrap().parse::<yinku::clock::Timestamp>().unwrap();
        at("expiresAt").since(at("createdAt")).as_secs() / 86_400
    };
    assert_eq!((days(&short), days(&usual)), (2, 90));
    for (passed, of_two, of_ninety) in [(1, 200, 200), (1, 401, 200), (87, 401, 200), (1, 401, 401)] {
        clock.advance(Duration::from_hours(24 * passed));
        // A write ends what the service remembers of logins for a second.
        Caller::nobody(&world).delete("/api/session").await.expect(204);
        assert_eq!(two.get("/api/flows").await.status, of_two);
        assert_eq!(ninety.get("/api/flows").await.status, of_ninety);
    }
});

story!(a_token_does_nothing_beyond_its_scope, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let session = world.session("wang").await;
    let nowhere = "01890000-0000-7000-8000-000000000000";
    let view = session.get(&format!("/api/flows/{flow}")).await.expect(200);
    let of_grant = format!("/api/grants/{}/photos", id(&view["sealUses"][0]["grants"][0]));
    let writes = [
        (Method::POST, "/api/flows".to_owned()),
        (Method::POST, format!("/api/flows/{flow}/comment")),
        (Method::POST, format!("/api/flows/{flow}/withdraw")),
        (Method::POST, "/api/folders".to_owned()),
        (Method::POST, "/api/users".to_owned()),
        (Method::PATCH, format!("/api/folders/{nowhere}")),
        (Method::DELETE, format!("/api/flows/{flow}/fields/stamped/files/{nowhere}")),
        (Method::DELETE, "/api/sessions".to_owned()),
        (Method::PUT, format!("/api/definitions/{}", world.definition)),
    ];
    for scope in ["read", "upload"] {
        let (_, program) = made(&world, &session, json!({ "name": "p", "scope": scope })).await;
        program.get(&format!("/api/flows/{flow}")).await.expect(200);
        for (method, path) in &writes {
            let write = program.request(method.clone(), path).json(&json!({}));
            program.send(write).await.expect_problem(403, "token_scope");
        }
        let brought = program.bring(&stamped(&flow), form([("a.pdf", pdf("1"))])).await;
        if scope == "read" {
            brought.expect_problem(403, "token_scope");
        } else {
            brought.expect(201);
        }
        // The grant owes nothing. The scope lets the upload through to this answer.
        let brought = program.bring(&of_grant, form([("a.png", png(1))])).await;
        if scope == "read" {
            brought.expect_problem(403, "token_scope");
        } else {
            brought.expect_problem(409, "nothing_owed");
        }
    }
    let (_, program) = made(&world, &session, json!({ "name": "p", "scope": "all" })).await;
    let comment = json!({ "comment": "看过了" });
    program.post(&format!("/api/flows/{flow}/comment"), &comment).await.expect(200);
});
