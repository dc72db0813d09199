//! Every answer that a story gets is one that the OpenAPI document describes: its status, its content type, its body.
//! Objects are closed for this: a member that the document does not name is a difference.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};

use crate::support::caller::Told;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = serde_json::to_value(yinku::http::openapi()).unwrap();
    close(&mut document);
    document
});

/// Where references into the document lead.
const ADDRESS: &str = "https://yinku.example/api/openapi.json";

static REGISTRY: LazyLock<Registry<'static>> =
    LazyLock::new(|| Registry::new().draft(Draft::Draft202012).add(ADDRESS, &*DOCUMENT).unwrap().prepare().unwrap());

/// Compiled once for each schema that a test meets; each test is a process of its own.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// That the document describes this answer to a request of `method` for `path`.
pub(crate) fn assert_documented(method: &str, path: &str, told: &Told) {
    if let Err(why) = check(method, path, told) {
        let body: String = String::from_utf8_lossy(&told.bytes).chars().take(4_000).collect();
        panic!("{method} {path}: {} {why}: {body}", told.status);
    }
}

fn check(method: &str, path: &str, told: &Told) -> Result<(), String> {
    // A HEAD is answered like a GET, without the bytes.
    let (asked, head) = (if method == "head" { "get" } else { method }, method == "head");
    let item = operations(path);
    let Some(responses) = item.and_then(|(template, item)| Some((template, item.get(asked)?))) else {
        return check_unknown(item.is_some(), told);
    };
    let (template, operation) = responses;
    let status = told.status.as_str();
    let answer = operation["responses"].get(status).ok_or("is not a documented status")?;
    let Some(content) = answer.get("content").and_then(Value::as_object) else {
        return if told.bytes.is_empty() { Ok(()) } else { Err("is documented to have no body".to_owned()) };
    };
    let kind = essence(told.header("content-type"));
    let range = content.keys().find(|range| covers(range, kind)).ok_or("has a content type that is not documented")?;
    if head || !kind.ends_with("json") {
        return Ok(());
    }
    let steps = ["paths", template, asked, "responses", status, "content", range, "schema"].map(escaped);
    let body = serde_json::from_slice(&told.bytes).map_err(|error| error.to_string())?;
    validate(&format!("#/{}", steps.join("/")), &body)
}

/// What no operation describes is refused with a problem.
fn check_unknown(path_is_known: bool, told: &Told) -> Result<(), String> {
    let expected = if path_is_known { 405 } else { 404 };
    if told.status != expected || essence(told.header("content-type")) != "application/problem+json" {
        return Err(format!("comes from no documented operation; a problem with status {expected} was to be expected"));
    }
    let body = serde_json::from_slice(&told.bytes).map_err(|error| error.to_string())?;
    validate("#/components/schemas/Problem", &body)
}

/// The path item of the document that `path` belongs to; of two that fit, the one without a parameter.
fn operations(path: &str) -> Option<(&'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fits = |template: &str| {
        let (ours, theirs) = (template.split('/'), path.split('/'));
        ours.clone().count() == theirs.clone().count()
            && ours.zip(theirs).all(|(our, their)| our == their || our.starts_with('{'))
    };
    let found = paths.iter().filter(|(template, _)| fits(template));
    found.min_by_key(|(template, _)| template.matches('{').count()).map(|(template, item)| (template.as_str(), item))
}

fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether a media range such as `image/*` covers a content type.
fn covers(range: &str, kind: &str) -> bool {
    !kind.is_empty()
        && (range == "*/*" || range == kind || range.strip_suffix('*').is_some_and(|family| kind.starts_with(family)))
}

