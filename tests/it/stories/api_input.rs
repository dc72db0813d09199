//! Stories of bad input, and of what a person tries again: what is wrong is named.

use reqwest::Method;
use serde_json::json;
use simulator::{Fault, FaultKind, Target};
use yinku::{config::Config, http, user::token};

use crate::support::{Caller, Engine, Plan, World, callbacks, story};

story!(text_that_one_of_the_databases_would_refuse_is_refused_by_both, async |world: World| {
    let login = json!({ "username": "zh\0ang", "password": "whatever it may be" });
    Caller::nobody(&world).post("/api/session", &login).await.expect_problem(422, "invalid");
    let zhang = world.caller("zhang").await;
    zhang.post("/api/tokens", &json!({ "name": "a\0b" })).await.expect_problem(422, "invalid");
    zhang.get("/api/documents?q=a%00b").await.expect_problem(400, "bad_query");
    let documents = zhang.get("/api/documents?q=%25").await.expect(200);
    assert_eq!(documents["items"], json!([]), "a wildcard is a letter");
    assert!(token::find(&world.app.db, "a\0b", world.app.clock.now()).await.is_ok_and(|login| login.is_none()));
});

story!(a_member_or_a_parameter_that_is_wrong_is_named, async |world: World| {
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
});

story!(a_parameter_that_a_route_does_not_have_is_refused_everywhere, async |world: World| {
    let admin = world.caller("admin").await;
    let document = serde_json::to_value(http::openapi()).unwrap();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/api/")) {
        for (method, operation) in item.as_object().unwrap() {
            let address = without_parameters(path);
            let ask = async |query: &str| {
                let method: Method = method.to_uppercase().parse().unwrap();
                admin.send(admin.request(method, &format!("{address}?{query}"))).await
            };
            let problem = ask("nosuch=1").await.expect_problem(400, "bad_query");
            assert_eq!(problem["errors"][0]["field"], "nosuch", "{method} {path}");
            asked += 1;
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "query" {
                    let name = parameter["name"].as_str().unwrap();
                    let told = ask(&format!("{name}=0")).await.json();
                    let why = told["detail"].as_str().unwrap_or_default();
                    assert!(!why.contains("no such parameter"), "{method} {path}?{name}: {told}");
                }
            }
        }
    }
    assert!(asked > 60, "{asked}");
});

/// A path of the document with an id of nothing in place of each parameter.
fn without_parameters(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| if segment.starts_with('{') { "00000000-0000-7000-8000-000000000000" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

story!(a_parked_photo_is_tried_again_by_a_person_and_an_orphan_is_replayed, async |engine: Engine| {
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

    let unknown = format!("{}?businessId=1&status=COMPLETE", callbacks::PATH);
    let answer = Caller::nobody(&world).post(&unknown, &json!({})).await.expect(200);
    assert_eq!(answer, json!({ "code": 0, "message": "SUCCESS" }));
    let orphans = sun.get("/api/callbacks?state=orphan").await.expect(200);
    let orphan = orphans["items"][0]["id"].as_str().unwrap();
    let replay = format!("/api/callbacks/{orphan}/replay");
    sun.post(&replay, &json!({})).await.expect_problem(403, "forbidden");
    assert_eq!(world.caller("admin").await.post(&replay, &json!({})).await.expect(202)["state"], "orphan");
});
