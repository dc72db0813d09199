//! What the vendor calls back, as a receiver on raw TCP sees it, and the control API.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use simulator::{Encoding, EndShape, FinishCallback, Knobs, ParamsIn, RawCallback, Simulator, Stamp, Success};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Mutex,
};
use yinku::clock::Clock;

use super::{
    applied, detail, morning, small,
    wire::{Answer, raw},
};
use crate::support::world::vendor_clock;

/// A receiver that keeps whole requests and answers what it is told.
#[derive(Clone)]
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    answer: Arc<Mutex<(u16, &'static str)>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callback", listener.local_addr().unwrap());
        let receiver = Self { url, heard: Arc::default(), answer: Arc::new(Mutex::new((200, ""))) };
        let served = receiver.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let receiver = served.clone();
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    let mut piece = vec![0; 65_536];
                    while !complete(&bytes) {
                        match stream.read(&mut piece).await {
                            Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
                            _ => return,
                        }
                    }
                    receiver.heard.lock().await.push(bytes);
                    let (status, body) = *receiver.answer.lock().await;
                    let length = body.len();
                    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                });
            }
        });
        receiver
    }

    async fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.heard.lock().await)
    }

    /// The one request that came, as text.
    async fn one(&self) -> String {
        let mut heard = self.take().await;
        assert_eq!(heard.len(), 1, "{heard:?}");
        String::from_utf8(heard.remove(0)).unwrap()
    }
}

fn complete(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    bytes.len() - end - 4 >= length
}

async fn calling(receiver: &Receiver, turn: impl FnOnce(&mut Knobs)) -> (Simulator, Clock) {
    let mut knobs = small();
    knobs.callback.callback_url = Some(receiver.url.clone());
    turn(&mut knobs);
    let clock = morning();
    (Simulator::start(knobs, vendor_clock(&clock)).await.unwrap(), clock)
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn the_end_is_told_in_shape_w_with_parameters_in_the_query() {
    let receiver = Receiver::start().await;
    let (sim, _) = calling(&receiver, |_| {}).await;
    let id = applied(&sim, &[1]).await;
    sim.stamp(&id, 0).await.unwrap();
    let told = receiver.one().await;
    assert!(told.starts_with("POST /callback?ecologyOperate=download&callbackEventType=PHYSICS HTTP/1.1"), "{told}");
    assert!(told.contains("content-type: application/x-www-form-urlencoded;charset=UTF-8"));
    assert!(body(&told).starts_with(&format!("businessId={id}&status=COMPLETE&operatorName=%E")), "{told}");
    sim.complete(&id).await.unwrap();
    assert_eq!(receiver.take().await.len(), 0, "completing twice tells once");
    sim.resend_end(&id).await.unwrap();
    assert_eq!(receiver.take().await.len(), 1);
    assert_eq!(sim.pending().len(), 0);
}

#[tokio::test]
async fn parameters_can_stand_in_the_body_and_p1_has_none() {
    let receiver = Receiver::start().await;
    let (sim, _) = calling(&receiver, |knobs| {
        knobs.callback.params_in = ParamsIn::Body;
        knobs.callback.end_encoding = Encoding::Json;
    })
    .await;
    let id = applied(&sim, &[1]).await;
    sim.complete(&id).await.unwrap();
    let told: Value = serde_json::from_str(body(&receiver.one().await)).unwrap();
    assert_eq!((&told["businessId"], &told["ecologyOperate"]), (&json!(id), &json!("download")));
    sim.turn(|knobs| {
        knobs.callback.end_shape = EndShape::P1;
        knobs.callback.end_encoding = Encoding::Multipart;
    });
    let id = applied(&sim, &[1]).await;
    sim.complete(&id).await.unwrap();
    let told = receiver.one().await;
    assert!(told.starts_with("POST /callback HTTP/1.1") && !told.contains("ecologyOperate"), "{told}");
    assert!(told.contains(&format!("name=\"businessId\"\r\n\r\n{id}\r\n")), "{told}");
}

#[tokio::test]
async fn the_applications_own_address_wins() {
    let (console, own) = (Receiver::start().await, Receiver::start().await);
    let (sim, _) = calling(&console, |_| {}).await;
    let mut asked = super::application(&[1]);
    asked["callbackUrl"] = json!(own.url);
    let answer = super::post_json(&sim, "/seal/apply/multiple", &asked).await.json();
    sim.complete(answer["result"]["id"].as_str().unwrap()).await.unwrap();
    assert_eq!((console.take().await.len(), own.take().await.len()), (0, 1));
}

#[tokio::test]
async fn photos_are_pushed_and_what_is_left_is_told_after_each_stamp() {
    let receiver = Receiver::start().await;
    let (sim, _) = calling(&receiver, |knobs| {
        knobs.callback.push = Encoding::Multipart;
        knobs.callback.remaining = Encoding::Urlencoded;
    })
    .await;
    let id = applied(&sim, &[5]).await;
    let key = sim.stamp(&id, 0).await.unwrap();
    let photo = sim.photo_bytes(&key).await.unwrap();
    let heard = receiver.take().await;
    assert_eq!(heard.len(), 2);
    assert!(heard[0].windows(photo.len()).any(|w| w == photo), "the photo's bytes stand in the push");
    let push = String::from_utf8_lossy(&heard[0]);
    assert!(push.contains("name=\"imageType\"\r\n\r\nSIGNATORY") && push.contains("filename=\"用印图片1.jpg\""));
    assert!(!push.contains("name=\"status\""), "a push has no status");
    let left = String::from_utf8_lossy(&heard[1]);
    assert!(body(&left).contains("mobile=13800000001&leftCount=4&timestamp=1795399200000"), "{left}");

    sim.turn(|knobs| {
        knobs.callback.push = Encoding::Json;
        knobs.callback.remaining = Encoding::Off;
    });
    let key = sim.stamp_with(&id, 0, &Stamp { face: 1, signatory: 0, ..Stamp::default() }).await.unwrap().remove(0);
    let push: Value = serde_json::from_str(body(&receiver.one().await)).unwrap();
    assert_eq!(push["imageType"], "FACE");
    let sent = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, push["images"][0].as_str().unwrap()).unwrap();
    assert_eq!(sent, sim.photo_bytes(&key).await.unwrap());
}

