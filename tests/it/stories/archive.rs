//! Stories of where photos come to lie, what is said of their times, and when a flow is archived.

use serde_json::{Value, json};
use simulator::ExifMode;
use yinku::{
    db::sql,
    queue::{self, JobKind},
    store::StoreKey,
};

use crate::support::{
    Engine, Plan, World,
    callbacks::callback,
    definitions::{archived_by_hand, with_required_stamped, without_field},
    flows::{purchase, step, submit_as},
    photos::{folders, month},
    seals::{archived_documents, business_of, one_seal, without_photo},
    snapshot::assert_json_snapshot,
    story,
    world::small_photos,
};

story!(photos_lie_in_the_configured_public_folder, async |world: World| {
    for document in archived_documents(&world).await {
        let key = format!("originals/公共知识库/用印/2026/{}/{}.jpg", month(&world), document.blake3);
        assert_eq!(document.store_key, key);
        let serial = world.app.clock.now().in_china().strftime("YK%Y%m%d-0001_公章_").to_string();
        assert!(document.name.starts_with(&serial) && document.name.ends_with("_signatory.jpg"), "{}", document.name);
    }
    assert_eq!(folders(&world).await, ["public: 2026", "public: 用印"]);
});

story!(without_a_folder_photos_lie_in_the_system_folder_of_the_e_sign_module, async |engine: Engine| {
    let definition = |definition: &mut Value| {
        definition["integration"].as_object_mut().unwrap().remove("downloadFolder");
    };
    let world = World::new(engine, Plan { definition: Some(definition), ..Plan::default() }).await;
    for document in archived_documents(&world).await {
        assert!(document.store_key.starts_with("originals/系统知识库-电子签/20"), "{}", document.store_key);
    }
    assert_eq!(folders(&world).await, ["system: 系统知识库-电子签"]);
});

story!(a_personal_folder_is_the_starters, async |engine: Engine| {
    let definition = |definition: &mut Value| {
        definition["integration"]["downloadFolder"] = serde_json::json!({ "space": "personal", "path": "合同" });
    };
    let world = World::new(engine, Plan { definition: Some(definition), ..Plan::default() }).await;
    for document in archived_documents(&world).await {
        assert!(document.store_key.starts_with("originals/个人知识库/zhang/合同/"), "{}", document.store_key);
    }
    let owners = async || {
        sql("SELECT u.username || ' ' || f.name FROM folders f JOIN users u ON u.id = f.owner ORDER BY 1")
            .scalars::<String>(&world.app.db)
            .await
            .unwrap()
    };
    assert_eq!(owners().await, ["zhang 合同"]);
    // It is bound by its path: a renamed folder is made anew, and another starter has another one.
    let (zhang, wang) = (world.caller("zhang").await, world.caller("wang").await);
    let own = zhang.get("/api/folders?space=personal").await.expect(200)["items"][0]["id"].clone();
    zhang.patch(&format!("/api/folders/{}", own.as_str().unwrap()), &json!({ "name": "旧合同" })).await.expect(200);
    for starter in [&zhang, &wang] {
        let flow = submit_as(starter, &world, &purchase(&one_seal(1))).await;
        step(&world.caller("li").await, &flow, "approve", json!({})).await;
        let business = business_of(&world, starter, &flow, 0).await;
        world.sim.stamp(&business, 0).await.unwrap();
        world.until_archived(&flow).await;
    }
    assert_eq!(owners().await, ["wang 合同", "zhang 合同", "zhang 旧合同"]);
    let shown = world.caller("admin").await.get(&format!("/api/definitions/{}", world.definition)).await.expect(200);
    assert_eq!(shown["integration"]["downloadFolder"], json!({ "space": "personal", "path": "合同" }));
});

story!(without_a_download_field_photos_lie_in_the_folder_only, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(without_field), ..Plan::default() }).await;
    let documents = archived_documents(&world).await;
    assert_eq!(documents.len(), 2);
    assert!(documents.iter().all(|document| document.field_key.is_none()));
    world.assert_snapshot("without_a_download_field").await;
});

story!(a_device_whose_clock_was_reset_is_doubted, async |engine: Engine| {
    let mut knobs = small_photos();
    knobs.photo.exif = ExifMode::ClockReset;
    let world = World::new(engine, Plan { knobs: Some(knobs), ..Plan::default() }).await;
    for document in archived_documents(&world).await {
        assert!(document.clock_doubt);
        assert!(document.taken_at.unwrap().to_string().starts_with("2017-01-01T00:"));
        let today = world.app.clock.now().in_china().strftime("%Y-%m-%dT00:00:00+08:00").to_string();
        assert_eq!(document.vendor_at.unwrap().to_string(), today);
        assert!(document.received_at > document.vendor_at.unwrap());
        assert!(!document.name.contains("_2017"), "a doubted time names nothing: {}", document.name);
    }
    let world = World::new(engine, Plan::default()).await;
    for document in archived_documents(&world).await {
        assert!(!document.clock_doubt && document.taken_at.is_some(), "a right clock is not doubted");
    }
});

