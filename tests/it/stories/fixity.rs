//! Stories of the check of originals that the service runs: scheduled, or asked for.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use yinku::{app::App, clock::Clock, config::Config, db::sql, store::StoreKey, worker};

use super::evidence::zip_of_evidence;
use crate::support::{
    Caller, Engine, Plan, World,
    database::NOW,
    definitions::with_required_stamped,
    files::{form, pdf, stamped},
    seals::archived,
    story,
};

async fn run_ended(world: &World, admin: &Caller, runs: i64) -> Value {
    world
        .until("the run has ended", async || {
            world.count("SELECT COUNT(*) FROM fixity_runs WHERE ended_at IS NOT NULL").await == runs
        })
        .await;
    admin.get("/api/fixity").await.expect(200)
}

async fn keys(world: &World) -> Vec<String> {
    sql("SELECT store_key FROM originals ORDER BY checked_at, hash").scalars(&world.app.db).await.unwrap()
}

async fn flip(world: &World, key: &str) {
    let key = StoreKey::Raw(key.to_owned());
    let mut bytes = world.app.store.get(&key).await.unwrap().to_vec();
    bytes[1000] ^= 1;
    world.app.store.put(&key, bytes.into()).await.unwrap();
}

fn half_a_day(config: &mut Config) {
    config.fixity.share = 0.5;
}

story!(the_schedule_checks_the_longest_unchecked_first_and_what_was_found_again, async |engine: Engine| {
    let clock = Clock::manual(NOW);
    let world = World::new(engine, Plan { clock: clock.clone(), config: Some(half_a_day), ..Plan::default() }).await;
    archived(&world, 4).await;
    let admin = world.caller("admin").await;
    let before = admin.get("/api/fixity").await.expect(200);
    assert_eq!(
        (&before["running"], &before["lastRun"], &before["originals"]),
        (&json!(false), &Value::Null, &json!(4))
    );
    let order = keys(&world).await;
    // The second of the four is damaged.
    flip(&world, &order[1]).await;

    clock.advance(Duration::from_hours(24));
    let first = run_ended(&world, &admin, 1).await;
    let last = &first["lastRun"];
    assert_eq!((&last["kind"], &last["checked"], &last["changed"]), (&json!("scheduled"), &json!(2), &json!(1)));
    assert_eq!((&last["result"], &last["share"], &last["missing"]), (&json!("findings"), &json!(0.5), &json!(0)));
    assert_eq!(keys(&world).await[..2], order[2..], "the others are next");
    let found = admin.get("/api/fixity/findings?open=true").await.expect(200);
    assert_eq!((found["items"].as_array().unwrap().len(), &found["items"][0]["storeKey"]), (1, &json!(order[1])));
    assert_eq!((&found["items"][0]["kind"], &found["items"][0]["healedAt"]), (&json!("changed"), &Value::Null));
    let metrics = String::from_utf8(admin.get("/metrics").await.bytes.to_vec()).unwrap();
    assert!(metrics.contains("yinku_fixity_findings_open{kind=\"changed\"} 1"), "{metrics}");
    assert!(metrics.contains("yinku_fixity_originals_checked_total 2"), "{metrics}");

    // The bytes are right again. The next run looks at it beside its own two.
    flip(&world, &order[1]).await;
    clock.advance(Duration::from_hours(24));
    let second = run_ended(&world, &admin, 2).await;
    assert_eq!((&second["lastRun"]["checked"], &second["lastRun"]["result"]), (&json!(3), &json!("good")));
    assert_eq!(second["openFindings"], 0);
    let found = admin.get("/api/fixity/findings").await.expect(200);
    assert!(found["items"][0]["healedAt"].is_string(), "{found}");
    assert!(admin.get("/api/fixity/findings?open=true").await.expect(200)["items"].as_array().unwrap().is_empty());
    let acts: Vec<String> =
        sql("SELECT act FROM audit WHERE act IN ('damage_found', 'damage_healed', 'fixity_checked') ORDER BY seq")
            .scalars(&world.app.db)
            .await
            .unwrap();
    assert_eq!(acts, ["damage_found", "fixity_checked", "damage_healed", "fixity_checked"]);
    world.until_quiet().await;
});

