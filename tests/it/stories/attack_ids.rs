//! Every route of the OpenAPI document, asked by every role for what belongs to somebody else. A new route without a row
//! here fails.

mod named;

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use yinku::{config::Config, db::sql, http, id::FlowId};

use crate::support::{
    Caller, Engine, Plan, Told, World, callbacks,
    files::{form, png, with_stamped},
    people::make_user,
    seals::{in_use, one_seal},
    story,
};

/// Nobody, then people who have no part in 张三's flow: a member, an operator, an archivist, an auditor; the
/// administrator.
const ROLES: [&str; 6] = ["", "chen", "ma", "zhao", "sun", "admin"];

/// The status for each of [`ROLES`]. 0: not asked, because no object of others is named.
type Statuses = [u16; 6];

struct Row {
    method: Method,
    route: &'static str,
    body: Body,
    statuses: Statuses,
}

enum Body {
    None,
    Json(Value),
    Picture,
}

/// What a stranger sees of an object of others: nothing. The auditor reads, and may not act.
const HIDDEN: u16 = 404;
const LOGIN: u16 = 401;
const REFUSED: u16 = 403;
/// A route without an object: it wants a login, and shows each user what is theirs.
const OWN: Statuses = [LOGIN, 0, 0, 0, 0, 0];
const PUBLIC: Statuses = [200, 0, 0, 0, 0, 0];
/// Only an administrator asks.
const fn admin(status: u16) -> Statuses {
    [LOGIN, REFUSED, REFUSED, REFUSED, REFUSED, status]
}
const fn readers(status: u16) -> Statuses {
    [LOGIN, REFUSED, REFUSED, REFUSED, status, status]
}
/// An object in a flow or folder of others.
const fn hidden(auditor: u16, admin: u16) -> Statuses {
    [LOGIN, HIDDEN, HIDDEN, HIDDEN, auditor, admin]
}

fn row(route: &'static str, body: Body, statuses: Statuses) -> Row {
    let (method, route) = route.split_once(' ').unwrap();
    Row { method: method.parse().unwrap(), route, body, statuses }
}

fn rows() -> Vec<Row> {
    let mut rows = of_flows();
    rows.extend(of_documents());
    rows.extend(of_configuration());
    rows.extend(without_an_object());
    rows
}

fn of_flows() -> Vec<Row> {
    let ends = "2099-01-01T00:00:00+08:00";
    vec![
        row("GET /api/flows/{id}", Body::None, hidden(200, 200)),
        row("GET /api/flows/{id}/seal-code", Body::None, hidden(403, 200)),
        row("GET /api/flows/{id}/seal-detail", Body::None, hidden(200, 200)),
        row("GET /api/flows/{id}/photos.zip", Body::None, hidden(409, 409)),
        row("GET /api/flows/{id}/evidence", Body::None, hidden(200, 200)),
        row("GET /api/flows/{id}/evidence.zip", Body::None, hidden(200, 200)),
        row("POST /api/flows/{id}/comment", Body::Json(json!({ "comment": "看" })), hidden(403, 200)),
        row("POST /api/flows/{id}/approve", Body::Json(json!({})), hidden(403, 403)),
        row("POST /api/flows/{id}/reject", Body::Json(json!({ "to": "start", "comment": "退回" })), hidden(403, 403)),
        row("POST /api/flows/{id}/submit", Body::Json(json!({})), hidden(403, 403)),
        row("PUT /api/flows/{id}/form", Body::Json(json!({ "form": {} })), hidden(403, 403)),
        row("POST /api/flows/{id}/archive", Body::Json(json!({})), hidden(403, 409)),
        row("POST /api/flows/{id}/collect", Body::None, hidden(403, 202)),
        row("POST /api/flows/{id}/stamped/retry", Body::None, hidden(403, 202)),
        row("POST /api/flows/{id}/fields/{key}/files", Body::Picture, hidden(403, 201)),
        row("DELETE /api/flows/{id}/fields/{key}/files/{documentId}", Body::None, hidden(403, 204)),
        // Whom the row before lets remove the file takes the removal back.
        row("PUT /api/flows/{id}/fields/{key}/files/{documentId}", Body::None, hidden(403, 204)),
        row("PUT /api/flows/{id}/seal-window", Body::Json(json!({ "end": ends })), hidden(403, 200)),
        row("POST /api/flows/{id}/seal-append", Body::Json(json!({ "count": 1 })), hidden(403, 200)),
        // The grant owes nothing.
        row("POST /api/grants/{id}/photos", Body::Picture, hidden(403, 409)),
        row("POST /api/seal-uses/{id}/resolve", Body::Json(json!({ "again": true })), admin(422)),
        row("GET /api/ingests/{id}", Body::None, hidden(200, 200)),
        row("POST /api/ingests/{id}/retry", Body::None, hidden(403, 202)),
        row("POST /api/callbacks/{id}/replay", Body::None, admin(202)),
        // A photo of the vendor's: there is nothing to accept.
        row("POST /api/photos/{id}/accept", Body::Json(json!({ "reason": "看" })), admin(409)),
        row("POST /api/flows/{id}/transfer", Body::Json(json!({ "to": "li" })), hidden(403, 200)),
        row("POST /api/flows/{id}/withdraw", Body::Json(json!({ "comment": "撤" })), hidden(403, 200)),
        // A withdrawn flow has no open use.
        row("POST /api/flows/{id}/seal-finish", Body::Json(json!({ "reason": "完" })), hidden(403, 409)),
    ]
}

