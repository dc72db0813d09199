//! Stories of how a flow goes from hand to hand: approved, sent back, handed on, taken back.

use serde_json::{Value, json};

use crate::{
    caller::Caller,
    stories::on_both_engines,
    world::{Engine, Plan, World},
};

on_both_engines!(
    of_two_who_approve_at_once_one_succeeds_and_one_is_told,
    of_two_who_act_differently_at_once_one_succeeds_and_one_is_told,
    all_must_approve_each_once,
    in_sequence_each_waits_for_the_one_before,
    a_flow_sent_back_to_its_starter_is_changed_and_submitted_again,
    a_flow_sent_back_to_an_earlier_node_is_approved_afresh,
    a_flow_is_withdrawn_by_its_starter_only,
    a_turn_is_handed_on,
    a_running_flow_keeps_its_version,
    fields_are_changed_where_they_are_editable,
    what_was_looked_at_is_what_is_approved,
    lists_and_counts_follow_every_step,
    words_of_two_characters_are_found,
    a_flow_that_nobody_could_approve_does_not_start,
    who_only_reads_changes_nothing,
    a_seal_node_without_integration_is_completed_by_hand,
    who_has_nothing_to_say_sends_no_body,
);

/// A definition without seals: the nodes as given, a subject, a note, a file.
async fn define(world: &World, nodes: Value) -> String {
    let body = json!({
        "name": "请示",
        "fields": [
            { "key": "subject", "label": "主题", "type": "text", "required": true },
            { "key": "note", "label": "备注", "type": "textarea" },
            { "key": "opinion", "label": "意见", "type": "text" },
            { "key": "attachment", "label": "附件", "type": "files" } ],
        "nodes": nodes });
    let made = world.caller("admin").await.post("/api/definitions", &body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn start(caller: &Caller, definition: &str) -> String {
    let body = json!({ "definitionId": definition, "form": { "subject": "采购" } });
    caller.post("/api/flows", &body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn act(caller: &Caller, flow: &str, step: &str, body: Value) -> crate::caller::Told {
    caller.post(&format!("/api/flows/{flow}/{step}"), &body).await
}

async fn show(caller: &Caller, flow: &str) -> Value {
    caller.get(&format!("/api/flows/{flow}")).await.expect(200)
}

/// What people did, each event as `actor act node>target`; what yinku does by itself may come at any moment.
fn tale(flow: &Value) -> Vec<String> {
    let text = |event: &Value, member: &str| event[member].as_str().unwrap_or("-").to_owned();
    let events = flow["events"].as_array().unwrap().iter();
    events
        .filter(|event| event["actor"] != "yinku")
        .map(|event| {
            let (node, target) = (text(event, "node"), text(event, "target"));
            format!("{} {} {node}>{target}", text(event, "actor"), text(event, "act"))
        })
        .collect()
}

fn node(key: &str, assignees: &[&str], mode: &str) -> Value {
    json!({ "key": key, "name": key, "kind": "approval", "assignees": assignees, "mode": mode })
}

async fn of_two_who_approve_at_once_one_succeeds_and_one_is_told(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
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
}

async fn of_two_who_act_differently_at_once_one_succeeds_and_one_is_told(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
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
}

async fn all_must_approve_each_once(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
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
}

async fn in_sequence_each_waits_for_the_one_before(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
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
}

async fn a_flow_sent_back_to_its_starter_is_changed_and_submitted_again(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let definition =
        define(&world, json!([node("one", &["user:li"], "any"), node("two", &["user:wang"], "any")])).await;
    let (zhang, li, wang) = (world.caller("zhang").await, world.caller("li").await, world.caller("wang").await);
    let flow = start(&zhang, &definition).await;
    act(&zhang, &flow, "submit", json!({})).await.expect_problem(409, "not_sent_back");
    act(&li, &flow, "approve", json!({})).await.expect(200);
    let view = act(&wang, &flow, "reject", json!({ "comment": "金额不对" })).await.expect(200);
    assert_eq!(
        (&view["state"], &view["node"], &view["phase"]),
        (&json!("rejected"), &json!("start"), &json!("approving"))
    );
    act(&wang, &flow, "approve", json!({})).await.expect_problem(409, "flow_not_running");
    act(&li, &flow, "submit", json!({})).await.expect_problem(403, "not_yours");

    let mine = show(&zhang, &flow).await;
    assert_eq!(mine["actions"], json!(["withdraw", "edit", "upload"]));
    assert_eq!(mine["editable"], json!(["subject", "note", "opinion", "attachment"]));
    let path = format!("/api/flows/{flow}/form");
    let empty = json!({ "form": { "subject": "" } });
    assert_eq!(zhang.put(&path, &empty).await.expect_problem(422, "invalid")["errors"][0]["field"], "form.subject");
    zhang.put(&path, &json!({ "form": { "note": "已改" } })).await.expect(200);
    let again = json!({ "form": { "subject": "采购（改）" }, "comment": "请再审" });
    let view = act(&zhang, &flow, "submit", again).await.expect(200);
    assert_eq!((&view["state"], &view["node"]), (&json!("running"), &json!("one")));
    assert_eq!(view["form"], json!({ "subject": "采购（改）", "note": "已改" }));
    act(&li, &flow, "approve", json!({})).await.expect(200);
    let view = act(&wang, &flow, "approve", json!({})).await.expect(200);
    assert_eq!(
        tale(&view),
        [
            "zhang submitted ->-",
            "li approved one>-",
            "wang rejected two>start",
            "zhang edited start>-",
            "zhang edited start>-",
            "zhang submitted ->-",
            "li approved one>-",
            "wang approved two>-",
        ]
    );
    assert_eq!(view["events"][3]["detail"], "备注: — → 已改");
    assert_eq!(view["events"][2]["detail"], "金额不对");
}

async fn a_flow_sent_back_to_an_earlier_node_is_approved_afresh(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let nodes = json!([
        node("one", &["user:li"], "any"),
        node("two", &["user:li", "user:wang"], "all"),
        node("three", &["user:zhao"], "any")
    ]);
    let definition = define(&world, nodes).await;
    let [zhang, li, wang, zhao] = callers(&world, ["zhang", "li", "wang", "zhao"]).await;
    let flow = start(&zhang, &definition).await;
    for caller in [&li, &li, &wang] {
        act(caller, &flow, "approve", json!({})).await.expect(200);
    }
    for wrong in ["three", "four"] {
        let problem = act(&zhao, &flow, "reject", json!({ "to": wrong })).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "to");
    }
    let view = act(&zhao, &flow, "reject", json!({ "to": "two" })).await.expect(200);
    assert_eq!((&view["state"], &view["node"]), (&json!("running"), &json!("two")));
    assert_eq!(view["waitsFor"], json!(["user:li", "user:wang"]), "what was approved counts no more");
    for caller in [&wang, &li, &zhao] {
        act(caller, &flow, "approve", json!({})).await.expect(200);
    }
    assert_eq!(show(&zhang, &flow).await["node"], Value::Null);
}

async fn a_flow_is_withdrawn_by_its_starter_only(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let definition = define(&world, json!([node("one", &["user:li"], "any"), node("two", &["user:li"], "any")])).await;
    let [zhang, li, admin] = callers(&world, ["zhang", "li", "admin"]).await;
    let flow = start(&zhang, &definition).await;
    act(&li, &flow, "withdraw", json!({})).await.expect_problem(403, "not_yours");
    let view = act(&zhang, &flow, "withdraw", json!({ "comment": "不需要了" })).await.expect(200);
    assert_eq!((&view["state"], &view["actions"], &view["waitsFor"]), (&json!("withdrawn"), &json!([]), &json!([])));
    for (step, body) in [("approve", json!({})), ("reject", json!({})), ("transfer", json!({ "to": "wang" }))] {
        act(&li, &flow, step, body).await.expect_problem(409, "flow_not_running");
    }
    for step in ["withdraw", "submit"] {
        act(&zhang, &flow, step, json!({})).await.expect_problem(409, "flow_not_running");
    }
    let flow = start(&zhang, &definition).await;
    act(&admin, &flow, "withdraw", json!({})).await.expect(200);
    let flow = start(&zhang, &definition).await;
    act(&li, &flow, "reject", json!({})).await.expect(200);
    act(&zhang, &flow, "withdraw", json!({})).await.expect(200);
}

async fn a_turn_is_handed_on(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let nodes = json!([node("one", &["user:li"], "any"), node("two", &["role:operator"], "any")]);
    let definition = define(&world, nodes).await;
    let [zhang, li, wang, zhao, admin] = callers(&world, ["zhang", "li", "wang", "zhao", "admin"]).await;
    let flow = start(&zhang, &definition).await;
    zhao.get(&format!("/api/flows/{flow}")).await.expect_problem(404, "not_found");
    act(&zhang, &flow, "transfer", json!({ "to": "zhao" })).await.expect_problem(403, "not_assigned");
    for wrong in ["nobody", "li"] {
        let problem = act(&li, &flow, "transfer", json!({ "to": wrong })).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "to");
    }
    let view = act(&li, &flow, "transfer", json!({ "to": "zhao", "comment": "请代审" })).await.expect(200);
    assert_eq!(view["waitsFor"], json!(["user:zhao"]));
    act(&li, &flow, "approve", json!({})).await.expect_problem(409, "already_acted");
    act(&zhao, &flow, "approve", json!({})).await.expect(200);
    // A role's turn is handed on as a whole; an administrator hands on what is not theirs.
    act(&wang, &flow, "transfer", json!({ "to": "li" })).await.expect(200);
    act(&wang, &flow, "approve", json!({})).await.expect_problem(409, "already_acted");
    let view = act(&admin, &flow, "transfer", json!({ "to": "wang" })).await.expect(200);
    assert_eq!(view["waitsFor"], json!(["user:wang"]));
    act(&wang, &flow, "approve", json!({})).await.expect(200);
    assert_eq!(
        tale(&show(&zhang, &flow).await)[1..],
        [
            "li transferred one>zhao",
            "zhao approved one>-",
            "wang transferred two>li",
            "admin transferred two>wang",
            "wang approved two>-"
        ]
    );
}

async fn a_running_flow_keeps_its_version(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let definition = define(&world, json!([node("one", &["user:li"], "any")])).await;
    let [zhang, li, wang, admin] = callers(&world, ["zhang", "li", "wang", "admin"]).await;
    let old = start(&zhang, &definition).await;
    let path = format!("/api/definitions/{definition}");
    let mut body = admin.get(&path).await.expect(200);
    body["nodes"][0]["assignees"] = json!(["user:wang"]);
    body["fields"][1]["required"] = json!(true);
    assert_eq!(admin.put(&path, &body).await.expect(200)["version"], 2);
    let form = json!({ "definitionId": definition, "form": { "subject": "新" } });
    let problem = zhang.post("/api/flows", &form).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "form.note");
    act(&wang, &old, "approve", json!({})).await.expect_problem(404, "not_found");
    // Sent back and submitted again, it still runs as it was started.
    act(&li, &old, "reject", json!({})).await.expect(200);
    assert_eq!(act(&zhang, &old, "submit", json!({})).await.expect(200)["version"], 1);
    act(&li, &old, "approve", json!({})).await.expect(200);
    let form = json!({ "definitionId": definition, "form": { "subject": "新", "note": "有" } });
    let new = zhang.post("/api/flows", &form).await.expect(201);
    assert_eq!((&new["version"], &new["waitsFor"]), (&json!(2), &json!(["user:wang"])));
}

async fn fields_are_changed_where_they_are_editable(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let mut one = node("one", &["user:li"], "any");
    one["editable"] = json!(["opinion"]);
    let definition = define(&world, json!([one, node("two", &["user:wang"], "any")])).await;
    let [zhang, li, wang] = callers(&world, ["zhang", "li", "wang"]).await;
    let flow = start(&zhang, &definition).await;
    let path = format!("/api/flows/{flow}/form");
    let opinion = json!({ "form": { "opinion": "可行" } });
    zhang.put(&path, &opinion).await.expect_problem(403, "not_assigned");
    wang.put(&path, &opinion).await.expect_problem(403, "not_assigned");
    assert_eq!(show(&li, &flow).await["editable"], json!(["opinion"]));
    let problem = li.put(&path, &json!({ "form": { "subject": "改", "opinion": "可行" } })).await.expect(422);
    assert_eq!(problem["errors"], json!([{ "field": "form.subject", "message": "you cannot change this field now" }]));
    for (form, field) in [(json!({ "x": 1 }), "form.x"), (json!({ "attachment": [] }), "form.attachment")] {
        assert_eq!(li.put(&path, &json!({ "form": form })).await.expect(422)["errors"][0]["field"], field);
    }
    // The whole form may be sent back: what stays as it is, is no change.
    let view = li.put(&path, &json!({ "form": { "subject": "采购", "opinion": "可行" } })).await.expect(200);
    assert_eq!(view["form"], json!({ "subject": "采购", "opinion": "可行" }));
    li.put(&path, &json!({ "form": { "subject": "采购" } })).await.expect(200);
    assert_eq!(tale(&show(&li, &flow).await), ["zhang submitted ->-", "li edited one>-"]);
    act(&li, &flow, "approve", json!({})).await.expect(200);
    li.put(&path, &opinion).await.expect_problem(409, "moved_on");
    wang.put(&path, &json!({ "form": { "opinion": null } })).await.expect_problem(409, "not_now");
}

async fn what_was_looked_at_is_what_is_approved(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let nodes = json!([node("one", &["user:li", "user:wang"], "any"), node("two", &["user:wang"], "any")]);
    let definition = define(&world, nodes).await;
    let [zhang, li, wang] = callers(&world, ["zhang", "li", "wang"]).await;
    let flow = start(&zhang, &definition).await;
    act(&li, &flow, "approve", json!({ "node": "one" })).await.expect(200);
    for (step, body) in [
        ("approve", json!({ "node": "one" })),
        ("reject", json!({ "node": "one" })),
        ("transfer", json!({ "node": "one", "to": "li" })),
    ] {
        act(&wang, &flow, step, body).await.expect_problem(409, "moved_on");
    }
    act(&wang, &flow, "approve", json!({ "node": "two" })).await.expect(200);
}

async fn lists_and_counts_follow_every_step(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let nodes = json!([node("one", &["user:li"], "any"), node("two", &["role:operator", "user:wang"], "any")]);
    let definition = define(&world, nodes).await;
    let [zhang, li, wang, zhao] = callers(&world, ["zhang", "li", "wang", "zhao"]).await;
    let first = start(&zhang, &definition).await;
    let second = start(&zhang, &definition).await;
    assert_eq!(counts(&zhang).await, [0, 0, 2]);
    assert_eq!(counts(&li).await, [2, 0, 0]);
    assert_eq!(counts(&wang).await, [0, 0, 0]);
    assert_eq!(list(&li, "todo=true").await, [second.as_str(), &first]);
    act(&li, &first, "approve", json!({})).await.expect(200);
    assert_eq!((counts(&li).await, counts(&wang).await), ([1, 1, 0], [1, 0, 0]));
    assert_eq!(list(&wang, "todo=true").await, [first.as_str()], "once, though the node names them twice");
    assert_eq!(list(&li, "done=true").await, [first.as_str()]);
    act(&wang, &first, "reject", json!({})).await.expect(200);
    assert_eq!((counts(&zhang).await, counts(&wang).await), ([1, 0, 2], [0, 1, 0]));
    assert_eq!(list(&zhang, "todo=true").await, [first.as_str()]);
    assert_eq!(list(&zhang, "mine=true&state=rejected").await, [first.as_str()]);
    act(&zhang, &first, "withdraw", json!({})).await.expect(200);
    assert_eq!((counts(&zhang).await, counts(&li).await), ([0, 0, 2], [1, 1, 0]));
    assert_eq!(list(&li, "state=running").await, [second.as_str()]);
    assert_eq!(list(&li, &format!("done=true&definitionId={definition}")).await, [first.as_str()]);
    assert_eq!(list(&zhao, "").await, Vec::<String>::new());
    li.get("/api/flows?todo=true&mine=true").await.expect_problem(400, "bad_query");
    let page = zhang.get("/api/flows?limit=1").await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!(second), &json!(second)));
    let page = zhang.get(&format!("/api/flows?limit=1&after={second}")).await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!(first), &Value::Null));
    assert_eq!(page["items"][0]["definitionName"], "请示");
}

