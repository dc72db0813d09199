//! Stories of what an evidence package says: it never contradicts itself, it gives nothing away, and a state holds what
//! was known at its instant.

use std::{collections::BTreeSet, time::Duration};

use futures::TryStreamExt;
use serde_json::{Value, json};
use simulator::Kind;
use yinku::{app::App, archive::evidence, clock::Clock, db::sql, id::FlowId, store::StoreKey};

use super::evidence::{files_of, text_of, zip_of_evidence};
use crate::support::{
    Caller, Engine, Plan, World,
    callbacks::{call, push},
    database::NOW,
    definitions::{with_file, with_stamped, without_field},
    files::{form, pdf, png, stamped},
    flows::{act, callers, purchase, show},
    photos::stored,
    seals::{archived, business_of, in_use, lazy, one_photo_short, one_seal},
    story,
};

type Files = Vec<(String, Vec<u8>)>;

async fn package(caller: &Caller, flow: &FlowId) -> Files {
    let told = caller.get(&zip_of_evidence(flow)).await;
    assert_eq!(told.status, 200, "{}", String::from_utf8_lossy(&told.bytes));
    files_of(&told.bytes)
}

fn lines_of(files: &Files, end: &str) -> Vec<Value> {
    text_of(files, end).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// No file of the package shows the text.
fn hides(files: &Files, secret: &str) {
    let shows = files.iter().find(|(_, bytes)| String::from_utf8_lossy(bytes).contains(secret));
    assert!(shows.is_none(), "{} shows {secret}", shows.unwrap().0);
}

/// The hashes that the metadata name are those of the files.
fn agrees_with_itself(files: &Files) {
    let flow: Value = serde_json::from_str(text_of(files, "flow.json")).unwrap();
    let manifest = text_of(files, "manifest-sha256.txt");
    let documents = flow["documents"].as_array().unwrap();
    assert!(!documents.is_empty());
    for document in documents {
        assert!(manifest.contains(document["sha256"].as_str().unwrap()), "{document}");
    }
    for photo in lines_of(files, "photos.jsonl").iter().filter(|photo| photo["withheld"].is_null()) {
        for version in photo["files"].as_array().unwrap() {
            let line = format!("{}  {}", version["sha256"].as_str().unwrap(), version["path"].as_str().unwrap());
            assert!(manifest.lines().any(|found| found == line), "{version}");
        }
    }
}

story!(a_package_shows_neither_open_codes_nor_keys_of_pushed_faces, async |world: World| {
    let (flow, used, business) = world.seal_use(2).await;
    let face = "20261127-0b7e5f9c-4d7a-4d5e-9f5a-8f0c4b1d2e3f";
    let codes = r#"{"deviceNo":"QYS2019040001","vertifyCode":"665544"}"#;
    let codes: String = url::form_urlencoded::byte_serialize(codes.as_bytes()).collect();
    call(&world, &format!("businessId={business}&imageType=FACE&images={face}&mobile=13812345678")).await;
    call(&world, &format!("businessId={business}&images={face}")).await;
    call(&world, &format!("ecologyOperate=syncVertifyCode&businessId={business}&auths={codes}&vertifyCode=665544"))
        .await;
    world.until("the callbacks are here", async || world.count("SELECT COUNT(*) FROM callbacks").await >= 3).await;
    world.until_quiet().await;
    let [wang, admin] = callers(&world, ["wang", "admin"]).await;
    world.sim.stamp(&business, 0).await.unwrap();
    act(&wang, &flow, "collect", json!({})).await.expect(202);
    world.until("the photo is here", async || stored(&world).await == 1).await;
    world.until_quiet().await;
    let open: Vec<String> = sql("SELECT code FROM grants WHERE seal_use_id = $1 AND code IS NOT NULL")
        .bind(&used.id)
        .scalars(&world.app.db)
        .await
        .unwrap();
    assert!(!open.is_empty(), "the seal is in use");
    let files = package(&wang, &flow).await;
    let callbacks = text_of(&files, "callbacks.jsonl");
    assert!(callbacks.contains("syncVertifyCode") && callbacks.contains("FACE"), "{callbacks}");
    assert!(callbacks.contains("138****5678"), "{callbacks}");
    for secret in [face, "665544", "13812345678"] {
        hides(&files, secret);
    }
    let detail = text_of(&files, "vendor-detail.json");
    assert!(detail.contains("\"vertifyCode\": null"), "{detail}");
    agrees_with_itself(&files);
    // The key of the face is for those who may see faces. A code is for no package.
    let whole = admin.get(&format!("{}?faces=true", zip_of_evidence(&flow))).await;
    hides(&files_of(&whole.bytes), "665544");
});

story!(the_chain_of_custody_asks_before_it_fetches_and_only_for_what_was_asked, async |engine: Engine| {
    let clock = Clock::manual(NOW);
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(4).await;
    let wang = world.caller("wang").await;
    for day in 1..=2 {
        world.sim.stamp(&business, 0).await.unwrap();
        act(&wang, &flow, "collect", json!({})).await.expect(202);
        world.until("the photo is here", async || stored(&world).await == day).await;
        world.until_quiet().await;
        clock.advance(Duration::from_hours(24));
    }
    push(&world, &business, &png(4)).await;
    world.until("the push is here", async || stored(&world).await == 3).await;
    world.until_quiet().await;
    let files = package(&wang, &flow).await;
    let custody = lines_of(&files, "custody.jsonl");
    assert_eq!(custody.len(), 3);
    let at = |step: &Value| step["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let mut asked = Vec::new();
    for line in &custody {
        let steps = line["steps"].as_array().unwrap();
        assert!(steps.windows(2).all(|two| at(&two[0]) <= at(&two[1])), "{line}");
        let of = |name: &str| steps.iter().find(|step| step["step"] == name);
        match line["state"].as_str().unwrap() {
            "unconfirmed" => assert!(of("pushed").is_some() && of("detail_asked").is_none(), "{line}"),
            _ => asked.push((at(of("detail_asked").unwrap()), at(of("fetched").unwrap()))),
        }
    }
    assert_eq!(asked.len(), 2);
    assert!(
        asked[1].0.duration_since(asked[0].1) >= jiff::SignedDuration::from_hours(23),
        "each has its own: {asked:?}"
    );
    // The hash of a callback is that of its reception.
    let callbacks = lines_of(&files, "callbacks.jsonl");
    assert!(callbacks.iter().all(|line| line["bodySha256"].as_str().unwrap().len() == 64), "{callbacks:?}");
});

story!(a_state_holds_what_was_known_at_its_instant_although_its_package_is_made_late, async |world: World| {
    let flow = archived(&world, 2).await;
    let [wang, admin] = callers(&world, ["wang", "admin"]).await;
    let first = wang.get(&zip_of_evidence(&flow)).await;
    let lost = async || {
        let mut tx = world.app.db.begin().await.unwrap();
        sql("DELETE FROM evidence_packages").execute(&mut tx).await.unwrap();
        sql("DELETE FROM bundles").execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    lost().await;
    // A day later: another detail, another name, another callback.
    let users = admin.get("/api/users?limit=200").await.expect(200);
    let li = users["items"].as_array().unwrap().iter().find(|user| user["username"] == "li").unwrap();
    admin
        .patch(&format!("/api/users/{}", li["id"].as_str().unwrap()), &json!({ "displayName": "李改名" }))
        .await
        .expect(200);
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE seal_uses SET detail = '{\"later\":true}', detail_at = detail_at + 86400000000")
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let business: String = sql("SELECT business_id FROM seal_uses").scalar(&world.app.db).await.unwrap();
    let before = world.count("SELECT COUNT(*) FROM callbacks").await;
    call(&world, &format!("businessId={business}&status=COMPLETE")).await;
    world
        .until("the late callback is here", async || world.count("SELECT COUNT(*) FROM callbacks").await > before)
        .await;
    world.until_quiet().await;
    lost().await;
    let late = wang.get(&zip_of_evidence(&flow)).await;
    assert_eq!((late.status.as_u16(), late.header("etag")), (200, first.header("etag")));
    assert!(late.bytes == first.bytes, "byte for byte");
    let files = files_of(&late.bytes);
    assert!(!text_of(&files, "vendor-detail.json").contains("later"));
    agrees_with_itself(&files);
});

story!(a_supplement_has_a_package_of_its_own_and_the_first_one_stays, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_stamped), ..Plan::default() }).await;
    let flow = archived(&world, 1).await;
    let wang = world.caller("wang").await;
    let first = wang.get(&zip_of_evidence(&flow)).await;
    wang.bring(&stamped(&flow), form([("后来.pdf", pdf("late"))])).await.expect(201);
    world.until("there is a second manifest", async || world.flow(&flow).await.manifest_no == 2).await;
    world.until_quiet().await;
    let second = wang.get(&zip_of_evidence(&flow)).await;
    let files = files_of(&second.bytes);
    assert!(text_of(&files, "bag-info.txt").contains("Yinku-State: 2\n"));
    assert!(files.iter().any(|(name, _)| name.ends_with("/data/用印后文件/后来.pdf")));
    assert_eq!(show(&wang, &flow).await["evidence"]["n"], 2);
    assert_eq!(wang.get(first.header("content-location")).await.bytes, first.bytes);
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'evidence_sealed'").await, 2);
});

