//! Stories of photos that only the vendor's zip shows: which kind they are, and what they may fill.

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Kind, Knobs, Stamp, Target, ZipNames};
use yinku::{config::Span, db::sql, id::FlowId};

use crate::support::{
    Caller, Engine, Plan, World,
    callbacks::{call, looks_often, push},
    definitions::without_field,
    files::{png, zip_of},
    flows::{acts, show},
    photos::{manifest, stored, zips},
    seals::{refusal, show_counts, without_photo},
    story,
    world::small_photos,
};

/// A vendor whose zip names neither keys nor kinds.
fn silent_zip() -> Knobs {
    let mut knobs = small_photos();
    knobs.zip.zip_names = ZipNames::Duplicate;
    knobs
}

async fn world_with(engine: Engine, knobs: Knobs) -> World {
    World::new(engine, Plan { knobs: Some(knobs), ..Plan::default() }).await
}

/// A photo that the vendor shows in its zip only.
fn only_in_zip(world: &World, business: &str, kind: Kind) -> String {
    let key = world.sim.late_photo(business, 0, kind).unwrap();
    world.sim.edit_photo(&key, |photo| photo.in_detail = false).unwrap();
    key
}

/// Kind and confirmation of each photo, in the order of their rows.
async fn told(world: &World) -> Vec<String> {
    sql("SELECT kind || ' ' || confirmation FROM photos ORDER BY 1").scalars(&world.app.db).await.unwrap()
}

async fn files(caller: &Caller, flow: &FlowId) -> Vec<Value> {
    show(caller, flow).await["files"]["photos"].as_array().unwrap().clone()
}

/// Two stampings are counted, and the vendor lists one photo. Use ends with the second stamping.
async fn one_photo_listed(world: &World, business: &str) {
    world.sim.stamp(business, 0).await.unwrap();
    world.sim.stamp_with(business, 0, &without_photo()).await.unwrap();
}

async fn until_the_zip_is_read(world: &World, times: u64) {
    world.until("the zip is read", async || zips(world) >= times).await;
    world.until_quiet().await;
}

story!(an_emergency_photo_or_a_face_of_the_zip_fills_no_gap_of_a_stamping, async |engine: Engine| {
    for (kind, word) in [(Kind::Emergency, "emergency"), (Kind::Face, "face")] {
        let world = world_with(engine, silent_zip()).await;
        let (flow, _, business) = world.seal_use(2).await;
        only_in_zip(&world, &business, kind);
        one_photo_listed(&world, &business).await;
        // The zip of all photos, then those of the two kinds.
        until_the_zip_is_read(&world, 3).await;
        let mut expected = vec![format!("{word} confirmed"), "signatory confirmed".to_owned()];
        expected.sort();
        assert_eq!(told(&world).await, expected);
        assert_eq!(show_counts(&world, &flow).await, [2, 2, 1, 1]);
        assert!(world.flow(&flow).await.archived_at.is_none(), "a photo of a stamping is missing");
        let shown = files(&world.caller("wang").await, &flow).await.len();
        assert_eq!(shown, if word == "face" { 1 } else { 2 }, "a face is shown to entitled users only");
        assert_eq!(files(&world.caller("sun").await, &flow).await.len(), 2);
    }
});

story!(a_photo_of_a_stamping_that_only_the_zip_has_fills_its_gap, async |engine: Engine| {
    // An empty zip of faces is an answer.
    let world = world_with(engine, silent_zip()).await;
    let (flow, _, business) = world.seal_use(2).await;
    only_in_zip(&world, &business, Kind::Signatory);
    one_photo_listed(&world, &business).await;
    world.until_archived(&flow).await;
    assert_eq!(told(&world).await, ["signatory confirmed", "signatory confirmed"]);
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 2, 0]);
});

story!(a_kind_that_stays_unclear_is_unknown_until_the_vendor_settles_it, async |engine: Engine| {
    let refused = Fault::times(Target::ZipOfKind, refusal("参数错误"), 1);
    let second = Fault { after: 1, ..Fault::times(Target::ZipOfKind, FaultKind::Status { status: 500 }, 1) };
    for fault in [refused, second] {
        let world = world_with(engine, silent_zip()).await;
        world.sim.set_fault(fault);
        let (flow, seal_use, business) = world.seal_use(2).await;
        only_in_zip(&world, &business, Kind::Signatory);
        one_photo_listed(&world, &business).await;
        world
            .until("the ingest says why", async || {
                world.count("SELECT COUNT(*) FROM ingests WHERE error LIKE '%zip of kind%'").await == 1
            })
            .await;
        world.until_quiet().await;
        assert_eq!(told(&world).await, ["signatory confirmed", "unknown confirmed"]);
        assert_eq!(show_counts(&world, &flow).await, [2, 2, 1, 1]);
        hidden_like_a_face(&world, &flow).await;
        // The next wake asks again, and the vendor answers.
        call(&world, &format!("businessId={business}&status=COMPLETE")).await;
        world.until_archived(&flow).await;
        assert_eq!(told(&world).await, ["signatory confirmed", "signatory confirmed"]);
        assert_eq!(world.photos(&seal_use.id).await.len(), 2);
        assert_eq!(files(&world.caller("wang").await, &flow).await.len(), 2);
    }
});

