//! Attacks on the login: guessing, finding out names, and storms of attempts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Caller, Engine, Plan, World,
    audit_log::logged,
    people::{PASSWORD, login, make_user},
    seals::noon,
    story,
};

fn guess(username: &str) -> Value {
    json!({ "username": username, "password": "not this one at all" })
}

story!(who_guesses_waits_longer_each_time_whether_the_name_exists_or_not, async |engine: Engine| {
    let clock = noon();
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    make_user(&world, "chen", &["member"]).await;
    let nobody = Caller::nobody(&world);
    let mut answers = Vec::new();
    for username in ["chen", "there-is-no-such-name"] {
        let mut answered = Vec::new();
        for wait in [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30] {
            clock.advance(Duration::from_secs(wait));
            let told = nobody.post("/api/session", &guess(username)).await;
            let (status, retry) = (told.status.as_u16(), told.header("retry-after").to_owned());
            let problem = told.json();
            answered.push((status, retry, problem["code"].clone(), problem["detail"].clone()));
        }
        let brief: Vec<(u16, &str)> = answered.iter().map(|(status, retry, ..)| (*status, retry.as_str())).collect();
        let refused = |retry| (429, retry);
        let expected = [(401, ""); 4].into_iter().chain(["1", "2", "4", "8", "16", "30", "30", "30"].map(refused));
        assert_eq!(brief, expected.collect::<Vec<_>>(), "{username}");
        answers.push(answered);
    }
    assert_eq!(answers[0], answers[1], "the answers do not tell which name exists");

    nobody.post("/api/session", &guess("chen")).await.expect_problem(429, "too_many_logins");
    // Until the wait is over even the right password is not looked at.
    nobody.post("/api/session", &login("chen")).await.expect_problem(429, "too_many_logins");
    clock.advance(Duration::from_secs(30));
    nobody.post("/api/session", &login("chen")).await.expect(200);
    nobody.post("/api/session", &guess("chen")).await.expect_problem(401, "login_failed");
});

story!(guesses_at_once_are_counted_together, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let nobody = Caller::nobody(&world);
    let body = guess("chen");
    let told = join_all((0..40).map(|_| nobody.post("/api/session", &body))).await;
    let looked_at = told.iter().filter(|told| told.status == 401).count();
    assert!(looked_at <= 4, "{looked_at} of 40 guesses were looked at without a wait");
    assert!(told.iter().all(|told| told.status == 401 || told.header("retry-after") != ""));
});

story!(who_knows_the_password_is_let_in_at_once_at_an_address_of_many_failures, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    world.give_password("wang").await;
    let nobody = Caller::nobody(&world);
    for n in 0..100 {
        let name = format!("guess-{}", n / 4);
        nobody.post("/api/session", &guess(&name)).await;
    }
    nobody.post("/api/session", &guess("chen")).await.expect_problem(429, "too_many_logins");
    nobody.post("/api/session", &login("wang")).await.expect(200);
    let home = Caller::from_address(&world, [127, 0, 0, 2]);
    home.post("/api/session", &login("chen")).await.expect(200);
});

story!(a_storm_of_attempts_does_not_keep_others_from_logging_in, async |world: World| {
    const STORM: usize = 120;
    make_user(&world, "chen", &["member"]).await;
    let (storm, ended) = (Arc::new(Caller::nobody(&world)), Arc::new(AtomicUsize::new(0)));
    let attempts: Vec<_> = (0..STORM)
        .map(|n| {
            let (storm, ended) = (Arc::clone(&storm), Arc::clone(&ended));
            tokio::spawn(async move {
                let told = storm.post("/api/session", &guess(&format!("storm-{n}"))).await;
                ended.fetch_add(1, Ordering::SeqCst);
                told.status.as_u16()
            })
        })
        .collect();
    world.until("the storm has begun", async || ended.load(Ordering::SeqCst) > 0).await;
    let home = Caller::from_address(&world, [127, 0, 0, 2]);
    home.post("/api/session", &login("chen")).await.expect(200);
    let before = ended.load(Ordering::SeqCst);
    assert!(before < STORM * 3 / 4, "the login waited for {before} of {STORM} attempts of another address");
    for attempt in attempts {
        assert!([401, 429, 503].contains(&attempt.await.unwrap()));
    }
});

story!(repeated_failures_are_one_audit_entry_with_their_count, async |engine: Engine| {
    let clock = noon();
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    let chen = make_user(&world, "chen", &["member"]).await;
    let begin = world.last_entry().await;
    let nobody = Caller::nobody(&world);
    for _ in 0..9 {
        nobody.post("/api/session", &guess("chen")).await;
    }
    clock.advance(Duration::from_secs(1));
    nobody.post("/api/session", &login("chen")).await.expect(200);
    let id = chen["id"].as_str().unwrap();
    let expected = [
        logged("chen", "login_failed", "chen", None, Some("from 127.0.0.1")),
        logged("chen", "logged_in", id, None, Some("from 127.0.0.1")),
        logged("chen", "login_failed", "chen", None, Some("from 127.0.0.1, 8 times")),
    ];
    assert_eq!(world.log_after(begin).await, expected);
});

story!(a_stolen_session_does_not_help_to_guess_the_password, async |world: World| {
    let chen = world.session("zhang").await;
    let change = json!({ "old": "not this one at all", "new": "seven green umbrellas" });
    for _ in 0..4 {
        let problem = chen.put("/api/session/password", &change).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "old");
    }
    let told = chen.put("/api/session/password", &change).await;
    assert_eq!(told.header("retry-after"), "1");
    told.expect_problem(429, "too_many_logins");
    let proof = chen.request(Method::DELETE, "/api/session/totp").json(&json!({ "password": PASSWORD }));
    chen.send(proof).await.expect_problem(429, "too_many_logins");
});
