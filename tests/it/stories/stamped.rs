//! Stories of what was stamped: it is evidence, whatever becomes of the flow.

use serde_json::json;
use simulator::{Fault, FaultKind, Kind, Target};
use yinku::db::sql;

use crate::support::{
    Engine, Plan, World,
    callbacks::push,
    definitions::with_required_stamped,
    files::{form, pdf, png, stamped},
    flows::{act, acts, show},
    photos::{manifest, stored},
    seals::{in_use, look, one_seal, refusal, sent_states, until_status, without_photo},
    story,
};

story!(after_a_stamping_only_an_administrator_withdraws_with_a_comment, async |world: World| {
    // A stamping is counted; then only a picture of one is here.
    for counted in [true, false] {
        let (flow, business) = in_use(&world, &one_seal(2)).await;
        let before = stored(&world).await;
        if counted {
            world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
            look(&world, &flow).await;
        } else {
            push(&world, &business, &png(3)).await;
            world.until("the picture is here", async || stored(&world).await == before + 1).await;
        }
        world.until_quiet().await;
        let (zhang, admin) = (world.caller("zhang").await, world.caller("admin").await);
        let listed = |view: &serde_json::Value| view["actions"].as_array().unwrap().contains(&json!("withdraw"));
        assert!(!listed(&show(&zhang, &flow).await) && listed(&show(&admin, &flow).await));
        act(&zhang, &flow, "withdraw", json!({ "comment": "不要了" })).await.expect_problem(403, "not_yours");
        for comment in [json!({}), json!({ "comment": "  " })] {
            let problem = act(&admin, &flow, "withdraw", comment).await.expect_problem(422, "invalid");
            assert_eq!(problem["errors"][0]["field"], "comment");
        }
        act(&admin, &flow, "withdraw", json!({ "comment": "客户取消，已盖一次" })).await.expect(200);
        world.until_quiet().await;
    }
});

story!(before_a_stamping_the_starter_withdraws_and_no_manifest_is_made, async |world: World| {
    let (flow, _) = in_use(&world, &one_seal(2)).await;
    act(&world.caller("zhang").await, &flow, "withdraw", json!({})).await.expect(200);
    until_status(&world, &flow, "finished").await;
    world.until_quiet().await;
    assert_eq!(world.count("SELECT COUNT(*) FROM manifests").await, 0);
});

story!(a_withdrawn_flow_with_photos_has_a_manifest_and_its_late_photos_supplement_it, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(3)).await;
    world.sim.stamp(&business, 0).await.unwrap();
    look(&world, &flow).await;
    assert_eq!(stored(&world).await, 1);
    let admin = world.caller("admin").await;
    act(&admin, &flow, "withdraw", json!({ "comment": "客户取消" })).await.expect(200);
    let made = async |n: i64| world.count("SELECT COALESCE(MAX(n), 0) FROM manifests").await == n;
    world.until("the manifest is made", async || made(1).await).await;
    world.until_quiet().await;
    assert_eq!(until_status(&world, &flow, "finished").await.status.as_str(), "finished");
    let view = show(&admin, &flow).await;
    assert_eq!((&view["state"], &view["files"]["photos"][0]["sm3"].is_string()), (&json!("withdrawn"), &true));
    assert!(acts(&world, &flow).await.contains(&"recorded".to_owned()));
    let first = manifest(&world, 1).await;
    assert_eq!((&first["flow"]["state"], first["documents"].as_array().unwrap().len()), (&json!("withdrawn"), 1));
    assert_eq!(first["documents"][0]["sm3"], view["files"]["photos"][0]["sm3"]);
    // A photo that comes late is a supplement.
    world.sim.late_photo(&business, 0, Kind::Signatory).unwrap();
    world.sim.resend_end(&business).await.unwrap();
    world.until("the late photo is recorded", async || made(2).await).await;
    world.until_quiet().await;
    assert_eq!(manifest(&world, 2).await["documents"].as_array().unwrap().len(), 2);
    assert_eq!(manifest(&world, 1).await, first);
    assert_eq!(show(&admin, &flow).await["state"], "withdrawn");
    assert_eq!(world.count("SELECT COUNT(archived_at) FROM flows").await, 0);
});

story!(after_archiving_the_stamped_file_is_still_added_as_a_supplement, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_required_stamped), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.caller("wang").await.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let manifests = async || world.count("SELECT COUNT(*) FROM manifests").await;
    assert_eq!(manifests().await, 1);
    let late = || form([("补一.pdf", pdf("2")), ("补二.pdf", pdf("3"))]);
    for (other, status, code) in [("li", 403, "not_yours"), ("sun", 403, "not_yours"), ("zhao", 404, "not_found")] {
        world.caller(other).await.bring(&stamped(&flow), late()).await.expect_problem(status, code);
    }
    // Those that could before: the people of the seal node, the starter, administrators.
    for (n, who) in (2..).zip(["wang", "zhang", "admin"]) {
        let caller = world.caller(who).await;
        let view = show(&caller, &flow).await;
        assert_eq!(view["editable"], json!(["stamped"]), "{who}");
        assert!(view["actions"].as_array().unwrap().contains(&json!("upload")), "{who}");
        let documents = caller.bring(&stamped(&flow), late()).await.expect(201);
        world.until("the supplement is recorded", async || manifests().await == n).await;
        world.until_quiet().await;
        assert_eq!(manifests().await, n, "one for a request");
        let path = format!("{}/{}", stamped(&flow), documents[0]["id"].as_str().unwrap());
        caller.delete(&path).await.expect_problem(409, "flow_not_running");
        let other = format!("/api/flows/{flow}/fields/photos/files");
        caller.bring(&other, late()).await.expect_problem(409, "flow_not_running");
    }
    let last = manifest(&world, 4).await;
    assert_eq!(last["documents"].as_array().unwrap().len(), 8, "a photo, the first file, three times two");
    assert!(last["documents"].as_array().unwrap().iter().all(|document| document["sm3"].is_string()));
    assert!(sent_states(&world, &flow).await.iter().all(|(_, state)| state == "sent"), "sent like the others");
    assert_eq!(world.sim.business(&business).unwrap().used_files.len(), 7);
    let uploads = "SELECT COUNT(*) FROM audit WHERE act = 'document_uploaded'";
    assert_eq!(world.count(uploads).await, 7);
});

