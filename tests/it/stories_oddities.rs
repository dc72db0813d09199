//! Stories of vendors and callbacks that say odd things: nothing is lost, nothing is stuck.

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use yinku::{
    config::{ByteSize, Config, Span},
    db::sql,
    seal_use::SealUse,
    store::StoreKey,
    vendor::simulator::{Encoding, Fault, FaultKind, RawCallback, Target},
};

use crate::{
    stories::on_both_engines,
    world::{Engine, Plan, World, small_photos},
};

on_both_engines!(
    whatever_the_vendor_says_an_ingest_is_never_given_up,
    a_push_whose_body_is_gone_holds_up_no_other_photo,
    a_parked_photo_is_not_hidden_behind_a_pushed_one,
    a_key_that_only_a_push_invented_holds_nothing_up,
    what_the_detail_lists_corrects_what_a_push_said_of_a_key,
    a_business_that_a_callback_named_once_is_tried_again,
    a_photo_that_came_twice_leaves_no_gap_in_the_numbers,
    a_stranger_is_refused_before_the_body_is_read,
    a_body_without_room_is_told_to_come_again,
);

fn tries_once(config: &mut Config) {
    config.ingest.retries = vec![Span::secs(1)];
}

fn callback(world: &World, query: &str) -> RawCallback {
    RawCallback {
        url: format!("{}papi/signcenter/qiyuesuo/categoryCallback?{query}", world.app.config.public_url),
        method: String::new(),
        content_type: None,
        body: Bytes::new(),
    }
}

async fn call(world: &World, query: &str) {
    let answers = world.sim.send_callback(&callback(world, query), 1, false).await;
    assert_eq!(answers[0].status, Some(200), "{}", answers[0].answer);
}

async fn whatever_the_vendor_says_an_ingest_is_never_given_up(engine: Engine) {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(2).await;
    // A maintenance page, and a secret that is no longer right: clear answers, and both will pass.
    world.sim.set_fault(Fault::times(Target::Detail, FaultKind::Html { status: 200 }, 1));
    let refusal = FaultKind::JsonError { code: 1_000_000, message: "未知错误".into() };
    world.sim.set_fault(Fault { after: 1, ..Fault::times(Target::Detail, refusal, 2) });
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM jobs WHERE state = 'parked'").await, 0);
}

async fn a_push_whose_body_is_gone_holds_up_no_other_photo(engine: Engine) {
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
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE callbacks SET state = 'pending' WHERE images > 0").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 2);
    let told: String = sql("SELECT error FROM callbacks WHERE state = 'dead'").scalar(&world.app.db).await.unwrap();
    assert!(told.contains("the store has no object"), "{told}");
}

async fn a_parked_photo_is_not_hidden_behind_a_pushed_one(engine: Engine) {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(2).await;
    let first = world.sim.stamp(&business, 0).await.unwrap();
    world.sim.set_fault(Fault::always(Target::Image, FaultKind::Empty).only(&[first.as_str()]));
    world.sim.set_fault(Fault::always(Target::Zip, FaultKind::Status { status: 500 }));
    // The box pushes the second picture in other bytes than the server gives out.
    let pushed = world.sim.photo_bytes(&first).await.unwrap();
    let mut push = callback(&world, &format!("businessId={business}&number=E003&imageType=SIGNATORY"));
    push.content_type = Some("multipart/form-data; boundary=b".into());
    let head = b"--b\r\nContent-Disposition: form-data; name=\"images\"; filename=\"a.jpg\"\r\n\r\n";
    let altered = [&pushed[..], b"\0"].concat();
    push.body = [&head[..], &altered, b"\r\n--b--\r\n"].concat().into();
    world.sim.send_callback(&push, 1, false).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world
        .until("the first one is parked", async || {
            world.count("SELECT COUNT(*) FROM photos WHERE state = 'failed'").await == 1
        })
        .await;
    world.until_quiet().await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 3);
    assert!(world.flow(&flow).await.archived_at.is_none(), "a known photo is not here");
}

async fn a_key_that_only_a_push_invented_holds_nothing_up(engine: Engine) {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(2).await;
    let invented = "20261124-00000000-0000-4000-8000-000000000000";
    call(&world, &format!("businessId={business}&number=E003&imageType=SIGNATORY&images={invented}")).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    let photos = world.photos(&seal_use.id).await;
    let of = |state: &str| photos.iter().filter(|photo| photo.state == state).count();
    assert_eq!((of("done"), of("failed")), (2, 1), "{photos:#?}");
}