/// One step of a JSON pointer in a URI fragment.
fn escaped(step: &str) -> String {
    let step = step.replace('~', "~0").replace('/', "~1");
    percent_encoding::utf8_percent_encode(&step, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn validate(schema: &str, body: &Value) -> Result<(), String> {
    let validator = Arc::clone(VALIDATORS.lock().unwrap().entry(schema.to_owned()).or_insert_with(|| compiled(schema)));
    let errors: Vec<String> =
        validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(format!("differs from its schema: {}", errors.join("; "))) }
}

fn compiled(schema: &str) -> Arc<Validator> {
    let options = jsonschema::draft202012::options().with_registry(&REGISTRY).should_validate_formats(true);
    Arc::new(options.build(&json!({ "$ref": format!("{ADDRESS}{schema}") })).unwrap())
}

/// Closes every object that names its members.
fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("properties").is_some_and(Value::is_object) && members.get("type").is_some() {
                members.entry("additionalProperties").or_insert(json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{StatusCode, header::HeaderMap};

    use super::*;

    fn told(status: u16, kind: &'static str, body: &Value) -> Told {
        let headers = HeaderMap::from_iter([(reqwest::header::CONTENT_TYPE, kind.parse().unwrap())]);
        Told { status: StatusCode::from_u16(status).unwrap(), headers, bytes: body.to_string().into() }
    }

    fn judged(status: u16, kind: &'static str, body: &Value) -> Result<(), String> {
        check("get", "/api/flows/counts", &told(status, kind, body))
    }

    #[test]
    fn what_the_document_does_not_describe_is_found() {
        let counts = json!({ "todo": 1, "done": 0, "mine": 0, "trouble": 0 });
        assert_eq!(judged(200, "application/json", &counts), Ok(()));
        assert!(judged(202, "application/json", &counts).is_err(), "a status");
        assert!(judged(200, "text/plain", &counts).is_err(), "a content type");
        assert!(
            judged(200, "application/json", &json!({ "todo": 1, "done": 0 })).is_err(),
            "a member that is not there"
        );
        let (other, more) = (
            json!({ "todo": "1", "done": 0, "mine": 0, "trouble": 0 }),
            json!({ "todo": 1, "done": 0, "mine": 0, "trouble": 0, "all": 1 }),
        );
        assert!(judged(200, "application/json", &other).is_err(), "another type");
        assert!(judged(200, "application/json", &more).is_err(), "a member that is not described");
    }

    #[test]
    fn what_no_operation_describes_is_a_problem() {
        let problem = |status: u16, code: &str| json!({ "status": status, "code": code, "title": "", "detail": "" });
        let kind = "application/problem+json";
        assert_eq!(check("get", "/api/nothing", &told(404, kind, &problem(404, "not_found"))), Ok(()));
        assert_eq!(check("put", "/api/flows", &told(405, kind, &problem(405, "method_not_allowed"))), Ok(()));
        assert!(check("get", "/api/nothing", &told(200, "application/json", &json!({}))).is_err());
        assert!(check("get", "/api/nothing", &told(404, "text/plain", &json!(""))).is_err());
        assert!(check("get", "/api/nothing", &told(404, kind, &problem(404, "no_such_code"))).is_err());
    }

    #[test]
    fn formats_are_checked_and_every_schema_of_an_answer_can_be_compiled() {
        for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for (status, answer) in operation["responses"].as_object().unwrap() {
                    for range in answer["content"].as_object().into_iter().flat_map(|content| content.keys()) {
                        let steps =
                            ["paths", path, method, "responses", status, "content", range, "schema"].map(escaped);
                        let pointer = format!("#/{}", steps.join("/"));
                        if answer["content"][range].get("schema").is_some() {
                            compiled(&pointer);
                        }
                    }
                }
            }
        }
        let token = json!({ "id": "no uuid", "name": "x", "token": "y" });
        assert!(validate("#/components/schemas/MadeToken", &token).is_err());
    }

    /// A user as an administrator sends one, with another member.
    fn user(member: &str, value: Value) -> Value {
        with(
            json!({ "username": "chen", "displayName": "陈八", "password": "a long password", "roles": ["member"] }),
            member,
            value,
        )
    }

    fn service(member: &str, value: &str) -> Value {
        let service = json!({ "name": "n", "baseUrl": "http://vendor:9182", "appToken": "t", "appSecret": "s" });
        with(service, member, value.into())
    }

    fn definition(member: &str, value: Value) -> Value {
        let node = json!({ "key": "n", "name": "n", "kind": "approval", "assignees": ["manager"] });
        with(json!({ "name": "d", "fields": [], "nodes": [node] }), member, value)
    }

    fn with(mut body: Value, member: &str, value: Value) -> Value {
        body[member] = value;
        body
    }

    #[test]
    fn what_the_service_refuses_the_document_refuses_too() {
        let right = [
            ("NewUser", user("username", json!("陈.8@x"))),
            ("NewService", service("signMode", "nonce:x-nonce")),
            ("NewDefinition", definition("createdAt", json!("what GET gave"))),
            ("NewDefinition", definition("integration", Value::Null)),
            ("MoreUses", json!({ "count": 100_000, "deviceNo": null })),
            ("FolderChange", json!({ "name": "合同 (2)", "parentId": "" })),
            ("Wish", json!({})),
        ];
        for (schema, body) in right {
            assert_eq!(validate(&format!("#/components/schemas/{schema}"), &body), Ok(()), "{schema} {body}");
        }
        let wrong = [
            ("NewUser", user("username", json!("a b"))),
            ("NewUser", user("username", json!("x".repeat(65)))),
            ("NewUser", user("displayName", json!(" \t"))),
            ("NewUser", user("password", json!("short"))),
            ("NewUser", user("roles", json!([]))),
            ("NewUser", user("mobile", json!("1\0"))),
            ("NewUser", user("more", json!(1))),
            ("NewService", service("baseUrl", "ftp://vendor")),
            ("NewService", service("appSecret", "in ner")),
            ("NewService", service("signMode", "none")),
            ("NewDefinition", definition("name", json!("\n"))),
            ("NewDefinition", definition("nodes", json!([]))),
            ("NewDefinition", definition("fields", json!([{ "key": "a b", "label": "l", "type": "text" }]))),
            ("Node", json!({ "key": "n", "name": "n", "kind": "approval", "assignees": ["user:"] })),
            ("Node", json!({ "key": "n", "name": "n", "kind": "approval", "assignees": [] })),
            ("NewToken", json!({ "name": "" })),
            ("NewFlow", json!({ "definitionId": "1", "form": {} })),
            ("NewComment", json!({ "comment": "\u{3000}" })),
            ("MoreUses", json!({ "count": 0 })),
            ("MoreUses", json!({ "count": 100_001 })),
            ("EndOfUse", json!({ "reason": " " })),
            ("NewFolder", json!({ "name": ".." })),
            ("NewFolder", json!({ "name": "a/b" })),
            ("FolderChange", json!({ "parentId": "top" })),
            ("Wish", Value::Null),
        ];
        for (schema, body) in wrong {
            assert!(validate(&format!("#/components/schemas/{schema}"), &body).is_err(), "{schema} {body}");
        }
    }

    #[test]
    fn parameters_and_bodies_say_what_they_may_be() {
        let operation = |path: &str, method: &str| &DOCUMENT["paths"][path][method];
        let parameter = |path: &str, name: &str| {
            let all = operation(path, "get")["parameters"].as_array().unwrap();
            all.iter().find(|parameter| parameter["name"] == name).unwrap()["schema"].clone()
        };
        for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
            for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
                let schema = &parameter["schema"];
                if parameter["name"] == "limit" {
                    // A page of the tree of folders shows all folders of a level.
                    let most = if path == "/api/folders" { 1000 } else { 200 };
                    assert_eq!((&schema["minimum"], &schema["maximum"]), (&json!(1), &json!(most)), "{path}");
                }
                let says = ["pattern", "enum", "oneOf", "minimum", "$ref"].iter().any(|key| schema.get(key).is_some());
                assert!(
                    says || schema["type"] == "boolean" || parameter["name"] == "key" || parameter["name"] == "secret",
                    "{path}: {parameter}"
                );
            }
        }
        assert_eq!(
            parameter("/api/flows", "state")["enum"],
            json!(["draft", "running", "archived", "rejected", "withdrawn", ""])
        );
        let approve = &operation("/api/flows/{id}/approve", "post")["requestBody"];
        assert_eq!(approve["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/ApprovalNote");
        assert_ne!(approve["required"], true, "it may be left out");
        let numbers = operation("/metrics", "get")["responses"]["200"]["content"].as_object().unwrap();
        assert!(numbers.contains_key("application/openmetrics-text"));
    }

    #[test]
    fn an_answer_has_all_of_its_members_and_those_that_come_together() {
        let report = json!({ "ok": false, "entries": 6, "head": "0".repeat(64), "firstBroken": 7, "why": "cut_tail", "detail": "" });
        assert_eq!(validate("#/components/schemas/AuditReport", &report), Ok(()));
        let well = json!({ "ok": true, "entries": 6, "head": "0".repeat(64) });
        assert_eq!(validate("#/components/schemas/AuditReport", &well), Ok(()));
        let missing =
            json!({ "kind": "signatory", "count": 1, "since": null, "named": true, "keys": [], "error": null });
        assert_eq!(validate("#/components/schemas/MissingPhotos", &missing), Ok(()));
        assert!(validate("#/components/schemas/PhotoShortfall", &missing).is_err());
        let incomplete = json!({ "kind": "signatory", "count": 1, "since": null, "named": true });
        assert!(validate("#/components/schemas/MissingPhotos", &incomplete).is_err(), "null is not absent");
    }
}
