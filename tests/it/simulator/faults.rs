//! What goes wrong, and that it goes wrong exactly as asked.

use std::time::{Duration, Instant};

use serde_json::json;
use simulator::{Fault, FaultKind, Simulator, Target};

use super::{
    applied, started,
    wire::{A, Answer, get, raw, sent, signed},
};

async fn with_photo() -> (Simulator, String, String) {
    let sim = started().await;
    let id = applied(&sim, &[9]).await;
    let key = sim.stamp(&id, 0).await.unwrap();
    (sim, id, format!("/seal/apply/image?photokey={key}"))
}

async fn hit(sim: &Simulator, path: &str, fault: FaultKind) -> Answer {
    sim.set_fault(Fault::times(Target::Image, fault, 1));
    get(sim, path).await
}

#[tokio::test]
async fn answers_can_be_replaced() {
    let (sim, _, path) = with_photo().await;
    for status in [429, 500, 502, 503] {
        assert_eq!(hit(&sim, &path, FaultKind::Status { status }).await.status, status);
    }
    let page = hit(&sim, &path, FaultKind::Html { status: 200 }).await;
    assert!(page.status == 200 && page.text().contains("HTTP ERROR"));
    let error = FaultKind::JsonError { code: 1_000_000, message: "unknown".to_owned() };
    let error = hit(&sim, &path, error).await;
    assert_eq!((error.status, error.json()), (200, json!({ "code": 1_000_000, "message": "unknown" })));
    let empty = hit(&sim, &path, FaultKind::Empty).await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    let moved = hit(&sim, &path, FaultKind::Redirect { location: "http://127.0.0.1:1/".to_owned() }).await;
    assert_eq!((moved.status, moved.header("location")), (302, Some("http://127.0.0.1:1/")));
    let big = hit(&sim, &path, FaultKind::Oversize { bytes: 300_000 }).await;
    assert!(big.body.len() == 300_000 && big.whole && big.header("content-length").is_none());
    assert!(get(&sim, &path).await.body.starts_with(&[0xff, 0xd8]));
    assert_eq!((sim.counters().faults, sim.counters().downloads.values().sum::<u64>()), (9, 1));
}

#[tokio::test]
async fn bodies_can_be_cut_halved_chunked_and_slow() {
    let (sim, _, path) = with_photo().await;
    let right = get(&sim, &path).await.body;
    let cut = hit(&sim, &path, FaultKind::Cut).await;
    assert_eq!((cut.whole, cut.body.len()), (false, right.len() / 2));
    assert_eq!(cut.header("content-length"), Some(&*right.len().to_string()));
    let cut = hit(&sim, &path, FaultKind::CutChunked).await;
    assert_eq!((cut.whole, cut.body.len(), cut.header("content-length")), (false, right.len() / 2, None));
    let half = hit(&sim, &path, FaultKind::Half).await;
    assert_eq!((half.whole, half.body.as_slice()), (true, &right[..right.len() / 2]));
    assert_eq!(sim.counters().downloads.values().sum::<u64>(), 1);
    let chunked = hit(&sim, &path, FaultKind::Chunked).await;
    assert!(chunked.whole && chunked.header("content-length").is_none() && chunked.body == right);
    let begun = Instant::now();
    let slow = hit(&sim, &path, FaultKind::Slow { bytes_per_second: right.len() as u64 * 2 }).await;
    assert!(slow.body == right && begun.elapsed() > Duration::from_millis(400));
    let typed = hit(&sim, &path, FaultKind::ContentType { value: "image/heic".to_owned() }).await;
    assert_eq!((typed.header("content-type"), &typed.body), (Some("image/heic"), &right));
    assert_eq!(sim.counters().downloads.values().sum::<u64>(), 4);
}

#[tokio::test]
async fn a_fault_hits_only_its_photos_and_begins_when_it_is_told() {
    let (sim, id, path) = with_photo().await;
    let other = sim.stamp(&id, 0).await.unwrap();
    let other_path = format!("/seal/apply/image?photokey={other}");
    let fault = Fault::always(Target::Image, FaultKind::Status { status: 500 }).only(&[&other]);
    sim.set_fault(Fault { after: 1, times: Some(2), ..fault });
    let mut statuses = Vec::new();
    for path in [&path, &other_path, &other_path, &path, &other_path, &other_path] {
        statuses.push(get(&sim, path).await.status);
    }
    assert_eq!(statuses, [200, 200, 500, 200, 500, 200]);
    sim.set_fault(Fault::always(Target::Detail, FaultKind::Status { status: 503 }));
    assert_eq!(get(&sim, &format!("/seal/apply/detail?businessId={id}")).await.status, 503);
    sim.clear_faults();
    assert_eq!(get(&sim, &format!("/seal/apply/detail?businessId={id}")).await.status, 200);
}

#[tokio::test]
async fn a_request_can_hang_or_be_dropped() {
    let (sim, _, path) = with_photo().await;
    sim.set_fault(Fault::times(Target::Image, FaultKind::Drop, 1));
    let request = signed(&format!("GET {path}"), "1700000000000", None, A);
    assert!(sent(&sim, request.as_bytes()).await.is_none());
    sim.set_fault(Fault::times(Target::Image, FaultKind::Hang, 1));
    let hung = tokio::time::timeout(Duration::from_millis(300), sent(&sim, request.as_bytes())).await;
    assert!(hung.is_err());
    assert_eq!(get(&sim, &path).await.status, 200);
    // The photo that hung is no longer on its way once its client has gone.
    tokio::time::timeout(Duration::from_secs(5), async {
        while sim.counters().images_in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn photos_on_their_way_are_counted() {
    let (sim, _, path) = with_photo().await;
    sim.set_fault(Fault::times(Target::Image, FaultKind::Late { ms: 300 }, 5));
    futures::future::join_all((0..5).map(|_| get(&sim, &path))).await;
    assert_eq!((sim.counters().max_concurrent_images, sim.counters().images_in_flight), (5, 0));
}

#[tokio::test]
async fn while_it_is_down_only_the_control_api_answers() {
    let (sim, _, path) = with_photo().await;
    sim.set_fault(Fault::times(Target::Image, FaultKind::Hang, 1));
    let waiting = tokio::spawn({
        let (sim, request) = (sim.clone(), signed(&format!("GET {path}"), "1700000000000", None, A));
        async move { sent(&sim, request.as_bytes()).await.is_none() }
    });
    while sim.counters().images_in_flight == 0 {
        tokio::task::yield_now().await;
    }
    let down = "POST /_sim/down HTTP/1.1\r\nHost: v\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(raw(&sim, down).await.status, 200);
    let dropped = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert!(dropped.unwrap().unwrap(), "a request under way is dropped");
    let health = "GET /checkHealth HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n";
    assert!(sent(&sim, health.as_bytes()).await.is_none());
    assert_eq!(raw(&sim, &down.replace("down", "up")).await.status, 200);
    assert_eq!(raw(&sim, health).await.status, 200);
    assert_eq!(get(&sim, &path).await.status, 200);
}
