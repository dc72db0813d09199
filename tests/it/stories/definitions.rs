//! Stories of definitions, their integration configuration, and the folders they point at.

use serde_json::{Value, json};

use crate::support::{
    Caller, World,
    flows::{purchase, show, step, submit},
    seals::{one_seal, until_status},
    story,
};

/// A configuration that uses every key.
fn complete(service: &str) -> Value {
    json!({
        "name": "用印", "fields": [
            { "key": "subject", "label": "主题", "type": "text", "required": true },
            { "key": "company", "label": "组织", "type": "select", "options": ["甲", "乙"], "required": true },
            { "key": "why", "label": "事由", "type": "textarea" },
            { "key": "applicant", "label": "申请人", "type": "user" },
            { "key": "category", "label": "用印流程", "type": "text" },
            { "key": "from", "label": "开始日期", "type": "date" }, { "key": "fromTime", "label": "开始时间", "type": "time" },
            { "key": "to", "label": "结束日期", "type": "date" }, { "key": "toTime", "label": "结束时间", "type": "time" },
            { "key": "template", "label": "模板", "type": "files" }, { "key": "file", "label": "文件", "type": "files" },
            { "key": "rows", "label": "明细", "type": "table", "columns": [
                { "key": "seal", "label": "印章", "type": "seals" }, { "key": "count", "label": "次数", "type": "number" },
                { "key": "who", "label": "用印人", "type": "users" } ] },
            { "key": "oneSeal", "label": "印章", "type": "seal" },
            { "key": "oneCount", "label": "次数", "type": "number" },
            { "key": "photos", "label": "图片", "type": "files" }, { "key": "stamped", "label": "用印后", "type": "files" } ],
        "nodes": [
            { "key": "boss", "name": "审批", "kind": "approval", "assignees": ["user:li"], "mode": "sequence", "editable": ["why"] },
            { "key": "seal", "name": "用印", "kind": "seal", "assignees": ["role:operator"] } ],
        "integration": {
            "enabled": true, "serviceId": service, "subjectField": "subject", "organisationField": "company",
            "buttonField": "rows", "sealField": "rows.seal", "userField": "rows.who", "countField": "rows.count",
            "applyNode": "boss", "applicantField": "applicant", "categoryField": "category", "byCategory": false,
            "descriptionField": "why", "startDateField": "from", "startTimeField": "fromTime", "endDateField": "to",
            "endTimeField": "toTime", "codeNodes": ["seal"], "detailNodes": ["seal"], "finishNodes": ["seal"],
            "appendNodes": ["seal"], "downloadNodes": ["seal"], "syncNodes": [], "templateField": "template",
            "fileField": "file", "downloadField": "photos", "downloadFolder": { "space": "public", "path": "用印/2026" },
            "stampedFileField": "stamped", "stampedFolder": { "space": "personal", "path": "回传" }, "archive": "manual" } })
}

async fn service(world: &World) -> String {
    let services = world.caller("admin").await.get("/api/services").await.expect(200);
    services["items"][0]["id"].as_str().unwrap().to_owned()
}