fn of_documents() -> Vec<Row> {
    let name = json!({ "name": "别的名字" });
    let rights = json!({ "inherits": true, "entries": [] });
    let into = json!({ "folderId": NOTHING });
    vec![
        row("GET /api/documents/{id}", Body::None, hidden(200, 200)),
        row("GET /api/documents/{id}/content", Body::None, hidden(200, 200)),
        row("GET /api/documents/{id}/thumbnail/{size}", Body::None, hidden(200, 200)),
        row("GET /api/documents/{id}/exif", Body::None, hidden(200, 200)),
        row("GET /api/bundles/{id}", Body::None, [LOGIN, REFUSED, REFUSED, REFUSED, 200, 200]),
        row("GET /api/bundles/{id}/about", Body::None, [LOGIN, REFUSED, REFUSED, REFUSED, 200, 200]),
        row("GET /api/folders/{id}", Body::None, hidden(200, 200)),
        row("POST /api/bundles/{id}/link", Body::Json(json!({})), [LOGIN, REFUSED, REFUSED, REFUSED, 201, 201]),
        // A link needs no login, but its key.
        row("GET /api/bundles/{id}/linked", Body::None, [HIDDEN; 6]),
        row("GET /api/folders/{id}/documents", Body::None, hidden(200, 200)),
        row("GET /api/folders/{id}/timeline", Body::None, hidden(200, 200)),
        row("POST /api/folders/{id}/documents", Body::Picture, hidden(403, 201)),
        row("GET /api/folders/{id}/rights", Body::None, hidden(403, 200)),
        row("GET /api/folders/{id}/rights/of", Body::None, [LOGIN, 0, 0, 0, 0, 0]),
        row("PUT /api/folders/{id}/rights", Body::Json(rights), hidden(403, 200)),
        row("PATCH /api/folders/{id}", Body::Json(name.clone()), hidden(403, 200)),
        // A photo is evidence.
        row("PATCH /api/documents/{id}", Body::Json(name), hidden(403, 200)),
        row("DELETE /api/documents/{id}", Body::None, hidden(403, 409)),
        row("POST /api/documents/{id}/copy", Body::Json(into), hidden(404, 404)),
        // It is not in the trash.
        row("POST /api/documents/{id}/restore", Body::None, hidden(404, 404)),
        row("POST /api/folders/{id}/restore", Body::None, hidden(404, 404)),
        row("DELETE /api/folders/{id}", Body::None, hidden(403, 409)),
        row("DELETE /api/trash/{id}", Body::None, hidden(404, 404)),
    ]
}

