//! Stories of an end, or a time of use, that does not go smoothly at the vendor; through HTTP.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};
use yinku::{clock::Clock, id::FlowId};

use crate::support::{
    Caller, Engine, Plan, World,
    flows::{acts, show, step},
    seals::{
        detail, finishes, in_quiet_use, in_use, noon, one_seal, refusal, seal_use, until_status, window_of, windows,
    },
    story,
};

story!(an_end_that_the_vendor_refused_is_tried_again_by_an_administrator, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.sim.set_fault(Fault::times(Target::Apply, refusal("操作人不存在"), 1));
    let zhang = world.caller("zhang").await;
    step(&zhang, &flow, "withdraw", json!({ "comment": "不签了" })).await;
    let parked = "SELECT COUNT(*) FROM jobs WHERE kind = 'finish' AND state = 'parked'";
    world.until("the end is parked", async || world.count(parked).await == 1).await;
    let told = detail(&world.caller("sun").await, &flow).await;
    assert!(told[0]["error"].as_str().unwrap().contains("操作人不存在"), "{told}");
    assert_eq!((&told[0]["status"], &told[0]["ending"]["reason"]), (&json!("using"), &json!("不签了")));

    let resolve = format!("/api/seal-uses/{}/resolve", seal_use(&world, &flow).await.id);
    let again = json!({ "endAgain": true });
    zhang.post(&resolve, &again).await.expect_problem(403, "forbidden");
    let admin = world.caller("admin").await;
    admin.post(&resolve, &again).await.expect(200);
    until_status(&world, &flow, "finished").await;
    world.until_quiet().await;
    let ended = seal_use(&world, &flow).await;
    assert_eq!((ended.error, finishes(&world)), (None, 2));
    assert_eq!(world.sim.business(&business).unwrap().finish_reason.as_deref(), Some("不签了"));
    assert_eq!(
        world.count("SELECT COUNT(*) FROM audit WHERE act = 'seal_use_resolved' AND username = 'admin'").await,
        1
    );
    admin.post(&resolve, &again).await.expect_problem(409, "no_ending");
});

story!(a_withdrawal_ends_use_once_the_vendor_is_back_and_its_photos_come_in, async |engine: Engine| {
    ends_however_long_it_takes(engine, "admin", "withdraw", "withdrawn").await;
});

story!(a_rejection_ends_use_once_the_vendor_is_back_and_its_photos_come_in, async |engine: Engine| {
    ends_however_long_it_takes(engine, "wang", "reject", "rejected").await;
});

async fn ends_however_long_it_takes(engine: Engine, who: &str, step: &str, state: &str) {
    let clock = noon();
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    let (flow, business) = in_use(&world, &one_seal(3)).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.sim.set_down(true);
    let view =
        world.caller(who).await.post(&format!("/api/flows/{flow}/{step}"), &json!({ "comment": "客户取消" })).await;
    assert_eq!(view.expect(200)["state"], state, "the vendor being down holds nobody up");
    let zhang = world.caller("zhang").await;
    let show = async || show(&zhang, &flow).await;
    // However long that takes it is tried again, and shown.
    for _ in 0..3 {
        let before = world.count("SELECT COALESCE(MAX(attempts), 0) FROM jobs WHERE kind = 'finish'").await;
        clock.advance(Duration::from_mins(10));
        world.app.db.wakeup().look_now();
        let tries = "SELECT COALESCE(MAX(attempts), 0) FROM jobs WHERE kind = 'finish' AND state = 'queued'";
        world.until("its end is tried again", async || world.count(tries).await > before).await;
    }
    let used = &show().await["sealUses"][0];
    assert_eq!(used["status"], "using", "{used}");
    assert!(used["error"].as_str().unwrap().contains("could not be ended"), "{used}");
    let told = detail(&world.caller("sun").await, &flow).await;
    let ending = &told[0]["ending"];
    assert_eq!((&told[0]["fresh"], &ending["reason"], &ending["by"]), (&json!(false), &json!("客户取消"), &json!(who)));
    assert!(told[0]["unanswered"].is_string(), "{told}");

    world.sim.set_down(false);
    clock.advance(Duration::from_mins(10));
    world.app.db.wakeup().look_now();
    until_status(&world, &flow, "finished").await;
    world
        .until("its photos are here", async || {
            let flow = show().await;
            flow["files"]["photos"].as_array().is_some_and(|photos| photos.len() == 2)
        })
        .await;
    world.until("no error is left", async || show().await["sealUses"][0]["error"].is_null()).await;
    assert_eq!(world.sim.business(&business).unwrap().finish_reason.as_deref(), Some("客户取消"));
    assert_eq!((finishes(&world), &show().await["state"]), (1, &json!(state)));
}

