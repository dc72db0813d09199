//! Stories of callbacks whose parameters and pictures are wrapped in every way that senders wrap them.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::support::{
    Engine, Plan, World,
    callbacks::{Read, newest, until_linked, with_key},
    files::png,
    story,
    wire::{self, FORM, JSON, MULTIPART, callback, parts, say},
};

const FILE: &str = "form-data; name=\"images\"; filename=\"1.png\"\r\nContent-Type: image/png";

/// Seals in use at a vendor that has said nothing yet; the business.
async fn in_use(engine: Engine) -> (World, String) {
    let world = World::new(engine, Plan { config: Some(with_key), ..Plan::default() }).await;
    let (.., business) = world.seal_use(90).await;
    (world, business)
}

/// Sends a callback that must be taken, and returns how it was read.
async fn sent(world: &World, headers: &[&str], body: &[u8]) -> Read {
    let said = say(world, callback(headers, body)).await;
    assert_eq!(said.status, 200, "{}", String::from_utf8_lossy(&said.body));
    newest(world).await
}

/// It was read whole: the business, so many pictures, and no complaint.
#[track_caller]
fn whole(read: &Read, business: &str, images: i64) {
    assert_eq!((read.business_id.as_deref(), read.images, &read.error), (Some(business), images, &None), "{read:?}");
}

/// It is about a seal use and has no pictures.
#[track_caller]
fn named(read: &Read, business: &str) {
    whole(read, business, 0);
    assert_eq!(read.shape, "P1", "{read:?}");
}

story!(words_that_begin_like_a_picture_are_parameters, async |engine: Engine| {
    let (world, business) = in_use(engine).await;
    let words =
        ["BM2026-0042采购合同用印", "RIFF 与 BM 编号规则附件，请核对后用印", "GIF89a 格式", "RIFFxxxxWEBPVP8 说明"];
    for (n, word) in (1..).zip(words) {
        let picture = png(n);
        let body = parts(
            &[
                ("form-data; name=\"businessId\"", business.as_bytes()),
                ("form-data; name=\"serialNo\"", word.as_bytes()),
                ("form-data; name=\"remark\"; filename=\"\"", word.as_bytes()),
                (FILE, &picture),
            ],
            "--\r\n",
        );
        let read = sent(&world, &[MULTIPART], &body).await;
        whole(&read, &business, 1);
        assert_eq!(read.params.matches(word).count(), 2, "{}", read.params);
        until_linked(&world, &picture).await;
    }
    // A whole form can begin so, too.
    for form in ["BM=1", "RIFF=x", "GIF89a=y"] {
        named(&sent(&world, &[FORM], format!("{form}&businessId={business}").as_bytes()).await, &business);
        named(&sent(&world, &[], format!("{form}&businessId={business}").as_bytes()).await, &business);
    }
});

story!(a_last_boundary_without_its_dashes_ends_the_last_picture, async |engine: Engine| {
    let (world, business) = in_use(engine).await;
    // A line end and the boundary prove that the part before them is whole. The dashes add nothing to that.
    for (n, end) in (0..).zip(["", "-", "\r\n", " ", "-\r\n", "--", "--\r\nepilogue"]) {
        let pictures = [png(2 * n + 1), png(2 * n + 2)];
        let body = parts(
            &[("form-data; name=\"businessId\"", business.as_bytes()), (FILE, &pictures[0]), (FILE, &pictures[1])],
            end,
        );
        whole(&sent(&world, &[MULTIPART], &body).await, &business, 2);
        until_linked(&world, &pictures[0]).await;
        until_linked(&world, &pictures[1]).await;
    }
    // A boundary that is cut off proves nothing.
    let body = parts(&[("form-data; name=\"businessId\"", business.as_bytes()), (FILE, &png(99))], "--");
    let cut = sent(&world, &[MULTIPART], &body[..body.len() - 4]).await;
    assert!(cut.error.is_some_and(|error| error.contains("truncated within a part")));
});

