//! Stories of how a flow goes on: approved by one, by all, in sequence; by those only whose turn it is.

use serde_json::{Value, json};

use crate::support::{
    Caller, Engine, Plan, World,
    flows::{act, callers, show},
    plain_flows::{define, node, start, tale},
    story,
};

story!(of_two_who_approve_at_once_one_succeeds_and_one_is_told, async |world: World| {
    let definition = define(&world, json!([node("one", &["user:li", "user:wang"], "any")])).await;
    let (zhang, li, wang) = (world.caller("zhang").await, world.caller("li").await, world.caller("wang").await);
    for _ in 0..5 {
        let flow = start(&zhang, &definition).await;
        let (first, second) = tokio::join!(
            act(&li, &flow, "approve", json!({ "comment": "同意" })),
            act(&wang, &flow, "approve", json!({ "comment": "同意" }))
        );
        let (success, conflict) = if first.status == 200 { (first, second) } else { (second, first) };
        success.expect(200);
        assert_eq!(conflict.status.as_u16(), 409, "{}", conflict.json());
        let view = show(&zhang, &flow).await;
        assert_eq!(tale(&view).iter().filter(|event| event.contains("approved")).count(), 1);
        assert_eq!(view["node"], Value::Null);
    }
});

story!(of_two_who_act_differently_at_once_one_succeeds_and_one_is_told, async |world: World| {
    let nodes = json!([node("one", &["user:li", "user:wang"], "any"), node("two", &["user:zhao"], "any")]);
    let definition = define(&world, nodes).await;
    let (zhang, li, wang) = (world.caller("zhang").await, world.caller("li").await, world.caller("wang").await);
    for other in ["reject", "withdraw", "transfer"] {
        let flow = start(&zhang, &definition).await;
        let (who, body) = match other {
            "withdraw" => (&zhang, json!({})),
            "transfer" => (&wang, json!({ "to": "zhao" })),
            _ => (&wang, json!({ "comment": "不同意" })),
        };
        let (approved, acted) = tokio::join!(act(&li, &flow, "approve", json!({})), act(who, &flow, other, body));
        let codes = [approved.status.as_u16(), acted.status.as_u16()];
        assert!(codes.iter().all(|code| [200, 409].contains(code)), "{other}: {codes:?}");
        assert!(codes.contains(&200), "{other}: {codes:?}");
        let events = tale(&show(&zhang, &flow).await);
        assert_eq!(events.len(), 1 + codes.iter().filter(|code| **code == 200).count(), "{events:?}");
    }
});

story!(all_must_approve_each_once, async |world: World| {
    let nodes = json!([node("all", &["user:li", "role:operator"], "all"), node("end", &["user:zhao"], "any")]);
    let definition = define(&world, nodes).await;
    let (zhang, li, wang) = (world.caller("zhang").await, world.caller("li").await, world.caller("wang").await);
    let flow = start(&zhang, &definition).await;
    assert_eq!(show(&zhang, &flow).await["waitsFor"], json!(["user:li", "user:wang"]));
    act(&zhang, &flow, "approve", json!({})).await.expect_problem(403, "not_assigned");
    let view = act(&li, &flow, "approve", json!({})).await.expect(200);
    assert_eq!((&view["node"], &view["waitsFor"]), (&json!("all"), &json!(["user:wang"])));
    act(&li, &flow, "approve", json!({})).await.expect_problem(409, "already_acted");
    let view = act(&wang, &flow, "approve", json!({})).await.expect(200);
    assert_eq!((&view["node"], &view["waitsFor"]), (&json!("end"), &json!(["user:zhao"])));
    act(&li, &flow, "approve", json!({})).await.expect_problem(409, "moved_on");
});

story!(in_sequence_each_waits_for_the_one_before, async |world: World| {
    let nodes = json!([node("line", &["user:wang", "user:li", "user:zhao"], "sequence")]);
    let definition = define(&world, nodes).await;
    let zhang = world.caller("zhang").await;
    let flow = start(&zhang, &definition).await;
    let mut expected = vec!["user:wang", "user:li", "user:zhao"];
    for username in ["wang", "li", "zhao"] {
        assert_eq!(show(&zhang, &flow).await["waitsFor"], json!([expected.remove(0)]));
        for later in &expected {
            let later = world.caller(later.trim_start_matches("user:")).await;
            let problem = act(&later, &flow, "approve", json!({})).await.expect_problem(403, "not_assigned");
            assert!(problem["detail"].as_str().unwrap().contains("before you"), "{problem}");
        }
        act(&world.caller(username).await, &flow, "approve", json!({})).await.expect(200);
    }
    assert_eq!(show(&zhang, &flow).await["node"], Value::Null);
});

