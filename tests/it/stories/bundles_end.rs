//! Stories of the end of bundles: what goes when, and what stays.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use yinku::{
    bundle,
    clock::Clock,
    db::sql,
    hash::Blake3,
    id::{BundleId, FlowId},
    store::StoreKey,
};

use super::bundles::bundle_of;
use crate::support::{Caller, Engine, Plan, World, files::photos_in, seals::archived_documents, story};

const DAY: Duration = Duration::from_hours(24);

async fn world_with_clock(engine: Engine) -> (World, Clock) {
    let clock = Clock::manual(Clock::System.now());
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    (world, clock)
}

fn url(bundle: &Value) -> String {
    bundle["url"].as_str().unwrap().to_owned()
}

/// Waits until the bundle is made.
async fn until_ready(world: &World, caller: &Caller, bundle: &Value) -> Value {
    let about = format!("{}/about", url(bundle));
    world.until("the bundle is made", async || caller.get(&about).await.json()["state"] == "ready").await;
    caller.get(&about).await.expect(200)
}

fn objects(world: &World, top: &str) -> usize {
    fn below(dir: &Path) -> usize {
        let entries = std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { below(&path) } else { 1 }).sum()
    }
    below(&world.app.config.data_dir.join("store").join(top))
}

story!(a_bundle_of_packages_keeps_its_bytes_to_its_own_end, async |engine: Engine| {
    let (world, clock) = world_with_clock(engine).await;
    let (flow, _, business) = world.seal_use(3).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    let wang = world.caller("wang").await;
    wang.post(&format!("/api/flows/{flow}/collect"), &json!({})).await.expect(202);
    world.until("both photos are here", async || world.count("SELECT COUNT(*) FROM documents").await == 2).await;
    world.until_quiet().await;
    assert_eq!(wang.get(&format!("/api/flows/{flow}/evidence.zip")).await.status, 200);
    clock.advance(6 * DAY);
    world.until_quiet().await;
    let wish = json!({ "flowIds": [flow.to_string()], "evidence": true });
    let made = until_ready(&world, &wang, &bundle_of(&wang, &wish).await).await;
    let packages = world.count("SELECT COUNT(*) FROM bundles WHERE kind = 'evidence'").await;
    assert_eq!(packages, 1, "the package of the first day");
    let whole = wang.get(&url(&made)).await;
    assert_eq!(
        (whole.status.as_u16(), whole.bytes.len()),
        (200, usize::try_from(made["bytes"].as_i64().unwrap()).unwrap())
    );
    // The week of the package is over, and the week of the bundle is not.
    clock.advance(6 * DAY);
    bundle::expire(&world.app).await.unwrap();
    let later = wang.get(&url(&made)).await;
    assert_eq!((later.status.as_u16(), &later.bytes), (200, &whole.bytes));
    clock.advance(DAY);
    wang.get(&url(&made)).await.expect_problem(410, "bundle_gone");
    clock.advance(DAY);
    bundle::expire(&world.app).await.unwrap();
    let (plans, live) = (objects(&world, "bundles"), world.count("SELECT COUNT(*) FROM bundles WHERE NOT ended").await);
    assert_eq!((plans, objects(&world, "evidence"), live), (0, 0, 0));
});

