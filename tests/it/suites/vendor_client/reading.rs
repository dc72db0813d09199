//! What is asked and read: signed, read tolerantly, repeated through passing trouble.

use yinku::provider::{
    AppSecret, ProviderError, SealRequest, SignMode, Status,
    qiyuesuo::{read_status, sign::signature},
};

use crate::support::vendor::raw::{Act, BUSINESS, DETAIL, Fake, cut, header, http, image, limits, ok, status, zip};

#[tokio::test]
async fn requests_are_signed_with_the_clocks_milliseconds() {
    let fake = Fake::new(vec![ok(DETAIL)]).await;
    fake.client().detail(BUSINESS).await.unwrap();
    fake.client_with(&limits(), SignMode::nonce()).detail(BUSINESS).await.unwrap();
    let requests = fake.requests();
    assert!(
        requests[0].starts_with("GET /seal/apply/detail?businessId=2490828768980361630 HTTP/1.1"),
        "{}",
        requests[0]
    );
    let legacy = |name| header(&requests[0], name);
    assert_eq!(legacy("x-qys-accesstoken").unwrap(), "demoToken01");
    assert_eq!(legacy("x-qys-timestamp").unwrap(), "1700000000000");
    assert_eq!(legacy("x-qys-signature").unwrap(), "bc9e514533a995e160241383b0d018e5");
    assert_eq!(legacy("x-qys-nonce"), None);
    assert!(legacy("user-agent").unwrap().starts_with("yinku/"));
    let nonce = header(&requests[1], "x-qys-nonce").unwrap();
    assert_eq!(uuid::Uuid::parse_str(&nonce).unwrap().get_version_num(), 4);
    let secret = AppSecret::new("demoSecret-0123456789abcdef").unwrap();
    let expected = signature("demoToken01", &secret, "1700000000000", Some(&nonce));
    assert_eq!(header(&requests[1], "x-qys-signature").unwrap(), expected);
    assert!(requests.iter().all(|request| !request.contains("demoSecret")), "the secret is never sent");
}

#[tokio::test]
async fn nothing_that_is_printed_shows_the_secret() {
    let fake = Fake::new(vec![ok(DETAIL)]).await;
    let client = fake.client();
    let shown = format!("{client:?} {:#?} {:?}", client, client.credentials());
    assert!(shown.contains("***") && !shown.contains("demoSecret"), "{shown}");
}

#[tokio::test]
async fn a_detail_is_read_tolerantly_and_kept_word_for_word() {
    let text = r#"{"code":"0","result":{"id":2490828768980361630,"subject":"用印","serialNo":"S-1","status":"FINISHED","unknown":[{}],
      "createTime":"2019-04-09 09:18:53","sealAuths":[{"id":"11","leftCount":-3,"usedCount":"17","complete":"true",
      "completeTime":"soon","contact":null,"number":7,"deviceNo":"D-1"},{"userName":"no id"}],
      "faceImages":[{"authId":11,"photokey":"f-1"}],"useImages":[{"photokey":"u-1"},{"authId":"11"}],"appendLogs":null}}"#;
    let fake = Fake::new(vec![ok(text)]).await;
    let detail = fake.client().detail(BUSINESS).await.unwrap();
    assert_eq!((detail.id.as_str(), detail.serial_no.as_deref()), (BUSINESS, Some("S-1")));
    assert!(detail.status == Status::Finished && detail.status.terminal());
    assert_eq!(detail.create_time, "2019-04-09T01:18:53Z".parse().ok());
    assert_eq!(detail.auths.len(), 1, "an auth without an id is none");
    let auth = &detail.auths[0];
    assert_eq!((auth.left_count, auth.used_count, auth.complete), (Some(0), 17, true));
    assert_eq!((auth.complete_time, auth.contact.as_deref(), auth.number.as_deref()), (None, None, Some("7")));
    let keys: Vec<_> =
        detail.face_images.iter().chain(&detail.use_images).map(|photo| photo.photokey.as_str()).collect();
    assert_eq!(keys, ["f-1", "u-1"]);
    assert_eq!((detail.face_images[0].auth_id.as_deref(), detail.use_images[0].auth_id.as_deref()), (Some("11"), None));
    assert!(detail.append_logs.is_empty());
    assert_eq!(detail.raw.expose(), text);
}