/// The end of a seal's time at the vendor, and as we show it.
async fn ends(world: &World, caller: &Caller, flow: &FlowId, business: &str, seal: usize) -> (Option<String>, Value) {
    let auth = world.sim.business(business).unwrap().auths.remove(seal);
    let told = detail(caller, flow).await;
    (auth.end_time.map(|end| end.to_string()), told[0]["grants"][seal]["windowEnd"].clone())
}

const TWO: &str = "2026-11-23T14:00:00+08:00";
const THREE: &str = "2026-11-23T15:00:00+08:00";

story!(a_time_of_use_whose_answer_is_lost_is_set_again, async |engine: Engine| {
    let clock = noon();
    let (world, flow, business) = in_quiet_use(engine, &clock, &one_seal(2)).await;
    let (wang, window) = (world.caller("wang").await, window_of(&flow));
    // It was done, the answer was cut; then a proxy answered instead: the same time once more is the same time.
    for (fault, calls) in [(FaultKind::Cut, 2), (FaultKind::Status { status: 502 }, 4)] {
        world.sim.set_fault(Fault::times(Target::Any, fault, 1));
        wang.put(&window, &json!({ "end": TWO })).await.expect(200);
        assert_eq!(windows(&world), calls);
    }
    assert_eq!(ends(&world, &wang, &flow, &business, 0).await, (Some(TWO.to_owned()), json!(TWO)));
    // Past its end yinku ends the use by itself.
    world.sim.stamp(&business, 0).await.unwrap();
    clock.advance(Duration::from_hours(2));
    world.app.db.wakeup().look_now();
    world.until_archived(&flow).await;
    assert_eq!(finishes(&world), 1);
    assert_eq!(world.sim.business(&business).unwrap().finish_reason.as_deref(), Some("用印时间已结束"));
    assert!(acts(&world, &flow).await.contains(&"finished".to_owned()));
});

story!(a_time_of_use_that_nobody_knows_of_is_told_and_the_old_end_holds, async |engine: Engine| {
    let clock = noon();
    let (world, flow, business) = in_quiet_use(engine, &clock, &one_seal(2)).await;
    let (wang, window) = (world.caller("wang").await, window_of(&flow));
    wang.put(&window, &json!({ "end": TWO })).await.expect(200);
    world.sim.set_fault(Fault::times(Target::Any, FaultKind::Cut, 4));
    let problem = wang.put(&window, &json!({ "end": THREE })).await.expect_problem(502, "vendor_failed");
    assert!(problem["detail"].as_str().unwrap().contains("unknown whether the time was changed"), "{problem}");
    // The vendor has the new time; we show the last one that we know of, and that somebody tried.
    assert_eq!(ends(&world, &wang, &flow, &business, 0).await, (Some(THREE.to_owned()), json!(TWO)));
    let view = show(&wang, &flow).await;
    let events = view["events"].as_array().unwrap();
    let unclear = events.iter().find(|event| event["act"] == "window_unclear").unwrap();
    assert!(unclear["detail"].as_str().unwrap().contains("15:00:00"), "{unclear}");
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'window_unclear' AND username = 'wang'").await, 1);
    // A refusal changes nothing and is no riddle.
    world.sim.set_fault(Fault::times(Target::Any, refusal("参数错误"), 1));
    wang.put(&window, &json!({ "end": THREE })).await.expect_problem(502, "vendor_failed");
    assert_eq!(acts(&world, &flow).await.iter().filter(|act| *act == "window_unclear").count(), 1);

    world.sim.stamp(&business, 0).await.unwrap();
    clock.advance(Duration::from_hours(2));
    world.app.db.wakeup().look_now();
    world.until_archived(&flow).await;
    assert_eq!(finishes(&world), 1, "at the end that we know of");
});

