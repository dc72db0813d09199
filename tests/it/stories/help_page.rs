//! The help page walked through as people read it: start, approve, use and download, upload, archive; and the settings
//! that it names.

use serde_json::{Value, json};
use yinku::{id::FlowId, library::document::Document};

use crate::support::{
    Caller, Engine, Plan, World,
    definitions::{extra_node, with_required_stamped, without_field},
    files::{form, pdf, photos_in, stamped, zip_of},
    flows::{purchase, show, step, submit, texts},
    photos,
    seals::counts,
    story,
};

/// Two approvals before the application, a stamped file that the archive waits for, in a folder of its own.
fn as_on_the_page(definition: &mut Value) {
    with_required_stamped(definition);
    extra_node(definition, 1, "boss", "总经理", "user:zhao");
    definition["integration"]["applyNode"] = "boss".into();
    definition["integration"]["stampedFolder"] = json!({ "space": "public", "path": "用印后" });
}

story!(the_help_page_with_photos_downloaded_to_the_own_machine, async |engine: Engine| {
    let change: fn(&mut Value) = |definition| {
        as_on_the_page(definition);
        without_field(definition);
        definition["integration"]["downloadFolder"] = json!({ "space": "personal", "path": "合同" });
    };
    let (world, flow, caller) = walk(engine, change, Way::Local).await;
    lie_in(&world, &flow, None, "originals/个人知识库/zhang/合同/").await;
    assert_eq!(zipped(&caller, &flow).await, 3, "archived, the zip is there all the same");
});

story!(the_help_page_with_photos_collected_into_the_form, async |engine: Engine| {
    let (world, flow, _) = walk(engine, as_on_the_page, Way::Field).await;
    lie_in(&world, &flow, Some("photos"), "originals/公共知识库/用印/2026/").await;
});

story!(the_help_page_with_photos_that_come_by_callback, async |engine: Engine| {
    let change: fn(&mut Value) = |definition| {
        as_on_the_page(definition);
        definition["integration"].as_object_mut().unwrap().remove("downloadFolder");
    };
    let (world, flow, _) = walk(engine, change, Way::Callback).await;
    lie_in(&world, &flow, Some("photos"), "originals/系统知识库-电子签/").await;
});

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Local,
    Field,
    Callback,
}

/// The page from its first step to its last; the world, the flow, and who stamped.
async fn walk(engine: Engine, change: fn(&mut Value), way: Way) -> (World, FlowId, Caller) {
    let world = World::new(engine, Plan { definition: Some(change), ..Plan::default() }).await;
    let wang = world.caller("wang").await;
    let (flow, business) = submitted_and_approved(&world, &wang, way).await;
    used_and_downloaded(&world, &wang, &flow, &business, way).await;
    uploaded_and_archived(&world, &wang, &flow, &business, way).await;
    (world, flow, wang)
}

/// Which of the page's five buttons somebody sees.
async fn buttons(caller: &Caller, flow: &FlowId) -> Vec<String> {
    let shown = show(caller, flow).await["actions"].clone();
    let shown: Vec<String> = serde_json::from_value(shown).unwrap();
    let named = ["code", "detail", "photos", "collect", "append", "finish"];
    shown.into_iter().filter(|action| named.contains(&action.as_str())).collect()
}

async fn submitted_and_approved(world: &World, wang: &Caller, way: Way) -> (FlowId, String) {
    let rows = json!([
        { "seal": "QYS2019040001", "count": 1, "users": ["wang", "li"] },
        { "seal": "合同专用章", "count": 1, "users": ["wang"] } ]);
    let flow = submit(world, &purchase(&rows)).await;
    let none: [&str; 0] = [];
    for approver in ["li", "zhao"] {
        assert!(world.sim.businesses().is_empty(), "not before the apply node is passed");
        let approver = world.caller(approver).await;
        assert_eq!(buttons(&approver, &flow).await, none);
        step(&approver, &flow, "approve", json!({ "comment": "同意" })).await;
    }
    let applied = async || show(wang, &flow).await["sealUses"][0]["status"] == "using";
    world.until("the vendor has the application", applied).await;
    let download = if way == Way::Local { "photos" } else { "collect" };
    let mut seen = buttons(wang, &flow).await;
    seen.sort();
    let mut due = ["append", "code", download, "detail", "finish"];
    due.sort_unstable();
    assert_eq!(seen, due, "whose turn it is sees every button");
    let mut own = buttons(&world.caller("li").await, &flow).await;
    own.sort();
    let mut due = ["code", download, "detail"];
    due.sort_unstable();
    assert_eq!(own, due, "who only stamps sees their own");
    (flow, world.sim.businesses().remove(0).id)
}

