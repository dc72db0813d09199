//! Stories of what changes beside the application: persons whom the vendor adds, and an application that another one has
//! replaced.

use serde_json::{Value, json};
use simulator::Knobs;

use crate::support::{
    Caller, Engine, Plan, World,
    definitions::extra_node,
    flows::{listed, show, step},
    seals::{business_of, in_use, look, one_seal},
    story,
    world::small_photos,
};

/// The persons whose codes the caller sees.
async fn codes(caller: &Caller, flow: &impl std::fmt::Display) -> Vec<Value> {
    let told = caller.get(&format!("/api/flows/{flow}/seal-code")).await.expect(200);
    told.as_array().unwrap().iter().map(|code| code["username"].clone()).collect()
}

story!(an_authorisation_that_the_vendor_adds_is_its_persons_alone, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    let [wang, zhao, admin] = [world.caller("wang").await, world.caller("zhao").await, world.caller("admin").await];
    zhao.get(&format!("/api/flows/{flow}")).await.expect_problem(404, "not_found");
    // At the same box: 赵六, and a person who is no user here.
    world.sim.add_auth(&business, 0, "E004", 1).unwrap();
    world.sim.add_auth(&business, 0, "E999", 1).unwrap();
    look(&world, &flow).await;
    let view = show(&admin, &flow).await;
    let grants = view["sealUses"][0]["grants"].as_array().unwrap();
    let told: Vec<Value> =
        grants.iter().map(|grant| json!([grant["username"], grant["seal"], grant["authorised"]])).collect();
    // What nobody applied for is not authorised.
    assert_eq!(told, [json!(["wang", "公章", 2]), json!(["zhao", "公章", 0]), json!([null, "公章", 0])]);
    assert_eq!(listed(&zhao, &[("todo", "true")]).await, [flow.to_string()]);
    assert!(show(&zhao, &flow).await["actions"].as_array().unwrap().contains(&json!("code")));
    assert_eq!(codes(&zhao, &flow).await, ["zhao"]);
    assert_eq!(codes(&wang, &flow).await, ["wang"]);
    assert_eq!(codes(&admin, &flow).await, [json!("wang"), json!("zhao"), Value::Null]);

    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    for auth in [1, 2] {
        world.sim.stamp(&business, auth).await.unwrap();
    }
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let used = show(&admin, &flow).await["sealUses"][0].clone();
    assert_eq!([&used["authorised"], &used["counted"], &used["received"], &used["missing"]], [2, 4, 4, 0]);
    let photos = async |user: &str| {
        admin.get(&format!("/api/documents?user={user}")).await.expect(200)["items"].as_array().unwrap().len()
    };
    assert_eq!((photos("wang").await, photos("zhao").await), (2, 1));
    assert_eq!(listed(&zhao, &[("done", "true")]).await, [flow.to_string()]);
});

story!(an_append_without_a_box_counts_for_every_person_at_every_box, async |engine: Engine| {
    let knobs = Knobs { no_auto_complete: true, ..small_photos() };
    let world = World::new(engine, Plan { knobs: Some(knobs), ..Plan::default() }).await;
    let rows = json!([
        { "seal": "QYS2019040001", "count": 2, "users": ["wang", "li"] },
        { "seal": "合同专用章", "count": 1, "users": ["wang"] } ]);
    let (flow, business) = in_use(&world, &rows).await;
    let wang = world.caller("wang").await;
    let grants = async || {
        look(&world, &flow).await;
        let used = show(&wang, &flow).await["sealUses"][0].clone();
        let grants = used["grants"].as_array().unwrap().clone();
        (
            grants.iter().map(|grant| json!([grant["authorised"], grant["counted"]])).collect::<Vec<_>>(),
            used["authorised"].clone(),
        )
    };
    // 李四 stamps once more than approved.
    world.sim.stamp_many(&business, 1, 3).await.unwrap();
    assert_eq!(grants().await, (vec![json!([2, 0]), json!([2, 3]), json!([1, 0])], json!(5)));
    step(&wang, &flow, "seal-append", json!({ "count": 2 })).await;
    world.until_quiet().await;
    assert_eq!(grants().await, (vec![json!([4, 0]), json!([4, 3]), json!([3, 0])], json!(11)));
});

story!(more_uses_an_end_and_a_time_go_to_the_present_application_alone, async |engine: Engine| {
    fn checked(definition: &mut Value) {
        extra_node(definition, 2, "check", "复核", "user:li");
    }
    let world = World::new(engine, Plan { definition: Some(checked), ..Plan::default() }).await;
    let (flow, _, first) = world.seal_use(1).await;
    let [li, wang] = [world.caller("li").await, world.caller("wang").await];
    world.sim.stamp(&first, 0).await.unwrap();
    world.until("it is checked", async || show(&li, &flow).await["node"] == "check").await;
    world.until_quiet().await;
    // The first application is used up. The flow goes back, and applies again.
    step(&li, &flow, "reject", json!({ "to": "manager", "comment": "合同有误" })).await;
    step(&li, &flow, "approve", json!({})).await;
    let second = business_of(&world, &wang, &flow, 1).await;
    world.until_quiet().await;
    assert_ne!(first, second);
    let at_vendor = |business: &str| serde_json::to_value(world.sim.business(business).unwrap()).unwrap();
    let before = at_vendor(&first);
    let path = |act: &str| format!("/api/flows/{flow}/{act}");
    wang.put(&path("seal-window"), &json!({ "end": "2099-01-01T00:00:00+08:00" })).await.expect(200);
    wang.post(&path("seal-append"), &json!({ "count": 2 })).await.expect(200);
    world.sim.stamp(&second, 0).await.unwrap();
    wang.post(&path("seal-finish"), &json!({ "reason": "够了" })).await.expect(200);
    world.until("it is checked again", async || show(&li, &flow).await["node"] == "check").await;
    step(&li, &flow, "approve", json!({})).await;
    world.until_archived(&flow).await;
    assert_eq!(at_vendor(&first), before, "what another one has replaced is left alone");
    let present = world.sim.business(&second).unwrap();
    assert_eq!((present.append_logs.len(), present.finish_reason.as_deref()), (1, Some("够了")));
    assert!(present.auths[0].end_time.is_some());
    let asked = |what: &str| world.sim.counters().of(&format!("/seal/apply/{what}"));
    assert_eq!([asked("append"), asked("finish"), asked("updateUseSealTime")], [1, 1, 1]);
    assert_eq!(show(&li, &flow).await["sealUses"][0]["authorised"], 1);
});
