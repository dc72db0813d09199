//! Stories of many troubles at once: supplied photos that the vendor does not get, and lists of trouble page by page.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};
use yinku::id::FlowId;

use crate::support::{
    Caller, Engine, Plan, World,
    files::{form, png},
    flows::{act, callers, listed, show},
    photos::parked,
    plain_flows::{define, node, start},
    seals::{REFUSED, refusal, troubled, until_status, without_photo},
    story,
    world::tries_once,
};

/// A flow that lacks one photo, which 王五 supplies. The vendor's upload meets this fault.
async fn supplied(world: &World, shade: u8, fault: Fault, trouble: &str) -> FlowId {
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    until_status(world, &flow, "complete").await;
    world.until_quiet().await;
    let wang = world.caller("wang").await;
    let grant = show(&wang, &flow).await["sealUses"][0]["grants"][0]["id"].as_str().unwrap().to_owned();
    world.sim.set_fault(fault);
    wang.bring(&format!("/api/grants/{grant}/photos"), form([("补传.png", png(shade))])).await.expect(201);
    world.until_archived(&flow).await;
    let told = json!([trouble]);
    world.until("the trouble is told", async || show(&wang, &flow).await["trouble"] == told).await;
    flow
}

/// Server errors leave it unknown whether the vendor has the photo. It has not.
fn unclear() -> Fault {
    Fault::times(Target::Upload, FaultKind::Status { status: 500 }, 1)
}

story!(a_supplied_photo_that_the_vendor_does_not_get_is_trouble_also_after_the_archive, async |world: World| {
    let refused = Fault::always(Target::Upload, refusal("照片过大"));
    let failed = supplied(&world, 9, refused, "delivery_failed").await;
    let [wang, zhao] = callers(&world, ["wang", "zhao"]).await;
    assert_eq!(listed(&wang, &[("trouble", "delivery_failed")]).await, [failed.to_string()]);
    assert_eq!(listed(&zhao, &[("trouble", "true")]).await, Vec::<String>::new());
    // It is sent again by itself.
    world.sim.clear_faults();
    world.until("it is sent", async || show(&wang, &failed).await["trouble"] == json!([])).await;
    world.until_quiet().await;

    let unknown = supplied(&world, 8, unclear(), "delivery_unknown").await;
    assert_eq!(listed(&wang, &[("trouble", "delivery_unknown")]).await, [unknown.to_string()]);
    let counts = wang.get("/api/flows/counts").await.expect(200);
    assert_eq!(counts["trouble"], 1);
    // A person decides.
    act(&wang, &unknown, "stamped/retry", json!({})).await.expect(202);
    world.until("it is sent", async || show(&wang, &unknown).await["trouble"] == json!([])).await;
    world.until_quiet().await;
    assert_eq!(wang.get("/api/flows/counts").await.expect(200)["trouble"], 0);
});

/// The heads of all pages of a list.
async fn paged(caller: &Caller, query: &str, limit: usize) -> Vec<Value> {
    let (mut heads, mut after) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/api/flows?{query}&limit={limit}{after}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        heads.extend(items.iter().cloned());
        match page["next"].as_str() {
            Some(next) => {
                assert_eq!(items.len(), limit, "a page that has a next one is full");
                after = format!("&after={next}");
            }
            None => return heads,
        }
    }
}

const KINDS: [&str; 6] = [
    "application_failed",
    "application_unknown",
    "delivery_failed",
    "delivery_unknown",
    "photos_parked",
    "people_gone",
];

