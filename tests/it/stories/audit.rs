//! Stories of the audit log: each act leaves one entry that says who, what and which, and whoever may read it can prove
//! that it is as it was written.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use yinku::{db::sql, id::FlowId};

use crate::support::{
    Caller, Engine, Plan, World,
    audit_log::{id, logged},
    story,
    world::small_photos,
};

story!(logins_are_on_record_refused_ones_too, async |world: World| {
    let password = "long enough for chen";
    let chen = json!({ "username": "chen", "displayName": "陈", "password": password, "roles": ["member"] });
    let chen = world.caller("admin").await.post("/api/users", &chen).await.expect(201);
    let begin = world.last_entry().await;
    let nobody = Caller::nobody(&world);
    let log_in = async |username: &str, password: &str| {
        nobody.post("/api/session", &json!({ "username": username, "password": password })).await
    };
    log_in("chen", "a wrong password").await.expect_problem(401, "login_failed");
    log_in(&"名".repeat(200), "a wrong password").await.expect_problem(401, "login_failed");
    // No user has such a name.
    log_in(&"名".repeat(201), "a wrong password").await.expect_problem(422, "invalid");
    log_in("no\u{0}body", password).await.expect_problem(422, "invalid");
    let answer = log_in("chen", password).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    answer.expect(200);
    for _ in 0..2 {
        // The second finds nobody to log out.
        let log_out = nobody.request(Method::DELETE, "/api/session").header("cookie", &cookie);
        nobody.send(log_out).await.expect(204);
    }
    // A token is no session.
    world.caller("zhang").await.delete("/api/session").await.expect(204);

    let log = world.log_after(begin).await;
    let from = Some("from 127.0.0.1");
    let kept = log[1].0.as_str();
    assert!(kept.starts_with("名名名") && kept.ends_with('…') && kept.len() <= 256, "{kept}");
    let expected = [
        logged("chen", "login_failed", "chen", None, from),
        logged(kept, "login_failed", kept, None, from),
        logged("chen", "logged_in", id(&chen), None, from),
        logged("chen", "logged_out", id(&chen), None, None),
    ];
    assert_eq!(log, expected);
});

story!(what_an_administrator_sets_up_is_on_record, async |world: World| {
    // A token makes no token.
    let admin = world.session("admin").await;
    let begin = world.last_entry().await;
    let chen =
        json!({ "username": "chen", "displayName": "陈", "password": "long enough for chen", "roles": ["member"] });
    let token = admin.post("/api/tokens", &json!({ "name": "a script" })).await.expect(201);
    let user = admin.post("/api/users", &chen).await.expect(201);
    let change = json!({ "roles": ["member", "auditor"], "mobile": "13800000000", "disabled": true });
    admin.patch(&format!("/api/users/{}", id(&user)), &change).await.expect(200);
    let (knobs, at) = (small_photos(), world.sim.url());
    let service = json!({ "name": "契约锁", "baseUrl": at, "appToken": knobs.token, "appSecret": knobs.secret });
    let service = admin.post("/api/services", &service).await.expect(201);
    let checked = admin.post(&format!("/api/services/{}/check", id(&service)), &Value::Null).await.expect(200);
    assert_eq!(checked["ok"], true, "{checked}");
    let definition = format!("/api/definitions/{}", world.definition);
    let body = admin.get(&definition).await.expect(200);
    let copy = admin.post("/api/definitions", &body).await.expect(201);
    admin.put(&definition, &body).await.expect(200);
    let folder = admin.post("/api/folders", &json!({ "name": "合同" })).await.expect(201);

    // What was refused did not happen.
    for (path, body) in [
        ("/api/users", &chen),
        ("/api/folders", &json!({ "name": "合同" })),
        ("/api/tokens", &json!({ "name": " " })),
        ("/api/services", &json!({ "name": "x", "baseUrl": "nowhere", "appToken": "t", "appSecret": "s" })),
        ("/api/definitions", &json!({ "name": "x", "fields": [], "nodes": [] })),
    ] {
        let answer = admin.post(path, body).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.json());
    }

    let did = |act: &str, subject: &Value, detail: &str| logged("admin", act, id(subject), None, Some(detail));
    let expected = [
        did("token_made", &token, "a script"),
        did("user_made", &user, "chen: member"),
        did("user_changed", &user, "chen: roles member -> member+auditor, disabled true, mobile"),
        did("service_made", &service, &at),
        did("service_checked", &service, "ok"),
        did("definition_saved", &copy, "version 1"),
        did("definition_saved", &body, "version 2"),
        did("folder_made", &folder, "合同"),
    ];
    assert_eq!(world.log_after(begin).await, expected);
});