/// Where to change the complete definition, to what, the member that the answer names, a part of what it says.
fn rules() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let null = Value::Null;
    vec![
        ("/name", json!(" "), "name", "empty"),
        ("/nodes", json!([]), "nodes", "at least one"),
        ("/fields/0/key", json!("a.b"), "fields[0].key", "1 to 64"),
        ("/fields/1/key", json!("subject"), "fields[1].key", "twice"),
        ("/fields/0/label", json!(""), "fields[0].label", "empty"),
        ("/fields/1/options", json!([]), "fields[1].options", "needs options"),
        ("/fields/1/options", json!(["甲", "甲"]), "fields[1].options", "twice"),
        ("/fields/0/options", json!(["甲"]), "fields[0].options", "only a select"),
        ("/fields/11/columns", json!([]), "fields[11].columns", "needs columns"),
        ("/fields/0/columns", json!([]), "fields[0].columns", "only a table"),
        ("/fields/11/columns/0/type", json!("files"), "fields[11].columns", "cannot be"),
        ("/fields/11/columns/1/key", json!("seal"), "fields[11].columns[1].key", "twice"),
        ("/nodes/0/key", json!("start"), "nodes[0].key", "reserved"),
        ("/nodes/0/name", json!(""), "nodes[0].name", "empty"),
        ("/nodes/0/assignees", json!([]), "nodes[0].assignees", "at least one"),
        ("/nodes/0/assignees", json!(["role:boss"]), "nodes[0].assignees", "role:boss"),
        ("/nodes/0/assignees", json!(["user:nobody"]), "nodes[0].assignees", "no user \"nobody\""),
        ("/nodes/0/editable", json!(["x"]), "nodes[0].editable", "no field"),
        ("/integration/serviceId", json!("01a0"), "integration.serviceId", "no such service"),
        ("/integration/subjectField", json!("rows"), "integration.subjectField", "text or textarea"),
        ("/integration/organisationField", json!("applicant"), "integration.organisationField", "text or select"),
        ("/integration/buttonField", json!("rows.seal"), "integration.buttonField", "main form"),
        ("/integration/sealField", json!("subject"), "integration.sealField", "seal or seals"),
        ("/integration/sealField", json!("rows.stamp"), "integration.sealField", "no field"),
        ("/integration/sealField", json!("oneSeal"), "integration.countField", "same table"),
        ("/integration/userField", json!("rows.count"), "integration.userField", "user or users"),
        ("/integration/userField", null.clone(), "integration.userField", "people who stamp"),
        ("/integration/countField", json!("subject"), "integration.countField", "number"),
        ("/integration/applyNode", json!("x"), "integration.applyNode", "no node"),
        ("/integration/applyNode", json!("seal"), "integration.applyNode", "must follow"),
        ("/integration/applicantField", json!("rows.who"), "integration.applicantField", "main form"),
        ("/integration/categoryField", json!("photos"), "integration.categoryField", "text or select"),
        ("/integration/descriptionField", json!("to"), "integration.descriptionField", "text or textarea"),
        ("/integration/startDateField", json!("fromTime"), "integration.startDateField", "date"),
        ("/integration/startTimeField", json!("from"), "integration.startTimeField", "time"),
        ("/integration/startDateField", null.clone(), "integration.startTimeField", "startDateField"),
        ("/integration/endDateField", json!("x"), "integration.endDateField", "no field"),
        ("/integration/endTimeField", json!("to"), "integration.endTimeField", "time"),
        ("/integration/endDateField", null, "integration.endTimeField", "endDateField"),
        ("/integration/codeNodes", json!(["x"]), "integration.codeNodes", "no node"),
        ("/integration/detailNodes", json!(["start"]), "integration.detailNodes", "no node"),
        ("/integration/finishNodes", json!(["x"]), "integration.finishNodes", "no node"),
        ("/integration/appendNodes", json!(["x"]), "integration.appendNodes", "no node"),
        ("/integration/downloadNodes", json!(["x"]), "integration.downloadNodes", "no node"),
        ("/integration/syncNodes", json!(["x"]), "integration.syncNodes", "no node"),
        ("/integration/syncNodes", json!(["boss"]), "integration.syncNodes", "only with `byCategory`"),
        ("/fields/5/type", json!("datetime"), "integration.startTimeField", "time of day already"),
        ("/integration/templateField", json!("why"), "integration.templateField", "files"),
        ("/integration/fileField", json!("why"), "integration.fileField", "files"),
        ("/integration/downloadField", json!("why"), "integration.downloadField", "files"),
        ("/integration/stampedFileField", json!("why"), "integration.stampedFileField", "files"),
        ("/integration/stampedFileField", json!("photos"), "integration.stampedFileField", "downloadField"),
        ("/integration/downloadFolder/path", json!(""), "integration.downloadFolder.path", "name a folder"),
        ("/integration/downloadFolder/path", json!("a//b"), "integration.downloadFolder.path", "empty"),
        ("/integration/stampedFolder/path", json!("../b"), "integration.stampedFolder.path", ".."),
        ("/nodes/0/assignees", json!(vec!["user:li"; 201]), "nodes[0].assignees", "more than 200"),
        ("/nodes/0/editable", json!(vec!["why"; 201]), "nodes[0].editable", "more than 200"),
        ("/fields/1/options", json!(vec!["甲"; 501]), "fields[1].options", "more than 500"),
        ("/integration/codeNodes", json!(vec!["seal"; 101]), "integration.codeNodes", "more than 100"),
    ]
}

