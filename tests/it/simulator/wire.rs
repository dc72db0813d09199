//! HTTP by hand: bytes out, bytes in, one connection a request.

use serde_json::Value;
use simulator::Simulator;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The protocol's worked signature of family A, for timestamp 1700000000000.
pub(crate) const A: &str = "bc9e514533a995e160241383b0d018e5";
pub(crate) const NONCE: &str = "254775d7-3c7c-4e9d-9880-1d4c5fb3dbd0";

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the body had the length that was declared, or its last chunk.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A request without a body, with these signature headers.
pub(crate) fn signed(line: &str, timestamp: &str, nonce: Option<&str>, signature: &str) -> String {
    let nonce = nonce.map(|n| format!("x-qys-nonce: {n}\r\n")).unwrap_or_default();
    format!(
        "{line} HTTP/1.1\r\nHost: vendor\r\nConnection: close\r\nx-qys-accesstoken: demoToken01\r\n\
         x-qys-timestamp: {timestamp}\r\nx-qys-signature: {signature}\r\n{nonce}\r\n"
    )
}

pub(crate) async fn get(sim: &Simulator, path: &str) -> Answer {
    raw(sim, &signed(&format!("GET {path}"), "1700000000000", None, A)).await
}

pub(crate) async fn post_json(sim: &Simulator, path: &str, body: &Value) -> Answer {
    post(sim, path, "application/json", body.to_string().as_bytes()).await
}

pub(crate) async fn post_multipart(
    sim: &Simulator,
    path: &str,
    fields: &[(&str, &str)],
    files: &[(&str, &str, &[u8])],
) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    for (name, file, bytes) in files {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\r\n");
        body.extend(head.bytes().chain(bytes.iter().copied()).chain(*b"\r\n"));
    }
    body.extend(b"--b--\r\n");
    post(sim, path, "multipart/form-data; boundary=b", &body).await
}

pub(crate) async fn post(sim: &Simulator, path: &str, kind: &str, body: &[u8]) -> Answer {
    let head = signed(&format!("POST {path}"), "1700000000000", None, A);
    let head = head.trim_end();
    let length = body.len();
    let head = format!("{head}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
    sent(sim, &[head.as_bytes(), body].concat()).await.expect("the vendor answers")
}

pub(crate) async fn raw(sim: &Simulator, request: &str) -> Answer {
    sent(sim, request.as_bytes()).await.expect("the vendor answers")
}

/// None when the connection ended without a head.
pub(crate) async fn sent(sim: &Simulator, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(sim.url().strip_prefix("http://").unwrap()).await.ok()?;
    stream.write_all(request).await.ok()?;
    let mut bytes = Vec::new();
    // A connection that is reset has given what it gave.
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1)?.parse().unwrap();
    let rest = bytes.split_off(end + 4);
    let chunked = head.contains("transfer-encoding: chunked");
    let mut answer = Answer { status, head, body: rest, whole: true };
    if chunked {
        (answer.body, answer.whole) = unchunked(&answer.body);
    } else if let Some(length) = answer.header("content-length") {
        answer.whole = length.parse::<usize>().unwrap() == answer.body.len();
    }
    Some(answer)
}

fn unchunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    while let Some(end) = bytes.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return (out, true);
        }
        let Some(chunk) = bytes.get(end + 2..end + 2 + size) else { return (out, false) };
        out.extend_from_slice(chunk);
        bytes = bytes.get(end + 4 + size..).unwrap_or_default();
    }
    (out, false)
}
