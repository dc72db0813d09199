//! Stories of clients that are slow, too many, or not clear about the host.

use std::{net::SocketAddr, time::Duration};

use reqwest::header;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use yinku::config::{Config, Span};

use crate::support::{
    Engine, Plan, World,
    callbacks::PATH,
    files::{stamped, with_stamped},
    story::on_both_engines,
    until::within,
};

on_both_engines!(
    a_request_names_exactly_one_host,
    a_head_that_does_not_end_is_let_go,
    a_connection_without_a_request_is_let_go,
    a_body_that_comes_too_slowly_is_refused,
    a_body_below_the_least_rate_is_refused_and_one_above_it_is_taken,
    a_preface_of_http_2_is_refused_at_once,
    a_client_that_never_reads_is_let_go,
    an_address_with_too_many_connections_is_refused_or_loses_an_idle_one,
);

fn impatient(config: &mut Config) {
    config.clients.head_timeout = Span::secs(1);
    config.clients.body_wait = Span::secs(1);
    config.clients.read_timeout = Span::secs(1);
    config.upload.idle_timeout = Span::secs(1);
}

async fn world(engine: Engine) -> World {
    World::new(engine, Plan { config: Some(impatient), ..Plan::default() }).await
}

async fn line(world: &World) -> TcpStream {
    TcpStream::connect(world.app.config.listen).await.unwrap()
}

/// What the service sends until it closes the connection. A reset counts as closed.
async fn read_to_end(line: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    let reading = async {
        while let Ok(length @ 1..) = line.read(&mut piece).await {
            all.extend_from_slice(&piece[..length]);
        }
    };
    within("the connection ends", reading).await;
    String::from_utf8(all).unwrap()
}

async fn answer_to(world: &World, request: &str) -> String {
    let mut line = line(world).await;
    line.write_all(request.as_bytes()).await.unwrap();
    read_to_end(&mut line).await
}

async fn a_request_names_exactly_one_host(engine: Engine) {
    let world = world(engine).await;
    let answer = async |version: &str, hosts: &str| {
        answer_to(&world, &format!("GET /healthz HTTP/{version}\r\n{hosts}connection: close\r\n\r\n")).await
    };
    for hosts in ["", "host: a\r\nhost: a\r\n", "host: a\r\nhost: b\r\n", "host: a b\r\n", "host: u@a\r\n"] {
        let refused = answer("1.1", hosts).await;
        assert!(refused.starts_with("HTTP/1.1 400 ") && refused.contains("\"bad_host\""), "{hosts:?}: {refused}");
    }
    for (version, hosts) in [("1.1", "host: a\r\n"), ("1.1", "host: [::1]:80\r\n"), ("1.1", "host:\r\n"), ("1.0", "")] {
        let answered = answer(version, hosts).await;
        assert!(answered.starts_with(&format!("HTTP/{version} 200 ")), "{hosts:?}: {answered}");
    }
}

