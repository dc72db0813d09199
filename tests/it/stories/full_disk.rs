//! Stories of disks without room and of stores that cannot be written: nothing stops for good, and the service says what
//! is wrong.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use yinku::{db::sql, id::FlowId};

use crate::support::{
    Caller, Engine, World,
    callbacks::PATH,
    figures,
    full_disk::{WITHOUT_SIGNAL, bound_by_modes, fill, limit_files, make_room},
    process::House,
    story,
};

/// How long everything may take to go on by itself once the cause is gone.
const HEALED_WITHIN: Duration = Duration::from_secs(30);

/// A callback that needs new pages of the database; its status and answer.
async fn large_callback(caller: &Caller, business: &str) -> (u16, Value) {
    let path = format!("{PATH}?businessId={business}");
    let body = format!("remark={}", "x".repeat(40_000));
    let request = caller.request(Method::POST, &path).header("content-type", "application/x-www-form-urlencoded");
    let told = caller.send(request.body(body)).await;
    (told.status.as_u16(), told.json())
}

fn refused(told: &(u16, Value)) -> bool {
    told.0 == 500 && told.1["code"] == 1_000_000
}

// SQLITE_FULL ends the transaction inside SQLite; 53100 is what PostgreSQL says.
story!(a_full_database_refuses_callbacks_and_goes_on_when_there_is_room, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    world.until_quiet().await;
    let caller = Caller::nobody(&world);
    let zhang = world.caller("zhang").await;
    fill(&world.app.db).await;
    for _ in 0..4 {
        let told = large_callback(&caller, &business).await;
        assert!(refused(&told), "{told:?}");
        zhang.get(&format!("/api/flows/{flow}")).await.expect(200);
    }
    make_room(&world.app.db).await;
    let told = large_callback(&caller, &business).await;
    assert_eq!(told, (200, json!({ "code": 0, "message": "SUCCESS" })), "the next callback is stored");
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
});

/// Waits until readiness says so, and returns what it says.
async fn until_ready_is(house: &House, caller: &Caller, status: u16) -> Value {
    house.until("readiness tells it", async || caller.get("/readyz").await.status == status).await;
    caller.get("/readyz").await.expect(status)
}

async fn why_the_ingest_waits(house: &House) -> Option<String> {
    let waiting = "SELECT error FROM ingests WHERE state = 'waiting' AND error IS NOT NULL";
    sql(waiting).scalars::<String>(&house.app.db).await.unwrap().pop()
}

async fn archived_in_time(house: &House, flow: &FlowId) {
    let room = Instant::now();
    house.until_archived(flow).await;
    figures::note("archived after there is room again", &format!("{:?}", room.elapsed()));
    assert!(room.elapsed() < HEALED_WITHIN, "it took {:?}", room.elapsed());
    let parked: i64 = sql("SELECT COUNT(*) FROM jobs WHERE state = 'parked'").scalar(&house.app.db).await.unwrap();
    assert_eq!(parked, 0);
}

// Every write of the process to a file fails. On SQLite that is the database (SQLITE_IOERR) and the store.
story!(a_disk_without_room_stops_the_service_for_no_longer_than_it_is_full, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let process = house.serve_by(WITHOUT_SIGNAL);
    let (flow, seal_use) = house.applied_flow(2).await;
    let business = seal_use.business_id.clone().unwrap();
    let caller = house.caller("zhang").await;
    until_ready_is(&house, &caller, 200).await;

    limit_files(&process, "0");
    house.sim.stamp_many(&business, 0, 2).await.unwrap();
    let ready = until_ready_is(&house, &caller, 503).await;
    assert_eq!((&ready["store"], &ready["storeOutage"]), (&json!(false), &json!("no_space")), "{ready}");
    for _ in 0..3 {
        let told = caller.post(&format!("{PATH}?businessId={business}"), &json!({})).await;
        let told = (told.status.as_u16(), told.json());
        match engine {
            Engine::Sqlite => assert!(refused(&told), "{told:?}"),
            Engine::Postgres => assert_eq!(told.0, 200, "its disk is another one"),
        }
        caller.get(&format!("/api/flows/{flow}")).await.expect(200);
    }
    if matches!(engine, Engine::Sqlite) {
        assert_eq!((&ready["database"], &ready["databaseOutage"]), (&json!(false), &json!("failing")), "{ready}");
    }

    limit_files(&process, "unlimited");
    // The vendor comes again.
    house
        .until("the callback is taken", async || {
            caller.post(&format!("{PATH}?businessId={business}"), &json!({})).await.status == 200
        })
        .await;
    archived_in_time(&house, &flow).await;
    until_ready_is(&house, &caller, 200).await;
    house.retire(process).await;
});

// The database has room, one photo has none.
story!(a_photo_that_the_store_has_no_room_for_waits_with_the_reason, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let process = house.serve_by(WITHOUT_SIGNAL);
    let (flow, seal_use) = house.applied_flow(2).await;
    let business = seal_use.business_id.clone().unwrap();
    let key = house.sim.stamp(&business, 0).await.unwrap();
    let large = [&[0xff, 0xd8, 0xff, 0xe0][..], &vec![7; 8 << 20], &[0xff, 0xd9]].concat();
    house.sim.set_photo_bytes(&key, &large).unwrap();
    limit_files(&process, &(6 << 20).to_string());
    house.sim.stamp(&business, 0).await.unwrap();
    house.until("the ingest says why it waits", async || why_the_ingest_waits(&house).await.is_some()).await;
    let why = why_the_ingest_waits(&house).await.unwrap();
    assert!(why.contains("the store does not accept the photos") && why.contains("File too large"), "{why}");
    let (attempts, state): (i64, String) =
        sql("SELECT attempts, state FROM jobs WHERE kind = 'ingest'").one(&house.app.db).await.unwrap();
    assert_eq!(attempts, 0, "an outage is no failed try of the job, which is {state}");
    limit_files(&process, "unlimited");
    archived_in_time(&house, &flow).await;
    house.retire(process).await;
});

story!(a_store_that_may_not_be_written_is_named_and_waited_for, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let process = house.serve_by(bound_by_modes());
    let (flow, seal_use) = house.applied_flow(2).await;
    let business = seal_use.business_id.clone().unwrap();
    let caller = house.caller("zhang").await;
    until_ready_is(&house, &caller, 200).await;
    let directories = [house.store(), house.store().join("staging")];
    let allow = |mode| {
        for path in &directories {
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
    };
    allow(0o555);
    house.sim.stamp_many(&business, 0, 2).await.unwrap();
    house.until("the ingest says why it waits", async || why_the_ingest_waits(&house).await.is_some()).await;
    let why = why_the_ingest_waits(&house).await.unwrap();
    assert!(why.contains("Permission denied"), "{why}");
    let ready = until_ready_is(&house, &caller, 503).await;
    let expected = json!({ "database": true, "store": false, "databaseOutage": null, "storeOutage": "read_only" });
    assert_eq!(ready, expected);
    allow(0o755);
    archived_in_time(&house, &flow).await;
    house.retire(process).await;
});
