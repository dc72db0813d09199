//! The check of originals: what is missing, changed, without a row, and what could not be looked at.

use std::{process::Command, time::Duration};

use bytes::Bytes;
use reqwest::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use yinku::{
    db::sql,
    preservation::fixity::{
        Damage, FixityResult,
        verify::{FixityReport, FixityScope, Verifier},
    },
    store::StoreKey,
};

use crate::support::{Engine, Plan, World, bucket::in_a_bucket, photos, seals::archived, story};

fn verifier(world: &World) -> Verifier<'_> {
    let app = &world.app;
    Verifier {
        store: &app.store,
        db: &app.db,
        clock: &app.clock,
        by: "story",
        untracked_before: app.clock.now().plus(Duration::from_hours(1)),
        stop: CancellationToken::new(),
    }
}

async fn verify(world: &World, scope: FixityScope) -> FixityReport {
    verifier(world).verify(&scope, || {}).await.unwrap()
}

story!(originals_that_are_missing_or_changed_are_found_and_heal, async |world: World| {
    are_found_and_heal(world).await;
});

story!(originals_that_are_missing_or_changed_in_a_bucket_are_found_and_heal, async |engine: Engine| {
    are_found_and_heal(World::new(engine, Plan { config: Some(in_a_bucket), ..Plan::default() }).await).await;
});

async fn are_found_and_heal(world: World) {
    let flow = archived(&world, 3).await;
    world.until_quiet().await;
    let report = verify(&world, FixityScope::All).await;
    assert_eq!((report.result, report.checked), (FixityResult::Good, 3), "{report:?}");
    assert_eq!(verify(&world, FixityScope::Sample(1.0)).await.checked, 3);
    let keys: Vec<String> = sql("SELECT store_key FROM originals ORDER BY hash").scalars(&world.app.db).await.unwrap();
    let object = |at: usize| StoreKey::Raw(keys[at].clone());
    let (store, first) = (&world.app.store, world.app.store.get(&object(0)).await.unwrap());
    let second = store.get(&object(1)).await.unwrap();
    let mut changed = first.to_vec();
    changed[1000] ^= 1;
    store.put(&object(0), changed.into()).await.unwrap();
    store.delete(&object(1)).await.unwrap();
    store.put(&StoreKey::Raw("originals/x/2026-11/unknown.jpg".into()), Bytes::from_static(b"x")).await.unwrap();
    for scope in [FixityScope::All, FixityScope::Flow(flow.clone())] {
        let all = matches!(scope, FixityScope::All);
        let report = verify(&world, scope).await;
        let mut found: Vec<(Damage, &str)> =
            report.damaged.iter().map(|damaged| (damaged.damage, damaged.key.as_str())).collect();
        found.sort_by_key(|(_, key)| keys.iter().position(|known| known == key));
        assert_eq!(found, [(Damage::Changed, &*keys[0]), (Damage::Missing, &*keys[1])]);
        assert_eq!((report.result, report.checked), (FixityResult::Findings, 3));
        assert_eq!(report.untracked.len(), usize::from(all));
    }
    // One entry for each finding, however often it is found, and one for each run.
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'damage_found'").await, 3);
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'fixity_checked'").await, 4);
    assert_eq!(world.count("SELECT COUNT(*) FROM fixity_findings WHERE healed_at IS NULL").await, 3);
    store.put(&object(0), first).await.unwrap();
    store.put(&object(1), second).await.unwrap();
    store.delete(&StoreKey::Raw("originals/x/2026-11/unknown.jpg".into())).await.unwrap();
    assert_eq!(verify(&world, FixityScope::All).await.result, FixityResult::Good);
    assert_eq!(world.count("SELECT COUNT(*) FROM fixity_findings WHERE healed_at IS NULL").await, 0);
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'damage_healed'").await, 3);
}

