//! Stories of the API: who may ask, what bad input is told, how bytes are served.

use futures::StreamExt;
use reqwest::{Method, header};
use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};
use yinku::{config::Config, db::sql, hash::Blake3, library::document::Document, user::login};

use crate::{
    caller::{Caller, Told},
    stories::on_both_engines,
    world::{Engine, Plan, World},
};

on_both_engines!(
    who_is_not_logged_in_is_told_how,
    a_session_is_a_cookie_that_only_our_pages_may_write_with,
    only_administrators_configure,
    a_user_is_made_changed_and_shut_out,
    a_service_is_bound_checked_and_never_shows_its_secret,
    a_definition_that_was_read_can_be_written_back_as_a_new_version,
    originals_are_served_in_parts_and_thumbnails_for_ever,
    each_sees_the_folders_and_documents_that_are_theirs,
    listeners_are_told_of_what_they_may_see,
    a_parked_photo_is_tried_again_by_a_person_and_an_orphan_is_replayed,
    the_callback_address_may_ask_for_a_key,
    the_service_tells_how_it_is,
    text_that_one_of_the_databases_would_refuse_is_refused_by_both,
    a_member_or_a_parameter_that_is_wrong_is_named,
    the_ingests_of_a_flow_are_for_all_who_may_see_it,
);

const PASSWORD: &str = "a password of some length";

async fn make_user(world: &World, username: &str, roles: &[&str]) -> Value {
    let user = json!({ "username": username, "displayName": "陈八", "password": PASSWORD, "roles": roles, "mobile": "13800000000" });
    world.caller("admin").await.post("/api/users", &user).await.expect(201)
}

pub(crate) async fn archived_documents(world: &World) -> Vec<Document> {
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    Document::of_flow(&world.app.db, &flow).await.unwrap()
}

async fn who_is_not_logged_in_is_told_how(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let nobody = Caller::nobody(&world);
    for path in [
        "session",
        "flows",
        "users",
        "services",
        "definitions",
        "ingests",
        "callbacks",
        "folders",
        "documents",
        "events",
    ] {
        let problem = nobody.get(&format!("/api/{path}")).await.expect_problem(401, "not_logged_in");
        assert!(problem["detail"].as_str().unwrap().contains("POST /api/session"));
    }
    let wrong = json!({ "username": "zhang", "password": "not this one at all" });
    nobody.post("/api/session", &wrong).await.expect_problem(401, "login_failed");
    nobody.post("/api/session", &json!({ "user": "zhang" })).await.expect_problem(422, "invalid");
    let text = nobody.request(Method::POST, "/api/session").header("content-type", "application/json").body("{");
    nobody.send(text).await.expect_problem(400, "bad_json");
    nobody.get("/api/nothing").await.expect_problem(404, "not_found");
    nobody.delete("/healthz").await.expect_problem(405, "method_not_allowed");
}

async fn a_session_is_a_cookie_that_only_our_pages_may_write_with(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    make_user(&world, "chen", &["member"]).await;
    let nobody = Caller::nobody(&world);
    let told = nobody.post("/api/session", &json!({ "username": "chen", "password": PASSWORD })).await;
    let cookie = told.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    assert!(!cookie.contains("Secure"), "the public address is plain HTTP");
    assert_eq!(told.expect(200)["username"], "chen");

    let cookie = cookie.split(';').next().unwrap();
    let with_cookie = |method, path| nobody.request(method, path).header("cookie", cookie);
    let session = nobody.send(with_cookie(Method::GET, "/api/session")).await.expect(200);
    assert!(session.get("passwordHash").is_none() && session["roles"] == json!(["member"]), "{session}");
    let token =
        |origin: &str| with_cookie(Method::POST, "/api/tokens").header("origin", origin).json(&json!({ "name": "t" }));
    nobody.send(token("https://evil.example")).await.expect_problem(403, "other_origin");
    let own = world.app.config.public_url.origin().ascii_serialization();
    let made = nobody.send(token(&own)).await.expect(201);
    let bearer = nobody.request(Method::GET, "/api/session").bearer_auth(made["token"].as_str().unwrap());
    assert_eq!(nobody.send(bearer).await.expect(200)["username"], "chen");
    let stored: i64 = sql("SELECT COUNT(*) FROM tokens WHERE secret_hash = $1")
        .bind(made["token"].as_str().unwrap())
        .scalar(&world.app.db)
        .await
        .unwrap();
    assert_eq!(stored, 0, "only the token's hash is kept");

    nobody.send(with_cookie(Method::DELETE, "/api/session")).await.expect(204);
    nobody.send(with_cookie(Method::GET, "/api/session")).await.expect_problem(401, "not_logged_in");
}

