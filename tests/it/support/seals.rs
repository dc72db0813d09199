//! Seals in use: how a flow comes there, and what is known of its seal use.

use serde_json::{Value, json};
use yinku::{
    clock::Clock,
    document::Document,
    id::FlowId,
    seal_use::SealUse,
    vendor::simulator::{FaultKind, Knobs, Stamp},
};

use crate::support::{
    caller::Caller,
    database::NOW,
    flows::{purchase, show, step, submit},
    world::{World, small_photos},
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

/// Authorised, counted, received, missing; of a seal use or of one of its grants.
pub(crate) fn counts(value: &Value) -> [i64; 4] {
    ["authorised", "counted", "received", "missing"].map(|name| value[name].as_i64().unwrap())
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
