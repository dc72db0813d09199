//! Stories of a vendor that fails, and of pictures that are none.

use std::time::Duration;

use simulator::{Fault, FaultKind, Target, ZipNames};
use yinku::{
    config::{ByteSize, Config, Span},
    db::sql,
    photo::Photo,
    seal_use::ingest::{Trigger, wake},
};

use crate::support::{
    Engine, Plan, World,
    photos::parked,
    seals::noon,
    story,
    world::{small_photos, tries_once},
};

story!(trouble_that_passes_is_ridden_out, async |world: World| {
    let (flow, seal_use, business) = world.seal_use(6).await;
    let troubles = [
        (Target::Image, FaultKind::Status { status: 502 }),
        (Target::Image, FaultKind::Cut),
        (Target::Image, FaultKind::CutChunked),
        (Target::Image, FaultKind::Drop),
        (Target::Image, FaultKind::Html { status: 500 }),
        (Target::Detail, FaultKind::Status { status: 503 }),
        (Target::Detail, FaultKind::Cut),
    ];
    for (target, fault) in troubles {
        world.sim.set_fault(Fault::times(target, fault, 2));
    }
    world.sim.stamp_many(&business, 0, 6).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let photos = world.photos(&seal_use.id).await;
    assert_eq!(photos.len(), 6);
    assert!(photos.iter().all(|photo| photo.state == "done" && photo.documents == 1 && photo.error_code.is_none()));
    let tries: i64 = world.count("SELECT CAST(SUM(attempts) AS BIGINT) FROM photos").await;
    assert_eq!(tries, 10, "every failed try of a photo is counted");
});

