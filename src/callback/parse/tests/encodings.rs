use super::*;

#[test]
fn the_same_body_is_understood_whatever_its_header_says() {
    for kind in
        [None, Some(FORM), Some(JSON), Some(PARTS), Some("text/plain"), Some("application/octet-stream"), Some("")]
    {
        assert_eq!(post("", kind, N).shape, Shape::N, "{kind:?}");
        let parts = post("", kind, P2_PARTS);
        assert_eq!(
            (parts.shape, parts.images.len(), parts.business_id.as_deref()),
            (Shape::P2, 2, Some(ID)),
            "{kind:?}"
        );
    }
    for kind in [None, Some(FORM), Some("text/plain"), Some("text/html;charset=UTF-8")] {
        assert_eq!(post("", kind, P1).business_id.as_deref(), Some(ID), "{kind:?}");
    }
}

#[test]
fn a_wrong_boundary_gives_way_to_the_one_in_the_body() {
    assert_eq!(post("", "multipart/form-data; boundary=other", P2_PARTS).images.len(), 2);
    assert_eq!(post("", "multipart/form-data", P2_PARTS).images.len(), 2);
    assert_eq!(post("", "multipart/mixed; boundary=\"qys-7d\"", P2_PARTS).images.len(), 2);
}

#[test]
fn ids_written_as_numbers_keep_every_digit() {
    for id in ["2501966386851659778", "9999999999999999999", "98765432109876543210"] {
        let callback = post("", JSON, format!("{{\"businessId\":{id},\"status\":\"COMPLETE\"}}"));
        assert_eq!(callback.business_id.as_deref(), Some(id));
        assert_eq!(param(&callback, "businessId"), [id]);
    }
}

