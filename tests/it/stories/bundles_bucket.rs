//! Stories of bundles and evidence packages whose store is a bucket.

use std::{collections::BTreeMap, time::Duration};

use futures::TryStreamExt;
use reqwest::Method;
use serde_json::json;
use yinku::{
    bundle::{self, expiry},
    clock::Clock,
    db::sql,
    hash::Hashes,
    id::BundleId,
    store::StoreKey,
};

use super::{
    bundles::bundle_of,
    evidence::{files_of, text_of, zip_of_evidence},
};
use crate::support::{
    Engine, Plan, World,
    bucket::in_a_bucket,
    files::photos_in,
    flows::act,
    photos::{self, stored},
    seals::{archived, archived_documents},
    story,
};

async fn bucket_world(engine: Engine, clock: Clock) -> World {
    World::new(engine, Plan { config: Some(in_a_bucket), clock, ..Plan::default() }).await
}

/// The keys of the objects below `top`.
async fn objects(world: &World, top: &str) -> Vec<String> {
    world.app.store.list(top).map_ok(|stored| stored.key).try_collect().await.unwrap()
}

story!(a_bundle_of_a_bucket_goes_on_at_another_node_until_its_plan_is_lost, async |engine: Engine| {
    let world = bucket_world(engine, Clock::System).await;
    let documents = archived_documents(&world).await;
    let wang = world.caller("wang").await;
    let ids: Vec<String> = documents.iter().map(|document| document.id.to_string()).collect();
    let made = bundle_of(&wang, &json!({ "documentIds": ids })).await;
    let (url, tag) = (made["url"].as_str().unwrap(), made["etag"].as_str().unwrap());
    let plans = objects(&world, "bundles").await;
    assert_eq!(plans.len(), 1);
    assert!(plans[0].starts_with(&format!("bundles/{}.", made["id"].as_str().unwrap())), "{plans:?}");
    let whole = wang.get(url).await;
    assert_eq!((whole.status.as_u16(), photos_in(&whole.bytes)), (200, 2));
    let (other, stop) = world.another_node("wang").await;
    let half = whole.bytes.len() / 2;
    let rest = other.part(url, &format!("bytes={half}-"), Some(tag)).await;
    assert_eq!((rest.status.as_u16(), &rest.bytes[..]), (206, &whole.bytes[half..]));
    let across = other.part(url, "bytes=10-4999", None).await;
    assert_eq!(&across.bytes[..], &whole.bytes[10..5000]);
    stop.cancel();
    let key: String = sql("SELECT plan_key FROM bundles WHERE kind = 'selection'").scalar(&world.app.db).await.unwrap();
    world.app.store.delete(&StoreKey::Raw(key)).await.unwrap();
    // A node that has not read the plan before.
    let (third, stop) = world.another_node("wang").await;
    third.get(url).await.expect_problem(410, "bundle_gone");
    third.part(url, "bytes=5-", Some(tag)).await.expect_problem(410, "bundle_gone");
    third.get(&format!("{url}/about")).await.expect_problem(410, "bundle_gone");
    stop.cancel();
});

story!(a_package_of_a_bucket_agrees_with_its_manifests_and_keeps_its_bytes, async |engine: Engine| {
    let world = bucket_world(engine, Clock::System).await;
    let flow = archived(&world, 2).await;
    let wang = world.caller("wang").await;
    let told = wang.get(&zip_of_evidence(&flow)).await;
    assert_eq!(told.status, 200);
    let files: BTreeMap<String, Vec<u8>> = files_of(&told.bytes).into_iter().collect();
    let root = files.keys().next().unwrap().split('/').next().unwrap().to_owned();
    let listed = files_of(&told.bytes);
    for list in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        for line in text_of(&listed, &format!("/{list}")).lines() {
            let (sha256, path) = line.split_once("  ").unwrap();
            assert_eq!(Hashes::of(&files[&format!("{root}/{path}")]).sha256, sha256, "{path}");
        }
    }
    let s = Hashes::of(text_of(&listed, "tagmanifest-sha256.txt").as_bytes()).sha256;
    assert_eq!(wang.get(&format!("/api/flows/{flow}")).await.json()["evidence"]["s"], s);
    let frozen = told.header("content-location");
    let (other, stop) = world.another_node("wang").await;
    assert_eq!(other.get(frozen).await.bytes, told.bytes);
    stop.cancel();
});

const DAY: Duration = Duration::from_hours(24);

story!(ended_bundles_and_packages_leave_nothing_in_a_bucket, async |engine: Engine| {
    let clock = Clock::manual(Clock::System.now());
    let world = bucket_world(engine, clock.clone()).await;
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp(&business, 0).await.unwrap();
    let wang = world.caller("wang").await;
    act(&wang, &flow, "collect", json!({})).await.expect(202);
    world.until("the photo is here", async || stored(&world).await == 1).await;
    world.until_quiet().await;
    let package = wang.get(&zip_of_evidence(&flow)).await;
    assert_eq!(package.status, 200);
    let made = bundle_of(&wang, &json!({ "flowIds": [flow.to_string()] })).await;
    assert!(objects(&world, "evidence").await.len() > 5);
    assert_eq!(objects(&world, "bundles").await.len(), 1);
    // What a process that died has left is swept after a day.
    world.app.store.put(&StoreKey::plan_of(&BundleId::new()), "x".into()).await.unwrap();
    clock.advance(8 * DAY);
    wang.get(package.header("content-location")).await.expect_problem(410, "bundle_gone");
    bundle::expire(&world.app).await.unwrap();
    expiry::sweep(&world.app).await.unwrap();
    let left = [objects(&world, "evidence").await, objects(&world, "bundles").await].concat();
    assert_eq!(left, Vec::<String>::new());
    wang.get(made["url"].as_str().unwrap()).await.expect_problem(410, "bundle_gone");
});

story!(a_damaged_or_lost_original_of_a_bucket_breaks_off_and_is_a_finding, async |engine: Engine| {
    let world = bucket_world(engine, Clock::System).await;
    let flow = archived(&world, 3).await;
    let wang = world.caller("wang").await;
    let documents = photos::documents(&world, &flow).await;
    for (at, document) in documents.iter().enumerate() {
        let key = StoreKey::Raw(document.store_key.clone());
        let made = bundle_of(&wang, &json!({ "documentIds": [document.id.to_string()] })).await;
        let mut bytes = world.app.store.get(&key).await.unwrap().to_vec();
        match at {
            0 => bytes[1000] ^= 1,
            1 => bytes.truncate(1000),
            _ => bytes.push(0),
        }
        world.app.store.put(&key, bytes.into()).await.unwrap();
        if at == 2 {
            world.app.store.delete(&key).await.unwrap();
        }
        let answer = wang.request(Method::GET, made["url"].as_str().unwrap()).send().await.unwrap();
        assert!(
            !answer.status().is_success() || answer.bytes().await.is_err(),
            "{at} must not end as if it were whole"
        );
        wang.get(made["url"].as_str().unwrap()).await.expect_problem(410, "bundle_gone");
        wang.get(&format!("/api/documents/{}/content", document.id)).await.expect_problem(500, "original_damaged");
    }
    let kinds: Vec<String> = sql("SELECT kind FROM fixity_findings WHERE healed_at IS NULL ORDER BY kind")
        .scalars(&world.app.db)
        .await
        .unwrap();
    assert_eq!(kinds, ["changed", "changed", "missing"]);
});