/// The flow has one photo of a stamping and one of an unknown kind.
async fn hidden_like_a_face(world: &World, flow: &FlowId) {
    let (wang, sun) = (world.caller("wang").await, world.caller("sun").await);
    assert_eq!(files(&wang, flow).await.len(), 1);
    let all = files(&sun, flow).await;
    let unknown = all.iter().find(|document| document["photo"]["kind"] == "unknown").unwrap();
    let id = unknown["id"].as_str().unwrap();
    for path in ["", "/content", "/thumbnail/256", "/exif"] {
        wang.get(&format!("/api/documents/{id}{path}")).await.expect_problem(404, "not_found");
    }
    for path in ["", "/exif"] {
        sun.get(&format!("/api/documents/{id}{path}")).await.expect(200);
    }
    let path = format!("/api/documents?flowId={flow}");
    let found = async |caller: &Caller| caller.get(&path).await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!((found(&wang).await, found(&sun).await), (1, 2));
    let folder = unknown["folderId"].as_str().unwrap();
    let in_folder = async |caller: &Caller| {
        let shown = caller.get(&format!("/api/folders/{folder}/documents")).await.expect(200);
        shown["items"].as_array().unwrap().len()
    };
    assert_eq!((in_folder(&wang).await, in_folder(&sun).await), (1, 2));
    let days = async |caller: &Caller| {
        let timeline = caller.get(&format!("/api/folders/{folder}/timeline")).await.expect(200);
        timeline["days"].as_array().unwrap().iter().map(|day| day["documents"].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!((days(&wang).await, days(&sun).await), (1, 2));
    let ingest: String = sql("SELECT id FROM ingests").scalar(&world.app.db).await.unwrap();
    let shown = wang.get(&format!("/api/ingests/{ingest}")).await.expect(200);
    let photo = shown["photos"].as_array().unwrap().iter().find(|photo| photo["kind"] == "unknown").unwrap();
    assert!(["blake3", "documentId", "photokey"].iter().all(|member| photo[member].is_null()), "{photo}");
}

story!(a_content_that_both_zips_of_kinds_have_is_unknown_until_an_administrator_settles_it, async |engine: Engine| {
    for names in [ZipNames::Duplicate, ZipNames::Directories] {
        settled_by_hand(engine, names).await;
    }
});

/// The name of an entry, such as a directory for photos of stampings, proves nothing.
async fn settled_by_hand(engine: Engine, names: ZipNames) {
    let mut knobs = silent_zip();
    (knobs.zip.zip_names, knobs.zip.zip_ignores_kind) = (names, true);
    let world = world_with(engine, knobs).await;
    let (flow, _, business) = world.seal_use(2).await;
    only_in_zip(&world, &business, Kind::Signatory);
    one_photo_listed(&world, &business).await;
    until_the_zip_is_read(&world, 3).await;
    assert_eq!(told(&world).await, ["signatory confirmed", "unknown confirmed"]);
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 1, 1]);
    let id: String = sql("SELECT id FROM photos WHERE kind = 'unknown'").scalar(&world.app.db).await.unwrap();
    let (admin, path) = (world.caller("admin").await, format!("/api/photos/{id}/accept"));
    admin.post(&path, &json!({ "reason": "核对过" })).await.expect_problem(422, "invalid");
    admin.post(&path, &json!({ "reason": "核对过", "kind": "signatory" })).await.expect(200);
    world.until_archived(&flow).await;
    assert_eq!(told(&world).await, ["signatory accepted", "signatory confirmed"]);
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 2, 0]);
}