fn of_configuration() -> Vec<Row> {
    let definition = json!({ "name": "x", "fields": [], "nodes": [] });
    vec![
        row("GET /api/definitions/{id}", Body::None, [LOGIN, 200, 200, 200, 200, 200]),
        row("GET /api/definitions/{id}/versions", Body::None, [LOGIN, 200, 200, 200, 200, 200]),
        row("PUT /api/definitions/{id}", Body::Json(definition.clone()), admin(422)),
        row("POST /api/definitions", Body::Json(definition.clone()), admin(422)),
        row("POST /api/definitions/check", Body::Json(definition), admin(200)),
        row("GET /api/definitions/ready-made", Body::None, [LOGIN, 200, 200, 200, 200, 200]),
        row("POST /api/definitions/ready-made", Body::Json(json!({ "serviceId": NOTHING })), admin(422)),
        row("GET /api/services", Body::None, admin(200)),
        row("POST /api/services", Body::Json(json!({})), admin(422)),
        row("GET /api/services/{id}", Body::None, admin(200)),
        row("PATCH /api/services/{id}", Body::Json(json!({})), admin(200)),
        row("POST /api/services/{id}/check", Body::None, admin(200)),
        row("GET /api/services/{id}/categories", Body::None, [LOGIN, 200, 200, 200, 200, 200]),
        row("GET /api/services/{id}/seals", Body::None, [LOGIN, 200, 200, 200, 200, 200]),
        row("GET /api/users", Body::None, admin(200)),
        row("POST /api/users", Body::Json(json!({})), admin(422)),
        row("PATCH /api/users/{id}", Body::Json(json!({})), admin(200)),
        row(
            "POST /api/users/{id}/password",
            Body::Json(json!({ "password": "another uncommon phrase 7" })),
            admin(204),
        ),
        // 张三 has no one-time codes.
        row("DELETE /api/users/{id}/totp", Body::None, admin(404)),
        // A session or token of 张三: nobody else ends it, not even an administrator.
        row("DELETE /api/sessions/{id}", Body::None, hidden(404, 404)),
        row("DELETE /api/tokens/{id}", Body::None, hidden(404, 404)),
        row("GET /api/audit", Body::None, readers(200)),
        row("GET /metrics", Body::None, readers(200)),
        row("GET /api/audit/verify", Body::None, readers(200)),
        row("GET /api/fixity", Body::None, readers(200)),
        row("GET /api/fixity/findings", Body::None, readers(200)),
        row("POST /api/fixity/runs", Body::Json(json!({ "scope": "sample" })), admin(422)),
        row("GET /api/ingests", Body::None, readers(200)),
        row("GET /api/callbacks", Body::None, readers(200)),
        row("GET /api/callbacks/door", Body::None, readers(200)),
    ]
}

fn without_an_object() -> Vec<Row> {
    let own = [
        "GET /api/definitions",
        "GET /api/documents",
        "GET /api/documents/timeline",
        "GET /api/events",
        "GET /api/evidence/verify.html",
        "GET /api/flows",
        "GET /api/flows/counts",
        "GET /api/folders",
        "GET /api/owed",
        "GET /api/people",
        "GET /api/people/roles",
        "GET /api/session",
        "GET /api/sessions",
        "DELETE /api/sessions",
        "GET /api/tokens",
        "GET /api/trash",
        "POST /api/session/totp",
    ];
    let public = [
        "GET /api/openapi.json",
        "GET /healthz",
        "GET /readyz",
        "GET /papi/signcenter/qiyuesuo/categoryCallback",
        "GET /papi/signcenter/qiyuesuo/categoryCallback/{secret}",
    ];
    let mut rows: Vec<Row> = own.map(|route| row(route, Body::None, OWN)).into();
    rows.extend(public.map(|route| row(route, Body::None, PUBLIC)));
    rows.extend(
        [
            "POST /api/flows",
            "POST /api/folders",
            "POST /api/tokens",
            "POST /api/documents/move",
            "POST /api/documents/copy",
            "POST /api/documents/trash",
            "POST /api/documents/restore",
        ]
        .map(|route| row(route, Body::Json(json!({})), OWN)),
    );
    rows.push(row("POST /api/bundles", Body::Json(json!({})), OWN));
    rows.push(row("POST /api/session", Body::Json(json!({ "username": "x", "password": "x" })), OWN));
    let passwords = json!({ "old": "x", "new": "y" });
    rows.push(row("PUT /api/session/password", Body::Json(passwords), OWN));
    rows.push(row("DELETE /api/session/totp", Body::Json(json!({ "password": "x" })), OWN));
    rows.push(row("DELETE /api/session", Body::None, [204, 0, 0, 0, 0, 0]));
    // The callback has no login. stories/callbacks.rs attacks it.
    let callback = "POST /papi/signcenter/qiyuesuo/categoryCallback";
    rows.push(row(callback, Body::None, PUBLIC));
    rows.push(row("POST /papi/signcenter/qiyuesuo/categoryCallback/{secret}", Body::None, PUBLIC));
    rows
}

const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

