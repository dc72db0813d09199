use super::*;

const KEY: &str = "20261123-254775d7-3c7c-4e9d-9880-1d4c5fb3dbd0";

fn named(bytes: Vec<u8>, name: &str) -> PushedImage {
    PushedImage::Bytes { bytes: bytes.into(), file_name: Some(name.to_owned()) }
}

fn parts(head: &str, content: &[u8]) -> Vec<PushedImage> {
    let mut body = format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n").into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--b--\r\n");
    post("businessId=7", "multipart/form-data; boundary=b", body).images
}

/// `images` in a form body, escaped as it should be.
fn in_form(value: &str) -> Vec<PushedImage> {
    let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
    post("", FORM, format!("businessId=7&images={value}")).images
}

#[test]
fn files_of_a_multipart_keep_every_byte_and_only_the_last_of_their_names() {
    let callback = post("", PARTS, P2_PARTS);
    assert_eq!(callback.images, [named(png(), "用印图片.png"), named(jpeg(), "b.jpg")]);
}

#[test]
fn lines_that_end_with_a_bare_lf_leave_a_photos_last_cr_alone() {
    let mut body = b"--b\nContent-Disposition: form-data; name=\"images\"; filename=\"a\"\n\n".to_vec();
    body.extend(b"\xff\xd8\xff photo \r\n--b--\n");
    let images = post("", "multipart/form-data; boundary=b", body).images;
    assert_eq!(images, [named(b"\xff\xd8\xff photo \r".to_vec(), "a")]);
}

#[test]
fn photos_come_under_any_of_their_names_and_any_file_is_one() {
    for name in ["images", "images[]", "images[3]", "IMAGES", "file", "whatever", ""] {
        let images = parts(&format!("name=\"{name}\"; filename=\"a.jpg\""), &jpeg());
        assert_eq!(images, [named(jpeg(), "a.jpg")], "{name}");
    }
    assert_eq!(parts("name=images", &jpeg()), [image(jpeg())], "no file name, but a picture");
    assert_eq!(parts("name=\"x\"\r\nContent-Type: image/jpeg", b"?"), [image(b"?".to_vec())]);
}

#[test]
fn an_empty_file_is_no_photo_and_an_input_without_choice_is_nothing() {
    assert!(
        matches!(&parts("name=images; filename=a.jpg", b"")[..], [PushedImage::Unreadable(why)] if why == "empty file a.jpg")
    );
    assert_eq!(parts("name=images; filename=\"\"", b""), []);
}

#[test]
fn a_known_parameter_sent_as_a_file_is_text() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"businessId\"; filename=\"blob\"\r\n\r\n77\r\n--b--";
    let callback = post("", "multipart/form-data; boundary=b", body);
    assert_eq!((callback.business_id.as_deref(), callback.images.len()), (Some("77"), 0));
}

#[test]
fn a_part_in_base64_is_decoded() {
    let head = "name=images; filename=a.png\r\nContent-Transfer-Encoding: BASE64";
    assert_eq!(parts(head, PNG.as_bytes()), [named(png(), "a.png")]);
}

#[test]
fn a_picture_may_be_the_whole_body() {
    let callback = post("businessId=7&imageType=SIGNATORY", "image/jpeg", jpeg());
    assert_eq!((callback.shape, callback.images), (Shape::P2, vec![image(jpeg())]));
}

#[test]
fn a_json_list_may_mix_all_ways_of_naming_a_photo() {
    let callback = post("", JSON, P2_JSON);
    let url = "http://169.254.169.254/latest/meta-data".to_owned();
    let keys = [KEY.to_owned(), KEY.replace("bd0", "bd1")].map(PushedImage::Photokey);
    let [first, second] = keys;
    assert_eq!(callback.images, [image(png()), image(png()), first, PushedImage::Url(url), second]);
    assert_eq!(callback.business_id.as_deref(), Some(ID));
    assert_eq!(param(&callback, "images")[0].len(), PNG.len(), "short ones are shown");
}

#[test]
fn one_text_may_be_a_list_in_json_or_as_java_prints_it() {
    let keys = vec![PushedImage::Photokey(KEY.to_owned()), PushedImage::Photokey(KEY.to_owned())];
    for text in [format!("[\"{KEY}\",\"{KEY}\"]"), format!("[{KEY}, {KEY}]"), format!("{KEY},{KEY}")] {
        assert_eq!(in_form(&text), keys, "{text}");
    }
    assert_eq!(in_form(&format!("[\"{PNG}\", null, \"\"]")), [image(png())]);
    let object = format!(r#"{{"name":"../a.png","content":"{PNG}"}}"#);
    assert_eq!(in_form(&object), [named(png(), "a.png")]);
}

#[test]
fn base64_is_read_standard_url_safe_unpadded_and_broken_into_lines() {
    let url_safe = PNG.replace('+', "-").replace('/', "_");
    let unpadded = PNG.trim_end_matches('=').to_owned();
    let lines = format!("{}\r\n{}\r\n", &PNG[..76], &PNG[76..]);
    let blanks = format!(" {} {} ", &PNG[..20], &PNG[20..]);
    for text in [
        PNG.to_owned(),
        url_safe,
        unpadded,
        lines,
        blanks,
        format!("data:image/png;base64,{PNG}"),
        format!("DATA:;base64,{PNG}"),
    ] {
        assert_eq!(in_form(&text), [image(png())], "{text}");
    }
}

#[test]
fn a_plus_that_a_form_turned_into_a_blank_is_still_a_plus() {
    assert!(PNG.contains('+'));
    let callback = post("", FORM, format!("businessId=7&images={PNG}"));
    assert_eq!(callback.images, [image(png())]);
    let data = post("", FORM, format!("businessId=7&images=data:image/png;base64,{PNG}"));
    assert_eq!(data.images, [image(png())]);
}

#[test]
fn words_are_no_photos() {
    for text in
        ["null", "undefined", "[object Object]", "true", "hello world", "ftp://host/a.jpg", "data:", "data:,", "{}"]
    {
        let images = in_form(text);
        assert!(matches!(&images[..], [PushedImage::Unreadable(_)]), "{text}: {images:?}");
    }
    assert_eq!(in_form("  "), []);
}

#[test]
fn a_text_named_file_is_a_photo_only_if_it_looks_like_one() {
    let words = post("", FORM, "businessId=7&status=COMPLETE&file=contract.pdf");
    assert_eq!((words.shape, words.images.len(), param(&words, "file")), (Shape::P1, 0, vec!["contract.pdf"]));
    let key = post("", FORM, format!("businessId=7&file={KEY}"));
    assert_eq!((key.shape, key.images), (Shape::P2, vec![PushedImage::Photokey(KEY.to_owned())]));
}

#[test]
fn long_pictures_as_text_are_not_repeated_among_the_parameters() {
    let text = PNG.trim_end_matches('=').repeat(9);
    let callback = post("", JSON, format!(r#"{{"businessId":7,"images":"data:image/png;base64,{text}"}}"#));
    assert_eq!(callback.images.len(), 1);
    assert!(param(&callback, "images").is_empty());
}

#[test]
fn the_number_of_photos_is_bounded() {
    let list = vec![KEY; 1_500].join(",");
    let callback = post("", FORM, format!("businessId=7&images={list}"));
    assert_eq!(callback.images.len(), 1_000);
    assert!(callback.problem.unwrap().contains("more than 1000 photos"));
}