story!(a_stamped_file_that_is_surely_refused_is_sent_again_by_itself, async |engine: Engine| {
    for (fault, waiting) in [
        (FaultKind::Status { status: 503 }, "queued"),
        (FaultKind::Html { status: 503 }, "queued"),
        (refusal("文件过大"), "failed"),
        (FaultKind::Status { status: 403 }, "failed"),
    ] {
        let world = World::new(engine, Plan { definition: Some(with_required_stamped), ..Plan::default() }).await;
        let (flow, _, business) = world.seal_use(1).await;
        world.sim.set_fault(Fault::times(Target::Upload, fault.clone(), 2));
        world.sim.stamp(&business, 0).await.unwrap();
        world.until_past_its_nodes(&flow).await;
        let zhang = world.caller("zhang").await;
        zhang.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
        let tried = async |n: i64| {
            world.count("SELECT COALESCE(MAX(attempts), 0) FROM jobs WHERE kind = 'send' AND state = 'queued'").await
                == n
        };
        let mut pauses = Vec::new();
        for n in [1, 2] {
            world.until("it was refused", async || tried(n).await).await;
            let row: (String, Option<String>, i64, i64) =
                sql("SELECT v.state, v.error, j.run_at, v.updated_at FROM dispatches v
                   JOIN jobs j ON j.kind = 'send' AND j.subject = v.seal_use_id")
                .one(&world.app.db)
                .await
                .unwrap();
            assert!(row.0 == waiting && row.1.is_some(), "{fault:?}: {row:?}");
            pauses.push((row.2 - row.3) / 1_000_000);
        }
        assert_eq!(pauses, [1, 2], "{fault:?}");
        let sent = [("合同.pdf".to_owned(), "sent".to_owned())];
        world.until("it is sent", async || sent_states(&world, &flow).await == sent).await;
        world.until_archived(&flow).await;
        assert_eq!(world.sim.business(&business).unwrap().used_files.len(), 1, "{fault:?}");
    }
});

story!(a_refused_file_delays_no_other_and_a_retry_checks_the_type_again, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_required_stamped), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.set_fault(Fault::times(Target::Upload, FaultKind::Status { status: 503 }, 1));
    let wang = world.caller("wang").await;
    let files = [("一.pdf", pdf("1")), ("二.pdf", pdf("2")), ("备注.txt", "x".into())];
    wang.bring(&stamped(&flow), form(files)).await.expect(201);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let state = async |n: usize| sent_states(&world, &flow).await.remove(n).1;
    world.until("both are sent", async || (state(0).await, state(1).await) == ("sent".into(), "sent".into())).await;
    let names =
        || world.sim.business(&business).unwrap().used_files.into_iter().map(|file| file.name).collect::<Vec<_>>();
    assert_eq!(names(), ["二.pdf", "一.pdf"], "the second did not wait for the first");
    act(&wang, &flow, "stamped/retry", json!({})).await.expect(202);
    world.until_quiet().await;
    assert_eq!((state(2).await.as_str(), names().len()), ("failed", 2), "the vendor takes no such file");
    let view = show(&wang, &flow).await;
    assert!(view["files"]["stamped"][2]["vendorError"].as_str().unwrap().contains("takes pdf"), "{view}");
});

story!(a_stamped_file_is_not_sent_again_after_an_error_that_the_vendor_calls_unknown, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_required_stamped), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    let unknown = FaultKind::JsonError { code: 1_000_000, message: "未知错误".into() };
    world.sim.set_fault(Fault::times(Target::Upload, unknown, 1));
    world.caller("wang").await.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    assert_eq!(sent_states(&world, &flow).await, [("合同.pdf".to_owned(), "unknown".to_owned())]);
    assert!(world.sim.business(&business).unwrap().used_files.is_empty());
});

story!(a_stamping_that_only_the_vendor_knows_of_is_evidence_too, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    let zhang = world.caller("zhang").await;
    // Nobody calls back during use.
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    act(&zhang, &flow, "withdraw", json!({ "comment": "不要了" })).await.expect_problem(403, "not_yours");
    act(&zhang, &flow, "withdraw", json!({})).await.expect_problem(403, "not_yours");
    world.until_quiet().await;
    // A vendor that is silent holds nobody up: the last known counts decide.
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    world.sim.set_fault(Fault::times(Target::Detail, FaultKind::Hang, 1));
    act(&zhang, &flow, "withdraw", json!({})).await.expect(200);
    until_status(&world, &flow, "finished").await;
    world.until_quiet().await;
});

story!(a_user_who_took_over_the_seals_may_add_the_stamped_file_late, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_required_stamped), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    let (wang, zhao) = (world.caller("wang").await, world.caller("zhao").await);
    act(&wang, &flow, "transfer", json!({ "to": "zhao" })).await.expect(200);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_past_its_nodes(&flow).await;
    world.until_quiet().await;
    zhao.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    world.until_archived(&flow).await;
    world.until_quiet().await;
    zhao.bring(&stamped(&flow), form([("补.pdf", pdf("2"))])).await.expect(201);
    world.until_quiet().await;
    assert_eq!(world.count("SELECT COUNT(*) FROM manifests").await, 2);
});
