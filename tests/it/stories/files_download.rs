//! Stories of the three ways of downloading: to the own machine, to the form field, by callback.

use std::io::{Cursor, Read};

use reqwest::{Method, header};
use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};
use yinku::{db::sql, id::FlowId, library::document::Document};

use crate::support::{
    Engine, Plan, World,
    definitions::without_field,
    files::{photos_in, zip_of},
    photos, story,
};

story!(a_local_download_brings_in_what_is_missing_and_can_be_resumed, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(without_field), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(4).await;
    let (wang, path) = (world.caller("wang").await, zip_of(&flow));
    wang.get(&path).await.expect_problem(409, "no_photos");
    // Nobody calls back while the seal is in use: the download itself brings the photos in.
    world.sim.stamp_many(&business, 0, 3).await.unwrap();
    assert_eq!(world.count("SELECT COUNT(*) FROM documents").await, 0);
    let whole = wang.get(&path).await;
    assert_eq!((whole.status.as_u16(), whole.header("content-type")), (200, "application/zip"));
    assert_eq!(whole.header("content-length"), whole.bytes.len().to_string());
    assert!(whole.header("content-disposition").starts_with("attachment; filename=\"YK"));
    let documents = photos::documents(&world, &flow).await;
    assert_eq!(documents.len(), 3);
    let mut archive = zip::ZipArchive::new(Cursor::new(whole.bytes.to_vec())).unwrap();
    assert_eq!(archive.len(), 3);
    for (index, document) in documents.iter().enumerate() {
        let mut entry = archive.by_index(index).unwrap();
        assert_eq!(entry.name().unwrap(), document.name);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        assert_eq!(yinku::hash::Blake3::of(&bytes), document.blake3);
    }

    let tag = whole.header("etag").to_owned();
    let again = wang.get(&path).await;
    assert_eq!((again.header("etag"), &again.bytes), (tag.as_str(), &whole.bytes), "equal state, equal bytes");
    let length = whole.bytes.len();
    for (from, to) in [(0, 9), (10, length / 2), (length / 2 + 1, length - 1)] {
        let part = wang.part(&path, &format!("bytes={from}-{to}"), Some(&tag)).await;
        assert_eq!((part.status.as_u16(), part.header("etag")), (206, tag.as_str()));
        assert_eq!(part.header("content-range"), format!("bytes {from}-{to}/{length}"));
        assert_eq!(part.bytes, whole.bytes[from..=to]);
    }
    assert_eq!(wang.part(&path, &format!("bytes={length}-"), Some(&tag)).await.status, 416);
    let same = wang.send(wang.request(Method::GET, &path).header(header::IF_NONE_MATCH, &tag)).await;
    assert_eq!(same.status, 304);
    assert!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'photos_downloaded'").await >= 5);

    // A fourth photo: a resumed download of the old zip starts over. It works after the flow has gone on, too.
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let other = wang.part(&path, "bytes=10-", Some(&tag)).await;
    assert_eq!(other.status, 200);
    assert_ne!(other.header("etag"), tag);
    assert_eq!(photos_in(&other.bytes), 4);
    world.caller("zhao").await.get(&path).await.expect_problem(404, "not_found");
});

story!(a_local_download_says_so_when_the_vendor_fails, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(without_field), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(3).await;
    let keys = world.sim.stamp_many(&business, 0, 2).await.unwrap();
    let (wang, path) = (world.caller("wang").await, zip_of(&flow));
    world.sim.set_fault(Fault::always(Target::Image, FaultKind::Status { status: 500 }).only(&keys[..1]));
    let told = wang.get(&path).await;
    let retry_after: u64 = told.header("retry-after").parse().unwrap();
    assert!((1..=3600).contains(&retry_after));
    let problem = told.expect_problem(503, "vendor_failed");
    assert!(problem["detail"].as_str().unwrap().contains("500"), "{problem}");
    let partial = wang.get(&format!("{path}?partial=true")).await;
    assert_eq!(photos_in(&partial.bytes), 1);
    world.sim.clear_faults();
    let whole = wang.get(&path).await;
    assert_eq!(photos_in(&whole.bytes), 2);
    world.sim.set_fault(Fault::always(Target::Detail, FaultKind::Status { status: 503 }));
    wang.get(&path).await.expect_problem(503, "vendor_failed");
});

