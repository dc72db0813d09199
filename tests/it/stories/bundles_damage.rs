//! Stories of originals that are damaged or lost: they never leave as good.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use yinku::{library::document::Document, preservation::findings, store::StoreKey};

use super::bundles::bundle_of;
use crate::support::{Caller, World, photos, seals::archived, story};

fn key(document: &Document) -> StoreKey {
    StoreKey::Raw(document.store_key.clone())
}

/// Lengthens, shortens, changes and loses an original each. Returns the good bytes.
async fn damage(world: &World, documents: &[Document]) -> Vec<Vec<u8>> {
    let mut good = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let bytes = world.app.store.get(&key(document)).await.unwrap().to_vec();
        let mut bad = bytes.clone();
        match at {
            0 => bad.push(0),
            1 => bad.truncate(bytes.len() - 1),
            2 => bad[bytes.len() / 2] ^= 1,
            _ => bad.clear(),
        }
        if bad.is_empty() {
            world.app.store.delete(&key(document)).await.unwrap();
        } else {
            world.app.store.put(&key(document), bad.into()).await.unwrap();
        }
        good.push(bytes);
    }
    good
}

/// The connection breaks before or after the head of the answer, or it is no answer with bytes.
async fn breaks_off(caller: &Caller, path: &str) -> bool {
    let Ok(answer) = caller.request(Method::GET, path).send().await else { return true };
    !answer.status().is_success() || answer.bytes().await.is_err()
}

async fn ask(caller: &Caller, method: Method, path: &str, range: Option<&str>) -> u16 {
    let request = caller.request(method, path);
    let request = match range {
        Some(range) => request.header("range", range),
        None => request,
    };
    caller.send(request).await.status.as_u16()
}

async fn found(world: &World) -> i64 {
    world.count("SELECT COUNT(*) FROM audit WHERE act = 'damage_found'").await
}

fn url(bundle: &Value) -> String {
    bundle["url"].as_str().unwrap().to_owned()
}

story!(each_kind_of_damage_is_a_finding_once_and_ends_the_bundles_that_have_it, async |world: World| {
    let flow = archived(&world, 5).await;
    let wang = world.caller("wang").await;
    let documents = photos::documents(&world, &flow).await;
    assert_eq!(documents.iter().map(|document| &document.blake3).collect::<BTreeSet<_>>().len(), 5);
    let mut alone = Vec::new();
    for document in &documents {
        alone.push(url(&bundle_of(&wang, &json!({ "documentIds": [document.id.to_string()] })).await));
    }
    let good = damage(&world, &documents[..4]).await;
    for (at, bundle) in alone[..4].iter().enumerate() {
        assert!(breaks_off(&wang, bundle).await, "{at} must not end as if it were whole");
        assert_eq!(found(&world).await, i64::try_from(at + 1).unwrap());
        wang.get(bundle).await.expect_problem(410, "bundle_gone");
        wang.part(bundle, "bytes=0-9", None).await.expect_problem(410, "bundle_gone");
        wang.get(&format!("{bundle}/about")).await.expect_problem(410, "bundle_gone");
        let content = format!("/api/documents/{}/content", documents[at].id);
        wang.get(&content).await.expect_problem(500, "original_damaged");
        for (method, range) in [(Method::HEAD, None), (Method::GET, Some("bytes=0-9"))] {
            assert_eq!(ask(&wang, method, &content, range).await, 500);
        }
        assert_eq!(wang.get(&format!("/api/documents/{}/thumbnail/256", documents[at].id)).await.status, 200);
    }
    assert_eq!(wang.get(&alone[4]).await.status, 200);
    assert_eq!(found(&world).await, 4, "one damage, one finding");

    // What cannot be given is named, in the answer and in the zip.
    let made = bundle_of(&wang, &json!({ "flowIds": [flow.to_string()] })).await;
    let left: Vec<(&str, &str)> = made["left"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["code"].as_str().unwrap()))
        .collect();
    assert_eq!((made["entries"].as_i64(), left.len()), (Some(2), 4));
    let zip = wang.get(&url(&made)).await;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip.bytes.to_vec())).unwrap();
    let list = std::io::read_to_string(archive.by_name("缺失清单.txt").unwrap()).unwrap();
    for (name, code) in left {
        assert_eq!(code, "original_damaged");
        assert!(list.contains(name) && documents[..4].iter().any(|one| name.ends_with(&one.name)), "{name}: {list}");
    }
    assert_eq!(wang.get(&format!("{}/about", url(&made))).await.expect(200)["left"], made["left"]);

    // The present package cannot be given, and its bundle is gone.
    wang.get(&format!("/api/flows/{flow}/evidence.zip")).await.expect_problem(500, "original_damaged");

    // A finding heals when the bytes are right again.
    for (document, bytes) in documents.iter().zip(good) {
        world.app.store.put(&key(document), bytes.into()).await.unwrap();
    }
    heal(&world, &documents).await;
    for (bundle, document) in alone.iter().zip(&documents) {
        assert_eq!(wang.get(bundle).await.status, 200);
        assert_eq!(wang.get(&format!("/api/documents/{}/content", document.id)).await.status, 200);
    }
});