story!(a_vendor_that_drips_is_given_up_and_tried_again, async |engine: Engine| {
    fn impatient(config: &mut Config) {
        config.vendor.total_timeout = Span::secs(1);
        config.vendor.read_timeout = Span::secs(2);
        tries_once(config);
    }
    let world = World::new(engine, Plan { config: Some(impatient), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(2).await;
    let drip = FaultKind::Slow { bytes_per_second: 1 };
    world.sim.set_fault(Fault::times(Target::Image, drip, 3));
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world
        .until("a try timed out", async || {
            world.count("SELECT COUNT(*) FROM photos WHERE error_code = 'vendor_timeout'").await > 0
        })
        .await;
    world.until_archived(&flow).await;
});

story!(the_first_failed_try_is_shown_while_the_photo_is_still_tried, async |world: World| {
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.set_fault(Fault::times(Target::Image, FaultKind::Status { status: 500 }, 2));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until("the error is shown", async || {
        let shown = "SELECT COUNT(*) FROM photos WHERE state = 'fetching' AND attempts >= 1 AND error_code = 'vendor_status'";
        world.count(shown).await == 1
    })
    .await;
    world.until_archived(&flow).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM photos WHERE error_code IS NULL AND attempts = 2").await, 1);
});

story!(bodies_that_are_no_image_are_parked_with_a_reason_and_a_person_can_try_again, async |engine: Engine| {
    fn strict(config: &mut Config) {
        tries_once(config);
        config.ingest.max_photo_bytes = ByteSize::mib(1);
    }
    let world = World::new(engine, Plan { config: Some(strict), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(6).await;
    let keys = world.sim.stamp_many(&business, 0, 5).await.unwrap();
    let bad = [
        FaultKind::Empty,
        FaultKind::Html { status: 200 },
        FaultKind::JsonError { code: 1_000_001, message: "参数错误".into() },
        FaultKind::Oversize { bytes: 2 << 20 },
    ];
    for (fault, key) in bad.into_iter().zip(&keys) {
        world.sim.set_fault(Fault::always(Target::Image, fault).only(&[key.as_str()]));
    }
    // The zip would bring them all the same: here it is broken, too.
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::Status { status: 500 }));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until("the bad ones are parked", async || parked(&world).await == 4).await;
    world.until_quiet().await;
    let mut reasons: Vec<String> =
        sql("SELECT error_code FROM photos WHERE state = 'failed'").scalars(&world.app.db).await.unwrap();
    reasons.sort();
    assert_eq!(reasons, ["vendor_empty", "vendor_html", "vendor_rejected", "vendor_too_large"]);
    assert_eq!(world.count("SELECT COUNT(*) FROM photos WHERE state = 'done'").await, 2, "the others are not held up");
    assert_eq!(world.count("SELECT COUNT(*) FROM photos WHERE state = 'failed' AND attempts = 8").await, 4);
    assert_eq!(world.count("SELECT COUNT(*) FROM ingests WHERE state = 'failed'").await, 1);
    assert!(world.flow(&flow).await.archived_at.is_none());

    world.sim.clear_faults();
    let now = world.app.clock.now();
    let mut tx = world.app.db.begin().await.unwrap();
    Photo::unpark(&mut tx, &seal_use.id).await.unwrap();
    wake(&mut tx, &seal_use.id, Trigger::Button, now, now).await.unwrap();
    tx.commit().await.unwrap();
    world.app.db.wakeup().look_now();
    world.until_archived(&flow).await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 6);
});

story!(pictures_that_cannot_be_decoded_are_evidence_all_the_same, async |world: World| {
    let (flow, seal_use, business) = world.seal_use(4).await;
    let mut heic = vec![0, 0, 0, 24];
    heic.extend_from_slice(b"ftypheic\0\0\0\0mif1heic");
    let garbage = [&[0xff, 0xd8, 0xff, 0xe0][..], &[7; 500], &[0xff, 0xd9]].concat();
    // A PNG header that promises 50,000 by 50,000 pixels.
    let bomb =
        [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &[0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50, 8, 2, 0, 0, 0, 0, 0, 0, 0]]
            .concat();
    let odd = [heic, garbage, bomb];
    for bytes in &odd {
        // The fourth stamping ends the use: until then nothing is fetched.
        let key = world.sim.stamp(&business, 0).await.unwrap();
        world.sim.set_photo_bytes(&key, bytes).unwrap();
    }
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let photos = world.photos(&seal_use.id).await;
    assert_eq!(photos.len(), 4);
    assert!(photos.iter().all(|photo| photo.state == "done" && photo.documents == 1), "{photos:#?}");
    assert_eq!(world.count("SELECT COUNT(*) FROM originals WHERE undecodable IS NOT NULL").await, 3);
});

story!(a_cut_picture_is_kept_and_its_whole_version_stands_beside_it, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(2).await;
    let keys = [world.sim.stamp(&business, 0).await.unwrap()];
    let whole = world.sim.photo_bytes(&keys[0]).await.unwrap();
    // A clean answer that holds half of the picture, once: a passing trouble of the vendor.
    world.sim.set_fault(Fault::times(Target::Image, FaultKind::Half, 1).only(&[keys[0].as_str()]));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until("both versions are there", async || world.count("SELECT COUNT(*) FROM documents").await == 3).await;
    world
        .until("the photo is done", async || world.count("SELECT COUNT(*) FROM photos WHERE state = 'done'").await == 2)
        .await;
    let photos = world.photos(&seal_use.id).await;
    assert_eq!(photos.iter().map(|photo| photo.documents).sum::<i64>(), 3);
    assert_eq!(world.count("SELECT COUNT(*) FROM originals WHERE NOT complete").await, 1);
    let present = yinku::hash::Blake3::of(&whole);
    assert!(
        photos.iter().any(|photo| photo.original_hash.as_deref() == Some(present.as_str())),
        "the whole one counts"
    );
    world.until_archived(&flow).await;
    world.assert_snapshot("a_cut_picture").await;
});