story!(an_administrator_asks_for_a_check_of_all_a_sample_a_flow_or_a_folder, async |world: World| {
    let flow = archived(&world, 2).await;
    archived(&world, 1).await;
    let (admin, sun, wang) = (world.caller("admin").await, world.caller("sun").await, world.caller("wang").await);
    let folder: String = sql("SELECT id FROM folders WHERE name = '用印'").scalar(&world.app.db).await.unwrap();
    world.app.store.put(&StoreKey::Raw("notes.txt".into()), "x".into()).await.unwrap();
    let asked = [
        (json!({ "scope": "flow", "flowId": flow }), 2),
        (json!({ "scope": "folder", "folderId": folder }), 3),
        (json!({ "scope": "sample", "share": 1.0 }), 3),
        (json!({ "scope": "all" }), 3),
    ];
    for ((body, checked), runs) in asked.into_iter().zip(1..) {
        let id = admin.post("/api/fixity/runs", &body).await.expect(202)["id"].clone();
        let view = run_ended(&world, &admin, runs).await;
        let last = &view["lastRun"];
        assert_eq!((&last["id"], &last["kind"], &last["checked"]), (&id, &body["scope"], &json!(checked)), "{view}");
        assert_eq!(
            (&last["result"], &last["askedBy"]),
            (&json!("good"), &json!("admin")),
            "a young object may have no row yet"
        );
    }
    world.until_quiet().await;
    let wrong = [
        json!({ "scope": "sample" }),
        json!({ "scope": "sample", "share": 0 }),
        json!({ "scope": "sample", "share": 1.5 }),
        json!({ "scope": "flow" }),
        json!({ "scope": "folder" }),
        json!({ "scope": "all", "share": 0.5 }),
    ];
    for body in wrong {
        admin.post("/api/fixity/runs", &body).await.expect_problem(422, "invalid");
    }
    let nowhere = json!({ "scope": "folder", "folderId": "0198a9a0-0000-7000-8000-000000000000" });
    admin.post("/api/fixity/runs", &nowhere).await.expect_problem(404, "not_found");
    sun.get("/api/fixity").await.expect(200);
    sun.post("/api/fixity/runs", &json!({ "scope": "all" })).await.expect_problem(403, "forbidden");
    wang.get("/api/fixity").await.expect_problem(403, "forbidden");
    wang.get("/api/fixity/findings").await.expect_problem(403, "forbidden");
});

story!(two_nodes_share_one_check, async |engine: Engine| {
    let world = World::new(engine, Plan::default()).await;
    archived(&world, 6).await;
    let other = App::open(world.app.config.clone(), Clock::System).await.unwrap();
    let stop = CancellationToken::new();
    let node = tokio::spawn(worker::work(Arc::clone(&other), stop.clone()));
    let admin = world.caller("admin").await;
    for runs in 1..=3 {
        admin.post("/api/fixity/runs", &json!({ "scope": "all" })).await.expect(202);
        let view = run_ended(&world, &admin, runs).await;
        assert_eq!((&view["lastRun"]["checked"], &view["lastRun"]["result"]), (&json!(6), &json!("good")));
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'fixity_checked'").await, 3);
    world.until_quiet().await;
    stop.cancel();
    node.await.unwrap();
});

story!(a_check_that_a_dead_node_began_goes_on_at_another_one, async |world: World| {
    archived(&world, 3).await;
    let admin = world.caller("admin").await;
    // The run has begun, one original is checked, and its node holds the lease.
    admin.post("/api/fixity/runs", &json!({ "scope": "all" })).await.expect(202);
    run_ended(&world, &admin, 1).await;
    world.until_quiet().await;
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE fixity_runs SET ended_at = NULL, result = NULL, checked = 1").execute(&mut tx).await.unwrap();
    sql("UPDATE originals SET checked_at = 0 WHERE hash <> (SELECT MIN(hash) FROM originals)")
        .execute(&mut tx)
        .await
        .unwrap();
    sql("UPDATE jobs SET state = 'running', lease_owner = 'dead', lease_until = 0 WHERE kind = 'fixity'")
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let view = run_ended(&world, &admin, 1).await;
    assert_eq!((&view["lastRun"]["checked"], &view["lastRun"]["result"]), (&json!(3), &json!("good")));
    world.until_quiet().await;
});

story!(damage_that_the_archive_or_a_package_finds_is_a_finding_and_heals, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_required_stamped), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_past_its_nodes(&flow).await;
    world.until_quiet().await;
    let (admin, wang) = (world.caller("admin").await, world.caller("wang").await);
    let key = keys(&world).await.remove(0);
    flip(&world, &key).await;
    // Before archiving, the package takes SM3: each original is read back.
    wang.get(&zip_of_evidence(&flow)).await.expect_problem(503, "bundle_making");
    wang.bring(&stamped(&flow), form([("盖章.pdf", pdf("stamped"))])).await.expect(201);
    world
        .until("the archive has failed", async || {
            world.count("SELECT COUNT(*) FROM flow_events WHERE act = 'archive_failed'").await == 1
        })
        .await;
    let found = admin.get("/api/fixity/findings?open=true").await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "one finding, however often it is found: {found}");
    assert_eq!(found["items"][0]["storeKey"], key);
    flip(&world, &key).await;
    world.until_archived(&flow).await;
    admin.post("/api/fixity/runs", &json!({ "scope": "all" })).await.expect(202);
    let view = run_ended(&world, &admin, 1).await;
    assert_eq!((&view["lastRun"]["result"], &view["openFindings"]), (&json!("good"), &json!(0)));
    world
        .until("the package is made", async || {
            world.count("SELECT COUNT(*) FROM evidence_packages WHERE n = 1").await == 1
        })
        .await;
    world.until_quiet().await;
});