async fn heal(world: &World, documents: &[Document]) {
    let hashes: Vec<&str> = documents.iter().map(|document| document.blake3.as_str()).collect();
    let mut tx = world.app.db.begin().await.unwrap();
    findings::heal(&mut tx, &hashes, "story", world.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

story!(a_document_of_another_length_or_lost_is_never_served_as_good, async |world: World| {
    let flow = archived(&world, 4).await;
    let wang = world.caller("wang").await;
    let documents = photos::documents(&world, &flow).await;
    damage(&world, &documents).await;
    for (at, document) in documents.iter().enumerate() {
        let content = format!("/api/documents/{}/content", document.id);
        // A whole read finds a changed byte. Any request finds another length and an object that is lost.
        let first = if at == 2 { None } else { Some("bytes=0-9") };
        if first.is_some() {
            assert_eq!(ask(&wang, Method::GET, &content, first).await, 500, "{at}");
        } else {
            assert!(breaks_off(&wang, &content).await);
        }
        wang.get(&content).await.expect_problem(500, "original_damaged");
    }
    assert_eq!(found(&world).await, 4);
    let keys =
        world.count("SELECT COUNT(*) FROM audit WHERE act = 'damage_found' AND subject LIKE 'originals/%'").await;
    assert_eq!(keys, 0, "the subject is the hash");
});

story!(a_package_with_a_damaged_part_ends_and_is_made_anew, async |world: World| {
    let flow = archived(&world, 2).await;
    let wang = world.caller("wang").await;
    let package = format!("/api/flows/{flow}/evidence.zip");
    let good = wang.get(&package).await;
    let frozen = good.header("content-location").to_owned();
    let many = url(&bundle_of(&wang, &json!({ "flowIds": [flow.to_string()], "evidence": true })).await);
    let id = frozen.rsplit('/').next().unwrap();
    let parts = world.app.config.data_dir.join(format!("store/evidence/{flow}/{id}"));
    let mut parts = std::fs::read_dir(parts).unwrap().map(|part| part.unwrap().path());
    let report = parts.find(|path| path.extension().is_some_and(|ext| ext == "html")).unwrap();
    let mut bytes = std::fs::read(&report).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&report, bytes).unwrap();
    assert!(breaks_off(&wang, &many).await);
    for ended in [&many, &frozen] {
        world.until("both have ended", async || ask(&wang, Method::HEAD, ended, None).await == 410).await;
    }
    let again = wang.get(&package).await;
    assert_eq!((again.status.as_u16(), &again.bytes), (200, &good.bytes));
    assert_eq!(found(&world).await, 0, "no original is damaged");
});
