//! Stories of what is answered about seal use: it is how things stand, not how they stood.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};

use crate::support::{
    World,
    flows::{acts, show},
    seals::{detail, in_use, one_seal, two_seals},
    story,
};

story!(what_is_answered_after_an_end_is_how_it_stands, async |world: World| {
    let (flow, business) = in_use(&world, &two_seals()).await;
    let wang = world.caller("wang").await;
    let finish = format!("/api/flows/{flow}/seal-finish");
    world.sim.stamp(&business, 0).await.unwrap();
    let one = wang.post(&finish, &json!({ "reason": "盖完了", "deviceNo": "QYS2019040001" })).await.expect(200);
    let told = |view: &Value| {
        let seal_use = &view["sealUses"][0];
        let grants = seal_use["grants"].as_array().unwrap();
        let complete: Vec<bool> = grants.iter().map(|grant| grant["complete"].as_bool().unwrap()).collect();
        (seal_use["status"].as_str().unwrap().to_owned(), complete, seal_use["counted"].as_i64().unwrap())
    };
    assert_eq!(told(&one), ("using".to_owned(), vec![true, false], 1));
    let all = wang.post(&finish, &json!({ "reason": "全部结束" })).await.expect(200);
    assert_eq!(told(&all), ("finished".to_owned(), vec![true, true], 1));
    assert!(!all["actions"].as_array().unwrap().contains(&json!("finish")), "{}", all["actions"]);
    world.until_archived(&flow).await;
    let ends = acts(&world, &flow).await.into_iter().filter(|act| act == "use_ended").count();
    assert_eq!(ends, 1, "the end is told once");
});

story!(an_end_is_written_down_before_the_vendor_is_asked_how_it_stands, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_quiet().await;
    let wang = world.caller("wang").await;
    world.sim.set_fault(Fault::always(Target::Detail, FaultKind::Hang));
    let (path, reason) = (format!("/api/flows/{flow}/seal-finish"), json!({ "reason": "盖完了" }));
    let answer = tokio::time::timeout(Duration::from_secs(15), wang.post(&path, &reason)).await;
    answer.expect("the vendor's silence does not hold up who ended use").expect(200);
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'use_finished' AND username = 'wang'").await, 1);
    assert!(acts(&world, &flow).await.contains(&"finished".to_owned()));
    // Once the vendor answers, the ingest finds out: requests that hang end now.
    world.sim.clear_faults();
    world.sim.set_down(true);
    world.sim.set_down(false);
    world.until_archived(&flow).await;
});

story!(a_detail_from_before_more_uses_were_appended_is_not_how_it_stands, async |world: World| {
    let (flow, _) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    let (wang, admin) = (world.caller("wang").await, world.caller("admin").await);
    let details = || world.sim.counters().of("/seal/apply/detail");
    let before = details();
    // Who ended use and the ingest both ask; the answers, that use has ended, take their time.
    world.sim.set_fault(Fault::times(Target::Detail, FaultKind::Slow { bytes_per_second: 1_000 }, 2));
    let (finish, reason) = (format!("/api/flows/{flow}/seal-finish"), json!({ "reason": "盖完了" }));
    let (append, more) = (format!("/api/flows/{flow}/seal-append"), json!({ "count": 3 }));
    let (ended, ()) = tokio::join!(wang.post(&finish, &reason), async {
        world.until("both ask", async || details() >= before + 2).await;
        admin.post(&append, &more).await.expect(200);
    });
    ended.expect(200);
    assert!(!acts(&world, &flow).await.contains(&"use_ended".to_owned()), "the old answer was not believed");
    world.until_quiet().await;
    let view = show(&wang, &flow).await;
    let used = &view["sealUses"][0];
    assert_eq!((&used["status"], &used["authorised"]), (&json!("using"), &json!(5)), "{view}");
});

story!(a_photo_that_only_the_fresh_detail_names_is_named, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    // Nobody calls back during use.
    world.sim.stamp(&business, 0).await.unwrap();
    let detail = detail(&world.caller("wang").await, &flow).await;
    assert_eq!((&detail[0]["fresh"], &detail[0]["missing"]), (&json!(true), &json!(1)));
    let missing = detail[0]["grants"][0]["missingPhotos"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "{missing:?}");
    let (kind, count, named) = (&missing[0]["kind"], &missing[0]["count"], &missing[0]["named"]);
    assert_eq!((kind, count, named), (&json!("signatory"), &json!(1), &json!(true)));
    let key = world.sim.business(&business).unwrap().photos[0].photokey.clone();
    assert_eq!(missing[0]["keys"], json!([key]));
    // Having been seen, it is brought in.
    world
        .until("the photo is here", async || {
            world.count("SELECT COUNT(*) FROM photos WHERE original_hash IS NOT NULL").await == 1
        })
        .await;
});
