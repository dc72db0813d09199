//! Attacks by callback: pictures, keys and businesses that the vendor has not confirmed.

use serde_json::{Value, json};
use simulator::{Kind, Knobs, ZipNames};
use yinku::{config::ByteSize, db::sql, hash::Blake3};

use crate::support::{
    Caller, Engine, Plan, World,
    callbacks::{PATH, call, callback, open_door, push, until_linked},
    files::png,
    flows::show,
    photos::{manifest, stored},
    seals::{archived, one_photo_short, show_counts},
    story,
    wire::{MULTIPART, parts, request, say},
    world::small_photos,
};

async fn open_world(engine: Engine) -> World {
    World::new(engine, Plan { config: Some(open_door), ..Plan::default() }).await
}

/// A vendor whose zip names neither keys nor kinds.
fn silent_zip() -> Knobs {
    let mut knobs = small_photos();
    knobs.zip.zip_names = ZipNames::Duplicate;
    knobs
}

/// The audit entries about what callbacks brought.
async fn brought(world: &World) -> Vec<String> {
    sql("SELECT username || ': ' || detail FROM audit WHERE act = 'photos_pushed' ORDER BY seq")
        .scalars(&world.app.db)
        .await
        .unwrap()
}

/// Kind and confirmation of each photo of the world, in the order of their rows.
async fn confirmations(world: &World) -> Vec<String> {
    sql("SELECT kind || ' ' || confirmation FROM photos ORDER BY id").scalars(&world.app.db).await.unwrap()
}

/// Sends the same picture several times in one callback, without its kind.
async fn push_copies(world: &World, business: &str, picture: &[u8], copies: usize) {
    let mut all = vec![("form-data; name=\"businessId\"", business.as_bytes())];
    all.extend(std::iter::repeat_n(("form-data; name=\"images\"; filename=\"1.jpg\"", picture), copies));
    let said = say(world, request(&format!("POST {PATH}"), &[MULTIPART], &parts(&all, "--"))).await;
    assert_eq!(said.status, 200, "{said:?}");
}

story!(a_strangers_picture_is_not_kept_and_fills_no_gap, async |engine: Engine| {
    let world = open_world(engine).await;
    let (flow, _, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    let picture = png(7);
    push(&world, &business, &picture).await;
    world.until("the callback is done", async || !brought(&world).await.is_empty()).await;
    world.until_quiet().await;
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 1, 1]);
    assert!(world.flow(&flow).await.archived_at.is_none());
    assert_eq!(world.count("SELECT COUNT(*) FROM documents").await, 1);
    let hash = Blake3::of(&picture);
    let kept = sql("SELECT COUNT(*) FROM originals WHERE hash = $1").bind(&hash);
    assert_eq!(kept.scalar::<i64>(&world.app.db).await.unwrap(), 0);
    let of_callback =
        "SELECT COUNT(*) FROM callbacks WHERE images = 1 AND NOT authenticated AND body IS NULL AND body_key IS NULL";
    assert_eq!(world.count(of_callback).await, 1, "no byte of the picture is kept");
    assert_eq!(
        brought(&world).await,
        [format!("vendor callback: 1 from 127.0.0.1, not authenticated, not kept: {hash}")]
    );
    let admin = world.caller("admin").await;
    let shown = admin.get("/api/callbacks").await.expect(200)["items"][0].clone();
    assert_eq!((&shown["authenticated"], &shown["pictureHashes"]), (&json!(false), &json!([hash])), "{shown}");
});

story!(a_pushed_picture_fills_no_gap_until_the_vendors_zip_has_it, async |engine: Engine| {
    let world = World::new(engine, Plan { knobs: Some(silent_zip()), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    // The vendor has a picture of the other stamping, and shows it nowhere.
    let hidden = world.sim.late_photo(&business, 0, Kind::Signatory).unwrap();
    world.sim.edit_photo(&hidden, |photo| (photo.in_detail, photo.in_zip) = (false, false)).unwrap();
    let picture = world.sim.photo_bytes(&hidden).await.unwrap();
    push_copies(&world, &business, &picture, 2).await;
    world.until("both copies are linked", async || stored(&world).await == 3).await;
    world.until_quiet().await;
    assert_eq!(confirmations(&world).await, ["signatory confirmed", "unknown unconfirmed", "unknown unconfirmed"]);
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 1, 1]);
    assert!(world.flow(&flow).await.archived_at.is_none());
    let wang = world.caller("wang").await;
    assert_eq!(show(&wang, &flow).await["files"]["photos"].as_array().unwrap().len(), 1, "it may be a face");

    world.sim.edit_photo(&hidden, |photo| photo.in_zip = true).unwrap();
    call(&world, &format!("businessId={business}&status=COMPLETE")).await;
    world.until_archived(&flow).await;
    world.until_quiet().await;
    // The zip of all photos says no kind, that of the stampings has it; and it has the picture once.
    assert_eq!(confirmations(&world).await, ["signatory confirmed", "signatory confirmed", "unknown unconfirmed"]);
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 2, 0]);
    let recorded = manifest(&world, 1).await;
    let states: Vec<&Value> =
        recorded["documents"].as_array().unwrap().iter().map(|document| &document["photo"]["state"]).collect();
    assert_eq!(states, ["confirmed", "confirmed", "unconfirmed"], "marked");
    assert_eq!(world.count("SELECT documents FROM manifests").await, 2, "apart from the counts");
});

