//! Stories of bundles: frozen, resumed, and only for those who may have them.

use std::{process::Command, sync::Arc, time::Duration};

use reqwest::{Method, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use yinku::{callback::Inbox, clock::Clock, db::sql, http};

use crate::support::{
    Caller, Engine, Plan, World,
    definitions::without_field,
    files::{form, pdf, photos_in, stamped, world_with_stamped, zip_of},
    people::make_user,
    seals::archived_documents,
    story,
};

/// Where the parts of a zip begin: headers of entries, of the directory and its end.
pub(super) fn borders(zip: &[u8]) -> Vec<usize> {
    let marks: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"];
    (0..zip.len() - 4).filter(|at| marks.contains(&&zip[*at..at + 4])).collect()
}

pub(super) async fn bundle_of(caller: &Caller, wish: &Value) -> Value {
    caller.post("/api/bundles", wish).await.expect(201)
}

story!(a_bundle_is_the_same_bytes_however_it_is_cut_and_wherever_it_is_asked_for, async |world: World| {
    let documents = archived_documents(&world).await;
    let ids: Vec<String> = documents.iter().map(|document| document.id.to_string()).collect();
    let wang = world.caller("wang").await;
    let made = bundle_of(&wang, &json!({ "documentIds": ids, "name": "合同 照片" })).await;
    assert_eq!(
        (&made["state"], &made["name"], &made["entries"]),
        (&"ready".into(), &"合同 照片.zip".into(), &2.into())
    );
    let url = made["url"].as_str().unwrap();
    let whole = wang.get(url).await;
    assert_eq!((whole.status.as_u16(), whole.header("etag")), (200, made["etag"].as_str().unwrap()));
    assert_eq!((whole.header("content-length"), whole.header("accept-ranges")), (&*made["bytes"].to_string(), "bytes"));
    assert_eq!(photos_in(&whole.bytes), 2);
    let disposition = whole.header("content-disposition");
    assert!(
        disposition.starts_with("attachment; filename=\"bundle.zip\"; filename*=UTF-8''%E5%90%88%E5%90%8C"),
        "{disposition}"
    );

    // Cut at every border of a header, and resumed by another node.
    let listener = http::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let other = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let router = http::router(Arc::clone(&world.app), Inbox::start(Arc::clone(&world.app)));
    let stop = CancellationToken::new();
    tokio::spawn(http::serve(listener, router, world.app.config.clients, stop.clone()));
    let other = Caller::of(&world.app, other, "wang").await;
    let borders = borders(&whole.bytes);
    assert_eq!(borders.len(), 5, "two entries, twice, and the end");
    for at in borders.into_iter().flat_map(|at| [at.saturating_sub(1), at, at + 1]).filter(|at| *at > 0) {
        let first = wang.part(url, &format!("bytes=0-{}", at - 1), None).await;
        let rest = other.part(url, &format!("bytes={at}-"), Some(made["etag"].as_str().unwrap())).await;
        assert_eq!((first.status.as_u16(), rest.status.as_u16()), (206, 206));
        assert_eq!([&first.bytes[..], &rest.bytes[..]].concat(), whole.bytes, "cut at {at}");
    }
    stop.cancel();
    let tag = made["etag"].as_str().unwrap();
    let held = wang.request(Method::GET, url).header(header::RANGE, "bytes=7-").header(header::IF_MATCH, tag);
    let held = wang.send(held).await;
    assert_eq!((held.status.as_u16(), &held.bytes[..]), (206, &whole.bytes[7..]));
    let other = wang.part(url, "bytes=7-", Some("\"other\"")).await;
    assert_eq!((other.status.as_u16(), &other.bytes), (200, &whole.bytes), "another zip begins anew");
    let last: Vec<String> =
        sql("SELECT detail FROM audit WHERE act = 'bundle_downloaded' AND username = 'wang' ORDER BY seq DESC LIMIT 2")
            .scalars(&world.app.db)
            .await
            .unwrap();
    let size = whole.bytes.len();
    let range = |first: usize| format!("{} bytes {first}-{}/{size}", made["id"].as_str().unwrap(), size - 1);
    assert_eq!(last, [range(0), range(7)]);

    // One entry for each request that sent a byte.
    let logged = world.count("SELECT COUNT(*) FROM audit WHERE act = 'bundle_downloaded'").await;
    let headers_only = wang.send(wang.request(Method::HEAD, url)).await;
    assert_eq!(
        (headers_only.status.as_u16(), headers_only.header("content-length")),
        (200, &*made["bytes"].to_string())
    );
    let same = wang.send(wang.request(Method::GET, url).header(header::IF_NONE_MATCH, tag)).await;
    assert_eq!(same.status, 304);
    let matches = wang.send(wang.request(Method::GET, url).header(header::IF_MATCH, "\"other\"")).await;
    assert_eq!(matches.status, 412);
    assert_eq!(wang.part(url, "bytes=99999999-", None).await.status, 416);
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'bundle_downloaded'").await, logged);
});

story!(curl_resumes_a_bundle_although_a_late_photo_came_in_between, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(without_field), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(3).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    let wang = world.caller("wang").await;
    let whole = wang.get(&zip_of(&flow)).await;
    assert_eq!(whole.status, 200);
    let frozen = whole.header("content-location").to_owned();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("photos.zip");
    std::fs::write(&file, &whole.bytes[..whole.bytes.len() / 2]).unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let request = wang.request(Method::GET, &frozen).build().unwrap();
    let authorization = format!("authorization: {}", request.headers()["authorization"].to_str().unwrap());
    let (url, target) = (request.url().to_string(), file.clone());
    let resumed = tokio::task::spawn_blocking(move || {
        let flags = ["-sS", "--fail", "--noproxy", "*", "-C", "-", "-H"];
        Command::new("curl").args(flags).arg(authorization).arg("-o").arg(target).arg(url).output().unwrap()
    });
    let resumed = resumed.await.unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(std::fs::read(&file).unwrap(), whole.bytes);
    assert_eq!(photos_in(&wang.get(&zip_of(&flow)).await.bytes), 3, "the present state has another bundle");
});

