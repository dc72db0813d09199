//! The power fails in the middle: the real program is killed at a named point, started again, and every photo is there
//! exactly once.

use yinku::{db::sql, hash::Blake3, id::FlowId, library::document::Document, store::StoreKey};

use crate::support::{Engine, process::House, story};

const STAMPINGS: u32 = 5;

story!(after_the_callback_is_committed, async |engine: Engine| survives(engine, "callback_committed").await);
story!(after_the_detail_is_stored, async |engine: Engine| survives(engine, "detail_stored").await);
story!(after_an_original_is_put, async |engine: Engine| survives(engine, "original_put:3").await);
story!(after_a_thumbnail_is_put, async |engine: Engine| survives(engine, "thumbnail_put:3").await);
story!(after_a_link_is_committed, async |engine: Engine| survives(engine, "link_committed").await);
story!(after_the_manifest_is_put, async |engine: Engine| survives(engine, "manifest_put").await);

async fn survives(engine: Engine, point: &str) {
    let house = House::build(engine, None).await;
    let first = house.serve(Some(point));
    let (flow, seal_use) = house.applied_flow(STAMPINGS).await;
    let business = seal_use.business_id.clone().unwrap();
    // The callback of the last stamping may find nobody alive any more: that is part of the story.
    house.sim.stamp_many(&business, 0, STAMPINGS).await.unwrap();
    house.until_killed(first).await;

    let second = house.serve(None);
    house.until_archived(&flow).await;
    house.retire(second).await;
    every_photo_exactly_once(&house, &flow).await;
}

async fn every_photo_exactly_once(house: &House, flow: &FlowId) {
    let app = &house.app;
    let documents = Document::of_flow(&app.db, flow).await.unwrap();
    assert_eq!(documents.len(), STAMPINGS as usize);
    let mut numbers: Vec<Option<i64>> = documents.iter().map(|document| document.photo.no).collect();
    numbers.sort();
    assert_eq!(numbers, (1..=i64::from(STAMPINGS)).map(Some).collect::<Vec<_>>());
    for document in &documents {
        assert_eq!(document.field_key.as_deref(), Some("photos"));
        let bytes = app.store.get(&StoreKey::Raw(document.store_key.clone())).await.unwrap();
        assert_eq!(Blake3::of(&bytes), document.blake3);
        let key = document.photo.photokey.as_deref().unwrap();
        assert_eq!(bytes.to_vec(), house.sim.photo_bytes(key).await.unwrap(), "unaltered");
        for size in [256, 1280] {
            let key = StoreKey::Thumbnail { size, hash: document.blake3.clone() };
            assert!(app.store.exists(&key).await.unwrap(), "thumbnail {size}");
        }
    }
    let photos: i64 = sql("SELECT COUNT(*) FROM photos").scalar(&app.db).await.unwrap();
    assert_eq!(photos, i64::from(STAMPINGS));
    let manifests: i64 = sql("SELECT COUNT(*) FROM manifests").scalar(&app.db).await.unwrap();
    assert_eq!(manifests, 1);
}