async fn used_and_downloaded(world: &World, wang: &Caller, flow: &FlowId, business: &str, way: Way) {
    let at = |step: &str| format!("/api/flows/{flow}/{step}");
    let codes = wang.get(&at("seal-code")).await.expect(200);
    assert_eq!(codes.as_array().unwrap().len(), 2, "one for each seal: {codes}");
    for auth in 0..3 {
        world.sim.stamp(business, auth).await.unwrap();
        if auth == 0 {
            wang.post(&at("seal-append"), &json!({ "count": 1, "deviceNo": "QYS2019040002" })).await.expect(200);
        }
    }
    let told = wang.get(&at("seal-detail")).await.expect(200);
    assert_eq!((&told[0]["authorised"], &told[0]["counted"]), (&json!(4), &json!(3)), "{told}");
    match way {
        Way::Local => assert_eq!(zipped(wang, flow).await, 3),
        Way::Field => {
            wang.post(&at("collect"), &json!({})).await.expect(202);
            let here = async || show(wang, flow).await["files"]["photos"].as_array().is_some_and(|all| all.len() == 3);
            world.until("they are attachments of the field", here).await;
        }
        Way::Callback => {}
    }
    if way == Way::Callback {
        world.sim.stamp(business, 2).await.unwrap();
    } else {
        wang.post(&at("seal-finish"), &json!({ "reason": "盖完了" })).await.expect(200);
    }
    world.until("every photo is here", async || show(wang, flow).await["node"].is_null()).await;
    let used = show(wang, flow).await["sealUses"][0].clone();
    let stamped = if way == Way::Callback { 4 } else { 3 };
    assert_eq!(counts(&used), [4, stamped, stamped, 0]);
}

async fn uploaded_and_archived(world: &World, wang: &Caller, flow: &FlowId, business: &str, way: Way) {
    assert_eq!(show(wang, flow).await["state"], "running", "the stamped file is required");
    let documents = wang.bring(&stamped(flow), form([("采购合同-盖章.pdf", pdf("1"))])).await.expect(201);
    world.until_archived(flow).await;
    world.until_quiet().await;
    let view = show(wang, flow).await;
    // Participants read the details ever after, and download the evidence, and photos for the own machine.
    let actions = if way == Way::Local {
        json!(["detail", "photos", "upload", "evidence"])
    } else {
        json!(["detail", "upload", "evidence"])
    };
    assert_eq!((&view["state"], &view["actions"]), (&json!("archived"), &actions));
    assert_eq!(view["files"]["stamped"][0]["vendorState"], "sent");
    assert_eq!(world.sim.business(business).unwrap().used_files[0].name, "采购合同-盖章.pdf");
    // For later management: whoever keeps the knowledge base finds it in its folder.
    let folder = documents[0]["folderId"].as_str().unwrap();
    let kept = world.caller("zhao").await.get(&format!("/api/folders/{folder}/documents")).await.expect(200);
    assert_eq!(kept["items"][0]["id"], documents[0]["id"]);
    let tops = world.caller("zhao").await.get("/api/folders?space=public").await.expect(200);
    let named = |top: &Value| top["id"] == folder && top["name"] == "用印后";
    assert!(tops["items"].as_array().unwrap().iter().any(named), "{tops}");
    let acts = texts(&view["events"], "act");
    for pair in
        ["submitted", "approved", "applied", "appended", "use_ended", "completed", "uploaded", "archived"].windows(2)
    {
        let at = |act: &str| acts.iter().position(|other| *other == act);
        assert!(at(pair[0]).is_some() && at(pair[0]) < at(pair[1]), "{pair:?} in {acts:?}");
    }
}

async fn zipped(caller: &Caller, flow: &FlowId) -> usize {
    let zip = caller.get(&zip_of(flow)).await;
    assert_eq!(zip.status, 200, "{}", String::from_utf8_lossy(&zip.bytes));
    photos_in(&zip.bytes)
}

/// Every photo once, unaltered, in this field and folder.
async fn lie_in(world: &World, flow: &FlowId, field: Option<&str>, prefix: &str) {
    let documents = photos::documents(world, flow).await;
    let made = world.sim.businesses().remove(0).photos;
    assert_eq!(documents.len(), made.len());
    for photo in made {
        let of = |document: &&Document| document.photo.photokey.as_ref() == Some(&photo.photokey);
        let document = documents.iter().find(of).unwrap();
        let bytes = world.sim.photo_bytes(&photo.photokey).await.unwrap();
        assert_eq!(yinku::hash::Blake3::of(&bytes), document.blake3);
        assert_eq!(document.field_key.as_deref(), field);
        assert!(document.store_key.starts_with(prefix), "{}", document.store_key);
    }
}