story!(each_act_on_a_flow_leaves_one_entry_and_its_events_are_changes_only, async |world: World| {
    let (admin, zhang) = (world.caller("admin").await, world.caller("zhang").await);
    let (li, wang) = (world.caller("li").await, world.caller("wang").await);
    let row = json!({ "seal": "QYS2019040001", "count": 2, "users": ["wang"] });
    let form = json!({ "subject": "采购合同", "company": "上海印库科技有限公司", "seals": [row] });
    let flow = zhang.post("/api/flows", &json!({ "definitionId": world.definition, "form": form })).await.expect(201);
    let path = format!("/api/flows/{}", id(&flow));
    // Not the starter's turn, nothing to collect yet, no code to be seen: no act. Refused access has its own entry.
    let opinion = json!({ "comment": "同意" });
    zhang.post(&format!("{path}/approve"), &opinion).await.expect(403);
    zhang.post(&format!("{path}/collect"), &Value::Null).await.expect(409);
    zhang.get(&format!("{path}/seal-code")).await.expect_problem(409, "not_now");
    li.post(&format!("{path}/approve"), &opinion).await.expect(200);
    let business = async || admin.get(&path).await.expect(200)["sealUses"][0]["businessId"].as_str().map(str::to_owned);
    world.until("the vendor has the application", async || business().await.is_some()).await;
    let codes = wang.get(&format!("{path}/seal-code")).await.expect(200);
    let collected = wang.post(&format!("{path}/collect"), &Value::Null).await.expect(202);
    let ingest = collected["ingestId"].as_str().unwrap();
    world.sim.stamp_many(&business().await.unwrap(), 0, 2).await.unwrap();
    world.until_archived(&id(&flow).parse().unwrap()).await;
    wang.post(&format!("/api/ingests/{ingest}/retry"), &Value::Null).await.expect(202);
    let callback = admin.get("/api/callbacks").await.expect(200)["items"][0].clone();
    admin.post(&format!("/api/callbacks/{}/replay", id(&callback)), &Value::Null).await.expect(202);
    world.until_quiet().await;

    let on = |username: &str, act: &str, subject: &str, detail: Option<&str>| {
        logged(username, act, subject, Some(id(&flow)), detail)
    };
    let asked = format!("POST /api/flows/{{id}}/approve {}", id(&flow));
    let expected = [
        on("zhang", "flow_submitted", id(&flow), None),
        logged("zhang", "access_refused", "not_assigned", None, Some(&asked)),
        on("li", "flow_approved", id(&flow), Some("同意")),
        on("wang", "seal_code_viewed", id(&flow), codes[0]["grantId"].as_str()),
        on("wang", "photos_collected", id(&flow), None),
        on("wang", "ingest_retried", ingest, None),
        on("admin", "callback_replayed", id(&callback), None),
    ];
    assert_eq!(world.log_after(0).await, expected);
    let view = admin.get(&path).await.expect(200);
    let events = view["events"].as_array().unwrap().iter().map(|event| event["act"].as_str().unwrap());
    let events: Vec<&str> = events.collect();
    assert!(events.starts_with(&["submitted", "approved"]) && events.contains(&"archived"), "{events:?}");
    let changes_nothing = |act: &&str| ["view", "collect", "retr", "replay"].iter().any(|word| act.contains(word));
    assert!(!events.iter().any(changes_nothing), "{events:?}");
});

story!(a_download_is_on_record_before_its_first_byte_leaves, async |world: World| {
    let (flow, document) = world.photo().await;
    let begin = world.last_entry().await;
    let zhang = world.caller("zhang").await;
    let path = format!("/api/documents/{}", id(&document));
    let content = |method| zhang.request(method, &format!("{path}/content"));

    // While the log cannot be written, nothing leaves.
    let held = world.hold_log().await;
    let early = tokio::time::timeout(Duration::from_millis(300), content(Method::GET).send()).await;
    assert!(early.is_err(), "answered before it was on record: {early:?}");
    drop(held);
    // The one who gave up asked all the same.
    let whole = zhang.send(content(Method::GET)).await;
    assert_eq!(json!(whole.bytes.len()), document["bytes"]);
    let part = zhang.send(content(Method::GET).header("range", "bytes=10-19")).await;
    assert_eq!((part.status, &part.bytes[..]), (StatusCode::PARTIAL_CONTENT, &whole.bytes[10..20]));

    // With these no byte of the original leaves.
    zhang.send(content(Method::GET).header("if-none-match", whole.header("etag"))).await.expect(304);
    zhang.send(content(Method::GET).header("range", "bytes=999999999-")).await.expect(416);
    let bare = zhang.send(content(Method::HEAD)).await;
    assert_eq!((bare.status, bare.header("etag"), bare.bytes.len()), (StatusCode::OK, whole.header("etag"), 0));
    assert_eq!(zhang.get(&format!("{path}/thumbnail/256")).await.status, StatusCode::OK);
    Caller::nobody(&world).get(&format!("{path}/content")).await.expect(401);

    let flow = flow.to_string();
    let download = |detail: &str| logged("zhang", "document_downloaded", id(&document), Some(&flow), Some(detail));
    let range = format!("bytes 10-19/{}", document["bytes"]);
    let asked = format!("GET /api/documents/{{id}}/content {}", id(&document));
    let refused = logged("address 127.0.0.1", "access_refused", "not_logged_in", None, Some(&asked));
    assert_eq!(world.log_after(begin).await, [download("whole"), download("whole"), download(&range), refused]);
});