async fn only_administrators_configure(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    for username in ["zhang", "wang", "zhao", "sun"] {
        let caller = world.caller(username).await;
        for path in ["/api/users", "/api/services", "/api/definitions"] {
            caller.post(path, &json!({})).await.expect_problem(403, "forbidden");
        }
        let reads_all = username == "sun";
        for path in ["/api/ingests", "/api/callbacks"] {
            let told = caller.get(path).await;
            assert_eq!(told.status.as_u16(), if reads_all { 200 } else { 403 }, "{username} {path}");
        }
    }
}

async fn a_user_is_made_changed_and_shut_out(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let admin = world.caller("admin").await;
    let bad = json!({ "username": "a b", "displayName": " ", "password": "short", "roles": [] });
    let problem = admin.post("/api/users", &bad).await.expect_problem(422, "invalid");
    let fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["username", "displayName", "password", "roles"]);

    let user = make_user(&world, "chen", &["member"]).await;
    let again = json!({ "username": "chen", "displayName": "陈", "password": PASSWORD, "roles": ["member"] });
    admin.post("/api/users", &again).await.expect_problem(409, "name_taken");
    let path = format!("/api/users/{}", user["id"].as_str().unwrap());
    let change = json!({ "employeeNo": "E100", "mobile": null, "roles": ["operator", "auditor"] });
    let changed = admin.patch(&path, &change).await.expect(200);
    assert_eq!((&changed["employeeNo"], &changed["mobile"]), (&json!("E100"), &Value::Null));
    assert_eq!(changed["displayName"], "陈八", "what is absent stays");

    let chen = world.caller("chen").await;
    chen.get("/api/session").await.expect(200);
    admin.patch(&path, &json!({ "disabled": true })).await.expect(200);
    chen.get("/api/session").await.expect_problem(401, "not_logged_in");
    let login = json!({ "username": "chen", "password": PASSWORD });
    Caller::nobody(&world).post("/api/session", &login).await.expect_problem(401, "login_failed");
}

async fn a_service_is_bound_checked_and_never_shows_its_secret(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let admin = world.caller("admin").await;
    let right = admin.get("/api/services").await.expect(200)["items"][0].clone();
    assert!(right.get("appSecret").is_none() && right["signMode"] == "legacy", "{right}");
    let id = right["id"].as_str().unwrap();
    let checked = admin.post(&format!("/api/services/{id}/check"), &json!({})).await.expect(200);
    assert_eq!((&checked["ok"], &checked["error"]), (&json!(true), &Value::Null));
    let seals = world.caller("zhang").await.get(&format!("/api/services/{id}/seals")).await.expect(200);
    assert!(seals["items"].as_array().unwrap().iter().any(|seal| seal["deviceNo"] == "QYS2019040001"), "{seals}");

    let service =
        |secret: &str, url: &str| json!({ "name": "又一个", "baseUrl": url, "appToken": "t", "appSecret": secret });
    let wrong = admin.post("/api/services", &service("wrong", &world.sim.url())).await.expect(201);
    let wrong = wrong["id"].as_str().unwrap();
    let checked = admin.post(&format!("/api/services/{wrong}/check"), &json!({})).await.expect(200);
    assert!(
        checked["ok"] == false && checked["error"].as_str().is_some_and(|error| !error.contains("wrong")),
        "{checked}"
    );
    admin.get(&format!("/api/services/{wrong}/seals")).await.expect_problem(502, "vendor_failed");
    let problem =
        admin.post("/api/services", &service("in ner", &world.sim.url())).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "appSecret");
    let problem = admin.post("/api/services", &service("s", "ftp://vendor")).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "baseUrl");
}

