//! Stories of the main job, each on both engines, through the front door.

use crate::support::{World, story};

story!(a_completed_seal_use_becomes_archived_photos, async |world: World| {
    let (flow, seal_use, business) = world.seal_use(5).await;
    world.sim.stamp_many(&business, 0, 5).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks WHERE state <> 'done'").await, 0);
    let photos = world.photos(&seal_use.id).await;
    assert_eq!(photos.len(), 5);
    assert_eq!(photos.iter().map(|photo| photo.no).collect::<Vec<_>>(), (1..=5).map(Some).collect::<Vec<_>>());
    for photo in &photos {
        assert_eq!((photo.state.as_str(), photo.documents), ("done", 1), "{photo:?}");
    }
    world.assert_snapshot("a_completed_seal_use").await;
});
