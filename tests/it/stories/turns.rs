//! Stories of turns: people from form fields, people with an open grant, and what each sees after the archive.

use serde_json::{Value, json};
use yinku::id::FlowId;

use crate::support::{
    Engine, Plan, World,
    definitions::{archived_by_hand, with_required_stamped, without_field},
    flows::{act, acts, callers, listed, purchase, show, step},
    plain_flows::{list_counts, node},
    seals::{archived, in_use, one_seal},
    story,
};

/// Has the vendor asked again: it tells of no single stamping by itself.
async fn look_again(world: &World, flow: &FlowId) {
    let admin = world.caller("admin").await;
    let ingest = show(&admin, flow).await["sealUses"][0]["ingestId"].as_str().unwrap().to_owned();
    admin.post(&format!("/api/ingests/{ingest}/retry"), &Value::Null).await.expect(202);
}

/// A definition whose nodes take their people from the form.
async fn define_by_fields(world: &World) -> String {
    let body = json!({
        "name": "会签",
        "fields": [
            { "key": "subject", "label": "主题", "type": "text" },
            { "key": "boss", "label": "负责人", "type": "user" },
            { "key": "rows", "label": "会签", "type": "table", "columns": [{ "key": "who", "label": "会签人", "type": "users" }] } ],
        "nodes": [
            { "key": "one", "name": "负责人", "kind": "approval", "assignees": ["field:boss"], "editable": ["rows"] },
            { "key": "all", "name": "会签", "kind": "approval", "assignees": ["field:rows.who"], "mode": "all" } ] });
    let made = world.caller("admin").await.post("/api/definitions", &body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

story!(nodes_take_their_people_from_form_fields_when_they_are_reached, async |world: World| {
    let definition = define_by_fields(&world).await;
    let [zhang, li, wang, zhao] = callers(&world, ["zhang", "li", "wang", "zhao"]).await;
    let form = json!({ "subject": "合同", "boss": "li", "rows": [{ "who": ["wang"] }] });
    let flow = zhang.post("/api/flows", &json!({ "definitionId": definition, "form": form })).await.expect(201);
    let id = flow["id"].as_str().unwrap().to_owned();
    assert_eq!(flow["waitsFor"], json!(["user:li"]));
    assert_eq!(listed(&li, &[("todo", "true")]).await, std::slice::from_ref(&id));
    // What the form says when the node is reached counts, without repeats.
    let rows = json!([{ "who": ["wang", "zhao"] }, { "who": ["zhao"] }]);
    li.put(&format!("/api/flows/{id}/form"), &json!({ "form": { "rows": rows } })).await.expect(200);
    let view = act(&li, &id, "approve", json!({})).await.expect(200);
    assert_eq!(view["waitsFor"], json!(["user:wang", "user:zhao"]));
    act(&wang, &id, "approve", json!({})).await.expect(200);
    let view = act(&zhao, &id, "approve", json!({})).await.expect(200);
    assert_eq!(view["node"], Value::Null);
});

story!(people_of_a_field_who_have_left_are_left_out_when_the_node_is_reached, async |world: World| {
    let mut body = json!({
        "name": "经办", "fields": [{ "key": "rows", "label": "经办", "type": "table",
            "columns": [{ "key": "who", "label": "经办人", "type": "user" }] }],
        "nodes": [node("first", &["user:li"], "any"), node("rest", &["field:rows.who"], "all")] });
    let [admin, zhang, li] = callers(&world, ["admin", "zhang", "li"]).await;
    let made = admin.post("/api/definitions", &body).await.expect(201);
    let start = async |definition: &Value, people: &[&str]| {
        let rows: Vec<Value> = people.iter().map(|who| json!({ "who": who })).collect();
        let ask = json!({ "definitionId": definition, "form": { "rows": rows } });
        zhang.post("/api/flows", &ask).await.expect(201)["id"].as_str().unwrap().to_owned()
    };
    let (two, one) = (start(&made["id"], &["wang", "zhao"]).await, start(&made["id"], &["zhao"]).await);
    let users = admin.get("/api/users?limit=200").await.expect(200);
    let zhao = users["items"].as_array().unwrap().iter().find(|user| user["username"] == "zhao").unwrap();
    let path = format!("/api/users/{}", zhao["id"].as_str().unwrap());
    admin.patch(&path, &json!({ "disabled": true })).await.expect(200);
    let view = act(&li, &two, "approve", json!({})).await.expect(200);
    assert_eq!((&view["waitsFor"], &view["trouble"]), (&json!(["user:wang"]), &json!([])));
    // Nobody is left: the administrators have it.
    let view = act(&li, &one, "approve", json!({})).await.expect(200);
    assert_eq!((&view["waitsFor"], &view["trouble"]), (&json!(["role:admin"]), &json!(["people_gone"])));
    assert_eq!(listed(&admin, &[("todo", "true")]).await, [one]);
    // A starter whom the field names has no turn where the definition says so.
    body["selfApproval"] = false.into();
    let made = admin.post("/api/definitions", &body).await.expect(201);
    let own = start(&made["id"], &["zhang", "wang"]).await;
    assert_eq!(act(&li, &own, "approve", json!({})).await.expect(200)["waitsFor"], json!(["user:wang"]));
    act(&zhang, &own, "approve", json!({})).await.expect_problem(403, "own_approval");
    world.until_quiet().await;
});

story!(a_flow_whose_fields_name_nobody_does_not_start, async |world: World| {
    let definition = define_by_fields(&world).await;
    let [zhang, admin] = callers(&world, ["zhang", "admin"]).await;
    let ask = |form: Value| json!({ "definitionId": definition, "form": form });
    let none = ask(json!({ "rows": [{ "who": ["wang"] }] }));
    let problem = zhang.post("/api/flows", &none).await.expect_problem(422, "unassignable");
    assert!(problem["detail"].as_str().unwrap().contains("boss"), "{problem}");
    // The second node can still get its people: an earlier node may fill the field in.
    zhang.post("/api/flows", &ask(json!({ "boss": "li" }))).await.expect(201);
    for (assignee, what) in
        [("field:subject", "has type text"), ("field:nothing", "no field"), ("field:rows.x", "no field")]
    {
        let mut body = admin.get(&format!("/api/definitions/{definition}")).await.expect(200);
        body["nodes"][0]["assignees"] = json!([assignee]);
        let problem = admin.put(&format!("/api/definitions/{definition}"), &body).await.expect_problem(422, "invalid");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(what), "{problem}");
    }
});

story!(who_has_an_open_grant_has_the_flow_to_do_until_it_is_used_up_or_ended, async |world: World| {
    let rows = json!([{ "seal": "QYS2019040001", "count": 1, "users": ["zhao"] },
                      { "seal": "合同专用章", "count": 2, "users": ["li"] }]);
    let (flow, business) = in_use(&world, &rows).await;
    world.until_quiet().await;
    let [zhang, li, wang, zhao] = callers(&world, ["zhang", "li", "wang", "zhao"]).await;
    let waits = async || show(&zhang, &flow).await["waitsFor"].clone();
    assert_eq!(waits().await, json!(["role:operator", "user:li", "user:zhao"]));
    for caller in [&li, &wang, &zhao] {
        assert_eq!(listed(caller, &[("todo", "true")]).await, [flow.to_string()]);
        assert_eq!(list_counts(caller).await[0], 1);
    }
    let found = async |who: &str| listed(&zhang, &[("waitsFor", who)]).await.len();
    assert_eq!((found("user:zhao").await, found("role:operator").await, found("user:wang").await), (1, 1, 0));
    zhang.get("/api/flows?waitsFor=zhao").await.expect_problem(400, "bad_query");

    world.sim.stamp(&business, 0).await.unwrap();
    look_again(&world, &flow).await;
    world.until("the first grant is used up", async || waits().await == json!(["role:operator", "user:li"])).await;
    assert_eq!(listed(&zhao, &[("todo", "true")]).await, Vec::<String>::new());
    assert_eq!(listed(&zhao, &[("done", "true")]).await, [flow.to_string()]);
    // More uses open the grant again.
    step(&wang, &flow, "seal-append", json!({ "count": 1, "deviceNo": "QYS2019040001" })).await;
    world.until("it is open again", async || waits().await == json!(["role:operator", "user:li", "user:zhao"])).await;
    step(&wang, &flow, "seal-finish", json!({ "reason": "够了" })).await;
    world.until("use has ended", async || !waits().await.to_string().contains("user:")).await;
    world.until_quiet().await;
    assert_eq!(list_counts(&li).await[0], 0);
});

story!(codes_are_shown_to_those_who_have_them_and_others_hear_whose_they_are, async |world: World| {
    let rows = json!([{ "seal": "QYS2019040001", "count": 1, "users": ["zhao"] },
                      { "seal": "合同专用章", "count": 1, "users": ["li"] }]);
    let (flow, business) = in_use(&world, &rows).await;
    world.until_quiet().await;
    let [admin, zhang, wang, zhao] = callers(&world, ["admin", "zhang", "wang", "zhao"]).await;
    let path = format!("/api/flows/{flow}/seal-code");
    let may = async |caller| show(caller, &flow).await["actions"].as_array().unwrap().contains(&json!("code"));
    assert_eq!((may(&admin).await, may(&zhao).await, may(&wang).await, may(&zhang).await), (true, true, false, false));
    let codes = zhao.get(&path).await.expect(200);
    assert_eq!((codes.as_array().unwrap().len(), &codes[0]["username"]), (1, &json!("zhao")));
    assert_eq!(admin.get(&path).await.expect(200).as_array().unwrap().len(), 2);
    for other in [&wang, &zhang] {
        let problem = other.get(&path).await.expect_problem(403, "not_yours");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("赵六") && detail.contains("李四"), "{detail}");
    }
    world.sim.stamp(&business, 0).await.unwrap();
    look_again(&world, &flow).await;
    world.until("the grant is used up", async || !may(&zhao).await).await;
    let problem = zhao.get(&path).await.expect_problem(403, "not_yours");
    assert!(!problem["detail"].as_str().unwrap().contains("赵六"), "{problem}");
    assert_eq!(admin.get(&path).await.expect(200).as_array().unwrap().len(), 1, "ended grants show no code");
    world.until_quiet().await;
});

