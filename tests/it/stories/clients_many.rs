//! Stories of 1,500 clients that send a byte a second, while others want to be answered.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::support::{Engine, callbacks::PATH, process::House, story::on_both_engines};

on_both_engines!(slow_clients_are_all_let_go, slow_clients_are_all_let_go_with_few_files);

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
    let mut answered = 0;
    while open.load(Ordering::Relaxed) > 0 {
        assert!(begun.elapsed() < Duration::from_mins(3), "{} are still open", open.load(Ordering::Relaxed));
        let callback = reqwest::Client::builder().no_proxy().build().unwrap();
        let callback = callback.post(format!("http://{}{PATH}", house.address())).body("nothing known");
        assert_eq!(callback.send().await.unwrap().status(), StatusCode::OK);
        zhang.get("/api/flows").await.expect(200);
        answered += 2;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(answered > 20, "others were answered meanwhile: {answered}");
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