story!(a_withdrawn_flow_with_photos_has_a_package_that_says_so, async |world: World| {
    let (flow, _, business) = world.seal_use(3).await;
    let [wang, zhang, admin] = callers(&world, ["wang", "zhang", "admin"]).await;
    world.sim.stamp(&business, 0).await.unwrap();
    act(&wang, &flow, "collect", json!({})).await.expect(202);
    world.until("the photo is here", async || stored(&world).await == 1).await;
    act(&admin, &flow, "withdraw", json!({ "comment": "不需要了" })).await.expect(200);
    world.until("there is a manifest", async || world.flow(&flow).await.manifest_no == 1).await;
    world.until_quiet().await;
    let files = package(&zhang, &flow).await;
    let info = text_of(&files, "bag-info.txt");
    assert!(info.contains("Yinku-State: 1\nYinku-Archived: 已撤回 "), "{info}");
    let report = text_of(&files, "用印报告.html");
    assert!(report.contains("已撤回 ") && !report.contains("已归档"), "{report}");
    agrees_with_itself(&files);
});

story!(the_report_says_from_whom_each_photo_is_and_what_is_not_in_the_package, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    let wang = world.caller("wang").await;
    let grant = show(&wang, &flow).await["sealUses"][0]["grants"][0]["id"].as_str().unwrap().to_owned();
    wang.bring(&format!("/api/grants/{grant}/photos"), form([("补传.png", png(9))])).await.expect(201);
    world.until_archived(&flow).await;
    world.until("three photos are here", async || stored(&world).await == 3).await;
    world.until_quiet().await;
    let files = package(&wang, &flow).await;
    let report = text_of(&files, "用印报告.html");
    for line in [
        "收到 2 张：凭 photokey 逐张下载 1 张，人工补充 1 张；未确认 0 张",
        "由 王五 于 ",
        "2 个文件逐字节保存",
        "另有 1 个文件属于个人信息，未随本包提供",
        "的原始请求完整保存",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    let custody = lines_of(&files, "custody.jsonl");
    let supplied = custody.iter().find(|line| line["state"] == "supplied").unwrap();
    let step = supplied["steps"].as_array().unwrap().iter().find(|step| step["step"] == "supplied").unwrap();
    assert_eq!((&step["by"], &step["byName"]), (&json!("wang"), &json!("王五")));
    let photos = lines_of(&files, "photos.jsonl");
    assert!(photos.iter().any(|photo| photo["suppliedBy"] == "wang"), "{photos:?}");
    agrees_with_itself(&files);
});

