//! What changes something at the vendor: written in its words, and never sent twice when it may have arrived.

use std::time::Duration;

use yinku::provider::{
    Hidden, Limits, SignMode,
    qiyuesuo::{Actor, Application, ApplicationAuth, FlowNode, SealUser, Status, ToStamp},
};

use crate::support::vendor::raw::{Act, BUSINESS, DETAIL, Fake, actor, cut, document, http, limits, ok, parts, window};

#[tokio::test]
async fn an_application_is_written_in_the_vendors_words_and_its_answer_read() {
    let created = r#"{"code":0,"result":{"id":2490828768980361630,"status":"USING","sealAuths":[
        {"id":1,"userName":"李\u0000四","vertifyCode":"123456","sealName":"公章","deviceNo":"D-1"}]}}"#;
    let fake = Fake::new(vec![ok(created)]).await;
    let application = Application {
        tenant_name: "维森集团".to_owned(),
        subject: "合同".to_owned(),
        applyer_number: Some("007".to_owned()),
        auths: vec![ApplicationAuth {
            device_no: Some("D-1".to_owned()),
            count: 3,
            start_time: Some("2019-04-09T01:18:53Z".parse().unwrap()),
            users: vec![SealUser { mobile: Some("13800000000".to_owned()), number: None }],
            ..ApplicationAuth::default()
        }],
        ..Application::default()
    };
    let created = fake.client().create(&application).await.unwrap();
    assert_eq!((created.id.as_str(), &created.status), (BUSINESS, &Status::Using));
    assert_eq!(created.auths[0].user_name.as_deref(), Some("李四"), "without the NUL that PostgreSQL refuses");
    assert_eq!(created.auths[0].vertify_code.as_ref().map(Hidden::expose), Some("123456"));
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
async fn an_application_that_may_have_arrived_is_never_sent_again() {
    for act in [cut(), http("500 Oops", "", ""), Act::Stall(Vec::new()), Act::Say(Vec::new())] {
        let fake = Fake::new(vec![act.clone()]).await;
        let error = fake.client().create(&Application::default()).await.unwrap_err();
        assert!(!error.surely_never_arrived(), "{error:?}");
        assert_eq!(fake.requests().len(), 1, "{act:?}");
    }
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
    let operator = SealUser { mobile: None, number: Some("E002".to_owned()) };
    let application = Application {
        subject: "合同".to_owned(),
        category_id: Some("2494236993899110501".to_owned()),
        auths: vec![ApplicationAuth {
            seal_name: Some("公章".to_owned()),
            owner_name: Some("维森集团".to_owned()),
            count: 2,
            ..ApplicationAuth::default()
        }],
        flow_nodes: vec![FlowNode::approved("部门审批".to_owned(), begun, at, "同意".to_owned(), operator)],
        ..Application::default()
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
async fn a_change_that_may_have_arrived_is_never_sent_again() {
    for act in [cut(), http("500 Oops", "", ""), Act::Stall(Vec::new()), Act::Say(Vec::new())] {
        let fake = Fake::new(vec![act.clone()]).await;
        let client = fake.client();
        let errors = [
            client.append(BUSINESS, 1, &actor(), None).await.unwrap_err(),
            client.finish(BUSINESS, "结束", &actor(), None).await.unwrap_err(),
            client.create_by_category(&Application::default()).await.unwrap_err(),
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
    let gone = Fake::once(cut()).await;
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
    let gone = Fake::gone().await;
    let error = gone.client().create(&Application::default()).await.unwrap_err();
    assert_eq!((error.code(), error.surely_never_arrived(), error.is_transient()), ("vendor_unreachable", true, true));
    // A server that answers a handshake with plain words, and one that does not answer it at all.
    let plain = Fake::plain().await.by_https();
    let silent = Fake::new(vec![ok(DETAIL)]).await.by_https();
    let impatient = Limits { connect_timeout: Duration::from_millis(100), ..limits() };
    for vendor in [plain, silent] {
        let error = vendor.client_with(&impatient, SignMode::Legacy).categories().await.unwrap_err();
        assert_eq!(error.code(), "vendor_unreachable", "{error:?}");
        assert!(vendor.requests().iter().all(|request| !request.contains("GET ")), "nothing was sent in the clear");
    }
}
