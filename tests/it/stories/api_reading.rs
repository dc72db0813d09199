//! Stories of reading: how bytes are served, who sees which of them, who hears of what.

use futures::StreamExt;
use reqwest::{Method, header};
use serde_json::{Value, json};
use yinku::hash::Blake3;

use crate::support::{Caller, Engine, Plan, World, people::make_user, seals::archived_documents, story, until::within};

story!(originals_are_served_in_parts_and_thumbnails_for_ever, async |world: World| {
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
});

story!(each_sees_the_folders_and_documents_that_are_theirs, async |engine: Engine| {
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
});

story!(listeners_are_told_of_what_they_may_see, async |world: World| {
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
    // Hints of acts at the vendor come before.
    while !(heard.contains("event: flow") && heard.contains("event: ingest") && heard.contains("\"received\":2")) {
        heard.push_str(std::str::from_utf8(&theirs.next().await.unwrap().unwrap()).unwrap());
    }
    let flow = documents[0].flow_id.clone().unwrap();
    assert!(heard.contains(flow.as_str()), "{heard}");
    // The stranger's stream is open and silent, though all that happened has happened.
    assert!(futures::poll!(strangers.next()).is_pending());
});

story!(the_ingests_of_a_flow_are_for_all_who_may_see_it, async |world: World| {
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
});

story!(the_service_tells_how_it_is, async |world: World| {
    archived_documents(&world).await;
    let nobody = Caller::nobody(&world);
    assert_eq!(&nobody.get("/healthz").await.bytes[..], b"ok");
    let well = json!({ "database": true, "store": true, "databaseOutage": null, "storeOutage": null });
    assert_eq!(nobody.get("/readyz").await.expect(200), well);
    let metrics = world.caller("sun").await.get("/metrics").await;
    let text = std::str::from_utf8(&metrics.bytes).unwrap();
    assert!(
        text.contains("\nyinku_photos_stored_total 2\n") && text.contains("\nyinku_thumbnails_made_total 4\n"),
        "{text}"
    );
    for directory in ["data", "store"] {
        assert!(text.contains(&format!("\nyinku_disk_free_bytes{{directory=\"{directory}\"}} ")), "{text}");
    }
    let document = nobody.get("/api/openapi.json").await.expect(200);
    assert_eq!(document["info"]["title"], "yinku 印库");
    world.leaves_its_database_closed("the service must tell that its database is gone");
    world.app.db.close().await;
    // The database is tested at most once a second.
    within("it tells that its database is gone", async {
        while nobody.get("/readyz").await.status == 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let told = nobody.get("/readyz").await.expect(503);
    assert_eq!((&told["database"], &told["databaseOutage"]), (&json!(false), &json!("unreachable")), "{told}");
    assert_eq!(nobody.get("/healthz").await.status, 200, "alive, though not ready");
});
