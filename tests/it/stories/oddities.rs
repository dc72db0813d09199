//! Stories of vendors and callbacks that say odd things: nothing is lost, nothing is stuck.

use bytes::Bytes;
use serde_json::{Value, json};
use simulator::{Encoding, EndShape, Fault, FaultKind, Kind, Target};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use yinku::{
    config::{ByteSize, Config, Span},
    db::sql,
    store::StoreKey,
};

use crate::support::{
    Engine, Plan, World,
    callbacks::{call, push},
    database::execute,
    definitions::{archived_by_hand, extra_node},
    flows::show,
    seals::until_status,
    story,
    world::{small_photos, tries_once},
};

story!(whatever_the_vendor_says_an_ingest_is_never_given_up, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(2).await;
    // A maintenance page, and a secret that is no longer right: clear answers, and both will pass.
    world.sim.set_fault(Fault::times(Target::Detail, FaultKind::Html { status: 200 }, 1));
    let refusal = FaultKind::JsonError { code: 1_000_000, message: "未知错误".into() };
    world.sim.set_fault(Fault { after: 1, ..Fault::times(Target::Detail, refusal, 2) });
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM jobs WHERE state = 'parked'").await, 0);
});

story!(a_photo_that_the_database_refuses_keeps_no_other_out, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(5).await;
    let (refuse, relent): (&[_], _) = match engine {
        Engine::Sqlite => (
            &["CREATE TRIGGER refuse BEFORE UPDATE ON photos WHEN NEW.position = 1 AND NEW.original_hash IS NOT NULL
               BEGIN SELECT RAISE(ABORT, 'no'); END"],
            "DROP TRIGGER refuse",
        ),
        Engine::Postgres => (
            &[
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'",
                "CREATE TRIGGER refuse BEFORE UPDATE ON photos FOR EACH ROW
                 WHEN (NEW.position = 1 AND NEW.original_hash IS NOT NULL) EXECUTE FUNCTION refuse()",
            ],
            "DROP TRIGGER refuse ON photos",
        ),
    };
    execute(&world.app.db, refuse.iter().copied()).await;
    world.sim.stamp_many(&business, 0, 5).await.unwrap();
    let linked = async || world.count("SELECT COUNT(*) FROM documents").await == 4;
    world.until("the other photos are linked", linked).await;
    execute(&world.app.db, [relent]).await;
    world.until_archived(&flow).await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 5);
});

story!(a_push_whose_body_is_gone_holds_up_no_other_photo, async |engine: Engine| {
    fn bodies_in_the_store(config: &mut Config) {
        config.callback.inline_body = ByteSize(0);
        config.jobs.workers = 1;
    }
    let mut knobs = small_photos();
    knobs.callback.push = Encoding::Multipart;
    let plan = Plan { knobs: Some(knobs), config: Some(bodies_in_the_store), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, seal_use, business) = world.seal_use(2).await;
    // The vendor is slow while the body is lost.
    world.sim.set_fault(Fault::times(Target::Detail, FaultKind::Late { ms: 300 }, 1));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_quiet().await;
    let key: String = sql("SELECT body_key FROM callbacks WHERE images > 0").scalar(&world.app.db).await.unwrap();
    world.app.store.delete(&StoreKey::Raw(key)).await.unwrap();
    execute(&world.app.db, ["UPDATE callbacks SET state = 'pending' WHERE images > 0"]).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 2);
    let told: String = sql("SELECT error FROM callbacks WHERE state = 'dead'").scalar(&world.app.db).await.unwrap();
    assert!(told.contains("the store has no object"), "{told}");
});

story!(a_parked_photo_is_not_hidden_behind_a_pushed_one, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(2).await;
    let first = world.sim.stamp(&business, 0).await.unwrap();
    world.sim.set_fault(Fault::always(Target::Image, FaultKind::Empty).only(&[first.as_str()]));
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::Status { status: 500 }));
    // The box pushes the second picture in other bytes than the server gives out.
    let pushed = world.sim.photo_bytes(&first).await.unwrap();
    push(&world, &business, &[&pushed[..], b"\0"].concat()).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world
        .until("the first one is parked", async || {
            world.count("SELECT COUNT(*) FROM photos WHERE state = 'failed'").await == 1
        })
        .await;
    world.until_quiet().await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 3);
    assert!(world.flow(&flow).await.archived_at.is_none(), "a known photo is not here");
});

story!(a_key_that_only_a_push_invented_holds_nothing_up, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(2).await;
    let invented = "20261124-00000000-0000-4000-8000-000000000000";
    call(&world, &format!("businessId={business}&number=E003&imageType=SIGNATORY&images={invented}")).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    let photos = world.photos(&seal_use.id).await;
    assert!(photos.len() == 2 && photos.iter().all(|photo| photo.state == "done"), "{photos:#?}");
    assert!(!world.sim.counters().image_requests.contains_key(invented));
    world.assert_snapshot("an_invented_key").await;
});

