//! Stories of trouble: what is wrong with a flow is in its head, in lists, in a filter and in a count.

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};

use crate::support::{
    Caller, Engine, Plan, World,
    definitions::{archived_by_hand, with_stamped},
    files::{form, pdf, png, stamped},
    flows::{act, listed, show, step},
    photos::parked,
    seals::{REFUSED, refusal, show_counts, troubled},
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
    // The vendor takes no plain text. Of the other file the answer is lost.
    let text = b"only a note".to_vec();
    let note = wang.bring(&stamped(&flow), form([("说明.txt", text)])).await.expect(201);
    world.sim.set_fault(Fault::times(Target::Upload, FaultKind::Cut, 1));
    wang.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    let both = json!(["delivery_failed", "delivery_unknown"]);
    world.until("both are trouble", async || show(&wang, &flow).await["trouble"] == both).await;
    assert_eq!(trouble(&wang, &flow).await, both);
    act(&wang, &flow, "stamped/retry", json!({})).await.expect(202);
    let failed = json!(["delivery_failed"]);
    world.until("one is sent", async || show(&wang, &flow).await["trouble"] == failed).await;
    // Out of its field, the note is no trouble.
    let note = format!("{}/{}", stamped(&flow), note[0]["id"].as_str().unwrap());
    wang.delete(&note).await.expect(204);
    assert_eq!(trouble(&wang, &flow).await, json!([]));
    world.until_quiet().await;
});

story!(photos_that_are_given_up_are_trouble, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.set_fault(Fault::always(Target::Image, FaultKind::Empty));
    // The zip would bring it all the same: here it is broken, too.
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::Status { status: 500 }));
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

/// A person archives, and the form has a field for stamped files.
fn by_hand_with_stamped(definition: &mut Value) {
    with_stamped(definition);
    archived_by_hand(definition);
}

story!(a_file_out_of_its_field_and_a_type_that_is_never_taken_are_no_trouble_for_ever, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(by_hand_with_stamped), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_past_its_nodes(&flow).await;
    world.until_quiet().await;
    let wang = world.caller("wang").await;
    wang.bring(&stamped(&flow), form([("说明.txt", b"only a note".to_vec())])).await.expect(201);
    world.sim.set_fault(Fault::times(Target::Upload, FaultKind::Cut, 1));
    let lost = wang.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    let both = json!(["delivery_failed", "delivery_unknown"]);
    world.until("both are trouble", async || show(&wang, &flow).await["trouble"] == both).await;
    // The vendor may have the contract, so it stays a document of the flow. It is out of its field.
    wang.delete(&format!("{}/{}", stamped(&flow), lost[0]["id"].as_str().unwrap())).await.expect(204);
    assert_eq!(trouble(&wang, &flow).await, json!(["delivery_failed"]));
    // Until the archive the note can be taken out.
    act(&wang, &flow, "archive", json!({})).await.expect(200);
    world.until_archived(&flow).await;
    assert_eq!(trouble(&wang, &flow).await, json!([]));
    world.until_quiet().await;
});

/// One photo of two is here, and the other one is given up: its content is empty.
async fn one_of_two_parked(world: &World) -> (yinku::id::FlowId, String) {
    let (flow, _, business) = world.seal_use(2).await;
    let lost = world.sim.stamp(&business, 0).await.unwrap();
    world.sim.set_fault(Fault::always(Target::Image, FaultKind::Empty).only(&[lost.as_str()]));
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::Status { status: 500 }));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until("the photo is parked", async || parked(world).await == 1).await;
    world.until_quiet().await;
    (flow, business)
}

story!(a_photo_whose_loss_is_accepted_is_no_trouble, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, _) = one_of_two_parked(&world).await;
    let admin = world.caller("admin").await;
    assert_eq!(trouble(&admin, &flow).await, json!(["photos_parked"]));
    act(&admin, &flow, "archive", json!({ "acceptMissing": true, "reason": "设备故障" })).await.expect(200);
    world.until_archived(&flow).await;
    assert_eq!(trouble(&admin, &flow).await, json!([]));
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 1, 1], "it is missing nevertheless");
    world.until_quiet().await;
});

story!(a_supplied_photo_stands_for_a_parked_one_when_the_vendor_lists_both, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, _) = one_of_two_parked(&world).await;
    let wang = world.caller("wang").await;
    let grant = show(&wang, &flow).await["sealUses"][0]["grants"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/grants/{grant}/photos");
    wang.bring(&path, form([("补传.png", png(9))])).await.expect(201);
    world.until_archived(&flow).await;
    let listed = "SELECT COUNT(*) FROM photos WHERE supplied_by IS NOT NULL AND photokey IS NOT NULL";
    world.until("the vendor lists it", async || world.count(listed).await == 1).await;
    world.until_quiet().await;
    assert_eq!(world.count("SELECT COUNT(*) FROM photos").await, 3);
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 2, 0]);
    assert_eq!(trouble(&wang, &flow).await, json!([]));
    assert_eq!(wang.get("/api/owed").await.expect(200)["items"], json!([]));
    wang.bring(&path, form([("又.png", png(8))])).await.expect_problem(409, "flow_not_running");
});