async fn a_definition_that_was_read_can_be_written_back_as_a_new_version(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let admin = world.caller("admin").await;
    let path = format!("/api/definitions/{}", world.definition);
    let mut read = admin.get(&path).await.expect(200);
    assert_eq!(read["version"], 1);
    let flow = world.start_flow(1).await;
    let written = admin.put(&path, &read).await.expect(200);
    assert_eq!(written["version"], 2);
    assert_eq!(written["nodes"], read["nodes"]);
    let posted = admin.post("/api/definitions", &read).await.expect(201);
    assert_ne!(posted["id"], read["id"], "names need not be unique");
    let shown = world.caller("zhang").await.get(&format!("/api/flows/{flow}")).await.expect(200);
    assert_eq!(shown["version"], 1, "a running flow keeps its version");

    read["integration"]["sealField"] = json!("seals.count");
    let problem = admin.put(&path, &read).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "integration.sealField");
    read["integration"]["serviceId"] = json!("01890000-0000-7000-8000-000000000000");
    read["integration"]["sealField"] = json!("seals.seal");
    let problem = admin.put(&path, &read).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "integration.serviceId");
}

async fn originals_are_served_in_parts_and_thumbnails_for_ever(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let document = archived_documents(&world).await.remove(0);
    let zhang = world.caller("zhang").await;
    let path = format!("/api/documents/{}", document.id);
    let content = format!("{path}/content");
    let whole = zhang.get(&content).await;
    assert_eq!(Blake3::of(&whole.bytes), document.blake3);
    let etag = format!("\"{}\"", document.blake3);
    assert_eq!((whole.header("etag"), whole.header("content-type")), (etag.as_str(), "image/jpeg"));
    assert_eq!(whole.header("content-length"), document.bytes.to_string());
    assert!(whole.header("content-disposition").contains("filename*=UTF-8''YK"));
    let bytes = whole.bytes.clone();

    let ask = |name: header::HeaderName, value: &str| zhang.request(Method::GET, &content).header(name, value);
    let part = zhang.send(ask(header::RANGE, "bytes=100-299")).await;
    assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &bytes[100..300]));
    assert_eq!(part.header("content-range"), format!("bytes 100-299/{}", document.bytes));
    let resumed = ask(header::RANGE, "bytes=100-").header(header::IF_RANGE, &etag);
    assert_eq!(zhang.send(resumed).await.bytes[..], bytes[100..]);
    let other = ask(header::RANGE, "bytes=100-").header(header::IF_RANGE, "\"other\"");
    assert_eq!(zhang.send(other).await.bytes, bytes, "a resumed download of other bytes starts over");
    let beyond = zhang.send(ask(header::RANGE, "bytes=99999999-")).await;
    assert_eq!(
        (beyond.status.as_u16(), beyond.header("content-range")),
        (416, format!("bytes */{}", document.bytes).as_str())
    );
    assert_eq!(zhang.send(ask(header::IF_NONE_MATCH, &etag)).await.status, 304);

    for size in [256, 1280] {
        let thumbnail = zhang.get(&format!("{path}/thumbnail/{size}")).await;
        assert!(thumbnail.header("cache-control").contains("immutable") && thumbnail.bytes.starts_with(&[0xff, 0xd8]));
    }
    zhang.get(&format!("{path}/thumbnail/77")).await.expect_problem(404, "no_thumbnail");
}