story!(after_the_archive_participants_read_details_and_photos_whatever_the_nodes_name, async |engine: Engine| {
    fn nowhere(definition: &mut Value) {
        without_field(definition);
        for list in ["codeNodes", "detailNodes", "finishNodes", "appendNodes", "downloadNodes"] {
            definition["integration"][list] = json!([]);
        }
    }
    fn nowhere_into_the_form(definition: &mut Value) {
        let field = definition["integration"]["downloadField"].clone();
        nowhere(definition);
        definition["integration"]["downloadField"] = field;
    }
    // With a download field the photos are in the form.
    let world = World::new(engine, Plan { definition: Some(nowhere_into_the_form), ..Plan::default() }).await;
    let flow = archived(&world, 1).await;
    for name in ["zhang", "li", "wang", "admin", "sun"] {
        let caller = world.caller(name).await;
        let view = show(&caller, &flow).await;
        assert_eq!(
            (&view["actions"], &view["files"]["photos"][0]["source"]),
            (&json!(["detail", "evidence"]), &json!("photo"))
        );
        assert_eq!(caller.get(&format!("/api/flows/{flow}/seal-detail")).await.expect(200)[0]["counted"], 1);
    }
    let world = World::new(engine, Plan { definition: Some(nowhere), ..Plan::default() }).await;
    let flow = archived(&world, 1).await;
    for name in ["zhang", "li", "wang", "admin", "sun"] {
        let caller = world.caller(name).await;
        assert_eq!(show(&caller, &flow).await["actions"], json!(["detail", "photos", "evidence"]), "{name}");
        assert_eq!(caller.get(&format!("/api/flows/{flow}/seal-detail")).await.expect(200)[0]["counted"], 1);
        assert_eq!(caller.get(&format!("/api/flows/{flow}/photos.zip")).await.status, 200, "{name}");
    }
    world.caller("zhao").await.get(&format!("/api/flows/{flow}/seal-detail")).await.expect_problem(404, "not_found");
});

