//! Ids that a request names in its query or in its body, asked by somebody who may not see the objects. The requests come
//! from the OpenAPI document, so a new member is asked without a row.

use reqwest::Method;
use serde_json::{Map, Value, json};
use yinku::http;

use super::{Ids, world_of_zhang};
use crate::support::{Caller, Engine, World, story};

/// Returns what a member or a parameter of this name refers to among 张三's objects. `None`: it names no object.
fn value_of(name: &str, ids: &Ids) -> Option<Value> {
    let text = |id: &str| Some(json!(id));
    let flow = ids.flow["id"].as_str().unwrap();
    let photo = ids.flow["files"]["photos"][0]["id"].as_str().unwrap();
    match name {
        "flowId" | "subject" => text(flow),
        "folderId" | "parentId" | "parent" => text(&ids.folder),
        "documentIds" => Some(json!([photo])),
        "documentId" | "around" => text(photo),
        "flowIds" => Some(json!([flow])),
        "userId" => text(&ids.user),
        "businessId" => Some(ids.flow["sealUses"][0]["businessId"].clone()),
        "owner" | "user" | "username" => text("zhang"),
        "hash" => Some(ids.flow["files"]["photos"][0]["blake3"].clone()),
        "definitionId" | "serviceId" => None,
        other => {
            let names_an_object = other.ends_with("Id") || other.ends_with("Ids");
            assert!(!names_an_object, "say which object of 张三 {other} names");
            None
        }
    }
}

/// What a stranger must not find in an answer.
fn secrets(ids: &Ids) -> Vec<String> {
    let photo = &ids.flow["files"]["photos"][0];
    let stamped = &ids.flow["files"]["stamped"][0];
    let texts =
        [&ids.flow["serialNo"], &ids.flow["title"], &photo["name"], &photo["sha256"], &stamped["name"], &stamped["id"]];
    texts.map(|text| text.as_str().unwrap().to_owned()).into()
}

fn operations() -> Vec<(Method, String, Value)> {
    let document = serde_json::to_value(http::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/api/")) {
        for (method, operation) in item.as_object().unwrap() {
            let mut operation = operation.clone();
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let name = body["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).map(str::to_owned);
            operation["body"] = name.map_or(Value::Null, |name| document["components"]["schemas"][name].clone());
            all.push((method.to_uppercase().parse().unwrap(), path.clone(), operation));
        }
    }
    all
}

/// A path of the document with ids of 陈八's own, or of nothing.
fn own_path(path: &str, folder: &str) -> String {
    let id = if path.starts_with("/api/folders/") { folder } else { super::NOTHING };
    path.replace("{id}", id)
        .replace("{documentId}", super::NOTHING)
        .replace("{key}", "stamped")
        .replace("{size}", "256")
}

async fn strangers(engine: Engine) -> (World, Ids, Caller, String) {
    let (world, flow) = world_of_zhang(engine).await;
    let ids = Ids::of(&world, &flow).await;
    let chen = world.caller("chen").await;
    let own = json!({ "name": "陈八的" });
    let folder = match chen.post("/api/folders", &own).await {
        told if told.status == 201 => told.json()["id"].as_str().unwrap().to_owned(),
        _ => super::NOTHING.to_owned(),
    };
    (world, ids, chen, folder)
}

story!(an_id_in_a_query_shows_a_stranger_nothing, async |engine: Engine| {
    let (_world, ids, chen, folder) = strangers(engine).await;
    let (secrets, mut asked) = (secrets(&ids), Vec::new());
    for (method, path, operation) in operations().into_iter().filter(|(method, ..)| *method == Method::GET) {
        if path == "/api/events" {
            continue;
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let Some(value) = value_of(name, &ids).filter(|_| parameter["in"] == "query") else { continue };
            let request = chen.request(method.clone(), &own_path(&path, &folder));
            let told = chen.send(request.query(&[(name, value.as_str().unwrap())])).await;
            let text = String::from_utf8_lossy(&told.bytes).into_owned();
            let found: Vec<&String> = secrets.iter().filter(|secret| text.contains(secret.as_str())).collect();
            assert!(found.is_empty(), "{path}?{name}= shows {found:?}: {text}");
            let page = told.json();
            let items = page["items"].as_array().map_or(0, Vec::len);
            assert_eq!(items, 0, "{path}?{name}= {text}");
            asked.push(format!("{path}?{name}"));
        }
    }
    for known in ["/api/documents?flowId", "/api/documents?hash", "/api/folders?parent", "/api/ingests?flowId"] {
        assert!(asked.iter().any(|asked| asked == known), "{asked:?}");
    }
});

/// All that 张三 has, as one text.
async fn state(world: &World) -> Vec<i64> {
    let mut state = Vec::new();
    for statement in [
        "SELECT COUNT(*) FROM documents WHERE deleted_at IS NULL",
        "SELECT COUNT(*) FROM documents",
        "SELECT COUNT(*) FROM folders",
        "SELECT COUNT(*) FROM bundles",
        "SELECT COUNT(*) FROM flows",
        "SELECT COUNT(*) FROM flow_events",
        "SELECT COUNT(*) FROM jobs",
    ] {
        state.push(world.count(statement).await);
    }
    state
}

story!(an_id_in_a_body_gives_a_stranger_nothing, async |engine: Engine| {
    let (world, ids, chen, folder) = strangers(engine).await;
    let (secrets, mut asked) = (secrets(&ids), Vec::new());
    let before = state(&world).await;
    for (method, path, operation) in operations() {
        let schema = &operation["body"];
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for name in schema["properties"].as_object().into_iter().flat_map(Map::keys) {
            let Some(value) = value_of(name, &ids).filter(|value| value != "zhang") else { continue };
            let mut body: Map<String, Value> = required.iter().map(|name| ((*name).to_owned(), json!("x"))).collect();
            body.insert(name.clone(), value);
            let request = chen.request(method.clone(), &own_path(&path, &folder));
            let told = chen.send(request.json(&body)).await;
            let text = String::from_utf8_lossy(&told.bytes).into_owned();
            assert!(told.status.is_client_error(), "{method} {path} {name}: {} {text}", told.status);
            let found: Vec<&String> = secrets.iter().filter(|secret| text.contains(secret.as_str())).collect();
            assert!(found.is_empty(), "{method} {path} {name} shows {found:?}: {text}");
            asked.push(format!("{method} {path} {name}"));
        }
    }
    for known in ["POST /api/bundles documentIds", "POST /api/bundles flowIds", "POST /api/folders parentId"] {
        assert!(asked.iter().any(|asked| asked == known), "{asked:?}");
    }
    assert_eq!(state(&world).await, before, "nothing changed: {asked:?}");
});
