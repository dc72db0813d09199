//! The simulated vendor, spoken to by hand: raw HTTP over TCP and signatures from the protocol's table, no client code.

mod callbacks;
mod faults;
mod photos;
mod wire;

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{CallbackKnobs, ErrorTransport, Knobs, PhotoKnobs, SEALS, SignFamily, Simulator, Stamp, Status};
use yinku::clock::{Clock, Timestamp};

use self::wire::{A, NONCE, get, post_json, post_multipart, raw, signed};
use crate::support::world::vendor_clock;

/// 2026-11-23 10:00:00 in China.
fn morning() -> Clock {
    Clock::manual("2026-11-23T10:00:00+08:00".parse::<Timestamp>().unwrap())
}

fn small() -> Knobs {
    let photo = PhotoKnobs { megapixels_min: 0.02, megapixels_max: 0.04, ..PhotoKnobs::default() };
    Knobs { photo, ..Knobs::default() }
}

async fn started() -> Simulator {
    Simulator::start(small(), vendor_clock(&morning())).await.unwrap()
}

fn application(counts: &[u32]) -> Value {
    let auths: Vec<Value> = counts
        .iter()
        .zip(&SEALS)
        .map(|(count, seal)| json!({ "deviceNo": seal.device_no, "count": count, "users": [{ "mobile": "13800000001" }] }))
        .collect();
    json!({ "tenantName": "上海印库科技有限公司", "subject": "测试合同", "applyerNumber": "E001", "auths": auths })
}

/// Applies and gives the business's id.
async fn applied(sim: &Simulator, counts: &[u32]) -> String {
    let answer = post_json(sim, "/seal/apply/multiple", &application(counts)).await.json();
    assert_eq!(answer["code"], 0, "{answer}");
    answer["result"]["id"].as_str().unwrap().to_owned()
}

async fn detail(sim: &Simulator, business: &str) -> Value {
    let answer = get(sim, &format!("/seal/apply/detail?businessId={business}")).await.json();
    assert_eq!(answer["code"], 0, "{answer}");
    answer["result"].clone()
}

#[tokio::test]
async fn an_application_gives_an_id_of_19_digits_and_a_code_for_every_seal_and_person() {
    let sim = started().await;
    let answer = post_json(&sim, "/seal/apply/multiple", &application(&[2, 3])).await.json();
    assert_eq!((&answer["code"], &answer["message"]), (&json!(0), &json!("SUCCESS")));
    let result = &answer["result"];
    assert_eq!(result["status"], "USING");
    let id = result["id"].as_str().unwrap();
    assert!(id.len() == 19 && id.bytes().all(|b| b.is_ascii_digit()), "{id}");
    let auths = result["sealAuths"].as_array().unwrap();
    assert_eq!(auths.len(), 2);
    for (auth, seal) in auths.iter().zip(&SEALS) {
        assert_eq!(auth["vertifyCode"].as_str().unwrap().len(), 6);
        assert_eq!((auth["deviceNo"].as_str(), auth["sealName"].as_str()), (Some(seal.device_no), Some(seal.name)));
        assert_eq!(auth["contact"], "13800000001");
        assert_eq!(auth.get("number"), None);
    }
    let detail = detail(&sim, id).await;
    assert_eq!(detail["createTime"], "2026-11-23 10:00:00");
    assert_eq!((&detail["sealAuths"][1]["leftCount"], &detail["sealAuths"][1]["usedCount"]), (&json!(3), &json!(0)));
}

#[tokio::test]
async fn a_missing_parameter_is_code_1000001() {
    let sim = started().await;
    let mut wrong = vec![
        ("/seal/apply/multiple", json!({})),
        ("/seal/apply/mulitipleByCategory", application(&[1])),
        ("/seal/apply/updateUseSealTime", json!({ "startTime": "2026-11-23 10:00:00" })),
    ];
    for name in ["tenantName", "subject", "applyerNumber", "auths"] {
        let mut body = application(&[1]);
        body.as_object_mut().unwrap().remove(name);
        wrong.push(("/seal/apply/multiple", body));
    }
    for (member, value) in [("deviceNo", json!("unknown")), ("count", json!(0)), ("users", json!([]))] {
        let mut body = application(&[1]);
        body["auths"][0][member] = value;
        wrong.push(("/seal/apply/multiple", body));
    }
    for (path, body) in wrong {
        let answer = post_json(&sim, path, &body).await;
        assert_eq!(answer.json()["code"], 1_000_001, "{path} {body}");
    }
    for path in ["detail", "image", "images/download", "owe/auths"] {
        assert_eq!(get(&sim, &format!("/seal/apply/{path}")).await.json()["code"], 1_000_001, "{path}");
    }
}