story!(every_rule_of_a_definition_names_its_member, async |world: World| {
    let admin = world.caller("admin").await;
    let service = service(&world).await;
    for (at, value, field, part) in rules() {
        let mut body = complete(&service);
        let (parent, member) = at.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[member.parse::<usize>().unwrap()] = value.clone(),
            object => object[member] = value.clone(),
        }
        let problem = admin.post("/api/definitions", &body).await.expect_problem(422, "invalid");
        let checked = admin.post("/api/definitions/check", &body).await.expect(200);
        assert_eq!(checked["errors"], problem["errors"], "the check says the same");
        let errors = problem["errors"].as_array().unwrap();
        let named = errors.iter().find(|error| error["field"] == field);
        let message = named.map(|error| error["message"].as_str().unwrap()).unwrap_or_default();
        assert!(message.contains(part) && !part.is_empty(), "{at} = {value}: {problem}");
    }
    let mut body = complete(&service);
    body["integration"]["byCategory"] = true.into();
    body["integration"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !["applicantField", "categoryField", "userField"].contains(&key.as_str()));
    let problem = admin.post("/api/definitions", &body).await.expect_problem(422, "invalid");
    let named: Vec<&Value> = problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(named, ["integration.applicantField", "integration.categoryField"], "the user field is not used");
    let mut body = complete(&service);
    body["integration"]["byCategory"] = true.into();
    body["integration"]["syncNodes"] = json!(["boss", "seal"]);
    let problem = admin.post("/api/definitions", &body).await.expect_problem(422, "invalid");
    let errors = problem["errors"].as_array().unwrap();
    assert!(errors.len() == 1 && errors[0]["field"] == "integration.syncNodes", "{problem}");
    assert!(errors[0]["message"].as_str().unwrap().contains("\"seal\" comes after the apply node"), "{problem}");
    body["integration"]["syncNodes"] = json!(["boss"]);
    body["integration"]["applyNode"] = json!("start");
    let problem = admin.post("/api/definitions", &body).await.expect_problem(422, "invalid");
    assert!(problem.to_string().contains("\\\"boss\\\" comes after the apply node"), "{problem}");
    assert_eq!(world.count("SELECT COUNT(*) FROM definitions").await, 1, "nothing of these was saved");
    let (li, body) = (world.caller("li").await, complete(&service));
    li.post("/api/definitions", &body).await.expect_problem(403, "forbidden");
});

story!(what_is_shown_can_be_posted_back, async |world: World| {
    let admin = world.caller("admin").await;
    let first = admin.post("/api/definitions", &complete(&service(&world).await)).await.expect(201);
    let path = format!("/api/definitions/{}", first["id"].as_str().unwrap());
    let mut shown = admin.get(&path).await.expect(200);
    assert_eq!(shown, first);
    let second = admin.post("/api/definitions", &shown).await.expect(201);
    assert_ne!(second["id"], first["id"]);
    shown["integration"]["buttonField"] = Value::Null;
    let again = admin.put(&path, &shown).await.expect(200);
    assert_eq!((&again["version"], &again["integration"]["buttonField"]), (&json!(2), &Value::Null));
    assert_eq!(again["fields"], first["fields"]);
    admin.put("/api/definitions/00000000-0000-7000-8000-000000000000", &shown).await.expect_problem(404, "not_found");
});