#[tokio::test]
async fn only_ended_seal_uses_are_terminal() {
    let terminal = |word: &str| read_status(word).terminal();
    for word in ["COMPLETE", "finished", "END", "FORCE_END", "FINISH", "COMPLETED"] {
        assert!(terminal(word), "{word}");
    }
    for word in ["USING", "", "CREATE", "COMPLETING"] {
        assert!(!terminal(word), "{word}");
    }
}

#[tokio::test]
async fn seals_categories_and_health_are_read() {
    let seals = r#"{"code":0,"result":[{"id":"1","name":"维森","seals":[
        {"id":"5","name":"公章","owner":"维森","deviceId":"D-1","status":{"key":"NORMAL"}},{"name":"no id"}]},{"id":"2","name":"空","seals":[]}]}"#;
    let flat =
        r#"{"code":0,"list":[{"id":"6","name":"合同章","ownerName":"分公司","deviceNo":"D-2","status":"FREEZE"}]}"#;
    let categories = r#"{"code":0,"categories":[{"id":"9","name":"物理用印","type":"PHYSICAL","state":1}]}"#;
    let fake = Fake::new(vec![ok(seals), ok(flat), ok(categories), ok("OK\n"), ok("no")]).await;
    let client = fake.client();
    let listed = client.seals().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].company.as_deref(), listed[0].device_no.as_deref()), (Some("维森"), Some("D-1")));
    assert_eq!(listed[0].status.as_deref(), Some("NORMAL"));
    let flat = client.seals().await.unwrap();
    assert_eq!(
        (flat[0].name.as_str(), flat[0].owner_name.as_deref(), flat[0].company.as_deref()),
        ("合同章", Some("分公司"), None)
    );
    let categories = client.categories().await.unwrap();
    assert_eq!(
        (categories[0].id.as_str(), categories[0].kind.as_deref(), categories[0].state.as_deref()),
        ("9", Some("PHYSICAL"), Some("1"))
    );
    assert_eq!(client.health().await, Ok(()));
    assert_eq!(client.health().await.unwrap_err().code(), "vendor_garbled");
    let paths: Vec<_> = fake.requests().iter().map(|request| request.split(' ').nth(1).unwrap().to_owned()).collect();
    let seallist = "/seal/innercompany/seallist?category=PHYSICS";
    assert_eq!(paths, [seallist, seallist, "/contract/categories", "/checkHealth", "/checkHealth"]);
}

