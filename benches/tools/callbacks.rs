//! Callbacks as the vendor sends them. Each is another text, so none is a repetition.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

use crate::wire::Connection;

/// Connections of the steady load: enough that a slow answer does not keep the next callback from being sent.
const CONNECTIONS: usize = 64;

struct Load {
    address: SocketAddr,
    businesses: Vec<String>,
    count: usize,
    /// Between two callbacks; none in a burst.
    gap: Duration,
    begun: Instant,
    next: AtomicUsize,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    latencies: Vec<Duration>,
    /// Answers that asked to come again.
    busy: usize,
    failed: usize,
}

pub(crate) async fn steady(
    address: SocketAddr,
    businesses: Vec<String>,
    rate: u32,
    seconds: u32,
) -> anyhow::Result<Value> {
    let count = usize::try_from(rate * seconds)?;
    send(address, businesses, count, Duration::from_secs(1) / rate, CONNECTIONS).await
}

pub(crate) async fn burst(
    address: SocketAddr,
    businesses: Vec<String>,
    count: usize,
    connections: usize,
) -> anyhow::Result<Value> {
    send(address, businesses, count, Duration::ZERO, connections).await
}

async fn send(
    address: SocketAddr,
    businesses: Vec<String>,
    count: usize,
    gap: Duration,
    connections: usize,
) -> anyhow::Result<Value> {
    let begun = Instant::now() + Duration::from_millis(200);
    let load = Arc::new(Load { address, businesses, count, gap, begun, next: AtomicUsize::new(0) });
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        senders.spawn(connection(Arc::clone(&load)));
    }
    let (mut latencies, mut busy, mut failed) = (Vec::new(), 0, 0);
    while let Some(seen) = senders.join_next().await {
        let seen = seen??;
        latencies.extend(seen.latencies);
        busy += seen.busy;
        failed += seen.failed;
    }
    let seconds = begun.elapsed().as_secs_f64();
    latencies.sort();
    let quantile = |percent: usize| {
        let at = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
        latencies.get(at).map(|latency| latency.as_secs_f64() * 1e3)
    };
    Ok(json!({
        "sent": count, "answered": latencies.len(), "busy": busy, "failed": failed, "seconds": seconds,
        "p50_ms": quantile(50), "p99_ms": quantile(99), "max_ms": quantile(100),
    }))
}

async fn connection(load: Arc<Load>) -> std::io::Result<Seen> {
    let mut connection = Connection::open(load.address).await?;
    let mut seen = Seen::default();
    loop {
        let n = load.next.fetch_add(1, Ordering::Relaxed);
        if n >= load.count {
            return Ok(seen);
        }
        // From when it should have been sent: a service that answers nobody for a second pays for all of them.
        let due = load.begun + load.gap * u32::try_from(n).unwrap_or(u32::MAX);
        tokio::time::sleep_until(due).await;
        let request = load.request(n);
        loop {
            let answer = connection.exchange(&request).await?;
            match answer.status {
                200 => seen.latencies.push(due.elapsed()),
                503 => {
                    seen.busy += 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
                _ => seen.failed += 1,
            }
            break;
        }
    }
}

impl Load {
    fn request(&self, n: usize) -> Vec<u8> {
        let business = &self.businesses[n % self.businesses.len()];
        let body = format!("businessId={business}&number=E1003&leftCount={n}&timestamp={n}");
        let length = body.len();
        format!(
            "POST /papi/signcenter/qiyuesuo/categoryCallback HTTP/1.1\r\nhost: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}",
            self.address
        )
        .into_bytes()
    }
}