story!(every_key_of_the_configuration_is_kept, async |world: World| {
    let body = complete(&service(&world).await);
    let saved = world.caller("admin").await.post("/api/definitions", &body).await.expect(201);
    assert_eq!(saved["integration"], body["integration"]);
    assert_eq!(saved["nodes"], body["nodes"]);
    let mut unknown = body;
    unknown["integration"]["sealFeild"] = "x".into();
    let problem = world.caller("admin").await.post("/api/definitions", &unknown).await.expect(422);
    assert!(problem.to_string().contains("sealFeild"), "{problem}");
});

story!(a_public_cloud_service_is_refused, async |world: World| {
    let admin = world.caller("admin").await;
    let base = json!({ "name": "契约锁", "appToken": "t", "appSecret": "0123456789abcdef" });
    let with = |more: Value| {
        let mut service = base.clone();
        service.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        service
    };
    for url in ["https://openapi.qiyuesuo.com", "https://openapi.qiyuesuo.cn/v2", "https://QIYUESUO.com."] {
        let problem =
            admin.post("/api/services", &with(json!({ "baseUrl": url }))).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "baseUrl", "{url}");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains("private-cloud"), "{problem}");
    }
    let declared = with(json!({ "baseUrl": "http://127.0.0.1:9182", "serverType": "public" }));
    let problem = admin.post("/api/services", &declared).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "serverType");
    for (url, kind) in [("http://127.0.0.1:9182", "private"), ("https://notqiyuesuo.com", "private")] {
        admin.post("/api/services", &with(json!({ "baseUrl": url, "serverType": kind }))).await.expect(201);
    }
});

story!(a_new_installation_takes_the_ready_made_definition, async |world: World| {
    let (admin, zhang) = (world.caller("admin").await, world.caller("zhang").await);
    let service = service(&world).await;
    let taken = admin.post("/api/definitions/ready-made", &json!({ "serviceId": service })).await.expect(201);
    assert_eq!(taken["name"], "物理用印申请");
    let mut offered = zhang.get("/api/definitions/ready-made").await.expect(200)["items"][0].clone();
    offered["integration"]["serviceId"] = service.into();
    assert_eq!(admin.post("/api/definitions", &offered).await.expect(201)["integration"], taken["integration"]);
    zhang
        .post("/api/definitions/ready-made", &json!({ "serviceId": taken["id"] }))
        .await
        .expect_problem(403, "forbidden");
    let nowhere = json!({ "serviceId": taken["id"] });
    let problem = admin.post("/api/definitions/ready-made", &nowhere).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "integration.serviceId");
    // It runs: the starter's manager approves, the vendor is asked.
    let users = admin.get("/api/users").await.expect(200);
    let zhangs = users["items"].as_array().unwrap().iter().find(|user| user["username"] == "zhang").unwrap();
    let path = format!("/api/users/{}", zhangs["id"].as_str().unwrap());
    for (manager, part) in [("nobody", "no user"), ("zhang", "own manager")] {
        let problem = admin.patch(&path, &json!({ "manager": manager })).await.expect_problem(422, "invalid");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(part), "{problem}");
    }
    admin.patch(&path, &json!({ "manager": "li" })).await.expect(200);
    let row = json!({ "seal": "QYS2019040001", "count": 1, "users": ["wang"] });
    let form = json!({ "subject": "合同", "company": "上海印库科技有限公司", "seals": [row] });
    let started = json!({ "definitionId": taken["id"], "form": form });
    let flow = zhang.post("/api/flows", &started).await.expect(201);
    assert_eq!(flow["waitsFor"], json!(["user:li"]));
    let path = format!("/api/flows/{}", flow["id"].as_str().unwrap());
    world.caller("li").await.post(&format!("{path}/approve"), &json!({})).await.expect(200);
    world
        .until("the vendor was asked", async || zhang.get(&path).await.expect(200)["sealUses"][0]["status"] == "using")
        .await;
});

