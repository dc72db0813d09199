//! The web interface: the files of `web/dist`, which are part of the binary. A debug build reads them from the disk.
//!
//! An address that is no file and no API route gets `index.html`, because the pages route by themselves.

#[cfg(test)]
mod tests;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};
use url::{Host, Url};

use super::{Edge, Problem};

/// Without built pages the folder is absent, and the binary has no file.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Site;

/// Finds a file by its path below `web/dist`.
type Files = fn(&str) -> Option<EmbeddedFile>;

const INDEX: &str = "index.html";
const BASE: &str = "<base href=\"/\"";
const NOT_BUILT: &str = "This program was built without its web pages. Install Node 20.19 or newer, run `make build`, and start the new program.\n";
/// Paths of the API and of operation. They never answer a page.
const NO_PAGES: [&str; 6] = ["api", "papi", "healthz", "readyz", "metrics", "assets"];
const FOREVER: &str = "public, max-age=31536000, immutable";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'self'; \
    frame-ancestors 'none'";

/// Answers every address that no route has: a file of the pages, a page, or 404.
pub(super) async fn show(State(edge): State<Edge>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::not_found().into_response();
    }
    answer(Site::get, &edge.app.config.public_url, request.uri().path(), request.headers())
}

fn answer(files: Files, public: &Url, path: &str, headers: &HeaderMap) -> Response {
    let path = path.trim_start_matches('/');
    // The compressed files are answers to the names without their ending.
    let file =
        files(path).filter(|_| !path.is_empty() && path != INDEX && !path.ends_with(".br") && !path.ends_with(".gz"));
    if let Some(file) = file {
        return secured(public, send_file(files, path, &file, headers));
    }
    if !is_page(path, headers) {
        return Problem::not_found().into_response();
    }
    match files(INDEX) {
        Some(index) => secured(public, send_index(&index, public, headers)),
        None => (StatusCode::NOT_FOUND, NOT_BUILT).into_response(),
    }
}

/// Returns true if the address can be a page: programs that ask for other things get a problem instead.
fn is_page(path: &str, headers: &HeaderMap) -> bool {
    let (first, rest) = path.split_once('/').map_or((path, false), |(first, _)| (first, true));
    // `/api` itself is a page: the reference of the API.
    let reserved = NO_PAGES.contains(&first) && (rest || first != "api");
    let wants_html = headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
    !reserved && (path.is_empty() || wants_html)
}

/// `index.html` with the path of `public_url` as its base, so the pages work below any path.
fn send_index(index: &EmbeddedFile, public: &Url, headers: &HeaderMap) -> Response {
    let base = format!("<base href=\"{}/\"", public.path().trim_end_matches('/'));
    let text = String::from_utf8_lossy(&index.data).replacen(BASE, &base, 1);
    let tag = format!("\"{}\"", blake3::hash(text.as_bytes()).to_hex());
    send(text.into_bytes(), "text/html; charset=utf-8", "no-cache", &tag, headers)
}

fn send_file(files: Files, path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let cache = if path.starts_with("assets/") { FOREVER } else { "no-cache" };
    let tag = hex::encode(file.metadata.sha256_hash());
    let packed = [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(coding, _)| accepts(headers, coding))
        .find_map(|(coding, ending)| files(&format!("{path}.{ending}")).map(|file| (coding, file)));
    let Some((coding, packed)) = packed else {
        return varied(send(file.data.to_vec(), mime(path), cache, &format!("\"{tag}\""), headers), None);
    };
    varied(send(packed.data.to_vec(), mime(path), cache, &format!("\"{tag}-{coding}\""), headers), Some(coding))
}

/// Returns true if the caller takes the coding: it is named, and not with the weight 0.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|part| {
        let mut words = part.split(';').map(str::trim);
        let refused = |weight: &str| weight.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        words.next() == Some(coding) && !words.any(refused)
    })
}

fn varied(mut response: Response, coding: Option<&'static str>) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

fn send(body: Vec<u8>, mime: &'static str, cache: &'static str, tag: &str, asked: &HeaderMap) -> Response {
    let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let fresh = known.flat_map(|value| value.split(',')).any(|known| known.trim().trim_start_matches("W/") == tag);
    let head = [(header::CACHE_CONTROL, cache.to_owned()), (header::ETAG, tag.to_owned())];
    if fresh {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(header::CONTENT_TYPE, mime)], body).into_response()
}

fn secured(public: &Url, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    // On other origins browsers ignore the header and write an error into the console.
    if public.scheme() == "https" || is_loopback(public) {
        let name = HeaderName::from_static("cross-origin-opener-policy");
        headers.insert(name, HeaderValue::from_static("same-origin"));
    }
    response
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn mime(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