async fn a_head_that_does_not_end_is_let_go(engine: Engine) {
    let world = world(engine).await;
    let mut line = line(&world).await;
    let (mut from, mut to) = line.split();
    let writing = async {
        to.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nx: ").await.unwrap();
        while to.write_all(b"y").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let reading = async {
        let mut all = Vec::new();
        // A reset is an end, too.
        let _ = from.read_to_end(&mut all).await;
    };
    within("the connection ends although bytes come", async { tokio::join!(writing, reading) }).await;
}

async fn a_connection_without_a_request_is_let_go(engine: Engine) {
    let world = world(engine).await;
    assert_eq!(read_to_end(&mut line(&world).await).await, "", "no request, no answer");
    // The first answer keeps the connection; then nothing comes.
    let answered = answer_to(&world, "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(answered.starts_with("HTTP/1.1 200 ") && answered.ends_with("ok"), "{answered}");
}

async fn a_body_that_comes_too_slowly_is_refused(engine: Engine) {
    let world = world(engine).await;
    let request = |path: &str, kind: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {kind}\r\ncontent-length: 900\r\n\r\n{{")
    };
    let json = answer_to(&world, &request("/api/session", "application/json")).await;
    assert!(json.starts_with("HTTP/1.1 408 ") && json.contains("\"too_slow\""), "{json}");
    let pushed = answer_to(&world, &request(PATH, "application/json")).await;
    let in_the_vendors_words =
        "{\"code\":1000000,\"message\":\"The body arrived too slowly. Send the request again.\"}";
    assert!(pushed.starts_with("HTTP/1.1 408 ") && pushed.ends_with(in_the_vendors_words), "{pushed}");
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 0);
}

/// Sends a body piece by piece, one in each 50 ms, and reads the answer.
async fn trickle(mut line: TcpStream, pieces: usize, piece: &[u8]) -> String {
    let (mut from, mut to) = line.split();
    let writing = async {
        for _ in 0..pieces {
            if to.write_all(piece).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let reading = async {
        let mut all = Vec::new();
        // A reset is an end, too.
        let _ = from.read_to_end(&mut all).await;
        String::from_utf8_lossy(&all).into_owned()
    };
    within("the connection ends although bytes come", async { tokio::join!(writing, reading).1 }).await
}

// 400 bytes a second are less than 1 KiB. A wait for no byte at all is never over: bytes come all the time.
async fn a_body_below_the_least_rate_is_refused_and_one_above_it_is_taken(engine: Engine) {
    let plan = Plan { config: Some(impatient), definition: Some(with_stamped), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let begun = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n";
    let callback = async |length: usize| {
        let mut line = line(&world).await;
        let head = format!("POST {PATH} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        line.write_all(head.as_bytes()).await.unwrap();
        line
    };
    for slow in [callback(90_000).await, wang.begin_upload(&world, &stamped(&flow), 90_000, begun).await] {
        let answer = trickle(slow, 900, &[b'x'; 20]).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    let quick = trickle(callback(10 * 8_192).await, 10, &[b'x'; 8_192]).await;
    assert!(quick.starts_with("HTTP/1.1 200 "), "{quick}");
}

// HTTP/2 is off. A client that speaks it at once is not left waiting.
async fn a_preface_of_http_2_is_refused_at_once(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    for preface in [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n"] {
        let mut line = line(&world).await;
        line.write_all(&[preface, settings].concat()).await.unwrap();
        let answer = read_to_end(&mut line).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    // An upgrade to it is not offered either.
    let upgrade = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close, upgrade, http2-settings\r\nupgrade: h2c\r\n\
         http2-settings: AAMAAABkAAQAAP__\r\n\r\n";
    let answer = answer_to(&world, upgrade).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

async fn a_client_that_never_reads_is_let_go(engine: Engine) {
    let world = world(engine).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut line = socket.connect(world.app.config.listen).await.unwrap();
    // Much more than the buffers of two sockets hold.
    let request = "GET /api/openapi.json HTTP/1.1\r\nhost: a\r\n\r\n".repeat(200);
    let writing = async {
        line.write_all(request.as_bytes()).await.unwrap();
        while line.write_all(b"\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    within("the connection ends", writing).await;
}

async fn an_address_with_too_many_connections_is_refused_or_loses_an_idle_one(engine: Engine) {
    let few = |config: &mut Config| config.clients.per_address = 2;
    let world = World::new(engine, Plan { config: Some(few), ..Plan::default() }).await;
    let sun = world.caller("sun").await;
    let events = async || {
        let request = sun.request(reqwest::Method::GET, "/api/events").header(header::CONNECTION, "close");
        request.send().await.unwrap().error_for_status().unwrap()
    };
    let first = events().await;
    let mut idle = line(&world).await;
    // The idle connection makes room.
    let second = events().await;
    assert_eq!(read_to_end(&mut idle).await, "");
    // Both listen. There is no room.
    let full = refused(world.app.config.listen).await;
    assert!(
        full.starts_with("HTTP/1.1 503 ") && full.contains("retry-after: 1") && full.contains("\"busy\""),
        "{full}"
    );
    for header in ["cache-control: no-store", "referrer-policy: no-referrer", "x-content-type-options: nosniff"] {
        assert!(full.contains(header), "{full}");
    }
    drop(first);
    world
        .until("a place is free again", async || {
            let answer = answer_to(&world, "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
            answer.starts_with("HTTP/1.1 200 ")
        })
        .await;
    drop(second);
}

async fn refused(address: SocketAddr) -> String {
    read_to_end(&mut TcpStream::connect(address).await.unwrap()).await
}