story!(parameters_in_a_json_part_are_read, async |engine: Engine| {
    let (world, business) = in_use(engine).await;
    let json = format!(r#"{{"businessId": "{business}", "imageType": "SIGNATORY", "number": "E003"}}"#);
    let heads = [
        "form-data; name=\"data\"; filename=\"blob\"\r\nContent-Type: application/json",
        "form-data; name=\"data\"; filename=\"\"\r\nContent-Type: application/json",
        "form-data; name=\"data\"; filename=\"params.json\"\r\nContent-Type: application/json;charset=UTF-8",
        // `new Blob([json])` has no type.
        "form-data; name=\"data\"; filename=\"blob\"\r\nContent-Type: application/octet-stream",
        "form-data; name=\"data\"\r\nContent-Type: application/json",
        "form-data; name=\"data\"",
    ];
    for (n, head) in (1..).zip(heads) {
        let picture = png(n);
        let read = sent(&world, &[MULTIPART], &parts(&[(head, json.as_bytes()), (FILE, &picture)], "--\r\n")).await;
        whole(&read, &business, 1);
        assert!(read.params.contains("E003"), "{head}: {}", read.params);
        until_linked(&world, &picture).await;
    }
});

story!(pictures_in_a_multipart_within_a_part_are_linked, async |engine: Engine| {
    let (world, business) = in_use(engine).await;
    let list = "form-data; name=\"images\"\r\nContent-Type: multipart/mixed; boundary=inner0";
    let encoded = |bytes: &[u8]| BASE64_STANDARD.encode(bytes).into_bytes();
    let inner = |head: &str, first: &[u8], second: &[u8], end: &str| {
        [
            format!("--inner0\r\n{head}\r\n\r\n").as_bytes(),
            first,
            format!("\r\n--inner0\r\n{head}\r\n\r\n").as_bytes(),
            second,
            end.as_bytes(),
        ]
        .concat()
    };
    let file =
        "Content-Disposition: file; filename=\"1.png\"\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary";
    let variants: [(&str, bool, &str); 4] = [
        (file, false, "\r\n--inner0--"),
        ("Content-Type: image/png", false, "\r\n--inner0--\r\n"),
        ("Content-Type: image/png\r\nContent-Transfer-Encoding: base64", true, "\r\n--inner0--"),
        ("Content-Disposition: attachment; filename*=UTF-8''%E7%AB%A0.png", false, "\r\n--inner0"),
    ];
    for (n, (head, in_base64, end)) in (0..).zip(variants) {
        let pictures = [png(2 * n + 1), png(2 * n + 2)];
        let content = if in_base64 {
            inner(head, &encoded(&pictures[0]), &encoded(&pictures[1]), end)
        } else {
            inner(head, &pictures[0], &pictures[1], end)
        };
        let body = parts(&[("form-data; name=\"businessId\"", business.as_bytes()), (list, &content)], "--\r\n");
        whole(&sent(&world, &[MULTIPART], &body).await, &business, 2);
        until_linked(&world, &pictures[0]).await;
        until_linked(&world, &pictures[1]).await;
    }
    // The whole body as a list of a list.
    let picture = png(77);
    let deep =
        [b"--inner0\r\nContent-Disposition: file; filename=\"1.png\"\r\n\r\n".as_slice(), &picture, b"\r\n--inner0--"]
            .concat();
    let body = parts(&[("form-data; name=\"businessId\"", business.as_bytes()), (list, &deep)], "--");
    whole(&sent(&world, &["Content-Type: multipart/mixed; boundary=\"yk7f3a\""], &body).await, &business, 1);
    until_linked(&world, &picture).await;
});

story!(json_that_was_made_text_again_is_read, async |engine: Engine| {
    let (world, business) = in_use(engine).await;
    let once = format!(r#"{{"businessId": "{business}", "status": "COMPLETE"}}"#);
    let twice = serde_json::to_string(&once).unwrap();
    let thrice = serde_json::to_string(&twice).unwrap();
    let as_form = serde_json::to_string(&format!("businessId={business}&status=COMPLETE")).unwrap();
    let within = serde_json::json!({ "code": 0, "data": once }).to_string();
    for body in [&once, &twice, &thrice, &as_form, &within] {
        named(&sent(&world, &[JSON], body.as_bytes()).await, &business);
        named(&sent(&world, &["Content-Type: text/plain"], body.as_bytes()).await, &business);
    }
    // JSON in a field of a form, under any name, or as a form: it names the business, and nothing else does.
    let escaped: String = url::form_urlencoded::byte_serialize(once.as_bytes()).collect();
    for body in [format!("payload={escaped}"), escaped.clone(), format!("n=1&data={escaped}&x=")] {
        named(&sent(&world, &[FORM], body.as_bytes()).await, &business);
    }
    let path = crate::support::callbacks::PATH;
    let in_query = wire::request(&format!("POST {path}?key={}&data={escaped}", wire::KEY), &[], b"");
    assert_eq!(say(&world, in_query).await.status, 200);
    named(&newest(&world).await, &business);
    // A parameter that is a JSON text stays one when the business is named beside it.
    let beside = sent(&world, &[FORM], format!("businessId={business}&status=USING&extra={escaped}").as_bytes()).await;
    named(&beside, &business);
    assert!(!beside.params.contains("COMPLETE\"]"), "{}", beside.params);
});

story!(text_parts_in_quoted_printable_are_read, async |engine: Engine| {
    let (world, business) = in_use(engine).await;
    let body = parts(
        &[
            ("form-data; name=\"businessId\"", business.as_bytes()),
            (
                "form-data; name=\"remark\"\r\nContent-Transfer-Encoding: quoted-printable",
                b"=E7=94=A8=E5=\r\n=8D=B0 1=3D1",
            ),
        ],
        "--",
    );
    let read = sent(&world, &[MULTIPART], &body).await;
    named(&read, &business);
    assert!(read.params.contains("用印 1=1"), "{}", read.params);
});
