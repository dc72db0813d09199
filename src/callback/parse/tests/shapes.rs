use super::*;

#[test]
fn the_end_of_a_seal_use_is_p1() {
    let callback = post("", FORM, P1);
    assert_eq!((callback.shape, callback.business_id.as_deref()), (Shape::P1, Some(ID)));
    assert_eq!(callback.status.as_deref(), Some("COMPLETE"));
    assert_eq!((callback.images.len(), callback.problem), (0, None));
}

#[test]
fn photos_without_our_parameter_are_p2_with_who_stamped() {
    let callback = post("", PARTS, P2_PARTS);
    assert_eq!((callback.shape, callback.business_id.as_deref()), (Shape::P2, Some(ID)));
    assert_eq!((callback.image_kind, callback.mobile.as_deref()), (Some(PhotoKind::Face), Some("13800000000")));
    assert_eq!(callback.problem, None);
}

#[test]
fn the_named_but_empty_list_of_photos_is_p2_too() {
    for (kind, body) in
        [(FORM, format!("businessId={ID}&images=")), (JSON, format!("{{\"businessId\":{ID},\"images\":[]}}"))]
    {
        let callback = post("", kind, body);
        assert_eq!((callback.shape, callback.images.len()), (Shape::P2, 0));
    }
}

#[test]
fn uses_left_are_p3_with_their_count_and_instant() {
    let callback = post("", FORM, P3);
    assert_eq!((callback.shape, callback.left_count), (Shape::P3, Some(3)));
    assert_eq!((callback.number.as_deref(), callback.mobile), (Some("0042"), None));
    assert_eq!(callback.timestamp, Some(Timestamp(1_700_000_000_000_000)));
}

#[test]
fn a_timestamp_is_milliseconds_seconds_or_chinese_time() {
    let at = |text: &str| post("", FORM, format!("businessId=1&leftCount=0&timestamp={text}")).timestamp;
    let expected = Some(Timestamp(1_700_000_000_000_000));
    assert_eq!((at("1700000000000"), at("1700000000"), at("2023-11-15+06:13:20")), (expected, expected, expected));
    assert_eq!((at("0"), at("9223372036854775807"), at("-1"), at("soon")), (None, None, None, None));
}

#[test]
fn our_own_parameter_in_body_or_query_makes_it_w() {
    let in_body = post("", FORM, W);
    assert_eq!((in_body.shape, in_body.operate.as_deref()), (Shape::W, Some("download")));
    assert_eq!(in_body.event_type.as_deref(), Some("PHYSICS"));
    let in_query = post("ecologyOperate=DOWNLOAD", FORM, P1);
    assert_eq!((in_query.shape, in_query.operate.as_deref()), (Shape::W, Some("download")));
    let by_event = post("callbackeventtype=physics", FORM, P1);
    assert_eq!(by_event.shape, Shape::W);
}

#[test]
fn w_may_bring_photos_or_say_nothing_but_whom_it_is_about() {
    let photos = post("ecologyOperate=download", PARTS, P2_PARTS);
    assert_eq!((photos.shape, photos.images.len()), (Shape::W, 2));
    let bare = post(&format!("ecologyOperate=download&businessId={ID}"), None, "");
    assert_eq!((bare.shape, bare.business_id.as_deref(), bare.problem), (Shape::W, Some(ID), None));
}

#[test]
fn a_business_id_alone_or_our_own_seal_use_alone_is_worth_a_look() {
    let alone = post("", FORM, format!("businessId={ID}"));
    assert_eq!((alone.shape, alone.problem), (Shape::P1, None));
    let ours = post("sealUse=0199-x&key=secret", FORM, "status=COMPLETE");
    assert_eq!((ours.shape, ours.seal_use.as_deref(), ours.problem), (Shape::P1, Some("0199-x"), None));
    assert_eq!(post("sealUse=0199-x", None, "").shape, Shape::P1);
}

