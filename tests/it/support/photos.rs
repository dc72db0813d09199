//! What came of photos: rows, folders, manifests.

use serde_json::Value;
use yinku::{db::sql, id::FlowId, library::document::Document, store::StoreKey};

use crate::support::world::{PhotoRow, World};

/// Every photo is stored, numbered and linked to one document.
pub(crate) fn all_done_once(photos: &[PhotoRow], count: usize) {
    assert_eq!(photos.len(), count, "{photos:#?}");
    let numbers: Vec<_> = photos.iter().map(|photo| photo.no).collect();
    assert_eq!(numbers, (1..=i64::try_from(count).unwrap()).map(Some).collect::<Vec<_>>());
    for photo in photos {
        assert_eq!((photo.state.as_str(), photo.documents, &photo.error_code), ("done", 1, &None), "{photo:?}");
    }
}

/// The documents of a flow's photos, by field and number.
pub(crate) async fn documents(world: &World, flow: &FlowId) -> Vec<Document> {
    let mut documents = Document::of_flow(&world.app.db, flow).await.unwrap();
    documents.retain(|document| document.photo.photo_id.is_some());
    documents
}

/// How many photos have their original.
pub(crate) async fn stored(world: &World) -> i64 {
    world.count("SELECT COUNT(original_hash) FROM photos").await
}

/// How often the vendor was asked for a zip.
pub(crate) fn zips(world: &World) -> u64 {
    let requests = world.sim.counters().requests;
    requests.iter().filter(|(path, _)| path.contains("images/download")).map(|(_, times)| times).sum()
}

/// How many photos nobody tries any more.
pub(crate) async fn parked(world: &World) -> i64 {
    world.count("SELECT COUNT(*) FROM photos WHERE state = 'failed'").await
}

/// The month in the keys of what comes now.
pub(crate) fn month(world: &World) -> String {
    world.app.clock.now().in_china().strftime("%Y-%m").to_string()
}

/// Every folder, with its space.
pub(crate) async fn folders(world: &World) -> Vec<String> {
    sql("SELECT space || ': ' || name FROM folders ORDER BY 1").scalars(&world.app.db).await.unwrap()
}

/// The manifest of this number, as it lies in the store.
pub(crate) async fn manifest(world: &World, n: i64) -> Value {
    let key: String = sql("SELECT store_key FROM manifests WHERE n = $1").bind(n).scalar(&world.app.db).await.unwrap();
    serde_json::from_slice(&world.app.store.get(&StoreKey::Raw(key)).await.unwrap()).unwrap()
}