story!(a_time_of_use_whose_lost_answer_is_followed_by_a_refusal_is_told, async |engine: Engine| {
    let (world, flow, business) = in_quiet_use(engine, &noon(), &one_seal(2)).await;
    let (wang, window) = (world.caller("wang").await, window_of(&flow));
    for fault in [FaultKind::Cut, refusal("参数错误")] {
        world.sim.set_fault(Fault::times(Target::Any, fault, 1));
    }
    let problem = wang.put(&window, &json!({ "end": TWO })).await.expect_problem(502, "vendor_failed");
    assert_eq!(windows(&world), 2);
    // The refusal takes nothing back: the vendor has the new time.
    assert_eq!(ends(&world, &wang, &flow, &business, 0).await, (Some(TWO.to_owned()), Value::Null));
    assert!(problem["detail"].as_str().unwrap().contains("unknown whether the time was changed"), "{problem}");
    assert!(acts(&world, &flow).await.contains(&"window_unclear".to_owned()));
});

story!(a_time_that_is_set_for_one_seal_of_two_is_kept_though_the_other_fails, async |engine: Engine| {
    let rows = json!([
        { "seal": "QYS2019040001", "count": 1, "users": ["wang"] },
        { "seal": "QYS2019040004", "count": 1, "users": ["wang"] } ]);
    let (world, flow, business) = in_quiet_use(engine, &noon(), &rows).await;
    let (wang, window) = (world.caller("wang").await, window_of(&flow));
    // Both seals are called 公章: one call for each box.
    world.sim.set_fault(Fault { after: 1, ..Fault::times(Target::Any, refusal("参数错误"), 1) });
    wang.put(&window, &json!({ "end": TWO, "seal": "公章" })).await.expect_problem(502, "vendor_failed");
    assert_eq!(ends(&world, &wang, &flow, &business, 0).await, (Some(TWO.to_owned()), json!(TWO)));
    assert_eq!(ends(&world, &wang, &flow, &business, 1).await, (None, Value::Null));
    wang.put(&window, &json!({ "end": TWO, "seal": "公章" })).await.expect(200);
    assert_eq!(ends(&world, &wang, &flow, &business, 1).await, (Some(TWO.to_owned()), json!(TWO)));
});

story!(a_detail_from_before_more_uses_were_appended_ends_nothing, async |engine: Engine| {
    let world = World::new(engine, Plan { clock: Clock::System, ..Plan::default() }).await;
    let (flow, business) = in_use(&world, &one_seal(1)).await;
    world.until_quiet().await;
    let details = || world.sim.counters().of("/seal/apply/detail");
    let before = details();
    // The vendor says that use has ended, and takes its time to say so.
    world.sim.set_fault(Fault::times(Target::Detail, FaultKind::Slow { bytes_per_second: 400 }, 1));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until("the ingest asks", async || details() == before + 1).await;
    let wang = world.caller("wang").await;
    wang.post(&format!("/api/flows/{flow}/seal-append"), &json!({ "count": 2 })).await.expect(200);
    assert_eq!(world.count("SELECT COUNT(*) FROM jobs WHERE kind = 'ingest' AND state = 'running'").await, 1);
    world.until("the photo is here", async || world.count("SELECT COUNT(*) FROM documents").await == 1).await;
    world.until_quiet().await;
    let view = show(&wang, &flow).await;
    let used = &view["sealUses"][0];
    assert_eq!(
        (&used["status"], &used["authorised"], &view["node"]),
        (&json!("using"), &json!(3), &json!("seal")),
        "{view}"
    );
    assert!(!acts(&world, &flow).await.contains(&"use_ended".to_owned()), "the old answer was not believed");
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(acts(&world, &flow).await.iter().filter(|act| *act == "use_ended").count(), 1);
});
