//! Stories of flows whose seals are in use, and that go back or are taken back all the same.

use reqwest::Method;
use serde_json::{Value, json};
use yinku::id::FlowId;

use crate::support::{
    Caller, Engine, Plan, World,
    definitions::extra_node,
    flows::{show, step},
    seals::business_of,
    story,
};

async fn until_ended(world: &World, caller: &Caller, flow: &FlowId, photos: usize) {
    world
        .until("use has ended and its photos are here", async || {
            let flow = show(caller, flow).await;
            let files = flow["files"]["photos"].as_array().unwrap().len();
            flow["sealUses"][0]["status"] == "finished" && files == photos && flow["sealUses"][0]["missing"] == 0
        })
        .await;
}

story!(a_flow_sent_back_after_its_code_was_viewed_ends_use_and_applies_again, async |world: World| {
    let (flow, seal_use, first) = world.seal_use(3).await;
    let (zhang, li, wang) = (world.caller("zhang").await, world.caller("li").await, world.caller("wang").await);
    let codes = wang.get(&format!("/api/flows/{flow}/seal-code")).await.expect(200);
    assert!(codes[0]["code"].is_string(), "{codes}");
    world.sim.stamp_many(&first, 0, 1).await.unwrap();
    let view = step(&wang, &flow, "reject", json!({ "comment": "合同有误" })).await;
    assert_eq!((&view["state"], &view["sealUses"][0]["superseded"]), (&json!("rejected"), &json!(true)));
    wang.get(&format!("/api/flows/{flow}/seal-code")).await.expect_problem(409, "flow_not_running");
    until_ended(&world, &zhang, &flow, 1).await;
    assert_eq!(show(&zhang, &flow).await["state"], "rejected", "photos that come in move nothing");

    step(&zhang, &flow, "submit", json!({})).await;
    step(&li, &flow, "approve", json!({})).await;
    let second = business_of(&world, &zhang, &flow, 1).await;
    assert_ne!(first, second);
    let view = show(&wang, &flow).await;
    assert_eq!(view["sealUses"][1]["serialNo"], format!("{}-2", seal_use.serial_no));
    assert!(view["actions"].as_array().unwrap().contains(&json!("code")), "{}", view["actions"]);
    world.sim.stamp_many(&second, 0, 3).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(show(&zhang, &flow).await["files"]["photos"].as_array().unwrap().len(), 4);
    world.assert_snapshot("sent_back_and_applied_again").await;
});

story!(a_flow_withdrawn_ends_use_and_its_photos_still_come_in, async |world: World| {
    let (flow, _, business) = world.seal_use(3).await;
    let zhang = world.caller("zhang").await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    step(&world.caller("admin").await, &flow, "withdraw", json!({ "comment": "不签了" })).await;
    until_ended(&world, &zhang, &flow, 2).await;
    world.until_quiet().await;
    let view = show(&zhang, &flow).await;
    assert_eq!((&view["state"], &view["archivedAt"]), (&json!("withdrawn"), &Value::Null));
    world.assert_snapshot("withdrawn_in_use").await;
});

