//! Stories of nginx, which sends the files of a local store: rights, headers and audit are those of the service.

use reqwest::{Method, header};
use simulator::Kind;
use yinku::{db::sql, library::document::Document, store::StoreKey};

use crate::support::{
    Caller, Engine, Plan, Told, World,
    nginx::{Nginx, files_by_nginx},
    seals::archived_documents,
    story,
};

async fn behind_nginx(engine: Engine) -> (World, Nginx) {
    let world = World::new(engine, Plan { config: Some(files_by_nginx), ..Plan::default() }).await;
    let nginx = Nginx::start(&world).await;
    (world, nginx)
}

async fn caller(world: &World, nginx: &Nginx, username: &str) -> Caller {
    Caller::of(&world.app, nginx.base.clone(), username).await
}

fn content(document: &Document) -> String {
    format!("/api/documents/{}/content", document.id)
}

fn thumbnail(document: &Document) -> String {
    format!("/api/documents/{}/thumbnail/256", document.id)
}

/// What was downloaded, in order.
async fn downloads(world: &World) -> Vec<String> {
    sql("SELECT detail FROM audit WHERE act = 'document_downloaded' ORDER BY seq").scalars(&world.app.db).await.unwrap()
}

/// The answer to a request from the address of nginx.
async fn told_to_nginx(world: &World, caller: &Caller, path: &str, forwarded: bool) -> Told {
    let theirs = caller.request(Method::GET, path).build().unwrap();
    let nginx = Caller::from_address(world, [127, 0, 0, 2]);
    let request = nginx.request(Method::GET, path).header(header::AUTHORIZATION, &theirs.headers()["authorization"]);
    nginx.send(if forwarded { request.header("x-forwarded-for", "127.0.0.1") } else { request }).await
}

const SAME: [&str; 9] = [
    "content-type",
    "content-length",
    "content-disposition",
    "content-security-policy",
    "cache-control",
    "etag",
    "last-modified",
    "x-content-type-options",
    "referrer-policy",
];

story!(nginx_sends_originals_and_thumbnails_with_the_headers_and_ranges_of_the_service, async |engine: Engine| {
    let (world, nginx) = behind_nginx(engine).await;
    let document = archived_documents(&world).await.remove(0);
    let (wang, through) = (world.caller("wang").await, caller(&world, &nginx, "wang").await);
    for path in [content(&document), thumbnail(&document)] {
        let (ours, theirs) = (wang.get(&path).await, through.get(&path).await);
        assert!(ours.status == 200 && ours.header("server").is_empty(), "{:?}", ours.headers);
        assert!(theirs.status == 200 && theirs.header("server").starts_with("nginx"), "{:?}", theirs.headers);
        assert!(ours.bytes == theirs.bytes, "the same bytes");
        for name in SAME {
            let all = |told: &Told| told.headers.get_all(name).iter().cloned().collect::<Vec<_>>();
            assert_eq!(all(&ours), all(&theirs), "{name}");
        }
        assert!(!theirs.headers.contains_key("x-accel-redirect"), "{:?}", theirs.headers);
        let told = told_to_nginx(&world, &wang, &path, true).await;
        assert!(told.bytes.is_empty() && told.header("x-accel-redirect").starts_with("/yinku-store/"));
        // Without the header of a proxy it is a client on the machine of nginx.
        let alone = told_to_nginx(&world, &wang, &path, false).await;
        assert!(alone.bytes == ours.bytes && !alone.headers.contains_key("x-accel-redirect"));
    }
    let path = content(&document);
    let whole = wang.get(&path).await;
    let (tag, size) = (whole.header("etag").to_owned(), whole.bytes.len());
    for condition in [None, Some(tag.as_str())] {
        let part = through.part(&path, "bytes=100-199", condition).await;
        assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &whole.bytes[100..200]));
        assert_eq!(part.header("content-range"), format!("bytes 100-199/{size}"));
    }
    assert_eq!(through.part(&path, "bytes=100-", Some("\"other\"")).await.bytes.len(), size);
    assert_eq!(through.part(&path, "bytes=0-1,5-6", None).await.bytes.len(), size, "one range or all");
    assert_eq!(through.part(&path, &format!("bytes={size}-"), None).await.status, 416);
    let when = |name, value: &str| through.request(Method::GET, &path).header(name, value);
    for (name, value, status) in [
        (header::IF_NONE_MATCH, tag.as_str(), 304),
        (header::IF_NONE_MATCH, "\"other\"", 200),
        (header::IF_MATCH, tag.as_str(), 200),
        (header::IF_MATCH, "\"other\"", 412),
        (header::IF_MODIFIED_SINCE, whole.header("last-modified"), 200),
        (header::IF_UNMODIFIED_SINCE, whole.header("last-modified"), 200),
        (header::IF_UNMODIFIED_SINCE, "Mon, 23 Nov 2020 07:59:59 GMT", 412),
    ] {
        assert_eq!(through.send(when(name.clone(), value)).await.status.as_u16(), status, "{name}: {value}");
    }
    let head = through.send(through.request(Method::HEAD, &path)).await;
    assert_eq!((head.status.as_u16(), head.header("content-length")), (200, &*size.to_string()));
    // A thumbnail that is lost is made again.
    world.app.store.delete(&StoreKey::Thumbnail { size: 256, hash: document.blake3.clone() }).await.unwrap();
    assert_eq!(through.get(&thumbnail(&document)).await.status, 200);
});