story!(a_pushed_photo_whose_kind_stays_unclear_is_unknown_and_fills_no_gap, async |engine: Engine| {
    let world = world_with(engine, silent_zip()).await;
    world.sim.set_fault(Fault::always(Target::ZipOfKind, refusal("参数错误")));
    let (flow, _, business) = world.seal_use(2).await;
    // The box calls an emergency photo one of a stamping.
    let key = only_in_zip(&world, &business, Kind::Emergency);
    push(&world, &business, &world.sim.photo_bytes(&key).await.unwrap()).await;
    world.until("the push is here", async || world.count("SELECT COUNT(original_hash) FROM photos").await == 1).await;
    one_photo_listed(&world, &business).await;
    world.until("the end is known", async || world.count("SELECT COUNT(ended_at) FROM seal_uses").await == 1).await;
    world.until_quiet().await;
    assert_eq!(told(&world).await, ["signatory confirmed", "unknown confirmed"]);
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 1, 1]);
    assert!(world.flow(&flow).await.archived_at.is_none());
    hidden_like_a_face(&world, &flow).await;
    // The next wake asks again, and the vendor answers.
    world.sim.clear_faults();
    call(&world, &format!("businessId={business}&status=COMPLETE")).await;
    world.until_quiet().await;
    assert_eq!(told(&world).await, ["emergency confirmed", "signatory confirmed"]);
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 1, 1]);
});

story!(a_zip_of_kinds_that_is_refused_is_asked_for_again_at_rechecks_only, async |engine: Engine| {
    let world = world_with(engine, silent_zip()).await;
    world.sim.set_fault(Fault::always(Target::ZipOfKind, refusal("参数错误")));
    let (flow, seal_use, business) = world.seal_use(1).await;
    only_in_zip(&world, &business, Kind::Emergency);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until("the photo is here", async || world.photos(&seal_use.id).await.len() == 2).await;
    world.until_quiet().await;
    assert_eq!(told(&world).await, ["signatory confirmed", "unknown confirmed"]);
    let before = zips(&world);
    for _ in 0..3 {
        call(&world, &format!("businessId={business}&status=COMPLETE")).await;
        world.until_quiet().await;
    }
    assert_eq!(zips(&world), before, "a callback brings nothing new");
    // A user asks.
    world.sim.clear_faults();
    let ingest: String = sql("SELECT id FROM ingests").scalar(&world.app.db).await.unwrap();
    world.caller("admin").await.post(&format!("/api/ingests/{ingest}/retry"), &Value::Null).await.expect(202);
    world.until_quiet().await;
    assert_eq!(told(&world).await, ["emergency confirmed", "signatory confirmed"]);
});

story!(an_emergency_photo_that_only_the_zip_has_comes_although_nothing_is_missing, async |engine: Engine| {
    let world = world_with(engine, silent_zip()).await;
    let (flow, seal_use, business) = world.seal_use(1).await;
    only_in_zip(&world, &business, Kind::Emergency);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until("the photo is here", async || world.photos(&seal_use.id).await.len() == 2).await;
    world.until_quiet().await;
    assert_eq!(told(&world).await, ["emergency confirmed", "signatory confirmed"]);
    assert_eq!(show_counts(&world, &flow).await, [1, 1, 1, 0]);
    // It came before the archive or after it: the last manifest has it.
    let last = world.count("SELECT MAX(n) FROM manifests").await;
    assert_eq!(manifest(&world, last).await["documents"].as_array().unwrap().len(), 2);
    assert_eq!(zips(&world), 3, "the zip of all photos and those of the two kinds");
    // Once is enough: a callback after it reads no zip.
    call(&world, &format!("businessId={business}&status=COMPLETE")).await;
    world.until_quiet().await;
    assert_eq!(zips(&world), 3);
});

story!(the_reading_of_the_zip_after_the_end_delays_neither_node_nor_archive, async |engine: Engine| {
    let config = |config: &mut yinku::config::Config| config.ingest.rechecks = vec![Span::secs(4), Span::secs(3600)];
    let plan = Plan { knobs: Some(silent_zip()), config: Some(config), ..Plan::default() };
    let world = World::new(engine, plan).await;
    // The vendor fails to give its zip once, then it takes its time.
    world.sim.set_fault(Fault::times(Target::Zip, FaultKind::Status { status: 500 }, 1));
    let (flow, seal_use, business) = world.seal_use(1).await;
    only_in_zip(&world, &business, Kind::Emergency);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world
        .until("the ingest says why", async || {
            world.count("SELECT COUNT(*) FROM ingests WHERE state = 'done' AND error LIKE '%500%'").await == 1
        })
        .await;
    assert_eq!(manifest(&world, 1).await["documents"].as_array().unwrap().len(), 1);
    // A recheck reads it, and what it brings is a supplement.
    let second = "SELECT COUNT(*) FROM manifests WHERE n = 2 AND documents = 2";
    world.until("the archive is supplemented", async || world.count(second).await == 1).await;
    world.until_quiet().await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 2);
    assert_eq!(world.count("SELECT COUNT(*) FROM ingests WHERE error IS NULL").await, 1);
    assert!(acts(&world, &flow).await.ends_with(&["archived".into(), "supplemented".into()]));
});