async fn each_sees_the_folders_and_documents_that_are_theirs(engine: Engine) {
    let personal = |definition: &mut Value| {
        definition["integration"]["downloadFolder"] = json!({ "space": "personal", "path": "合同" });
    };
    let world = World::new(engine, Plan { definition: Some(personal), ..Plan::default() }).await;
    let chen = make_user(&world, "chen", &["member"]).await;
    let document = archived_documents(&world).await.remove(0);
    let path = format!("/api/documents/{}", document.id);
    let folder = format!("/api/folders/{}/documents", document.folder_id);
    for (username, document, in_folder) in [
        ("zhang", 200, 200), // the owner
        ("li", 200, 404),    // takes part in the flow
        ("sun", 200, 200),   // reads everything
        ("chen", 404, 404),
        ("zhao", 404, 404), // an archivist has no right to personal folders
    ] {
        let caller = world.caller(username).await;
        assert_eq!(caller.get(&path).await.status, document, "{username}");
        assert_eq!(caller.get(&format!("{path}/content")).await.status, document, "{username}");
        assert_eq!(caller.get(&format!("{path}/thumbnail/256")).await.status, document, "{username}");
        assert_eq!(caller.get(&folder).await.status, in_folder, "{username}");
        let found = caller.get("/api/documents?q=公章").await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), if document == 200 { 2 } else { 0 }, "{username}");
    }
    // A right that comes or goes does so at once, whatever was asked a moment ago.
    let (admin, caller) = (world.caller("admin").await, world.caller("chen").await);
    for (roles, status) in [(["member", "auditor"], 200), (["member", "member"], 404)] {
        let user = format!("/api/users/{}", chen["id"].as_str().unwrap());
        admin.patch(&user, &json!({ "roles": roles })).await.expect(200);
        assert_eq!(caller.get(&format!("{path}/thumbnail/256")).await.status, status, "{roles:?}");
        assert_eq!(caller.get(&format!("{path}/content")).await.status, status, "{roles:?}");
    }
    let zhang = world.caller("zhang").await;
    let first = zhang.get("/api/documents?limit=1&kind=signatory").await.expect(200);
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    assert_eq!(zhang.get(&folder).await.expect(200)["total"], 2);
    let rest =
        zhang.get(&format!("/api/documents?limit=1&after={}", first["next"].as_str().unwrap())).await.expect(200);
    assert_eq!(rest["next"], Value::Null);
    assert_ne!(rest["items"][0]["id"], first["items"][0]["id"]);
    zhang.get("/api/documents?limit=0").await.expect_problem(400, "bad_query");
    zhang.get("/api/documents?kind=nose").await.expect_problem(400, "bad_query");
    zhang.get("/api/documents?unknown=1").await.expect_problem(400, "bad_query");
}

async fn listeners_are_told_of_what_they_may_see(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    make_user(&world, "chen", &["member"]).await;
    let listen = async |username: &str| {
        let caller = world.caller(username).await;
        let response = caller.request(Method::GET, "/api/events").send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.bytes_stream()
    };
    let (mut theirs, mut strangers) = (listen("zhang").await, listen("chen").await);
    let documents = archived_documents(&world).await;
    let mut heard = String::new();
    while !heard.contains("event: flow") {
        heard.push_str(std::str::from_utf8(&theirs.next().await.unwrap().unwrap()).unwrap());
    }
    let flow = documents[0].flow_id.clone().unwrap();
    assert!(
        heard.contains("event: ingest") && heard.contains(flow.as_str()) && heard.contains("\"received\":2"),
        "{heard}"
    );
    // The stranger's stream is open and silent, though all that happened has happened.
    assert!(futures::poll!(strangers.next()).is_pending());
}