/// What the definition says, the folder, and where its originals lie.
type Space = (fn(&mut Value), &'static str, &'static str);

const SPACES: [Space; 3] = [
    (
        |definition| definition["integration"]["downloadFolder"] = json!({ "space": "public", "path": "用印/2026" }),
        "public/2026",
        "originals/公共知识库/用印/2026/",
    ),
    (
        |definition| definition["integration"]["downloadFolder"] = json!({ "space": "personal", "path": "合同" }),
        "personal/合同",
        "originals/个人知识库/zhang/合同/",
    ),
    (
        |definition| _ = definition["integration"].as_object_mut().unwrap().remove("downloadFolder"),
        "system/系统知识库-电子签",
        "originals/系统知识库-电子签/",
    ),
];

async fn lie_in(world: &World, flow: &FlowId, folder: &str, prefix: &str) -> Vec<Document> {
    let documents = Document::of_flow(&world.app.db, flow).await.unwrap();
    for document in &documents {
        let place: String = sql("SELECT space || '/' || name FROM folders WHERE id = $1")
            .bind(&document.folder_id)
            .scalar(&world.app.db)
            .await
            .unwrap();
        assert_eq!(place, folder);
        assert!(document.store_key.starts_with(prefix), "{}", document.store_key);
    }
    documents
}

story!(photos_collected_to_the_field_lie_in_the_configured_space_and_are_not_doubled, async |engine: Engine| {
    for (change, folder, prefix) in SPACES {
        let world = World::new(engine, Plan { definition: Some(change), ..Plan::default() }).await;
        let (flow, _, business) = world.seal_use(3).await;
        world.sim.stamp_many(&business, 0, 2).await.unwrap();
        let wang = world.caller("wang").await;
        for _ in 0..2 {
            wang.post(&format!("/api/flows/{flow}/collect"), &json!({})).await.expect(202);
            world
                .until("both photos are here", async || world.count("SELECT COUNT(*) FROM documents").await == 2)
                .await;
            world.until_quiet().await;
        }
        world.sim.stamp(&business, 0).await.unwrap();
        world.until_archived(&flow).await;
        let documents = lie_in(&world, &flow, folder, prefix).await;
        assert_eq!(documents.len(), 3, "by the button and by the callback, each once");
        assert!(documents.iter().all(|document| document.field_key.as_deref() == Some("photos")));
    }
});

story!(photos_for_local_download_lie_in_the_configured_space_without_a_field, async |engine: Engine| {
    let changes: [fn(&mut Value); 3] = [
        |definition| (SPACES[0].0(definition), without_field(definition)).0,
        |definition| (SPACES[1].0(definition), without_field(definition)).0,
        |definition| (SPACES[2].0(definition), without_field(definition)).0,
    ];
    for (change, (_, folder, prefix)) in changes.into_iter().zip(SPACES) {
        let world = World::new(engine, Plan { definition: Some(change), ..Plan::default() }).await;
        let (flow, _, business) = world.seal_use(2).await;
        world.sim.stamp(&business, 0).await.unwrap();
        let zip = world.caller("wang").await.get(&zip_of(&flow)).await;
        assert_eq!(photos_in(&zip.bytes), 1);
        // The rest by callback.
        world.sim.stamp(&business, 0).await.unwrap();
        world.until_archived(&flow).await;
        let documents = lie_in(&world, &flow, folder, prefix).await;
        assert_eq!(documents.len(), 2);
        assert!(documents.iter().all(|document| document.field_key.is_none()));
    }
});

story!(with_a_download_field_there_is_no_local_download, async |world: World| {
    let (flow, ..) = world.seal_use(1).await;
    world.caller("wang").await.get(&zip_of(&flow)).await.expect_problem(409, "has_download_field");
});
