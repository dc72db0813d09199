//! Stories of drafts: flows that only their starter sees, until they are submitted.

use std::time::Duration;

use serde_json::{Value, json};
use yinku::{
    clock::Clock,
    curate::reindex,
    db::sql,
    flow::{Flow, draft},
    user::User,
};

use crate::support::{
    Caller, Engine, Plan, World,
    database::{NOW, execute},
    definitions::{applied_at_the_start, with_file},
    files::{form, pdf},
    flows::{act, callers, listed_by, purchase, show, step, submit, texts},
    plain_flows::list_counts,
    seals::one_seal,
    story,
};

async fn world_with_file(engine: Engine) -> World {
    World::new(engine, Plan { definition: Some(with_file), ..Plan::default() }).await
}

/// 张三 begins a flow without submitting it.
async fn draft_of(caller: &Caller, world: &World, form: Value) -> String {
    let body = json!({ "definitionId": world.definition, "form": form, "draft": true });
    caller.post("/api/flows", &body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

fn files_of(flow: &str) -> String {
    format!("/api/flows/{flow}/fields/file/files")
}

story!(a_draft_and_its_files_are_its_starters_alone, async |engine: Engine| {
    let world = world_with_file(engine).await;
    let zhang = world.caller("zhang").await;
    let flow = draft_of(&zhang, &world, json!({ "subject": "未定稿" })).await;
    let files = zhang.bring(&files_of(&flow), form([("底稿.pdf", pdf("draft"))])).await.expect(201);
    let (file, hash) = (files[0]["id"].as_str().unwrap(), files[0]["blake3"].as_str().unwrap());
    for (person, folders) in [("li", 404), ("wang", 404), ("zhao", 200), ("sun", 200), ("admin", 200)] {
        let other = world.caller(person).await;
        other.get(&format!("/api/flows/{flow}")).await.expect_problem(404, "not_found");
        for (act_name, body) in [
            ("submit", json!({})),
            ("withdraw", json!({})),
            ("approve", json!({})),
            ("transfer", json!({ "to": "li" })),
            ("comment", json!({ "comment": "看" })),
            ("archive", json!({})),
        ] {
            act(&other, &flow, act_name, body).await.expect_problem(404, "not_found");
        }
        let change = json!({ "form": { "subject": "别人改的" } });
        other.put(&format!("/api/flows/{flow}/form"), &change).await.expect_problem(404, "not_found");
        other.bring(&files_of(&flow), form([("x.pdf", pdf("x"))])).await.expect_problem(404, "not_found");
        other.delete(&format!("{}/{file}", files_of(&flow))).await.expect_problem(404, "not_found");
        for query in ["", "state=draft", "q=未定稿", "mine=true", "mine=true&q=未定稿", "phase=approving"] {
            assert_eq!(listed_by(&other, query).await, [""; 0], "{person}: {query}");
        }
        other.get(&format!("/api/documents/{file}")).await.expect_problem(404, "not_found");
        other.get(&format!("/api/documents/{file}/content")).await.expect_problem(404, "not_found");
        for query in [format!("flowId={flow}"), format!("hash={hash}"), "q=底稿".to_owned(), String::new()] {
            let found = other.get(&format!("/api/documents?{query}")).await.expect(200);
            assert_eq!(found["items"], json!([]), "{person}: {query}");
        }
        let folder = other.get(&format!("/api/folders/{}/documents", files[0]["folderId"].as_str().unwrap())).await;
        assert_eq!(folder.status.as_u16(), folders);
        if folders == 200 {
            assert_eq!((&folder.json()["items"], &folder.json()["total"]), (&json!([]), &json!(0)), "{person}");
        }
        let user = User::named(&world.app.db, person).await.unwrap().unwrap();
        let id = flow.parse().unwrap();
        assert!(!Flow::visible_to(&world.app.db, &id, &user).await.unwrap(), "no hint for {person}");
    }
    for query in ["mine=true", "mine=true&q=未定稿", "state=draft"] {
        assert_eq!(listed_by(&zhang, query).await, [flow.as_str()], "{query}");
    }
    assert_eq!(listed_by(&zhang, "todo=true").await, [""; 0]);
    assert_eq!(list_counts(&zhang).await, [0, 0, 1]);
    let found = zhang.get(&format!("/api/documents?flowId={flow}")).await.expect(200);
    assert_eq!(texts(&found["items"], "name"), ["底稿.pdf"]);
});

story!(a_draft_is_checked_for_types_at_once_and_whole_at_its_submission, async |engine: Engine| {
    let world = world_with_file(engine).await;
    let zhang = world.caller("zhang").await;
    let start = |form: Value| json!({ "definitionId": world.definition, "form": form, "draft": true });
    let row = json!({ "seal": "QYS2019040001", "count": "两次", "users": ["wang"] });
    let problem = zhang.post("/api/flows", &start(json!({ "seals": [row] }))).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "form.seals[0].count");
    let flow = draft_of(&zhang, &world, json!({})).await;
    let view = show(&zhang, &flow).await;
    let shown = [&view["state"], &view["serialNo"], &view["phase"], &view["node"]];
    assert_eq!(shown, [&json!("draft"), &Value::Null, &Value::Null, &json!("start")]);
    assert_eq!((&view["title"], &view["waitsFor"]), (&json!("物理用印申请"), &json!([])));
    assert_eq!(view["actions"], json!(["withdraw", "edit", "upload"]));
    assert_eq!(view["editable"], json!(["subject", "company", "seals", "file"]));
    for (step, body) in [("approve", json!({})), ("reject", json!({})), ("comment", json!({ "comment": "看" }))] {
        act(&zhang, &flow, step, body).await.expect_problem(409, "flow_not_running");
    }
    let problem = act(&zhang, &flow, "submit", json!({})).await.expect_problem(422, "invalid");
    assert_eq!(texts(&problem["errors"], "field"), ["form.subject", "form.company"]);
    let wrong = zhang.put(&format!("/api/flows/{flow}/form"), &json!({ "form": { "subject": 7 } })).await;
    wrong.expect_problem(422, "invalid");
    let half = json!({ "form": { "subject": "采购合同", "seals": one_seal(1) } });
    let view = zhang.put(&format!("/api/flows/{flow}/form"), &half).await.expect(200);
    assert_eq!((&view["title"], &view["state"]), (&json!("采购合同"), &json!("draft")));
    act(&zhang, &flow, "submit", json!({})).await.expect_problem(422, "invalid");
    let view = step(&zhang, &flow, "submit", json!({ "form": { "company": "上海印库科技有限公司" } })).await;
    assert!(view["serialNo"].as_str().unwrap().starts_with("YK"), "{view}");
    let shown = (&view["state"], &view["phase"], &view["node"], &view["waitsFor"]);
    assert_eq!(shown, (&json!("running"), &json!("approving"), &json!("manager"), &json!(["user:li"])));
    assert_eq!(texts(&view["events"], "act"), ["drafted", "submitted"]);
    assert_eq!(listed_by(&world.caller("li").await, "todo=true").await, [flow.as_str()]);
    assert_eq!(listed_by(&world.caller("admin").await, "q=采购").await, [flow.as_str()]);
    act(&zhang, &flow, "submit", json!({})).await.expect_problem(409, "not_sent_back");
});

story!(a_submitted_draft_takes_the_current_version_of_its_definition, async |engine: Engine| {
    let world = world_with_file(engine).await;
    let [zhang, admin] = [world.caller("zhang").await, world.caller("admin").await];
    let path = format!("/api/definitions/{}", world.definition);
    let mut body = admin.get(&path).await.expect(200);
    body["fields"].as_array_mut().unwrap().push(json!({ "key": "note", "label": "备注", "type": "text" }));
    admin.put(&path, &body).await.expect(200);
    let mut form_of = purchase(&one_seal(1));
    form_of["note"] = "旧版的备注".into();
    let flow = draft_of(&zhang, &world, form_of).await;
    zhang.bring(&files_of(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    // The next version has neither the note nor the file, and asks for a reason.
    let fields = body["fields"].as_array_mut().unwrap();
    fields.retain(|field| field["key"] != "note" && field["key"] != "file");
    fields.push(json!({ "key": "why", "label": "事由", "type": "text", "required": true }));
    fields.push(json!({ "key": "more", "label": "附件", "type": "files" }));
    body["integration"].as_object_mut().unwrap().remove("fileField");
    body["starters"] = json!(["role:operator"]);
    admin.put(&path, &body).await.expect(200);
    act(&zhang, &flow, "submit", json!({})).await.expect_problem(403, "not_a_starter");
    body["starters"] = json!(["user:zhang"]);
    admin.put(&path, &body).await.expect(200);
    // The draft opens with the present form, and says what it will lose.
    let view = show(&zhang, &flow).await;
    assert_eq!(
        (&view["version"], &view["form"]["note"], &view["form"]["subject"]),
        (&json!(4), &Value::Null, &json!("采购合同"))
    );
    let removed = view["removed"].as_array().unwrap();
    assert_eq!(
        removed
            .iter()
            .map(|one| (one["label"].clone(), one["value"].clone(), one["files"].clone()))
            .collect::<Vec<_>>(),
        [(json!("用印文件"), Value::Null, json!(["合同.pdf"])), (json!("备注"), json!("旧版的备注"), json!([]))]
    );
    let other = format!("/api/flows/{flow}/fields/more/files");
    zhang.bring(&other, form([("附件.pdf", pdf("2"))])).await.expect(201);
    let problem = act(&zhang, &flow, "submit", json!({})).await.expect_problem(422, "invalid");
    assert_eq!(texts(&problem["errors"], "field"), ["form.why"], "what is gone is dropped");
    body["retired"] = true.into();
    admin.put(&path, &body).await.expect(200);
    let whole = json!({ "form": { "note": "旧版的备注", "why": "续签" } });
    act(&zhang, &flow, "submit", whole.clone()).await.expect_problem(409, "retired");
    let start = json!({ "definitionId": world.definition, "form": {}, "draft": true });
    zhang.post("/api/flows", &start).await.expect_problem(409, "retired");
    body["retired"] = false.into();
    admin.put(&path, &body).await.expect(200);
    let view = step(&zhang, &flow, "submit", whole).await;
    assert_eq!((&view["version"], &view["form"]["why"]), (&json!(6), &json!("续签")));
    assert_eq!(view["form"]["note"], Value::Null);
    assert!(texts(&view["events"], "act").contains(&"file_removed"), "its field is gone: {view}");
    assert_eq!(world.count("SELECT COUNT(*) FROM documents WHERE deleted_at IS NULL").await, 1, "nothing else is lost");
});

story!(an_application_at_the_start_takes_its_file_by_a_draft, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(applied_at_the_start), ..Plan::default() }).await;
    let zhang = world.caller("zhang").await;
    let start = json!({ "definitionId": world.definition, "form": purchase(&one_seal(1)) });
    let problem = zhang.post("/api/flows", &start).await.expect_problem(409, "field_required");
    assert_eq!(problem["errors"][0]["field"], "form.file");
    let flow = draft_of(&zhang, &world, purchase(&one_seal(1))).await;
    act(&zhang, &flow, "submit", json!({})).await.expect_problem(409, "field_required");
    zhang.bring(&files_of(&flow), form([("合同.pdf", pdf("what is stamped"))])).await.expect(201);
    step(&zhang, &flow, "submit", json!({})).await;
    world
        .until("the vendor has the application", async || show(&zhang, &flow).await["sealUses"][0]["status"] == "using")
        .await;
    let sent = world.sim.documents();
    assert_eq!(sent.len(), 1, "the vendor got the file with the application");
    zhang.bring(&files_of(&flow), form([("另一份.pdf", pdf("2"))])).await.expect_problem(409, "not_now");
});

