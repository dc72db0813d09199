//! Files that people bring to a flow, and what they get back.

use std::io::Cursor;

use reqwest::{
    Method, header,
    multipart::{Form, Part},
};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use yinku::id::FlowId;

pub(crate) use super::definitions::with_stamped;
use crate::support::{
    caller::{Caller, Told},
    world::{Engine, Plan, World},
};

pub(crate) async fn world_with_stamped(engine: Engine) -> World {
    World::new(engine, Plan { definition: Some(with_stamped), ..Plan::default() }).await
}

/// A picture of its own for each shade.
pub(crate) fn png(shade: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::RgbImage::from_pixel(40, 30, image::Rgb([shade, 10, 20]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

pub(crate) fn pdf(text: &str) -> Vec<u8> {
    format!("%PDF-1.7\n{text}\n%%EOF\n").into_bytes()
}

pub(crate) fn form(files: impl IntoIterator<Item = (&'static str, Vec<u8>)>) -> Form {
    files
        .into_iter()
        .fold(Form::new(), |form, (name, bytes)| form.part("file", Part::bytes(bytes).file_name(name)))
        .percent_encode_noop()
}

impl Caller {
    pub(crate) async fn bring(&self, path: &str, form: Form) -> Told {
        self.send(self.request(Method::POST, path).multipart(form)).await
    }

    /// A range of what lies there.
    pub(crate) async fn part(&self, path: &str, range: &str, condition: Option<&str>) -> Told {
        let request = self.request(Method::GET, path).header(header::RANGE, range);
        let request = match condition {
            Some(tag) => request.header(header::IF_RANGE, tag),
            None => request,
        };
        self.send(request).await
    }

    /// Begins an upload to `path` by hand: the head, which promises `length` bytes, then `sent`.
    pub(crate) async fn begin_upload(&self, world: &World, path: &str, length: usize, sent: &str) -> TcpStream {
        let request = self.request(Method::POST, path).build().unwrap();
        let token = request.headers()["authorization"].to_str().unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: {length}\r\n\r\n"
        );
        let mut line = TcpStream::connect(world.app.config.listen).await.unwrap();
        line.write_all(format!("{head}{sent}").as_bytes()).await.unwrap();
        line
    }
}

/// Where the stamped files of a flow are brought.
pub(crate) fn stamped(flow: &FlowId) -> String {
    format!("/api/flows/{flow}/fields/stamped/files")
}

/// Where the photos of a flow are downloaded.
pub(crate) fn zip_of(flow: &FlowId) -> String {
    format!("/api/flows/{flow}/photos.zip")
}

/// How many photos are in a zip. The list of what is missing is none.
pub(crate) fn photos_in(zip: &[u8]) -> usize {
    let archive = zip::ZipArchive::new(Cursor::new(zip.to_vec())).unwrap();
    archive.file_names().filter(|name| name.as_ref().unwrap() != "缺失清单.txt").count()
}

/// Files on their way in that still lie about.
pub(crate) fn staging(world: &World) -> usize {
    std::fs::read_dir(world.app.config.data_dir.join("store/staging")).map_or(0, Iterator::count)
}
