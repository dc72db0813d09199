//! Stories of the vendor's zip when people, systems or servers have added something to it.

use simulator::{Fault, FaultKind, Stamp, Target};
use yinku::db::sql;

use crate::support::{
    Engine, Plan, World,
    files::png,
    photos::{all_done_once, stored},
    seals::{show_counts, without_photo},
    story,
    world::tries_once,
    zips::zip,
};

/// What file managers, network drives and people leave beside photos.
fn junk() -> Vec<(&'static str, Vec<u8>)> {
    let thumbs = [b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".as_slice(), &[0x3E; 600]].concat();
    vec![
        ("__MACOSX/用印图片/._用印_1.jpg", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ".to_vec()),
        ("__MACOSX/用印图片/._用印_2.jpg", b"\0\x05\x16\x07\0\x02\0\0Mac OS X         ".to_vec()),
        ("用印图片/.DS_Store", [b"\0\0\0\x01Bud1\0\0\x10\0\0\0\x08\0".as_slice(), &[0; 292]].concat()),
        ("用印图片/Thumbs.db", thumbs.clone()),
        ("用印图片/desktop.ini", b"[.ShellClassInfo]\r\nIconIndex=0\r\n".to_vec()),
        // A network drive keeps its own small copies; they are pictures, but not the photos.
        ("用印图片/@eaDir/用印_1.jpg/SYNOPHOTO_THUMB_M.jpg", png(200)),
        ("用印图片/说明.txt", "用印图片说明".as_bytes().to_vec()),
        ("用印图片/old.db", thumbs),
        ("用印图片/合同.pdf", b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n".to_vec()),
    ]
}

/// The vendor gives out this zip, also as the zip of photos of stampings. It has no faces.
fn gives_out(world: &World, body: &[u8]) {
    let no_faces = FaultKind::answer("application/zip", &zip(&[]));
    world.sim.set_fault(Fault { after: 1, ..Fault::times(Target::ZipOfKind, no_faces, 1) });
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::answer("application/zip", body)));
}

story!(junk_beside_the_photos_of_a_zip_is_left_out_by_name, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(3).await;
    let photos = [png(1), png(2)];
    let mut entries = vec![("用印图片/盖章_1.jpg", photos[0].as_slice()), ("用印图片/盖章_2.jpg", &photos[1])];
    let junk = junk();
    entries.extend(junk.iter().map(|(name, bytes)| (*name, bytes.as_slice())));
    gives_out(&world, &zip(&entries));
    // The device counts, and lists no photo by its key.
    for _ in 0..3 {
        world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    }
    world.until("the zip is read", async || stored(&world).await == 2).await;
    world.until_quiet().await;
    all_done_once(&world.photos(&seal_use.id).await, 2);
    assert_eq!(show_counts(&world, &flow).await, [3, 3, 2, 1], "one stamping is missing");
    assert_eq!(world.flow(&flow).await.node.as_deref(), Some("seal"));
    let told: String = sql("SELECT error FROM ingests").scalar(&world.app.db).await.unwrap();
    assert!(junk.iter().all(|(name, _)| told.contains(name)), "{told}");
    assert!(told.contains("9 entries of the zip were skipped"), "{told}");
});

story!(a_zip_behind_a_marker_or_blanks_is_read, async |engine: Engine| {
    // Blank lines and a byte order mark come from templates of web servers. No other reader of zips refuses them.
    for before in [b"PK00".as_slice(), b"\r\n", b"PK\x07\x08", b"\xEF\xBB\xBF\r\n\r\n", b""] {
        let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
        let (flow, seal_use, business) = world.seal_use(2).await;
        let photos = [png(1), png(2)];
        let whole = zip(&[("盖章_1.jpg", &photos[0]), ("盖章_2.jpg", &photos[1])]);
        let body = [before, &whole, if before.is_empty() { b"\r\n<!-- end -->".as_slice() } else { b"" }].concat();
        gives_out(&world, &body);
        for _ in 0..2 {
            world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
        }
        world.until_archived(&flow).await;
        all_done_once(&world.photos(&seal_use.id).await, 2);
        assert_eq!(show_counts(&world, &flow).await, [2, 2, 2, 0]);
        for photo in photos {
            let hash = yinku::hash::Blake3::of(&photo);
            let linked = sql("SELECT COUNT(*) FROM documents WHERE original_hash = $1").bind(&hash);
            assert_eq!(linked.scalar::<i64>(&world.app.db).await.unwrap(), 1);
        }
    }
});

story!(a_page_before_a_zip_is_no_zip, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (_, _, business) = world.seal_use(1).await;
    let body = [b"<html>502</html>".as_slice(), &zip(&[("1.jpg", &png(1))])].concat();
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::answer("application/zip", &body)));
    world.sim.stamp_with(&business, 0, &Stamp { signatory: 0, ..Stamp::default() }).await.unwrap();
    world
        .until("the ingest says why", async || {
            world.count("SELECT COUNT(*) FROM ingests WHERE error LIKE '%web page%'").await == 1
        })
        .await;
    assert_eq!(stored(&world).await, 0);
});
