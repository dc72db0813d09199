//! Attacks on memory: an upload of 600 MiB is received by a process that stays small.

use std::fmt::Write;

use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Caller, Engine,
    files::{stamped, with_stamped},
    process::House,
    story::run,
};

const LENGTH: usize = 600 << 20;
/// What the process may grow by. It is a tenth of the upload.
const MOST: u64 = 60 << 20;

/// The most memory that the process ever had, in bytes.
fn peak(process: &tokio::process::Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Sends 600 MiB after `begin`, and `end` after them. Returns the answer.
async fn upload(house: &House, caller: &Caller, path: &str, begin: &str, end: &str) -> String {
    let request = caller.request(Method::POST, path).build().unwrap();
    let token = request.headers()["authorization"].to_str().unwrap();
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\nconnection: close\r\n");
    let length = begin.len() + LENGTH + end.len();
    write!(head, "content-type: multipart/form-data; boundary=b\r\ncontent-length: {length}\r\n\r\n").unwrap();
    let mut line = TcpStream::connect(house.address()).await.unwrap();
    let (mut from, mut to) = line.split();
    let sending = async {
        let piece = vec![b'x'; 1 << 20];
        let mut sent = to.write_all(format!("{head}{begin}").as_bytes()).await;
        for _ in 0..LENGTH >> 20 {
            if sent.is_err() {
                return;
            }
            sent = to.write_all(&piece).await;
        }
        // A refusal comes before the end.
        let _ = to.write_all(end.as_bytes()).await;
    };
    let reading = async {
        let mut answer = Vec::new();
        let _ = from.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::join!(sending, reading).1
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_600_mib_is_received_in_constant_memory() {
    run(Engine::Sqlite, async |engine: Engine| {
        let house = House::build(engine, Some(with_stamped)).await;
        let process = house.serve(None);
        let (flow, _) = house.applied_flow(2).await;
        let wang = house.caller("wang").await;
        let path = stamped(&flow);
        let part = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n";
        let text = "--b\r\ncontent-disposition: form-data; name=\"kind\"\r\n\r\n";
        let before = peak(&process);
        // What is no file: before the first part, a part's head, a text.
        for begin in ["", "--b\r\ncontent-disposition: form-data; name=\"", text] {
            let answer = upload(&house, &wang, &path, begin, "").await;
            assert!(answer.starts_with("HTTP/1.1 4"), "{begin:?}: {answer}");
        }
        let answer = upload(&house, &wang, &path, part, "\r\n--b--\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        let grown = peak(&process) - before;
        assert!(grown < MOST, "from {before} by {grown} bytes");
        house.retire(process).await;
    })
    .await;
}
