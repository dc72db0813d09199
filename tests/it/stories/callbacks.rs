//! Stories of callbacks: twice, late, never, too early, for nobody.

use std::time::{Duration, Instant};

use bytes::Bytes;
use simulator::{Encoding, Fault, FaultKind, Kind, Stamp, Target};
use yinku::{
    callback::{Inbox, Received},
    db::sql,
};

use crate::support::{
    Engine, Plan, World,
    callbacks::{callback_with, looks_often, no_callback_waits, without_end_callback},
    definitions::archived_by_hand,
    photos::{all_done_once, stored, zips},
    seals::without_photo,
    story,
    world::small_photos,
};

story!(twenty_equal_callbacks_at_once_bring_each_photo_in_once, async |engine: Engine| {
    let mut knobs = small_photos();
    knobs.callback.duplicates = 20;
    knobs.callback.concurrent = true;
    let world = World::new(engine, Plan { knobs: Some(knobs), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(4).await;
    world.sim.stamp_many(&business, 0, 4).await.unwrap();
    world.until_archived(&flow).await;
    no_callback_waits(&world).await;
    all_done_once(&world.photos(&seal_use.id).await, 4);
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 20);
    assert_eq!(world.count("SELECT COUNT(DISTINCT digest) FROM callbacks").await, 1);
    assert_eq!(world.count("SELECT COUNT(*) FROM ingests").await, 1);
    let downloads = world.sim.counters().downloads;
    assert!(downloads.len() == 4 && downloads.values().all(|times| *times == 1), "{downloads:?}");
    world.assert_snapshot("twenty_equal_callbacks").await;
});

story!(an_end_by_the_platform_archives_too, async |world: World| {
    let (flow, seal_use, business) = world.seal_use(5).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.sim.finish(&business, "用完了").await.unwrap();
    world.until_archived(&flow).await;
    no_callback_waits(&world).await;
    all_done_once(&world.photos(&seal_use.id).await, 2);
    assert_eq!(world.count("SELECT COUNT(*) FROM seal_uses WHERE status = 'finished'").await, 1);
    world.assert_snapshot("an_end_by_the_platform").await;
});

story!(an_append_after_the_end_reopens_and_a_second_end_completes, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(archived_by_hand), ..Plan::default() }).await;
    let (_, seal_use, business) = world.seal_use(2).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until("both photos are in", async || stored(&world).await == 2).await;
    no_callback_waits(&world).await;
    world.sim.append(&business, 1, None).unwrap();
    // The second end's callback is byte-identical to the first and must act all the same.
    world.sim.stamp_many(&business, 0, 1).await.unwrap();
    world.until("the third photo is in", async || stored(&world).await == 3).await;
    no_callback_waits(&world).await;
    all_done_once(&world.photos(&seal_use.id).await, 3);
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 2);
    assert_eq!(world.count("SELECT COUNT(DISTINCT digest) FROM callbacks").await, 1);
    world.assert_snapshot("an_append_after_the_end").await;
});

story!(a_callback_before_the_photos_waits_for_them, async |engine: Engine| {
    let mut knobs = small_photos();
    knobs.photo.photo_delay_ms = 1500;
    let world = World::new(engine, Plan { knobs: Some(knobs), config: Some(looks_often), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(3).await;
    world.sim.stamp_many(&business, 0, 3).await.unwrap();
    world
        .until("the end is known and photos are owed", async || {
            world.count("SELECT COUNT(*) FROM ingests WHERE state = 'waiting'").await == 1
        })
        .await;
    assert!(world.flow(&flow).await.archived_at.is_none());
    world.until_archived(&flow).await;
    all_done_once(&world.photos(&seal_use.id).await, 3);
});

story!(a_late_photo_without_a_callback_is_found_and_supplements_the_archive, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(looks_often), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(2).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    world.sim.late_photo(&business, 0, Kind::Signatory).unwrap();
    world
        .until("a second manifest records it", async || {
            world.count("SELECT COUNT(*) FROM manifests WHERE n = 2 AND documents = 3").await == 1
        })
        .await;
    all_done_once(&world.photos(&seal_use.id).await, 3);
    let acts: Vec<String> = sql("SELECT act FROM flow_events WHERE act IN ('archived', 'supplemented') ORDER BY id")
        .scalars(&world.app.db)
        .await
        .unwrap();
    assert_eq!(acts, ["archived", "supplemented"]);
});

story!(a_lost_callback_is_healed_by_looking, async |engine: Engine| {
    let plan = Plan { knobs: Some(without_end_callback()), config: Some(looks_often), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, seal_use, business) = world.seal_use(3).await;
    world.sim.stamp_many(&business, 0, 3).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 0);
    all_done_once(&world.photos(&seal_use.id).await, 3);
});