story!(a_withdrawn_draft_is_gone_and_its_files_are_its_starters_trash, async |engine: Engine| {
    let world = world_with_file(engine).await;
    let zhang = world.caller("zhang").await;
    let flow = draft_of(&zhang, &world, json!({ "subject": "不要了" })).await;
    let files = zhang.bring(&files_of(&flow), form([("底稿.pdf", pdf("draft"))])).await.expect(201);
    let view = step(&zhang, &flow, "withdraw", json!({})).await;
    assert_eq!((&view["state"], &view["actions"]), (&json!("withdrawn"), &json!([])));
    zhang.get(&format!("/api/flows/{flow}")).await.expect_problem(404, "not_found");
    act(&zhang, &flow, "submit", json!({})).await.expect_problem(404, "not_found");
    assert_eq!(listed_by(&zhang, "mine=true").await, [""; 0]);
    assert_eq!(list_counts(&zhang).await, [0, 0, 0]);
    assert_eq!(in_trash(&world, "zhang").await, 1);
    let file = files[0]["id"].as_str().unwrap();
    for person in ["zhang", "admin", "zhao"] {
        let caller = world.caller(person).await;
        caller.get(&format!("/api/documents/{file}/content")).await.expect_problem(404, "not_found");
    }
    let entry = "SELECT COUNT(*) FROM audit WHERE act = 'flow_withdrawn' AND username = 'zhang'";
    assert_eq!(world.count(entry).await, 1);
});