story!(sent_back_to_a_node_after_the_application_another_one_is_made_when_it_is_passed, async |engine: Engine| {
    let boss = |definition: &mut Value| {
        extra_node(definition, 1, "boss", "总经理", "user:zhao");
    };
    let world = World::new(engine, Plan { definition: Some(boss), ..Plan::default() }).await;
    let (flow, _, first) = world.seal_use(2).await;
    let (zhao, wang) = (world.caller("zhao").await, world.caller("wang").await);
    step(&zhao, &flow, "approve", json!({})).await;
    step(&wang, &flow, "reject", json!({ "to": "boss", "comment": "退回" })).await;
    until_ended(&world, &wang, &flow, 0).await;
    assert_eq!(show(&zhao, &flow).await["sealUses"].as_array().unwrap().len(), 1, "not before it is approved again");
    step(&zhao, &flow, "approve", json!({})).await;
    let second = business_of(&world, &wang, &flow, 1).await;
    assert_ne!(first, second);
    world.sim.stamp_many(&second, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
});

story!(sent_back_to_a_seal_node_whose_use_is_complete_a_person_leaves_it, async |engine: Engine| {
    let check = |definition: &mut Value| {
        extra_node(definition, 2, "check", "复核", "user:li");
    };
    let world = World::new(engine, Plan { definition: Some(check), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    let (li, wang) = (world.caller("li").await, world.caller("wang").await);
    wang.post(&format!("/api/flows/{flow}/approve"), &json!({})).await.expect_problem(409, "seal_node");
    world.sim.stamp_many(&business, 0, 1).await.unwrap();
    world.until("it is checked", async || show(&li, &flow).await["node"] == "check").await;
    world.until_quiet().await;
    let view = step(&li, &flow, "reject", json!({ "to": "seal", "comment": "用印后文件不清楚" })).await;
    assert_eq!((&view["node"], view["sealUses"].as_array().unwrap().len()), (&json!("seal"), 1));
    let view = show(&wang, &flow).await;
    assert!(view["actions"].as_array().unwrap().contains(&json!("approve")), "{}", view["actions"]);
    assert_eq!(step(&wang, &flow, "approve", json!({})).await["node"], "check");
    step(&li, &flow, "approve", json!({})).await;
    world.until_archived(&flow).await;
    world.assert_snapshot("sent_back_to_the_seal_node").await;
});

story!(use_that_ends_before_the_last_approval_completes_the_seal_node_on_arrival, async |engine: Engine| {
    let boss = |definition: &mut Value| {
        extra_node(definition, 1, "boss", "总经理", "user:zhao");
    };
    let world = World::new(engine, Plan { definition: Some(boss), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.stamp_many(&business, 0, 1).await.unwrap();
    let zhao = world.caller("zhao").await;
    world.until("its photo is here", async || show(&zhao, &flow).await["sealUses"][0]["received"] == 1).await;
    world.until_quiet().await;
    assert_eq!(show(&zhao, &flow).await["node"], "boss", "no node is skipped");
    step(&zhao, &flow, "approve", json!({})).await;
    world.until_archived(&flow).await;
});

/// The request that each action stands for.
fn requests(flow: &FlowId) -> Vec<(&'static str, Method, String, Value)> {
    let at = |step: &str| format!("/api/flows/{flow}/{step}");
    vec![
        ("approve", Method::POST, at("approve"), json!({})),
        ("code", Method::GET, at("seal-code"), json!({})),
        ("collect", Method::POST, at("collect"), json!({})),
        ("edit", Method::PUT, at("form"), json!({ "form": { "subject": "改了" } })),
        ("transfer", Method::POST, at("transfer"), json!({ "to": "zhao" })),
        ("reject", Method::POST, at("reject"), json!({ "comment": "退回" })),
        ("withdraw", Method::POST, at("withdraw"), json!({})),
    ]
}

story!(what_is_listed_succeeds_and_what_is_not_is_refused, async |world: World| {
    for standing in ["approving", "using", "sent back", "withdrawn"] {
        for username in ["admin", "zhang", "li", "wang", "sun"] {
            let caller = world.caller(username).await;
            let mut flow = stand(&world, standing).await;
            for n in 0..requests(&flow).len() {
                let listed = show(&caller, &flow).await["actions"].clone();
                let (action, method, path, body) = requests(&flow).remove(n);
                let answer = caller.send(caller.request(method, &path).json(&body)).await;
                let told =
                    format!("{standing}, {username}, {action}, listed {listed}: {} {}", answer.status, answer.json());
                if listed.as_array().unwrap().contains(&json!(action)) {
                    assert!(answer.status.is_success(), "{told}");
                    flow = stand(&world, standing).await;
                } else {
                    assert!([403, 409].contains(&answer.status.as_u16()), "{told}");
                    assert_eq!(
                        show(&caller, &flow).await["actions"],
                        listed,
                        "what is refused changes nothing: {told}"
                    );
                }
            }
        }
    }
});

/// A flow that stands there.
async fn stand(world: &World, standing: &str) -> FlowId {
    match standing {
        "using" => world.seal_use(1).await.0,
        "sent back" => {
            let flow = world.start_flow(1).await;
            step(&world.caller("li").await, &flow, "reject", json!({ "comment": "退回" })).await;
            flow
        }
        "withdrawn" => {
            let flow = world.start_flow(1).await;
            step(&world.caller("zhang").await, &flow, "withdraw", json!({})).await;
            flow
        }
        _ => world.start_flow(1).await,
    }
}