story!(nothing_unconfirmed_supplements_an_archive_until_an_administrator_accepts_it, async |engine: Engine| {
    let world = World::new(engine, Plan::default()).await;
    let flow = archived(&world, 2).await;
    let business: String = sql("SELECT business_id FROM seal_uses").scalar(&world.app.db).await.unwrap();
    let picture = png(9);
    push_copies(&world, &business, &picture, 1).await;
    until_linked(&world, &picture).await;
    world.until_quiet().await;
    assert_eq!(world.count("SELECT COUNT(*) FROM manifests").await, 1);
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 2, 0]);

    let id: String = sql("SELECT id FROM photos WHERE source = 'push'").scalar(&world.app.db).await.unwrap();
    let path = format!("/api/photos/{id}/accept");
    let wish = json!({ "reason": "现场核对过", "kind": "signatory" });
    for other in ["wang", "zhang", "sun", "zhao"] {
        world.caller(other).await.post(&path, &wish).await.expect_problem(403, "forbidden");
    }
    let admin = world.caller("admin").await;
    admin.post(&path, &json!({ "reason": " ", "kind": "signatory" })).await.expect_problem(422, "invalid");
    let problem = admin.post(&path, &json!({ "reason": "现场核对过" })).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "kind");
    let document = admin.post(&path, &wish).await.expect(200);
    assert_eq!((&document["photo"]["state"], &document["photo"]["kind"]), (&json!("accepted"), &json!("signatory")));
    admin.post(&path, &wish).await.expect_problem(409, "photo_settled");
    world.until("the archive is supplemented", async || world.count("SELECT COUNT(*) FROM manifests").await == 2).await;
    let recorded = manifest(&world, 2).await;
    let photos = recorded["sealUses"][0]["photos"].as_array().unwrap();
    let accepted = photos.iter().find(|photo| photo["confirmation"] == "accepted").unwrap();
    assert_eq!(
        (&accepted["acceptance"]["by"], &accepted["acceptance"]["reason"]),
        (&json!("admin"), &json!("现场核对过"))
    );
    let traces = "SELECT (SELECT COUNT(*) FROM flow_events WHERE act = 'photo_accepted' AND actor = 'admin')
       + (SELECT COUNT(*) FROM audit WHERE act = 'photo_accepted' AND username = 'admin')";
    assert_eq!(world.count(traces).await, 2);
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 3, 0]);
});

story!(an_accepted_photo_fills_its_gap_and_completes_the_node, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    push(&world, &business, &png(3)).await;
    world.until("the picture is linked", async || stored(&world).await == 2).await;
    world.until_quiet().await;
    assert!(world.flow(&flow).await.archived_at.is_none());
    let id: String = sql("SELECT id FROM photos WHERE source = 'push'").scalar(&world.app.db).await.unwrap();
    let admin = world.caller("admin").await;
    admin.post(&format!("/api/photos/{id}/accept"), &json!({ "reason": "当面核对" })).await.expect(200);
    world.until_archived(&flow).await;
});

