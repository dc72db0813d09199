//! Stories of archiving by hand.

use serde_json::{Value, json};
use simulator::Kind;
use yinku::db::sql;

use crate::support::{
    Engine, Plan, World,
    definitions::{archived_by_hand, with_required_stamped},
    files::{form, pdf, stamped},
    flows::show,
    photos::manifest,
    seals::one_photo_short,
    snapshot::assert_json_snapshot,
    story,
};

story!(
    an_archive_with_photos_missing_is_refused_with_the_list_then_accepted_with_a_reason_and_supplemented_later,
    async |world: World| {
        let (flow, seal_use, business) = world.seal_use(2).await;
        one_photo_short(&world, &business).await;
        let path = format!("/api/flows/{flow}/archive");
        let problem = world.caller("wang").await.post(&path, &json!({})).await.expect_problem(409, "photos_missing");
        let grant: String = sql("SELECT id FROM grants").scalar(&world.app.db).await.unwrap();
        let stamper: String = sql("SELECT user_name FROM grants").scalar(&world.app.db).await.unwrap();
        let expected = json!([{ "sealUseId": seal_use.id, "businessId": business, "grantId": grant, "seal": "公章", "user": stamper,
        "username": "wang", "employeeNo": "E003",
        "kind": "signatory", "counted": 2, "received": 1, "missing": 1, "photokeys": [] }]);
        assert_eq!(problem["missing"], expected);
        let wish = json!({ "acceptMissing": true, "reason": "设备断电，补盖已录像" });
        world.caller("wang").await.post(&path, &wish).await.expect_problem(403, "forbidden");
        let admin = world.caller("admin").await;
        admin.post(&path, &json!({ "acceptMissing": true })).await.expect_problem(422, "invalid");
        let view = admin.post(&path, &wish).await.expect(200);
        assert_eq!((&view["state"], &view["sealUses"][0]["missing"]), (&json!("archived"), &json!(1)));
        let accepted =
            view["events"].as_array().unwrap().iter().find(|event| event["act"] == "missing_accepted").unwrap();
        assert_eq!((&accepted["actor"], &accepted["detail"]), (&json!("admin"), &wish["reason"]));
        let first = manifest(&world, 1).await;
        let mut shown = first.clone();
        // What the vendor said differs from run to run.
        assert!(shown["details"].take().is_array() && shown["callbacks"].take().is_array());
        assert_json_snapshot("manifest_with_missing_accepted", &shown);
        assert_eq!(first["missingAccepted"]["reason"], wish["reason"]);
        assert_eq!(first["missingAccepted"]["missing"][0]["missing"], 1);
        assert_eq!(first["documents"].as_array().unwrap().len(), 1);

        // The photo comes after all: recorded as a supplement, never a silent change.
        world.sim.late_photo(&business, 0, Kind::Signatory).unwrap();
        world.sim.resend_end(&business).await.unwrap();
        let second = "SELECT COUNT(*) FROM manifests WHERE n = 2";
        world.until("the supplement is recorded", async || world.count(second).await == 1).await;
        world.until_quiet().await;
        let second = manifest(&world, 2).await;
        assert_eq!(second["documents"].as_array().unwrap().len(), 2);
        assert_eq!(manifest(&world, 1).await, first, "the first manifest stays as it was");
        let view = show(&admin, &flow).await;
        assert_eq!(view["sealUses"][0]["missing"], 0);
        assert!(view["events"].as_array().unwrap().iter().any(|event| event["act"] == "supplemented"));
        world.assert_snapshot("missing_accepted_and_supplemented").await;
    }
);

story!(a_manual_flow_is_archived_by_hand_once_its_required_file_is_there, async |engine: Engine| {
    let definition = |definition: &mut Value| {
        with_required_stamped(definition);
        archived_by_hand(definition);
    };
    let world = World::new(engine, Plan { definition: Some(definition), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_past_its_nodes(&flow).await;
    let (zhang, path) = (world.caller("zhang").await, format!("/api/flows/{flow}/archive"));
    let problem = zhang.post(&path, &json!({})).await.expect_problem(409, "field_required");
    assert_eq!(problem["errors"][0]["field"], "form.stamped");
    let wish = json!({ "acceptMissing": true, "reason": "x" });
    world.caller("admin").await.post(&path, &wish).await.expect_problem(409, "field_required");
    zhang.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    world.until_quiet().await;
    assert!(world.flow(&flow).await.archived_at.is_none(), "a manual flow waits for a person");
    let told = zhang.send(zhang.request(reqwest::Method::POST, &path)).await.expect(200);
    assert_eq!((&told["state"], &told["actions"]), (&json!("archived"), &json!(["detail", "upload", "evidence"])));
    let events: Vec<&str> =
        told["events"].as_array().unwrap().iter().map(|event| event["act"].as_str().unwrap()).collect();
    assert!(events.ends_with(&["uploaded", "archive_asked", "archived"]), "{events:?}");
    assert_eq!(world.count("SELECT COUNT(*) FROM manifests").await, 1);
    world.assert_snapshot("archived_by_hand").await;
});

story!(a_flow_that_is_still_under_way_is_not_archived, async |world: World| {
    let flow = world.start_flow(1).await;
    let path = format!("/api/flows/{flow}/archive");
    let admin = world.caller("admin").await;
    admin.post(&path, &json!({})).await.expect_problem(409, "not_now");
    world.caller("sun").await.post(&path, &json!({})).await.expect_problem(403, "not_yours");
    let wish = json!({ "acceptMissing": true, "reason": "x" });
    let zhao = world.caller("zhao").await;
    zhao.post(&path, &json!({})).await.expect_problem(404, "not_found");
    zhao.post(&path, &wish).await.expect_problem(404, "not_found");
    world.caller("zhang").await.post(&path, &wish).await.expect_problem(403, "forbidden");
    let (flow, ..) = world.seal_use(1).await;
    admin.post(&format!("/api/flows/{flow}/archive"), &wish).await.expect_problem(409, "not_now");
});