/// The id of the folder with this name in another one, or at the top of the public space.
pub(super) async fn folder(caller: &Caller, parent: Option<&str>, name: &str) -> Option<String> {
    let query = parent.map(|parent| format!("?parent={parent}")).unwrap_or_default();
    let page = caller.get(&format!("/api/folders{query}")).await.expect(200);
    let found = page["items"].as_array().unwrap().iter().find(|folder| folder["name"] == name);
    found.map(|folder| folder["id"].as_str().unwrap().to_owned())
}

story!(a_rename_changes_what_a_definition_shows_and_never_where_photos_go, async |world: World| {
    let [admin, zhao] = [world.caller("admin").await, world.caller("zhao").await];
    // The path is made when the definition is saved.
    let top = folder(&zhao, None, "用印").await.unwrap();
    let year = folder(&zhao, Some(&top), "2026").await.unwrap();
    zhao.patch(&format!("/api/folders/{top}"), &json!({ "name": "印章档案" })).await.expect(200);
    let path = format!("/api/definitions/{}", world.definition);
    let mut body = admin.get(&path).await.expect(200);
    assert_eq!(body["integration"]["downloadFolder"], json!({ "space": "public", "path": "印章档案/2026" }));
    let listed = admin.get("/api/definitions").await.expect(200);
    assert_eq!(listed["items"][0]["integration"], body["integration"]);
    // What GET gives binds the same folder again.
    let saved = admin.put(&path, &body).await.expect(200);
    assert_eq!(saved["integration"], body["integration"]);
    let (flow, _, business) = world.seal_use(1).await;
    zhao.patch(&format!("/api/folders/{year}"), &json!({ "name": "二〇二六", "parentId": "" })).await.expect(200);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let photo = show(&admin, &flow).await["files"]["photos"][0].clone();
    assert_eq!(photo["folderId"], year.as_str());
    assert_eq!(folder(&zhao, None, "用印").await, None);
    for version in ["", "?version=2"] {
        let shown = admin.get(&format!("{path}{version}")).await.expect(200);
        assert_eq!(shown["integration"]["downloadFolder"]["path"], "二〇二六", "{version}");
    }
    let first = admin.get(&format!("{path}?version=1")).await.expect(200);
    assert_eq!((&first["version"], &first["integration"]["downloadFolder"]["path"]), (&json!(1), &json!("二〇二六")));
    body["integration"]["downloadFolder"]["path"] = "".into();
    admin.put(&path, &body).await.expect_problem(422, "invalid");
});

story!(a_folder_that_a_definition_is_bound_to_is_kept, async |world: World| {
    let [admin, zhao, zhang] = [world.caller("admin").await, world.caller("zhao").await, world.caller("zhang").await];
    let (flow, _, business) = world.seal_use(1).await;
    let top = folder(&zhao, None, "用印").await.unwrap();
    let year = folder(&zhao, Some(&top), "2026").await.unwrap();
    let [top, year] = [top, year].map(|id| format!("/api/folders/{id}"));
    let other = json!({ "parentId": top.rsplit('/').next(), "name": "2025" });
    let other = zhao.post("/api/folders", &other).await.expect(201);
    let other_id = other["id"].clone();
    let other = format!("/api/folders/{}", other["id"].as_str().unwrap());
    for path in [&top, &year] {
        let problem = zhao.delete(path).await.expect_problem(409, "folder_in_use");
        assert!(problem["detail"].as_str().unwrap().contains("物理用印申请"), "{problem}");
    }
    assert_eq!(zhao.patch(&other, &json!({ "name": "旧" })).await.expect(200)["name"], "旧");
    zhao.patch(&other, &json!({ "name": "a/b" })).await.expect_problem(422, "invalid");
    zhao.patch(&other, &json!({ "parentId": other_id })).await.expect_problem(422, "invalid");
    assert_eq!(zhao.patch(&other, &json!({ "parentId": "" })).await.expect(200)["parentId"], "");
    zhang.delete(&other).await.expect_problem(403, "forbidden");
    // Nothing points at it any more: it goes with all in it.
    let definition = format!("/api/definitions/{}", world.definition);
    let mut body = admin.get(&definition).await.expect(200);
    body["integration"]["downloadFolder"]["path"] = "印".into();
    admin.put(&definition, &body).await.expect(200);
    for path in [&top, &other] {
        assert_eq!(zhao.delete(path).await.status, 204);
        zhao.delete(path).await.expect_problem(404, "not_found");
    }
    zhao.get(&year).await.expect_problem(404, "not_found");
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'folder_deleted'").await, 2);
    // A flow of the earlier version makes its folder anew.
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let photo = show(&admin, &flow).await["files"]["photos"][0].clone();
    let top = folder(&zhao, None, "用印").await.unwrap();
    assert_eq!(photo["folderId"], folder(&zhao, Some(&top), "2026").await.unwrap());
});

