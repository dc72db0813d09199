//! Stories of what lies behind documents: the data of the camera, face photos in copies, and bytes that go for good.

use std::time::Duration;

use serde_json::json;
use simulator::Kind;
use yinku::{
    clock::Clock,
    original::{Original, parted},
    preservation::parting,
    store::StoreKey,
};

use super::{
    library_folders::{bring, id, make},
    library_rights::set,
};
use crate::support::{
    Engine, Plan, World,
    database::NOW,
    files::{form, pdf},
    flows::show,
    people::make_user,
    pictures::photographed,
    story,
};

story!(the_camera_tells_device_time_and_place, async |world: World| {
    let zhao = world.caller("zhao").await;
    let top = make(&zhao, None, "甲").await;
    let files = form([("照片.png", photographed())]);
    let brought = zhao.bring(&format!("/api/folders/{top}/documents"), files).await.expect(201);
    let exif = zhao.get(&format!("/api/documents/{}/exif", id(&brought[0]))).await.expect(200);
    assert_eq!((&exif["model"], &exif["taken"]), (&json!("P9"), &json!("2026:03:02 10:11:12")));
    assert_eq!(exif["gps"], json!({ "latitude": 31.25, "longitude": 121.5, "altitude": null }));
});

story!(a_copy_of_a_face_photo_needs_the_right_to_faces, async |world: World| {
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    make_user(&world, "chen", &["member"]).await;
    let (admin, chen, zhao) = (world.caller("admin").await, world.caller("chen").await, world.caller("zhao").await);
    let photos = show(&admin, &flow).await["files"]["photos"].clone();
    let face = photos.as_array().unwrap().iter().find(|photo| photo["photo"]["kind"] == "face").unwrap();
    let to = make(&admin, None, "副本").await;
    let into = json!({ "folderId": to });
    zhao.post(&format!("/api/documents/{}/copy", id(face)), &into).await.expect_problem(404, "not_found");
    let copy = admin.post(&format!("/api/documents/{}/copy", id(face)), &into).await.expect(201);
    let path = format!("/api/documents/{}", id(&copy));
    let listed = async |count: usize| {
        let page = chen.get(&format!("/api/folders/{to}/documents")).await.expect(200);
        assert_eq!((page["items"].as_array().unwrap().len(), &page["total"]), (count, &json!(count)));
    };
    for part in ["", "/content", "/thumbnail/256", "/exif"] {
        chen.get(&format!("{path}{part}")).await.expect_problem(404, "not_found");
    }
    listed(0).await;
    set(&admin, &to, true, json!([{ "who": "user:chen", "faces": true }])).await;
    for part in ["", "/content", "/thumbnail/256", "/exif"] {
        assert_eq!(chen.get(&format!("{path}{part}")).await.status, 200, "{part}");
    }
    listed(1).await;
    // A copy of the copy is a face photo, too.
    let other = make(&admin, None, "别处").await;
    let again = admin.post(&format!("{path}/copy"), &json!({ "folderId": other })).await.expect(201);
    chen.get(&format!("/api/documents/{}", id(&again))).await.expect_problem(404, "not_found");
    admin.get(&format!("/api/documents/{}", id(&again))).await.expect(200);
});

story!(bytes_go_a_day_after_the_last_document_that_had_them, async |engine: Engine| {
    let clock = Clock::manual(NOW);
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    let zhao = world.caller("zhao").await;
    let [top, other] = [make(&zhao, None, "甲").await, make(&zhao, None, "乙").await];
    let file = bring(&zhao, &top, &["1.pdf"]).await.remove(0);
    let hash =
        zhao.get(&format!("/api/documents/{file}")).await.expect(200)["blake3"].as_str().unwrap().parse().unwrap();
    let key = Original::find(&world.app.db, &hash).await.unwrap().unwrap().store_key;
    let here = async || world.app.store.exists(&StoreKey::Raw(key.clone())).await.unwrap();
    let gone_after = async |hours: u64| {
        clock.advance(Duration::from_hours(hours));
        parting::run(&world.app).await.unwrap()
    };
    let remove = async |id: &str| {
        zhao.delete(&format!("/api/documents/{id}")).await.expect(204);
        zhao.delete(&format!("/api/trash/{id}")).await.expect(204);
    };
    // A copy has the same content.
    let copy = zhao.post(&format!("/api/documents/{file}/copy"), &json!({ "folderId": other })).await.expect(201);
    remove(&file).await;
    assert_eq!((gone_after(25).await, here().await), (0, true));
    remove(&id(&copy)).await;
    assert_eq!((gone_after(23).await, here().await), (0, true));
    // The same content comes again in time, and goes to the trash only.
    let again = bring(&zhao, &top, &["1.pdf"]).await.remove(0);
    zhao.delete(&format!("/api/documents/{again}")).await.expect(204);
    assert_eq!((gone_after(25).await, here().await), (0, true));
    zhao.post(&format!("/api/documents/{again}/restore"), &json!({})).await.expect(200);
    remove(&again).await;
    assert_eq!((gone_after(25).await, here().await), (1, false));
    assert_eq!(world.count("SELECT COUNT(*) FROM originals").await, 0);
    assert_eq!(world.count("SELECT COUNT(*) FROM parted_originals").await, 0);
    // What comes later is stored anew.
    let later = bring(&zhao, &top, &["1.pdf"]).await.remove(0);
    assert_eq!(zhao.get(&format!("/api/documents/{later}/content")).await.bytes, pdf("1.pdf")[..]);
    // A process that ended in the middle: nobody gets the content until the next one is through.
    remove(&later).await;
    clock.advance(Duration::from_hours(25));
    let mut tx = world.app.db.begin().await.unwrap();
    assert!(parted::let_go(&mut tx, &hash, world.app.clock.now()).await.unwrap().is_some());
    tx.commit().await.unwrap();
    let upload = zhao.bring(&format!("/api/folders/{top}/documents"), form([("1.pdf", pdf("1.pdf"))])).await;
    upload.expect_problem(503, "database_unavailable");
    assert_eq!(gone_after(0).await, 1);
    let last = bring(&zhao, &top, &["1.pdf"]).await.remove(0);
    assert_eq!(zhao.get(&format!("/api/documents/{last}/content")).await.bytes, pdf("1.pdf")[..]);
});
