//! Stories of a stamped file that comes after the archive, where an approval follows the seal node.

use serde_json::{Value, json};
use yinku::id::FlowId;

use crate::support::{
    Engine, Plan, World,
    definitions::{extra_node, with_stamped},
    files::{form, pdf, stamped},
    flows::{act, callers, show, step},
    photos::manifest,
    seals::sent_states,
    story,
};

/// 赵六 checks after the seals.
fn checked_at_the_end(definition: &mut Value) {
    with_stamped(definition);
    extra_node(definition, 2, "check", "复核", "user:zhao");
}

/// The same, and the stamped file may be brought there, too.
fn brought_at_the_end(definition: &mut Value) {
    checked_at_the_end(definition);
    definition["nodes"][2]["editable"] = json!(["stamped"]);
}

async fn at_its_last_node(engine: Engine, definition: fn(&mut Value)) -> (World, FlowId, String) {
    let world = World::new(engine, Plan { definition: Some(definition), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.caller("wang").await.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until("the seals are used", async || world.flow(&flow).await.node.as_deref() == Some("check")).await;
    world.until_quiet().await;
    (world, flow, business)
}

/// Each of them adds a file, which is recorded and sent; the others are told that they may not.
async fn add_late(world: &World, flow: &FlowId, business: &str, may: &[&str], others: &[&str]) {
    let manifests = async || world.count("SELECT COUNT(*) FROM manifests").await;
    for name in others {
        let caller = world.caller(name).await;
        assert_eq!(show(&caller, flow).await["editable"], json!([]), "{name}");
        let told = caller.bring(&stamped(flow), form([("补.pdf", pdf(name))])).await;
        let problem = told.expect_problem(403, "not_yours");
        assert!(problem["detail"].as_str().unwrap().contains("stamped file"), "{problem}");
    }
    let before = world.sim.business(business).unwrap().used_files.len();
    for (n, name) in (manifests().await + 1..).zip(may) {
        let caller = world.caller(name).await;
        let view = show(&caller, flow).await;
        assert_eq!(view["editable"], json!(["stamped"]), "{name}");
        assert!(view["actions"].as_array().unwrap().contains(&json!("upload")), "{name}");
        caller.bring(&stamped(flow), form([("补.pdf", pdf(name))])).await.expect(201);
        world.until("the supplement is recorded", async || manifests().await == n).await;
        world.until_quiet().await;
        let recorded = manifest(world, n).await;
        let documents = recorded["documents"].as_array().unwrap();
        assert_eq!(documents.len(), usize::try_from(n).unwrap() + 1, "a photo, the first file, the late ones");
        assert!(documents.iter().all(|document| document["sm3"].is_string()), "{documents:?}");
        assert_eq!(recorded["flow"]["state"], "archived");
    }
    assert!(sent_states(world, flow).await.iter().all(|(_, state)| state == "sent"));
    assert_eq!(world.sim.business(business).unwrap().used_files.len(), before + may.len());
}

story!(after_a_last_approval_those_of_the_seal_node_add_the_stamped_file_late, async |engine: Engine| {
    let (world, flow, business) = at_its_last_node(engine, checked_at_the_end).await;
    let [zhao, zhang] = callers(&world, ["zhao", "zhang"]).await;
    // At the last node the approver cannot bring it, and afterwards neither.
    zhao.bring(&stamped(&flow), form([("a.pdf", pdf("a"))])).await.expect_problem(409, "not_now");
    step(&zhao, &flow, "approve", json!({})).await;
    world.until_archived(&flow).await;
    world.until_quiet().await;
    add_late(&world, &flow, &business, &["wang", "zhang", "admin"], &["zhao", "li", "sun"]).await;
    let late = show(&zhang, &flow).await["files"]["stamped"][1]["id"].as_str().unwrap().to_owned();
    zhang.delete(&format!("{}/{late}", stamped(&flow))).await.expect_problem(409, "flow_not_running");
});

story!(those_of_a_last_approval_that_edits_the_stamped_file_add_it_late_too, async |engine: Engine| {
    let (world, flow, business) = at_its_last_node(engine, brought_at_the_end).await;
    let zhao = world.caller("zhao").await;
    zhao.bring(&stamped(&flow), form([("复核.pdf", pdf("2"))])).await.expect(201);
    // 李四 takes over the check. Both could bring the file.
    act(&zhao, &flow, "transfer", json!({ "to": "li" })).await.expect(200);
    step(&world.caller("li").await, &flow, "approve", json!({})).await;
    world.until_archived(&flow).await;
    world.until_quiet().await;
    // It is no task of theirs.
    let view = show(&zhao, &flow).await;
    assert_eq!(view["waitsFor"], json!([]));
    let first = manifest(&world, 1).await;
    assert_eq!(first["documents"].as_array().unwrap().len(), 3);
    add_each(&world, &flow, &["zhao", "li", "wang", "zhang", "admin"]).await;
    assert_eq!(world.sim.business(&business).unwrap().used_files.len(), 7);
    world
        .caller("sun")
        .await
        .bring(&stamped(&flow), form([("a.pdf", pdf("s"))]))
        .await
        .expect_problem(403, "not_yours");
});

async fn add_each(world: &World, flow: &FlowId, may: &[&str]) {
    for (n, name) in (2..).zip(may) {
        world.caller(name).await.bring(&stamped(flow), form([("补.pdf", pdf(name))])).await.expect(201);
        let made = "SELECT COUNT(*) FROM manifests";
        world.until("the supplement is recorded", async || world.count(made).await == n).await;
        world.until_quiet().await;
    }
}