#[tokio::test]
async fn a_name_that_two_companies_have_is_taken_from_the_owner_named() {
    let sim = started().await;
    let mut body = application(&[1]);
    body["auths"] = json!([{ "sealName": "公章", "count": 1, "users": [{ "number": "E7" }],
                             "ownerName": "北京印库信息有限公司" }]);
    let answer = post_json(&sim, "/seal/apply/multiple", &body).await.json();
    assert_eq!(answer["result"]["sealAuths"][0]["deviceNo"], "QYS2019040004");
    body["tenantName"] = json!("别的公司");
    body["auths"][0].as_object_mut().unwrap().remove("ownerName");
    assert_eq!(post_json(&sim, "/seal/apply/multiple", &body).await.json()["code"], 1_000_001);
}

#[tokio::test]
async fn by_category_is_spelled_as_the_vendor_spells_it() {
    let sim = started().await;
    let mut body = application(&[1]);
    body["categoryId"] = json!("2494236993899110501");
    body["auths"] = json!([{ "sealName": "公章", "ownerName": "上海印库科技有限公司", "count": 1 }]);
    assert_eq!(post_json(&sim, "/seal/apply/mulitipleByCategory", &body).await.json()["result"]["status"], "USING");
    let right_english = post_json(&sim, "/seal/apply/multipleByCategory", &body).await;
    assert_eq!(right_english.status, 404);
    sim.turn(|knobs| knobs.category_without_auths = true);
    let answer = post_json(&sim, "/seal/apply/mulitipleByCategory", &body).await.json();
    assert_eq!(answer["result"].get("sealAuths"), None);
}

#[tokio::test]
async fn ids_can_be_numbers() {
    let sim = Simulator::start(Knobs { ids_as_numbers: true, ..small() }, vendor_clock(&morning())).await.unwrap();
    let answer = post_json(&sim, "/seal/apply/multiple", &application(&[1])).await.json();
    let id = answer["result"]["id"].as_u64().unwrap();
    assert_eq!(detail(&sim, &id.to_string()).await["id"], id);
}

#[tokio::test]
async fn the_worked_signatures_of_the_protocol_open_the_door() {
    let sim = started().await;
    for (timestamp, nonce, signature) in [
        ("1700000000000", None, "bc9e514533a995e160241383b0d018e5"),
        ("0", None, "3621f8c85d7b282736d13e4b1a5e4695"),
        ("1700000000000", Some(NONCE), "a9a2dd729e4e56f9a3112e1e36567324"),
    ] {
        let answer = raw(&sim, &signed("GET /company/list", timestamp, nonce, signature)).await;
        assert_eq!(answer.json()["code"], 0, "{timestamp} {nonce:?}");
    }
    assert_eq!(sim.counters().refused, 0);
}

#[tokio::test]
async fn a_wrong_or_missing_signature_is_refused_in_the_transport_that_is_set() {
    let sim = started().await;
    let wrong = signed("GET /company/list", "0", None, A);
    let answer = raw(&sim, &wrong).await;
    assert_eq!((answer.status, &answer.json()["code"]), (440, &json!(440)));
    let unsigned = raw(&sim, "GET /nowhere HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n").await;
    assert_eq!(unsigned.status, 441);
    assert_eq!(unsigned.json()["message"], "HEADER REQUIRED,x-qys-accesstoken");
    let other = raw(&sim, &wrong.replace("demoToken01", "other")).await;
    assert_eq!(other.status, 442);
    sim.turn(|knobs| knobs.errors = ErrorTransport::Json);
    assert_eq!((raw(&sim, &wrong).await.status, raw(&sim, &wrong).await.json()["code"].clone()), (200, json!(440)));
    sim.turn(|knobs| knobs.errors = ErrorTransport::Html);
    assert!(raw(&sim, &wrong).await.text().contains("HTTP ERROR"));
    sim.turn(|knobs| knobs.errors = ErrorTransport::Empty);
    assert!(raw(&sim, &wrong).await.body.is_empty());
    assert_eq!(sim.counters().refused, 7);
}

