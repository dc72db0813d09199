//! Callbacks that a story sends itself, beside those of the simulated vendor.

use bytes::Bytes;
use simulator::{EndShape, Knobs, RawCallback};
use yinku::{
    config::{Config, Span},
    db::sql,
    hash::Blake3,
};

use crate::support::world::{World, small_photos};

/// Where the vendor calls back.
pub(crate) const PATH: &str = "/papi/signcenter/qiyuesuo/categoryCallback";

/// A callback whose words are in its query.
pub(crate) fn callback(world: &World, query: &str) -> RawCallback {
    let mut url = world.app.config.public_url.join(PATH).unwrap();
    url.set_query(Some(query).filter(|query| !query.is_empty()));
    RawCallback { url: url.into(), method: String::new(), content_type: None, body: Bytes::new() }
}

/// A callback whose words are in its body.
pub(crate) fn callback_with(world: &World, content_type: Option<&str>, body: &[u8]) -> RawCallback {
    let (content_type, body) = (content_type.map(Into::into), Bytes::copy_from_slice(body));
    RawCallback { content_type, body, ..callback(world, "") }
}

/// Sends it once; it must be taken.
pub(crate) async fn call(world: &World, query: &str) {
    let answers = world.sim.send_callback(&callback(world, query), 1, false).await;
    assert_eq!(answers[0].status, Some(200), "{}", answers[0].answer);
}

/// 王五's box pushes a picture of a stamping, without its key.
pub(crate) async fn push(world: &World, business: &str, picture: &[u8]) {
    let mut push = callback(world, &format!("businessId={business}&number=E003&imageType=SIGNATORY"));
    push.content_type = Some("multipart/form-data; boundary=b".into());
    let head = b"--b\r\nContent-Disposition: form-data; name=\"images\"; filename=\"a.jpg\"\r\n\r\n";
    push.body = [&head[..], picture, b"\r\n--b--\r\n"].concat().into();
    world.sim.send_callback(&push, 1, false).await;
}

fn spans(texts: &[&str]) -> Vec<Span> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Looks at seal uses within seconds, so that a story need not wait for a callback.
pub(crate) fn looks_often(config: &mut Config) {
    config.ingest.rechecks = spans(&["1s", "2s", "3s", "5s", "8s"]);
    config.ingest.poll_open = Span::secs(1);
}

/// A vendor that does not call back when use has ended.
pub(crate) fn without_end_callback() -> Knobs {
    let mut knobs = small_photos();
    knobs.callback.end_shape = EndShape::Off;
    knobs
}

/// Nothing is left to do, and every callback was done.
pub(crate) async fn no_callback_waits(world: &World) {
    world.until_quiet().await;
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks WHERE state <> 'done'").await, 0);
}

/// The service demands the key of [`wire`](crate::support::wire).
pub(crate) fn with_key(config: &mut Config) {
    config.callback.secret = Some(crate::support::wire::KEY.into());
}

/// Neither a secret nor a network is demanded: every sender is let in, and what comes is a hint.
pub(crate) fn open_door(config: &mut Config) {
    config.callback.secret = None;
    config.callback.allow_from = Vec::new();
}

/// How the newest callback was read.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Read {
    pub(crate) shape: String,
    pub(crate) business_id: Option<String>,
    pub(crate) images: i64,
    pub(crate) params: String,
    pub(crate) error: Option<String>,
}

pub(crate) async fn newest(world: &World) -> Read {
    sql("SELECT shape, business_id, images, params, error FROM callbacks ORDER BY id DESC LIMIT 1")
        .one(&world.app.db)
        .await
        .unwrap()
}

/// Waits until exactly these bytes are a document of the flow's photos.
pub(crate) async fn until_linked(world: &World, bytes: &[u8]) {
    let hash = Blake3::of(bytes);
    world
        .until("the picture is linked", async || {
            let linked = "SELECT COUNT(*) FROM documents WHERE original_hash = $1 AND photo_id IS NOT NULL";
            sql(linked).bind(&hash).scalar::<i64>(&world.app.db).await.unwrap() == 1
        })
        .await;
}