async fn what_the_detail_lists_corrects_what_a_push_said_of_a_key(engine: Engine) {
    let mut knobs = small_photos();
    knobs.callback.end_shape = yinku::vendor::simulator::EndShape::Off;
    let world = World::new(engine, Plan { knobs: Some(knobs), ..Plan::default() }).await;
    let (_, seal_use, business) = world.seal_use(3).await;
    let face = world.sim.late_photo(&business, 0, yinku::vendor::simulator::Kind::Face).unwrap();
    // The push does not say that it shows a face.
    call(&world, &format!("businessId={business}&number=E003&images={face}")).await;
    world.until("the photo is in", async || world.count("SELECT COUNT(original_hash) FROM photos").await == 1).await;
    assert_eq!(world.photos(&seal_use.id).await[0].kind, "face");
}

async fn a_business_that_a_callback_named_once_is_tried_again(engine: Engine) {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    // The vendor takes the application; its answer is lost, and so nobody knows its business.
    world.sim.set_fault(Fault::times(Target::Apply, FaultKind::Cut, 1));
    let flow = world.start_flow(2).await;
    world.approve(&flow).await;
    world
        .until("the application is unknown", async || {
            world.count("SELECT COUNT(*) FROM seal_uses WHERE status = 'unknown'").await == 1
        })
        .await;
    let seal_use = SealUse::of_flow(&world.app.db, &flow).await.unwrap().remove(0);
    let business = world.sim.businesses().remove(0).id;
    // While the callback's business is looked at, the vendor fails for longer than a callback waits.
    world.sim.set_fault(Fault::times(Target::Detail, FaultKind::Status { status: 502 }, 5));
    call(&world, "businessId=7&sealUse=").await;
    call(&world, &format!("businessId={business}&sealUse={}", seal_use.id)).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 2);
}

async fn a_photo_that_came_twice_leaves_no_gap_in_the_numbers(engine: Engine) {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(3).await;
    let keys = world.sim.stamp_many(&business, 0, 2).await.unwrap();
    // The first pass numbers both keys and gets neither; the second one's picture is pushed meanwhile, without its key.
    world.sim.set_fault(Fault::times(Target::Image, FaultKind::Status { status: 500 }, 8));
    call(&world, &format!("businessId={business}&leftCount=1")).await;
    world
        .until("both wait", async || world.count("SELECT COUNT(*) FROM photos WHERE state = 'waiting'").await == 2)
        .await;
    let mut push = callback(&world, &format!("businessId={business}&number=E003&imageType=SIGNATORY"));
    push.content_type = Some("multipart/form-data; boundary=b".into());
    let head = b"--b\r\nContent-Disposition: form-data; name=\"images\"; filename=\"a.jpg\"\r\n\r\n";
    let bytes = world.sim.photo_bytes(&keys[1]).await.unwrap();
    push.body = [&head[..], &bytes, b"\r\n--b--\r\n"].concat().into();
    world.sim.send_callback(&push, 1, false).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let numbers: Vec<_> = world.photos(&seal_use.id).await.into_iter().map(|photo| photo.no).collect();
    assert_eq!(numbers, [Some(1), Some(2), Some(3)]);
}

async fn a_stranger_is_refused_before_the_body_is_read(engine: Engine) {
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
}

async fn a_body_without_room_is_told_to_come_again(engine: Engine) {
    fn one_at_a_time(config: &mut Config) {
        config.callback.max_body = ByteSize::mib(1);
        config.callback.bytes_in_flight = ByteSize::mib(1);
    }
    let world = World::new(engine, Plan { config: Some(one_at_a_time), ..Plan::default() }).await;
    let head = |length: usize| {
        format!(
            "POST /papi/signcenter/qiyuesuo/categoryCallback HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut slow = TcpStream::connect(world.app.config.listen).await.unwrap();
    let waits = head(1 << 20).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    slow.write_all(waits.as_bytes()).await.unwrap();
    // It is asked for its body once it has its room.
    let mut go_on = [0; 12];
    slow.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100");
    let address = world.app.config.listen;
    let status = async || {
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(format!("{}ab", head(2)).as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        line.read_exact(&mut answer).await.unwrap();
        String::from_utf8(answer[9..].to_vec()).unwrap()
    };
    assert_eq!(status().await, "503");
    drop(slow);
    world.until("there is room again", async || status().await == "200").await;
}
