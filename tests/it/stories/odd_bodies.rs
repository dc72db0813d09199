//! Stories of answers to a photo's address that are no photo, and of headers that say nothing true about one.

use flate2::{Compression, write::GzEncoder};
use simulator::{Fault, FaultKind, Target};
use std::io::Write;
use yinku::{db::sql, id::FlowId};

use crate::support::{
    Engine, Plan, World,
    callbacks::push,
    files::png,
    photos::{all_done_once, parked, stored},
    story,
    world::tries_once,
};

/// What a server says in place of a picture, and a word of the reason that a user reads.
fn no_pictures() -> Vec<(FaultKind, &'static str, &'static str)> {
    let said = |kind: &str, body: &[u8]| FaultKind::answer(kind, body);
    let utf16: Vec<u8> = "\u{feff}图片不存在".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code></Error>";
    vec![
        (said("image/jpeg", b"Not Found"), "vendor_garbled", "Not Found"),
        (said("application/xml", xml.as_bytes()), "vendor_garbled", "InternalError"),
        (said("application/json;charset=UTF-8", b"null"), "vendor_garbled", "null"),
        (said("image/png", b"[]"), "vendor_garbled", "[]"),
        // 图片不存在 in GBK, without a word about it.
        (said("image/jpeg", b"\xCD\xBC\xC6\xAC\xB2\xBB\xB4\xE6\xD4\xDA"), "vendor_garbled", "text"),
        (said("text/plain", &utf16), "vendor_garbled", "text"),
        // The first bytes of a GIF are letters.
        (said("image/gif", b"GIF89a is not available"), "vendor_garbled", "GIF89a is not"),
        // A file whose data never reached the vendor's disk.
        (said("image/jpeg", &[0; 5771]), "vendor_garbled", "every byte is 0x00"),
        (said("image/jpeg", b"PK\x03\x04\x14\0\0\0"), "vendor_garbled", "a zip"),
        (said("image/jpeg", b"\r\n\r\n"), "vendor_empty", "empty"),
    ]
}

async fn node(world: &World, flow: &FlowId) -> Option<String> {
    world.flow(flow).await.node
}

story!(what_is_no_picture_is_a_failed_try_with_a_reason, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let count = u32::try_from(no_pictures().len()).unwrap();
    let (flow, seal_use, business) = world.seal_use(count + 1).await;
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::Status { status: 500 }));
    let mut expected = Vec::new();
    for (fault, code, word) in no_pictures() {
        let key = world.sim.stamp(&business, 0).await.unwrap();
        world.sim.set_fault(Fault::always(Target::Image, fault).only(&[key.as_str()]));
        expected.push((key, code, word));
    }
    // The faults are there before the end is told, and the first photo asked for.
    world.sim.complete(&business).await.unwrap();
    world.until("all are parked", async || parked(&world).await == i64::from(count)).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM documents").await, 0);
    assert_eq!(node(&world, &flow).await.as_deref(), Some("seal"), "the node waits");
    for (key, code, word) in expected {
        let told: (String, String) = sql("SELECT error_code, error_detail FROM photos WHERE photokey = $1")
            .bind(&key)
            .one(&world.app.db)
            .await
            .unwrap();
        assert!(told.0 == code && told.1.contains(word), "{word}: {told:?}");
    }
    // The vendor is well again, and a user has the ingest run.
    world.sim.clear_faults();
    let id: String = sql("SELECT id FROM ingests").scalar(&world.app.db).await.unwrap();
    world.caller("admin").await.post(&format!("/api/ingests/{id}/retry"), &serde_json::json!({})).await.expect(202);
    world.until_archived(&flow).await;
    all_done_once(&world.photos(&seal_use.id).await, count as usize);
    let kinds: Vec<String> = sql("SELECT DISTINCT mime FROM originals").scalars(&world.app.db).await.unwrap();
    assert_eq!(kinds, ["image/jpeg"]);
});