story!(what_the_detail_lists_corrects_what_a_push_said_of_a_key, async |engine: Engine| {
    let mut knobs = small_photos();
    knobs.callback.end_shape = EndShape::Off;
    let world = World::new(engine, Plan { knobs: Some(knobs), ..Plan::default() }).await;
    let (_, seal_use, business) = world.seal_use(3).await;
    let face = world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    // The push does not say that it shows a face.
    call(&world, &format!("businessId={business}&number=E003&images={face}")).await;
    world.until("the photo is in", async || world.count("SELECT COUNT(original_hash) FROM photos").await == 1).await;
    assert_eq!(world.photos(&seal_use.id).await[0].kind, "face");
});

story!(a_business_that_a_callback_named_once_is_tried_again, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    // The vendor takes the application; its answer is lost, and so nobody knows its business.
    world.sim.set_fault(Fault::times(Target::Apply, FaultKind::Cut, 1));
    let flow = world.start_flow(2).await;
    world.approve(&flow).await;
    let seal_use = until_status(&world, &flow, "unknown").await;
    let business = world.sim.businesses().remove(0).id;
    // While the callback's business is looked at, the vendor fails for longer than a callback waits.
    world.sim.set_fault(Fault::times(Target::Detail, FaultKind::Status { status: 502 }, 5));
    call(&world, "businessId=7&sealUse=").await;
    call(&world, &format!("businessId={business}&sealUse={}", seal_use.id)).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 2);
});

story!(a_photo_that_came_twice_leaves_no_gap_in_the_numbers, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(3).await;
    let keys = world.sim.stamp_many(&business, 0, 2).await.unwrap();
    // The first pass numbers both keys and gets neither; the second one's picture is pushed meanwhile, without its key.
    world.sim.set_fault(Fault::times(Target::Image, FaultKind::Status { status: 500 }, 8));
    call(&world, &format!("businessId={business}&leftCount=1")).await;
    world
        .until("both wait", async || world.count("SELECT COUNT(*) FROM photos WHERE state = 'waiting'").await == 2)
        .await;
    push(&world, &business, &world.sim.photo_bytes(&keys[1]).await.unwrap()).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let numbers: Vec<_> = world.photos(&seal_use.id).await.into_iter().map(|photo| photo.no).collect();
    assert_eq!(numbers, [Some(1), Some(2), Some(3)]);
});

story!(a_stranger_is_refused_before_the_body_is_read, async |engine: Engine| {
    fn with_key(config: &mut Config) {
        config.callback.secret = Some("a-key-of-some-length".into());
    }
    let world = World::new(engine, Plan { config: Some(with_key), ..Plan::default() }).await;
    let mut line = TcpStream::connect(world.app.config.listen).await.unwrap();
    let head = "POST /papi/signcenter/qiyuesuo/categoryCallback?key=wrong HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n";
    line.write_all(head.as_bytes()).await.unwrap();
    // Not a byte of the body is sent.
    let mut answer = [0; 12];
    line.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 403");
});

story!(an_application_waits_until_a_maintenance_page_is_gone, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    world.sim.set_fault(Fault::times(Target::Any, FaultKind::Html { status: 200 }, 8));
    let (_, seal_use, _) = world.seal_use(1).await;
    assert_eq!(seal_use.no, 1);
    assert_eq!(world.sim.businesses().len(), 1);
});

story!(a_starter_who_has_left_holds_nothing_up, async |world: World| {
    let flow = world.start_flow(1).await;
    let users = world.caller("admin").await.get("/api/users?limit=200").await.expect(200);
    let zhang = users["items"].as_array().unwrap().iter().find(|user| user["username"] == "zhang").unwrap();
    let path = format!("/api/users/{}", zhang["id"].as_str().unwrap());
    world.caller("admin").await.patch(&path, &json!({ "disabled": true })).await.expect(200);
    world.approve(&flow).await;
    world.until("the vendor has the application", async || world.sim.businesses().len() == 1).await;
});

story!(a_use_that_is_open_again_keeps_its_flow_from_the_archive, async |engine: Engine| {
    let checked_at_the_end = |definition: &mut Value| {
        extra_node(definition, 2, "check", "复核", "user:li");
    };
    let world = World::new(engine, Plan { definition: Some(checked_at_the_end), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(2).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    let at_the_check = async || world.flow(&flow).await.node.as_deref() == Some("check");
    world.until("the flow stands at the check", at_the_check).await;
    world.until_quiet().await;
    world.sim.append(&business, 1, None).unwrap();
    call(&world, &format!("businessId={business}&status=USING")).await;
    world
        .until("yinku knows", async || world.count("SELECT COUNT(*) FROM seal_uses WHERE status = 'using'").await == 1)
        .await;
    world.approve(&flow).await;
    world
        .until("the archive waits", async || {
            let waits =
                "SELECT COUNT(*) FROM jobs WHERE kind = 'archive' AND state = 'parked' AND error = 'seals are in use'";
            world.count(waits).await == 1
        })
        .await;
    assert!(world.flow(&flow).await.archived_at.is_none());
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 3);
});

story!(bytes_that_were_altered_are_told_and_not_archived, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(archived_by_hand), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_past_its_nodes(&flow).await;
    let key: String = sql("SELECT MIN(store_key) FROM originals").scalar(&world.app.db).await.unwrap();
    let key = StoreKey::Raw(key);
    let bytes = world.app.store.get(&key).await.unwrap();
    world.app.store.put(&key, Bytes::from_static(b"something else")).await.unwrap();
    let zhang = world.caller("zhang").await;
    let asked = tokio::spawn(async move { zhang.post(&format!("/api/flows/{flow}/archive"), &json!({})).await.status });
    world
        .until("the flow tells of it", async || {
            world.count("SELECT COUNT(*) FROM flow_events WHERE act = 'archive_failed'").await == 1
        })
        .await;
    assert_eq!(world.count("SELECT COUNT(*) FROM manifests").await, 0);
    // From the backup.
    world.app.store.put(&key, bytes).await.unwrap();
    world.until("it is archived", async || world.count("SELECT COUNT(*) FROM manifests").await == 1).await;
    assert!(asked.await.is_ok());
    assert_eq!(world.count("SELECT COUNT(*) FROM flow_events WHERE act = 'archive_failed'").await, 1);
});

