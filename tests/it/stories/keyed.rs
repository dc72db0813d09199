//! Stories of `Idempotency-Key`: what starts, submits, appends or ends is done once.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};
use yinku::{
    config::{Config, Span},
    db::sql,
    killpoint,
};

use crate::support::{
    Caller, Engine, Plan, Told, World,
    database::{refuse, relent},
    flows::{callers, purchase, step},
    seals::{in_use, noon, one_seal, refusal},
    story,
};

async fn send(caller: &Caller, path: &str, key: &str, body: &Value) -> Told {
    caller.send(caller.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

fn new_flow(world: &World) -> Value {
    json!({ "definitionId": world.definition, "form": purchase(&one_seal(1)) })
}

async fn flows(world: &World) -> i64 {
    world.count("SELECT COUNT(*) FROM flows").await
}

story!(a_flow_is_started_once_for_one_key, async |world: World| {
    let [zhang, wang] = callers(&world, ["zhang", "wang"]).await;
    let body = new_flow(&world);
    let first = send(&zhang, "/api/flows", "k-1", &body).await.expect(201);
    let again = send(&zhang, "/api/flows", "k-1", &body).await;
    assert_eq!((again.header("idempotency-replayed"), again.header("content-type")), ("true", "application/json"));
    assert_eq!(again.expect(201), first, "the first answer, word for word");
    let mut other = body.clone();
    other["form"]["subject"] = "另一份合同".into();
    send(&zhang, "/api/flows", "k-1", &other).await.expect_problem(422, "key_reused");
    assert_eq!(flows(&world).await, 1);
    // A key is one user's; another key, or none, starts another flow.
    assert_ne!(send(&wang, "/api/flows", "k-1", &body).await.expect(201)["id"], first["id"]);
    assert_ne!(send(&zhang, "/api/flows", "k-2", &body).await.expect(201)["id"], first["id"]);
    zhang.post("/api/flows", &body).await.expect(201);
    assert_eq!(flows(&world).await, 4);
    for bad in ["", "two words", &"k".repeat(256)] {
        send(&zhang, "/api/flows", bad, &body).await.expect_problem(422, "invalid");
    }
});

story!(what_did_nothing_is_not_kept, async |world: World| {
    let zhang = world.caller("zhang").await;
    let mut wrong = new_flow(&world);
    wrong["form"]["subject"] = "".into();
    send(&zhang, "/api/flows", "k", &wrong).await.expect_problem(422, "invalid");
    send(&zhang, "/api/flows", "k", &new_flow(&world)).await.expect(201);
    send(&Caller::nobody(&world), "/api/flows", "k", &new_flow(&world)).await.expect_problem(401, "not_logged_in");
    assert_eq!(flows(&world).await, 1);
});

story!(of_many_requests_at_once_with_one_key_one_acts, async |world: World| {
    let zhang = world.caller("zhang").await;
    let body = new_flow(&world);
    for round in 1..4 {
        let key = format!("k-{round}");
        let asked = (0..12).map(|_| send(&zhang, "/api/flows", &key, &body));
        let mut started = Vec::new();
        for told in futures::future::join_all(asked).await {
            if told.status == 409 {
                assert!(!told.header("retry-after").is_empty());
                told.expect_problem(409, "still_running");
            } else {
                started.push(told.expect(201));
            }
        }
        started.dedup();
        assert_eq!((started.len(), flows(&world).await), (1, round), "one flow, one answer");
    }
});

story!(a_submission_is_made_once_for_one_key, async |world: World| {
    let [zhang, li] = callers(&world, ["zhang", "li"]).await;
    let flow = world.start_flow(1).await;
    step(&li, &flow, "reject", json!({ "comment": "请改" })).await;
    let (path, body) = (format!("/api/flows/{flow}/submit"), json!({ "comment": "改了" }));
    let first = send(&zhang, &path, "k", &body).await.expect(200);
    assert_eq!(send(&zhang, &path, "k", &body).await.expect(200), first);
    zhang.post(&path, &body).await.expect_problem(409, "not_sent_back");
});

story!(uses_are_appended_and_ended_once_for_one_key_also_when_the_answer_was_lost, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    let wang = world.caller("wang").await;
    let (append, finish) = (format!("/api/flows/{flow}/seal-append"), format!("/api/flows/{flow}/seal-finish"));
    let asked = |what: &str| world.sim.counters().of(what);
    let body = json!({ "count": 3 });
    let first = send(&wang, &append, "a-1", &body).await.expect(200);
    assert_eq!(send(&wang, &append, "a-1", &body).await.expect(200), first);
    assert_eq!(asked("/seal/apply/append"), 1);

    // The vendor appends, and its answer is lost; so is the list that would show it.
    world.sim.set_fault(Fault::times(Target::Apply, FaultKind::Drop, 1));
    world.sim.set_fault(Fault { after: 1, ..Fault::always(Target::Detail, FaultKind::Status { status: 500 }) });
    let unclear = send(&wang, &append, "a-2", &body).await.expect_problem(502, "vendor_failed");
    let before = asked("/seal/apply/append");
    assert_eq!(send(&wang, &append, "a-2", &body).await.expect_problem(502, "vendor_failed"), unclear);
    assert_eq!(asked("/seal/apply/append"), before, "nothing is appended twice");
    world.sim.clear_faults();

    let body = json!({ "reason": "盖完了" });
    let first = send(&wang, &finish, "f-1", &body).await.expect(200);
    assert_eq!(send(&wang, &finish, "f-1", &body).await.expect(200), first);
    assert_eq!(asked("/seal/apply/finish"), 1);
    assert!(world.sim.business(&business).is_ok());
});

fn short_holds(config: &mut Config) {
    config.jobs.lease = Span::secs(2);
}

story!(a_run_that_works_longer_than_a_hold_keeps_its_key, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(short_holds), ..Plan::default() }).await;
    let (flow, _) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    let (wang, append) = (world.caller("wang").await, format!("/api/flows/{flow}/seal-append"));
    let body = json!({ "count": 3 });
    world.sim.set_fault(Fault::times(Target::Apply, FaultKind::Late { ms: 6_000 }, 1));
    let repeated = async {
        let held = "SELECT COALESCE(MAX(run_until), 0) FROM keyed_requests";
        world.until("the run has the key", async || world.count(held).await > 0).await;
        let begun = world.count(held).await;
        world.until("its first hold is over", async || world.app.clock.now().0 > begun).await;
        send(&wang, &append, "a", &body).await.expect_problem(409, "still_running");
    };
    let (first, ()) = tokio::join!(send(&wang, &append, "a", &body), repeated);
    first.expect(200);
    assert_eq!(world.sim.counters().of("/seal/apply/append"), 1);
});

