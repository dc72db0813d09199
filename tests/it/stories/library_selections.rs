//! Stories of acts on what a list selects: in one body with the act, also out of the trash.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{
    library_folders::{bring, make},
    library_rights::set,
};
use crate::support::{Caller, World, story, until::within};

async fn count(caller: &Caller, folder: &str) -> Value {
    caller.get(&format!("/api/folders/{folder}")).await.expect(200)["documentsDeep"].clone()
}

async fn done(caller: &Caller, act: &str, body: Value) -> Value {
    caller.post(&format!("/api/documents/{act}"), &body).await.expect(200)["done"].clone()
}

story!(a_selection_stands_in_one_body_with_its_act, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let from = make(&zhao, None, "甲").await;
    let [below, to] = [make(&zhao, Some(&from), "下").await, make(&zhao, None, "乙").await];
    let files = bring(&zhao, &from, &["合同1.pdf", "合同2.pdf", "发票.pdf"]).await;
    bring(&zhao, &below, &["合同3.pdf"]).await;
    // A search in a space, less one.
    let found =
        json!({ "space": "public", "query": { "q": "合同" }, "without": [files[1]], "expect": 2, "folderId": to });
    assert_eq!(done(&zhao, "copy", found.clone()).await, 2);
    assert_eq!((count(&zhao, &from).await, count(&zhao, &to).await), (json!(4), json!(2)));
    zhao.post("/api/documents/move", &found).await.expect_problem(409, "selection_changed");
    // Everything in a folder and below it.
    let all = json!({ "folderId": from, "deep": true, "sort": "name", "expect": 4 });
    let refused = zhang.post("/api/documents/trash", &all).await.expect(200);
    assert_eq!((&refused["done"], &refused["refused"][3]["code"]), (&json!(0), &json!("forbidden")));
    assert_eq!(done(&zhao, "trash", all).await, 4);
    assert_eq!(count(&zhao, &from).await, 0);
    for (act, wrong, field) in [
        ("trash", json!({}), "documentIds"),
        ("trash", json!({ "deep": true }), "query"),
        ("trash", json!({ "folderId": from, "space": "public" }), "space"),
        ("trash", json!({ "documentIds": files, "query": {} }), "documentIds"),
        ("move", json!({ "list": {}, "space": "public", "folderId": to }), "list"),
        ("restore", json!({ "batch": files[0], "query": {} }), "batch"),
    ] {
        let problem = zhao.post(&format!("/api/documents/{act}"), &wrong).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{wrong}");
    }
});

story!(a_list_of_the_trash_comes_back, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let from = make(&zhao, None, "甲").await;
    let [below, to] = [make(&zhao, Some(&from), "下").await, make(&zhao, None, "乙").await];
    let files = bring(&zhao, &from, &["合同1.pdf", "合同2.pdf", "发票.pdf"]).await;
    let deep = bring(&zhao, &below, &["合同3.pdf"]).await;
    let other = bring(&zhao, &to, &["合同4.pdf"]).await;
    for one in [&files, &deep, &other].into_iter().flatten() {
        zhao.delete(&format!("/api/documents/{one}")).await.expect(204);
    }
    // A person who does not manage the places restores nothing.
    zhang.post("/api/documents/restore", &json!({ "query": {} })).await.expect_problem(404, "not_found");
    let of_folder = json!({ "folderId": from, "query": { "q": "合同" }, "expect": 2 });
    assert_eq!(done(&zhao, "restore", json!({ "list": of_folder })).await, 2);
    assert_eq!(count(&zhao, &from).await, 2);
    let wrong = json!({ "space": "public", "query": {}, "expect": 2 });
    zhao.post("/api/documents/restore", &wrong).await.expect_problem(409, "selection_changed");
    // From the newest on, and to another place.
    let stretch = json!({ "space": "public", "between": [[other[0], deep[0]]], "folderId": below });
    assert_eq!(done(&zhao, "restore", stretch).await, 2);
    assert_eq!((count(&zhao, &below).await, count(&zhao, &to).await), (json!(2), json!(0)));
    // Of those that are named, the unknown ones are told.
    let named = json!({ "documentIds": [files[2], files[0]] });
    let restored = zhao.post("/api/documents/restore", &named).await.expect(200);
    let unknown = json!([{ "id": files[0], "code": "not_found" }]);
    assert_eq!((&restored["done"], &restored["refused"]), (&json!(1), &unknown));
    // To a folder that the person does not manage goes nothing.
    zhao.delete(&format!("/api/documents/{}", files[2])).await.expect(204);
    set(&zhao, &to, false, json!([{ "who": "everyone", "view": true }, { "who": "role:admin", "manage": true }])).await;
    let into = json!({ "documentIds": [files[2]], "folderId": to });
    zhao.post("/api/documents/restore", &into).await.expect_problem(403, "forbidden");
});

/// Reads the stream until it says this behind what was heard before.
async fn hears(stream: &mut Response, heard: &mut String, before: usize, words: &str) {
    let read = async {
        while !heard[before..].contains(words) {
            heard.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().expect("an open stream")).unwrap());
        }
    };
    within("the listener hears of the folder", read).await;
}

story!(those_who_see_a_folder_hear_of_its_changes, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let [open, closed, other] =
        [make(&zhao, None, "开").await, make(&zhao, None, "关").await, make(&zhao, None, "别处").await];
    set(&zhao, &closed, false, json!([{ "who": "role:archivist", "manage": true }])).await;
    let mut stream = zhang.request(Method::GET, "/api/events").send().await.unwrap();
    let mut heard = String::new();
    let file = bring(&zhao, &closed, &["秘.pdf"]).await.remove(0);
    zhao.patch(&format!("/api/folders/{closed}"), &json!({ "name": "关上" })).await.expect(200);
    // A move is heard of at both places by those who see them.
    done(&zhao, "move", json!({ "documentIds": [file], "folderId": open })).await;
    hears(&mut stream, &mut heard, 0, &open).await;
    assert!(heard.contains("event: folder"), "{heard}");
    for (act, body) in
        [("trash", json!({ "documentIds": [file] })), ("restore", json!({ "documentIds": [file], "folderId": other }))]
    {
        let before = heard.len();
        done(&zhao, act, body).await;
        hears(&mut stream, &mut heard, before, if act == "trash" { &open } else { &other }).await;
    }
    for (path, body) in [("", json!({ "name": "开着" })), ("/rights", json!({ "inherits": true, "entries": [] }))] {
        let before = heard.len();
        let path = format!("/api/folders/{open}{path}");
        let told =
            if body.get("name").is_some() { zhao.patch(&path, &body).await } else { zhao.put(&path, &body).await };
        told.expect(200);
        hears(&mut stream, &mut heard, before, &open).await;
    }
    assert!(!heard.contains(&closed), "{heard}");
});
