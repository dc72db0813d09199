//! Stories of bundles whose documents change after the making: rights are those of now.

use serde_json::{Value, json};
use yinku::db::sql;

use super::bundles::bundle_of;
use crate::support::{
    Caller, Engine, Plan, World,
    definitions::{with_file, without_field},
    files::{form, pdf, stamped, world_with_stamped, zip_of},
    flows::{act, purchase},
    seals::{archived, archived_documents, one_seal},
    story,
};

/// Waits until the answer is that. A remembered right lives one second.
async fn until_answered(world: &World, caller: &Caller, url: &str, status: u16) {
    world.until(&format!("{url} is {status}"), async || caller.get(url).await.status == status).await;
}

fn url(bundle: &Value) -> String {
    bundle["url"].as_str().unwrap().to_owned()
}

story!(a_photo_that_turns_out_to_show_a_face_is_withheld_from_old_bundles, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(without_field), ..Plan::default() }).await;
    let flow = archived(&world, 2).await;
    let (wang, admin) = (world.caller("wang").await, world.caller("admin").await);
    let ids: Vec<String> = sql("SELECT id FROM documents ORDER BY id").scalars(&world.app.db).await.unwrap();
    let other = bundle_of(&wang, &json!({ "documentIds": [ids[1]] })).await;
    let mut urls = vec![
        url(&bundle_of(&wang, &json!({ "documentIds": ids })).await),
        url(&bundle_of(&wang, &json!({ "flowIds": [flow.to_string()] })).await),
        url(&bundle_of(&wang, &json!({ "flowIds": [flow.to_string()], "evidence": true })).await),
    ];
    for changing in [zip_of(&flow), format!("/api/flows/{flow}/evidence.zip")] {
        urls.push(wang.get(&changing).await.header("content-location").to_owned());
    }
    let evidence = bundle_of(&wang, &json!({ "flowIds": [flow.to_string()], "evidence": true })).await;
    for url in &urls {
        assert_eq!((wang.get(url).await.status.as_u16(), admin.get(url).await.status.as_u16()), (200, 200), "{url}");
    }
    assert_eq!(evidence["left"], json!([]));
    // The vendor's zip says later that the first photo shows a face.
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE photos SET kind = 'face' WHERE id = (SELECT photo_id FROM documents WHERE id = $1)")
        .bind(&*ids[0])
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for url in &urls {
        until_answered(&world, &wang, url, 403).await;
        wang.part(url, "bytes=100-199", None).await.expect_problem(403, "forbidden");
        wang.get(&format!("{url}/about")).await.expect_problem(403, "forbidden");
        assert_eq!(admin.get(url).await.status, 200, "{url}");
    }
    wang.get(&format!("/api/flows/{flow}/evidence.zip")).await.expect_problem(403, "forbidden");
    assert_eq!(wang.get(&url(&other)).await.status, 200, "it never had that photo");
    let again = bundle_of(&wang, &json!({ "flowIds": [flow.to_string()] })).await;
    // What may not be seen is not named. A face fills no gap, so the photo of a stamping is missing now.
    assert_eq!((&again["entries"], &again["left"][0]["code"]), (&2.into(), &"photos_missing".into()));
    assert_eq!(again["left"].as_array().unwrap().len(), 1);
});

story!(a_change_that_is_committed_after_the_making_is_heard, async |engine: Engine| {
    // SQLite writes one transaction after the other.
    if matches!(engine, Engine::Sqlite) {
        return;
    }
    let world = World::new(engine, Plan { definition: Some(without_field), ..Plan::default() }).await;
    archived(&world, 2).await;
    let ids: Vec<String> = sql("SELECT id FROM documents ORDER BY id").scalars(&world.app.db).await.unwrap();
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE documents SET kind = 'face' WHERE id = $1").bind(&*ids[1]).execute(&mut tx).await.unwrap();
    let wang = world.caller("wang").await;
    let url = url(&bundle_of(&wang, &json!({ "documentIds": ids })).await);
    assert_eq!(wang.get(&url).await.status, 200);
    tx.commit().await.unwrap();
    until_answered(&world, &wang, &url, 403).await;
});