story!(photos_that_are_only_in_the_zip_come_in_once_whatever_they_are_called, async |engine: Engine| {
    for names in [ZipNames::Gbk, ZipNames::Traversal, ZipNames::Duplicate] {
        let mut knobs = small_photos();
        knobs.zip.zip_names = names;
        let world = World::new(engine, Plan { knobs: Some(knobs), ..Plan::default() }).await;
        let (flow, seal_use, business) = world.seal_use(4).await;
        for _ in 0..3 {
            let key = world.sim.stamp(&business, 0).await.unwrap();
            world.sim.edit_photo(&key, |photo| photo.in_detail = false).unwrap();
        }
        world.sim.stamp(&business, 0).await.unwrap();
        world.until_archived(&flow).await;
        world.until_quiet().await;
        let photos = world.photos(&seal_use.id).await;
        assert_eq!(photos.len(), 4, "{names:?} {photos:#?}");
        assert!(photos.iter().all(|photo| photo.state == "done" && photo.documents == 1), "{names:?}");
        assert_eq!(world.count("SELECT COUNT(*) FROM originals").await, 4, "{names:?}");
    }
});

story!(a_vendor_that_is_down_for_an_hour_loses_nothing, async |engine: Engine| {
    fn as_delivered(config: &mut Config) {
        config.ingest.retries = Config::default().ingest.retries;
        config.jobs.retries = Config::default().jobs.retries;
        config.vendor.connect_timeout = Span::secs(1);
    }
    let clock = noon();
    let plan = Plan { clock: clock.clone(), config: Some(as_delivered), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, seal_use, business) = world.seal_use(3).await;
    world.sim.set_fault(Fault::always(Target::Any, FaultKind::Drop));
    world.sim.stamp_many(&business, 0, 3).await.unwrap();
    world.until("the trouble is shown", async || waiting(&world).await == 1).await;
    for _ in 0..6 {
        let before = world.count("SELECT CAST(SUM(attempts) AS BIGINT) FROM jobs WHERE kind = 'ingest'").await;
        clock.advance(Duration::from_mins(10));
        world.app.db.wakeup().look_now();
        let next = world.count("SELECT run_at FROM jobs WHERE kind = 'ingest'").await;
        if next <= clock.now().0 {
            world
                .until("it was tried again", async || {
                    let now = world.count("SELECT CAST(SUM(attempts) AS BIGINT) FROM jobs WHERE kind = 'ingest'").await;
                    now > before && waiting(&world).await == 1
                })
                .await;
        }
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM jobs WHERE state = 'parked'").await, 0);
    world.sim.clear_faults();
    clock.advance(Duration::from_hours(1));
    world.app.db.wakeup().look_now();
    world.until_archived(&flow).await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 3);
});

async fn waiting(world: &World) -> i64 {
    world.count("SELECT COUNT(*) FROM ingests WHERE state = 'waiting' AND error IS NOT NULL").await
}

story!(a_large_batch_does_not_starve_a_small_one, async |engine: Engine| {
    fn one_worker(config: &mut Config) {
        config.jobs.workers = 1;
        config.ingest.slice = 8;
        config.ingest.photos_in_flight = 2;
        config.ingest.per_service = 2;
    }
    let mut knobs = small_photos();
    knobs.callback.end_shape = simulator::EndShape::W;
    let world = World::new(engine, Plan { knobs: Some(knobs), config: Some(one_worker), ..Plan::default() }).await;
    let (large, _, large_business) = world.seal_use(120).await;
    let (small, _, small_business) = world.seal_use(5).await;
    // The small one's photos exist; its end is told only when the large batch is on its way.
    world.sim.stamp_many(&small_business, 0, 4).await.unwrap();
    world.sim.stamp_many(&large_business, 0, 120).await.unwrap();
    world
        .until("the large one is on its way", async || world.count("SELECT COUNT(original_hash) FROM photos").await > 0)
        .await;
    world.sim.stamp(&small_business, 0).await.unwrap();
    world.until_archived(&small).await;
    assert!(world.flow(&large).await.archived_at.is_none(), "the large one is still running");
    world.until_archived(&large).await;
});
