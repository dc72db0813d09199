//! A starter who wants to approve a flow of their own, where the definition says `selfApproval: false`.

use serde_json::{Value, json};

use crate::support::{
    Caller, World,
    flows::{act, show},
    people::make_user,
    plain_flows::{node, start},
    story,
};

/// A definition of one approval that starters may not give.
async fn define(world: &World, assignees: &[&str], mode: &str) -> String {
    let body = json!({
        "name": "请示", "selfApproval": false,
        "fields": [{ "key": "subject", "label": "主题", "type": "text", "required": true }],
        "nodes": [node("first", assignees, mode)] });
    let made = world.caller("admin").await.post("/api/definitions", &body).await.expect(201);
    assert_eq!(made["selfApproval"], false);
    made["id"].as_str().unwrap().to_owned()
}

async fn refused(caller: &Caller, flow: &str) {
    let shown = show(caller, &flow).await;
    for action in ["approve", "reject"] {
        assert!(!shown["actions"].as_array().unwrap().contains(&json!(action)), "{shown}");
    }
    act(caller, &flow, "approve", json!({ "comment": "同意" })).await.expect_problem(403, "own_approval");
    act(caller, &flow, "reject", json!({ "comment": "退回", "to": "start" })).await.expect_problem(403, "own_approval");
    assert_eq!(show(caller, &flow).await["state"], "running");
}

async fn waits_for(caller: &Caller, flow: &str) -> Value {
    show(caller, &flow).await["waitsFor"].clone()
}

story!(a_starter_has_no_turn_by_name_or_role, async |world: World| {
    let zhang = world.caller("zhang").await;
    // By name, beside another one.
    for mode in ["any", "all", "sequence"] {
        let definition = define(&world, &["user:zhang", "user:li"], mode).await;
        let flow = start(&zhang, &definition).await;
        assert_eq!(waits_for(&zhang, &flow).await, json!(["user:li"]), "{mode}");
        refused(&zhang, &flow).await;
        let li = world.caller("li").await;
        act(&li, &flow, "approve", json!({ "comment": "同意" })).await.expect(200);
    }
    // By a role that the starter has: its other users have the turn.
    let definition = define(&world, &["role:member"], "any").await;
    let flow = start(&zhang, &definition).await;
    assert_eq!(waits_for(&zhang, &flow).await, json!(["user:li"]));
    refused(&zhang, &flow).await;
    // By a role that the starter gets later.
    let definition = define(&world, &["role:operator"], "any").await;
    let flow = start(&zhang, &definition).await;
    assert_eq!(waits_for(&zhang, &flow).await, json!(["role:operator"]));
    let admin = world.caller("admin").await;
    let users = admin.get("/api/users?limit=200").await.expect(200);
    let user = users["items"].as_array().unwrap().iter().find(|user| user["username"] == "zhang").unwrap().clone();
    let path = format!("/api/users/{}", user["id"].as_str().unwrap());
    admin.patch(&path, &json!({ "roles": ["member", "operator"] })).await.expect(200);
    refused(&zhang, &flow).await;
    // Alone: the flow does not start, and the answer says why.
    let definition = define(&world, &["user:zhang"], "any").await;
    let body = json!({ "definitionId": definition, "form": { "subject": "采购" } });
    let problem = zhang.post("/api/flows", &body).await.expect_problem(422, "unassignable");
    assert!(problem["detail"].as_str().unwrap().contains("may not approve the flow"), "{problem}");
});

story!(no_hand_over_gives_a_starter_the_turn, async |world: World| {
    let definition = define(&world, &["user:li"], "any").await;
    let (zhang, li, admin) = (world.caller("zhang").await, world.caller("li").await, world.caller("admin").await);
    let flow = start(&zhang, &definition).await;
    let to_starter = json!({ "to": "zhang", "comment": "你来" });
    for caller in [&li, &admin] {
        act(caller, &flow, "transfer", to_starter.clone()).await.expect_problem(403, "own_approval");
    }
    refused(&zhang, &flow).await;
    act(&li, &flow, "approve", json!({ "comment": "同意" })).await.expect(200);
});

story!(an_administrator_does_not_approve_a_flow_of_their_own, async |world: World| {
    make_user(&world, "chen", &["admin", "member"]).await;
    let (chen, admin) = (world.caller("chen").await, world.caller("admin").await);
    let definition = define(&world, &["role:admin"], "any").await;
    let flow = start(&chen, &definition).await;
    assert_eq!(waits_for(&chen, &flow).await, json!(["user:admin"]));
    refused(&chen, &flow).await;
    act(&chen, &flow, "transfer", json!({ "to": "chen", "comment": "我来" })).await.expect_problem(403, "own_approval");
    refused(&chen, &flow).await;
    // Sent back and submitted again it is the same.
    act(&admin, &flow, "reject", json!({ "comment": "退回", "to": "start" })).await.expect(200);
    act(&chen, &flow, "submit", json!({})).await.expect(200);
    refused(&chen, &flow).await;
    act(&admin, &flow, "approve", json!({ "comment": "同意" })).await.expect(200);
});

story!(the_ready_made_definition_keeps_starters_from_approving, async |world: World| {
    let admin = world.caller("admin").await;
    let service = admin.get("/api/services").await.expect(200)["items"][0]["id"].clone();
    let made = admin.post("/api/definitions/ready-made", &json!({ "serviceId": service })).await.expect(201);
    assert_eq!(made["selfApproval"], false);
    // Elsewhere the default lets a starter approve.
    let zhang = world.caller("zhang").await;
    let nodes = json!([node("first", &["user:zhang"], "any")]);
    let flow = start(&zhang, &crate::support::plain_flows::define(&world, nodes).await).await;
    act(&zhang, &flow, "approve", json!({ "comment": "同意" })).await.expect(200);
});