story!(an_orphan_is_given_to_its_seal_use_when_that_becomes_known, async |engine: Engine| {
    let world = World::new(engine, Plan { knobs: Some(without_end_callback()), ..Plan::default() }).await;
    world.sim.set_fault(Fault::times(Target::Apply, FaultKind::Slow { bytes_per_second: 300 }, 1));
    let flow = world.start_flow(2).await;
    world.approve(&flow).await;
    // The vendor has the application; its answer is still on the way.
    world.until("the vendor has the application", async || !world.sim.businesses().is_empty()).await;
    let business = world.sim.businesses().remove(0).id;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    let answers = world
        .sim
        .send_callback(
            &callback_with(
                &world,
                Some("application/x-www-form-urlencoded"),
                format!("businessId={business}&status=COMPLETE").as_bytes(),
            ),
            1,
            false,
        )
        .await;
    assert_eq!(answers[0].status, Some(200));
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks WHERE state = 'orphan'").await, 1);
    world.until_archived(&flow).await;
    no_callback_waits(&world).await;
    assert_eq!(stored(&world).await, 2);
});

story!(push_key_and_zip_of_one_photo_are_one_photo, async |engine: Engine| {
    let mut knobs = small_photos();
    knobs.callback.push = Encoding::Multipart;
    let world = World::new(engine, Plan { knobs: Some(knobs), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(3).await;
    // Counted once more than there are photos: the zip is read, too.
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until("the zip was read", async || zips(&world) >= 1).await;
    world.until_quiet().await;
    let photos = world.photos(&seal_use.id).await;
    all_done_once(&photos, 2);
    assert!(photos.iter().all(|photo| photo.photokey.is_some()), "{photos:#?}");
    assert!(photos.iter().all(|photo| photo.grant_id.is_some()));
    assert!(world.flow(&flow).await.archived_at.is_none(), "one photo is owed");
    let names: Vec<String> = sql("SELECT name FROM documents").scalars(&world.app.db).await.unwrap();
    assert!(names.iter().all(|name| name.contains("_公章_")), "{names:?}");
});

story!(three_stampings_with_equal_bytes_are_three_photos_of_one_original, async |world: World| {
    let (flow, seal_use, business) = world.seal_use(3).await;
    let first = world.sim.stamp(&business, 0).await.unwrap();
    let same = Stamp { same_as: Some(first), ..Stamp::default() };
    for _ in 0..2 {
        world.sim.stamp_with(&business, 0, &same).await.unwrap();
    }
    world.until_archived(&flow).await;
    all_done_once(&world.photos(&seal_use.id).await, 3);
    assert_eq!(world.count("SELECT COUNT(*) FROM originals").await, 1);
    assert_eq!(world.count("SELECT COUNT(*) FROM documents").await, 3);
    assert_eq!(world.count("SELECT duplicates FROM ingests").await, 2);
    world.assert_snapshot("equal_bytes").await;
});

story!(an_emergency_photo_that_is_only_pushed_is_kept, async |world: World| {
    let (flow, seal_use, business) = world.seal_use(1).await;
    world.sim.push_only_emergency(&business, 0, 1).await.unwrap();
    world.until("the pushed photo is in", async || stored(&world).await == 1).await;
    // The vendor's zip has it.
    world.until_quiet().await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    no_callback_waits(&world).await;
    let photos = world.photos(&seal_use.id).await;
    all_done_once(&photos, 2);
    assert_eq!(photos.iter().map(|photo| photo.kind.as_str()).collect::<Vec<_>>(), ["emergency", "signatory"]);
    world.assert_snapshot("a_pushed_emergency").await;
});

story!(photos_are_numbered_in_the_order_of_the_stampings, async |world: World| {
    let (flow, seal_use, business) = world.seal_use(5).await;
    let mut keys = world.sim.stamp_many(&business, 0, 4).await.unwrap();
    // The first photo comes in last.
    world.sim.set_fault(Fault::times(Target::Image, FaultKind::Status { status: 500 }, 2).only(&[keys[0].as_str()]));
    keys.push(world.sim.stamp(&business, 0).await.unwrap());
    world.until_archived(&flow).await;
    let photos = world.photos(&seal_use.id).await;
    all_done_once(&photos, 5);
    assert_eq!(photos.into_iter().map(|photo| photo.photokey.unwrap()).collect::<Vec<_>>(), keys);
    let names: Vec<String> = sql("SELECT name FROM documents ORDER BY name").scalars(&world.app.db).await.unwrap();
    assert!(names.iter().zip(1..).all(|(name, no)| name.contains(&format!("_{no:03}_"))), "{names:?}");
});

story!(a_use_that_ends_without_a_stamp_is_not_archived, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.finish(&business, "不用了").await.unwrap();
    world
        .until("the end is known", async || {
            world.count("SELECT COUNT(*) FROM seal_uses WHERE status = 'finished'").await == 1
        })
        .await;
    no_callback_waits(&world).await;
    let flow = world.flow(&flow).await;
    assert_eq!((flow.archived_at, flow.node.as_deref()), (None, Some("seal")));
    world.assert_snapshot("an_end_without_a_stamp").await;
});

story!(junk_is_kept_and_answered, async |world: World| {
    for body in ["", "\u{0}\u{1}junk", "{\"a\":", "businessId=12x", "businessId=99999999999999999999&status=COMPLETE"] {
        let junk = callback_with(&world, None, body.as_bytes());
        let answers = world.sim.send_callback(&junk, 1, false).await;
        assert_eq!(answers[0].status, Some(200), "{body:?}");
    }
    let kept: Vec<Vec<u8>> = sql("SELECT body FROM callbacks ORDER BY id").scalars(&world.app.db).await.unwrap();
    assert_eq!(kept[1], b"\x00\x01junk");
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks WHERE state IN ('dead', 'orphan')").await, 5);
    assert_eq!(world.count("SELECT COUNT(*) FROM jobs").await, 0);
});

story!(encrypted_callbacks_are_kept_raw_and_answered_in_their_own_words, async |world: World| {
    let encrypted = [
        (
            "N",
            "application/json",
            r#"{"signature":"s","timestamp":1700000000000,"nonce":"n","encrypted":"3136+HCVyxuaH0cFW3iX1g=="}"#,
        ),
        (
            "F",
            "application/x-www-form-urlencoded",
            "signature=s&timestamp=1700000000000&content=QA4%2BXCeNSQw5i69bUlEXXQ%3D%3D",
        ),
    ];
    for (shape, content_type, body) in encrypted {
        let callback = callback_with(&world, Some(content_type), body.as_bytes());
        let answers = world.sim.send_callback(&callback, 1, false).await;
        assert_eq!((answers[0].status, answers[0].answer.as_str()), (Some(200), "success"), "{shape}");
        let (kept, told): (Vec<u8>, String) =
            sql("SELECT body, error FROM callbacks WHERE shape = $1").bind(shape).one(&world.app.db).await.unwrap();
        assert_eq!((kept.as_slice(), told.as_str()), (body.as_bytes(), "encrypted; stored but not read"), "{shape}");
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM jobs").await, 0);
});

story!(while_photos_wait_for_a_processor_callbacks_are_kept_in_groups_that_take_their_time, async |world: World| {
    let (app, inbox) = (&world.app, Inbox::start(world.app.clone()));
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Arc::new(std::sync::Mutex::new(released));
    while !app.cpu.is_full() {
        let (cpu, released) = (app.cpu.clone(), released.clone());
        tokio::spawn(async move { cpu.run(0, move || released.lock().unwrap().recv().is_err()).await });
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    for n in 0..20 {
        let received = Received {
            peer: "127.0.0.1:1".to_owned(),
            authenticated: true,
            query: format!("businessId={n}&status=USING"),
            content_type: None,
            body: Bytes::new(),
        };
        inbox.receive(received).await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, n + 1, "durable before it is answered");
    }
    // One after another: each but the first waits until 25 ms have passed since the one before.
    assert!(begun.elapsed() >= Duration::from_millis(475), "{:?}", begun.elapsed());
    drop(release);
});
