//! Stories of the time of use: set by people or by the form, and what happens when it is over.

use std::time::Duration;

use serde_json::{Value, json};
use yinku::id::FlowId;

use crate::support::{
    Engine, Plan, World,
    seals::{detail, in_use, lazy, noon, one_seal, seal_use, until_status},
    story,
};

story!(past_the_end_of_its_time_a_use_is_ended, async |engine: Engine| {
    let clock = noon();
    let plan = Plan { clock: clock.clone(), knobs: Some(lazy()), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let rows = json!([
        { "seal": "QYS2019040001", "count": 5, "users": ["wang"] },
        { "seal": "合同专用章", "count": 5, "users": ["wang"] } ]);
    let (flow, business) = in_use(&world, &rows).await;
    let wang = world.caller("wang").await;
    let window = format!("/api/flows/{flow}/seal-window");
    wang.delete(&window).await.expect_problem(405, "method_not_allowed");
    wang.patch(&window, &json!({})).await.expect_problem(405, "method_not_allowed");
    wang.put(&window, &json!({ "start": "2026-11-23T08:00:00+08:00" })).await.expect_problem(422, "invalid");
    wang.put(&window, &json!({ "end": "2026-11-23T08:00:00+08:00" })).await.expect_problem(422, "invalid");
    wang.put(&window, &json!({ "end": "2026-11-24T08:00:00+08:00", "deviceNo": "D-9" }))
        .await
        .expect_problem(422, "invalid");
    wang.put(&window, &json!({ "end": "2026-11-23T14:00:00+08:00", "seal": "合同专用章" })).await.expect(200);
    wang.put(&window, &json!({ "end": "2026-11-23T15:00:00+08:00", "deviceNo": "QYS2019040001" })).await.expect(200);
    let ends: Vec<_> =
        world.sim.business(&business).unwrap().auths.iter().map(|auth| auth.end_time.unwrap().to_string()).collect();
    assert_eq!(ends, ["2026-11-23T15:00:00+08:00", "2026-11-23T14:00:00+08:00"]);
    let told = detail(&wang, &flow).await;
    assert_eq!(told[0]["grants"][1]["windowEnd"], "2026-11-23T14:00:00+08:00");
    world.sim.stamp(&business, 0).await.unwrap();

    clock.advance(Duration::from_hours(2));
    world.app.db.wakeup().look_now();
    let finished = || world.sim.counters().of("/seal/apply/finish");
    world.until("the first seal's use is ended", async || finished() == 1).await;
    world.until("and known", async || world.count("SELECT COUNT(*) FROM grants WHERE complete").await == 1).await;
    let complete: Vec<_> = world.sim.business(&business).unwrap().auths.iter().map(|auth| auth.complete).collect();
    assert_eq!(complete, [false, true]);

    clock.advance(Duration::from_hours(1));
    world.app.db.wakeup().look_now();
    world.until_archived(&flow).await;
    assert_eq!(finished(), 2);
    assert_eq!(world.sim.business(&business).unwrap().finish_reason.as_deref(), Some("用印时间已结束"));
});

story!(the_time_of_use_comes_from_the_form_in_chinese_days, async |engine: Engine| {
    fn with_days(definition: &mut Value) {
        definition["fields"].as_array_mut().unwrap().extend([
            json!({ "key": "from", "label": "用印开始日期", "type": "date" }),
            json!({ "key": "until", "label": "用印结束日期", "type": "date" }),
            json!({ "key": "untilTime", "label": "用印结束时间", "type": "time" }),
        ]);
        definition["integration"]["startDateField"] = json!("from");
        definition["integration"]["endDateField"] = json!("until");
        definition["integration"]["endTimeField"] = json!("untilTime");
    }
    let clock = noon();
    let plan = Plan { clock: clock.clone(), knobs: Some(lazy()), definition: Some(with_days), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let zhang = world.caller("zhang").await;
    let start = async |until: &str, time: Value| {
        let form = json!({ "subject": "合同", "company": "上海印库科技有限公司", "seals": one_seal(1), "from": "2026-11-23",
                           "until": until, "untilTime": time });
        zhang.post("/api/flows", &json!({ "definitionId": world.definition, "form": form })).await
    };
    let problem = start("2026-11-22", Value::Null).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "form.until");
    let id = |flow: Value| flow["id"].as_str().unwrap().parse::<FlowId>().unwrap();
    let day = id(start("2026-11-23", Value::Null).await.expect(201));
    let short = id(start("2026-11-23", json!("12:30")).await.expect(201));
    world.approve(&day).await;
    world.until("it is applied for", async || world.sim.businesses().len() == 1).await;
    let auth = world.sim.businesses().remove(0).auths.remove(0);
    let told = (auth.start_time.unwrap().to_string(), auth.end_time.unwrap().to_string());
    assert_eq!(told, ("2026-11-23T00:00:00+08:00".to_owned(), "2026-11-23T23:59:59+08:00".to_owned()));
    // The other one is approved too late.
    clock.advance(Duration::from_mins(31));
    world.approve(&short).await;
    world
        .until("it has failed", async || {
            let used = seal_use(&world, &short).await;
            used.status.as_str() == "failed" && used.error.unwrap().contains("time of use was over")
        })
        .await;
    clock.advance(Duration::from_hours(12));
    world.app.db.wakeup().look_now();
    world.until("the day is over", async || world.sim.counters().of("/seal/apply/finish") == 1).await;
    until_status(&world, &day, "finished").await;
    world.leaves_parked("apply", "the time of use of the second flow was over before its application");
});
