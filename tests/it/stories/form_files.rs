//! Stories of files in a form: what was approved is what is stamped, and who reads it.

use reqwest::{
    Body,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use yinku::db::sql;

use crate::support::{
    Caller, Engine, Plan, World,
    definitions::{extra_node, with_file, with_stamped},
    files::{form, pdf, staging},
    flows::{act, callers, purchase, show, step, submit, texts},
    people::make_user,
    plain_flows::{self, node},
    seals::{one_seal, until_status},
    story,
};

/// 李四 approves, then 赵六, who may change the file; 赵六's node applies. The seal node lists the file, too.
fn two_approvals(definition: &mut Value) {
    with_file(definition);
    with_stamped(definition);
    extra_node(definition, 1, "boss", "领导审批", "user:zhao");
    definition["nodes"][1]["editable"] = json!(["file"]);
    definition["nodes"][2]["editable"] = json!(["file", "stamped"]);
    definition["integration"]["applyNode"] = "boss".into();
}

async fn world_with(engine: Engine, definition: fn(&mut Value)) -> World {
    World::new(engine, Plan { definition: Some(definition), ..Plan::default() }).await
}

fn files_of(flow: &impl std::fmt::Display) -> String {
    format!("/api/flows/{flow}/fields/file/files")
}

/// Brings a file that may be brought; its id.
async fn bring(caller: &Caller, flow: &impl std::fmt::Display, name: &'static str) -> String {
    let documents = caller.bring(&files_of(flow), form([(name, pdf(name))])).await.expect(201);
    documents[0]["id"].as_str().unwrap().to_owned()
}

/// None of these people may add a file or take `file` out.
async fn frozen_for(people: &[&Caller], flow: &impl std::fmt::Display, file: &str) {
    for person in people {
        let view = show(person, flow).await;
        assert!(!view["editable"].as_array().unwrap().contains(&json!("file")), "{view}");
        for told in [
            person.bring(&files_of(flow), form([("另一份.pdf", pdf("x"))])).await,
            person.delete(&format!("{}/{file}", files_of(flow))).await,
        ] {
            let code = told.json()["code"].as_str().unwrap_or_default().to_owned();
            assert!(["not_editable", "not_now", "not_yours"].contains(&code.as_str()), "{}", told.json());
        }
    }
    let files = show(people[0], flow).await["files"]["file"].clone();
    assert!(texts(&files, "id").contains(&file), "{files}");
}

story!(what_was_approved_is_what_is_stamped, async |engine: Engine| {
    let world = world_with(engine, two_approvals).await;
    let [zhang, li, zhao, wang, admin] = callers(&world, ["zhang", "li", "zhao", "wang", "admin"]).await;
    let flow = submit(&world, &purchase(&one_seal(1))).await;
    // Before the first approval its starter and an administrator change it.
    let wrong = bring(&zhang, &flow, "错的.pdf").await;
    zhang.delete(&format!("{}/{wrong}", files_of(&flow))).await.expect(204);
    let first = bring(&admin, &flow, "合同.pdf").await;
    step(&li, &flow, "approve", json!({})).await;
    // Between the approvals only the person whose node lists the field.
    frozen_for(&[&zhang, &admin, &li], &flow, &first).await;
    let second = bring(&zhao, &flow, "附件.pdf").await;
    step(&zhao, &flow, "approve", json!({})).await;
    // Once the application has left, nobody, whatever `editable` says.
    frozen_for(&[&zhang, &admin, &zhao, &wang], &flow, &second).await;
    let wangs = show(&wang, &flow).await["editable"].clone();
    assert_eq!(wangs, json!(["stamped"]));
    until_status(&world, &flow, "using").await;
    assert_eq!(world.sim.documents().len(), 2);
    // Sent back to the apply node, its person changes it again; what the vendor had stays a document of the flow.
    step(&wang, &flow, "reject", json!({ "to": "boss", "comment": "少一页" })).await;
    frozen_for(&[&zhang, &admin, &wang], &flow, &second).await;
    zhao.delete(&format!("{}/{second}", files_of(&flow))).await.expect(204);
    let third = bring(&zhao, &flow, "附件二.pdf").await;
    let view = show(&zhang, &flow).await;
    assert_eq!(texts(&view["files"]["file"], "id"), [first.as_str(), third.as_str()]);
    let sent = zhang.get(&format!("/api/documents/{second}")).await.expect(200);
    assert_eq!((&sent["flowId"], &sent["fieldKey"]), (&json!(flow.as_str()), &Value::Null));
    // Sent back to its starter, the starter changes it, and it is approved anew.
    step(&zhao, &flow, "reject", json!({ "comment": "重写" })).await;
    zhang.delete(&format!("{}/{third}", files_of(&flow))).await.expect(204);
    zhang.get(&format!("/api/documents/{third}")).await.expect_problem(404, "not_found");
    step(&zhang, &flow, "submit", json!({})).await;
    bring(&zhang, &flow, "附件三.pdf").await;
    step(&li, &flow, "approve", json!({})).await;
    frozen_for(&[&zhang, &admin], &flow, &first).await;
    step(&zhang, &flow, "withdraw", json!({})).await;
    world.until_quiet().await;
});

story!(a_required_file_is_asked_for_before_the_apply_node_is_passed, async |engine: Engine| {
    let world = world_with(engine, with_file).await;
    let [zhang, li] = callers(&world, ["zhang", "li"]).await;
    let flow = submit(&world, &purchase(&one_seal(1))).await;
    assert_eq!(show(&li, &flow).await["actions"], json!(["reject", "transfer", "evidence"]));
    let problem = act(&li, &flow, "approve", json!({})).await.expect_problem(409, "field_required");
    assert_eq!(problem["errors"][0]["field"], "form.file");
    let file = bring(&zhang, &flow, "合同.pdf").await;
    zhang.delete(&format!("{}/{file}", files_of(&flow))).await.expect(204);
    act(&li, &flow, "approve", json!({})).await.expect_problem(409, "field_required");
    bring(&zhang, &flow, "合同.pdf").await;
    step(&li, &flow, "approve", json!({})).await;
    until_status(&world, &flow, "using").await;
    assert_eq!(world.sim.documents().len(), 1);
});

story!(an_upload_that_ends_after_the_approval_changes_nothing, async |engine: Engine| {
    let world = world_with(engine, with_file).await;
    let [zhang, li] = callers(&world, ["zhang", "li"]).await;
    let flow = submit(&world, &purchase(&one_seal(1))).await;
    bring(&zhang, &flow, "合同.pdf").await;
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    sender.unbounded_send(Ok(pdf("late"))).unwrap();
    let slow = Form::new().part("file", Part::stream(Body::wrap_stream(receiver)).file_name("换掉.pdf"));
    let path = files_of(&flow);
    let (late, ()) = tokio::join!(zhang.bring(&path, slow), async {
        world.until("the file is coming in", async || staging(&world) == 1).await;
        step(&li, &flow, "approve", json!({})).await;
        drop(sender);
    });
    late.expect_problem(409, "not_editable");
    until_status(&world, &flow, "using").await;
    assert_eq!(world.sim.documents().len(), 1, "what was approved");
    assert_eq!(texts(&show(&li, &flow).await["files"]["file"], "name"), ["合同.pdf"]);
});

story!(a_seal_node_edits_by_default_the_stamped_file_alone, async |engine: Engine| {
    fn with_more(definition: &mut Value) {
        with_stamped(definition);
        let fields = definition["fields"].as_array_mut().unwrap();
        fields.push(json!({ "key": "attachment", "label": "附件", "type": "files" }));
    }
    let world = world_with(engine, with_more).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    assert_eq!(show(&wang, &flow).await["editable"], json!(["stamped"]));
    let attachment = format!("/api/flows/{flow}/fields/attachment/files");
    wang.bring(&attachment, form([("a.pdf", pdf("1"))])).await.expect_problem(409, "not_editable");
});

story!(form_files_are_not_public, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let nodes = json!([node("one", &["user:li"], "any")]);
    let definition = plain_flows::define(&world, nodes).await;
    let [zhang, li, zhao, sun, admin] = callers(&world, ["zhang", "li", "zhao", "sun", "admin"]).await;
    let chen = world.caller("chen").await;
    let flow = plain_flows::start(&zhang, &definition).await;
    let path = format!("/api/flows/{flow}/fields/attachment/files");
    let files = zhang.bring(&path, form([("底价.pdf", pdf("secret"))])).await.expect(201);
    let (file, folder) = (files[0]["id"].as_str().unwrap(), files[0]["folderId"].as_str().unwrap());
    let key: String = sql("SELECT store_key FROM originals").scalar(&world.app.db).await.unwrap();
    assert!(key.starts_with("originals/系统知识库-电子签/"), "{key}");
    let content = format!("/api/documents/{file}/content");
    let total = async |who: &Caller| {
        let page = who.get(&format!("/api/folders/{folder}/documents")).await.expect(200);
        (page["total"].as_i64().unwrap(), page["items"].as_array().unwrap().len())
    };
    let finds = async |who: &Caller| {
        let found = who.get("/api/documents?q=底价").await.expect(200);
        found["items"].as_array().unwrap().len()
    };
    for person in [&zhang, &li, &sun, &admin] {
        person.get(&content).await.expect(200);
        assert_eq!(finds(person).await, 1);
    }
    for person in [&zhao, &chen] {
        person.get(&content).await.expect_problem(404, "not_found");
        assert_eq!(finds(person).await, 0);
    }
    assert_eq!(total(&zhao).await, (0, 0));
    assert_eq!(total(&admin).await, (1, 1));
    // Archivists hand out the evidence of archived flows.
    step(&li, &flow, "approve", json!({})).await;
    world.until("it is archived", async || show(&zhang, &flow).await["state"] == "archived").await;
    for person in [&zhang, &li, &sun, &admin, &zhao] {
        person.get(&content).await.expect(200);
        assert_eq!(finds(person).await, 1);
    }
    assert_eq!(total(&zhao).await, (1, 1));
    chen.get(&content).await.expect_problem(404, "not_found");
    assert_eq!(finds(&chen).await, 0);
});