story!(a_manual_flow_waits_for_a_person, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(archived_by_hand), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_past_its_nodes(&flow).await;
    world.until_quiet().await;
    assert!(world.flow(&flow).await.archived_at.is_none());
    assert_eq!(world.count("SELECT COUNT(*) FROM manifests").await, 0);
    world.assert_snapshot("a_manual_flow_waits").await;
});

story!(a_required_files_field_that_is_empty_holds_the_archive_back, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_required_stamped), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until("the archive says what it waits for", async || {
        world.count("SELECT COUNT(*) FROM jobs WHERE kind = 'archive' AND state = 'parked' AND error LIKE '%用印后文件%'").await == 1
    })
    .await;
    assert!(world.flow(&flow).await.archived_at.is_none());
    world.leaves_parked("archive", "the required file never comes");
});

story!(the_manifest_has_what_is_needed_to_make_the_rows_again, async |world: World| {
    let documents = archived_documents(&world).await;
    let (key, hash): (String, String) = sql("SELECT store_key, hash FROM manifests").one(&world.app.db).await.unwrap();
    let bytes = world.app.store.get(&StoreKey::Raw(key)).await.unwrap();
    assert_eq!(yinku::hash::Blake3::of(&bytes).as_str(), hash);
    let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
    // What the vendor said differs from run to run, and has no seal code.
    let (details, callbacks) = (manifest["details"].take(), manifest["callbacks"].take());
    assert_eq!((details.as_array().unwrap().len(), callbacks.as_array().unwrap().is_empty()), (1, false));
    assert!(details.to_string().contains("\"vertifyCode\":null"), "{details}");
    assert_json_snapshot("manifest", &manifest);
    assert_eq!(manifest["flow"]["form"]["subject"], "采购合同");
    assert_eq!(manifest["definition"]["name"], "物理用印申请");
    assert_eq!(manifest["approvals"][0]["username"], "li");
    let seal_use = &manifest["sealUses"][0];
    assert_eq!(
        (seal_use["grants"][0]["seal"].as_str(), seal_use["grants"][0]["used"].as_i64()),
        (Some("公章"), Some(2))
    );
    assert_eq!(seal_use["photos"].as_array().unwrap().len(), 2);
    assert!(!manifest.to_string().contains("\"code\""), "seal codes open boxes: they stay out");
    for (written, document) in manifest["documents"].as_array().unwrap().iter().zip(&documents) {
        assert_eq!(written["blake3"], document.blake3.as_str());
        assert_eq!(written["sm3"].as_str().map(str::len), Some(64), "taken at archiving");
        assert_eq!(written["storeKey"], document.store_key.as_str());
        assert_eq!(written["folder"], "public/用印/2026");
        assert_eq!((&written["createdBy"], written["position"].is_i64()), (&Value::from("yinku"), true));
    }
});

story!(a_callback_that_cannot_be_kept_is_refused, async |world: World| {
    let (_, _, business) = world.seal_use(1).await;
    world.leaves_its_database_closed("the story is about a database that is gone");
    world.until_quiet().await;
    world.app.db.close().await;
    let callback = callback(&world, &format!("businessId={business}&status=COMPLETE"));
    let answers = world.sim.send_callback(&callback, 1, false).await;
    assert_eq!(answers[0].status, Some(503));
    assert!(answers[0].answer.contains("1000000"), "{}", answers[0].answer);
});

story!(an_end_without_a_stamp_accepts_no_photo_that_is_missed_later, async |world: World| {
    let (flow, _, business) = world.seal_use(1).await;
    // As if the archive had waited for the store while the vendor reported a stamping late.
    one_stamping_without_photo(&world, &business).await;
    let mut tx = world.app.db.begin().await.unwrap();
    let accepted = r#"{"by":"wang","at":"2026-11-23T12:00:00+08:00","reason":"没有盖章","missing":[]}"#;
    sql("UPDATE flows SET node = NULL, missing_accepted = $1 WHERE id = $2")
        .bind(accepted)
        .bind(&flow)
        .execute(&mut tx)
        .await
        .unwrap();
    let now = world.app.clock.now();
    queue::wake(&mut tx, JobKind::Archive, flow.as_str(), now, now).await.unwrap();
    tx.commit().await.unwrap();
    let parked = "SELECT COUNT(*) FROM jobs WHERE kind = 'archive' AND state = 'parked'";
    world.until("the archive waits", async || world.count(parked).await == 1).await;
    assert!(world.flow(&flow).await.archived_at.is_none());
    // An administrator accepts the missing photo.
    let wish = json!({ "acceptMissing": true, "reason": "设备断电" });
    world.caller("admin").await.post(&format!("/api/flows/{flow}/archive"), &wish).await.expect(200);
    world.until_archived(&flow).await;
});

async fn one_stamping_without_photo(world: &World, business: &str) {
    world.sim.stamp_with(business, 0, &without_photo()).await.unwrap();
    let ended = "SELECT COUNT(ended_at) FROM seal_uses";
    world.until("the end is known", async || world.count(ended).await == 1).await;
    world.until_quiet().await;
}