async fn words_of_two_characters_are_found(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let flow = world.start_flow(1).await.to_string();
    let zhang = world.caller("zhang").await;
    let definition = define(&world, json!([node("one", &["user:li"], "any")])).await;
    let other = start(&zhang, &definition).await;
    let [li, wang, admin] = callers(&world, ["li", "wang", "admin"]).await;
    for caller in [&zhang, &li, &admin] {
        assert_eq!(list(caller, "q=合同").await, [flow.as_str()]);
        assert_eq!(list(caller, "q=%20合同%20&state=running").await, [flow.as_str()]);
        assert_eq!(list(caller, "q=请示").await, [other.as_str()]);
        assert_eq!(list(caller, "q=合示").await, Vec::<String>::new());
        assert_eq!(list(caller, "q=%25").await, Vec::<String>::new(), "a sign is a sign");
        assert_eq!(list(caller, "q=yk20").await.len(), 2, "whatever the case");
        assert_eq!(list(caller, "q=合同&state=archived").await, Vec::<String>::new());
    }
    assert_eq!(list(&wang, "q=请示").await, Vec::<String>::new());
    assert_eq!(list(&li, "todo=true&q=采购").await, [flow.as_str()]);
}

async fn a_flow_that_nobody_could_approve_does_not_start(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
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
}