story!(views_of_seal_details_are_on_record, async |world: World| {
    let (flow, _) = in_use(&world, &one_seal(1)).await;
    let [wang, sun, admin] = callers(&world, ["wang", "sun", "admin"]).await;
    for caller in [&wang, &sun] {
        caller.get(&format!("/api/flows/{flow}/seal-detail")).await.expect(200);
    }
    let entries = admin.get("/api/audit?act=seal_detail_viewed").await.expect(200);
    let who: Vec<&str> =
        entries["items"].as_array().unwrap().iter().map(|entry| entry["user"].as_str().unwrap_or("-")).collect();
    assert_eq!((who.len(), &entries["items"][0]["flowId"]), (2, &json!(flow.to_string())), "{who:?}");
    world.until_quiet().await;
});

story!(auditors_start_nothing_and_read_the_photos, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(without_field), ..Plan::default() }).await;
    let [sun, admin] = callers(&world, ["sun", "admin"]).await;
    let body = json!({ "definitionId": world.definition, "form": purchase(&one_seal(1)) });
    sun.post("/api/flows", &body).await.expect_problem(403, "not_a_starter");
    let (flow, business) = in_use(&world, &one_seal(1)).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(sun.get(&format!("/api/flows/{flow}/photos.zip")).await.status, 200);
    // With another role beside it, an auditor starts flows.
    let users = admin.get("/api/users").await.expect(200);
    let id = users["items"].as_array().unwrap().iter().find(|user| user["username"] == "sun").unwrap()["id"].clone();
    let roles = json!({ "roles": ["auditor", "member"] });
    admin.patch(&format!("/api/users/{}", id.as_str().unwrap()), &roles).await.expect(200);
    sun.post("/api/flows", &body).await.expect(201);
    world.until_quiet().await;
});

