use std::borrow::Cow;

use axum::body::to_bytes;
use rust_embed::Metadata;

use super::*;

fn built(path: &str) -> Option<EmbeddedFile> {
    let text = match path {
        "index.html" => "<!doctype html><base href=\"/\"><script src=\"boot.js\"></script>",
        "boot.js" => "theme()",
        "assets/main-1a2b.js" => "main()",
        "assets/main-1a2b.js.br" => "packed",
        _ => return None,
    };
    let hash = *blake3::hash(text.as_bytes()).as_bytes();
    Some(EmbeddedFile { data: Cow::Borrowed(text.as_bytes()), metadata: Metadata::__rust_embed_new(hash, None, None) })
}

fn nothing(_: &str) -> Option<EmbeddedFile> {
    None
}

fn get(files: Files, public: &str, path: &str, headers: &[(HeaderName, &str)]) -> Response {
    let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
    answer(files, &public.parse().unwrap(), path, &headers)
}

async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 4096).await.unwrap().to_vec()).unwrap()
}

fn header_of(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

const HTML: (HeaderName, &str) = (header::ACCEPT, "text/html,*/*;q=0.8");

#[tokio::test]
async fn every_page_address_answers_the_index_with_the_base_of_the_public_url() {
    let page = get(built, "https://example.com/seal/", "/flows/0190", &[HTML]);
    assert_eq!((page.status(), header_of(&page, "cache-control").as_str()), (StatusCode::OK, "no-cache"));
    assert_eq!(header_of(&page, "content-security-policy"), POLICY);
    assert_eq!(header_of(&page, "cross-origin-opener-policy"), "same-origin");
    assert!(text(page).await.contains("<base href=\"/seal/\">"));
    let root = get(built, "http://seal.internal:8080", "/", &[]);
    assert_eq!(header_of(&root, "cross-origin-opener-policy"), "");
    assert!(text(root).await.contains("<base href=\"/\">"));
}

#[tokio::test]
async fn the_api_never_answers_a_page_and_an_unknown_asset_is_not_found() {
    for path in ["/api/nothing", "/papi/x", "/metrics/x", "/assets/gone-9z.js"] {
        assert_eq!(get(built, "http://localhost", path, &[HTML]).status(), StatusCode::NOT_FOUND, "{path}");
    }
    // A program that does not ask for HTML.
    assert_eq!(get(built, "http://localhost", "/flows", &[(header::ACCEPT, "*/*")]).status(), StatusCode::NOT_FOUND);
    assert_eq!(get(built, "http://localhost", "/api", &[HTML]).status(), StatusCode::OK);
}

#[tokio::test]
async fn an_asset_is_kept_for_ever_and_sent_compressed_to_those_who_take_it() {
    let plain = get(built, "http://localhost", "/assets/main-1a2b.js", &[(header::ACCEPT_ENCODING, "gzip, br;q=0")]);
    assert_eq!(header_of(&plain, "cache-control"), FOREVER);
    let tag = header_of(&plain, "etag");
    assert_eq!((header_of(&plain, "content-encoding"), text(plain).await), (String::new(), "main()".to_owned()));
    let packed = get(built, "http://localhost", "/assets/main-1a2b.js", &[(header::ACCEPT_ENCODING, "gzip, br")]);
    assert_ne!(header_of(&packed, "etag"), tag);
    assert_eq!((header_of(&packed, "content-encoding"), text(packed).await), ("br".to_owned(), "packed".to_owned()));
    let fresh = get(built, "http://localhost", "/assets/main-1a2b.js", &[(header::IF_NONE_MATCH, tag.as_str())]);
    assert_eq!(fresh.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(get(built, "http://localhost", "/assets/main-1a2b.js.br", &[]).status(), StatusCode::NOT_FOUND);
    assert_eq!(header_of(&get(built, "http://localhost", "/boot.js", &[]), "cache-control"), "no-cache");
}

#[tokio::test]
async fn without_built_pages_the_root_says_how_to_build_them() {
    let root = get(nothing, "http://localhost", "/", &[]);
    assert_eq!(root.status(), StatusCode::NOT_FOUND);
    assert!(text(root).await.contains("make build"));
}