story!(after_a_day_a_key_is_free_again, async |engine: Engine| {
    let clock = noon();
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    let zhang = world.caller("zhang").await;
    let body = new_flow(&world);
    let first = send(&zhang, "/api/flows", "k", &body).await.expect(201);
    clock.advance(Duration::from_hours(23));
    assert_eq!(send(&zhang, "/api/flows", "k", &body).await.expect(201)["id"], first["id"]);
    clock.advance(Duration::from_hours(2));
    assert_ne!(send(&zhang, "/api/flows", "k", &body).await.expect(201)["id"], first["id"]);
});

/// As if the process had died in the run: after its act, or before it.
async fn forget_the_answer(world: &World, act_too: bool) {
    let act = if act_too { "flow_id = NULL," } else { "" };
    let mut tx = world.app.db.begin().await.unwrap();
    sql(format!("UPDATE keyed_requests SET {act} status = NULL, body = NULL, run_until = 0"))
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

story!(a_run_that_died_is_neither_repeated_nor_lost, async |world: World| {
    let zhang = world.caller("zhang").await;
    let body = new_flow(&world);
    let first = send(&zhang, "/api/flows", "k", &body).await.expect(201);
    forget_the_answer(&world, false).await;
    assert_eq!(send(&zhang, "/api/flows", "k", &body).await.expect(201)["id"], first["id"], "its act was committed");
    forget_the_answer(&world, true).await;
    assert_ne!(send(&zhang, "/api/flows", "k", &body).await.expect(201)["id"], first["id"], "it had done nothing");
    assert_eq!(flows(&world).await, 2);

    let (flow, _) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    let (wang, append) = (world.caller("wang").await, format!("/api/flows/{flow}/seal-append"));
    send(&wang, &append, "a", &json!({ "count": 1 })).await.expect(200);
    forget_the_answer(&world, false).await;
    send(&wang, &append, "a", &json!({ "count": 1 })).await.expect(200);
    forget_the_answer(&world, true).await;
    let problem = send(&wang, &append, "a", &json!({ "count": 1 })).await.expect_problem(502, "vendor_failed");
    assert!(problem["detail"].as_str().unwrap().contains("unknown"), "{problem}");
    assert_eq!(world.sim.counters().of("/seal/apply/append"), 1);
});

story!(an_append_that_could_not_be_recorded_is_never_made_twice, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    let (wang, append) = (world.caller("wang").await, format!("/api/flows/{flow}/seal-append"));
    let body = json!({ "count": 3 });
    let asked = || world.sim.counters().of("/seal/apply/append");
    // The vendor appends, and then the database is down.
    refuse(&world.app.db, "INSERT ON flow_events", "NEW.act = 'appended'", "57P03").await;
    let unclear = send(&wang, &append, "a", &body).await.expect_problem(502, "vendor_failed");
    assert!(unclear["detail"].as_str().unwrap().contains("could not record"), "{unclear}");
    relent(&world.app.db).await;
    assert_eq!(send(&wang, &append, "a", &body).await.expect_problem(502, "vendor_failed"), unclear);
    assert_eq!((asked(), world.sim.business(&business).unwrap().append_logs.len()), (1, 1));
    // What the vendor refuses does nothing: the key is free.
    world.sim.set_fault(Fault::times(Target::Apply, refusal("次数超限"), 1));
    send(&wang, &append, "b", &body).await.expect_problem(502, "vendor_failed");
    // Its uncertain answer is kept.
    world.sim.set_fault(Fault::times(Target::Apply, FaultKind::JsonError { code: 1_000_000, message: "?".into() }, 1));
    let unknown = send(&wang, &append, "c", &body).await.expect_problem(502, "vendor_failed");
    assert!(unknown["detail"].as_str().unwrap().contains("unknown whether the uses were appended"), "{unknown}");
});