story!(without_a_stamp_the_people_of_the_seal_node_end_the_flow_with_a_reason, async |engine: Engine| {
    fn define(definition: &mut Value) {
        with_required_stamped(definition);
        archived_by_hand(definition);
    }
    let world = World::new(engine, Plan { definition: Some(define), ..Plan::default() }).await;
    let (flow, business) = in_use(&world, &one_seal(1)).await;
    let [zhang, wang] = callers(&world, ["zhang", "wang"]).await;
    let wish = json!({ "acceptMissing": true, "reason": "客户取消了合同" });
    act(&wang, &flow, "archive", wish.clone()).await.expect_problem(403, "forbidden");
    step(&wang, &flow, "seal-finish", json!({ "reason": "不用了" })).await;
    world.until("use has ended", async || show(&wang, &flow).await["phase"] == "collecting").await;
    assert!(show(&wang, &flow).await["actions"].as_array().unwrap().contains(&json!("archive")));
    act(&zhang, &flow, "archive", wish.clone()).await.expect_problem(403, "not_yours");
    act(&wang, &flow, "archive", json!({})).await.expect_problem(409, "not_now");
    act(&wang, &flow, "archive", json!({ "acceptMissing": true })).await.expect_problem(422, "invalid");
    let view = act(&wang, &flow, "archive", wish).await.expect(200);
    assert_eq!(view["state"], "archived");
    let told = acts(&world, &flow).await;
    assert!(told.contains(&"missing_accepted".to_owned()), "{told:?}");
    assert!(world.sim.business(&business).is_ok());
    world.until_quiet().await;
});

story!(once_a_stamp_was_made_only_an_administrator_accepts_what_is_missing, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    crate::support::seals::one_photo_short(&world, &business).await;
    let wang = world.caller("wang").await;
    let wish = json!({ "acceptMissing": true, "reason": "丢了" });
    let told = act(&wang, &flow, "archive", wish.clone()).await;
    assert_eq!(told.status, 403, "{}", told.json());
    act(&world.caller("admin").await, &flow, "archive", wish).await.expect(200);
});

story!(a_mode_of_a_node_holds_for_people_of_a_field, async |world: World| {
    let body = json!({
        "name": "顺序", "fields": [{ "key": "who", "label": "人", "type": "users" }, { "key": "subject", "label": "主题", "type": "text" }],
        "nodes": [node("line", &["field:who", "user:li"], "sequence")] });
    let made = world.caller("admin").await.post("/api/definitions", &body).await.expect(201);
    let zhang = world.caller("zhang").await;
    let form = json!({ "who": ["zhao", "wang", "li"] });
    let flow = zhang.post("/api/flows", &json!({ "definitionId": made["id"], "form": form })).await.expect(201);
    let id = flow["id"].as_str().unwrap();
    for (name, next) in [("zhao", json!(["user:wang"])), ("wang", json!(["user:li"])), ("li", json!(["user:zhang"]))] {
        let view = act(&world.caller(name).await, &id, "approve", json!({})).await.expect(200);
        assert_eq!(view["waitsFor"], next, "{name}");
    }
    world.until_quiet().await;
});
