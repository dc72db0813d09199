//! Stories of what the pages read beside the objects themselves: what a list says, the names of people.

use serde_json::json;

use crate::support::{
    Caller, World,
    flows::{callers, show, step},
    seals::{counts, one_photo_short},
    story,
};

async fn heads(caller: &Caller, query: &str) -> Vec<serde_json::Value> {
    caller.get(&format!("/api/flows{query}")).await.expect(200)["items"].as_array().unwrap().clone()
}

story!(a_list_says_for_whom_a_flow_waits_and_what_it_lacks, async |world: World| {
    let [zhang, li, wang] = callers(&world, ["zhang", "li", "wang"]).await;
    let waiting = world.start_flow(1).await;
    let page = zhang.get("/api/flows").await.expect(200);
    let head = &page["items"][0];
    assert_eq!((&head["waitsFor"], &head["counts"]), (&json!(["user:li"]), &json!(null)));
    assert_eq!(page["people"], json!({ "zhang": "张三", "li": "李四" }));
    step(&zhang, &waiting, "withdraw", json!({})).await;

    let (short, _, business) = world.seal_use(2).await;
    let complete = world.start_flow(1).await;
    one_photo_short(&world, &business).await;
    let owed = &heads(&wang, "?missing=true").await;
    assert_eq!(owed.len(), 1, "{owed:?}");
    assert_eq!(owed[0]["id"], short.to_string());
    assert_eq!((counts(&owed[0]["counts"]), &owed[0]["parked"]), ([2, 2, 1, 1], &json!(0)));
    assert_eq!(owed[0]["waitsFor"], json!(["role:operator"]));
    // The flow itself says the same.
    assert_eq!(show(&wang, &short).await["counts"], owed[0]["counts"]);

    let phases = |heads: &[serde_json::Value]| heads.iter().map(|head| head["id"].clone()).collect::<Vec<_>>();
    assert_eq!(phases(&heads(&zhang, "?phase=collecting").await), [json!(short.to_string())]);
    assert_eq!(
        phases(&heads(&zhang, "?phase=approving&state=running").await),
        [json!(complete.to_string())],
        "the withdrawn flow does not run"
    );
    assert_eq!(heads(&li, "?phase=approving&todo=true").await.len(), 1);
    let refused = zhang.get("/api/flows?phase=boiling").await.expect_problem(400, "bad_query");
    assert_eq!(refused["errors"][0]["field"], "phase");
});

story!(a_list_by_phase_reads_on_over_many_flows, async |world: World| {
    let zhang = world.caller("zhang").await;
    let first = world.start_flow(1).await;
    for _ in 0..4 {
        let other = world.start_flow(1).await;
        step(&zhang, &other, "withdraw", json!({})).await;
    }
    let last = world.start_flow(1).await;
    let page = zhang.get("/api/flows?phase=approving&state=running&limit=1").await.expect(200);
    assert_eq!(page["items"][0]["id"], last.to_string());
    let after = page["next"].as_str().unwrap();
    let page = zhang.get(&format!("/api/flows?phase=approving&state=running&limit=1&after={after}")).await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!(first.to_string()), &json!(null)));
});

story!(everyone_who_is_signed_in_finds_people_by_name, async |world: World| {
    let [zhang, admin] = callers(&world, ["zhang", "admin"]).await;
    let found = |answer: serde_json::Value| answer["items"].as_array().unwrap().clone();
    let people = found(zhang.get("/api/people?q=李").await.expect(200));
    assert_eq!(people, [json!({ "username": "li", "displayName": "李四" })]);
    assert_eq!(found(zhang.get("/api/people?q=LI").await.expect(200)), people, "the username is found, too");
    assert_eq!(found(zhang.get("/api/people?limit=2").await.expect(200)).len(), 2);
    let id = admin.get("/api/users?limit=200").await.expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|user| user["username"] == "li")
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    admin.patch(&format!("/api/users/{id}"), &json!({ "disabled": true })).await.expect(200);
    assert!(found(zhang.get("/api/people?q=李").await.expect(200)).is_empty(), "disabled people take no work");
    Caller::nobody(&world).get("/api/people").await.expect_problem(401, "not_logged_in");
});

