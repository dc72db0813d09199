//! Stories of uploaded files: their names as programs send them, how people search for them, office files with macros.

use std::io::{Cursor, Write};

use reqwest::Method;
use serde_json::Value;
use yinku::id::FlowId;

use crate::support::{
    Caller, Engine, World,
    files::{form, pdf, stamped, world_with_stamped},
    story,
    wire::{MULTIPART, parts, request, say},
};

const NAME: &str = "采购合同（盖章版）.pdf";

async fn with_flow(engine: Engine) -> (World, FlowId, Caller) {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    (world, flow, wang)
}

/// Uploads a PDF with this disposition, byte for byte; the document.
async fn brought(world: &World, wang: &Caller, flow: &FlowId, disposition: &[u8], text: &str) -> Value {
    let path = stamped(flow);
    let signed = wang.request(Method::POST, &path).build().unwrap();
    let token = format!("Authorization: {}", signed.headers()["authorization"].to_str().unwrap());
    let mark = "form-data; name=\"file\"";
    let body = parts(&[(mark, &pdf(text))], "--\r\n");
    let at = body.windows(mark.len()).position(|window| window == mark.as_bytes()).unwrap();
    let body = [&body[..at], disposition, &body[at + mark.len()..]].concat();
    let said = say(world, request(&format!("POST {path}"), &[MULTIPART, &token], &body)).await;
    assert_eq!(said.status, 201, "{}", String::from_utf8_lossy(&said.body));
    serde_json::from_slice::<Value>(&said.body).unwrap()[0].clone()
}

story!(a_file_is_called_what_its_sender_calls_it, async |engine: Engine| {
    let (world, flow, wang) = with_flow(engine).await;
    let percent = "%E9%87%87%E8%B4%AD%E5%90%88%E5%90%8C%EF%BC%88%E7%9B%96%E7%AB%A0%E7%89%88%EF%BC%89%2E%70%64%66";
    let encoded = "=?utf-8?B?6YeH6LSt5ZCI5ZCM77yI55uW56ug54mI77yJLnBkZg==?=";
    let gbk = [
        b"form-data; name=\"file\"; filename=\"".as_slice(),
        b"\xB2\xC9\xB9\xBA\xBA\xCF\xCD\xAC\xA3\xA8\xB8\xC7\xD5\xC2\xB0\xE6\xA3\xA9.pdf\"",
    ]
    .concat();
    // RFC 7578 knows neither `filename*` nor encoded words. Programs send both, and a made-up name helps nobody.
    let dispositions = [
        format!("form-data; name=\"file\"; filename=\"{NAME}\"").into_bytes(),
        format!("form-data; name=\"file\"; filename*=utf-8''{percent}").into_bytes(),
        format!("form-data; name=\"file\"; filename*=UTF-8''{percent}; filename=\"contract.pdf\"").into_bytes(),
        format!("form-data; name=\"file\"; filename=\"contract.pdf\"; filename*=UTF-8'zh'{percent}").into_bytes(),
        gbk,
        format!("form-data; name=\"file\"; filename=\"{encoded}\"").into_bytes(),
        // A program that percent-encodes the plain name, one that breaks it into pieces, and a path of Windows.
        format!("form-data; name=\"file\"; filename=\"{percent}\"").into_bytes(),
        format!("form-data; name=\"file\"; filename*0*=UTF-8''{}; filename*1*={}", &percent[..18], &percent[18..])
            .into_bytes(),
        format!("form-data; name=\"file\"; filename=\"C:\\合同\\{NAME}\"").into_bytes(),
        format!("form-data; filename=\"{NAME}\"; name=file").into_bytes(),
    ];
    for (n, disposition) in dispositions.iter().enumerate() {
        let document = brought(&world, &wang, &flow, disposition, &n.to_string()).await;
        assert_eq!(document["name"], NAME, "{}", String::from_utf8_lossy(disposition));
    }
});