story!(a_slow_zip_holds_up_no_archive, async |engine: Engine| {
    let world = world_with(engine, silent_zip()).await;
    world.sim.set_fault(Fault::times(Target::Zip, FaultKind::Late { ms: 8000 }, 1));
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until("the zip is asked for", async || zips(&world) == 1).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM ingests WHERE zip_at IS NULL").await, 1, "its answer has not come");
    world.until_quiet().await;
    assert_eq!(world.count("SELECT COUNT(*) FROM ingests WHERE zip_at IS NOT NULL").await, 1);
});

story!(rechecks_read_the_zip_again_while_a_photo_is_unconfirmed, async |engine: Engine| {
    let plan = Plan { knobs: Some(silent_zip()), config: Some(looks_often), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, _, business) = world.seal_use(1).await;
    let hidden = world.sim.late_photo(&business, 0, Kind::Emergency).unwrap();
    world.sim.edit_photo(&hidden, |photo| (photo.in_detail, photo.in_zip) = (false, false)).unwrap();
    let picture = world.sim.photo_bytes(&hidden).await.unwrap();
    push(&world, &business, &picture).await;
    world.sim.stamp_with(&business, 0, &Stamp::default()).await.unwrap();
    world.until_archived(&flow).await;
    world.until("a recheck has read the zip again", async || zips(&world) >= 2).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM photos WHERE confirmation = 'unconfirmed'").await, 1);
    // Now the vendor shows it. The push said that it is a stamping; the zips of kinds say what it is.
    world.sim.edit_photo(&hidden, |photo| photo.in_zip = true).unwrap();
    let second = "SELECT COUNT(*) FROM manifests WHERE n = 2 AND documents = 2";
    world.until("the archive is supplemented", async || world.count(second).await == 1).await;
    assert_eq!(told(&world).await, ["emergency confirmed", "signatory confirmed"]);
    assert_eq!(show_counts(&world, &flow).await, [1, 1, 1, 0]);
});

story!(a_kind_that_is_settled_after_archiving_is_a_supplement, async |engine: Engine| {
    let mut knobs = silent_zip();
    knobs.zip.zip_ignores_kind = true;
    let world = world_with(engine, knobs).await;
    let (flow, seal_use, business) = world.seal_use(1).await;
    only_in_zip(&world, &business, Kind::Emergency);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until("the photo is here", async || world.photos(&seal_use.id).await.len() == 2).await;
    world.until_quiet().await;
    assert_eq!(told(&world).await, ["signatory confirmed", "unknown confirmed"]);
    let before = world.count("SELECT MAX(n) FROM manifests").await;
    let id: String = sql("SELECT id FROM photos WHERE kind = 'unknown'").scalar(&world.app.db).await.unwrap();
    let wish = json!({ "reason": "应急用印", "kind": "emergency" });
    world.caller("admin").await.post(&format!("/api/photos/{id}/accept"), &wish).await.expect(200);
    let last = async || world.count("SELECT MAX(n) FROM manifests").await;
    world.until("the kind is recorded", async || last().await == before + 1).await;
    let recorded = manifest(&world, before + 1).await;
    let photos = recorded["sealUses"][0]["photos"].as_array().unwrap();
    assert!(photos.iter().any(|photo| photo["kind"] == "emergency" && photo["acceptance"]["by"] == "admin"));
});

story!(an_unconfirmed_photo_is_marked_by_its_folder_in_the_zip_of_photos, async |engine: Engine| {
    let plan = Plan { definition: Some(without_field), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp(&business, 0).await.unwrap();
    push(&world, &business, &png(5)).await;
    world.until("both are linked", async || stored(&world).await == 2).await;
    world.until_quiet().await;
    let path = format!("{}?partial=true", zip_of(&flow));
    let zip = world.caller("wang").await.get(&path).await;
    let archive = zip::ZipArchive::new(std::io::Cursor::new(zip.bytes.to_vec())).unwrap();
    let mut names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.sort_unstable();
    assert!(!names[0].contains('/') && names[1].starts_with("未确认/"), "{names:?}");
});
