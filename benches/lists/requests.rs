//! Who asks for what: every list of the OpenAPI document, with every filter it has, for those who have much in it.
//!
//! `admin` sees everything; `wang` is an operator, whom every flow knows by name and by the role; `li` has approved nearly
//! all; `u7` has started two hundred; `zhao` takes part in few, but keeps the archive.

use super::{
    fill::{ARCHIVE, DEFINITION, PUBLIC, SELDOM, flow_id},
    measure::Asked,
};

/// 合同 is in every second title, 尽职 in four, 没有 in none; the last is a serial number.
const WORDS: [&str; 6] = [
    "q=%E5%90%88%E5%90%8C",
    "q=%E5%B0%BD%E8%81%8C",
    "q=%E6%B2%A1%E6%9C%89",
    "q=%E5%B0%BD",
    "q=x",
    "q=YK20260101-077777",
];
const VIEWS: [&str; 4] = ["", "todo=true", "done=true", "mine=true"];
/// Behind the photos of the 50,000th flow.
const DEEP_DOCUMENT: &str = "after=1782198600000000.01250000-0000-7000-8006-000000000000";
const DEEP: &str = "after=01050000-0000-7000-8000-000000000000";

pub(super) fn all() -> Vec<Asked> {
    let mut asked = Vec::new();
    for username in ["admin", "wang", "li", "u7", "zhao"] {
        flows(&mut asked, username);
    }
    for username in ["admin", "zhao", "li", "u7"] {
        documents(&mut asked, username);
    }
    watched(&mut asked);
    asked
}

fn flows(asked: &mut Vec<Asked>, username: &'static str) {
    let mut ask =
        |list, query: String| asked.push(Asked { list, username, path: format!("/api/flows?{query}"), next: false });
    let (often, seldom) = (format!("definitionId={DEFINITION}"), format!("definitionId={SELDOM}"));
    for view in VIEWS {
        for query in ["", "limit=200", DEEP] {
            ask("flows, by view", format!("{view}&{query}"));
        }
        for state in ["running", "archived", "withdrawn", "rejected"] {
            ask("flows, by state or definition", format!("{view}&state={state}"));
        }
        for definition in [&often, &seldom] {
            ask("flows, by state or definition", format!("{view}&{definition}"));
            ask("flows, by state or definition", format!("{view}&{definition}&state=withdrawn"));
        }
        for word in WORDS {
            ask("flows, by a word", format!("{view}&{word}"));
        }
        ask("flows, by a word", format!("{view}&{}&state=rejected", WORDS[0]));
        ask("flows, by a word", format!("{view}&{}&{seldom}&state=archived", WORDS[0]));
    }
    asked.push(Asked { list: "counts of flows", username, path: "/api/flows/counts".into(), next: false });
}

fn documents(asked: &mut Vec<Asked>, username: &'static str) {
    let mut ask = |list, path: String| asked.push(Asked { list, username, path, next: false });
    let folders = if ["admin", "zhao"].contains(&username) { vec![PUBLIC, ARCHIVE] } else { vec![PUBLIC] };
    for folder in folders {
        for query in ["", "limit=200", DEEP_DOCUMENT] {
            ask("documents of a folder", format!("/api/folders/{folder}/documents?{query}"));
        }
    }
    ask("folders", "/api/folders?space=public".into());
    ask("folders", format!("/api/folders?parent={PUBLIC}"));
    let day = |from: &str, to: &str| format!("from={from}T00:00:00%2B08:00&to={to}T00:00:00%2B08:00");
    for query in [
        String::new(),
        "limit=200".into(),
        DEEP_DOCUMENT.into(),
        format!("flowId={}", flow_id(55_555)),
        "hash=0000c350".to_owned() + &"0".repeat(56),
        "seal=%E5%85%AC%E7%AB%A0".into(),
        "seal=%E6%97%A7%E7%AB%A0".into(),
        "seal=%E6%B2%A1%E6%9C%89".into(),
        "user=%E7%94%A8%E5%8D%B0%E4%BA%BA3".into(),
        "user=%E6%B2%A1%E6%9C%89".into(),
        "kind=signatory".into(),
        "kind=emergency".into(),
        "kind=face".into(),
        "seal=%E5%85%AC%E7%AB%A0&kind=emergency".into(),
        "seal=%E5%85%AC%E7%AB%A0&user=%E7%94%A8%E5%8D%B0%E4%BA%BA3".into(),
        "seal=%E5%85%AC%E7%AB%A0&limit=200".into(),
        "seal=%E6%97%A7%E7%AB%A0&user=%E7%94%A8%E5%8D%B0%E4%BA%BA3&kind=signatory".into(),
        day("2026-01-02", "2026-01-03"),
        day("2026-06-01", "2026-07-01"),
        "to=2026-01-02T00:00:00%2B08:00".into(),
        day("2020-01-01", "2020-02-01"),
    ] {
        ask("documents, searched", format!("/api/documents?{query}"));
    }
    for word in [
        "q=%E5%85%AC%E7%AB%A0",
        "q=%E6%97%A7%E7%AB%A0",
        "q=%E6%B2%A1%E6%9C%89",
        "q=YK20260101-077777",
        "q=.pdf",
        "q=7_%E5%85%AC%E7%AB%A0_003",
        "q=%E7%AB%A0",
    ] {
        ask("documents, by a part of the name", format!("/api/documents?{word}"));
    }
}

/// What administrators watch, and what people owe.
fn watched(asked: &mut Vec<Asked>) {
    let mut ask = |list, username, path: String| asked.push(Asked { list, username, path, next: false });
    for query in ["", "limit=200", "after=01050000-0000-7000-8005-000000000000"] {
        ask("ingests", "admin", format!("/api/ingests?{query}"));
        ask("callbacks", "admin", format!("/api/callbacks?{query}"));
    }
    for state in ["queued", "running", "waiting", "done", "failed"] {
        ask("ingests", "admin", format!("/api/ingests?state={state}"));
    }
    for state in ["pending", "done", "orphan", "dead"] {
        ask("callbacks", "admin", format!("/api/callbacks?state={state}"));
    }
    for query in [
        String::new(),
        "limit=200".into(),
        "after=100000".into(),
        "username=wang".into(),
        "username=nobody".into(),
        "act=flow_submitted".into(),
        "act=user_made".into(),
        "username=wang&act=flow_approved".into(),
        format!("flowId={}", flow_id(55_555)),
        format!("subject={}", flow_id(55_555)),
        "from=2026-01-02T00:00:00%2B08:00&to=2026-01-03T00:00:00%2B08:00".into(),
        "to=2026-01-02T00:00:00%2B08:00&username=wang".into(),
        "from=2026-06-01T00:00:00%2B08:00&to=2026-07-01T00:00:00%2B08:00&act=flow_approved".into(),
        "to=2020-01-01T00:00:00%2B08:00".into(),
    ] {
        ask("audit log", "admin", format!("/api/audit?{query}"));
    }
    for username in ["li", "u7"] {
        ask("definitions", username, "/api/definitions".into());
        ask("definitions", username, "/api/definitions?limit=200".into());
        ask("photos owed", username, "/api/owed".into());
    }
    ask("definitions", "admin", "/api/definitions/ready-made".into());
    ask("photos owed", "admin", "/api/owed?user=u3".into());
    ask("users", "admin", "/api/users".into());
    ask("users", "admin", "/api/users?limit=200".into());
    ask("services", "admin", "/api/services".into());
    for username in ["admin", "wang"] {
        ask("one flow with its events, seal uses and files", username, format!("/api/flows/{}", flow_id(55_555)));
    }
}