story!(a_file_taken_out_of_its_field_is_for_those_who_manage_its_place, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let brought = wang.bring(&stamped(&flow), form([("错.pdf", pdf("1")), ("对.pdf", pdf("2"))])).await.expect(201);
    let (wrong, right) = (brought[0]["id"].as_str().unwrap(), brought[1]["id"].as_str().unwrap());
    let kept = url(&bundle_of(&wang, &json!({ "documentIds": [right] })).await);
    let mut urls = vec![
        url(&bundle_of(&wang, &json!({ "documentIds": [wrong, right] })).await),
        url(&bundle_of(&wang, &json!({ "flowIds": [flow.to_string()] })).await),
    ];
    let package = wang.get(&format!("/api/flows/{flow}/evidence.zip")).await;
    urls.push(package.header("content-location").to_owned());
    for url in &urls {
        assert_eq!(wang.get(url).await.status, 200, "{url}");
    }
    wang.delete(&format!("{}/{wrong}", stamped(&flow))).await.expect(204);
    for url in &urls {
        for (person, status) in [("wang", 403), ("li", 403), ("sun", 403), ("zhao", 200), ("admin", 200)] {
            // An archivist manages the public folder, but knows no package of the flow.
            let status = if person == "zhao" && *url == urls[2] { 403 } else { status };
            assert_eq!(world.caller(person).await.get(url).await.status, status, "{person} {url}");
        }
    }
    assert_eq!(wang.get(&kept).await.status, 200);
});

story!(a_file_of_a_draft_is_the_starters_until_it_is_submitted, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_file), ..Plan::default() }).await;
    let (zhang, admin) = (world.caller("zhang").await, world.caller("admin").await);
    let body = json!({ "definitionId": world.definition, "form": purchase(&one_seal(1)), "draft": true });
    let flow = zhang.post("/api/flows", &body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let files = format!("/api/flows/{flow}/fields/file/files");
    let file = zhang.bring(&files, form([("底稿.pdf", pdf("draft"))])).await.expect(201)[0]["id"].clone();
    let bundle = url(&bundle_of(&zhang, &json!({ "documentIds": [file] })).await);
    assert_eq!(zhang.get(&bundle).await.status, 200);
    admin.get(&bundle).await.expect_problem(403, "forbidden");
    admin.post("/api/bundles", &json!({ "documentIds": [file] })).await.expect_problem(404, "not_found");
    // A draft has no package. Others are not told that it exists.
    let wish = json!({ "flowIds": [flow], "evidence": true });
    zhang.post("/api/bundles", &wish).await.expect_problem(409, "flow_not_running");
    admin.post("/api/bundles", &wish).await.expect_problem(404, "not_found");
    act(&zhang, &flow, "submit", json!({})).await.expect(200);
    assert_eq!((zhang.get(&bundle).await.status.as_u16(), admin.get(&bundle).await.status.as_u16()), (200, 200));
    assert_eq!(bundle_of(&admin, &json!({ "documentIds": [file] })).await["entries"], 1);
});

story!(a_bundle_without_one_of_its_documents_is_gone, async |world: World| {
    let documents = archived_documents(&world).await;
    let wang = world.caller("wang").await;
    let ids: Vec<String> = documents.iter().map(|document| document.id.to_string()).collect();
    let both = bundle_of(&wang, &json!({ "documentIds": ids })).await;
    let one = bundle_of(&wang, &json!({ "documentIds": [ids[1]] })).await;
    assert_eq!(wang.get(&url(&both)).await.status, 200);
    let mut tx = world.app.db.begin().await.unwrap();
    sql("DELETE FROM documents WHERE id = $1").bind(&*ids[0]).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    until_answered(&world, &wang, &url(&both), 410).await;
    wang.get(&format!("{}/about", url(&both))).await.expect_problem(410, "bundle_gone");
    assert_eq!(wang.get(&url(&one)).await.status, 200);
});

story!(the_audit_log_of_a_flow_has_the_bundles_of_its_documents, async |world: World| {
    let flow = archived(&world, 2).await;
    let (wang, sun) = (world.caller("wang").await, world.caller("sun").await);
    let made = bundle_of(&wang, &json!({ "flowIds": [flow.to_string()] })).await;
    assert_eq!(wang.part(&url(&made), "bytes=10-19", None).await.status, 206);
    let log = async || {
        let log = sun.get(&format!("/api/audit?flowId={flow}&subject={}", made["id"].as_str().unwrap())).await;
        let entries = log.expect(200)["items"].as_array().unwrap().clone();
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
        entries.iter().map(|entry| ["act", "username", "detail"].map(|name| text(entry, name))).collect::<Vec<_>>()
    };
    let before = log().await;
    let range = format!("{} bytes 10-19/{}", made["id"].as_str().unwrap(), made["bytes"]);
    assert_eq!(before[0], ["bundle_downloaded".to_owned(), "wang".to_owned(), range]);
    assert_eq!(before[1][..2], ["bundle_made", "wang"]);
    assert!(before[1][2].starts_with("2 entries, ") && before[1][2].ends_with(flow.as_str()), "{}", before[1][2]);
    // The plan goes after a week. The log still says what it was.
    let id = made["id"].as_str().unwrap().parse().unwrap();
    yinku::bundle::expiry::end_row(&world.app.db, &id, world.app.clock.now()).await.unwrap();
    assert_eq!(log().await, before);
    let other: String = yinku::id::FlowId::new().to_string();
    assert_eq!(sun.get(&format!("/api/audit?flowId={other}")).await.expect(200)["items"], json!([]));
});