story!(a_photo_that_the_vendor_lists_confirms_the_pushed_one, async |engine: Engine| {
    let world = World::new(engine, Plan::default()).await;
    let (flow, seal_use, business) = world.seal_use(2).await;
    let first = world.sim.late_photo(&business, 0, Kind::Signatory).unwrap();
    world.sim.edit_photo(&first, |photo| (photo.in_detail, photo.in_zip) = (false, false)).unwrap();
    let picture = world.sim.photo_bytes(&first).await.unwrap();
    push_copies(&world, &business, &picture, 1).await;
    world.until("it is linked", async || stored(&world).await == 1).await;
    world.until_quiet().await;
    assert_eq!(confirmations(&world).await, ["unknown unconfirmed"]);
    world.sim.edit_photo(&first, |photo| photo.in_detail = true).unwrap();
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    let photos = world.photos(&seal_use.id).await;
    let same = photos.iter().find(|photo| photo.photokey.as_ref() == Some(&first)).unwrap();
    assert_eq!((same.source.as_str(), same.kind.as_str(), same.documents), ("push", "signatory", 1));
    assert!(same.grant_id.is_some() && photos.len() == 3, "{photos:#?}");
    assert!(confirmations(&world).await.iter().all(|state| state == "signatory confirmed"));
});

story!(a_key_of_another_business_is_not_fetched, async |engine: Engine| {
    for door in [open_door as fn(&mut _), |_| {}] {
        let world = World::new(engine, Plan { config: Some(door), ..Plan::default() }).await;
        let (_, _, other) = world.seal_use(1).await;
        let face = world.sim.late_photo(&other, 0, Kind::Face).unwrap();
        let (flow, seal_use, business) = world.seal_use(2).await;
        call(&world, &format!("businessId={business}&number=E003&imageType=SIGNATORY&images={face}")).await;
        world.sim.stamp_many(&business, 0, 2).await.unwrap();
        world.until_archived(&flow).await;
        assert_eq!(world.photos(&seal_use.id).await.len(), 2);
        assert!(!world.sim.counters().image_requests.contains_key(&face), "asked for with our signature");
    }
});

story!(keys_hashes_and_documents_of_faces_are_hidden_in_ingests, async |world: World| {
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    push_copies(&world, &business, &png(5), 1).await;
    world.until("a photo of an unknown kind is linked", async || stored(&world).await == 3).await;
    world.until_quiet().await;
    let id: String = sql("SELECT id FROM ingests").scalar(&world.app.db).await.unwrap();
    for (username, entitled) in [("wang", false), ("zhang", false), ("sun", true), ("admin", true)] {
        let shown = world.caller(username).await.get(&format!("/api/ingests/{id}")).await.expect(200);
        let photos = shown["photos"].as_array().unwrap();
        assert_eq!(photos.len(), 3, "{shown}");
        assert_eq!((&shown["expected"], &shown["received"]), (&json!(2), &json!(2)), "unconfirmed: in no count");
        for photo in photos {
            let private = photo["kind"] != "signatory";
            let told = ["blake3", "documentId"].iter().all(|member| photo[member].is_string());
            let hidden = ["blake3", "documentId", "photokey"].iter().all(|member| photo[member].is_null());
            assert!(if private && !entitled { hidden } else { told }, "{username}: {photo}");
        }
        let state = photos.iter().find(|photo| photo["kind"] == "unknown").unwrap();
        assert_eq!((&state["state"], &state["confirmation"]), (&json!("unconfirmed"), &json!("unconfirmed")));
    }
});

story!(keys_of_missing_faces_are_not_told_to_a_participant_who_archives, async |engine: Engine| {
    use simulator::{Fault, FaultKind, Target};
    let world = World::new(
        engine,
        Plan {
            config: Some(crate::support::world::tries_once),
            definition: Some(crate::support::definitions::archived_by_hand),
            ..Plan::default()
        },
    )
    .await;
    let (flow, _, business) = world.seal_use(1).await;
    let face = world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    world.sim.set_fault(Fault::always(Target::Image, FaultKind::Empty).only(&[face.as_str()]));
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::Status { status: 500 }));
    world.sim.stamp(&business, 0).await.unwrap();
    world
        .until("the face is parked", async || {
            world.count("SELECT COUNT(*) FROM photos WHERE state = 'failed'").await == 1
        })
        .await;
    world.until_quiet().await;
    // Without a node to wait for, so that the participant's request lists what is missing.
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE flows SET node = NULL").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    for (username, told) in [("wang", false), ("admin", true)] {
        let answer = world.caller(username).await.post(&format!("/api/flows/{flow}/archive"), &json!({})).await;
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert_eq!(answer.status, 409, "{username}: {text}");
        assert_eq!(text.contains(&face), told, "{username}: {text}");
    }
});

