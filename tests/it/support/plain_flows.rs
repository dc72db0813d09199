//! Flows without seals: definitions of approvals only, and how a flow goes through them.

use serde_json::{Value, json};

use crate::support::{caller::Caller, world::World};

/// A definition without seals: the nodes as given, a subject, a note, a file.
pub(crate) async fn define(world: &World, nodes: Value) -> String {
    let body = json!({
        "name": "请示",
        "fields": [
            { "key": "subject", "label": "主题", "type": "text", "required": true },
            { "key": "note", "label": "备注", "type": "textarea" },
            { "key": "opinion", "label": "意见", "type": "text" },
            { "key": "attachment", "label": "附件", "type": "files" } ],
        "nodes": nodes });
    let made = world.caller("admin").await.post("/api/definitions", &body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn start(caller: &Caller, definition: &str) -> String {
    let body = json!({ "definitionId": definition, "form": { "subject": "采购" } });
    caller.post("/api/flows", &body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// What people did, each event as `actor act node>target`; what yinku does by itself may come at any moment.
pub(crate) fn tale(flow: &Value) -> Vec<String> {
    let text = |event: &Value, member: &str| event[member].as_str().unwrap_or("-").to_owned();
    let events = flow["events"].as_array().unwrap().iter();
    events
        .filter(|event| event["actor"] != "yinku")
        .map(|event| {
            let (node, target) = (text(event, "node"), text(event, "target"));
            format!("{} {} {node}>{target}", text(event, "actor"), text(event, "act"))
        })
        .collect()
}

pub(crate) fn node(key: &str, assignees: &[&str], mode: &str) -> Value {
    json!({ "key": key, "name": key, "kind": "approval", "assignees": assignees, "mode": mode })
}

pub(crate) async fn list_counts(caller: &Caller) -> [i64; 3] {
    let counts = caller.get("/api/flows/counts").await.expect(200);
    ["todo", "done", "mine"].map(|list| counts[list].as_i64().unwrap())
}