/// The routes of the OpenAPI document as `METHOD /path`.
fn documented() -> BTreeSet<String> {
    let document = serde_json::to_value(http::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods = ["get", "post", "put", "patch", "delete"];
    let of_path = |(path, item): (&String, &Value)| -> Vec<String> {
        let present = methods.iter().filter(|method| item.get(method).is_some());
        present.map(|method| format!("{} {path}", method.to_uppercase())).collect()
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn every_route_has_a_row() {
    let listed: Vec<String> = rows().iter().map(|row| format!("{} {}", row.method, row.route)).collect();
    let rows: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(rows.len(), listed.len(), "a route is listed twice");
    let documented = documented();
    let missing: Vec<&String> = documented.difference(&rows).collect();
    let gone: Vec<&String> = rows.difference(&documented).collect();
    assert!(missing.is_empty() && gone.is_empty(), "without a row: {missing:#?}\nwithout a route: {gone:#?}");
}

/// The photos go to 张三's personal space, and 王五 alone has the seal node.
fn private(definition: &mut Value) {
    with_stamped(definition);
    definition["integration"]["downloadFolder"] = json!({ "space": "personal", "path": "私" });
    definition["nodes"][1]["assignees"] = json!(["user:wang"]);
}

/// The ids of 张三's objects.
struct Ids {
    flow: Value,
    folder: String,
    callback: String,
    definition: String,
    service: String,
    user: String,
    session: String,
    token: String,
    bundle: String,
}

impl Ids {
    async fn of(world: &World, flow: &impl std::fmt::Display) -> Self {
        let text = async |statement: &str| -> String { sql(statement.to_owned()).scalar(&world.app.db).await.unwrap() };
        let package = world.caller("zhang").await.get(&format!("/api/flows/{flow}/evidence.zip")).await;
        let flow = world.caller("admin").await.get(&format!("/api/flows/{flow}")).await.expect(200);
        Self {
            flow,
            folder: text("SELECT id FROM folders WHERE name = '私'").await,
            callback: text("SELECT MIN(id) FROM callbacks").await,
            definition: world.definition.to_string(),
            service: text("SELECT id FROM services").await,
            user: text("SELECT id FROM users WHERE username = 'zhang'").await,
            session: text("SELECT MIN(id) FROM sessions").await,
            token: text("SELECT MIN(t.id) FROM tokens t JOIN users u ON u.id = t.user_id WHERE u.username = 'zhang'")
                .await,
            bundle: package.header("content-location").rsplit('/').next().unwrap().to_owned(),
        }
    }

    fn path(&self, route: &str) -> String {
        let photo = self.flow["files"]["photos"][0]["id"].as_str().unwrap();
        let stamped = self.flow["files"]["stamped"][0]["id"].as_str().unwrap();
        let id = match route.split('/').nth(2) {
            Some("flows") => self.flow["id"].as_str().unwrap(),
            Some("grants") => self.flow["sealUses"][0]["grants"][0]["id"].as_str().unwrap(),
            Some("seal-uses") => self.flow["sealUses"][0]["id"].as_str().unwrap(),
            Some("ingests") => self.flow["sealUses"][0]["ingestId"].as_str().unwrap(),
            Some("documents") => photo,
            Some("bundles") => &self.bundle,
            Some("photos") => self.flow["files"]["photos"][0]["photo"]["photoId"].as_str().unwrap(),
            Some("folders") => &self.folder,
            Some("callbacks") => &self.callback,
            Some("definitions") => &self.definition,
            Some("services") => &self.service,
            Some("users") => &self.user,
            Some("sessions") => &self.session,
            Some("tokens") => &self.token,
            _ => NOTHING,
        };
        let path = route.replace("{id}", id).replace("{key}", "stamped").replace("{documentId}", stamped);
        path.replace("{size}", "256").replace("{secret}", "x")
    }
}

impl Row {
    async fn ask(&self, caller: &Caller, ids: &Ids) -> u16 {
        let request = caller.request(self.method.clone(), &ids.path(self.route));
        let request = match &self.body {
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::Picture => request.multipart(form([("补.png", png(7))])),
        };
        let told = caller.send(request).await;
        assert_guarded(&format!("{} {}", self.method, self.route), &told);
        told.status.as_u16()
    }
}

/// The routes whose answers a browser may keep and resume.
const KEPT: [&str; 5] = [
    "GET /api/documents/{id}/content",
    "GET /api/documents/{id}/thumbnail/{size}",
    "GET /api/flows/{id}/photos.zip",
    "GET /api/flows/{id}/evidence.zip",
    "GET /api/bundles/{id}",
];

/// That every answer to every role has the headers that protect it.
fn assert_guarded(route: &str, told: &Told) {
    assert_eq!(told.header("x-content-type-options"), "nosniff", "{route}");
    assert_eq!(told.header("referrer-policy"), "no-referrer", "{route}");
    assert!(told.header("content-security-policy").contains("default-src 'none'"), "{route}");
    let kept = told.status.is_success() && KEPT.contains(&route);
    assert_eq!(told.header("cache-control") == "no-store", !kept, "{route} {}", told.header("cache-control"));
    assert!(kept <= told.header("cache-control").starts_with("private"), "{route}");
}

fn public(config: &mut Config) {
    config.public_url = "https://yinku.example".parse().unwrap();
}

// Behind https every answer binds the browser to https, also a refusal and one to a route without such an object.
story!(behind_https_every_route_has_the_headers_that_protect_it, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(public), ..Plan::default() }).await;
    let base: url::Url = format!("http://{}", world.app.config.listen).parse().unwrap();
    let admin = Caller::of(&world.app, base.clone(), "admin").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for row in rows().iter().filter(|row| row.route != "/api/events") {
        let path = row.route.replace("{key}", "stamped").replace("{size}", "256").replace("{secret}", "x");
        let path = path.replace("{id}", NOTHING).replace("{documentId}", NOTHING);
        let as_admin = admin.request(row.method.clone(), &path);
        for request in [client.request(row.method.clone(), base.join(&path).unwrap()), as_admin] {
            let answer = request.send().await.unwrap();
            let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap());
            let route = format!("{} {} {}", row.method, row.route, answer.status());
            assert_eq!(header("strict-transport-security"), "max-age=31536000", "{route}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{route}");
            assert_eq!(header("referrer-policy"), "no-referrer", "{route}");
            assert_eq!(header("cache-control"), "no-store", "{route}");
        }
    }
});