#[test]
fn our_own_seal_use_is_taken_from_the_address_before_the_body() {
    assert_eq!(post("sealUse=ours", FORM, "sealUse=theirs").seal_use.as_deref(), Some("ours"));
}

#[test]
fn electronic_contracts_and_companies_are_recognised_as_not_ours() {
    let contract = post("", FORM, ELECTRONIC);
    assert_eq!((contract.shape, contract.business_id), (Shape::W, None));
    assert!(contract.problem.unwrap().contains("not a seal use"));
    assert_eq!(contract.hints.contract_id.as_deref(), Some("2490828768980361630"));
    assert_eq!(contract.hints.biz_id.as_deref(), Some("77"));
    let company = post("ecologyOperate=download", JSON, r#"{"companyId":5}"#);
    assert_eq!((company.shape, company.hints.company_id.as_deref()), (Shape::W, Some("5")));
    assert!(company.problem.unwrap().contains("not a seal use"));
}

#[test]
fn other_ids_are_never_taken_for_a_business_id() {
    let callback = post("", FORM, "bizId=1&status=COMPLETE");
    assert_eq!((callback.shape, callback.business_id), (Shape::P1, None));
    assert_eq!(callback.problem.as_deref(), Some("no businessId"));
}

#[test]
fn encrypted_callbacks_have_their_own_shapes() {
    let event = post("", JSON, N);
    assert_eq!((event.shape, &event.business_id, &event.problem), (Shape::N, &None, &None));
    assert!(param(&event, "encrypted")[0].starts_with("3136+HCV"));
    let form = post("", FORM, F);
    assert_eq!((form.shape, param(&form, "content")[0].len()), (Shape::F, 64));
    let split = post("signature=a&timestamp=1700000000000", FORM, "content=b");
    assert_eq!(split.shape, Shape::F, "read from query and body");
}

#[test]
fn junk_is_a_shape_and_says_so() {
    for body in [
        "",
        "hello",
        "a=b",
        "[]",
        "{}",
        "null",
        "{\"a\":",
        "\0\0\0",
        "--\r\n",
        "====",
        "%%%",
        "<html>HTTP ERROR</html>",
    ] {
        for kind in [None, Some(FORM), Some(JSON), Some("multipart/form-data"), Some(";;;"), Some(PARTS)] {
            let callback = post("", kind, body);
            assert_eq!((callback.shape, callback.business_id), (Shape::Junk, None), "{kind:?} {body:?}");
            assert!(callback.problem.is_some(), "{kind:?} {body:?}");
        }
    }
}

#[test]
fn a_business_id_is_1_to_20_ascii_digits() {
    let read = |id: &str| post("", FORM, format!("businessId={id}&status=USING")).business_id;
    assert_eq!(read("1").as_deref(), Some("1"));
    assert_eq!(read("+12345678901234567890+").as_deref(), Some("12345678901234567890"));
    for id in ["123456789012345678901", "-1", "1e5", "abc", "１２", "0x1", "1;2"] {
        let callback = post("", FORM, format!("businessId={id}&status=USING"));
        assert_eq!((callback.shape, callback.business_id), (Shape::P1, None), "{id}");
        assert!(callback.problem.unwrap().contains("digits"), "{id}");
    }
}

#[test]
fn of_several_business_ids_the_first_counts_and_that_is_said() {
    let callback = post("", FORM, "businessId=x&businessId=7&businessId=8");
    assert_eq!(callback.business_id.as_deref(), Some("7"));
    assert!(callback.problem.unwrap().contains("only the first"));
    let same = post("", FORM, "businessId=7&businessId=7");
    assert_eq!((same.business_id.as_deref(), same.problem), (Some("7"), None));
}

#[test]
fn shapes_are_stored_as_their_names() {
    for shape in [Shape::P1, Shape::P2, Shape::P3, Shape::W, Shape::N, Shape::F, Shape::Junk] {
        assert_eq!(serde_json::to_value(shape).unwrap(), shape.as_str());
    }
}