story!(with_too_many_downloads_waiting_the_next_one_is_told_to_come_again, async |engine: Engine| {
    let plan = Plan { config: Some(|config| config.audit.queue = 1), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (_, document) = world.photo().await;
    let begin = world.last_entry().await;
    let zhang = world.caller("zhang").await;
    let path = format!("/api/documents/{}/content", id(&document));
    let held = world.hold_log().await;
    let mut waiting = 0;
    let refused = loop {
        match tokio::time::timeout(Duration::from_millis(200), zhang.get(&path)).await {
            Err(_) => waiting += 1,
            Ok(answer) => break answer,
        }
        assert!(waiting < 10, "the queue has no bound");
    };
    assert_eq!(refused.header("retry-after"), "1");
    refused.expect_problem(503, "busy");
    drop(held);
    world.until("what was taken is on record", async || world.last_entry().await == begin + waiting).await;
    assert_eq!(zhang.get(&path).await.status, StatusCode::OK);
    assert_eq!(world.last_entry().await, begin + waiting + 1);
});

story!(only_administrators_and_auditors_read_the_audit_log, async |world: World| {
    let (admin, sun) = (world.caller("admin").await, world.caller("sun").await);
    for username in ["zhang", "wang", "zhao"] {
        let caller = world.caller(username).await;
        for path in ["/api/audit", "/api/audit/verify"] {
            caller.get(path).await.expect_problem(403, "forbidden");
        }
    }
    // Each refused person is one entry.
    assert_eq!(world.last_entry().await, 3);
    for name in ["一", "二", "三"] {
        admin.post("/api/folders", &json!({ "name": name })).await.expect(201);
    }
    let numbers = |page: &Value| -> Vec<i64> {
        page["items"].as_array().unwrap().iter().map(|entry| entry["seq"].as_i64().unwrap()).collect()
    };
    let first = sun.get("/api/audit?limit=2").await.expect(200);
    assert_eq!(numbers(&first), [6, 5], "newest first");
    let next = first["next"].as_str().unwrap();
    let second = sun.get(&format!("/api/audit?limit=2&after={next}")).await.expect(200);
    assert_eq!(numbers(&second), [4, 3]);
    let next = second["next"].as_str().unwrap();
    let third = sun.get(&format!("/api/audit?limit=2&after={next}")).await.expect(200);
    assert_eq!((numbers(&third), &third["next"]), (vec![2, 1], &Value::Null));

    let (newest, nowhere) = (&first["items"][0], FlowId::new());
    let subject = newest["subject"].as_str().unwrap();
    let at = newest["at"].as_str().unwrap().replace('+', "%2B");
    for (query, found) in [
        ("username=admin&act=folder_made".to_owned(), vec![6, 5, 4]),
        ("act=access_refused".to_owned(), vec![3, 2, 1]),
        ("username=nobody".to_owned(), vec![]),
        (format!("subject={subject}"), vec![6]),
        (format!("from={at}"), vec![6]),
        (format!("to={at}"), vec![5, 4, 3, 2, 1]),
        (format!("flowId={nowhere}"), vec![]),
    ] {
        let page = admin.get(&format!("/api/audit?{query}")).await.expect(200);
        assert_eq!(numbers(&page), found, "{query}");
    }
    for query in ["limit=0", "after=x", "from=yesterday", "flowId=x", "who=admin"] {
        sun.get(&format!("/api/audit?{query}")).await.expect_problem(400, "bad_query");
    }
});

story!(a_changed_audit_log_says_where, async |engine: Engine| {
    let world = World::new(engine, Plan::default()).await;
    let (admin, sun) = (world.caller("admin").await, world.caller("sun").await);
    for name in ["一", "二", "三", "四"] {
        admin.post("/api/folders", &json!({ "name": name })).await.expect(201);
    }
    let report = sun.get("/api/audit/verify").await.expect(200);
    let newest = sun.get("/api/audit?limit=1").await.expect(200)["items"][0].clone();
    assert_eq!(report, json!({ "ok": true, "entries": 4, "head": newest["hash"] }));

    let mut tx = world.app.db.begin().await.unwrap();
    let guard = match engine {
        Engine::Sqlite => "DROP TRIGGER audit_never_changed",
        Engine::Postgres => "DROP TRIGGER audit_never_changed ON audit",
    };
    sql(guard).execute(&mut tx).await.unwrap();
    sql("UPDATE audit SET username = 'li' WHERE seq = 3").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let report = sun.get("/api/audit/verify").await.expect(200);
    assert_eq!((&report["ok"], &report["entries"]), (&json!(false), &json!(2)), "{report}");
    assert_eq!((&report["firstBroken"], &report["why"]), (&json!(3), &json!("changed_row")), "{report}");
});