story!(faces_are_shown_to_those_entitled_only, async |world: World| {
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let id: String = sql("SELECT d.id FROM documents d JOIN photos p ON p.id = d.photo_id WHERE p.kind = 'face'")
        .scalar(&world.app.db)
        .await
        .unwrap();
    for (username, entitled) in [("zhang", false), ("wang", false), ("zhao", false), ("sun", true), ("admin", true)] {
        let caller = world.caller(username).await;
        let listed = caller.get("/api/documents").await.expect(200)["items"].as_array().unwrap().len();
        assert_eq!(listed, if entitled { 2 } else { 1 }, "{username}");
        let content = caller.get(&format!("/api/documents/{id}/content")).await.status;
        assert_eq!(content, if entitled { 200 } else { 404 }, "{username}");
        if username != "zhao" {
            let shown = show(&caller, &flow).await;
            assert_eq!(shown["files"]["photos"].as_array().unwrap().len(), listed, "{username}");
        }
    }
});

story!(a_zip_that_names_a_new_key_twice_is_read_in_one_pass, async |engine: Engine| {
    // A pass that failed would be repeated only after an hour.
    fn fails_never(config: &mut Config) {
        config.jobs.retries = vec![Span::hours(1)];
    }
    let world = World::new(engine, Plan { config: Some(fails_never), ..Plan::default() }).await;
    let (_, seal_use, business) = world.seal_use(3).await;
    let first = world.sim.stamp(&business, 0).await.unwrap();
    let second = world.sim.stamp(&business, 0).await.unwrap();
    let picture = world.sim.photo_bytes(&first).await.unwrap();
    world.sim.edit_photo(&first, |photo| photo.in_detail = false).unwrap();
    world.sim.edit_photo(&second, |photo| (photo.in_detail, photo.photokey) = (false, first.clone())).unwrap();
    // The pushed photo has no key. The first entry gives it the key, and the row that the entry made goes.
    push(&world, &business, &picture).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until("all three are here", async || world.count("SELECT COUNT(*) FROM documents").await == 3).await;
    world.until_quiet().await;
    let photos = world.photos(&seal_use.id).await;
    let twice: Vec<_> = photos.iter().filter(|photo| photo.photokey.as_ref() == Some(&first)).collect();
    assert!(twice.len() == 1 && twice[0].documents == 2, "two versions of one photo: {photos:#?}");
    assert_eq!(photos.len(), 2);
    assert_eq!(world.count("SELECT COUNT(*) FROM ingests WHERE error IS NOT NULL").await, 0);
});

story!(the_longest_names_that_are_kept_fit_every_index, async |world: World| {
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    // Text that PostgreSQL cannot shorten: hexadecimal digits of hashes.
    let noise = |bytes: usize| -> String {
        let hashes = (0..).map(|n: usize| yinku::hash::Blake3::of(&n.to_le_bytes()).as_str().to_owned());
        hashes.flat_map(String::into_bytes).take(bytes).map(char::from).collect()
    };
    let name_it = async |bytes: usize| {
        let mut tx = world.app.db.begin().await.unwrap();
        let name = noise(bytes);
        let named = sql("UPDATE grants SET seal = $1, user_name = $1, number = $1, contact = $1");
        named.bind(&name).execute(&mut tx).await?;
        sql("UPDATE documents SET name = $1 WHERE photo_id IS NOT NULL").bind(noise(240)).execute(&mut tx).await?;
        // The document repeats the names of its photo's grant.
        for kind in ["face", "signatory"] {
            sql("UPDATE photos SET kind = $1").bind(kind).execute(&mut tx).await?;
        }
        tx.commit().await
    };
    name_it(600).await.unwrap();
    let kept = world.count("SELECT COUNT(*) FROM documents WHERE length(seal) = 600 AND length(user_name) = 600").await;
    assert_eq!(kept, 1);
    assert_eq!(name_it(3000).await.is_ok(), !world.app.db.is_postgres(), "only PostgreSQL has this limit");
});
