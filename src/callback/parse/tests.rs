mod encodings;
mod fuzz;
mod photos;
mod shapes;

use super::*;

const ID: &str = "2501966386851659778";
const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=qys-7d";
const JSON: &str = "application/json";

const P1: &[u8] = include_bytes!("../../../fixtures/callbacks/p1.form");
const P2_PARTS: &[u8] = include_bytes!("../../../fixtures/callbacks/p2.multipart");
const P2_JSON: &[u8] = include_bytes!("../../../fixtures/callbacks/p2.json");
const P3: &[u8] = include_bytes!("../../../fixtures/callbacks/p3.form");
const W: &[u8] = include_bytes!("../../../fixtures/callbacks/w.form");
const W_GBK: &[u8] = include_bytes!("../../../fixtures/callbacks/w_gbk.form");
const ELECTRONIC: &[u8] = include_bytes!("../../../fixtures/callbacks/electronic.form");
const N: &[u8] = include_bytes!("../../../fixtures/callbacks/n.json");
const F: &[u8] = include_bytes!("../../../fixtures/callbacks/f.form");
const NESTED: &[u8] = include_bytes!("../../../fixtures/callbacks/nested.json");

/// The smallest PNG: one pixel, 70 bytes.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn post(query: &str, content_type: impl Into<Option<&'static str>>, body: impl AsRef<[u8]>) -> Callback {
    parse(RawRequest { query, content_type: content_type.into(), body: body.as_ref() })
}

fn png() -> Vec<u8> {
    picture::base64(PNG.as_bytes()).unwrap()
}

/// A JPEG's frame around what looks like line ends, delimiters and every byte there is.
fn jpeg() -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\0\x10JFIF\0\r\n--qys\r\n--\n\r\n----7d\r".to_vec();
    bytes.extend(0..=255_u8);
    bytes.extend(b"\r\xff\xd9");
    bytes
}

fn image(bytes: Vec<u8>) -> PushedImage {
    PushedImage::Bytes { bytes: bytes.into(), file_name: None }
}

fn param<'a>(callback: &'a Callback, name: &str) -> Vec<&'a str> {
    let named = callback.params.iter().find(|(key, _)| key == name);
    named.map(|(_, values)| values.iter().map(String::as_str).collect()).unwrap_or_default()
}