story!(an_object_that_cannot_be_deleted_delays_no_other, async |engine: Engine| {
    let (world, clock) = world_with_clock(engine).await;
    let documents = archived_documents(&world).await;
    let wang = world.caller("wang").await;
    let mut made = Vec::new();
    for document in &documents {
        made.push(bundle_of(&wang, &json!({ "documentIds": [document.id.to_string()] })).await);
        clock.advance(Duration::from_secs(1));
    }
    // A download that began before the end goes on: the objects stay for an hour.
    clock.advance(7 * DAY);
    wang.get(&url(&made[0])).await.expect_problem(410, "bundle_gone");
    bundle::expire(&world.app).await.unwrap();
    assert_eq!(objects(&world, "bundles"), 2);
    clock.advance(Duration::from_hours(1));
    let key: String = sql("SELECT plan_key FROM bundles WHERE id = $1")
        .bind(made[0]["id"].as_str().unwrap())
        .scalar(&world.app.db)
        .await
        .unwrap();
    let first = world.app.config.data_dir.join("store").join(key);
    std::fs::remove_file(&first).unwrap();
    std::fs::create_dir_all(first.join("in the way")).unwrap();
    bundle::expire(&world.app).await.unwrap_err();
    assert_eq!(objects(&world, "bundles"), 0, "the second one is gone");
    for one in &made {
        wang.get(&url(one)).await.expect_problem(410, "bundle_gone");
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM bundles WHERE plan_key IS NOT NULL AND kind = 'selection'").await, 1);
    // Packages and photos are made although that one stays.
    let flow = documents[0].flow_id.as_ref().unwrap();
    assert_eq!(wang.get(&format!("/api/flows/{flow}/evidence.zip")).await.status, 200);
    std::fs::remove_dir_all(&first).unwrap();
    bundle::expire(&world.app).await.unwrap();
    assert_eq!(world.count("SELECT COUNT(*) FROM bundles WHERE plan_key IS NOT NULL AND kind = 'selection'").await, 0);
});

story!(a_state_of_photos_has_another_bundle_after_the_end_of_its_first, async |engine: Engine| {
    let clock = Clock::manual(Clock::System.now());
    let definition = Some(crate::support::definitions::without_field as fn(&mut Value));
    let world = World::new(engine, Plan { definition, clock: clock.clone(), ..Plan::default() }).await;
    let documents = archived_documents(&world).await;
    let wang = world.caller("wang").await;
    let photos = format!("/api/flows/{}/photos.zip", documents[0].flow_id.as_ref().unwrap());
    let first = wang.get(&photos).await;
    assert_eq!(wang.get(&photos).await.header("content-location"), first.header("content-location"));
    clock.advance(7 * DAY);
    let second = wang.get(&photos).await;
    assert_eq!((second.status.as_u16(), &second.bytes), (200, &first.bytes));
    assert_ne!(second.header("content-location"), first.header("content-location"));
    wang.get(first.header("content-location")).await.expect_problem(410, "bundle_gone");
    // A range with `If-Match: *` could continue another zip.
    let any = wang.request(reqwest::Method::GET, &photos).header("if-match", "*").header("range", "bytes=5-");
    assert_eq!(wang.send(any).await.status, 200);
});

story!(objects_without_a_row_go_after_a_day, async |engine: Engine| {
    let (world, clock) = world_with_clock(engine).await;
    let documents = archived_documents(&world).await;
    let wang = world.caller("wang").await;
    let made = bundle_of(&wang, &json!({ "documentIds": [documents[0].id.to_string()] })).await;
    let part = StoreKey::Evidence { flow: FlowId::new(), bundle: BundleId::new(), hash: Blake3::of(b"x"), ext: "html" };
    for key in [StoreKey::plan_of(&BundleId::new()), part, StoreKey::Raw("bundles/notes.txt".into())] {
        world.app.store.put(&key, Bytes::from_static(b"x")).await.unwrap();
    }
    let parts = objects(&world, "evidence");
    assert_eq!(bundle::expiry::sweep(&world.app).await.unwrap(), 0, "their rows may follow");
    clock.advance(DAY + Duration::from_hours(1));
    assert_eq!(bundle::expiry::sweep(&world.app).await.unwrap(), 2);
    assert_eq!((objects(&world, "bundles"), objects(&world, "evidence")), (2, parts - 1));
    assert_eq!(wang.get(&url(&made)).await.status, 200);
});

story!(a_plan_that_another_node_has_deleted_is_gone, async |world: World| {
    let documents = archived_documents(&world).await;
    let wang = world.caller("wang").await;
    let made = bundle_of(&wang, &json!({ "documentIds": [documents[0].id.to_string()] })).await;
    let key: String = sql("SELECT plan_key FROM bundles WHERE kind = 'selection'").scalar(&world.app.db).await.unwrap();
    world.app.store.delete(&StoreKey::Raw(key)).await.unwrap();
    // The node that made it has the plan in memory.
    assert_eq!(wang.get(&url(&made)).await.status, 200);
    let (other, stop) = world.another_node("wang").await;
    other.get(&url(&made)).await.expect_problem(410, "bundle_gone");
    other.get(&format!("{}/about", url(&made))).await.expect_problem(410, "bundle_gone");
    stop.cancel();
});

story!(a_bundle_has_its_id_before_its_packages_are_made, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp(&business, 0).await.unwrap();
    let (wang, zhao) = (world.caller("wang").await, world.caller("zhao").await);
    wang.post(&format!("/api/flows/{flow}/collect"), &json!({})).await.expect(202);
    world.until("the photo is here", async || world.count("SELECT COUNT(*) FROM documents").await == 1).await;
    world.until_quiet().await;
    // The job of the package cannot go on.
    let mut tx = world.app.db.begin().await.unwrap();
    sql("INSERT INTO jobs (id, kind, subject, state, run_at, wakes, created_at) VALUES ($1, 'evidence', $2, 'parked', 0, 1, 0)")
        .bind(&BundleId::new())
        .bind(&flow)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let made = bundle_of(&wang, &json!({ "flowIds": [flow.to_string()], "evidence": true, "name": "证据" })).await;
    assert_eq!((&made["state"], &made["name"], &made["etag"]), (&"making".into(), &"证据.zip".into(), &"".into()));
    let about = format!("{}/about", url(&made));
    assert_eq!(wang.get(&about).await.expect(200)["state"], "failed");
    let bytes = wang.get(&url(&made)).await;
    assert!(!bytes.header("retry-after").is_empty());
    bytes.expect_problem(503, "bundle_making");
    zhao.get(&url(&made)).await.expect_problem(403, "forbidden");
    let mut tx = world.app.db.begin().await.unwrap();
    sql("DELETE FROM jobs WHERE kind = 'evidence'").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let ready = until_ready(&world, &wang, &made).await;
    assert_eq!((&ready["id"], &ready["left"]), (&made["id"], &json!([])));
    let zip = wang.get(&url(&made)).await;
    assert_eq!((zip.status.as_u16(), zip.header("etag")), (200, ready["etag"].as_str().unwrap()));
    assert!(photos_in(&zip.bytes) > 10);
    assert_eq!(world.count("SELECT COUNT(*) FROM bundle_wishes").await, 0);
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'bundle_made'").await, 1);
});

