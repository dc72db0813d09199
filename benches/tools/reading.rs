//! Fetches the same files over and over, as many at once as there are connections.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::wire::Connection;

/// What a request looks like.
pub(crate) struct Form {
    pub(crate) bearer: Option<String>,
    /// HTTP/1.0: the end of the answer closes the connection.
    pub(crate) until_close: bool,
}

pub(crate) async fn measure(
    address: SocketAddr,
    paths: &Path,
    connections: usize,
    seconds: f64,
    form: Form,
) -> anyhow::Result<Value> {
    let authorization = form.bearer.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let version = if form.until_close { "1.0" } else { "1.1" };
    let text = std::fs::read_to_string(paths).with_context(|| paths.display().to_string())?;
    let requests: Vec<Vec<u8>> = text
        .lines()
        .map(|path| format!("GET {path} HTTP/{version}\r\nhost: {address}\r\n{authorization}\r\n").into_bytes())
        .collect();
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(seconds);
    let mut readers = JoinSet::new();
    for _ in 0..connections {
        readers.spawn(read(address, Arc::clone(&requests), Arc::clone(&next), end));
    }
    let (mut files, mut bytes) = (0_usize, 0_usize);
    while let Some(read) = readers.join_next().await {
        let read = read??;
        files += read.0;
        bytes += read.1;
    }
    Ok(json!({ "files": files, "bytes": bytes, "seconds": begun.elapsed().as_secs_f64() }))
}

async fn read(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    end: Instant,
) -> anyhow::Result<(usize, usize)> {
    let mut connection = Connection::open(address).await?;
    let (mut files, mut bytes) = (0, 0);
    while Instant::now() < end {
        let request = &requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()];
        let answer = connection.exchange(request).await?;
        ensure!(answer.status == 200, "{}: {}", String::from_utf8_lossy(request), answer.status);
        files += 1;
        bytes += answer.bytes;
        if answer.closed {
            connection = Connection::open(address).await?;
        }
    }
    Ok((files, bytes))
}
