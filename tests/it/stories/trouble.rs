//! Stories of trouble: what is wrong with a flow is in its head, in lists, in a filter and in a count.

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};

use crate::support::{
    Caller, Engine, Plan, World,
    definitions::{archived_by_hand, with_stamped},
    files::{form, pdf, stamped},
    flows::{act, listed, show, step},
    photos::parked,
    seals::{REFUSED, refusal, troubled},
    story,
    world::tries_once,
};

/// The trouble in the flow, in its list, and whether the filter and the count agree.
async fn trouble(caller: &Caller, flow: &impl std::fmt::Display) -> Value {
    let shown = show(caller, flow).await["trouble"].clone();
    let page = caller.get("/api/flows?limit=200").await.expect(200);
    let head = page["items"].as_array().unwrap().iter().find(|head| head["id"] == flow.to_string()).unwrap().clone();
    assert_eq!(head["trouble"], shown, "the list says the same");
    let all = listed(caller, &[("trouble", "true")]).await;
    assert_eq!(all.contains(&flow.to_string()), shown != json!([]), "{shown}");
    for kind in shown.as_array().unwrap() {
        assert!(listed(caller, &[("trouble", kind.as_str().unwrap())]).await.contains(&flow.to_string()), "{kind}");
    }
    let counts = caller.get("/api/flows/counts").await.expect(200);
    assert_eq!(counts["trouble"], json!(all.len()));
    shown
}

story!(an_application_that_failed_or_is_unknown_is_trouble_until_it_is_resolved, async |world: World| {
    let (refused, _) = troubled(&world, refusal("no such seal"), "failed").await;
    let (lost, used) = troubled(&world, FaultKind::Cut, "unknown").await;
    let (well, _, _) = world.seal_use(1).await;
    let admin = world.caller("admin").await;
    assert_eq!(trouble(&admin, &refused).await, json!(["application_failed"]));
    assert_eq!(trouble(&admin, &lost).await, json!(["application_unknown"]));
    assert_eq!(trouble(&admin, &well).await, json!([]));
    // Their people see it, too; others neither see nor count it.
    let [zhang, zhao] = [world.caller("zhang").await, world.caller("zhao").await];
    assert_eq!(trouble(&zhang, &refused).await, json!(["application_failed"]));
    assert_eq!(listed(&zhang, &[("trouble", "application_unknown")]).await, [lost.to_string()]);
    assert_eq!(listed(&zhao, &[("trouble", "true")]).await, Vec::<String>::new());
    assert_eq!(zhao.get("/api/flows/counts").await.expect(200)["trouble"], 0);
    zhang.get("/api/flows?trouble=bad_weather").await.expect_problem(400, "bad_query");

    let business = world.sim.businesses().remove(0).id;
    let resolve = format!("/api/seal-uses/{}/resolve", used.id);
    admin.post(&resolve, &json!({ "businessId": business })).await.expect(200);
    assert_eq!(trouble(&admin, &lost).await, json!([]));
    step(&world.caller("zhang").await, &refused, "withdraw", json!({})).await;
    assert_eq!(trouble(&admin, &refused).await, json!([]), "a flow that was withdrawn needs no application");
    world.leaves_parked("apply", REFUSED);
});

story!(a_delivery_that_failed_or_is_unknown_is_trouble, async |engine: Engine| {
    fn define(definition: &mut Value) {
        with_stamped(definition);
        archived_by_hand(definition);
    }
    let world = World::new(engine, Plan { definition: Some(define), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_past_its_nodes(&flow).await;
    world.until_quiet().await;
    let wang = world.caller("wang").await;
    let troubles =
        [("合同1.pdf", refusal("a bad file"), "delivery_failed"), ("合同2.pdf", FaultKind::Cut, "delivery_unknown")];
    for (name, fault, word) in troubles {
        world.sim.set_fault(Fault::times(Target::Upload, fault, 1));
        wang.bring(&stamped(&flow), form([(name, pdf(name))])).await.expect(201);
        let seen = async || show(&wang, &flow).await["trouble"].as_array().unwrap().contains(&json!(word));
        world.until("it is trouble", seen).await;
    }
    assert_eq!(trouble(&wang, &flow).await, json!(["delivery_failed", "delivery_unknown"]));
    act(&wang, &flow, "stamped/retry", json!({})).await.expect(202);
    world.until("both are sent", async || show(&wang, &flow).await["trouble"] == json!([])).await;
    assert_eq!(trouble(&wang, &flow).await, json!([]));
});

story!(photos_that_are_given_up_are_trouble, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.set_fault(Fault::always(Target::Image, FaultKind::Empty));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until("the photo is parked", async || parked(&world).await == 1).await;
    world.until_quiet().await;
    let admin = world.caller("admin").await;
    assert_eq!(trouble(&admin, &flow).await, json!(["photos_parked"]));
    world.sim.clear_faults();
    let ingest = show(&admin, &flow).await["sealUses"][0]["ingestId"].as_str().unwrap().to_owned();
    admin.post(&format!("/api/ingests/{ingest}/retry"), &Value::Null).await.expect(202);
    world.until_archived(&flow).await;
    assert_eq!(trouble(&admin, &flow).await, json!([]));
});
