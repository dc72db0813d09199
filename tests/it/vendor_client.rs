//! The vendor client against a vendor made of raw TCP, because only that can cut, stall and lie.

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
        Actor, Client, Credentials, GivenApproval, Hidden, Limits, PersonRef, ProviderError, Providers, RequestedSeal,
        SealRequest, SealWindow, Secret, SignMode, Status, ToStamp, ZipBody,
        qiyuesuo::{read_status, sign::signature},
        retry::{Backoff, retry},
    },
};

/// What the vendor writes, word for word, and then.
#[derive(Clone, Debug)]
enum Act {
    /// Writes these bytes and closes.
    Say(Vec<u8>),
    /// Writes these bytes and then nothing, without closing.
    Stall(Vec<u8>),
    /// Writes the head, then one byte of the body every so often.
    Drip(Vec<u8>, Duration),
}

/// A vendor that acts once per request, in order; the last act goes on for ever.
struct Fake {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    async fn new(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, acts) = (seen.clone(), acts.clone());
                tokio::spawn(async move { answer(stream, &seen, &acts).await });
            }
        });
        Self { url, requests }
    }

    fn client(&self) -> Client {
        self.client_with(&limits(), SignMode::Legacy)
    }

    fn client_with(&self, limits: &Limits, mode: SignMode) -> Client {
        let clock = Clock::manual(Timestamp(1_700_000_000_000_999));
        let secret = Secret::new("demoSecret-0123456789abcdef").unwrap();
        let credentials = Credentials::new(self.url.parse().unwrap(), "demoToken01", secret, mode).unwrap();
        Providers::new(limits, clock).unwrap().client(credentials)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Quick, so that the tests are.
fn limits() -> Limits {
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

fn quick() -> Backoff {
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

fn header(request: &str, name: &str) -> Option<String> {
    let mut lines = request.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

fn http(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Act {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    Act::Say([head.as_bytes(), body].concat())
}

fn ok(body: impl AsRef<[u8]>) -> Act {
    http("200 OK", "", body)
}

fn cut() -> Act {
    Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"code\":0".to_vec())
}

const DETAIL: &str = r#"{"code":0,"message":"SUCCESS","result":{"id":"2490828768980361630","status":"USING"}}"#;
const BUSINESS: &str = "2490828768980361630";

async fn image(client: &Client) -> Result<bytes::Bytes, ProviderError> {
    client.image("20261123-254775d7-3c7c-4e9d-9880-1d4c5fb3dbd0").await?.collect(1_000, |_| ()).await
}

/// The zip call's outcome and what then lies in the file.
async fn zip(client: &Client, limit: u64) -> (Result<ZipBody, ProviderError>, Vec<u8>) {
    let mut file = tokio::fs::File::from_std(tempfile::tempfile().unwrap());
    file.write_all(b"left over from an earlier try, longer than the new one is").await.unwrap();
    let outcome = client.images_zip(BUSINESS, &mut file, limit).await;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).await.unwrap();
    file.read_to_end(&mut bytes).await.unwrap();
    (outcome, bytes)
}

fn status(code: u16, text: &str) -> ProviderError {
    ProviderError::Status { status: code, text: text.to_owned(), retry_after: None }
}

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
    let secret = Secret::new("demoSecret-0123456789abcdef").unwrap();
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
async fn an_application_is_written_in_the_vendors_words_and_its_answer_read() {
    let created = r#"{"code":0,"result":{"id":2490828768980361630,"status":"USING","sealAuths":[
        {"id":1,"userName":"李\u0000四","vertifyCode":"123456","sealName":"公章","deviceNo":"D-1"}]}}"#;
    let fake = Fake::new(vec![ok(created)]).await;
    let application = SealRequest {
        tenant_name: "维森集团".to_owned(),
        subject: "合同".to_owned(),
        applicant: PersonRef { mobile: None, number: Some("007".to_owned()) },
        seals: vec![RequestedSeal {
            device_no: Some("D-1".to_owned()),
            count: 3,
            start: Some("2019-04-09T01:18:53Z".parse().unwrap()),
            users: vec![PersonRef { mobile: Some("13800000000".to_owned()), number: None }],
            ..RequestedSeal::default()
        }],
        ..SealRequest::default()
    };
    let created = fake.client().create(&application).await.unwrap();
    assert_eq!((created.id.as_str(), &created.status), (BUSINESS, &Status::Using));
    assert_eq!(created.auths[0].user_name.as_deref(), Some("李四"), "without the NUL that PostgreSQL refuses");
    assert_eq!(created.auths[0].code.as_ref().map(Hidden::expose), Some("123456"));
    assert!(!format!("{created:?}").contains("123456"), "seal codes are not for logs");
    let request = fake.requests().remove(0);
    assert!(request.starts_with("POST /seal/apply/multiple HTTP/1.1"), "{request}");
    let body: serde_json::Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    let expected = serde_json::json!({
        "tenantName": "维森集团", "subject": "合同", "applyerNumber": "007",
        "auths": [{"deviceNo": "D-1", "count": 3, "startTime": "2019-04-09 09:18:53", "users": [{"mobile": "13800000000"}]}],
    });
    assert_eq!(body, expected);
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
async fn an_application_that_may_have_arrived_is_never_sent_again() {
    for act in [cut(), http("500 Oops", "", ""), Act::Stall(Vec::new()), Act::Say(Vec::new())] {
        let fake = Fake::new(vec![act.clone()]).await;
        let error = fake.client().create(&SealRequest::default()).await.unwrap_err();
        assert!(!error.surely_never_arrived(), "{error:?}");
        assert_eq!(fake.requests().len(), 1, "{act:?}");
    }
}

fn actor() -> Actor {
    Actor::new(Some(" E003 "), Some("13800000000"), "王五").unwrap()
}

fn window() -> SealWindow {
    SealWindow {
        business_id: BUSINESS.to_owned(),
        device_no: Some("D-1".to_owned()),
        start: Some("2019-04-09T01:18:53Z".parse().unwrap()),
        end: Some("2019-04-09T10:00:00Z".parse().unwrap()),
        ..SealWindow::default()
    }
}

fn document(bytes: &[u8]) -> ToStamp<std::io::Error> {
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
fn parts(request: &str) -> Vec<(String, String)> {
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

#[tokio::test]
async fn changes_are_written_in_the_vendors_words() {
    let appended = r#"{"code":0,"result":{"id":"2490828768980361630","status":"USING","sealAuths":[{"id":1}]}}"#;
    let done = r#"{"code":0,"message":"SUCCESS"}"#;
    let fake = Fake::new(vec![ok(appended), ok(done), ok(done), ok(done), ok(done)]).await;
    let client = fake.client();
    let answer = client.append(BUSINESS, 3, &actor(), Some("D-1")).await.unwrap();
    assert_eq!((answer.status, answer.auths.len()), (Status::Using, 1));
    assert!(client.append(BUSINESS, 1, &actor(), None).await.unwrap().auths.is_empty(), "code 0 says that it was done");
    let phone = Actor::new(None, Some("13800000000"), "").unwrap();
    client.finish(BUSINESS, "盖完了", &phone, None).await.unwrap();
    client.finish(BUSINESS, "盖完了", &phone, Some("D-1")).await.unwrap();
    client.set_window(&window()).await.unwrap();
    assert_eq!(Actor::new(Some(" "), None, "王五"), None, "nobody can act who cannot be named");

    let requests = fake.requests();
    let text =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
    assert!(requests[0].starts_with("POST /seal/apply/append "), "{}", requests[0]);
    let first =
        [("number", "E003"), ("contactName", "王五"), ("businessId", BUSINESS), ("count", "3"), ("deviceNo", "D-1")];
    assert_eq!(parts(&requests[0]), text(&first));
    assert!(parts(&requests[1]).iter().all(|(name, _)| name != "deviceNo"), "absent means every device");
    assert!(requests[2].starts_with("POST /seal/apply/finish "), "{}", requests[2]);
    assert_eq!(
        parts(&requests[2]),
        text(&[("contact", "13800000000"), ("businessId", BUSINESS), ("reason", "盖完了")])
    );
    assert_eq!(parts(&requests[3]).last().unwrap().1, "D-1");
    assert!(requests[4].starts_with("POST /seal/apply/updateUseSealTime "), "{}", requests[4]);
    let body: serde_json::Value = serde_json::from_str(requests[4].split_once("\r\n\r\n").unwrap().1).unwrap();
    let expected = serde_json::json!({ "businessId": BUSINESS, "deviceNo": "D-1", "startTime": "2019-04-09 09:18:53",
                                       "endTime": "2019-04-09 18:00:00" });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn an_application_by_category_names_no_users_and_carries_the_approvals() {
    let fake = Fake::new(vec![ok(r#"{"code":0,"result":{"id":"1","status":"USING"}}"#)]).await;
    let (begun, at) = ("2019-04-09T01:18:53Z".parse().unwrap(), "2019-04-09T01:20:00Z".parse().unwrap());
    let approver = PersonRef { mobile: None, number: Some("E002".to_owned()) };
    let application = SealRequest {
        subject: "合同".to_owned(),
        category: Some("2494236993899110501".to_owned()),
        seals: vec![RequestedSeal {
            seal_name: Some("公章".to_owned()),
            owner_name: Some("维森集团".to_owned()),
            count: 2,
            ..RequestedSeal::default()
        }],
        approvals: vec![GivenApproval {
            node_name: "部门审批".to_owned(),
            begun_at: begun,
            given_at: at,
            comment: "同意".to_owned(),
            approver,
        }],
        ..SealRequest::default()
    };
    assert!(fake.client().create_by_category(&application).await.unwrap().auths.is_empty());
    let request = fake.requests().remove(0);
    assert!(request.starts_with("POST /seal/apply/mulitipleByCategory "), "really spelled so: {request}");
    let body: serde_json::Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    let node = serde_json::json!({ "name": "部门审批", "category": "SEAL_AUDIT", "createTime": "2019-04-09 09:18:53",
        "completeTime": "2019-04-09 09:20:00", "operatorData": { "operateType": "approve", "info": "同意",
        "operatorTime": "2019-04-09 09:20:00", "operator": { "number": "E002" } } });
    let expected = serde_json::json!({ "subject": "合同", "categoryId": "2494236993899110501",
        "auths": [{ "sealName": "公章", "ownerName": "维森集团", "count": 2 }], "flowNodes": [node] });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_document_is_sent_in_pieces_under_its_own_name_and_its_id_read() {
    let ids = [r#"{"code":0,"documentId":2490828768980361630}"#, r#"{"code":0,"result":{"documentId":"7"}}"#];
    let fake = Fake::new(vec![ok(ids[0]), ok(ids[1]), ok(r#"{"code":0}"#)]).await;
    let client = fake.client();
    let bytes = "%PDF-1.7 ".repeat(1000).into_bytes();
    assert_eq!(client.create_document(document(&bytes)).await.unwrap(), BUSINESS);
    assert_eq!(client.create_document(document(b"x")).await.unwrap(), "7");
    assert_eq!(client.create_document(document(b"x")).await.unwrap_err().code(), "vendor_garbled");
    let request = fake.requests().remove(0);
    assert!(request.starts_with("POST /document/createbyfile "), "{request}");
    let parts = parts(&request);
    assert_eq!(parts[0], ("title".to_owned(), "采购合同".to_owned()));
    assert!(parts[1].0 == "file" && parts[1].1.as_bytes() == bytes);
    assert!(request.contains("filename=\"采购合同 \\\"一\\\".pdf\""), "raw UTF-8, as browsers write it");
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
async fn a_change_that_may_have_arrived_is_never_sent_again() {
    for act in [cut(), http("500 Oops", "", ""), Act::Stall(Vec::new()), Act::Say(Vec::new())] {
        let fake = Fake::new(vec![act.clone()]).await;
        let client = fake.client();
        let errors = [
            client.append(BUSINESS, 1, &actor(), None).await.unwrap_err(),
            client.finish(BUSINESS, "结束", &actor(), None).await.unwrap_err(),
            client.create_by_category(&SealRequest::default()).await.unwrap_err(),
            client.create_document(document(b"x")).await.unwrap_err(),
        ];
        assert!(errors.iter().all(|error| !error.surely_never_arrived()), "{act:?} {errors:?}");
        assert_eq!(fake.requests().len(), errors.len(), "{act:?}");
    }
    let fake = Fake::new(vec![cut(), http("500 Oops", "", ""), ok(r#"{"code":0}"#)]).await;
    fake.client().set_window(&window()).await.expect("the same time set again is the same time");
    assert_eq!(fake.requests().len(), 3);
    let refusal = Fake::new(vec![ok(r#"{"code":1000001,"message":"参数错误"}"#)]).await;
    assert_eq!(refusal.client().append(BUSINESS, 1, &actor(), None).await.unwrap_err().code(), "vendor_rejected");
    let fake = Fake::new(vec![ok("{}")]).await;
    assert_eq!(fake.client().append("1&count=9", 1, &actor(), None).await.unwrap_err().code(), "vendor_garbled");
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn a_time_whose_first_answer_was_lost_may_have_been_set_though_the_vendor_was_gone_then() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::<Mutex<Vec<String>>>::default();
    let seen = requests.clone();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        answer(stream, &seen, &[cut()]).await;
    });
    let gone = Fake { url, requests };
    let error = gone.client().set_window(&window()).await.unwrap_err();
    assert_eq!((error.code(), error.unclear(), gone.requests().len()), ("vendor_cut", true, 1));
    let error = gone.client().set_window(&window()).await.unwrap_err();
    assert_eq!((error.code(), error.unclear()), ("vendor_unreachable", false));
    // A refusal that can be repeated is no riddle, but it hides none either.
    let busy = http("503 Busy", "", r#"{"code":1,"message":"稍后"}"#);
    for (acts, code) in [(vec![busy.clone(), cut(), busy.clone()], "vendor_cut"), (vec![busy], "vendor_rejected")] {
        assert_eq!(Fake::new(acts).await.client().set_window(&window()).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn a_long_upload_is_not_taken_for_silence() {
    // Slower than `read_timeout`, which is about the answer.
    let fake = Fake::new(vec![ok(r#"{"code":0,"documentId":"7"}"#)]).await;
    let slow = futures::StreamExt::boxed(futures::stream::unfold(0, |n| async move {
        tokio::time::sleep(Duration::from_millis(120)).await;
        (n < 5).then(|| (Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"0123456789")), n + 1))
    }));
    let document = ToStamp { bytes: 50, stream: slow, ..document(b"") };
    let patient = Limits { zip_timeout: Duration::from_secs(30), ..limits() };
    assert_eq!(fake.client_with(&patient, SignMode::Legacy).create_document(document).await.unwrap(), "7");
}

#[tokio::test]
async fn a_vendor_that_is_not_there_surely_never_got_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gone = Fake { url, requests: Arc::default() };
    let error = gone.client().create(&SealRequest::default()).await.unwrap_err();
    assert_eq!((error.code(), error.surely_never_arrived(), error.is_transient()), ("vendor_unreachable", true, true));
    // A server that answers a handshake with plain words, and one that does not answer it at all.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = Fake { url: format!("https://{}", listener.local_addr().unwrap()), requests: Arc::default() };
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let silent = Fake::new(vec![ok(DETAIL)]).await;
    let silent = Fake { url: silent.url.replace("http:", "https:"), ..silent };
    let impatient = Limits { connect_timeout: Duration::from_millis(100), ..limits() };
    for vendor in [plain, silent] {
        let error = vendor.client_with(&impatient, SignMode::Legacy).categories().await.unwrap_err();
        assert_eq!(error.code(), "vendor_unreachable", "{error:?}");
        assert!(vendor.requests().iter().all(|request| !request.contains("GET ")), "nothing was sent in the clear");
    }
}

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
    assert_eq!(image(&stalled.client()).await.unwrap_err(), ProviderError::Timeout);
    // Always a byte before the read timeout, and still an end: the total timeout.
    let drip = Fake::new(vec![Act::Drip(head.into(), Duration::from_millis(50))]).await;
    assert_eq!(image(&drip.client()).await.unwrap_err(), ProviderError::Timeout);
}

#[tokio::test]
async fn bodies_are_bounded_whatever_they_declare() {
    let endless = || Act::Say([b"HTTP/1.1 200 OK\r\n\r\nPK\x03\x04".to_vec(), vec![b'x'; 100_000]].concat());
    let declared = || Act::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n".to_vec());
    for act in [endless(), declared()] {
        let client = Fake::new(vec![act]).await.client();
        assert_eq!(image(&client).await.unwrap_err(), ProviderError::TooLarge { limit: 1_000 });
        assert_eq!(client.detail(BUSINESS).await.unwrap_err(), ProviderError::TooLarge { limit: 10_000 });
        assert_eq!(zip(&client, 500).await.0.unwrap_err(), ProviderError::TooLarge { limit: 500 });
        assert_eq!(zip(&client, u64::MAX).await.0.unwrap_err(), ProviderError::TooLarge { limit: 10_000 });
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
        let note = |attempt, error: ProviderError| {
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