story!(binary_data_of_an_unknown_format_is_a_photo, async |world: World| {
    // A format that this program does not know is evidence all the same. So is a PDF: some devices scan into one.
    let unknown: Vec<u8> = (0..3000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let (flow, seal_use, business) = world.seal_use(3).await;
    let mut keys = Vec::new();
    for body in [unknown.as_slice(), b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n"] {
        let key = world.sim.stamp(&business, 0).await.unwrap();
        keys.push(key);
        world.sim.set_fault(
            Fault::always(Target::Image, FaultKind::answer("image/jpeg", body)).only(&keys[keys.len() - 1..]),
        );
    }
    world.sim.complete(&business).await.unwrap();
    world.until_archived(&flow).await;
    all_done_once(&world.photos(&seal_use.id).await, 2);
});

story!(a_pushed_text_is_no_photo_and_the_list_of_callbacks_says_so, async |world: World| {
    let (_, _, business) = world.seal_use(3).await;
    push(&world, &business, b"null").await;
    push(&world, &business, &[0xFF; 900]).await;
    push(&world, &business, &png(1)).await;
    world.until("the picture is in", async || stored(&world).await == 1).await;
    world.until_quiet().await;
    let told: Vec<String> =
        sql("SELECT error FROM callbacks WHERE error IS NOT NULL ORDER BY id").scalars(&world.app.db).await.unwrap();
    assert!(matches!(&told[..], [text, blank] if text.contains("text: null") && blank.contains("0xff")), "{told:?}");
});

story!(words_in_content_encoding_that_pack_nothing_change_nothing, async |world: World| {
    let words = ["UTF-8", "none", "Identity", "", "utf8, identity", "binary", "GBK", "8bit"];
    let count = u32::try_from(words.len()).unwrap();
    let (flow, seal_use, business) = world.seal_use(count + 1).await;
    let mut keys = Vec::new();
    for value in words {
        let key = world.sim.stamp(&business, 0).await.unwrap();
        let header = FaultKind::Header { name: "content-encoding".to_owned(), value: value.to_owned() };
        world.sim.set_fault(Fault::always(Target::Image, header).only(&[key.as_str()]));
        keys.push(key);
    }
    world.sim.complete(&business).await.unwrap();
    world.until_archived(&flow).await;
    all_done_once(&world.photos(&seal_use.id).await, words.len());
    let requests = world.sim.counters().image_requests;
    assert!(requests.values().all(|times| *times == 1), "at the first try: {requests:?}");
    for key in keys {
        let bytes = world.sim.photo_bytes(&key).await.unwrap();
        let stored: String =
            sql("SELECT original_hash FROM photos WHERE photokey = $1").bind(&key).scalar(&world.app.db).await.unwrap();
        assert_eq!(stored, yinku::hash::Blake3::of(&bytes).to_string());
    }
});

story!(a_packed_picture_is_refused_with_the_reason, async |engine: Engine| {
    // The request asks for no compression. Storing the packed bytes would be wrong, and the sender can be corrected.
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(4).await;
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::Status { status: 500 }));
    for coding in ["gzip", "identity, GZip", ""] {
        let key = world.sim.stamp(&business, 0).await.unwrap();
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(&world.sim.photo_bytes(&key).await.unwrap()).unwrap();
        let body = packer.finish().unwrap();
        let headers = [("content-type", "image/jpeg"), ("content-encoding", coding)];
        world
            .sim
            .set_fault(Fault::always(Target::Image, FaultKind::answer_with(&headers, &body)).only(&[key.as_str()]));
    }
    world.sim.complete(&business).await.unwrap();
    world.until("all are parked", async || parked(&world).await == 3).await;
    let told: Vec<String> =
        sql("SELECT error_detail FROM photos ORDER BY position").scalars(&world.app.db).await.unwrap();
    assert!(
        told[0].contains("(gzip)") && told[1].contains("(gzip)") && told[2].contains("packed with gzip"),
        "{told:?}"
    );
    assert_eq!(world.count("SELECT COUNT(*) FROM originals").await, 0);
    world.sim.clear_faults();
    let id: String = sql("SELECT id FROM ingests").scalar(&world.app.db).await.unwrap();
    world.caller("admin").await.post(&format!("/api/ingests/{id}/retry"), &serde_json::json!({})).await.expect(202);
    world.until_archived(&flow).await;
    all_done_once(&world.photos(&seal_use.id).await, 3);
});
