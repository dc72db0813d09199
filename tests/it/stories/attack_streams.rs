//! Attacks with event streams that stay open: after the login ended, after a right ended, and many at once.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;

use crate::support::{
    Caller, Engine, Plan, World,
    audit_log::id,
    database::execute,
    events::listen,
    people::{login, make_user},
    seals::noon,
    story,
};

/// Reads the stream to its end. This part promises a time.
async fn ends(mut stream: Response, why: &str) {
    let read = async { while stream.chunk().await.unwrap().is_some() {} };
    assert!(tokio::time::timeout(Duration::from_secs(2), read).await.is_ok(), "the stream outlives {why}");
}

story!(an_event_stream_ends_with_its_login, async |world: World| {
    let admin = world.caller("admin").await;
    let chen = make_user(&world, "chen", &["member"]).await;
    let path = format!("/api/users/{}", id(&chen));
    let enter = async || Caller::nobody(&world).log_in(&login("chen")).await;

    let (session, other) = (enter().await, enter().await);
    let (stream, stays) = (listen(&session).await, listen(&other).await);
    session.delete("/api/session").await.expect(204);
    ends(stream, "the logout").await;

    let listed = other.get("/api/sessions").await.expect(200);
    other.delete(&format!("/api/sessions/{}", id(&listed["items"][0]))).await.expect(204);
    ends(stays, "the end of the session").await;

    let session = enter().await;
    let made = session.post("/api/tokens", &json!({ "name": "t" })).await.expect(201);
    let program = Caller::with_token(&world, made["token"].as_str().unwrap());
    let stream = listen(&program).await;
    session.delete(&format!("/api/tokens/{}", id(&made))).await.expect(204);
    ends(stream, "the token").await;

    let stream = listen(&session).await;
    admin.patch(&path, &json!({ "roles": ["member", "auditor"] })).await.expect(200);
    ends(stream, "the roles").await;

    let program = world.caller("chen").await;
    let (of_session, of_program) = (listen(&session).await, listen(&program).await);
    let reset = json!({ "password": "another uncommon phrase 7" });
    admin.post(&format!("{path}/password"), &reset).await.expect(204);
    ends(of_session, "the reset of the password").await;
    ends(of_program, "the duty to change the password").await;

    let stream = listen(&world.caller("wang").await).await;
    let wang = admin.get("/api/users").await.expect(200);
    let wang = wang["items"].as_array().unwrap().iter().find(|user| user["username"] == "wang").unwrap().clone();
    admin.patch(&format!("/api/users/{}", id(&wang)), &json!({ "disabled": true })).await.expect(200);
    ends(stream, "the account").await;
});

story!(an_event_stream_ends_with_its_session_without_a_request, async |engine: Engine| {
    let clock = noon();
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    make_user(&world, "chen", &["member"]).await;
    let enter = async || Caller::nobody(&world).log_in(&login("chen")).await;
    let stream = listen(&enter().await).await;
    clock.advance(Duration::from_mins(121));
    ends(stream, "two hours without activity").await;

    let session = enter().await;
    for _ in 0..11 {
        clock.advance(Duration::from_hours(1));
        session.get("/api/flows").await.expect(200);
        let active = "SELECT MAX(active_at) FROM sessions";
        world.until("the activity is kept", async || world.count(active).await == clock.now().0).await;
    }
    let stream = listen(&session).await;
    clock.advance(Duration::from_mins(61));
    ends(stream, "twelve hours").await;
});

// Another process writes to the database. It cannot clear what this process remembers.
story!(an_event_stream_ends_when_another_process_ends_its_login, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let enter = async || Caller::nobody(&world).log_in(&login("chen")).await;
    for (change, why) in [
        ("DELETE FROM sessions", "the logout"),
        ("UPDATE users SET roles = '[\"auditor\"]' WHERE username = 'chen'", "the roles"),
        ("UPDATE users SET must_change = TRUE WHERE username = 'chen'", "the duty to change the password"),
    ] {
        let stream = listen(&enter().await).await;
        execute(&world.app.db, [change]).await;
        ends(stream, why).await;
    }
    execute(&world.app.db, ["UPDATE users SET must_change = FALSE WHERE username = 'chen'"]).await;
    let program = world.caller("chen").await;
    let stream = listen(&program).await;
    execute(&world.app.db, ["DELETE FROM tokens"]).await;
    ends(stream, "the token").await;
    let stream = listen(&enter().await).await;
    execute(&world.app.db, ["UPDATE users SET disabled = TRUE WHERE username = 'chen'"]).await;
    ends(stream, "the account").await;
});

story!(a_user_has_at_most_eight_event_streams_which_share_their_questions, async |world: World| {
    let (zhang, li) = (world.caller("zhang").await, world.caller("li").await);
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(listen(&zhang).await);
    }
    assert_eq!(world.app.change_notices.receiver_count(), 1, "one listener asks for all streams of the user");
    let problem = zhang.get("/api/events").await.expect_problem(429, "too_many_at_once");
    assert!(problem["detail"].as_str().unwrap().contains("Close one"), "{problem}");
    let others = listen(&li).await;

    // Each stream is told of a flow of its user.
    let flow = world.start_flow(1).await;
    li.post(&format!("/api/flows/{flow}/comment"), &json!({ "comment": "看" })).await.expect(200);
    for stream in &mut streams {
        let mut told = String::new();
        while !told.contains(flow.as_str()) {
            told += std::str::from_utf8(&stream.chunk().await.unwrap().expect("the stream is open")).unwrap();
        }
    }
    drop(streams.pop());
    world
        .until("a place is free again", async || {
            zhang.request(Method::GET, "/api/events").send().await.unwrap().status() == 200
        })
        .await;
    drop((streams, others));
    world.until("no question is asked any more", async || world.app.has_no_listeners()).await;
});
