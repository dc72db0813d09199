//! Stories of a database without room: what waits says why, and readiness tests a write without costing much.

use std::time::Instant;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    Caller, Engine, Plan, World,
    callbacks::{PATH, looks_often},
    database::execute,
    full_disk::{fill, make_room},
    story,
};

/// Sends callbacks until the database has no room for a small one either: deleted rows have left room in a full database.
async fn use_up(world: &World, caller: &Caller) {
    for bytes in [40_000, 4_000, 400] {
        let taken = async || {
            let request = caller.request(Method::POST, PATH).body(format!("remark={}", "x".repeat(bytes)));
            caller.send(request).await.status == 200
        };
        world.until("there is no room", async || !taken().await).await;
    }
}

story!(jobs_wait_for_a_full_database_with_a_visible_reason, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(looks_often), ..Plan::default() }).await;
    // So many photos that they do not fit into what is left in the pages of a full database.
    let (flow, _, business) = world.seal_use(60).await;
    let (nobody, zhang) = (Caller::nobody(&world), world.caller("zhang").await);
    nobody.get("/readyz").await.expect(200);
    fill(&world.app.db).await;
    use_up(&world, &nobody).await;
    world.sim.stamp_many(&business, 0, 60).await.unwrap();
    world.until("readiness tells it", async || nobody.get("/readyz").await.status == 503).await;
    let told = nobody.get("/readyz").await.expect(503);
    assert_eq!((&told["database"], &told["databaseOutage"]), (&json!(false), &json!("no_space")), "{told}");
    assert_eq!((&told["store"], &told["storeOutage"]), (&json!(true), &json!(null)), "{told}");
    zhang.get(&format!("/api/flows/{flow}")).await.expect(200);
    assert!(world.flow(&flow).await.archived_at.is_none());
    make_room(&world.app.db).await;
    world.until_archived(&flow).await;
    let failed = "SELECT COUNT(*) FROM jobs WHERE state = 'parked' OR attempts > 0";
    assert_eq!(world.count(failed).await, 0, "an outage is no failed try of a job");
    world.until("it is ready again", async || nobody.get("/readyz").await.status == 200).await;
});

story!(readiness_tests_a_write_at_most_once_a_second, async |world: World| {
    let nobody = Caller::nobody(&world);
    nobody.get("/readyz").await.expect(200);
    count_writes(&world).await;
    let begun = Instant::now();
    for _ in 0..10 {
        for told in join_all((0..20).map(|_| nobody.get("/readyz"))).await {
            told.expect(200);
        }
    }
    let (writes, seconds) = (world.count("SELECT COUNT(*) FROM writes").await, begun.elapsed().as_secs());
    assert!(writes <= i64::try_from(seconds).unwrap() + 1, "{writes} in {seconds} s");
    let again = async || {
        nobody.get("/readyz").await.expect(200);
        world.count("SELECT COUNT(*) FROM writes").await > writes
    };
    world.until("it tests again", again).await;
});

/// From now on each write test leaves a row.
async fn count_writes(world: &World) {
    let table = "CREATE TABLE writes (n INTEGER)";
    if world.app.db.is_postgres() {
        let function = "CREATE FUNCTION written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               INSERT INTO writes VALUES (1); RETURN NEW; END $$";
        let trigger = "CREATE TRIGGER written AFTER UPDATE ON write_test FOR EACH ROW EXECUTE FUNCTION written()";
        execute(&world.app.db, [table, function, trigger]).await;
    } else {
        let trigger = "CREATE TRIGGER written AFTER UPDATE ON write_test BEGIN INSERT INTO writes VALUES (1); END";
        execute(&world.app.db, [table, trigger]).await;
    }
}
