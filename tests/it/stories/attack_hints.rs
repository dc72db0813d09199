//! Attacks by senders without the secret: hints on archived flows, pushes that lead nowhere, and hints from before there
//! was a secret. And what an unconfirmed picture looks like in lists.

use reqwest::{Method, multipart::Form};
use serde_json::{Value, json};
use yinku::{config::Config, db::sql, hash::Blake3, store::StoreKey};

use crate::support::{
    Caller, Engine, Plan, World,
    callbacks::{PATH, callback, open_door, push, until_linked},
    files::png,
    process::House,
    seals::{archived, one_photo_short, show_counts, without_photo},
    story,
};

async fn world_with(engine: Engine, config: Option<fn(&mut Config)>) -> World {
    World::new(engine, Plan { config, ..Plan::default() }).await
}

/// The doors that a callback can come through.
const DOORS: [Option<fn(&mut Config)>; 2] = [Some(open_door), None];

/// The audit entries about pictures of callbacks: the address, the flow and what they say.
async fn brought(world: &World) -> Vec<(Option<String>, Option<String>, String)> {
    sql("SELECT peer, flow_id, detail FROM audit WHERE act = 'photos_pushed' ORDER BY seq")
        .all(&world.app.db)
        .await
        .unwrap()
}

/// Sends a picture with these words in its query.
async fn push_with(world: &World, query: &str, picture: &[u8]) {
    let mut push = callback(world, query);
    push.content_type = Some("multipart/form-data; boundary=b".into());
    let head = b"--b\r\nContent-Disposition: form-data; name=\"images\"; filename=\"a.jpg\"\r\n\r\n";
    push.body = [&head[..], picture, b"\r\n--b--\r\n"].concat().into();
    let answers = world.sim.send_callback(&push, 1, false).await;
    assert_eq!(answers[0].status, Some(200), "{}", answers[0].answer);
}

story!(a_strangers_hint_changes_nothing_of_an_archived_flow, async |engine: Engine| {
    let world = world_with(engine, Some(open_door)).await;
    let flow = archived(&world, 2).await;
    let business: String = sql("SELECT business_id FROM seal_uses").scalar(&world.app.db).await.unwrap();
    let rows = "SELECT (SELECT COUNT(*) FROM photos) * 10000 + (SELECT COUNT(*) FROM documents) * 100
         + (SELECT COUNT(*) FROM manifests) * 10 + (SELECT COUNT(*) FROM originals)";
    let before = world.count(rows).await;
    push(&world, &business, &png(7)).await;
    push_with(&world, &format!("businessId={business}"), &png(8)).await;
    world.until("both are done", async || brought(&world).await.len() == 2).await;
    world.until_quiet().await;
    assert_eq!(world.count(rows).await, before, "no photo, no document, no original, no supplement");
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 2, 0]);
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks WHERE images > 0 AND state <> 'done'").await, 0);
    let entries = brought(&world).await;
    assert!(entries.iter().all(|(_, of, _)| of.as_deref() == Some(flow.as_str())), "{entries:?}");
});

story!(an_unconfirmed_photo_is_marked_in_lists_and_searches_and_in_no_count, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    let picture = png(7);
    push(&world, &business, &picture).await;
    until_linked(&world, &picture).await;
    world.until_quiet().await;
    let hash = Blake3::of(&picture);
    let zhang = world.caller("zhang").await;
    let serial = world.flow(&flow).await.serial_no;
    for query in [format!("flowId={flow}"), format!("q={serial}"), format!("hash={hash}")] {
        let listed = zhang.get(&format!("/api/documents?{query}")).await.expect(200);
        let items = listed["items"].as_array().unwrap();
        let theirs: Vec<&Value> = items.iter().filter(|item| item["blake3"] == json!(hash)).collect();
        assert_eq!(theirs.len(), 1, "{query}: {listed}");
        assert_eq!(theirs[0]["photo"]["state"], "unconfirmed", "{query}");
        let others = items.iter().filter(|item| item["blake3"] != json!(hash));
        assert!(others.into_iter().all(|item| item["photo"]["state"] == "confirmed"), "{query}: {listed}");
    }
    let id: String =
        sql("SELECT id FROM documents WHERE original_hash = $1").bind(&hash).scalar(&world.app.db).await.unwrap();
    assert_eq!(zhang.get(&format!("/api/documents/{id}")).await.expect(200)["photo"]["state"], "unconfirmed");
    assert_eq!(show_counts(&world, &flow).await, [2, 2, 1, 1]);
    // Whoever may not see a face does not see a picture of which no kind is known, in no list.
    let unknown = png(9);
    push_with(&world, &format!("businessId={business}&number=E003"), &unknown).await;
    until_linked(&world, &unknown).await;
    world.until_quiet().await;
    let found = async |username: &str, query: &str| {
        let listed = world.caller(username).await.get(&format!("/api/documents?{query}")).await.expect(200);
        listed["items"].as_array().unwrap().iter().any(|item| item["blake3"] == json!(Blake3::of(&unknown)))
    };
    for query in [format!("flowId={flow}"), format!("q={serial}"), format!("hash={}", Blake3::of(&unknown))] {
        assert!(!found("zhang", &query).await && found("admin", &query).await, "{query}");
    }
});