async fn a_parked_photo_is_tried_again_by_a_person_and_an_orphan_is_replayed(engine: Engine) {
    fn no_retry(config: &mut Config) {
        config.ingest.retries.clear();
    }
    let world = World::new(engine, Plan { config: Some(no_retry), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.set_fault(Fault::always(Target::Image, FaultKind::Empty));
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::Status { status: 500 }));
    world.sim.stamp(&business, 0).await.unwrap();
    let sun = world.caller("sun").await;
    world
        .until("the photo is parked", async || {
            let failed = sun.get("/api/ingests?state=failed").await.expect(200);
            failed["items"].as_array().is_some_and(|items| items.len() == 1)
        })
        .await;
    let listed = sun.get("/api/ingests?state=failed").await.expect(200)["items"][0].clone();
    let path = format!("/api/ingests/{}", listed["id"].as_str().unwrap());
    let shown = world.caller("zhang").await.get(&path).await.expect(200);
    let photo = &shown["photos"][0];
    assert_eq!(
        (&photo["state"], &photo["attempts"], &photo["error"]["code"]),
        (&json!("failed"), &json!(4), &json!("vendor_empty"))
    );
    assert_eq!((&shown["expected"], &shown["received"], &shown["failed"]), (&json!(1), &json!(0), &json!(1)));
    let retry = format!("{path}/retry");
    sun.post(&retry, &json!({})).await.expect_problem(403, "forbidden");
    world.sim.clear_faults();
    world.caller("wang").await.post(&retry, &json!({})).await.expect(202);
    world.until_archived(&flow).await;

    let unknown = "/papi/signcenter/qiyuesuo/categoryCallback?businessId=1&status=COMPLETE";
    let answer = Caller::nobody(&world).post(unknown, &json!({})).await.expect(200);
    assert_eq!(answer, json!({ "code": 0, "message": "SUCCESS" }));
    let orphans = sun.get("/api/callbacks?state=orphan").await.expect(200);
    let orphan = orphans["items"][0]["id"].as_str().unwrap();
    let replay = format!("/api/callbacks/{orphan}/replay");
    sun.post(&replay, &json!({})).await.expect_problem(403, "forbidden");
    assert_eq!(world.caller("admin").await.post(&replay, &json!({})).await.expect(202)["state"], "orphan");
}

async fn the_callback_address_may_ask_for_a_key(engine: Engine) {
    fn with_key(config: &mut Config) {
        config.callback.secret = Some("a-key-of-some-length".into());
    }
    let world = World::new(engine, Plan { config: Some(with_key), ..Plan::default() }).await;
    let address = "/papi/signcenter/qiyuesuo/categoryCallback";
    let nobody = Caller::nobody(&world);
    let call = async |suffix: &str| -> Told {
        nobody.post(&format!("{address}{suffix}"), &json!({ "businessId": "7" })).await
    };
    call("").await.expect_problem(403, "callback_refused");
    call("?key=wrong").await.expect_problem(403, "callback_refused");
    call("/wrong").await.expect_problem(403, "callback_refused");
    call("?key=a-key-of-some-length").await.expect(200);
    call("/a-key-of-some-length").await.expect(200);
    assert_eq!(nobody.get(address).await.status, 200, "the vendor's console only looks");
    let kept: Vec<String> = sql("SELECT query FROM callbacks").scalars(&world.app.db).await.unwrap();
    assert_eq!(kept, ["", ""], "the key is not kept");

    // The address that the vendor is given has the key in it.
    let documents = archived_documents(&world).await;
    assert_eq!(documents.len(), 2);
}

async fn the_service_tells_how_it_is(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    archived_documents(&world).await;
    let nobody = Caller::nobody(&world);
    assert_eq!(&nobody.get("/healthz").await.bytes[..], b"ok");
    assert_eq!(nobody.get("/readyz").await.expect(200), json!({ "database": true, "store": true }));
    let metrics = nobody.get("/metrics").await;
    let text = std::str::from_utf8(&metrics.bytes).unwrap();
    assert!(
        text.contains("\nyinku_photos_stored_total 2\n") && text.contains("\nyinku_thumbnails_made_total 4\n"),
        "{text}"
    );
    let document = nobody.get("/api/openapi.json").await.expect(200);
    assert_eq!(document["info"]["title"], "yinku 印库");
    world.app.db.close().await;
    assert_eq!(nobody.get("/readyz").await.expect(503)["database"], false);
    assert_eq!(nobody.get("/healthz").await.status, 200, "alive, though not ready");
}

