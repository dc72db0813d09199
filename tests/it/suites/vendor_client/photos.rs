//! Photos and zips: whole or not at all, and never more than their bound.

use std::{sync::Mutex, time::Duration};

use yinku::provider::{VendorError, retry::retry};

use crate::support::vendor::raw::{Act, BUSINESS, Fake, cut, http, image, ok, quick, zip};

#[tokio::test]
async fn a_photo_comes_whole_and_in_pieces_that_are_shown() {
    let photo: Vec<u8> = (0..=255).cycle().take(900).map(|n: u8| n ^ 0x55).collect();
    let fake = Fake::new(vec![http("200 OK", "Content-Type: image/png\r\n", &photo)]).await;
    let body = fake.client().image("a b&c").await.unwrap();
    assert_eq!((body.declared, body.content_type.as_deref()), (Some(900), Some("image/png")));
    let mut shown = Vec::new();
    let bytes = body.collect(900, |piece| shown.extend_from_slice(piece)).await.unwrap();
    assert!(bytes == photo && shown == photo);
    assert!(fake.requests()[0].starts_with("GET /seal/apply/image?photokey=a+b%26c "), "{}", fake.requests()[0]);

    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let fake = Fake::new(vec![Act::Say(chunked.to_vec())]).await;
    assert_eq!(image(&fake.client()).await.unwrap(), "abcde");
}

#[tokio::test]
async fn a_photo_that_is_cut_or_stalls_or_drips_is_no_photo() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nabc";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc";
    let unfinished = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    for text in [head, chunked, unfinished, "HTTP/1.1 200 OK\r\nContent-Le"] {
        let client = Fake::new(vec![Act::Say(text.into())]).await.client();
        let error = image(&client).await.unwrap_err();
        assert_eq!((error.code(), error.is_transient()), ("vendor_cut", true), "{text:?}");
    }
    let stalled = Fake::new(vec![Act::Stall(head.into())]).await;
    assert_eq!(image(&stalled.client()).await.unwrap_err(), VendorError::Timeout);
    // Always a byte before the read timeout, and still an end: the total timeout.
    let drip = Fake::new(vec![Act::Drip(head.into(), Duration::from_millis(50))]).await;
    assert_eq!(image(&drip.client()).await.unwrap_err(), VendorError::Timeout);
}

#[tokio::test]
async fn bodies_are_bounded_whatever_they_declare() {
    let endless = || Act::Say([b"HTTP/1.1 200 OK\r\n\r\nPK\x03\x04".to_vec(), vec![b'x'; 100_000]].concat());
    let declared = || Act::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n".to_vec());
    for act in [endless(), declared()] {
        let client = Fake::new(vec![act]).await.client();
        assert_eq!(image(&client).await.unwrap_err(), VendorError::TooLarge { limit: 1_000 });
        assert_eq!(client.detail(BUSINESS).await.unwrap_err(), VendorError::TooLarge { limit: 10_000 });
        assert_eq!(zip(&client, 500).await.0.unwrap_err(), VendorError::TooLarge { limit: 500 });
        assert_eq!(zip(&client, u64::MAX).await.0.unwrap_err(), VendorError::TooLarge { limit: 10_000 });
    }
}

#[tokio::test]
async fn a_photo_is_what_remains_when_no_error_is_told() {
    for bytes in ["{\"code\":0}", "{not json", "<svg/>", "words"] {
        let client = Fake::new(vec![ok(bytes)]).await.client();
        assert_eq!(image(&client).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_zip_replaces_what_was_in_the_file() {
    let zip_bytes = b"PK\x03\x04 and so on";
    let fake =
        Fake::new(vec![http("200 OK", "Content-Disposition: attachment;fileName=249.zip \r\n", zip_bytes)]).await;
    let (outcome, bytes) = zip(&fake.client(), 10_000).await;
    let body = outcome.unwrap();
    assert_eq!((body.bytes, body.file_name.as_deref(), body.empty), (14, Some("249.zip"), false));
    assert_eq!(bytes, zip_bytes);
    let path = format!("GET /seal/apply/images/download?businessId={BUSINESS} ");
    assert!(fake.requests()[0].starts_with(&path), "without photoType: {}", fake.requests()[0]);

    let pieces =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nP\r\n2\r\nK\x03\r\n3\r\n\x04ab\r\n0\r\n\r\n";
    let fake = Fake::new(vec![Act::Say(pieces.to_vec())]).await;
    assert_eq!(zip(&fake.client(), 10_000).await.1, b"PK\x03\x04ab");

    let empty = [b"PK\x05\x06".to_vec(), vec![0; 18]].concat();
    let fake = Fake::new(vec![ok(&empty)]).await;
    let (outcome, bytes) = zip(&fake.client(), 10_000).await;
    assert!(outcome.unwrap().empty && bytes == empty);
}

#[tokio::test]
async fn a_zip_that_is_cut_or_is_none_is_an_error() {
    let cut = Fake::new(vec![Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nPK\x03\x04".to_vec())]).await;
    assert_eq!(zip(&cut.client(), 10_000).await.0.unwrap_err().code(), "vendor_cut");
    for text in ["PK", "an explanation", "{\"code\":0}"] {
        let fake = Fake::new(vec![ok(text)]).await;
        assert_eq!(zip(&fake.client(), 10_000).await.0.unwrap_err().code(), "vendor_garbled", "{text}");
    }
}

#[tokio::test]
async fn a_photo_is_fetched_again_after_a_cut_and_the_cut_is_told() {
    let fake = Fake::new(vec![cut(), ok("photo")]).await;
    let client = fake.client();
    // Spawned, as the workers do it: the whole future must be Send.
    let work = tokio::spawn(async move {
        let failures = Mutex::new(Vec::new());
        let note = |attempt, error: VendorError| {
            let failures = &failures;
            async move {
                tokio::task::yield_now().await;
                failures.lock().unwrap().push((attempt, error.code()));
            }
        };
        let photo = retry(&quick(), |_| image(&client), note).await;
        (photo, failures.into_inner().unwrap())
    });
    let (photo, failures) = work.await.unwrap();
    assert_eq!(photo.unwrap(), "photo");
    assert_eq!(failures, [(1, "vendor_cut")]);
}