story!(everyone_who_is_signed_in_knows_how_many_users_a_role_has, async |world: World| {
    let [zhang, admin] = callers(&world, ["zhang", "admin"]).await;
    let people = |answer: &serde_json::Value, role: &str| {
        let items = answer["items"].as_array().unwrap();
        items.iter().find(|one| one["role"] == role).unwrap()["people"].as_u64().unwrap()
    };
    let before = zhang.get("/api/people/roles").await.expect(200);
    let operators = people(&before, "operator");
    let body = json!({ "username": "wang9", "displayName": "王九", "password": "an uncommon phrase 42",
                       "roles": ["operator", "auditor"], "employeeNo": "A0019" });
    let made = admin.post("/api/users", &body).await.expect(201);
    let with = zhang.get("/api/people/roles").await.expect(200);
    assert_eq!((people(&with, "operator"), people(&with, "auditor")), (operators + 1, people(&before, "auditor") + 1));
    let id = made["id"].as_str().unwrap();
    admin.patch(&format!("/api/users/{id}"), &json!({ "disabled": true })).await.expect(200);
    assert_eq!(zhang.get("/api/people/roles").await.expect(200), before, "a disabled user takes no work");
    Caller::nobody(&world).get("/api/people/roles").await.expect_problem(401, "not_logged_in");
});

story!(users_of_one_name_are_told_apart_by_their_number, async |world: World| {
    let [admin, zhang] = callers(&world, ["admin", "zhang"]).await;
    let (flow, ..) = world.seal_use(1).await;
    for (username, number) in [("wang2", json!("A0012")), ("wang3", json!(null))] {
        let twin = json!({ "username": username, "displayName": "王五", "password": "an uncommon phrase 42",
                           "roles": ["member"], "employeeNo": number });
        admin.post("/api/users", &twin).await.expect(201);
    }
    let users = admin.get("/api/users?limit=200").await.expect(200);
    let wang = users["items"].as_array().unwrap().iter().find(|user| user["username"] == "wang").unwrap();
    let number = wang["employeeNo"].as_str().expect("the operator has a number");
    let named = |found: serde_json::Value| -> Vec<String> {
        found["items"].as_array().unwrap().iter().map(|user| user["displayName"].as_str().unwrap().to_owned()).collect()
    };
    let mut expected = [format!("王五 · {number}"), "王五 · A0012".to_owned(), "王五 · wang3".to_owned()];
    expected.sort();
    assert_eq!(named(zhang.get("/api/people?q=王五").await.expect(200)), expected);
    assert_eq!(named(zhang.get("/api/people?q=a0012").await.expect(200)), ["王五 · A0012"], "the number is found, too");
    // Nobody else in the flow has the name.
    assert_eq!(show(&zhang, &flow).await["people"]["wang"], json!(format!("王五 · {number}")));
    assert_eq!(show(&zhang, &flow).await["people"]["zhang"], "张三");
});

story!(a_flow_names_the_people_of_its_form_and_its_events, async |world: World| {
    let (flow, ..) = world.seal_use(1).await;
    let zhang = world.caller("zhang").await;
    let view = show(&zhang, &flow).await;
    for (username, name) in [("zhang", "张三"), ("li", "李四"), ("wang", "王五")] {
        assert_eq!(view["people"][username], name, "{}", view["people"]);
    }
});

story!(the_version_of_a_running_flow_can_be_read, async |world: World| {
    let [admin, zhang] = callers(&world, ["admin", "zhang"]).await;
    let path = format!("/api/definitions/{}", world.definition);
    let mut body = admin.get(&path).await.expect(200);
    let before = body["name"].clone();
    body["name"] = json!("用印申请（新）");
    admin.put(&path, &body).await.expect(200);
    assert_eq!(zhang.get(&format!("{path}?version=1")).await.expect(200)["name"], before);
    assert_eq!(zhang.get(&path).await.expect(200)["version"], 2);
    zhang.get(&format!("{path}?version=3")).await.expect_problem(404, "not_found");
});

story!(a_seal_code_says_at_which_box_and_when_it_is_typed, async |world: World| {
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let window = json!({ "end": "2099-11-27T18:00:00+08:00" });
    wang.put(&format!("/api/flows/{flow}/seal-window"), &window).await.expect(200);
    let codes = wang.get(&format!("/api/flows/{flow}/seal-code")).await.expect(200);
    assert_eq!(codes[0]["deviceNo"], "QYS2019040001");
    assert!(codes[0]["end"].is_string(), "{codes}");
});