story!(the_report_marks_a_superseded_application, async |engine: Engine| {
    let world = World::new(engine, Plan { knobs: Some(lazy()), ..Plan::default() }).await;
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    let [zhang, li, wang] = callers(&world, ["zhang", "li", "wang"]).await;
    world.sim.stamp(&business, 0).await.unwrap();
    act(&wang, &flow, "collect", json!({})).await.expect(202);
    world.until("the photo is here", async || stored(&world).await == 1).await;
    act(&wang, &flow, "reject", json!({ "to": "start", "comment": "退回" })).await.expect(200);
    act(&zhang, &flow, "submit", json!({})).await.expect(200);
    act(&li, &flow, "approve", json!({})).await.expect(200);
    world
        .until("the vendor has the second application", async || {
            world.count("SELECT COUNT(*) FROM seal_uses WHERE business_id IS NOT NULL").await == 2
        })
        .await;
    world.until_quiet().await;
    let files = package(&wang, &flow).await;
    let report = text_of(&files, "用印报告.html");
    assert!(report.contains("（含已被取代的用印申请 1 份") && report.contains("（已被取代 / superseded）"), "{report}");
});

story!(two_states_with_the_same_bytes_share_one_bundle, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    let wang = world.caller("wang").await;
    world.sim.stamp(&business, 0).await.unwrap();
    act(&wang, &flow, "collect", json!({})).await.expect(202);
    world.until("the photo is here", async || stored(&world).await == 1).await;
    world.until_quiet().await;
    let contact = async |number: &str| {
        let mut tx = world.app.db.begin().await.unwrap();
        sql("UPDATE grants SET contact = $1").bind(number).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    contact("13811110000").await;
    let first = wang.get(&zip_of_evidence(&flow)).await;
    assert_eq!(first.status, 200);
    // Another number, which is masked alike: another state, the same bytes.
    contact("13822220000").await;
    let second = wang.get(&zip_of_evidence(&flow)).await;
    assert_eq!((second.status.as_u16(), second.header("etag")), (200, first.header("etag")));
    assert_eq!(second.header("content-location"), first.header("content-location"));
    assert_eq!(world.count("SELECT COUNT(*) FROM evidence_packages").await, 2);
    assert_eq!(world.count("SELECT COUNT(*) FROM bundles").await, 1);
});

