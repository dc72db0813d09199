//! Stories of people who leave: what waits for them is told, found and handed on.

use serde_json::{Value, json};

use crate::support::{
    Caller, World,
    flows::{act, callers, listed, show, step},
    plain_flows::{define, list_counts, node, start},
    story,
};

async fn id_of(admin: &Caller, username: &str) -> String {
    let users = admin.get("/api/users?limit=200").await.expect(200);
    let found = users["items"].as_array().unwrap().iter().find(|user| user["username"] == username).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

async fn change(admin: &Caller, username: &str, change: Value) -> Value {
    let id = id_of(admin, username).await;
    admin.patch(&format!("/api/users/{id}"), &change).await.expect(200)
}

/// Whether the flow is in the administrators' 待办, and its trouble.
async fn rescued(world: &World, admin: &Caller, flow: &str) -> (bool, Value) {
    world.until_quiet().await;
    (listed(admin, &[("todo", "true")]).await.contains(&flow.to_owned()), show(admin, &flow).await["trouble"].clone())
}

story!(disabling_a_user_tells_what_waits_for_them_and_administrators_have_it, async |world: World| {
    let nodes = json!([node("one", &["user:li"], "any"), node("two", &["user:zhao"], "any")]);
    let definition = define(&world, nodes).await;
    let [admin, zhang, wang] = callers(&world, ["admin", "zhang", "wang"]).await;
    let flows = [start(&zhang, &definition).await, start(&zhang, &definition).await];
    let gone = (true, json!(["people_gone"]));
    assert_eq!(rescued(&world, &admin, &flows[0]).await, (false, json!([])));

    let told = change(&admin, "li", json!({ "disabled": true })).await;
    assert_eq!(told["waiting"]["total"], 2, "{told}");
    let mut ids: Vec<&str> =
        told["waiting"]["items"].as_array().unwrap().iter().map(|flow| flow["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, flows);
    assert_eq!(listed(&admin, &[("waitsFor", "user:li")]).await.len(), 2);
    assert_eq!(rescued(&world, &admin, &flows[0]).await, gone);
    assert_eq!(show(&zhang, &flows[0]).await["waitsFor"], json!(["user:li"]), "it still says for whom it waits");
    assert_eq!(list_counts(&admin).await[0], 2);
    assert_eq!(admin.get("/api/flows/counts").await.expect(200)["trouble"], 2);

    // Handed on, it is nobody's trouble; enabled again, the user has the other one.
    step(&admin, &flows[0], "transfer", json!({ "to": "wang" })).await;
    assert_eq!(rescued(&world, &admin, &flows[0]).await, (false, json!([])));
    let told = change(&admin, "li", json!({ "disabled": false })).await;
    assert_eq!(told["waiting"], Value::Null);
    assert_eq!(rescued(&world, &admin, &flows[1]).await, (false, json!([])));
    step(&wang, &flows[0], "approve", json!({})).await;
    // The next node's user leaves before it is reached: the administrators have it at once.
    change(&admin, "zhao", json!({ "disabled": true })).await;
    step(&world.caller("li").await, &flows[1], "approve", json!({})).await;
    let (todo, trouble) = rescued(&world, &admin, &flows[1]).await;
    assert_eq!((todo, trouble), gone);
    assert_eq!(show(&admin, &flows[1]).await["waitsFor"], json!(["role:admin"]));
    step(&admin, &flows[1], "transfer", json!({ "to": "wang" })).await;
    assert_eq!(rescued(&world, &admin, &flows[1]).await, (false, json!([])));
});

story!(a_flow_that_waits_for_others_too_is_no_trouble, async |world: World| {
    let nodes = json!([node("all", &["user:li", "user:wang"], "all")]);
    let definition = define(&world, nodes).await;
    let [admin, zhang, wang] = callers(&world, ["admin", "zhang", "wang"]).await;
    let flow = start(&zhang, &definition).await;
    change(&admin, "li", json!({ "disabled": true })).await;
    assert_eq!(rescued(&world, &admin, &flow).await, (false, json!([])));
    step(&wang, &flow, "approve", json!({})).await;
    assert_eq!(rescued(&world, &admin, &flow).await, (true, json!(["people_gone"])), "only li is left");
});

story!(a_role_that_nobody_has_any_more_is_trouble, async |world: World| {
    let definition = define(&world, json!([node("one", &["role:operator"], "any")])).await;
    let [admin, zhang, zhao] = callers(&world, ["admin", "zhang", "zhao"]).await;
    let flow = start(&zhang, &definition).await;
    change(&admin, "wang", json!({ "roles": ["member"] })).await;
    assert_eq!(rescued(&world, &admin, &flow).await, (true, json!(["people_gone"])));
    change(&admin, "zhao", json!({ "roles": ["archivist", "operator"] })).await;
    assert_eq!(rescued(&world, &admin, &flow).await, (false, json!([])));
    step(&zhao, &flow, "approve", json!({})).await;
});

story!(a_flow_that_was_sent_back_to_a_starter_who_left_is_handed_on, async |world: World| {
    let definition = define(&world, json!([node("one", &["user:li"], "any")])).await;
    let [admin, zhang, li, wang] = callers(&world, ["admin", "zhang", "li", "wang"]).await;
    let flow = start(&zhang, &definition).await;
    step(&li, &flow, "reject", json!({ "comment": "改金额" })).await;
    act(&admin, &flow, "transfer", json!({ "to": "wang" })).await.expect_problem(409, "flow_not_running");
    change(&admin, "zhang", json!({ "disabled": true })).await;
    assert_eq!(rescued(&world, &admin, &flow).await, (true, json!(["people_gone"])));
    assert_eq!(show(&admin, &flow).await["actions"], json!(["withdraw", "transfer", "evidence"]));
    act(&li, &flow, "transfer", json!({ "to": "wang" })).await.expect_problem(409, "flow_not_running");
    act(&admin, &flow, "transfer", json!({ "to": "sun" })).await.expect_problem(422, "invalid");
    let view = step(&admin, &flow, "transfer", json!({ "to": "wang", "comment": "请接手" })).await;
    assert_eq!(
        (&view["starter"], &view["waitsFor"], &view["trouble"]),
        (&json!("wang"), &json!(["user:wang"]), &json!([]))
    );
    assert_eq!(listed(&wang, &[("todo", "true")]).await, std::slice::from_ref(&flow));
    assert_eq!(listed(&wang, &[("mine", "true")]).await, std::slice::from_ref(&flow));
    wang.put(&format!("/api/flows/{flow}/form"), &json!({ "form": { "subject": "采购二" } })).await.expect(200);
    step(&wang, &flow, "submit", json!({})).await;
    step(&li, &flow, "approve", json!({})).await;
    world.until_quiet().await;
});

story!(an_open_grant_of_a_user_who_left_is_no_turn_of_others, async |world: World| {
    let rows = json!([{ "seal": "QYS2019040001", "count": 1, "users": ["zhao"] }]);
    let (flow, _) = crate::support::seals::in_use(&world, &rows).await;
    world.until_quiet().await;
    let admin = world.caller("admin").await;
    let told = change(&admin, "zhao", json!({ "disabled": true })).await;
    assert_eq!(told["waiting"]["items"][0]["id"], json!(flow.to_string()), "{told}");
    assert_eq!(rescued(&world, &admin, &flow.to_string()).await, (false, json!([])), "the operators can end the use");
    change(&admin, "wang", json!({ "disabled": true })).await;
    assert_eq!(rescued(&world, &admin, &flow.to_string()).await, (true, json!(["people_gone"])));
});

story!(a_flow_is_handed_on_to_a_user_who_may_start_it, async |world: World| {
    let definition = define(&world, json!([node("one", &["user:li"], "any")])).await;
    let [admin, zhang, li] = callers(&world, ["admin", "zhang", "li"]).await;
    let path = format!("/api/definitions/{definition}");
    let mut body = admin.get(&path).await.expect(200);
    body["starters"] = json!(["user:zhang", "user:wang"]);
    admin.put(&path, &body).await.expect(200);
    let flow = start(&zhang, &definition).await;
    step(&li, &flow, "reject", json!({ "comment": "改金额" })).await;
    change(&admin, "zhang", json!({ "disabled": true })).await;
    let problem = act(&admin, &flow, "transfer", json!({ "to": "zhao" })).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "to");
    step(&admin, &flow, "transfer", json!({ "to": "wang" })).await;
});

/// A user who leaves at the same moment at which the flow reaches their node.
struct Leaver {
    username: &'static str,
    /// Who has the node.
    node: &'static str,
    leaves: fn() -> Value,
    returns: fn() -> Value,
}

story!(a_user_who_leaves_while_their_node_is_reached_is_never_waited_for_unseen, async |world: World| {
    let leavers = [
        Leaver {
            username: "zhao",
            node: "user:zhao",
            leaves: || json!({ "disabled": true }),
            returns: || json!({ "disabled": false }),
        },
        Leaver {
            username: "wang",
            node: "role:operator",
            leaves: || json!({ "roles": ["member"] }),
            returns: || json!({ "roles": ["operator"] }),
        },
    ];
    let [admin, zhang, li] = callers(&world, ["admin", "zhang", "li"]).await;
    for Leaver { username, node: assignee, leaves, returns } in leavers {
        let nodes = json!([node("one", &["user:li"], "any"), node("two", &[assignee], "any")]);
        let definition = define(&world, nodes).await;
        let path = format!("/api/users/{}", id_of(&admin, username).await);
        for round in 0..10 {
            let flow = start(&zhang, &definition).await;
            let (leaving, approval) = (leaves(), json!({}));
            let (left, approved) = if round % 2 == 0 {
                tokio::join!(admin.patch(&path, &leaving), act(&li, &flow, "approve", approval))
            } else {
                let (approved, left) = tokio::join!(act(&li, &flow, "approve", approval), admin.patch(&path, &leaving));
                (left, approved)
            };
            left.expect(200);
            assert_eq!(approved.expect(200)["node"], "two");
            assert_eq!(rescued(&world, &admin, &flow).await, (true, json!(["people_gone"])), "{username}, {round}");
            // Somebody is back, at the same moment at which the flow is handed on.
            let (back, to) = (returns(), json!({ "to": "li" }));
            let (returned, handed) = tokio::join!(admin.patch(&path, &back), act(&admin, &flow, "transfer", to));
            returned.expect(200);
            handed.expect(200);
            assert_eq!(rescued(&world, &admin, &flow).await, (false, json!([])), "{username}, {round}");
            step(&li, &flow, "approve", json!({})).await;
        }
    }
});