story!(what_nginx_sends_is_allowed_and_on_record_as_before, async |engine: Engine| {
    let (world, nginx) = behind_nginx(engine).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let documents = Document::of_flow(&world.app.db, &flow).await.unwrap();
    let (faces, photos): (Vec<_>, Vec<_>) = documents.into_iter().partition(Document::is_face);
    let (face, photo) = (&faces[0], &photos[0]);
    let [wang, admin] = [caller(&world, &nginx, "wang").await, caller(&world, &nginx, "admin").await];
    for path in [content(face), thumbnail(face)] {
        wang.get(&path).await.expect_problem(404, "not_found");
        assert_eq!(admin.get(&path).await.status, 200);
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'face_viewed' AND username = 'admin'").await, 1);
    // Nobody reaches the files beside the service.
    let place = format!("/yinku-store/{}", photo.store_key);
    assert_eq!(wang.request(Method::GET, &place).send().await.unwrap().status(), 404);
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = stranger.get(nginx.base.join(&content(photo)).unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    // One entry for each request that carries bytes, with its range.
    let (before, size) = (downloads(&world).await.len(), photo.bytes);
    assert_eq!(before, 1, "the face");
    let tag = wang.get(&content(photo)).await.header("etag").to_owned();
    assert_eq!(wang.part(&content(photo), "bytes=5-9", None).await.status, 206);
    let same = wang.request(Method::GET, &content(photo)).header(header::IF_NONE_MATCH, tag);
    assert_eq!(wang.send(same).await.status, 304);
    assert_eq!(wang.send(wang.request(Method::HEAD, &content(photo))).await.status, 200);
    assert_eq!(downloads(&world).await[before..], ["whole".to_owned(), format!("bytes 5-9/{size}")]);
    let from: Vec<String> =
        sql("SELECT DISTINCT peer FROM audit WHERE act = 'document_downloaded'").scalars(&world.app.db).await.unwrap();
    assert_eq!(from, ["127.0.0.1"], "the client, not nginx");
});

story!(nginx_sends_no_original_that_is_lost_or_known_to_be_damaged, async |engine: Engine| {
    let (world, nginx) = behind_nginx(engine).await;
    let documents = archived_documents(&world).await;
    let (wang, through) = (world.caller("wang").await, caller(&world, &nginx, "wang").await);
    let key = |at: usize| StoreKey::Raw(documents[at].store_key.clone());
    let mut bytes = world.app.store.get(&key(0)).await.unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    world.app.store.put(&key(0), bytes.clone().into()).await.unwrap();
    // nginx checks no hash. This is what the settings say, and why the checks matter.
    let told = through.get(&content(&documents[0])).await;
    assert!(told.status == 200 && told.bytes == bytes, "nginx sends what lies there");
    assert!(wang.request(Method::GET, &content(&documents[0])).send().await.unwrap().bytes().await.is_err());
    through.get(&content(&documents[0])).await.expect_problem(500, "original_damaged");
    // Another length, and a lost original, are seen at once.
    let good = world.app.store.get(&key(1)).await.unwrap();
    for damaged in [Some(good.slice(1..)), None] {
        match &damaged {
            Some(bytes) => world.app.store.put(&key(1), bytes.clone()).await.unwrap(),
            None => world.app.store.delete(&key(1)).await.unwrap(),
        }
        let range = through.part(&content(&documents[1]), "bytes=0-9", None).await;
        range.expect_problem(500, "original_damaged");
        let mut tx = world.app.db.begin().await.unwrap();
        sql("UPDATE fixity_findings SET healed_at = 1 WHERE subject = $1")
            .bind(&documents[1].blake3)
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'damage_found'").await, 3);
});