story!(bodies_that_lead_nowhere_are_kept_in_part_and_for_a_time, async |engine: Engine| {
    let clock = crate::support::seals::noon();
    let world = World::new(engine, Plan { clock: clock.clone(), config: Some(open_door), ..Plan::default() }).await;
    let long = format!("businessId=7&status=USING&note={}", "x".repeat(100_000));
    let nobody = Caller::nobody(&world);
    let send = async || nobody.request(reqwest::Method::POST, PATH).body(long.clone()).send().await.unwrap().status();
    assert_eq!(send().await, 200);
    let kept = "SELECT COUNT(*) FROM callbacks WHERE state = 'orphan' AND length(body) = 65536 AND body_bytes > 100000";
    assert_eq!(world.count(kept).await, 1);
    clock.advance(std::time::Duration::from_hours(29 * 24));
    assert_eq!(yinku::callback::keep::drop_old_bodies(&world.app).await.unwrap(), 0);
    clock.advance(std::time::Duration::from_hours(2 * 24));
    assert_eq!(yinku::callback::keep::drop_old_bodies(&world.app).await.unwrap(), 1);
    let gone = "SELECT COUNT(*) FROM callbacks WHERE body IS NULL AND digest <> '' AND params LIKE '%businessId%'";
    assert_eq!(world.count(gone).await, 1, "the digest and the parameters stay");
});

story!(a_strangers_picture_is_dropped_when_its_business_becomes_known, async |engine: Engine| {
    let world = open_world(engine).await;
    let (_, _, business) = world.seal_use(1).await;
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE seal_uses SET business_id = 'other'").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    push(&world, &business, &png(7)).await;
    world
        .until("the callback is an orphan", async || {
            world.count("SELECT COUNT(*) FROM callbacks WHERE state = 'orphan' AND body IS NOT NULL").await == 1
        })
        .await;
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE seal_uses SET business_id = $1").bind(&business).execute(&mut tx).await.unwrap();
    yinku::callback::adopt_orphans(&mut tx, world.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let kept =
        "SELECT COUNT(*) FROM callbacks WHERE state <> 'orphan' AND images = 1 AND body IS NULL AND digest <> ''";
    assert_eq!(world.count(kept).await, 1, "the digest stays, the picture does not");
});

story!(a_whole_authenticated_orphan_is_kept_and_dropped_later, async |engine: Engine| {
    let clock = crate::support::seals::noon();
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    let body = format!("businessId=7&status=USING&note={}", "x".repeat(100_000));
    let nobody = Caller::nobody(&world);
    assert_eq!(nobody.request(reqwest::Method::POST, PATH).body(body.clone()).send().await.unwrap().status(), 200);
    let key: String = sql("SELECT body_key FROM callbacks").scalar(&world.app.db).await.unwrap();
    let key = yinku::store::StoreKey::Raw(key);
    assert_eq!(world.app.store.get(&key).await.unwrap(), body.as_bytes());
    clock.advance(std::time::Duration::from_hours(31 * 24));
    assert_eq!(yinku::callback::keep::drop_old_bodies(&world.app).await.unwrap(), 1);
    assert!(world.app.store.get(&key).await.is_err());
});

story!(a_stranger_who_sends_much_is_stopped_and_small_bodies_pass, async |engine: Engine| {
    fn little(config: &mut yinku::config::Config) {
        open_door(config);
        config.callback.bytes_per_hour = ByteSize::mib(1);
    }
    let world = World::new(engine, Plan { config: Some(little), ..Plan::default() }).await;
    let nobody = Caller::nobody(&world);
    let send =
        async |bytes: usize| nobody.send(nobody.request(reqwest::Method::POST, PATH).body("x".repeat(bytes))).await;
    assert_eq!(send(600_000).await.status, 200);
    let refused = send(600_000).await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 3000);
    assert_eq!(refused.json()["code"], 1_000_000, "in the vendor's format");
    assert_eq!(send(65_000).await.status, 200);
});

story!(a_replayed_hint_stays_a_hint, async |engine: Engine| {
    let world = open_world(engine).await;
    let (_, _, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    push(&world, &business, &png(7)).await;
    world.until("the callback is done", async || !brought(&world).await.is_empty()).await;
    let id: String = sql("SELECT id FROM callbacks WHERE images = 1").scalar(&world.app.db).await.unwrap();
    let admin = world.caller("admin").await;
    let again = admin.post(&format!("/api/callbacks/{id}/replay"), &json!({})).await.expect(202);
    assert_eq!(again["authenticated"], false);
    world.until("it was looked at again", async || brought(&world).await.len() == 2).await;
    world.until_quiet().await;
    assert_eq!(stored(&world).await, 1);
    let sent = world.sim.send_callback(&callback(&world, ""), 1, false).await;
    assert_eq!(sent[0].status, Some(200));
});
