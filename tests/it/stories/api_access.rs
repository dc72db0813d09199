//! Stories of who may ask: logged in, by cookie or token, with which role; what an administrator sets up.

use reqwest::Method;
use serde_json::{Value, json};
use yinku::{config::Config, db::sql};

use crate::support::{
    Caller, Engine, Plan, Told, World, callbacks,
    people::{PASSWORD, make_user},
    seals::archived_documents,
    story,
};

story!(who_is_not_logged_in_is_told_how, async |world: World| {
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
});

story!(a_session_is_a_cookie_that_only_our_pages_may_write_with, async |world: World| {
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
});

story!(only_administrators_configure, async |world: World| {
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
});

story!(a_user_is_made_changed_and_shut_out, async |world: World| {
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
});

story!(a_service_is_bound_checked_and_never_shows_its_secret, async |world: World| {
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
});

story!(a_definition_that_was_read_can_be_written_back_as_a_new_version, async |world: World| {
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
});

story!(the_callback_address_may_ask_for_a_key, async |engine: Engine| {
    fn with_key(config: &mut Config) {
        config.callback.secret = Some("a-key-of-some-length".into());
    }
    let world = World::new(engine, Plan { config: Some(with_key), ..Plan::default() }).await;
    let address = callbacks::PATH;
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
});