async fn found(caller: &Caller, q: &str) -> Vec<String> {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish();
    let items = caller.get(&format!("/api/documents?{query}")).await.expect(200)["items"].clone();
    items.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

story!(a_document_is_found_as_people_type, async |engine: Engine| {
    let (_world, flow, wang) = with_flow(engine).await;
    let (wide, apple) = (
        "合同（ＡＢ２０２６）.pdf",
        "Mu\u{308}ller \u{1100}\u{1168}\u{110b}\u{1163}\u{11a8}\u{1109}\u{1165} カ\u{3099}ス.pdf",
    );
    wang.bring(&stamped(&flow), form([("1.pdf", pdf("1"))])).await.expect(201);
    let files = reqwest::multipart::Form::new()
        .part("file", reqwest::multipart::Part::bytes(pdf("2")).file_name(wide))
        .part("file", reqwest::multipart::Part::bytes(pdf("3")).file_name(apple))
        .percent_encode_noop();
    wang.bring(&stamped(&flow), files).await.expect(201);
    for q in ["合同 ", "\u{3000}合同\u{3000}", "合同"] {
        // A word of the flow finds all its documents.
        assert_eq!(found(&wang, q).await.len(), 3, "{q:?}");
        assert!(found(&wang, q).await.contains(&wide.to_owned()), "{q:?}");
    }
    for q in ["(ab2026)", "ＡＢ２０２６", "Ab2026", "\t合同(AB", "(AB 合同", "合同\u{200b}(ab"] {
        assert_eq!(found(&wang, q).await, [wide], "{q:?}");
    }
    for q in ["Müller", "계약서", "mu\u{308}LLER", "ガス", "ｶﾞｽ", "müller\u{3000}계약서", "Müller   계약"]
    {
        assert_eq!(found(&wang, q).await, [apple], "{q:?}");
    }
    for q in ["合%同", "合_", "%", "_"] {
        assert!(found(&wang, q).await.is_empty(), "{q:?}");
    }
    for q in [" ", "\u{3000}", "pdf", ".PDF"] {
        assert_eq!(found(&wang, q).await.len(), 3, "{q:?}");
    }
});

story!(a_flow_is_found_as_people_type, async |engine: Engine| {
    let (world, flow, wang) = with_flow(engine).await;
    let serial = world.flow(&flow).await.serial_no;
    let wide: String = serial.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
    for q in [format!("\u{3000}{serial} "), wide, serial.to_lowercase()] {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", &q).finish();
        let items = wang.get(&format!("/api/flows?{query}")).await.expect(200)["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 1, "{q:?}");
    }
});

fn packed(names: &[&str]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in names {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(b"<x/>").unwrap();
    }
    writer.finish().unwrap().into_inner()
}

story!(office_files_with_macros_keep_their_name_and_type, async |engine: Engine| {
    let (_world, flow, wang) = with_flow(engine).await;
    let excel = packed(&["[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/vbaProject.bin"]);
    let word = packed(&["[Content_Types].xml", "_rels/.rels", "word/document.xml", "word/vbaProject.bin"]);
    let slides = packed(&["[Content_Types].xml", "ppt/presentation.xml", "ppt/vbaProject.bin"]);
    let plain = packed(&["[Content_Types].xml", "word/document.xml"]);
    let template = packed(&["word/document.xml", "template"]);
    let files = form([
        ("印章台账.xlsm", excel),
        ("合同模板.docm", word.clone()),
        ("汇报.pptm", slides),
        ("模板.dotx", template),
        ("合同.docx", plain),
    ]);
    let documents = wang.bring(&stamped(&flow), files).await.expect(201);
    let told: Vec<(&str, &str)> = documents
        .as_array()
        .unwrap()
        .iter()
        .map(|document| (document["name"].as_str().unwrap(), document["mime"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("印章台账.xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"),
            ("合同模板.docm", "application/vnd.ms-word.document.macroEnabled.12"),
            ("汇报.pptm", "application/vnd.ms-powerpoint.presentation.macroEnabled.12"),
            ("模板.dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"),
            ("合同.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ]
    );
});