story!(a_start_that_the_database_refused_is_made_by_the_next_request_with_its_key, async |world: World| {
    let zhang = world.caller("zhang").await;
    let body = new_flow(&world);
    refuse(&world.app.db, "INSERT ON flow_events", "NEW.act = 'submitted'", "P0001").await;
    send(&zhang, "/api/flows", "k", &body).await.expect_problem(500, "internal");
    relent(&world.app.db).await;
    send(&zhang, "/api/flows", "k", &body).await.expect(201);
    assert_eq!(flows(&world).await, 1);
});

story!(a_run_that_panics_is_neither_repeated_nor_lost, async |world: World| {
    let zhang = world.caller("zhang").await;
    let body = new_flow(&world);
    // Before its commit it has done nothing: the next request with its key acts.
    killpoint::panic_once_at("start_written");
    send(&zhang, "/api/flows", "k-1", &body).await.expect_problem(500, "internal");
    assert_eq!(flows(&world).await, 0);
    send(&zhang, "/api/flows", "k-1", &body).await.expect(201);
    assert_eq!(flows(&world).await, 1);
    // After its commit the next request is told of the flow.
    killpoint::panic_once_at("start_committed");
    send(&zhang, "/api/flows", "k-2", &body).await.expect_problem(500, "internal");
    assert_eq!(flows(&world).await, 2);
    let again = send(&zhang, "/api/flows", "k-2", &body).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.expect(201)["state"], "running");
    assert_eq!(flows(&world).await, 2);

    // The vendor has the uses, and nobody knows.
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    let (wang, append) = (world.caller("wang").await, format!("/api/flows/{flow}/seal-append"));
    killpoint::panic_once_at("append_answered");
    send(&wang, &append, "a", &json!({ "count": 3 })).await.expect_problem(500, "internal");
    for _ in 0..2 {
        let problem = send(&wang, &append, "a", &json!({ "count": 3 })).await.expect_problem(502, "vendor_failed");
        assert!(problem["detail"].as_str().unwrap().contains("unknown"), "{problem}");
    }
    let left = world.sim.business(&business).unwrap().auths[0].left;
    assert_eq!((world.sim.counters().of("/seal/apply/append"), left), (1, 5));
    // The seal details show them, as the answer says.
    let shown = wang.get(&format!("/api/flows/{flow}/seal-detail")).await.expect(200);
    assert_eq!(shown[0]["authorised"], 5);
    world.until_quiet().await;
});
