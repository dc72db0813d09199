//! Stories of how a flow goes back, is handed on, taken back, or changed on its way.

use serde_json::{Value, json};

use crate::support::{
    World,
    flows::{act, callers, show},
    plain_flows::{define, node, start, tale},
    story,
};

story!(a_flow_sent_back_to_its_starter_is_changed_and_submitted_again, async |world: World| {
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
    assert_eq!(mine["actions"], json!(["withdraw", "edit", "upload", "evidence"]));
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
    world.assert_snapshot("changed_and_submitted_again").await;
});

story!(a_flow_sent_back_to_an_earlier_node_is_approved_afresh, async |world: World| {
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
        let problem =
            act(&zhao, &flow, "reject", json!({ "to": wrong, "comment": "退回" })).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "to");
    }
    let view = act(&zhao, &flow, "reject", json!({ "to": "two", "comment": "退回" })).await.expect(200);
    assert_eq!((&view["state"], &view["node"]), (&json!("running"), &json!("two")));
    assert_eq!(view["waitsFor"], json!(["user:li", "user:wang"]), "what was approved counts no more");
    for caller in [&wang, &li, &zhao] {
        act(caller, &flow, "approve", json!({})).await.expect(200);
    }
    assert_eq!(show(&zhang, &flow).await["node"], Value::Null);
});

story!(a_flow_is_withdrawn_by_its_starter_only, async |world: World| {
    let definition = define(&world, json!([node("one", &["user:li"], "any"), node("two", &["user:li"], "any")])).await;
    let [zhang, li, admin] = callers(&world, ["zhang", "li", "admin"]).await;
    let flow = start(&zhang, &definition).await;
    act(&li, &flow, "withdraw", json!({})).await.expect_problem(403, "not_yours");
    let view = act(&zhang, &flow, "withdraw", json!({ "comment": "不需要了" })).await.expect(200);
    assert_eq!(
        (&view["state"], &view["actions"], &view["waitsFor"]),
        (&json!("withdrawn"), &json!(["evidence"]), &json!([]))
    );
    for (step, body) in
        [("approve", json!({})), ("reject", json!({ "comment": "退回" })), ("transfer", json!({ "to": "wang" }))]
    {
        act(&li, &flow, step, body).await.expect_problem(409, "flow_not_running");
    }
    for step in ["withdraw", "submit"] {
        act(&zhang, &flow, step, json!({})).await.expect_problem(409, "flow_not_running");
    }
    let flow = start(&zhang, &definition).await;
    act(&admin, &flow, "withdraw", json!({})).await.expect(200);
    let flow = start(&zhang, &definition).await;
    act(&li, &flow, "reject", json!({ "comment": "退回" })).await.expect(200);
    act(&zhang, &flow, "withdraw", json!({})).await.expect(200);
});

story!(a_turn_is_handed_on, async |world: World| {
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
    world.assert_snapshot("a_turn_handed_on").await;
});

story!(a_running_flow_keeps_its_version, async |world: World| {
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
    act(&li, &old, "reject", json!({ "comment": "退回" })).await.expect(200);
    assert_eq!(act(&zhang, &old, "submit", json!({})).await.expect(200)["version"], 1);
    act(&li, &old, "approve", json!({})).await.expect(200);
    let form = json!({ "definitionId": definition, "form": { "subject": "新", "note": "有" } });
    let new = zhang.post("/api/flows", &form).await.expect(201);
    assert_eq!((&new["version"], &new["waitsFor"]), (&json!(2), &json!(["user:wang"])));
});

story!(fields_are_changed_where_they_are_editable, async |world: World| {
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
});
