//! Photos one by one and in zips.

use std::io::{Cursor, Read};

use serde_json::json;
use simulator::{Content, ExifMode, Kind, Knobs, PhotoKnobs, Simulator, Stamp, ZipNames};

use super::{
    applied, detail, morning, small, started,
    wire::{get, post_multipart},
};
use crate::support::world::vendor_clock;

fn image(key: &str) -> String {
    format!("/seal/apply/image?photokey={key}")
}

fn zip(business: &str) -> String {
    format!("/seal/apply/images/download?businessId={business}")
}

/// Raw names and contents, as the central directory lists them.
fn entries(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            (entry.name_raw().to_vec(), data)
        })
        .collect()
}

#[tokio::test]
async fn a_photo_is_a_whole_jpeg_under_the_wrong_type_and_the_same_each_time() {
    let sim = started().await;
    let id = applied(&sim, &[2]).await;
    let key = sim.stamp(&id, 0).await.unwrap();
    let first = get(&sim, &image(&key)).await;
    assert_eq!((first.status, first.header("content-type")), (200, Some("image/png")));
    assert!(first.whole && first.body.starts_with(&[0xff, 0xd8]) && first.body.ends_with(&[0xff, 0xd9]));
    assert_eq!(get(&sim, &image(&key)).await.body, first.body);
    assert_eq!(sim.photo_bytes(&key).await.unwrap(), first.body);
    let counters = sim.counters();
    assert_eq!((counters.downloads[&key], counters.image_requests[&key], counters.images_in_flight), (2, 2, 0));
    assert_eq!(counters.of("/seal/apply/image"), 2);
    assert_eq!(get(&sim, &image("20261123-none")).await.json()["code"], 1_000_001);
}

#[tokio::test]
async fn exif_can_be_right_reset_or_absent() {
    let photo = PhotoKnobs { upright: true, ..small().photo };
    let sim = Simulator::start(Knobs { photo, ..small() }, vendor_clock(&morning())).await.unwrap();
    let id = applied(&sim, &[9]).await;
    let mut taken = Vec::new();
    for mode in [ExifMode::Right, ExifMode::ClockReset, ExifMode::None] {
        sim.turn(|knobs| knobs.photo.exif = mode);
        let key = sim.stamp(&id, 0).await.unwrap();
        let jpeg = sim.photo_bytes(&key).await.unwrap();
        let read = exif::Reader::new().read_from_container(&mut Cursor::new(jpeg));
        let text = read
            .ok()
            .map(|e| e.get_field(exif::Tag::DateTimeOriginal, exif::In::PRIMARY).unwrap().display_value().to_string());
        taken.push(text);
    }
    assert_eq!(taken[0].as_deref(), Some("2026-11-23 10:00:00"));
    assert!(taken[1].as_deref().unwrap().starts_with("2017-01-01"));
    assert_eq!(taken[2], None);
}

#[tokio::test]
async fn two_stampings_can_have_equal_bytes_and_a_photo_any_bytes() {
    let sim = started().await;
    let id = applied(&sim, &[9]).await;
    let first = sim.stamp(&id, 0).await.unwrap();
    let stamp = Stamp { same_as: Some(first.clone()), ..Stamp::default() };
    let second = sim.stamp_with(&id, 0, &stamp).await.unwrap().remove(0);
    assert_ne!(first, second);
    assert_eq!(get(&sim, &image(&first)).await.body, get(&sim, &image(&second)).await.body);
    sim.set_photo_bytes(&second, b"not an image").unwrap();
    assert_eq!(get(&sim, &image(&second)).await.body, b"not an image");
    sim.set_photo_same(&second, &first).unwrap();
    assert_eq!(get(&sim, &image(&first)).await.body, get(&sim, &image(&second)).await.body);
}

#[tokio::test]
async fn emergency_photos_stand_in_the_zip_but_not_in_the_detail() {
    let sim = started().await;
    let id = applied(&sim, &[9]).await;
    let stamp = Stamp { face: 1, emergency: 1, ..Stamp::default() };
    let keys = sim.stamp_with(&id, 0, &stamp).await.unwrap();
    let seen = detail(&sim, &id).await;
    assert_eq!(
        (&seen["faceImages"][0]["photokey"], &seen["useImages"][0]["photokey"]),
        (&json!(keys[0]), &json!(keys[1]))
    );
    assert_eq!((seen["faceImages"].as_array().unwrap().len(), seen["useImages"].as_array().unwrap().len()), (1, 1));
    let answer = get(&sim, &zip(&id)).await;
    assert_eq!(answer.header("content-disposition").map(str::trim), Some(&*format!("attachment;filename={id}.zip")));
    assert_eq!(entries(&answer.body).len(), 3);
    assert_eq!(entries(&get(&sim, &format!("{}&photoType=FACE", zip(&id))).await.body).len(), 1);
    sim.edit_photo(&keys[1], |photo| photo.in_zip = false).unwrap();
    sim.edit_photo(&keys[0], |photo| photo.in_detail = false).unwrap();
    assert_eq!(entries(&get(&sim, &zip(&id)).await.body).len(), 2);
    assert_eq!(detail(&sim, &id).await["faceImages"], json!([]));
    sim.turn(|knobs| knobs.zip.zip_without_emergency = true);
    let later = sim.push_only_emergency(&id, 0, 1).await.unwrap();
    assert_eq!(entries(&get(&sim, &zip(&id)).await.body).len(), 2, "{later:?}");
}