story!(seals_of_the_main_form_are_applied_for_when_the_flow_is_submitted, async |engine: Engine| {
    fn main_form(definition: &mut Value) {
        let fields = definition["fields"].as_array_mut().unwrap();
        fields.retain(|field| field["key"] != "seals");
        fields.extend([
            json!({ "key": "which", "label": "物理印章", "type": "seals" }),
            json!({ "key": "who", "label": "用印人", "type": "users" }),
            json!({ "key": "times", "label": "用印次数", "type": "number" }),
            json!({ "key": "why", "label": "用印描述", "type": "textarea" }),
            json!({ "key": "for", "label": "申请人", "type": "users" }),
        ]);
        let integration = definition["integration"].as_object_mut().unwrap();
        for (setting, field) in [
            ("sealField", "which"),
            ("userField", "who"),
            ("countField", "times"),
            ("descriptionField", "why"),
            ("applicantField", "for"),
            ("applyNode", "start"),
        ] {
            integration.insert(setting.to_owned(), field.into());
        }
    }
    let world = World::new(engine, Plan { definition: Some(main_form), ..Plan::default() }).await;
    let form = json!({ "subject": "采购合同", "company": "上海印库科技有限公司", "which": ["QYS2019040001", "合同专用章"],
                       "who": ["wang", "li"], "times": 1, "why": "三份合同", "for": ["zhao", "zhang"] });
    let body = json!({ "definitionId": world.definition, "form": form });
    let flow = world.caller("zhang").await.post("/api/flows", &body).await.expect(201);
    assert_eq!(flow["node"], "manager");
    let flow: FlowId = flow["id"].as_str().unwrap().parse().unwrap();
    world.until("the vendor has the application", async || world.sim.businesses().len() == 1).await;
    let used = world.sim.businesses().remove(0);
    let mut asked: Vec<_> = used.auths.iter().map(|a| (a.device_no.as_str(), a.number.as_str(), a.left)).collect();
    asked.sort_unstable();
    let every = ["QYS2019040001", "QYS2019040002"].map(|seal| ["E002", "E003"].map(|person| (seal, person, 1)));
    assert_eq!(asked, every.concat(), "each seal for each person");
    assert_eq!((used.number.as_str(), used.description.as_str()), ("E004", "三份合同"), "the first applicant only");
    for auth in 0..4 {
        world.sim.stamp(&used.id, auth).await.unwrap();
    }
    let zhang = world.caller("zhang").await;
    world.until("every photo is here", async || show(&zhang, &flow).await["sealUses"][0]["received"] == 4).await;
    world.until_quiet().await;
    assert_eq!(show(&zhang, &flow).await["node"], "manager", "no node is skipped");
    world.approve(&flow).await;
    world.until_archived(&flow).await;
});

story!(by_category_every_approval_so_far_travels_when_no_node_is_named, async |engine: Engine| {
    fn by_category(definition: &mut Value) {
        as_on_the_page(definition);
        definition["fields"].as_array_mut().unwrap().extend([
            json!({ "key": "category", "label": "用印流程", "type": "text" }),
            json!({ "key": "applicant", "label": "申请人", "type": "user" }),
        ]);
        let integration = &mut definition["integration"];
        integration["byCategory"] = json!(true);
        integration["categoryField"] = json!("category");
        integration["applicantField"] = json!("applicant");
    }
    let world = World::new(engine, Plan { definition: Some(by_category), ..Plan::default() }).await;
    let form = json!({ "subject": "合同", "company": "上海印库科技有限公司", "applicant": "wang", "category": "物理用印",
                       "seals": [{ "seal": "合同专用章", "count": 1 }] });
    let body = json!({ "definitionId": world.definition, "form": form });
    let flow = world.caller("zhang").await.post("/api/flows", &body).await.expect(201);
    let approve = format!("/api/flows/{}/approve", flow["id"].as_str().unwrap());
    for (approver, opinion) in [("li", "部门同意"), ("zhao", "公司同意")] {
        world.caller(approver).await.post(&approve, &json!({ "comment": opinion })).await.expect(200);
    }
    world.until("the vendor has the application", async || world.sim.businesses().len() == 1).await;
    let nodes = world.sim.businesses().remove(0).flow_nodes;
    let told = |node: &Value| {
        let data = &node["operatorData"];
        [&node["name"], &data["info"], &data["operator"]["number"]].map(|text| text.as_str().unwrap().to_owned())
    };
    let told: Vec<_> = nodes.as_array().unwrap().iter().map(told).collect();
    let due = [["部门审批", "部门同意", "E002"], ["总经理", "公司同意", "E004"]];
    assert_eq!(told, due.map(|node| node.map(str::to_owned)));
});
