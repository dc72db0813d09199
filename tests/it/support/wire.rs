//! Requests byte for byte, over a connection of their own: what no HTTP library sends.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{callbacks, world::World};

/// The key of the callbacks in these stories.
pub(crate) const KEY: &str = "secret";

/// An answer, read to the end of the connection.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends the bytes and reads the answer.
pub(crate) async fn say(world: &World, request: impl AsRef<[u8]>) -> Said {
    let mut line = TcpStream::connect(world.app.config.listen).await.unwrap();
    line.write_all(request.as_ref()).await.unwrap();
    heard(line).await
}

/// Reads the answer. A refused sender may lose the connection before it has sent all.
pub(crate) async fn heard(mut line: TcpStream) -> Said {
    let mut bytes = Vec::new();
    let _ = line.read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the head of an answer");
    let head = String::from_utf8_lossy(&bytes[..end]);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Said { status, body: bytes.split_off(end + 4) }
}

/// A request with this head and its length.
pub(crate) fn request(first_line: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let fixed = [&format!("{first_line} HTTP/1.1"), "Host: x", "Connection: close", &length];
    let head = [&fixed, headers, &["", ""]].concat().join("\r\n");
    [head.as_bytes(), body].concat()
}

/// A callback with the key in its query.
pub(crate) fn callback(headers: &[&str], body: &[u8]) -> Vec<u8> {
    request(&format!("POST {}?key={KEY}", callbacks::PATH), headers, body)
}

pub(crate) const MULTIPART: &str = "Content-Type: multipart/form-data; boundary=yk7f3a";
pub(crate) const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "Content-Type: application/json";

/// Parts with the boundary `yk7f3a`: of each the lines of its head and its content. `end` follows the last boundary.
pub(crate) fn parts(parts: &[(&str, &[u8])], end: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend(format!("--yk7f3a\r\nContent-Disposition: {head}\r\n\r\n").bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--yk7f3a{end}").bytes());
    body
}