/// One list after the other, whole and by pages of one, two and three: the filter, the heads and the count agree.
async fn agrees(caller: &Caller, flows: &[(String, Vec<&str>)]) {
    let ids = |heads: &[Value]| heads.iter().map(|head| head["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    for kind in KINDS.into_iter().chain(["true"]) {
        let has = |troubles: &Vec<&str>| if kind == "true" { !troubles.is_empty() } else { troubles.contains(&kind) };
        let expected: BTreeSet<&String> = flows.iter().filter(|(_, told)| has(told)).map(|(id, _)| id).collect();
        let whole = ids(&paged(caller, &format!("trouble={kind}"), 200).await);
        assert_eq!(whole.iter().collect::<BTreeSet<_>>(), expected, "{kind}");
        for limit in 1..=3 {
            let heads = paged(caller, &format!("trouble={kind}"), limit).await;
            assert_eq!(ids(&heads), whole, "{kind} by pages of {limit}: each once, in the same order");
            for head in heads {
                let (_, told) = flows.iter().find(|(id, _)| head["id"] == **id).unwrap();
                assert_eq!(head["trouble"], json!(told), "{kind}");
            }
        }
        // Beside another condition.
        let running = ids(&paged(caller, &format!("trouble={kind}&state=running"), 2).await);
        let of_state = ids(&paged(caller, "state=running", 200).await);
        let both: Vec<String> = whole.iter().filter(|id| of_state.contains(id)).cloned().collect();
        assert_eq!(running, both, "{kind}, running");
        let found = ids(&paged(caller, &format!("trouble={kind}&q=采购"), 2).await);
        let with_word = ids(&paged(caller, "q=采购", 200).await);
        let both: Vec<String> = whole.iter().filter(|id| with_word.contains(id)).cloned().collect();
        assert_eq!(found, both, "{kind}, with a word");
    }
    let counts = caller.get("/api/flows/counts").await.expect(200);
    let troubled = flows.iter().filter(|(_, told)| !told.is_empty()).count();
    assert_eq!(counts["trouble"], json!(troubled));
}

story!(pages_of_troubles_agree_with_the_filter_and_the_count, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (refused, _) = troubled(&world, refusal("no such seal"), "failed").await;
    let (well, _, _) = world.seal_use(1).await;
    let (lost, _) = troubled(&world, FaultKind::Cut, "unknown").await;
    let (again, _) = troubled(&world, refusal("no such seal"), "failed").await;
    let unknown = supplied(&world, 7, unclear(), "delivery_unknown").await;
    let failed = supplied(&world, 9, Fault::always(Target::Upload, refusal("照片过大")), "delivery_failed").await;
    let (owing, _, business) = world.seal_use(1).await;
    world.sim.set_fault(Fault::always(Target::Image, FaultKind::Empty));
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::Status { status: 500 }));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until("the photo is parked", async || parked(&world).await == 1).await;
    // 李四 leaves: what waits for 李四, and what waits for the operators, who leave too.
    let definition = define(&world, json!([node("one", &["user:li"], "any")])).await;
    let [admin, sun, zhang, wang, zhao] = callers(&world, ["admin", "sun", "zhang", "wang", "zhao"]).await;
    let waiting = start(&zhang, &definition).await;
    for name in ["li", "wang"] {
        let users = admin.get("/api/users?limit=200").await.expect(200);
        let user = users["items"].as_array().unwrap().iter().find(|user| user["username"] == name).unwrap().clone();
        let leaves = if name == "li" { json!({ "disabled": true }) } else { json!({ "roles": ["member"] }) };
        admin.patch(&format!("/api/users/{}", user["id"].as_str().unwrap()), &leaves).await.expect(200);
    }
    world.until_quiet().await;

    // 王五 has an open grant of the flow that is well, so that flow does not wait for the role alone.
    let gone = "people_gone";
    let flows: Vec<(String, Vec<&str>)> = vec![
        (refused.to_string(), vec!["application_failed", gone]),
        (well.to_string(), vec![]),
        (lost.to_string(), vec!["application_unknown", gone]),
        (again.to_string(), vec!["application_failed", gone]),
        (unknown.to_string(), vec!["delivery_unknown"]),
        (failed.to_string(), vec!["delivery_failed"]),
        (owing.to_string(), vec!["photos_parked", gone]),
        (waiting, vec![gone]),
    ];
    for caller in [&admin, &sun, &zhang] {
        agrees(caller, &flows).await;
    }
    // 王五 stamps, so the flows of the seals are theirs; the other one is not.
    agrees(&wang, &flows[..7]).await;
    agrees(&zhao, &[]).await;
    world.sim.clear_faults();
    world.until("it is sent", async || show(&admin, &failed).await["trouble"] == json!([])).await;
    world.until_quiet().await;
    world.leaves_parked("apply", REFUSED);
});
