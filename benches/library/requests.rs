//! Who asks for what. `admin` sees everything, `zhao` keeps the archive, `u7` takes part in a few hundred flows.

use super::{
    fill::{LARGE, OF_A_FLOW, SYSTEM, Size, id, serial},
    measure::Asked,
};

/// What a search is asked for, in the order of the table.
fn searches(size: Size) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let q = |text: &str| vec![("q", text.to_owned())];
    let flow = size.flows() / 2;
    let with =
        |first: &[(&'static str, &str)]| first.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    vec![
        ("a common word", q("合同")),
        ("a rare word", q("尽职调查")),
        ("a word in none", q("琉璃瓦")),
        ("two characters of two words", q("器采")),
        ("one character", q("叉")),
        ("words of flow and name", q("服务器 扫描件 pdf")),
        ("a serial number", q(&serial(flow, size))),
        ("the end of a serial number", q(&serial(flow + 1_317, size)[9..])),
        ("one that is in many times", q(&serial(flow, size)[9..])),
        ("a name with its time", q(&format!("{}_", serial(flow, size)))),
        ("traditional, full width", q("採購　ＨＴ")),
        ("one person", with(&[("user", "u17")])),
        ("one seal", with(&[("seal", "旧公章")])),
        ("a range of time", with(&[("from", "2025-03-01T00:00:00+08:00"), ("to", "2025-03-02T00:00:00+08:00")])),
        (
            "filters together",
            with(&[("q", "合同"), ("seal", "公章"), ("kind", "signatory"), ("from", "2025-06-01T00:00:00+08:00")]),
        ),
        ("media type", with(&[("mime", "application/pdf")])),
        ("owed photos", with(&[("missing", "true")])),
    ]
}

pub(super) fn all(size: Size) -> Vec<Asked> {
    let mut asked = Vec::new();
    for username in ["admin", "zhao", "u7"] {
        let mut ask = |list, path: String| asked.push(Asked { list, username, path, next: false });
        for (list, query) in searches(size) {
            let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
            ask(list, format!("/api/documents?{query}"));
        }
        for (list, word) in
            [("flows, a common word", "合同"), ("flows, a rare word", "尽职调查"), ("flows, two words", "服务器 采购")]
        {
            let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", word).finish();
            ask(list, format!("/api/flows?{query}"));
        }
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", "合同").finish();
        ask("folders, a common word", format!("/api/folders?{query}"));
        folder(&mut asked, username, LARGE, size);
        folder(&mut asked, username, &id(4, 3), size);
        // Only those who read all have the system folder.
        if username != "u7" {
            folder(&mut asked, username, SYSTEM, size);
        }
        space(&mut asked, username, size);
    }
    asked
}

const SORTS: [&str; 8] = ["name", "-name", "takenAt", "-takenAt", "receivedAt", "-receivedAt", "bytes", "-bytes"];

/// The lists of one folder: in each sort, the first page, the next one, a page by position and a page around a document,
/// with and without a filter.
fn folder(asked: &mut Vec<Asked>, username: &'static str, folder: &str, size: Size) {
    let mut ask = |list, query: String, next| {
        asked.push(Asked { list, username, path: format!("/api/folders/{folder}/documents?{query}"), next });
    };
    let middle = size.documents / 20;
    let document = in_the_large_folder(size);
    for sort in SORTS {
        ask("folder: first page", format!("sort={sort}"), false);
        ask("folder: next page", format!("sort={sort}"), true);
        ask("folder: at", format!("sort={sort}&at={}", if folder == LARGE { middle } else { 10 }), false);
        if folder == LARGE {
            ask("folder: around", format!("sort={sort}&around={document}"), false);
            ask("folder, a filter: at", format!("sort={sort}&{SEAL}&at={}", middle / 10), false);
        }
        ask("folder, a filter: first page", format!("sort={sort}&{SEAL}"), false);
        ask("folder, a filter: next page", format!("sort={sort}&{SEAL}"), true);
    }
    ask("folder: with a word", "q=%E5%90%88%E5%90%8C".into(), false);
    if folder != LARGE {
        ask("folder and below: first page", "deep=true".into(), false);
    }
    let path = format!("/api/folders/{folder}/timeline?sort=-receivedAt");
    asked.push(Asked { list: "folder: timeline", username, path, next: false });
}

/// A document of a flow in the middle. Each tenth flow files into the large folder.
fn in_the_large_folder(size: Size) -> String {
    id(6, size.flows() / 20 * 10 * OF_A_FLOW + 5)
}

/// The seal 公章.
const SEAL: &str = "seal=%E5%85%AC%E7%AB%A0";

/// The lists of the whole public space.
fn space(asked: &mut Vec<Asked>, username: &'static str, size: Size) {
    let mut ask = |list, query: String, next| {
        asked.push(Asked { list, username, path: format!("/api/documents?space=public&{query}"), next });
    };
    let (middle, document) = (size.documents / 4, in_the_large_folder(size));
    for sort in ["receivedAt", "-receivedAt", "takenAt", "-takenAt"] {
        ask("space, by time: first page", format!("sort={sort}"), false);
        ask("space, by time: next page", format!("sort={sort}"), true);
        ask("space, by time: at", format!("sort={sort}&at={middle}"), false);
        ask("space, by time: around", format!("sort={sort}&around={document}"), false);
    }
    for sort in ["name", "-bytes"] {
        ask("space, another sort: first page", format!("sort={sort}"), false);
        ask("space, another sort: next page", format!("sort={sort}"), true);
        ask("space, another sort: at", format!("sort={sort}&at={middle}"), false);
    }
    ask("space, a filter: first page", SEAL.into(), false);
    ask("space, a filter: next page", SEAL.into(), true);
    ask("space, a filter: total", format!("{SEAL}&count=true"), false);
    let path = "/api/documents/timeline?space=public&sort=-receivedAt".to_owned();
    asked.push(Asked { list: "space: timeline", username, path, next: false });
}