story!(a_flow_type_is_retired_and_names_who_may_start_it, async |world: World| {
    let [admin, zhang, sun] = [world.caller("admin").await, world.caller("zhang").await, world.caller("sun").await];
    let path = format!("/api/definitions/{}", world.definition);
    let start = json!({ "definitionId": world.definition, "form": purchase(&one_seal(1)) });
    let startable = async |who: &Caller| who.get(&path).await.expect(200)["startable"].clone();
    // By default everyone but auditors.
    sun.post("/api/flows", &start).await.expect_problem(403, "not_a_starter");
    assert_eq!([startable(&zhang).await, startable(&sun).await], [true, false]);
    let flow = submit(&world, &purchase(&one_seal(1))).await;
    let mut body = admin.get(&path).await.expect(200);
    assert!(body.get("retired").is_none() && body.get("starters").is_none(), "{body}");
    for (starters, field) in [
        (json!([]), "starters"),
        (json!(["user:nobody"]), "starters[0]"),
        (json!(["role:operator", "role:king"]), "starters[1]"),
        (json!(["manager"]), "starters[0]"),
    ] {
        body["starters"] = starters;
        let problem = admin.put(&path, &body).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    body["starters"] = json!(["user:sun", "role:operator"]);
    assert_eq!(admin.put(&path, &body).await.expect(200)["starters"], body["starters"]);
    for (person, may) in [("zhang", false), ("admin", false), ("wang", true), ("sun", true)] {
        let told = world.caller(person).await.post("/api/flows", &start).await;
        let code = if may {
            told.expect(201)["state"].clone()
        } else {
            told.expect_problem(403, "not_a_starter")["code"].clone()
        };
        assert_eq!(code, if may { "running" } else { "not_a_starter" }, "{person}");
    }
    body["starters"] = Value::Null;
    body["retired"] = true.into();
    let saved = admin.put(&path, &body).await.expect(200);
    assert_eq!((&saved["retired"], &saved["startable"]), (&json!(true), &json!(false)));
    for person in ["zhang", "admin", "sun"] {
        world.caller(person).await.post("/api/flows", &start).await.expect_problem(409, "retired");
    }
    // Running flows go on with their version.
    assert_eq!(admin.get(&format!("{path}?version=1")).await.expect(200).get("retired"), None);
    admin.get(&format!("{path}?version=9")).await.expect_problem(404, "not_found");
    let versions = admin.get(&format!("{path}/versions")).await.expect(200)["items"].clone();
    let told = versions.as_array().unwrap().iter().map(|one| json!([one["version"], one["createdBy"], one["flows"]]));
    let told: Vec<Value> = told.collect();
    assert_eq!(told, [json!([3, "admin", 0]), json!([2, "admin", 2]), json!([1, "admin", 1])]);
    step(&world.caller("li").await, &flow, "approve", json!({})).await;
    until_status(&world, &flow, "using").await;
    step(&zhang, &flow, "withdraw", json!({})).await;
    world.until_quiet().await;
});

story!(a_new_secret_of_a_service_serves_running_flows, async |world: World| {
    let admin = world.caller("admin").await;
    let (flow, _, business) = world.seal_use(1).await;
    let listed = admin.get("/api/services").await.expect(200);
    let path = format!("/api/services/{}", listed["items"][0]["id"].as_str().unwrap());
    let before = admin.get(&path).await.expect(200);
    assert!(before.get("appSecret").is_none(), "{before}");
    world.sim.turn(|knobs| knobs.secret = "another-secret-0123456789".into());
    let checked = admin.post(&format!("{path}/check"), &json!({})).await.expect(200);
    assert_eq!(checked["ok"], false, "the vendor has another secret now");
    let change = json!({ "name": "契约锁（上海）", "appSecret": "another-secret-0123456789" });
    assert_eq!(admin.patch(&path, &change).await.expect(200)["name"], "契约锁（上海）");
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
});

story!(every_kind_of_field_is_checked_where_it_is_filled_in, async |world: World| {
    let (admin, zhang) = (world.caller("admin").await, world.caller("zhang").await);
    let mut body = complete(&service(&world).await);
    body["fields"][11]["columns"][1]["required"] = true.into();
    let definition = admin.post("/api/definitions", &body).await.expect(201)["id"].clone();
    let good = json!({ "subject": "合同", "company": "甲", "applicant": "zhang", "from": "2026-11-24", "fromTime": "08:00",
        "rows": [{ "seal": ["QYS2019040001"], "count": 2, "who": ["wang"] }] });
    zhang.post("/api/flows", &json!({ "definitionId": definition, "form": good })).await.expect(201);
    for (key, value, field) in [
        ("subject", json!(""), "form.subject"),
        ("subject", json!(7), "form.subject"),
        ("company", json!("丙"), "form.company"),
        ("applicant", json!("nobody"), "form.applicant"),
        ("from", json!("24.11.2026"), "form.from"),
        ("fromTime", json!("25:00"), "form.fromTime"),
        ("photos", json!([]), "form.photos"),
        ("rows", json!("x"), "form.rows"),
        ("rows", json!([1]), "form.rows[0]"),
        ("rows", json!([{ "seal": "QYS2019040001", "count": 2, "who": ["wang"] }]), "form.rows[0].seal"),
        ("rows", json!([{ "seal": ["QYS2019040001"], "count": "2", "who": ["wang"] }]), "form.rows[0].count"),
        ("rows", json!([{ "seal": ["QYS2019040001"], "who": ["wang"] }]), "form.rows[0].count"),
        ("rows", json!([{ "seal": ["QYS2019040001"], "count": 2, "who": ["nobody"] }]), "form.rows[0].who"),
        ("rows", json!([{ "seal": ["QYS2019040001"], "count": 2, "who": ["wang"], "x": 1 }]), "form.rows[0].x"),
        ("unknown", json!(1), "form.unknown"),
    ] {
        let mut form = good.clone();
        form[key] = value.clone();
        let started = json!({ "definitionId": definition, "form": form });
        let problem = zhang.post("/api/flows", &started).await.expect_problem(422, "invalid");
        let named = problem["errors"].as_array().unwrap().iter().any(|error| error["field"] == field);
        assert!(named, "{key} = {value}: {problem}");
    }
});

story!(a_definition_is_checked_without_being_saved, async |world: World| {
    let [admin, zhang] = [world.caller("admin").await, world.caller("zhang").await];
    let mut body = admin.get(&format!("/api/definitions/{}", world.definition)).await.expect(200);
    assert_eq!(admin.post("/api/definitions/check", &body).await.expect(200), json!({ "errors": [] }));
    body["nodes"][0]["assignees"] = json!(["user:nobody"]);
    body["integration"]["serviceId"] = json!("00000000-0000-7000-8000-000000000000");
    let errors = admin.post("/api/definitions/check", &body).await.expect(200)["errors"].clone();
    let refused = admin.post("/api/definitions", &body).await.expect_problem(422, "invalid");
    assert_eq!((errors.as_array().unwrap().len(), &errors), (2, &refused["errors"]));
    zhang.post("/api/definitions/check", &body).await.expect_problem(403, "forbidden");
    assert_eq!(world.count("SELECT COUNT(*) FROM definition_versions").await, 1);
});