#[tokio::test]
async fn emergency_photos_are_pushed_even_when_pushing_is_off() {
    let receiver = Receiver::start().await;
    let (sim, _) = calling(&receiver, |_| {}).await;
    let id = applied(&sim, &[5]).await;
    sim.push_only_emergency(&id, 0, 2).await.unwrap();
    let heard = receiver.take().await;
    let push = String::from_utf8_lossy(&heard[0]);
    assert!(push.contains("EMERGENCY") && push.matches("name=\"images\"").count() == 2);
    let seen = detail(&sim, &id).await;
    assert_eq!((&seen["useImages"], &seen["sealAuths"][0]["usedCount"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn a_callback_that_was_not_taken_comes_again_on_its_schedule() {
    let receiver = Receiver::start().await;
    let (sim, clock) = calling(&receiver, |knobs| {
        knobs.callback.retry_ms = vec![1000, 5000];
        knobs.callback.success = Success::JsonCodeZero;
    })
    .await;
    *receiver.answer.lock().await = (200, r#"{"code":1000000,"message":"no"}"#);
    let id = applied(&sim, &[1]).await;
    sim.complete(&id).await.unwrap();
    assert_eq!((receiver.take().await.len(), sim.pending()[0].attempts), (1, 1));
    clock.advance(Duration::from_millis(1001));
    until(|| sim.pending().first().is_none_or(|p| p.attempts == 2)).await;
    *receiver.answer.lock().await = (200, r#"{"code":0,"message":"SUCCESS"}"#);
    clock.advance(Duration::from_millis(5001));
    until(|| sim.pending().is_empty()).await;
    let taken: Vec<_> = sim.deliveries().iter().map(|d| (d.attempt, d.taken)).collect();
    assert_eq!(taken, [(1, false), (2, false), (3, true)]);
}

async fn until(mut reached: impl FnMut() -> bool) {
    tokio::time::timeout(Duration::from_secs(10), async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn copies_gbk_and_hand_written_callbacks_go_out() {
    let receiver = Receiver::start().await;
    let (sim, _) = calling(&receiver, |knobs| {
        knobs.callback.duplicates = 3;
        knobs.callback.concurrent = true;
        knobs.callback.gbk = true;
    })
    .await;
    let id = applied(&sim, &[1]).await;
    sim.complete(&id).await.unwrap();
    let heard = receiver.take().await;
    assert_eq!(heard.len(), 3);
    let name = &sim.business(&id).unwrap().auths[0].user_name;
    let gbk = percent_encoding::percent_encode(&encoding_rs::GBK.encode(name).0, percent_encoding::NON_ALPHANUMERIC)
        .to_string();
    assert!(String::from_utf8_lossy(&heard[0]).contains(&format!("operatorName={gbk}&")));
    let raw = RawCallback {
        url: format!("{}?x=1", receiver.url),
        content_type: Some("text/plain".to_owned()),
        body: "{broken".into(),
        ..RawCallback::default()
    };
    let answers = sim.send_callback(&raw, 5, true).await;
    assert!(answers.len() == 5 && answers.iter().all(|a| a.status == Some(200)));
    let heard = receiver.take().await;
    assert!(heard.len() == 5 && heard.iter().all(|h| h.ends_with(b"\r\n\r\n{broken")));
}

#[tokio::test]
async fn reordered_the_end_is_told_before_the_photos_exist() {
    let receiver = Receiver::start().await;
    let (sim, _) = calling(&receiver, |knobs| {
        knobs.callback.reorder = true;
        knobs.callback.push = Encoding::Multipart;
    })
    .await;
    let id = applied(&sim, &[2]).await;
    sim.stamp(&id, 0).await.unwrap();
    assert_eq!(receiver.take().await.len(), 0);
    assert_eq!(detail(&sim, &id).await["useImages"], json!([]));
    sim.stamp(&id, 0).await.unwrap();
    sim.settle().await;
    let heard: Vec<bool> =
        receiver.take().await.iter().map(|h| String::from_utf8_lossy(h).contains("status=COMPLETE")).collect();
    assert_eq!(heard, [true, false, false]);
    assert_eq!(detail(&sim, &id).await["useImages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_platforms_end_is_told_as_the_knob_says() {
    let receiver = Receiver::start().await;
    let (sim, _) = calling(&receiver, |_| {}).await;
    for (told, status) in [
        (FinishCallback::Finished, Some("status=FINISHED")),
        (FinishCallback::Complete, Some("status=COMPLETE")),
        (FinishCallback::Off, None),
    ] {
        sim.turn(|knobs| knobs.callback.finish_callback = told);
        let id = applied(&sim, &[1]).await;
        sim.finish(&id, "够了").await.unwrap();
        let heard = receiver.take().await;
        assert_eq!(heard.len(), usize::from(status.is_some()));
        assert!(heard.iter().all(|h| String::from_utf8_lossy(h).contains(status.unwrap())));
        assert_eq!(detail(&sim, &id).await["status"], "FINISHED");
    }
}

#[tokio::test]
async fn nothing_is_told_while_the_vendor_is_down_and_everything_after() {
    let receiver = Receiver::start().await;
    let (sim, _) = calling(&receiver, |_| {}).await;
    let id = applied(&sim, &[1]).await;
    sim.set_down(true);
    sim.complete(&id).await.unwrap();
    assert_eq!((receiver.take().await.len(), sim.pending().len()), (0, 1));
    sim.set_down(false);
    sim.settle().await;
    assert_eq!((receiver.take().await.len(), sim.pending().len()), (1, 0));
}

async fn control(sim: &Simulator, line: &str, body: &str) -> Answer {
    let length = body.len();
    let head = "Host: v\r\nConnection: close\r\nContent-Type: application/json";
    raw(sim, &format!("{line} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}")).await
}

#[tokio::test]
async fn the_control_api_does_what_the_handle_does() {
    let receiver = Receiver::start().await;
    let (sim, _) = calling(&receiver, |_| {}).await;
    let id = applied(&sim, &[5]).await;
    let at = |rest: &str| format!("POST /_sim/businesses/{id}/{rest}");
    let stamped = control(&sim, &at("stamp"), r#"{"count":2,"face":1}"#).await.json();
    assert_eq!(stamped["photokeys"].as_array().unwrap().len(), 4);
    assert_eq!(control(&sim, &at("stamp"), r#"{"tpyo":1}"#).await.status, 422);
    assert_eq!(control(&sim, &at("stamp"), r#"{"auth":7}"#).await.status, 404);
    assert_eq!(control(&sim, &at("complete"), "").await.json()["status"], "COMPLETE");
    assert_eq!(control(&sim, "POST /_sim/settle", "").await.status, 200);
    assert_eq!(receiver.take().await.len(), 1);
    assert_eq!(control(&sim, &at("stamp"), "").await.status, 409);
    assert_eq!(control(&sim, &at("append"), r#"{"count":3}"#).await.json()["status"], "USING");
    let late = control(&sim, &at("photos"), r#"{"kind":"SIGNATORY"}"#).await.json();
    let key = late["photokeys"][0].as_str().unwrap();
    control(&sim, &format!("PUT /_sim/photos/{key}"), r#"{"bytesBase64":"aGk=","inDetail":false}"#).await;
    assert_eq!(sim.photo_bytes(key).await.unwrap().as_ref(), b"hi");
    let fault = r#"{"target":"detail","fault":{"kind":"status","status":503},"times":1}"#;
    assert_eq!(control(&sim, "POST /_sim/faults", fault).await.status, 200);
    assert_eq!(control(&sim, "GET /_sim/faults", "").await.json()[0]["times"], 1);
    let turned = control(&sim, "PATCH /_sim/knobs", r#"{"photo":{"quality":50}}"#).await.json();
    assert_eq!((&turned["photo"]["quality"], &turned["photo"]["megapixelsMax"]), (&json!(50), &json!(0.04)));
    assert_eq!(control(&sim, "PATCH /_sim/knobs", r#"{"photo":{"qualty":50}}"#).await.status, 422);
    assert_eq!(control(&sim, "GET /_sim/counters", "").await.json()["callbacks"], 1);
    assert_eq!(control(&sim, "GET /_sim/deliveries", "").await.json()[0]["taken"], true);
    assert_eq!(control(&sim, &at("finish"), r#"{"reason":"x"}"#).await.json()["status"], "FINISHED");
    assert_eq!(control(&sim, "GET /_sim/businesses", "").await.json()[0]["id"], id);
}
