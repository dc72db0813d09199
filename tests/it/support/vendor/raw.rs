//! A vendor made of raw TCP, because only that can cut, stall and lie; and the client that asks it.

use std::{
    io::SeekFrom,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use yinku::{
    clock::{Clock, Timestamp},
    provider::{
        Actor, AppSecret, Client, Credentials, Limits, ProviderError, Providers, SealWindow, SignMode, ToStamp,
        ZipBody, retry::Backoff,
    },
};

/// What the vendor writes, word for word, and then.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Writes these bytes and closes.
    Say(Vec<u8>),
    /// Writes these bytes and then nothing, without closing.
    Stall(Vec<u8>),
    /// Writes the head, then one byte of the body every so often.
    Drip(Vec<u8>, Duration),
}

/// A vendor that acts once per request, in order; the last act goes on for ever.
pub(crate) struct Fake {
    url: String,
    requests: Seen,
}

type Seen = Arc<Mutex<Vec<String>>>;

impl Fake {
    pub(crate) async fn new(acts: Vec<Act>) -> Self {
        Self::on_its_port(|listener, seen| async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, acts) = (seen.clone(), acts.clone());
                tokio::spawn(async move { answer(stream, &seen, &acts).await });
            }
        })
        .await
    }

    /// Takes one request, and nobody is there any more then.
    pub(crate) async fn once(act: Act) -> Self {
        Self::on_its_port(|listener, seen| async move {
            let (stream, _) = listener.accept().await.unwrap();
            drop(listener);
            answer(stream, &seen, &[act]).await;
        })
        .await
    }

    /// Nobody is there.
    pub(crate) async fn gone() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { url, requests: Seen::default() }
    }

    /// Answers whoever knocks with plain words, before any request.
    pub(crate) async fn plain() -> Self {
        Self::on_its_port(|listener, _| async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            }
        })
        .await
    }

    async fn on_its_port<F: Future<Output = ()> + Send + 'static>(serve: impl FnOnce(TcpListener, Seen) -> F) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Seen::default();
        tokio::spawn(serve(listener, requests.clone()));
        Self { url, requests }
    }

    /// The same vendor, asked by HTTPS.
    pub(crate) fn by_https(self) -> Self {
        Self { url: self.url.replace("http:", "https:"), ..self }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(&limits(), SignMode::Legacy)
    }

    pub(crate) fn client_with(&self, limits: &Limits, mode: SignMode) -> Client {
        let clock = Clock::manual(Timestamp(1_700_000_000_000_999));
        let secret = AppSecret::new("demoSecret-0123456789abcdef").unwrap();
        let credentials = Credentials::new(self.url.parse().unwrap(), "demoToken01", secret, mode).unwrap();
        Providers::new(limits, clock).unwrap().client(credentials)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Quick, so that the tests are.
pub(crate) fn limits() -> Limits {
    Limits {
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(300),
        total_timeout: Duration::from_secs(1),
        zip_timeout: Duration::from_secs(1),
        max_json_bytes: 10_000,
        max_zip_bytes: 10_000,
        retry: quick(),
        ..Limits::default()
    }
}

pub(crate) fn quick() -> Backoff {
    Backoff { first: Duration::from_millis(1), max_retry_after: Duration::from_millis(50), ..Backoff::default() }
}

async fn answer(mut stream: TcpStream, seen: &Mutex<Vec<String>>, acts: &[Act]) {
    let request = read_request(&mut stream).await;
    let act = {
        let mut seen = seen.lock().unwrap();
        seen.push(request);
        acts[(seen.len() - 1).min(acts.len() - 1)].clone()
    };
    match act {
        // The client may have gone: that is its right.
        Act::Say(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Act::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read(&mut [0; 1]).await;
        }
        Act::Drip(head, pause) => {
            let _ = stream.write_all(&head).await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Head and body of one request.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap_or(0);
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        if read == 0 {
            return text;
        }
    }
}

pub(crate) fn header(request: &str, name: &str) -> Option<String> {
    let mut lines = request.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

pub(crate) fn http(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Act {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    Act::Say([head.as_bytes(), body].concat())
}

pub(crate) fn ok(body: impl AsRef<[u8]>) -> Act {
    http("200 OK", "", body)
}

pub(crate) fn cut() -> Act {
    Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"code\":0".to_vec())
}

pub(crate) const DETAIL: &str =
    r#"{"code":0,"message":"SUCCESS","result":{"id":"2490828768980361630","status":"USING"}}"#;
pub(crate) const BUSINESS: &str = "2490828768980361630";

pub(crate) async fn image(client: &Client) -> Result<bytes::Bytes, ProviderError> {
    client.image("20261123-254775d7-3c7c-4e9d-9880-1d4c5fb3dbd0").await?.collect(1_000, |_| ()).await
}

/// The zip call's outcome and what then lies in the file.
pub(crate) async fn zip(client: &Client, limit: u64) -> (Result<ZipBody, ProviderError>, Vec<u8>) {
    let mut file = tokio::fs::File::from_std(tempfile::tempfile().unwrap());
    file.write_all(b"left over from an earlier try, longer than the new one is").await.unwrap();
    let outcome = client.images_zip(BUSINESS, &mut file, limit).await;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).await.unwrap();
    file.read_to_end(&mut bytes).await.unwrap();
    (outcome, bytes)
}

pub(crate) fn status(code: u16, text: &str) -> ProviderError {
    ProviderError::Status { status: code, text: text.to_owned(), retry_after: None }
}

pub(crate) fn actor() -> Actor {
    Actor::new(Some(" E003 "), Some("13800000000"), "王五").unwrap()
}

pub(crate) fn window() -> SealWindow {
    SealWindow {
        business_id: BUSINESS.to_owned(),
        device_no: Some("D-1".to_owned()),
        start: Some("2019-04-09T01:18:53Z".parse().unwrap()),
        end: Some("2019-04-09T10:00:00Z".parse().unwrap()),
        ..SealWindow::default()
    }
}

pub(crate) fn document(bytes: &[u8]) -> ToStamp<std::io::Error> {
    let pieces: Vec<_> = bytes.chunks(1000).map(|piece| Ok(bytes::Bytes::copy_from_slice(piece))).collect();
    ToStamp {
        title: "采购合同".to_owned(),
        file_name: "采购合同 \"一\".pdf".to_owned(),
        mime: "application/pdf".to_owned(),
        bytes: bytes.len() as u64,
        stream: Box::pin(futures::stream::iter(pieces)),
    }
}

/// The parts of a multipart request by name: text as it is, files with their file name.
pub(crate) fn parts(request: &str) -> Vec<(String, String)> {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let kind = header(head, "content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").expect("multipart/form-data");
    let mark = format!("--{boundary}");
    let pieces = body.split(&mark).filter(|piece| piece.contains("\r\n\r\n"));
    pieces
        .map(|piece| {
            let (head, value) = piece.split_once("\r\n\r\n").unwrap();
            let name = head.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
            (name.to_owned(), value.trim_end_matches("\r\n").to_owned())
        })
        .collect()
}
