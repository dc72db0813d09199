//! Seals in use: how a flow comes there, and what is known of its seal use.

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Knobs, Stamp, Target};
use yinku::{
    clock::Clock,
    flow::Flow,
    id::FlowId,
    library::document::Document,
    seal_use::{SealUse, ending},
};

use crate::support::{
    caller::Caller,
    database::NOW,
    flows::{purchase, show, step, submit},
    world::{Engine, Plan, World, small_photos},
};

/// 张三 starts a flow with these rows, 李四 approves it; its seal use is known to the vendor then.
pub(crate) async fn in_use(world: &World, rows: &Value) -> (FlowId, String) {
    let flow = submit(world, &purchase(rows)).await;
    step(&world.caller("li").await, &flow, "approve", json!({ "comment": "同意" })).await;
    world
        .until("the vendor has the application", async || {
            SealUse::of_flow(&world.app.db, &flow).await.unwrap().iter().all(|used| used.business_id.is_some())
        })
        .await;
    let business = seal_use(world, &flow).await.business_id.unwrap();
    (flow, business)
}

pub(crate) fn one_seal(count: u32) -> Value {
    json!([{ "seal": "QYS2019040001", "count": count, "users": ["wang"] }])
}

pub(crate) fn two_seals() -> Value {
    json!([
        { "seal": "QYS2019040001", "count": 2, "users": ["wang"] },
        { "seal": "合同专用章", "count": 2, "users": ["wang"] } ])
}

/// The flow's first seal use.
pub(crate) async fn seal_use(world: &World, flow: &FlowId) -> SealUse {
    SealUse::of_flow(&world.app.db, flow).await.unwrap().remove(0)
}

/// Waits until the flow's first seal use has this status.
pub(crate) async fn until_status(world: &World, flow: &FlowId, status: &str) -> SealUse {
    world
        .until(&format!("the seal use is {status}"), async || seal_use(world, flow).await.status.as_str() == status)
        .await;
    seal_use(world, flow).await
}

pub(crate) async fn detail(caller: &Caller, flow: &FlowId) -> Value {
    caller.get(&format!("/api/flows/{flow}/seal-detail")).await.expect(200)
}

/// Looks at the vendor's numbers, which brings what is new there. Nothing is left to be done then.
pub(crate) async fn look(world: &World, flow: &FlowId) {
    detail(&world.caller("admin").await, flow).await;
    world.until_quiet().await;
}

/// Authorised, counted, received, missing; of a seal use or of one of its grants.
pub(crate) fn counts(value: &Value) -> [i64; 4] {
    ["authorised", "counted", "received", "missing"].map(|name| value[name].as_i64().unwrap())
}

/// The counts of the flow's first seal use.
pub(crate) async fn show_counts(world: &World, flow: &FlowId) -> [i64; 4] {
    counts(&show(&world.caller("admin").await, flow).await["sealUses"][0])
}

/// Noon of a day in China, and it stays noon until the story moves the clock.
pub(crate) fn noon() -> Clock {
    Clock::manual(NOW)
}

/// A vendor that ends nothing by itself.
pub(crate) fn lazy() -> Knobs {
    Knobs { no_expiry: true, ..small_photos() }
}

pub(crate) fn refusal(message: &str) -> FaultKind {
    FaultKind::JsonError { code: 1_000_001, message: message.into() }
}

/// A stamping that the device counts, and of which it has no photo.
pub(crate) fn without_photo() -> Stamp {
    Stamp { signatory: 0, ..Stamp::default() }
}

/// One stamping with a photo, one that was counted without: a photo is missing.
pub(crate) async fn one_photo_short(world: &World, business: &str) {
    world.sim.stamp(business, 0).await.unwrap();
    world.sim.stamp_with(business, 0, &without_photo()).await.unwrap();
    world
        .until("the end is known", async || {
            world.count("SELECT COUNT(*) FROM seal_uses WHERE ended_at IS NOT NULL").await == 1
        })
        .await;
    world.until_quiet().await;
}

/// A flow of so many stampings, told to its end; nothing is left to be done.
pub(crate) async fn archived(world: &World, stampings: u32) -> FlowId {
    let (flow, _, business) = world.seal_use(stampings).await;
    world.sim.stamp_many(&business, 0, stampings).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    flow
}

/// The documents of a flow of two stampings that is archived.
pub(crate) async fn archived_documents(world: &World) -> Vec<Document> {
    let flow = archived(world, 2).await;
    Document::of_flow(&world.app.db, &flow).await.unwrap()
}

/// The vendor's state of each stamped file, by name.
pub(crate) async fn sent_states(world: &World, flow: &FlowId) -> Vec<(String, String)> {
    let view = show(&world.caller("admin").await, flow).await;
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let list = view["files"]["stamped"].as_array().unwrap().clone();
    list.iter().map(|document| (text(&document["name"]), text(&document["vendorState"]))).collect()
}

/// Why the job of a refused application stays parked.
pub(crate) const REFUSED: &str = "an administrator must decide about a refused application";

/// How many applications the vendor was asked for.
pub(crate) fn applied(world: &World) -> u64 {
    world.sim.counters().of("/seal/apply/multiple")
}

/// An approved flow whose application met this fault.
pub(crate) async fn troubled(world: &World, fault: FaultKind, status: &str) -> (FlowId, SealUse) {
    world.sim.set_fault(Fault::times(Target::Apply, fault, 1));
    let flow = world.start_flow(2).await;
    world.approve(&flow).await;
    let used = until_status(world, &flow, status).await;
    (flow, used)
}

/// Asks for the end of the flow's seal uses, as a withdrawal does.
pub(crate) async fn ask_for_the_end(world: &World, flow: &FlowId) {
    let mut tx = world.app.db.begin().await.unwrap();
    Flow::lock(&mut tx, flow).await.unwrap();
    ending::ask(&mut tx, flow, "客户取消", "zhang", world.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    world.app.db.wakeup().look_now();
}

/// How often the vendor was asked to end use.
pub(crate) fn finishes(world: &World) -> u64 {
    world.sim.counters().of("/seal/apply/finish")
}

/// How often the vendor was asked for another time of use.
pub(crate) fn windows(world: &World) -> u64 {
    world.sim.counters().of("/seal/apply/updateUseSealTime")
}

/// Seals in use at a vendor that ends nothing by itself, and nothing under way.
pub(crate) async fn in_quiet_use(engine: Engine, clock: &Clock, rows: &Value) -> (World, FlowId, String) {
    let plan = Plan { clock: clock.clone(), knobs: Some(lazy()), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, business) = in_use(&world, rows).await;
    world.until_quiet().await;
    (world, flow, business)
}

pub(crate) fn window_of(flow: &FlowId) -> String {
    format!("/api/flows/{flow}/seal-window")
}

/// Waits until the flow's `n`th seal use is known to the vendor; its business id.
pub(crate) async fn business_of(world: &World, caller: &Caller, flow: &FlowId, n: usize) -> String {
    world
        .until("the vendor has the application", async || show(caller, flow).await["sealUses"][n]["status"] == "using")
        .await;
    show(caller, flow).await["sealUses"][n]["businessId"].as_str().unwrap().to_owned()
}
