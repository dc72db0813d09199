//! What an attacker leaves in the audit log: refused requests, the address, the session or token, looks at faces.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Kind;
use yinku::{audit::refusals::WINDOW, clock::Clock, db::sql};

use crate::support::{
    Caller, Engine, Plan, World,
    audit_log::{id, logged},
    database::NOW,
    people::{PASSWORD, make_user},
    process::House,
    story,
    until::within,
};

story!(refused_access_is_on_record_at_once_and_repeats_are_counted, async |engine: Engine| {
    let world = World::new(engine, Plan { clock: Clock::manual(NOW), ..Plan::default() }).await;
    let (zhang, nobody) = (world.caller("zhang").await, Caller::nobody(&world));
    let flow = world.start_flow(1).await.to_string();
    let begin = world.last_entry().await;
    for _ in 0..3 {
        zhang.get("/api/users").await.expect_problem(403, "forbidden");
        nobody.get("/api/users").await.expect_problem(401, "not_logged_in");
    }
    let approve = format!("/api/flows/{flow}/approve");
    zhang.post(&approve, &json!({ "comment": "同意" })).await.expect_problem(403, "not_assigned");
    // To ask whether there is a session is no attack.
    nobody.get("/api/session").await.expect_problem(401, "not_logged_in");
    let address = "address 127.0.0.1";
    let refused = |who: &str, kind: &str, detail: &str| logged(who, "access_refused", kind, None, Some(detail));
    let first = [
        refused("zhang", "forbidden", "GET /api/users"),
        refused(address, "not_logged_in", "GET /api/users"),
        refused("zhang", "not_assigned", &format!("POST /api/flows/{{id}}/approve {flow}")),
    ];
    assert_eq!(world.log_after(begin).await, first);

    // After ten minutes the repeats are one entry each, with the next refusal or without one.
    world.app.clock.advance(WINDOW);
    let begin = world.last_entry().await;
    zhang.get("/api/services").await.expect_problem(403, "forbidden");
    world.app.refusals.flush(&world.app.journal, world.app.clock.now(), false).await.unwrap();
    let later = [
        refused("zhang", "forbidden", "2 more in 10 minutes"),
        refused("zhang", "forbidden", "GET /api/services"),
        refused(address, "not_logged_in", "2 more in 10 minutes"),
    ];
    assert_eq!(world.log_after(begin).await, later);
    world.app.clock.advance(Duration::from_secs(1));
});

story!(a_storm_of_refused_requests_is_two_entries, async |world: World| {
    let nobody = Caller::nobody(&world);
    let begin = world.last_entry().await;
    let storm = (0..200).map(|n| {
        let nobody = &nobody;
        async move { nobody.get(&format!("/api/documents?limit={}", n % 50 + 1)).await.expect(401) }
    });
    futures::future::join_all(storm).await;
    world.app.refusals.flush(&world.app.journal, world.app.clock.now(), true).await.unwrap();
    let refused = |detail: &str| logged("address 127.0.0.1", "access_refused", "not_logged_in", None, Some(detail));
    let expected = [refused("GET /api/documents"), refused("199 more in 10 minutes")];
    assert_eq!(world.log_after(begin).await, expected);
});

story!(each_entry_names_the_address_and_the_session_or_token, async |world: World| {
    make_user(&world, "chen", &["admin"]).await;
    let nobody = Caller::nobody(&world);
    let login = json!({ "username": "chen", "password": PASSWORD });
    let answer = nobody.post("/api/session", &login).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    answer.expect(200);
    let folder = |name: &str| json!({ "name": name });
    let by_session = nobody.request(Method::POST, "/api/folders").header("cookie", &cookie).json(&folder("一"));
    nobody.send(by_session).await.expect(201);
    let token = nobody.request(Method::POST, "/api/tokens").header("cookie", &cookie).json(&json!({ "name": "t" }));
    let token = nobody.send(token).await.expect(201)["token"].as_str().unwrap().to_owned();
    for name in ["二", "三"] {
        let by_token = nobody.request(Method::POST, "/api/folders").bearer_auth(&token).json(&folder(name));
        nobody.send(by_token).await.expect(201);
    }
    let log = world.caller("sun").await.get("/api/audit?username=chen&act=folder_made").await.expect(200);
    let entries: Vec<&Value> = log["items"].as_array().unwrap().iter().rev().collect();
    assert!(entries.iter().all(|entry| entry["peer"] == "127.0.0.1"), "{log}");
    let via: Vec<&str> = entries.iter().map(|entry| entry["via"].as_str().unwrap()).collect();
    assert!(via[0].starts_with("session:") && via[1].starts_with("token:") && via[1] == via[2], "{via:?}");
    // The name opens nothing.
    let secret = via[1].strip_prefix("token:").unwrap();
    nobody.send(nobody.request(Method::GET, "/api/flows").bearer_auth(secret)).await.expect(401);
    assert!(!token.contains(secret) && !cookie.contains(via[0].strip_prefix("session:").unwrap()));
    // A change of either is found by a verification.
    let report = world.caller("sun").await.get("/api/audit/verify").await.expect(200);
    assert_eq!(report["ok"], true);
});

story!(a_look_at_a_face_and_a_list_of_users_are_on_record, async |world: World| {
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let of_kind = async |kind: &str| -> String {
        sql("SELECT d.id FROM documents d JOIN photos p ON p.id = d.photo_id WHERE p.kind = $1")
            .bind(kind)
            .scalar(&world.app.db)
            .await
            .unwrap()
    };
    let (face, stamping) = (of_kind("face").await, of_kind("signatory").await);
    let (sun, admin) = (world.caller("sun").await, world.caller("admin").await);
    let begin = world.last_entry().await;
    for document in [&stamping, &face] {
        assert_eq!(sun.get(&format!("/api/documents/{document}/thumbnail/256")).await.status, 200);
    }
    world.caller("wang").await.get(&format!("/api/documents/{face}/thumbnail/256")).await.expect(404);
    admin.get("/api/users").await.expect(200);
    let expected = [
        logged("sun", "face_viewed", &face, Some(&flow.to_string()), None),
        logged("admin", "users_listed", "users", None, None),
    ];
    assert_eq!(world.log_after(begin).await, expected);
    let entry = admin.get("/api/audit?act=face_viewed").await.expect(200)["items"][0].clone();
    assert_eq!((id(&json!({ "id": entry["subject"] })), &entry["peer"]), (face.as_str(), &json!("127.0.0.1")));
});

story!(the_counts_of_repeats_are_on_record_when_the_service_has_stopped, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let mut process = house.serve(None);
    let zhang = house.caller("zhang").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for _ in 0..4 {
        zhang.get("/api/users").await.expect_problem(403, "forbidden");
        let guess = json!({ "username": "not-there", "password": "not this one at all" });
        let address = format!("http://{}/api/session", house.address());
        client.post(address).json(&guess).send().await.unwrap();
    }
    let id = process.id().unwrap().to_string();
    let told = tokio::process::Command::new("kill").arg(id).status().await.unwrap();
    assert!(told.success());
    assert!(within("the service stops", process.wait()).await.unwrap().success());
    for (act, detail) in [("login_failed", "%, 3 times"), ("access_refused", "3 more in 10 minutes")] {
        let entries: i64 = sql("SELECT COUNT(*) FROM audit WHERE act = $1 AND detail LIKE $2")
            .bind(act)
            .bind(detail)
            .scalar(&house.app.db)
            .await
            .unwrap();
        assert_eq!(entries, 1, "{act}");
    }
});