story!(a_draft_has_no_evidence_in_any_bundle, async |world: World| {
    let zhang = world.caller("zhang").await;
    let body = json!({ "definitionId": world.definition, "form": purchase(&one_seal(1)), "draft": true });
    let draft = zhang.post("/api/flows", &body).await.expect(201)["id"].clone();
    zhang
        .get(&format!("/api/flows/{}/evidence.zip", draft.as_str().unwrap()))
        .await
        .expect_problem(409, "flow_not_running");
    let wish = json!({ "flowIds": [draft], "evidence": true });
    zhang.post("/api/bundles", &wish).await.expect_problem(409, "flow_not_running");
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'evidence_sealed'").await, 0);
});

/// Photos have no field here, and the fields of the files sort before and after any name.
fn photos_without_a_field(definition: &mut Value) {
    without_field(definition);
    with_stamped(definition);
    with_file(definition);
    let text = definition.to_string().replace("\"stamped\"", "\"a_stamped\"");
    *definition = serde_json::from_str(&text).unwrap();
}

story!(the_payload_is_in_the_order_photos_files_stamped_files, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(photos_without_a_field), ..Plan::default() }).await;
    let [zhang, li, wang] = callers(&world, ["zhang", "li", "wang"]).await;
    let body = json!({ "definitionId": world.definition, "form": purchase(&one_seal(1)), "draft": true });
    let flow: FlowId = zhang.post("/api/flows", &body).await.expect(201)["id"].as_str().unwrap().parse().unwrap();
    zhang
        .bring(&format!("/api/flows/{flow}/fields/file/files"), form([("合同.pdf", pdf("contract"))]))
        .await
        .expect(201);
    act(&zhang, &flow, "submit", json!({})).await.expect(200);
    act(&li, &flow, "approve", json!({})).await.expect(200);
    let business = business_of(&world, &wang, &flow, 0).await;
    wang.bring(&format!("/api/flows/{flow}/fields/a_stamped/files"), form([("盖章.pdf", pdf("stamped"))]))
        .await
        .expect(201);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let files = package(&wang, &flow).await;
    let folders: Vec<&str> = files
        .iter()
        .filter_map(|(name, _)| name.split_once("/data/")?.1.split_once('/'))
        .map(|(folder, _)| folder)
        .filter(|folder| *folder != "metadata")
        .collect();
    assert_eq!(folders, ["图片", "用印文件", "用印后文件"]);
});

