//! Objects that no row names: told, left alone, and found again by what they are the content of.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use reqwest::{
    Body,
    multipart::{Form, Part},
};
use serde_json::json;
use yinku::{
    hash::Blake3,
    preservation::orphans::{self, Stray},
    store::StoreKey,
};

use crate::support::{
    Engine, Plan, World,
    files::{form, pdf, staging, stamped, world_with_stamped},
    seals::archived,
    story,
};

/// The strays among objects of any age.
async fn strays(world: &World) -> Vec<(String, Stray)> {
    let report = orphans::scan(&world.app.store, &world.app.db, world.app.clock.now().plus(Duration::from_hours(1)));
    report.await.unwrap().strays.into_iter().map(|found| (found.key, found.why)).collect()
}

story!(everything_that_has_a_row_is_known, async |engine: Engine| {
    // A callback too large for its row lies in the store, too.
    let plan = Plan {
        config: Some(|config| config.callback.inline_body = yinku::config::ByteSize::kib(0)),
        ..Plan::default()
    };
    let world = World::new(engine, plan).await;
    archived(&world, 2).await;
    world.until_quiet().await;
    let later = world.app.clock.now().plus(Duration::from_hours(1));
    let report = orphans::scan(&world.app.store, &world.app.db, later).await.unwrap();
    assert_eq!(report.strays, []);
    let callbacks = world.count("SELECT COUNT(*) FROM callbacks WHERE body_key IS NOT NULL").await;
    assert!(callbacks > 0);
    let package: Vec<_> = world.app.store.list("evidence").try_collect().await.unwrap();
    assert!(package.len() > 10, "{package:?}");
    // Two originals, each in two sizes, the manifest, and the parts of the evidence package.
    assert_eq!(
        report.looked_at,
        2 + 4 + 1 + u64::try_from(usize::try_from(callbacks).unwrap() + package.len()).unwrap()
    );
    let long_ago = world.app.clock.now().minus(Duration::from_hours(24));
    let report = orphans::scan(&world.app.store, &world.app.db, long_ago).await.unwrap();
    assert_eq!(report, orphans::OrphanReport::default(), "what is young may be on its way to its row");
});

story!(what_no_row_names_is_listed_and_left_alone, async |world: World| {
    let flow = archived(&world, 2).await;
    let known: String = yinku::db::sql("SELECT hash FROM originals LIMIT 1").scalar(&world.app.db).await.unwrap();
    let unknown = Blake3::of(b"a photo whose transaction failed");
    let planted = [
        (format!("callbacks/{flow}"), Stray::NoRow),
        (format!("manifests/2026/{flow}/2.json"), Stray::NoRow),
        ("notes.txt".to_owned(), Stray::Foreign),
        (format!("originals/公共知识库/用印/2026/2026-11/{unknown}.jpg"), Stray::NoRow),
        (format!("originals/系统知识库-电子签/2026-11/{known}.jpg"), Stray::Elsewhere),
        (format!("thumbnails/256/{}/{unknown}.jpg", &unknown.as_str()[..2]), Stray::NoRow),
    ];
    for (key, _) in &planted {
        world.app.store.put(&StoreKey::Raw(key.clone()), Bytes::from_static(b"x")).await.unwrap();
    }
    assert_eq!(strays(&world).await, planted);
    for (key, _) in planted {
        assert!(world.app.store.exists(&StoreKey::Raw(key)).await.unwrap(), "nothing is deleted");
    }
});

story!(a_photo_whose_bytes_lay_there_without_a_row_gets_its_row, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    let photokey = world.sim.stamp(&business, 0).await.unwrap();
    let bytes = world.sim.photo_bytes(&photokey).await.unwrap();
    let month = world.app.clock.now().in_china().strftime("%Y-%m").to_string();
    let key = format!("originals/公共知识库/用印/2026/{month}/{}.jpg", Blake3::of(&bytes));
    let object = StoreKey::Raw(key.clone());
    // As a process leaves it that is killed between the put and the commit, or torn by whoever touched it since.
    world.app.store.put(&object, bytes.slice(..bytes.len() / 2)).await.unwrap();
    assert_eq!(strays(&world).await, [(key, Stray::NoRow)]);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    assert_eq!(world.app.store.get(&object).await.unwrap(), bytes, "put over, whole");
    assert_eq!(strays(&world).await, []);
});

story!(a_file_whose_flow_was_withdrawn_while_it_came_lies_without_a_row, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let (wang, zhang) = (world.caller("wang").await, world.caller("zhang").await);
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    sender.unbounded_send(Ok(pdf("1"))).unwrap();
    let slow = Form::new().part("file", Part::stream(Body::wrap_stream(receiver)).file_name("合同.pdf"));
    let (path, withdraw) = (stamped(&flow), format!("/api/flows/{flow}/withdraw"));
    let (told, ()) = tokio::join!(wang.bring(&path, slow), async {
        world.until("the file is coming in", async || staging(&world) == 1).await;
        zhang.post(&withdraw, &json!({})).await.expect(200);
        drop(sender);
    });
    told.expect_problem(409, "flow_not_running");
    assert_eq!((staging(&world), world.count("SELECT COUNT(*) FROM originals").await), (0, 0));
    let found = strays(&world).await;
    assert!(found.len() == 1 && found[0].0.ends_with(&format!("{}.pdf", Blake3::of(&pdf("1")))), "{found:?}");
    let (other, ..) = world.seal_use(1).await;
    wang.bring(&stamped(&other), form([("合同.pdf", pdf("1"))])).await.expect(201);
    assert_eq!(strays(&world).await, [], "the same content has its row now");
});