story!(eight_requests_at_once_complete_one_bundle, async |engine: Engine| {
    let world = World::new(engine, Plan::default()).await;
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp(&business, 0).await.unwrap();
    let wang = world.caller("wang").await;
    wang.post(&format!("/api/flows/{flow}/collect"), &json!({})).await.expect(202);
    world.until("the photo is here", async || world.count("SELECT COUNT(*) FROM documents").await == 1).await;
    let made = bundle_of(&wang, &json!({ "flowIds": [flow.to_string()], "evidence": true })).await;
    assert_eq!(made["state"], "making");
    world.until("its package is made", async || world.count("SELECT COUNT(*) FROM evidence_packages").await > 0).await;
    let answers = futures::future::join_all((0..8).map(|_| wang.get(made["url"].as_str().unwrap()))).await;
    let ready = until_ready(&world, &wang, &made).await;
    for answer in answers.into_iter().filter(|answer| answer.status != 503) {
        assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, ready["etag"].as_str().unwrap()));
        assert_eq!(answer.bytes.len(), ready["bytes"]);
    }
    // A node that has not read the plan before.
    let (other, stop) = world.another_node("wang").await;
    assert_eq!(other.get(&url(&made)).await.bytes.len(), ready["bytes"]);
    stop.cancel();
    assert_eq!(objects(&world, "bundles"), 1, "the plans of the others are gone");
});

story!(a_link_works_without_a_session_and_with_the_rights_of_its_maker, async |engine: Engine| {
    let (world, clock) = world_with_clock(engine).await;
    let documents = archived_documents(&world).await;
    let (wang, nobody) = (world.caller("wang").await, Caller::nobody(&world));
    let made = bundle_of(&wang, &json!({ "documentIds": [documents[0].id.to_string()] })).await;
    let link = wang.post(&format!("{}/link", url(&made)), &json!({})).await.expect(201);
    let address = link["url"].as_str().unwrap();
    let (before, key) = address.split_once("key=").unwrap();
    let whole = nobody.get(address).await;
    assert_eq!((whole.status.as_u16(), &whole.bytes), (200, &wang.get(&url(&made)).await.bytes));
    assert_eq!(nobody.part(address, "bytes=5-9", None).await.bytes, whole.bytes[5..10]);
    nobody.get(&url(&made)).await.expect_problem(401, "not_logged_in");
    for other in [before.trim_end_matches('?').to_owned(), format!("{before}key="), format!("{before}key={key}0")] {
        nobody.get(&other).await.expect_problem(404, "not_found");
    }
    // The downloads are the maker's, and the key is nowhere.
    let made_by: Vec<String> = sql("SELECT DISTINCT username FROM audit WHERE via LIKE 'link:%' ORDER BY username")
        .scalars(&world.app.db)
        .await
        .unwrap();
    assert_eq!(made_by, ["wang"]);
    for place in [
        "SELECT COUNT(*) FROM audit WHERE COALESCE(detail, '') || subject || COALESCE(via, '') LIKE $1",
        "SELECT COUNT(*) FROM bundle_links WHERE key_hash LIKE $1",
    ] {
        let found: i64 = sql(place).bind(format!("%{key}%")).scalar(&world.app.db).await.unwrap();
        assert_eq!(found, 0, "{place}");
    }
    // The link has the rights that its maker has now.
    let admin = world.caller("admin").await;
    let id: String = sql("SELECT id FROM users WHERE username = 'wang'").scalar(&world.app.db).await.unwrap();
    admin.patch(&format!("/api/users/{id}"), &json!({ "disabled": true })).await.expect(200);
    nobody.get(address).await.expect_problem(404, "not_found");
    admin.patch(&format!("/api/users/{id}"), &json!({ "disabled": false })).await.expect(200);
    assert_eq!(nobody.get(address).await.status, 200);
    clock.advance(DAY);
    nobody.get(address).await.expect_problem(404, "not_found");
    bundle::expire(&world.app).await.unwrap();
    assert_eq!(world.count("SELECT COUNT(*) FROM bundle_links").await, 0);
});