story!(trace_is_refused_on_every_route, async |world: World| {
    let admin = world.caller("admin").await;
    let trace = async |path: &str| admin.send(admin.request(Method::TRACE, path)).await;
    for row in rows() {
        let path = row.route.replace("{key}", "stamped").replace("{size}", "256").replace("{secret}", "x");
        let path = path.replace("{id}", NOTHING).replace("{documentId}", NOTHING);
        trace(&path).await.expect_problem(405, "method_not_allowed");
    }
    trace("/flows").await.expect_problem(404, "not_found");
});

/// A flow of 张三 in use, with a photo and a stamped file, and people who have no part in it.
async fn world_of_zhang(engine: Engine) -> (World, FlowId) {
    let world = World::new(engine, Plan { definition: Some(private), ..Plan::default() }).await;
    make_user(&world, "chen", &["member"]).await;
    world.session("zhang").await;
    let ma =
        json!({ "username": "ma", "displayName": "马", "password": "an uncommon phrase 42", "roles": ["operator"] });
    world.caller("admin").await.post("/api/users", &ma).await.expect(201);
    let (flow, business) = in_use(&world, &one_seal(4)).await;
    world.sim.stamp(&business, 0).await.unwrap();
    callbacks::call(&world, &format!("businessId={business}&number=E003")).await;
    world.until("the photo is here", async || world.count("SELECT COUNT(*) FROM documents").await == 1).await;
    let wang = world.caller("wang").await;
    wang.bring(&format!("/api/flows/{flow}/fields/stamped/files"), form([("章.png", png(3))])).await.expect(201);
    world.until_quiet().await;
    (world, flow)
}

story!(a_stranger_gets_nothing_by_the_id_of_others, async |engine: Engine| {
    let (world, flow) = world_of_zhang(engine).await;
    let ids = Ids::of(&world, &flow).await;
    let mut wrong = Vec::new();
    for (at, username) in ROLES.iter().enumerate() {
        let caller = if username.is_empty() { Caller::nobody(&world) } else { world.caller(username).await };
        for row in rows().iter().filter(|row| row.statuses[at] != 0) {
            let (status, expected) = (row.ask(&caller, &ids).await, row.statuses[at]);
            if status != expected {
                wrong.push(format!("{username:?} {} {}: {status}, not {expected}", row.method, row.route));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
});