story!(a_check_that_cannot_go_on_is_not_well_and_keeps_what_it_found, async |world: World| {
    let flow = archived(&world, 2).await;
    world.until_quiet().await;
    let sample = verify(&world, FixityScope::Sample(0.000_001)).await;
    assert_eq!((sample.result, sample.checked), (FixityResult::Good, 1), "a sample has one original at least");
    // An original whose path leads in a circle cannot be read. That is no finding of damage, and not well.
    let key: String = sql("SELECT MIN(store_key) FROM originals").scalar(&world.app.db).await.unwrap();
    let path = world.app.config.data_dir.join("store").join(&key);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let report = verify(&world, FixityScope::Flow(flow.clone())).await;
    assert_eq!((report.result, report.checked), (FixityResult::CouldNotCheck, 1), "{report:?}");
    assert_eq!(report.could_not_check[0].key, key);
    let kinds: Vec<String> =
        sql("SELECT kind FROM fixity_findings WHERE healed_at IS NULL").scalars(&world.app.db).await.unwrap();
    assert_eq!(kinds, ["unreadable"]);
    // The list of the store fails at it. The originals before are checked, and the run has its entry.
    let report = verify(&world, FixityScope::All).await;
    assert_eq!(report.result, FixityResult::CouldNotCheck);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(verify(&world, FixityScope::Flow(flow)).await.result, FixityResult::Good);
    assert_eq!(world.count("SELECT COUNT(*) FROM fixity_findings WHERE healed_at IS NULL").await, 0);
    // An interrupted check.
    let stopped = verifier(&world);
    stopped.stop.cancel();
    let report = stopped.verify(&FixityScope::All, || {}).await.unwrap();
    assert_eq!(report.result, FixityResult::CouldNotCheck);
    assert!(report.could_not_check[0].why.contains("interrupted"), "{report:?}");
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'fixity_checked'").await, 5);
});

story!(the_command_ends_well_only_if_all_was_checked_and_is_well, async |world: World| {
    archived(&world, 2).await;
    world.until_quiet().await;
    let config = &world.app.config;
    let verify = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yinku"));
        command.arg("verify").args(arguments).current_dir(&config.data_dir);
        command.env("YINKU_DATABASE__URL", config.database.url.to_string()).env("YINKU_DATA_DIR", &config.data_dir);
        let ran = command.output().unwrap();
        (ran.status.code(), String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
    };
    let (status, told) = verify(&["--json"]);
    assert_eq!(status, Some(0), "{told}");
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&report["result"], &report["checked"]), (&"good".into(), &2.into()));
    let serial: String = sql("SELECT serial_no FROM flows").scalar(&world.app.db).await.unwrap();
    assert_eq!(verify(&["--flow", &serial]).0, Some(0));
    assert_eq!(verify(&["--flow", "nothing"]).0, Some(2));
    assert_eq!(verify(&["--sample", "2"]).0, Some(2));
    let key: String = sql("SELECT MIN(store_key) FROM originals").scalar(&world.app.db).await.unwrap();
    let path = config.data_dir.join("store").join(&key);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let (status, told) = verify(&[]);
    assert!(status == Some(1) && told.contains(&format!("missing  {key}")), "{told}");
    // A store with a link to itself cannot be read: that is no finding, and not well.
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let (status, told) = verify(&[]);
    assert!(status == Some(2) && told.contains("could_not_check"), "{told}");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(verify(&[]).0, Some(0));
});

story!(a_damaged_original_breaks_off_and_is_a_finding, async |world: World| {
    let flow = archived(&world, 1).await;
    world.until_quiet().await;
    let wang = world.caller("wang").await;
    let document = photos::documents(&world, &flow).await.remove(0);
    let key = StoreKey::Raw(document.store_key.clone());
    let mut bytes = world.app.store.get(&key).await.unwrap().to_vec();
    let length = bytes.len();
    bytes[length / 2] ^= 1;
    world.app.store.put(&key, bytes.into()).await.unwrap();
    let made = wang.post("/api/bundles", &json!({ "documentIds": [document.id.to_string()] })).await.expect(201);
    let answer = wang.request(Method::GET, made["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err(), "it must not end as if it were whole");
    // Now the damage is known.
    let content = format!("/api/documents/{}/content", document.id);
    wang.get(&content).await.expect_problem(500, "original_damaged");
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'damage_found'").await, 1);
});