story!(what_was_looked_at_is_what_is_approved, async |world: World| {
    let nodes = json!([node("one", &["user:li", "user:wang"], "any"), node("two", &["user:wang"], "any")]);
    let definition = define(&world, nodes).await;
    let [zhang, li, wang] = callers(&world, ["zhang", "li", "wang"]).await;
    let flow = start(&zhang, &definition).await;
    act(&li, &flow, "approve", json!({ "node": "one" })).await.expect(200);
    for (step, body) in [
        ("approve", json!({ "node": "one" })),
        ("reject", json!({ "node": "one", "comment": "退回" })),
        ("transfer", json!({ "node": "one", "to": "li" })),
    ] {
        act(&wang, &flow, step, body).await.expect_problem(409, "moved_on");
    }
    act(&wang, &flow, "approve", json!({ "node": "two" })).await.expect(200);
});

story!(a_flow_that_nobody_could_approve_does_not_start, async |world: World| {
    let [zhang, admin] = callers(&world, ["zhang", "admin"]).await;
    let definition = define(&world, json!([node("boss", &["manager"], "any")])).await;
    let body = json!({ "definitionId": definition, "form": { "subject": "采购" } });
    let problem = zhang.post("/api/flows", &body).await.expect_problem(422, "unassignable");
    assert!(problem["detail"].as_str().unwrap().contains("zhang has no manager"), "{problem}");
    let users = admin.get("/api/users").await.expect(200);
    let id = |name: &str| {
        let found = users["items"].as_array().unwrap().iter().find(|user| user["username"] == name);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    };
    admin.patch(&format!("/api/users/{}", id("zhang")), &json!({ "manager": "li" })).await.expect(200);
    let flow = start(&zhang, &definition).await;
    assert_eq!(show(&zhang, &flow).await["waitsFor"], json!(["user:li"]));
    // Whom it waits for leaves: an administrator hands it on.
    admin.patch(&format!("/api/users/{}", id("li")), &json!({ "disabled": true })).await.expect(200);
    let problem = zhang.post("/api/flows", &body).await.expect_problem(422, "unassignable");
    assert!(problem["detail"].as_str().unwrap().contains("li, the manager of zhang, is disabled"), "{problem}");
    act(&admin, &flow, "transfer", json!({ "to": "wang" })).await.expect(200);
    act(&world.caller("wang").await, &flow, "approve", json!({})).await.expect(200);
});

story!(who_only_reads_changes_nothing, async |world: World| {
    let definition = define(&world, json!([node("one", &["user:li"], "any")])).await;
    let [zhang, sun] = callers(&world, ["zhang", "sun"]).await;
    let flow = start(&zhang, &definition).await;
    assert_eq!(show(&sun, &flow).await["actions"], json!(["evidence"]));
    for (step, body) in [
        ("approve", json!({})),
        ("reject", json!({})),
        ("withdraw", json!({})),
        ("transfer", json!({ "to": "li" })),
        ("submit", json!({})),
        ("comment", json!({ "comment": "看" })),
    ] {
        assert_eq!(act(&sun, &flow, step, body).await.status, 403, "{step}");
    }
    assert_eq!(zhang.delete(&format!("/api/flows/{flow}")).await.status, 405, "nobody deletes a flow");
    let view = act(&zhang, &flow, "comment", json!({ "comment": "请尽快" })).await.expect(200);
    assert_eq!(view["events"][1]["detail"], "请尽快");
    act(&zhang, &flow, "comment", json!({ "comment": " " })).await.expect_problem(422, "invalid");
});

story!(a_seal_node_without_integration_is_completed_by_hand, async |engine: Engine| {
    let plan =
        Plan { definition: Some(|definition| definition["integration"]["enabled"] = false.into()), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let flow = world.start_flow(1).await.to_string();
    let [li, wang] = callers(&world, ["li", "wang"]).await;
    act(&li, &flow, "approve", json!({})).await.expect(200);
    let view = show(&wang, &flow).await;
    assert_eq!((&view["sealUses"], &view["node"]), (&json!([]), &json!("seal")), "no application is made");
    assert_eq!(view["actions"], json!(["approve", "reject", "transfer", "evidence"]));
    act(&wang, &flow, "approve", json!({})).await.expect(200);
    world.until("it is archived", async || show(&wang, &flow).await["state"] == "archived").await;
    assert_eq!(show(&wang, &flow).await["actions"], json!(["evidence"]));
});

story!(who_has_nothing_to_say_sends_no_body, async |world: World| {
    let definition = define(&world, json!([node("one", &["user:li"], "any"), node("two", &["user:li"], "any")])).await;
    let [zhang, li] = callers(&world, ["zhang", "li"]).await;
    let flow = start(&zhang, &definition).await;
    let send = async |caller: &Caller, step: &str| {
        caller.send(caller.request(reqwest::Method::POST, &format!("/api/flows/{flow}/{step}"))).await
    };
    send(&li, "approve").await.expect(200);
    // A rejection says why.
    let problem = send(&li, "reject").await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "comment");
    act(&li, &flow, "reject", json!({ "comment": " " })).await.expect_problem(422, "invalid");
    let view = act(&li, &flow, "reject", json!({ "comment": "金额不对" })).await.expect(200);
    assert_eq!(view["events"].as_array().unwrap().last().unwrap()["detail"], "金额不对");
    for step in ["submit", "withdraw"] {
        send(&zhang, step).await.expect(200);
    }
    assert_eq!(show(&zhang, &flow).await["state"], "withdrawn");
});
