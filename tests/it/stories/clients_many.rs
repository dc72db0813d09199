//! Stories of 1,500 clients that send a byte a second, while others want to be answered.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::support::{Engine, callbacks::PATH, figures, pictures::peak_memory, process::House, story::on_both_engines};

on_both_engines!(
    slow_clients_are_all_let_go,
    slow_clients_are_all_let_go_with_few_files,
    the_limit_of_open_files_is_raised_to_its_hard_bound,
);

const CLIENTS: usize = 1500;

async fn slow_clients_are_all_let_go(engine: Engine) {
    let house = House::build(engine, None).await;
    let served = house.command_after("true");
    all_are_let_go(&house, served).await;
}

/// What systemd gives by default, here also as the hard bound.
async fn slow_clients_are_all_let_go_with_few_files(engine: Engine) {
    let house = House::build(engine, None).await;
    let served = house.command_after("ulimit -n 1024");
    all_are_let_go(&house, served).await;
}

/// The limits of time are those of the defaults.
async fn all_are_let_go(house: &House, mut served: tokio::process::Command) {
    yinku::http::raise_file_limit();
    let process = served.spawn().unwrap();
    let zhang = house.caller("zhang").await;
    let open = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    for number in 0..CLIENTS {
        open.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(slow(house.address(), number, Arc::clone(&open)));
    }
    let mut times = Vec::new();
    while open.load(Ordering::Relaxed) > 0 {
        assert!(begun.elapsed() < GONE, "{} are still open", open.load(Ordering::Relaxed));
        times.push(timed(callback(house.address())).await);
        times.push(timed(async { assert!(zhang.get("/api/flows").await.expect(200)["items"].is_array()) }).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let gone = begun.elapsed();
    times.sort_unstable();
    let (median, most) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    let peak = peak_memory(process.id().unwrap()) >> 20;
    let figure = format!(
        "all gone after {gone:?}; of {} other requests median {median:?}, p95 {most:?}, slowest {:?}; peak memory {peak} MiB",
        times.len(),
        times[times.len() - 1]
    );
    figures::note("1,500 slow clients", &figure);
    assert!(times.len() > 20, "others were answered meanwhile: {times:?}");
    assert!(median < ANSWERED, "{times:?}");
    assert!(most < ANSWERED * 10, "{times:?}");
    house.retire(process).await;
}

/// All slow clients are gone within this time.
const GONE: Duration = Duration::from_mins(1);
/// Others are answered within this time meanwhile. On a machine that does other work a few may take longer.
const ANSWERED: Duration = Duration::from_millis(100);

async fn timed(work: impl Future<Output = ()>) -> Duration {
    let begun = Instant::now();
    work.await;
    begun.elapsed()
}

/// A callback on a connection of its own, as the vendor sends it.
async fn callback(address: SocketAddr) {
    let mut line = TcpStream::connect(address).await.unwrap();
    let request =
        format!("POST {PATH} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 13\r\n\r\nnothing known");
    line.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

async fn the_limit_of_open_files_is_raised_to_its_hard_bound(engine: Engine) {
    let house = House::build(engine, None).await;
    let process = house.command_after("ulimit -Sn 256; ulimit -Hn 3000").spawn().unwrap();
    house.caller("zhang").await.get("/api/flows").await.expect(200);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id().unwrap())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<&str> = line["Max open files".len()..].split_whitespace().take(2).collect();
    assert_eq!(numbers, ["3000", "3000"], "{line}");
    house.retire(process).await;
}

/// Sends a byte a second, of a head or of a callback's body, until the service ends the connection.
async fn slow(address: SocketAddr, number: usize, open: Arc<AtomicUsize>) {
    if let Ok(mut line) = TcpStream::connect(address).await {
        let head = format!("POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-length: 900\r\n");
        let head = if number.is_multiple_of(2) { head } else { format!("{head}\r\n") };
        let mut sent = line.write_all(head.as_bytes()).await;
        let mut answer = [0; 512];
        while sent.is_ok() {
            if let Ok(_end) = tokio::time::timeout(Duration::from_secs(1), line.read(&mut answer)).await {
                break;
            }
            sent = line.write_all(b"x").await;
        }
    }
    open.fetch_sub(1, Ordering::Relaxed);
}