#[tokio::test]
async fn families_and_the_clock_can_be_strict() {
    let sim = started().await;
    let legacy = signed("GET /company/list", "1700000000000", None, A);
    sim.turn(|knobs| knobs.sign = SignFamily::Nonce);
    assert_eq!(raw(&sim, &legacy).await.status, 441);
    sim.turn(|knobs| knobs.sign = SignFamily::Legacy);
    let nonce = signed("GET /company/list", "1700000000000", Some(NONCE), "a9a2dd729e4e56f9a3112e1e36567324");
    assert_eq!(raw(&sim, &nonce).await.status, 440);
    assert_eq!(raw(&sim, &legacy).await.status, 200);
    sim.turn(|knobs| knobs.max_skew_ms = Some(60_000));
    assert_eq!(raw(&sim, &legacy).await.status, 446);
}

#[tokio::test]
async fn health_needs_no_signature_and_lists_show_seals_and_categories() {
    let sim = started().await;
    let health = raw(&sim, "GET /checkHealth HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n").await;
    assert_eq!((health.status, health.text().as_str()), (200, "OK"));
    let seals = get(&sim, "/seal/innercompany/seallist?category=PHYSICS").await.json();
    let names = |company: usize| -> Vec<String> {
        let seals = seals["result"][company]["seals"].as_array().unwrap();
        seals.iter().map(|s| s["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(0), ["公章", "合同专用章", "财务专用章"]);
    assert_eq!(names(1), ["公章", "人事专用章"]);
    assert_eq!(seals["result"][0]["seals"][0]["deviceId"], "QYS2019040001");
    let electronic = get(&sim, "/seal/innercompany/seallist").await.json();
    assert_eq!(electronic["result"][0]["seals"], json!([]));
    let categories = get(&sim, "/contract/categories").await.json();
    assert_eq!(categories["categories"][0]["type"], "PHYSICAL");
}

#[tokio::test]
async fn stamping_counts_and_the_last_stamp_completes() {
    let sim = started().await;
    let id = applied(&sim, &[2, 1]).await;
    let first = sim.stamp(&id, 0).await.unwrap();
    assert!(first.starts_with("20261123-") && first.len() == 45, "{first}");
    let seen = detail(&sim, &id).await;
    assert_eq!((&seen["sealAuths"][0]["usedCount"], &seen["sealAuths"][0]["leftCount"]), (&json!(1), &json!(1)));
    assert_eq!(seen["useImages"], json!([{ "authId": seen["sealAuths"][0]["id"], "photokey": first }]));
    sim.stamp(&id, 0).await.unwrap();
    assert_eq!(detail(&sim, &id).await["status"], "USING");
    sim.stamp(&id, 1).await.unwrap();
    let seen = detail(&sim, &id).await;
    assert_eq!((&seen["status"], &seen["sealAuths"][1]["complete"]), (&json!("COMPLETE"), &json!(true)));
    assert_eq!(seen["sealAuths"][1]["completeTime"], "2026-11-23 10:00:00");
    assert!(sim.stamp(&id, 0).await.is_err());
}

#[tokio::test]
async fn appending_opens_an_ended_business_again_and_finishing_ends_it_for_good() {
    let sim = started().await;
    let id = applied(&sim, &[1]).await;
    sim.stamp(&id, 0).await.unwrap();
    let fields = [("businessId", id.as_str()), ("count", "2"), ("number", "E001"), ("contactName", "李娜")];
    let answer = post_multipart(&sim, "/seal/apply/append", &fields, &[]).await.json();
    assert_eq!(answer["result"]["status"], "USING");
    let seen = detail(&sim, &id).await;
    assert_eq!((&seen["sealAuths"][0]["leftCount"], &seen["appendLogs"][0]["count"]), (&json!(2), &json!(2)));
    assert_eq!(seen["appendLogs"][0]["userName"], "李娜");
    let fields = [("businessId", id.as_str()), ("reason", "用完了"), ("contact", "13800000001")];
    assert_eq!(post_multipart(&sim, "/seal/apply/finish", &fields, &[]).await.json()["code"], 0);
    assert_eq!(detail(&sim, &id).await["status"], "FINISHED");
    assert_eq!(post_multipart(&sim, "/seal/apply/finish", &fields[..2], &[]).await.json()["code"], 1_000_001);
}

#[tokio::test]
async fn use_ends_by_itself_when_its_time_is_over() {
    let clock = morning();
    let sim = Simulator::start(small(), vendor_clock(&clock)).await.unwrap();
    let id = applied(&sim, &[5]).await;
    let window = json!({ "businessId": id, "startTime": "2026-11-23 09:00:00", "endTime": "2026-11-23 11:00:00" });
    assert_eq!(post_json(&sim, "/seal/apply/updateUseSealTime", &window).await.json()["code"], 0);
    sim.stamp(&id, 0).await.unwrap();
    clock.advance(Duration::from_secs(3601));
    assert!(sim.stamp(&id, 0).await.is_err());
    tokio::time::timeout(Duration::from_secs(10), async {
        while sim.business(&id).unwrap().status == Status::Using {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn photos_owed_are_listed_for_their_person() {
    let sim = started().await;
    let id = applied(&sim, &[5]).await;
    sim.stamp(&id, 0).await.unwrap();
    assert_eq!(get(&sim, "/seal/apply/owe/auths?contact=13800000001").await.json()["result"], json!([]));
    sim.stamp_with(&id, 0, &Stamp { signatory: 0, ..Stamp::default() }).await.unwrap();
    let owed = get(&sim, "/seal/apply/owe/auths?contact=13800000001").await.json();
    assert_eq!((&owed["result"][0]["oweUseImageCount"], &owed["result"][0]["usedCount"]), (&json!(1), &json!(2)));
    assert_eq!(owed["result"][0]["businessId"], id);
    assert_eq!(get(&sim, "/seal/apply/owe/auths?number=other").await.json()["result"], json!([]));
}

#[tokio::test]
async fn uploads_are_taken_with_the_right_suffix_only() {
    let sim = started().await;
    let id = applied(&sim, &[1]).await;
    let title = [("title", "合同")];
    let file = |name| [("file", name, b"%PDF-1.4".as_slice())];
    let answer = post_multipart(&sim, "/document/createbyfile", &title, &file("a.pdf")).await.json();
    assert_eq!(answer["documentId"].as_str().unwrap().len(), 19);
    let answer = post_multipart(&sim, "/document/createbyfile", &title, &file("a.exe")).await.json();
    assert_eq!(answer["code"], 1_000_001);
    let fields = [("businessId", id.as_str()), ("title", "用印后文件")];
    assert_eq!(post_multipart(&sim, "/seal/apply/used/file", &fields, &file("b.pdf")).await.json()["code"], 0);
    let images = [("images", "1.JPG", b"one".as_slice()), ("images", "2.png", b"two".as_slice())];
    assert_eq!(post_multipart(&sim, "/seal/apply/used/images", &fields, &images).await.json()["code"], 0);
    let kept: Vec<_> = sim.business(&id).unwrap().used_files.into_iter().map(|f| (f.name, f.bytes)).collect();
    assert_eq!(kept, [("b.pdf".to_owned(), 8), ("1.JPG".to_owned(), 3), ("2.png".to_owned(), 3)]);
}

#[tokio::test]
async fn a_vendor_started_again_knows_its_businesses_its_photos_and_what_it_must_still_tell() {
    let dir = tempfile::tempdir().unwrap();
    let callback = CallbackKnobs { callback_url: Some("http://127.0.0.1:9/".to_owned()), ..CallbackKnobs::default() };
    let knobs = Knobs { state: Some(dir.path().join("vendor.json")), callback, ..small() };
    let clock = morning();
    let sim = Simulator::start(knobs.clone(), vendor_clock(&clock)).await.unwrap();
    let id = applied(&sim, &[2]).await;
    let keys = sim.stamp_many(&id, 0, 2).await.unwrap();
    let before = sim.photo_bytes(&keys[0]).await.unwrap();
    sim.set_photo_bytes(&keys[1], b"given").unwrap();
    assert_eq!(sim.pending()[0].attempts, 1);
    sim.shutdown().await;

    let again = Simulator::start(knobs, vendor_clock(&clock)).await.unwrap();
    assert_eq!(again.business(&id).unwrap().status, Status::Complete);
    assert_eq!(again.photo_bytes(&keys[0]).await.unwrap(), before);
    assert_eq!(again.photo_bytes(&keys[1]).await.unwrap().as_ref(), b"given");
    assert_eq!(again.pending()[0].notice.business(), id);
    assert_ne!(applied(&again, &[1]).await, id);
}