story!(a_bundle_of_flows_and_of_a_folder_has_a_folder_for_each, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let mut flows = Vec::new();
    for _ in 0..2 {
        let (flow, _, business) = world.seal_use(1).await;
        let wang = world.caller("wang").await;
        wang.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
        world.sim.stamp(&business, 0).await.unwrap();
        world.until_archived(&flow).await;
        flows.push(flow.to_string());
    }
    world.until_quiet().await;
    let wang = world.caller("wang").await;
    let made = bundle_of(&wang, &json!({ "flowIds": flows })).await;
    assert_eq!(made["entries"], 4);
    let twice = bundle_of(&wang, &json!({ "flowIds": [flows[0], flows[1], flows[0]] })).await;
    assert_eq!((&twice["entries"], &twice["etag"]), (&made["entries"], &made["etag"]), "each flow once");
    let evidence = bundle_of(&wang, &json!({ "flowIds": flows, "evidence": true })).await;
    let zip = wang.get(evidence["url"].as_str().unwrap()).await;
    assert_eq!(zip.bytes.len(), evidence["bytes"]);
    let archive = zip::ZipArchive::new(std::io::Cursor::new(zip.bytes.to_vec())).unwrap();
    let bags = archive.file_names().filter(|name| name.as_ref().unwrap().ends_with("/bagit.txt")).count();
    assert_eq!(bags, 2);
    let twice = bundle_of(&wang, &json!({ "flowIds": [flows[0], flows[1], flows[1]], "evidence": true })).await;
    assert_eq!(twice["etag"], evidence["etag"]);
    let top: String = sql("SELECT id FROM folders WHERE name = '用印'").scalar(&world.app.db).await.unwrap();
    let deep = bundle_of(&wang, &json!({ "folderId": top, "deep": true })).await;
    assert_eq!(deep["entries"], 4, "photos and stamped files lie in 用印/2026");
    for wrong in [json!({}), json!({ "folderId": top, "flowIds": flows }), json!({ "folderId": top, "evidence": true })]
    {
        wang.post("/api/bundles", &wrong).await.expect_problem(422, "invalid");
    }
    wang.post("/api/bundles", &json!({ "folderId": top })).await.expect_problem(404, "not_found");
    wang.post("/api/bundles", &json!({ "flowIds": flows, "evidence": true, "faces": true }))
        .await
        .expect_problem(403, "forbidden");
});

/// The photos lie where 张三 alone and the people of the flow see them.
fn personal(definition: &mut Value) {
    definition["integration"]["downloadFolder"] = json!({ "space": "personal", "path": "私" });
    definition["nodes"][1]["assignees"] = json!(["user:wang"]);
}

story!(a_bundle_is_for_those_who_may_have_each_document_now_and_ends, async |engine: Engine| {
    let clock = Clock::manual("2026-11-27T08:00:00Z".parse().unwrap());
    let plan = Plan { definition: Some(personal), clock: clock.clone(), ..Plan::default() };
    let world = World::new(engine, plan).await;
    make_user(&world, "chen", &["member"]).await;
    let documents = archived_documents(&world).await;
    let wish = json!({ "documentIds": documents.iter().map(|document| document.id.to_string()).collect::<Vec<_>>() });
    let made = bundle_of(&world.caller("wang").await, &wish).await;
    let url = made["url"].as_str().unwrap();
    for (username, status) in [("wang", 200), ("zhang", 200), ("li", 200), ("admin", 200), ("sun", 200), ("chen", 403)]
    {
        assert_eq!(world.caller(username).await.get(url).await.status.as_u16(), status, "{username}");
    }
    world.caller("chen").await.post("/api/bundles", &wish).await.expect_problem(404, "not_found");
    // A right that is taken away ends the download of the rest.
    let mut tx = world.app.db.begin().await.unwrap();
    sql("DELETE FROM flow_people WHERE who IN ('user:wang', 'role:operator')").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let wang = world.caller("wang").await;
    world
        .until("the remembered right has ended", async || wang.part(url, "bytes=100-", None).await.status == 403)
        .await;
    wang.part(url, "bytes=100-", None).await.expect_problem(403, "forbidden");

    clock.advance(Duration::from_hours(8 * 24));
    let admin = world.caller("admin").await;
    admin.get(url).await.expect_problem(410, "bundle_gone");
    yinku::bundle::expire(&world.app).await.unwrap();
    admin.get(&format!("{url}/about")).await.expect_problem(410, "bundle_gone");
    let left = world.app.config.data_dir.join("store/bundles");
    assert_eq!(std::fs::read_dir(left).into_iter().flatten().count(), 0);
});
