//! Stories of what goes to the vendor: stamped files, and photos supplied by hand.

use serde_json::json;
use simulator::{Fault, FaultKind, Target};
use yinku::db::sql;

use crate::support::{
    Engine, Plan, World,
    definitions::with_required_stamped,
    files::{form, pdf, png, stamped, world_with_stamped},
    flows::show,
    seals::{one_photo_short, refusal, sent_states},
    story,
};

story!(stamped_files_go_to_the_vendor_when_the_seal_node_is_left, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, _, business) = world.seal_use(1).await;
    let files = [("合同.pdf", pdf("1")), ("一.png", png(1)), ("二.png", png(2)), ("备注.txt", "x".into())];
    world.caller("wang").await.bring(&stamped(&flow), form(files)).await.expect(201);
    assert!(world.sim.business(&business).unwrap().used_files.is_empty(), "not before the node is left");
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let mut got: Vec<(String, u64)> =
        world.sim.business(&business).unwrap().used_files.into_iter().map(|file| (file.name, file.bytes)).collect();
    got.sort();
    let expected = [("一.png", png(1)), ("二.png", png(2)), ("合同.pdf", pdf("1"))];
    assert_eq!(got, expected.map(|(name, bytes)| (name.to_owned(), bytes.len() as u64)));
    let expected = [("合同.pdf", "sent"), ("一.png", "sent"), ("二.png", "sent"), ("备注.txt", "failed")];
    assert_eq!(sent_states(&world, &flow).await, expected.map(|(name, state)| (name.to_owned(), state.to_owned())));
    world.assert_snapshot("stamped_files_sent").await;
});

story!(a_flow_waits_for_its_required_stamped_file_which_then_goes_to_the_vendor_too, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_required_stamped), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_past_its_nodes(&flow).await;
    world.until_quiet().await;
    assert!(world.flow(&flow).await.archived_at.is_none(), "the file is required");
    let zhang = world.caller("zhang").await;
    zhang.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    world.until_archived(&flow).await;
    world.until_quiet().await;
    assert_eq!(world.sim.business(&business).unwrap().used_files[0].name, "合同.pdf");
    let document: String = sql("SELECT id FROM documents WHERE source = 'upload'").scalar(&world.app.db).await.unwrap();
    zhang.delete(&format!("{}/{document}", stamped(&flow))).await.expect_problem(409, "flow_not_running");
    zhang.post(&format!("/api/flows/{flow}/archive"), &json!({})).await.expect_problem(409, "flow_not_running");
});

story!(a_stamped_file_whose_answer_was_lost_is_not_sent_again_by_itself, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.caller("wang").await.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    world.sim.set_fault(Fault::times(Target::Upload, FaultKind::Drop, 1));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    assert_eq!(sent_states(&world, &flow).await, [("合同.pdf".to_owned(), "unknown".to_owned())]);
    assert!(world.sim.business(&business).unwrap().used_files.is_empty());
    world.caller("wang").await.post(&format!("/api/flows/{flow}/stamped/retry"), &json!({})).await.expect(202);
    world.until_quiet().await;
    assert_eq!(sent_states(&world, &flow).await, [("合同.pdf".to_owned(), "sent".to_owned())]);
    assert_eq!(world.sim.business(&business).unwrap().used_files.len(), 1);
});

story!(a_file_that_the_vendor_refuses_says_so, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.caller("wang").await.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    world.sim.set_fault(Fault::always(Target::Upload, refusal("文件过大")));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let view = world.caller("wang").await.get(&format!("/api/flows/{flow}")).await.expect(200);
    let document = &view["files"]["stamped"][0];
    assert_eq!(document["vendorState"], "failed");
    assert!(document["vendorError"].as_str().unwrap().contains("文件过大"), "{document}");
    world.assert_snapshot("a_stamped_file_refused").await;
});

story!(a_photo_supplied_by_hand_fills_the_gap_and_is_the_same_photo_when_the_vendor_lists_it, async |world: World| {
    let (flow, seal_use, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    let wang = world.caller("wang").await;
    let view = show(&wang, &flow).await;
    assert_eq!((&view["phase"], &view["sealUses"][0]["missing"]), (&json!("collecting"), &json!(1)));
    let grant = view["sealUses"][0]["grants"][0]["id"].as_str().unwrap();
    let path = format!("/api/grants/{grant}/photos");
    let supplied = wang.bring(&path, form([("补传.png", png(9))])).await.expect(201);
    assert_eq!(
        (&supplied["photos"][0]["kind"], &supplied["photos"][0]["photoKind"]),
        (&json!("photo"), &json!("signatory"))
    );
    world.until_archived(&flow).await;
    world
        .until("the vendor's key is known", async || {
            world.photos(&seal_use.id).await.iter().all(|photo| photo.photokey.is_some())
        })
        .await;
    world.until_quiet().await;
    let photos = world.photos(&seal_use.id).await;
    let told: Vec<(&str, &str, i64)> =
        photos.iter().map(|photo| (photo.source.as_str(), photo.state.as_str(), photo.documents)).collect();
    assert_eq!(told, [("key", "done", 1), ("supply", "done", 1)], "the same photo, not a third one");
    assert_eq!(photos[1].grant_id.as_deref(), Some(grant));
    assert_eq!(world.sim.business(&business).unwrap().photos.len(), 2, "the vendor has it too");
    assert_eq!(world.count("SELECT COUNT(*) FROM manifests").await, 1, "nothing was added to the archive");
    let view = show(&wang, &flow).await;
    let document = &view["files"]["photos"][1];
    assert_eq!((&document["vendorState"], &document["photo"]["seal"]), (&json!("sent"), &json!("公章")));
    assert!(document["name"].as_str().unwrap().ends_with("_signatory_supplied.png"), "{document}");
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'photo_supplied' AND username = 'wang'").await, 1);
    world.assert_snapshot("a_photo_supplied").await;
});

story!(only_pictures_are_supplied_by_operators_to_open_flows, async |world: World| {
    let (flow, seal_use, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    let grant: String = sql("SELECT id FROM grants").scalar(&world.app.db).await.unwrap();
    let path = format!("/api/grants/{grant}/photos");
    let wang = world.caller("wang").await;
    wang.bring(&path, form([("a.png", pdf("no picture"))])).await.expect_problem(422, "not_an_image");
    wang.bring(&path, form([("a.png", png(1))]).text("kind", "emergency")).await.expect_problem(422, "invalid");
    world.caller("zhang").await.bring(&path, form([("a.png", png(1))])).await.expect_problem(403, "forbidden");
    world.caller("sun").await.bring(&path, form([("a.png", png(1))])).await.expect_problem(403, "forbidden");
    world.caller("zhao").await.bring(&path, form([("a.png", png(1))])).await.expect_problem(404, "not_found");
    assert_eq!(world.photos(&seal_use.id).await.len(), 1);
    // The same picture twice is one photo.
    wang.bring(&path, form([("a.png", png(1)), ("b.png", png(1))])).await.expect(201);
    world.until_archived(&flow).await;
    world.until_quiet().await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 2);
    wang.bring(&path, form([("c.png", png(2))])).await.expect_problem(409, "flow_not_running");
});