async fn text_that_one_of_the_databases_would_refuse_is_refused_by_both(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let login = json!({ "username": "zh\0ang", "password": "whatever it may be" });
    Caller::nobody(&world).post("/api/session", &login).await.expect_problem(422, "invalid");
    let zhang = world.caller("zhang").await;
    zhang.post("/api/tokens", &json!({ "name": "a\0b" })).await.expect_problem(422, "invalid");
    zhang.get("/api/documents?q=a%00b").await.expect_problem(400, "bad_query");
    let documents = zhang.get("/api/documents?q=%25").await.expect(200);
    assert_eq!(documents["items"], json!([]), "a wildcard is a letter");
    assert!(login::by_token(&world.app.db, "a\0b").await.is_ok_and(|user| user.is_none()));
}

async fn a_member_or_a_parameter_that_is_wrong_is_named(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let (admin, li, flow) = (world.caller("admin").await, world.caller("li").await, world.start_flow(1).await);
    let at = |step: &str| format!("/api/flows/{flow}/{step}");
    let mut kinds = admin.get(&format!("/api/definitions/{}", world.definition)).await.expect(200);
    kinds["nodes"][1]["kind"] = "stamp".into();
    for (path, body, field) in [
        ("/api/session".to_owned(), json!({ "user": "zhang" }), "user"),
        ("/api/session".to_owned(), json!({ "username": "zhang" }), "password"),
        ("/api/definitions".to_owned(), kinds, "nodes[1].kind"),
        (at("transfer"), json!({}), "to"),
        (at("approve"), json!({ "comment": 5 }), "comment"),
        (at("seal-append"), json!({ "count": -1 }), "count"),
        (at("archive"), json!({ "acceptMissing": "yes" }), "acceptMissing"),
    ] {
        let problem = admin.post(&path, &body).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{path}: {problem}");
        assert!(problem["errors"][0]["message"].as_str().is_some_and(|why| !why.is_empty()), "{problem}");
    }
    let window = admin.put(&at("seal-window"), &json!({ "end": "tomorrow" })).await.expect_problem(422, "invalid");
    assert_eq!(window["errors"][0]["field"], "end");
    for (path, name) in [
        ("documents?from=yesterday", "from"),
        ("documents?nothing=1", "nothing"),
        ("documents?limit=many", "limit"),
        ("flows?limit=0", "limit"),
        ("flows?state=lost", "state"),
        ("flows?todo=maybe", "todo"),
    ] {
        let problem = li.get(&format!("/api/{path}")).await.expect_problem(400, "bad_query");
        assert_eq!(problem["errors"][0]["field"], name, "{problem}");
        assert!(problem["detail"].as_str().unwrap().starts_with(&format!("{name}: ")), "{problem}");
    }
    let when = li.get("/api/documents?from=yesterday").await.expect_problem(400, "bad_query");
    let why = when["detail"].as_str().unwrap();
    assert!(why.contains("RFC 3339") && why.contains("2026-03-01T09:30:00+08:00"), "{why}");
}

async fn the_ingests_of_a_flow_are_for_all_who_may_see_it(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let (one, ..) = world.seal_use(1).await;
    let (other, ..) = world.seal_use(1).await;
    let of = |flow| format!("/api/ingests?flowId={flow}");
    for username in ["zhang", "wang", "sun", "admin"] {
        let caller = world.caller(username).await;
        for flow in [&one, &other] {
            let listed = caller.get(&of(flow)).await.expect(200);
            assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{username}: {listed}");
            assert_eq!(listed["items"][0]["flowId"], flow.as_str(), "{username}");
        }
    }
    assert_eq!(world.caller("sun").await.get("/api/ingests").await.expect(200)["items"].as_array().unwrap().len(), 2);
    let failed = format!("{}&state=failed", of(&one));
    assert_eq!(world.caller("zhang").await.get(&failed).await.expect(200)["items"], json!([]));
    world.caller("zhao").await.get(&of(&one)).await.expect_problem(404, "not_found");
    world.caller("zhang").await.get("/api/ingests").await.expect_problem(403, "forbidden");
    world.caller("zhang").await.get("/api/ingests?flowId=1").await.expect_problem(400, "bad_query");
}