#[test]
fn an_inner_object_or_a_list_around_the_message_is_looked_into() {
    let callback = post("", JSON, NESTED);
    assert_eq!((callback.shape, callback.business_id.as_deref()), (Shape::W, Some(ID)));
    assert_eq!(param(&callback, "auths"), [r#"{"id":1}"#]);
    let inner_status = post("", JSON, format!(r#"{{"businessId":{ID},"images":[],"seal":{{"status":"NORMAL"}}}}"#));
    assert_eq!((inner_status.shape, inner_status.status), (Shape::P2, None), "a seal's status is not the seal use's");
}

#[test]
fn names_are_looked_up_in_any_case() {
    let callback =
        post("BUSINESSID=7", FORM, "Status=COMPLETE&LEFTCOUNT=2&ImageType=emergency&ECOLOGYOPERATE=download");
    assert_eq!((callback.business_id.as_deref(), callback.status.as_deref()), (Some("7"), Some("COMPLETE")));
    assert_eq!((callback.left_count, callback.image_kind), (Some(2), Some(PhotoKind::Emergency)));
}

#[test]
fn the_body_wins_over_the_query_and_repeated_names_keep_all_values() {
    let callback = post("BusinessId=1&status=USING&x=query&y=1", FORM, "businessId=2&status=COMPLETE&x=b&x=a&x=b");
    assert_eq!((callback.business_id.as_deref(), callback.status.as_deref()), (Some("2"), Some("COMPLETE")));
    assert_eq!((param(&callback, "x"), param(&callback, "y")), (vec!["b", "a", "b"], vec!["1"]));
    let names: Vec<_> = callback.params.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(names, ["businessId", "status", "x", "y"]);
}

#[test]
fn chinese_text_is_read_in_utf8_and_gbk_declared_or_not() {
    for kind in [None, Some(FORM), Some("application/x-www-form-urlencoded;charset=UTF-8"), Some("x/y; charset=gbk")] {
        let callback = post("", kind, W_GBK);
        assert_eq!(param(&callback, "operatorName"), ["张三"], "{kind:?}");
        assert_eq!(param(&callback, "subject"), ["用印图片"], "{kind:?}");
    }
    let utf8 = post("name=%E7%AB%A0", "application/json; charset=utf-8", r#"{"subject":"用印图片"}"#);
    assert_eq!((param(&utf8, "subject"), param(&utf8, "name")), (vec!["用印图片"], vec!["章"]));
    let json = [br#"{"businessId":7,"subject":""#.as_slice(), b"\xd3\xc3\xd3\xa1", b"\"}"].concat();
    assert_eq!(param(&post("", JSON, json), "subject"), ["用印"]);
}

#[test]
fn a_parts_own_charset_counts_for_that_part() {
    let body = [
        b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=GBK\r\n\r\n"
            .as_slice(),
        b"\xd5\xc5\xc8\xfd\r\n--b\r\ncontent-disposition: form-data; name=\"b\"\r\n\r\n\xe7\xab\xa0\r\n--b--",
    ]
    .concat();
    let callback = post("", "multipart/form-data; boundary=b", body);
    assert_eq!((param(&callback, "a"), param(&callback, "b")), (vec!["张三"], vec!["章"]));
}

#[test]
fn nul_is_in_no_string() {
    let callback =
        post("a%00b=c%00", JSON, "{\"businessId\":\"7\\u0000\",\"x\":\"y\\u0000z\",\"images\":[\"n\\u0000o\"]}");
    assert_eq!(callback.business_id.as_deref(), Some("7"));
    assert!(!format!("{callback:?}").contains("\\0"), "{callback:?}");
}

#[test]
fn the_secret_is_neither_shown_nor_part_of_the_digest() {
    let with = post("key=hush&x=1", FORM, P1);
    assert!(!format!("{with:?}").contains("hush"));
    assert_eq!(with.digest, post("x=1", FORM, P1).digest);
    assert_eq!(with.digest, post("KEY=other&x=1", FORM, P1).digest);
}

#[test]
fn the_digest_is_of_the_content_not_of_its_wrapping() {
    let form = post("", FORM, "businessId=7&status=COMPLETE&a=1&a=2");
    let reordered = post("a=2", FORM, "status=COMPLETE&businessId=7&a=2&a=1");
    let json = post("", JSON, r#"{"a":["1","2"],"status":"COMPLETE","businessId":7}"#);
    assert_eq!((&form.digest, &form.digest), (&reordered.digest, &json.digest));
    assert_eq!(form.digest.len(), 64);

    let parts = post("", PARTS, P2_PARTS);
    let other_boundary: Vec<u8> = String::from_utf8_lossy(b"--zz").bytes().collect();
    let rewrapped = replace(P2_PARTS, b"--qys-7d", &other_boundary);
    assert_eq!(parts.digest, post("", "multipart/form-data; boundary=zz", rewrapped).digest);
}

#[test]
fn the_digest_changes_with_any_parameter_or_photo() {
    let digest = |body: &str| post("", FORM, body).digest;
    let base = digest("businessId=7&status=COMPLETE");
    for other in [
        "businessId=8&status=COMPLETE",
        "businessId=7&status=COMPLETE&a=",
        "businessId=7",
        "businessId=7s&tatus=COMPLETE",
    ] {
        assert_ne!(base, digest(other), "{other}");
    }
    let parts = post("", PARTS, P2_PARTS).digest;
    assert_ne!(parts, post("", PARTS, replace(P2_PARTS, b"JFIF", b"JFIX")).digest);
    let key = "20261123-254775d7-3c7c-4e9d-9880-1d4c5fb3dbd";
    assert_ne!(digest(&format!("images={key}0")), digest(&format!("images={key}1")));
}

#[test]
fn a_broken_multipart_keeps_its_whole_parts_and_says_what_is_missing() {
    let cut = &P2_PARTS[..P2_PARTS.len() - 100];
    let callback = post("", PARTS, cut);
    assert_eq!(callback.business_id.as_deref(), Some(ID));
    assert!(matches!(&callback.images[..], [PushedImage::Bytes { .. }, PushedImage::Unreadable(_)]));
    assert!(callback.problem.unwrap().contains("truncated"));
}

#[test]
fn numbers_of_parts_and_parameters_are_bounded_and_that_is_said() {
    let part = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n";
    let parts = post("", "multipart/form-data; boundary=b", part.repeat(1_200) + "--b--");
    assert_eq!(param(&parts, "x").len(), 1_000);
    assert!(parts.problem.unwrap().contains("more than 1000 parts"));
    for (kind, body) in [(FORM, "x=1&".repeat(12_000)), (JSON, format!("{{\"x\":[{}0]}}", "1,".repeat(12_000)))] {
        let params = post("y=2", kind, body);
        assert_eq!((param(&params, "x").len(), param(&params, "y").len()), (10_000, 0));
        assert!(params.problem.unwrap().contains("more than 10000 parameters"));
    }
    let long = format!("businessId=7&{}=1", "n".repeat(1_000));
    assert_eq!(post("", FORM, long).params, [("businessId".to_owned(), vec!["7".to_owned()])]);
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}
