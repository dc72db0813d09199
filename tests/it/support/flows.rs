//! What people do with a flow, through HTTP, and what they see of it.

use std::fmt::Display;

use serde_json::{Value, json};
use yinku::id::FlowId;

use crate::support::{
    caller::{Caller, Told},
    world::World,
};

/// 张三 submits a form of the world's definition.
pub(crate) async fn submit(world: &World, form: &Value) -> FlowId {
    submit_as(&world.caller("zhang").await, world, form).await
}

pub(crate) async fn submit_as(caller: &Caller, world: &World, form: &Value) -> FlowId {
    let body = json!({ "definitionId": world.definition, "form": form });
    let flow = caller.post("/api/flows", &body).await.expect(201);
    flow["id"].as_str().unwrap().parse().unwrap()
}

/// The usual form with these rows of seals.
pub(crate) fn purchase(rows: &Value) -> Value {
    json!({ "subject": "采购合同", "company": "上海印库科技有限公司", "seals": rows })
}

pub(crate) async fn show(caller: &Caller, flow: &impl Display) -> Value {
    caller.get(&format!("/api/flows/{flow}")).await.expect(200)
}

pub(crate) async fn act(caller: &Caller, flow: &impl Display, step: &str, body: Value) -> Told {
    caller.post(&format!("/api/flows/{flow}/{step}"), &body).await
}

/// An act that must succeed; the flow as it is shown then.
pub(crate) async fn step(caller: &Caller, flow: &impl Display, step: &str, body: Value) -> Value {
    act(caller, flow, step, body).await.expect(200)
}

/// The ids of the flows that a list shows.
pub(crate) async fn listed(caller: &Caller, query: &[(&str, &str)]) -> Vec<String> {
    let request = caller.request(reqwest::Method::GET, "/api/flows").query(query);
    let page = caller.send(request.query(&[("limit", "200")])).await.expect(200);
    texts(&page["items"], "id").into_iter().map(str::to_owned).collect()
}

/// The same, by a query as it is written in an address.
pub(crate) async fn listed_by(caller: &Caller, query: &str) -> Vec<String> {
    let page = caller.get(&format!("/api/flows?{query}")).await.expect(200);
    texts(&page["items"], "id").into_iter().map(str::to_owned).collect()
}

/// What happened to a flow, in words.
pub(crate) async fn acts(world: &World, flow: &FlowId) -> Vec<String> {
    let events = yinku::flow::event::of_flow(&world.app.db, flow).await.unwrap();
    events.into_iter().map(|event| event.act.to_string()).collect()
}

pub(crate) async fn callers<const N: usize>(world: &World, names: [&str; N]) -> [Caller; N] {
    let mut callers = Vec::new();
    for name in names {
        callers.push(world.caller(name).await);
    }
    callers.try_into().ok().unwrap()
}

/// A member of each object in a JSON array.
pub(crate) fn texts<'a>(array: &'a Value, member: &str) -> Vec<&'a str> {
    array.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap()).collect()
}