story!(a_package_that_takes_long_is_503_and_goes_on_by_itself, async |world: World| {
    let flow = archived(&world, 1).await;
    let wang = world.caller("wang").await;
    wang.get(&zip_of_evidence(&flow)).await;
    let mut tx = world.app.db.begin().await.unwrap();
    sql("DELETE FROM evidence_packages").execute(&mut tx).await.unwrap();
    sql("DELETE FROM bundles").execute(&mut tx).await.unwrap();
    // Another node has the job, and is slow.
    sql("UPDATE jobs SET state = 'running', lease_owner = 'other', lease_until = 32503680000000000 WHERE kind = 'evidence'")
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let told = wang.get(&zip_of_evidence(&flow)).await;
    assert!(told.header("retry-after").parse::<u64>().unwrap() > 0);
    told.expect_problem(503, "bundle_making");
    let about = wang.get(&format!("/api/flows/{flow}/evidence")).await.expect(200);
    assert_eq!((&about["state"], &about["url"]), (&json!("making"), &Value::Null));
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE jobs SET lease_until = 0 WHERE kind = 'evidence'").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    // Without another request.
    world.until("the package is made", async || world.count("SELECT COUNT(*) FROM evidence_packages").await == 1).await;
    world.until_quiet().await;
    assert_eq!(wang.get(&zip_of_evidence(&flow)).await.status, 200);
});

story!(two_nodes_that_make_one_package_at_once_leave_one_with_the_same_bytes, async |engine: Engine| {
    let world = World::new(engine, Plan::default()).await;
    let flow = archived(&world, 2).await;
    let wang = world.caller("wang").await;
    let first = wang.get(&zip_of_evidence(&flow)).await;
    let mut tx = world.app.db.begin().await.unwrap();
    sql("DELETE FROM evidence_packages").execute(&mut tx).await.unwrap();
    sql("DELETE FROM bundles").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    for object in folders_of_packages(&world).await.1 {
        world.app.store.delete(&StoreKey::Raw(object)).await.unwrap();
    }
    let other = App::open(world.app.config.clone(), Clock::System).await.unwrap();
    let (one, two) = tokio::join!(evidence::make(&world.app, &flow), evidence::make(&other, &flow));
    one.unwrap();
    two.unwrap();
    assert_eq!(world.count("SELECT COUNT(*) FROM evidence_packages").await, 1);
    assert_eq!(folders_of_packages(&world).await.0.len(), 1, "the parts of the other node are gone");
    let again = wang.get(&zip_of_evidence(&flow)).await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (200, first.header("etag")));
    assert!(again.bytes == first.bytes, "byte for byte");
});

/// The folders of packages in the store, and all of their objects.
async fn folders_of_packages(world: &World) -> (BTreeSet<String>, Vec<String>) {
    let stored: Vec<_> = world.app.store.list("evidence").try_collect().await.unwrap();
    let objects: Vec<String> = stored.into_iter().map(|stored| stored.key).collect();
    (objects.iter().map(|key| key.rsplit_once('/').unwrap().0.to_owned()).collect(), objects)
}