#[tokio::test]
async fn the_vendors_four_ways_to_say_no_are_told_apart_in_every_call() {
    let rejected = |status, code, message: &str| ProviderError::Rejected {
        status,
        code,
        message: message.to_owned(),
        retry_after: None,
    };
    let html = |status, title: &str| ProviderError::Html { status, title: title.to_owned(), retry_after: None };
    let json = r#"{"code":1000001,"message":"参数错误"}"#;
    let page = "<html><head><title>Error 400</title></head><body><h2>HTTP ERROR 400</h2></body></html>";
    let ways = [
        (ok(json), rejected(200, 1_000_001, "参数错误")),
        (http("400 Bad Request", "", json), rejected(400, 1_000_001, "参数错误")),
        (http("403 Forbidden", "", "IP\r\nforbidden"), status(403, "IP forbidden")),
        (http("442 X", "", "INVALID TOKEN"), rejected(442, 442, "INVALID TOKEN")),
        (ok(page), html(200, "Error 400")),
        (http("404 Not Found", "", page), html(404, "Error 400")),
        (ok(""), ProviderError::Empty),
        (
            http("302 Found", "Location: http://elsewhere/\r\n", ""),
            ProviderError::Redirected { location: "http://elsewhere/".to_owned() },
        ),
        (Act::Say(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()), ProviderError::Empty),
        (http("503 Busy", "", ""), status(503, "")),
    ];
    for (act, expected) in ways {
        let client = Fake::new(vec![act]).await.client();
        assert_eq!(client.create(&SealRequest::default()).await.unwrap_err(), expected);
        assert_eq!(client.detail(BUSINESS).await.unwrap_err(), expected);
        assert_eq!(image(&client).await.unwrap_err(), expected);
        assert_eq!(zip(&client, 10_000).await.0.unwrap_err(), expected);
        assert_eq!(client.seals().await.unwrap_err(), expected);
        assert_eq!(client.categories().await.unwrap_err(), expected);
        assert_eq!(client.health().await.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn answers_that_make_no_sense_are_garbled() {
    let gzip = http("200 OK", "Content-Encoding: gzip\r\n", DETAIL);
    let other = DETAIL.replace(BUSINESS, "1");
    for act in [ok("[]"), ok("words"), ok(r#"{"code":0}"#), ok(r#"{"result":{}}"#), ok(other), gzip] {
        let client = Fake::new(vec![act.clone()]).await.client();
        assert_eq!(client.detail(BUSINESS).await.unwrap_err().code(), "vendor_garbled", "{act:?}");
    }
    let fake = Fake::new(vec![ok(DETAIL)]).await;
    for bad in ["", "12a", "１２", "123456789012345678901", "1&photoType=FACE"] {
        assert_eq!(fake.client().detail(bad).await.unwrap_err().code(), "vendor_garbled", "{bad}");
    }
    assert!(fake.requests().is_empty(), "what is no business id is not asked for");
}

#[tokio::test]
async fn reading_calls_are_repeated_through_passing_trouble() {
    let trouble = [
        http("500 Oops", "", "oops"),
        cut(),
        http("503 Busy", "Retry-After: 3600\r\n", r#"{"code":1000000,"message":"busy"}"#),
    ];
    let fake = Fake::new(trouble.into_iter().chain([ok(DETAIL)]).collect()).await;
    assert_eq!(fake.client().detail(BUSINESS).await.unwrap().id, BUSINESS);
    assert_eq!(fake.requests().len(), 4);

    let fake = Fake::new(vec![Act::Stall(Vec::new())]).await;
    assert_eq!(fake.client().detail(BUSINESS).await.unwrap_err(), ProviderError::Timeout);
    assert_eq!(fake.requests().len(), 4, "bounded");

    let fake = Fake::new(vec![ok(r#"{"code":1000001,"message":"no"}"#)]).await;
    assert_eq!(fake.client().detail(BUSINESS).await.unwrap_err().code(), "vendor_rejected");
    assert_eq!(fake.requests().len(), 1, "a refusal is final");
}

#[tokio::test]
async fn owed_photos_are_read_and_asked_for_by_number_or_phone() {
    let owed = r#"{"code":0,"result":[{"id":11,"businessId":"5","userName":"李四","vertifyCode":"123456","complete":true,
        "oweUseImageCount":"2","useImageCount":1,"usedCount":3},{"businessId":"6"}]}"#;
    let fake = Fake::new(vec![ok(owed), ok(r#"{"code":0,"result":null}"#)]).await;
    let client = fake.client();
    let listed = client.owed(Some("E003"), Some("138")).await.unwrap();
    assert_eq!(listed.len(), 1, "a grant without an id is none");
    assert_eq!((listed[0].auth_id.as_str(), listed[0].business_id.as_deref()), ("11", Some("5")));
    assert_eq!((listed[0].owed, listed[0].photos, listed[0].used, listed[0].complete), (2, 1, 3, true));
    assert!(!format!("{listed:?}").contains("123456"), "seal codes are not for logs");
    assert_eq!(client.owed(None, Some("138")).await.unwrap(), []);
    assert_eq!(client.owed(None, None).await.unwrap_err().code(), "vendor_garbled");
    let requests = fake.requests();
    assert!(requests[0].starts_with("GET /seal/apply/owe/auths?number=E003 "), "{}", requests[0]);
    assert!(requests[1].starts_with("GET /seal/apply/owe/auths?contact=138 "), "{}", requests[1]);
}

#[tokio::test]
async fn every_call_can_be_spawned() {
    let fake = Fake::new(vec![ok(DETAIL)]).await;
    let client = fake.client();
    let created = tokio::spawn({
        let client = client.clone();
        async move { client.create(&SealRequest::default()).await.map(|created| created.id) }
    });
    assert_eq!(created.await.unwrap().unwrap(), BUSINESS);
    assert_eq!(tokio::spawn(async move { client.detail(BUSINESS).await }).await.unwrap().unwrap().id, BUSINESS);
    let health = fake.client();
    assert!(tokio::spawn(async move { (health.health().await, health.categories().await) }).await.is_ok());
}