story!(pictures_that_lead_nowhere_are_on_record, async |engine: Engine| {
    for door in DOORS {
        let world = world_with(engine, door).await;
        let picture = png(3);
        push_with(&world, "businessId=7&imageType=SIGNATORY", &picture).await;
        push_with(&world, "imageType=SIGNATORY", &picture).await;
        let states: Vec<String> = sql("SELECT state FROM callbacks ORDER BY id").scalars(&world.app.db).await.unwrap();
        assert_eq!(states, ["orphan", "dead"]);
        let entries = brought(&world).await;
        assert_eq!(entries.len(), 2, "{entries:?}");
        for ((peer, flow, detail), why) in entries.iter().zip(["its business is not known", "it names no business"]) {
            assert_eq!((peer.as_deref(), flow), (Some("127.0.0.1"), &None));
            assert!(detail.starts_with("1 from 127.0.0.1, ") && detail.ends_with(why), "{detail}");
            let hash = Blake3::of(&picture);
            let told =
                if door.is_some() { format!("not authenticated, not kept: {hash}") } else { "digest".to_owned() };
            assert!(detail.contains(&told), "{detail}");
        }
        // A callback without a picture is none of these entries.
        push_nothing(&world).await;
        assert_eq!(brought(&world).await.len(), 2);
    }
});

async fn push_nothing(world: &World) {
    let answers = world.sim.send_callback(&callback(world, "businessId=8&status=USING"), 1, false).await;
    assert_eq!(answers[0].status, Some(200));
}

/// What is kept of a callback.
#[derive(Debug, sqlx::FromRow)]
struct Kept {
    state: String,
    body_bytes: i64,
    stored: Option<i64>,
    body_key: Option<String>,
    digest: String,
}

// "Dead" names no business; "orphan" names one that is not known.
story!(of_a_dead_callback_as_much_is_kept_as_of_an_orphan, async |engine: Engine| {
    for door in DOORS {
        let world = world_with(engine, door).await;
        let nobody = Caller::nobody(&world);
        let body = format!("status=USING&note={}", "x".repeat(100_000));
        for _ in 0..2 {
            let sent = nobody.request(Method::POST, PATH).body(body.clone()).send().await.unwrap();
            assert_eq!(sent.status(), 200);
        }
        let kept = "SELECT state, body_bytes, CAST(length(body) AS BIGINT) AS stored, body_key, digest FROM callbacks";
        let rows: Vec<Kept> = sql(kept).all(&world.app.db).await.unwrap();
        for row in &rows {
            assert_eq!((row.state.as_str(), row.body_bytes, row.digest.len()), ("dead", 100_018, 64), "{rows:?}");
            if door.is_some() {
                assert_eq!((row.stored, &row.body_key), (Some(65_536), &None), "the first 64 KiB");
            } else {
                let whole = world.app.store.get(&StoreKey::Raw(row.body_key.clone().unwrap())).await.unwrap();
                assert_eq!(whole, body.as_bytes());
            }
        }
        assert_eq!(rows[0].digest, rows[1].digest, "equal content has an equal digest");
    }
});

story!(a_hint_from_before_there_was_a_secret_never_becomes_authenticated, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let first = house.serve(None);
    let (flow, seal_use) = house.applied_flow(2).await;
    let business = seal_use.business_id.clone().unwrap();
    house.sim.stamp(&business, 0).await.unwrap();
    house.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    let picture = reqwest::multipart::Part::bytes(png(7)).file_name("a.png");
    let address = format!("http://{}{PATH}?businessId={business}&number=E003&imageType=SIGNATORY", house.address());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = client.post(&address).multipart(Form::new().part("images", picture)).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let count = async |statement: &'static str| sql(statement).scalar::<i64>(&house.app.db).await.unwrap();
    let looked_at = "SELECT COUNT(*) FROM audit WHERE act = 'photos_pushed' AND detail LIKE '%not authenticated%'";
    house.until("the hint is done", async || count(looked_at).await == 1).await;
    house.retire(first).await;

    let second = house.command().env("YINKU_CALLBACK__SECRET", "a-secret-of-some-length").spawn().unwrap();
    let admin = house.caller("admin").await;
    let id: String = sql("SELECT id FROM callbacks WHERE images = 1").scalar(&house.app.db).await.unwrap();
    let again = admin.post(&format!("/api/callbacks/{id}/replay"), &json!({})).await.expect(202);
    assert_eq!(again["authenticated"], false);
    house.until("it was looked at again", async || count(looked_at).await == 2).await;
    house.until_idle().await;
    assert_eq!(count("SELECT COUNT(*) FROM callbacks WHERE images = 1 AND authenticated").await, 0);
    assert_eq!(count("SELECT COUNT(*) FROM photos WHERE source = 'push'").await, 0);
    assert!(house.flow(&flow).await.archived_at.is_none());
    house.retire(second).await;
});