async fn who_only_reads_changes_nothing(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let definition = define(&world, json!([node("one", &["user:li"], "any")])).await;
    let [zhang, sun] = callers(&world, ["zhang", "sun"]).await;
    let flow = start(&zhang, &definition).await;
    assert_eq!(show(&sun, &flow).await["actions"], json!([]));
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
}

async fn a_seal_node_without_integration_is_completed_by_hand(engine: Engine) {
    let plan =
        Plan { definition: Some(|definition| definition["integration"]["enabled"] = false.into()), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let flow = world.start_flow(1).await.to_string();
    let [li, wang] = callers(&world, ["li", "wang"]).await;
    act(&li, &flow, "approve", json!({})).await.expect(200);
    let view = show(&wang, &flow).await;
    assert_eq!((&view["sealUses"], &view["node"]), (&json!([]), &json!("seal")), "no application is made");
    assert_eq!(view["actions"], json!(["approve", "reject", "transfer"]));
    act(&wang, &flow, "approve", json!({})).await.expect(200);
    world.until("it is archived", async || show(&wang, &flow).await["state"] == "archived").await;
    assert_eq!(show(&wang, &flow).await["actions"], json!([]));
}

async fn callers<const N: usize>(world: &World, names: [&str; N]) -> [Caller; N] {
    let mut callers = Vec::new();
    for name in names {
        callers.push(world.caller(name).await);
    }
    callers.try_into().ok().unwrap()
}

async fn counts(caller: &Caller) -> [i64; 3] {
    let counts = caller.get("/api/flows/counts").await.expect(200);
    ["todo", "done", "mine"].map(|list| counts[list].as_i64().unwrap())
}

async fn list(caller: &Caller, query: &str) -> Vec<String> {
    let page = caller.get(&format!("/api/flows?{query}")).await.expect(200);
    page["items"].as_array().unwrap().iter().map(|flow| flow["id"].as_str().unwrap().to_owned()).collect()
}

async fn who_has_nothing_to_say_sends_no_body(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let definition = define(&world, json!([node("one", &["user:li"], "any"), node("two", &["user:li"], "any")])).await;
    let [zhang, li] = callers(&world, ["zhang", "li"]).await;
    let flow = start(&zhang, &definition).await;
    for (caller, step) in [(&li, "approve"), (&li, "reject"), (&zhang, "submit"), (&zhang, "withdraw")] {
        let request = caller.request(reqwest::Method::POST, &format!("/api/flows/{flow}/{step}"));
        caller.send(request).await.expect(200);
    }
    assert_eq!(show(&zhang, &flow).await["state"], "withdrawn");
}