/// The trashed files in the person's own space.
async fn in_trash(world: &World, person: &str) -> i64 {
    sql("SELECT COUNT(*) FROM documents d JOIN folders f ON f.id = d.folder_id JOIN users u ON u.id = f.owner
         WHERE u.username = $1 AND d.shelf = 'folder' AND f.owner = u.id AND d.deleted_at IS NOT NULL AND d.flow_id IS NULL")
    .bind(person)
    .scalar(&world.app.db)
    .await
    .unwrap()
}

story!(a_draft_that_nobody_touches_for_ninety_days_is_dropped, async |engine: Engine| {
    let clock = Clock::manual(NOW);
    let plan = Plan { definition: Some(with_file), clock: clock.clone(), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let zhang = world.caller("zhang").await;
    let old = draft_of(&zhang, &world, json!({ "subject": "忘了" })).await;
    let kept = draft_of(&zhang, &world, json!({ "subject": "还在写" })).await;
    zhang.bring(&files_of(&old), form([("旧.pdf", pdf("old"))])).await.expect(201);
    let days = |days: u64| Duration::from_hours(24 * days);
    clock.advance(days(89));
    zhang.bring(&files_of(&kept), form([("新.pdf", pdf("new"))])).await.expect(201);
    assert_eq!(draft::drop_old(&world.app.db, clock.now()).await.unwrap(), 0);
    clock.advance(days(2));
    assert_eq!(draft::drop_old(&world.app.db, clock.now()).await.unwrap(), 1);
    assert_eq!(listed_by(&zhang, "mine=true").await, [kept.as_str()]);
    zhang.get(&format!("/api/flows/{old}")).await.expect_problem(404, "not_found");
    assert_eq!(in_trash(&world, "zhang").await, 1);
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'draft_dropped'").await, 1);
});

/// All pages of a list, one flow each.
async fn walked(caller: &Caller, query: &str) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/api/flows?{query}&limit=1{after}")).await.expect(200);
        all.extend(texts(&page["items"], "id").into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

story!(a_submitted_draft_is_a_new_flow_in_every_list, async |engine: Engine| {
    let clock = Clock::manual(NOW);
    let plan = Plan { definition: Some(with_file), clock: clock.clone(), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let [zhang, li, wang, admin] = callers(&world, ["zhang", "li", "wang", "admin"]).await;
    let first = submit(&world, &purchase(&one_seal(1))).await.to_string();
    let draft = draft_of(&zhang, &world, purchase(&one_seal(1))).await;
    zhang.bring(&files_of(&draft), form([("底稿.pdf", pdf("draft"))])).await.expect(201);
    clock.advance(Duration::from_hours(24 * 60));
    let [second, third] =
        [submit(&world, &purchase(&one_seal(1))).await, submit(&world, &purchase(&one_seal(1))).await]
            .map(|id| id.to_string());
    // The second page of the starter's own lists begins behind the draft.
    let mut cursors = Vec::new();
    for query in ["mine=true", "mine=true&q=采购", "state=draft"] {
        let page = zhang.get(&format!("/api/flows?{query}&limit=3")).await.expect(200);
        assert_eq!(texts(&page["items"], "id").last(), Some(&draft.as_str()), "{query}");
        cursors.extend(page["next"].as_str().map(|next| format!("{query}&after={next}")));
    }
    assert_eq!(cursors.len(), 2);
    clock.advance(Duration::from_hours(1));
    let view = step(&zhang, &draft, "submit", json!({})).await;
    assert_eq!(view["createdAt"], view["updatedAt"], "a flow begins when it is submitted");
    // The draft has left its place, and a cursor does not follow it.
    for query in cursors {
        assert_eq!(listed_by(&zhang, &query).await, [first.as_str()], "{query}");
    }
    let order = [draft.as_str(), &third, &second, &first];
    let lists = [
        (&zhang, "mine=true"),
        (&zhang, "mine=true&q=采购"),
        (&zhang, "q=上海印库"),
        (&li, "todo=true"),
        (&li, "state=running"),
        (&li, "q=采购&state=running"),
        (&wang, "phase=approving"),
        (&admin, "missing=false"),
        (&admin, "state=running"),
        (&admin, "q=采购"),
        (&admin, "waitsFor=user:li"),
    ];
    for (caller, query) in lists {
        assert_eq!(listed_by(caller, query).await, order, "{query}");
        assert_eq!(walked(caller, query).await, order, "page by page: {query}");
    }
    let of_definition = format!("definitionId={}", world.definition);
    for query in [of_definition.clone(), format!("{of_definition}&state=running")] {
        for caller in [&li, &admin] {
            assert_eq!(walked(caller, &query).await, order, "{query}");
        }
    }
    // Its file is found by its name, and an index that is made anew has the same order.
    let found = async || li.get("/api/documents?q=底稿").await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!(found().await, 1);
    execute(&world.app.db, ["DELETE FROM search_owners", "DELETE FROM search_terms"]).await;
    while reindex::step(&world.app.db).await.unwrap() {}
    assert_eq!(walked(&admin, "q=采购").await, order);
    assert_eq!(found().await, 1);
    // Turns of a disabled user are found in the same order of places.
    let users = admin.get("/api/users?limit=200").await.expect(200);
    let id = users["items"].as_array().unwrap().iter().find(|user| user["username"] == "li").unwrap()["id"].clone();
    let path = format!("/api/users/{}", id.as_str().unwrap());
    let told = admin.patch(&path, &json!({ "disabled": true })).await.expect(200);
    assert_eq!(texts(&told["waiting"]["items"], "id"), order);
    world.until("the administrators have them", async || walked(&admin, "todo=true").await == order).await;
});