#[tokio::test]
async fn zips_come_in_all_the_ways_that_zips_go_wrong() {
    let sim = started().await;
    let id = applied(&sim, &[9]).await;
    let empty = get(&sim, &zip(&id)).await;
    assert_eq!(empty.body.len(), 22);
    let keys = sim.stamp_many(&id, 0, 2).await.unwrap();
    let first = sim.photo_bytes(&keys[0]).await.unwrap();
    for streamed in [false, true] {
        sim.turn(|knobs| knobs.zip.zip_streamed = streamed);
        let bytes = get(&sim, &zip(&id)).await.body;
        assert_eq!(bytes[6] & 8 != 0, streamed, "the first local header's flags");
        assert_eq!(entries(&bytes)[0].1, first);
    }
    let mut names = Vec::new();
    for kind in [ZipNames::Gbk, ZipNames::Traversal, ZipNames::Backslash, ZipNames::Directories, ZipNames::Duplicate] {
        sim.turn(|knobs| knobs.zip.zip_names = kind);
        let bytes = get(&sim, &zip(&id)).await.body;
        // Two local headers under one name: the directory's readers merge them, so count the bytes.
        assert_eq!(
            bytes.windows(4).filter(|w| w == b"PK\x01\x02").count(),
            2 + if kind == ZipNames::Directories { 3 } else { 0 }
        );
        names.push(entries(&bytes).remove(0).0);
    }
    assert!(names[0].starts_with(b"\xd3\xc3\xd3\xa1\xcd\xbc\xc6\xac"), "用印图片 in GBK");
    assert!(names[1].starts_with(b"../../"));
    assert!(names[2].starts_with("用印\\".as_bytes()));
    assert!(names[3].ends_with(b"/"));
    assert_eq!(names[4], "用印图片.jpg".as_bytes());
    sim.turn(|knobs| knobs.zip.zip_empty = true);
    assert_eq!(get(&sim, &zip(&id)).await.body.len(), 22);
    sim.turn(|knobs| knobs.zip.no_photos_is_error = true);
    assert_eq!(get(&sim, &zip(&id)).await.json()["code"], 1_000_000);
}

#[tokio::test]
async fn photos_can_come_late_by_hand_or_by_upload() {
    let sim = started().await;
    let id = applied(&sim, &[1]).await;
    sim.stamp(&id, 0).await.unwrap();
    let key = sim.late_photo(&id, 0, Kind::Signatory).unwrap();
    assert_eq!(detail(&sim, &id).await["useImages"][1]["photokey"], key);
    let auth = sim.business(&id).unwrap().auths[0].id.clone();
    let files = [("images", "p.jpg", b"late".as_slice())];
    let fields = [("sealAuthId", auth.as_str())];
    assert_eq!(post_multipart(&sim, "/seal/apply/images", &fields, &files).await.json()["code"], 0);
    let by_person = [("businessId", id.as_str()), ("contact", "13800000001"), ("type", "FACE")];
    assert_eq!(post_multipart(&sim, "/seal/apply/images", &by_person, &files).await.json()["code"], 0);
    assert_eq!(post_multipart(&sim, "/seal/apply/images", &[], &files).await.json()["code"], 1_000_001);
    let business = sim.business(&id).unwrap();
    assert_eq!(business.photos[2].content, Content::given(b"late"));
    assert_eq!((business.photos.len(), business.photos[3].kind), (4, Kind::Face));
    assert_eq!(sim.deliveries().len(), 0);
}

#[tokio::test]
async fn a_photo_with_a_delay_does_not_exist_before() {
    let clock = morning();
    let photo = PhotoKnobs { photo_delay_ms: 60_000, ..small().photo };
    let sim = Simulator::start(Knobs { photo, ..small() }, vendor_clock(&clock)).await.unwrap();
    let id = applied(&sim, &[1]).await;
    let key = sim.stamp(&id, 0).await.unwrap();
    let seen = detail(&sim, &id).await;
    assert_eq!((&seen["status"], &seen["useImages"]), (&json!("COMPLETE"), &json!([])));
    assert_eq!(get(&sim, &image(&key)).await.json()["code"], 1_000_001);
    clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(detail(&sim, &id).await["useImages"][0]["photokey"], key);
    assert_eq!(sim.counters().downloads.get(&key), None);
}
