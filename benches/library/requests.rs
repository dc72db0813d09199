//! Who asks for what. `admin` sees everything, `zhao` keeps the archive, `u7` takes part in a few hundred flows.

use super::{
    fill::{LARGE, SYSTEM, Size, id, serial},
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
        ("the end of a serial number", q(&serial(flow, size)[9..])),
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
        for (list, query) in searches(size) {
            let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
            asked.push(Asked { list, username, path: format!("/api/documents?{query}") });
        }
        for (list, word) in
            [("flows, a common word", "合同"), ("flows, a rare word", "尽职调查"), ("flows, two words", "服务器 采购")]
        {
            let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", word).finish();
            asked.push(Asked { list, username, path: format!("/api/flows?{query}") });
        }
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", "合同").finish();
        asked.push(Asked { list: "folders, a common word", username, path: format!("/api/folders?{query}") });
        let mut folders = vec![LARGE.to_owned(), id(4, 3)];
        if username != "u7" {
            folders.push(SYSTEM.to_owned());
        }
        for folder in folders {
            lists(&mut asked, username, &folder, size);
        }
    }
    asked
}

/// The lists of one folder: in each sort, the first page, a page by position, a page around a document, with a filter.
fn lists(asked: &mut Vec<Asked>, username: &'static str, folder: &str, size: Size) {
    let mut ask = |list, query: String| {
        asked.push(Asked { list, username, path: format!("/api/folders/{folder}/documents?{query}") });
    };
    let middle = size.documents / 20;
    for sort in ["name", "-name", "takenAt", "-takenAt", "receivedAt", "-receivedAt", "bytes", "-bytes"] {
        ask("folder: first page", format!("sort={sort}"));
        ask("folder: at", format!("sort={sort}&at={}", if folder == LARGE { middle } else { 10 }));
    }
    ask("folder: with a filter", "seal=%E5%85%AC%E7%AB%A0".into());
    ask("folder: with a word", "q=%E5%90%88%E5%90%8C".into());
    if folder != LARGE {
        ask("folders: first page, deep", "deep=true".into());
    }
    let path = format!("/api/folders/{folder}/timeline");
    asked.push(Asked { list: "folder: timeline", username, path });
}
