//! Attacks with sessions that were left open or stolen.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use yinku::clock::Clock;

use crate::support::{
    Caller, Engine, Plan, World,
    audit_log::id,
    database::execute,
    people::{login, make_user},
    seals::noon,
    story,
};

/// Time passes. A write ends what the service remembers of logins for a second.
async fn pass(world: &World, clock: &Clock, minutes: u64) {
    clock.advance(Duration::from_mins(minutes));
    Caller::nobody(world).delete("/api/session").await.expect(204);
}

async fn world_with_a_clock(engine: Engine) -> (World, Clock) {
    let clock = noon();
    (World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await, clock)
}

/// The last activity that the database has, in minutes from the beginning.
async fn active_at(world: &World, begin: i64) -> i64 {
    (world.count("SELECT MAX(active_at) FROM sessions").await - begin) / 60_000_000
}

story!(a_session_that_nobody_uses_ends_though_its_page_polls, async |engine: Engine| {
    let (world, clock) = world_with_a_clock(engine).await;
    let begin = clock.now().0;
    let zhang = world.session("zhang").await;
    pass(&world, &clock, 119).await;
    zhang.get("/api/flows").await.expect(200);
    world.until("the activity is kept", async || active_at(&world, begin).await == 119).await;
    pass(&world, &clock, 60).await;
    for path in ["/api/flows", "/api/session"] {
        let poll = zhang.request(Method::GET, path).header("x-yinku-poll", "1");
        zhang.send(poll).await.expect(200);
    }
    // An open stream of events is no activity either.
    let stream = zhang.request(Method::GET, "/api/events").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    pass(&world, &clock, 61).await;
    zhang.get("/api/flows").await.expect_problem(401, "not_logged_in");
    assert_eq!(active_at(&world, begin).await, 119, "neither polls nor streams count");
});

story!(a_session_in_use_ends_twelve_hours_after_the_login, async |engine: Engine| {
    let (world, clock) = world_with_a_clock(engine).await;
    let begin = clock.now().0;
    let zhang = world.session("zhang").await;
    for hour in 1..12 {
        pass(&world, &clock, 60).await;
        zhang.get("/api/flows").await.expect(200);
        world.until("the activity is kept", async || active_at(&world, begin).await == hour * 60).await;
    }
    pass(&world, &clock, 61).await;
    zhang.get("/api/flows").await.expect_problem(401, "not_logged_in");
});

story!(a_person_sees_and_ends_the_own_sessions_alone, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let wang = world.session("wang").await;
    let theirs = wang.get("/api/sessions").await.expect(200)["items"][0].clone();
    let here = Caller::nobody(&world).log_in(&login("chen")).await;
    let stolen = Caller::nobody(&world).log_in(&login("chen")).await;
    let third = Caller::nobody(&world).log_in(&login("chen")).await;

    let listed = here.get("/api/sessions").await.expect(200);
    let items = listed["items"].as_array().unwrap();
    let current: Vec<bool> = items.iter().map(|session| session["current"] == true).collect();
    assert_eq!(current, [false, false, true], "newest first: {listed}");
    assert!(items.iter().all(|session| session["address"] == "127.0.0.1"), "{listed}");
    assert!(!listed.to_string().contains("secret"), "{listed}");

    here.delete(&format!("/api/sessions/{}", id(&items[1]))).await.expect(204);
    stolen.get("/api/session").await.expect_problem(401, "not_logged_in");
    third.get("/api/session").await.expect(200);
    here.delete(&format!("/api/sessions/{}", id(&theirs))).await.expect_problem(404, "not_found");
    here.delete("/api/sessions").await.expect(204);
    third.get("/api/session").await.expect_problem(401, "not_logged_in");
    here.get("/api/session").await.expect(200);
    wang.get("/api/session").await.expect(200);
});

story!(who_is_shut_out_stays_out_with_what_was_open_before, async |world: World| {
    let admin = world.caller("admin").await;
    let chen = make_user(&world, "chen", &["member"]).await;
    let path = format!("/api/users/{}", id(&chen));
    let (session, program) = (Caller::nobody(&world).log_in(&login("chen")).await, world.caller("chen").await);
    session.get("/api/session").await.expect(200);
    program.get("/api/session").await.expect(200);
    admin.patch(&path, &json!({ "disabled": true })).await.expect(200);
    admin.patch(&path, &json!({ "disabled": false })).await.expect(200);
    session.get("/api/session").await.expect_problem(401, "not_logged_in");
    program.get("/api/session").await.expect_problem(401, "not_logged_in");
    Caller::nobody(&world).log_in(&login("chen")).await.get("/api/session").await.expect(200);
});

story!(a_login_ends_the_session_that_the_browser_had, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let before = Caller::nobody(&world).log_in(&login("chen")).await;
    before.post("/api/session", &json!({ "username": "chen", "password": "not this one at all" })).await.expect(401);
    before.get("/api/session").await.expect(200);
    let told = before.post("/api/session", &login("chen")).await;
    assert!(told.header("set-cookie").starts_with("yinku_session="));
    told.expect(200);
    before.get("/api/session").await.expect_problem(401, "not_logged_in");
});

story!(a_user_has_at_most_fifty_sessions, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let (oldest, second) =
        (Caller::nobody(&world).log_in(&login("chen")).await, Caller::nobody(&world).log_in(&login("chen")).await);
    let wang = world.session("wang").await;
    // 48 more of the same user, as logins leave them.
    let more = (0..48).map(|n| {
        format!(
            "INSERT INTO sessions (id, secret_hash, user_id, address, agent, created_at, active_at, expires_at)
             SELECT 'ffffffff-0000-7000-8000-0000000000{n:02}', 'hash {n}', user_id, address, agent, created_at + 1, active_at, expires_at
             FROM sessions WHERE user_id = (SELECT id FROM users WHERE username = 'chen') ORDER BY id LIMIT 1"
        )
    });
    execute(&world.app.db, more).await;
    oldest.get("/api/session").await.expect(200);
    let last = Caller::nobody(&world).log_in(&login("chen")).await;
    oldest.get("/api/session").await.expect_problem(401, "not_logged_in");
    for session in [second, last, wang] {
        session.get("/api/session").await.expect(200);
    }
    let of_chen = "SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.username = 'chen'";
    assert_eq!(world.count(of_chen).await, 50);
});
