//! Stories of documents in folders: the trash, acts on many, lists.

use serde_json::{Value, json};
use yinku::{clock::Clock, curate};

use super::library_folders::{bring, id, make};
use crate::support::{Caller, Engine, Plan, World, database::NOW, story};

async fn names(caller: &Caller, path: &str) -> Vec<String> {
    let page = caller.get(path).await.expect(200);
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

story!(many_documents_move_go_to_the_trash_and_come_back, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let [from, to] = [make(&zhao, None, "甲").await, make(&zhao, None, "乙").await];
    let files = bring(&zhao, &from, &["1.pdf", "2.pdf", "3.pdf"]).await;
    let own = zhang.post("/api/folders", &json!({ "space": "personal", "name": "我的" })).await.expect(201);
    let hidden = bring(&zhang, &id(&own), &["秘.pdf"]).await.remove(0);
    let both = json!({ "documentIds": [files[0], files[1], hidden], "folderId": to });
    let moved = zhao.post("/api/documents/move", &both).await.expect(200);
    assert_eq!((&moved["done"], &moved["refused"]), (&json!(2), &json!([{ "id": hidden, "code": "not_found" }])));
    let only = json!({ "documentIds": [hidden], "folderId": to });
    zhao.post("/api/documents/move", &only).await.expect_problem(404, "not_found");
    let refused = zhang.post("/api/documents/trash", &json!({ "documentIds": [files[0]] })).await.expect(200);
    assert_eq!((&refused["done"], &refused["refused"][0]["code"]), (&json!(0), &json!("forbidden")));
    let trashed = zhao.post("/api/documents/trash", &json!({ "documentIds": files })).await.expect(200);
    assert_eq!(trashed["done"], 3);
    let count = async |folder: &str| zhao.get(&format!("/api/folders/{folder}")).await.expect(200)["documents"].clone();
    assert_eq!((count(&from).await, count(&to).await), (json!(0), json!(0)));
    assert_eq!(zhao.get("/api/trash").await.expect(200)["items"].as_array().unwrap().len(), 3);
    let back = zhao.post("/api/documents/restore", &json!({ "batch": trashed["batch"] })).await.expect(200);
    assert_eq!(back["done"], 3);
    assert_eq!((count(&from).await, count(&to).await), (json!(1), json!(2)));
    let copied = json!({ "documentIds": files, "folderId": from });
    assert_eq!(zhao.post("/api/documents/copy", &copied).await.expect(200)["done"], 3);
    assert_eq!(count(&from).await, 4);
});

story!(what_leaves_the_trash_for_good_leaves_a_tombstone, async |engine: Engine| {
    let clock = Clock::manual(NOW);
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let top = make(&zhao, None, "旧").await;
    let below = make(&zhao, Some(&top), "下").await;
    let files = bring(&zhao, &below, &["1.pdf", "2.pdf"]).await;
    let first = zhao.get(&format!("/api/documents/{}", files[0])).await.expect(200);
    zhao.delete(&format!("/api/documents/{}", files[0])).await.expect(204);
    zhang.delete(&format!("/api/trash/{}", files[0])).await.expect_problem(404, "not_found");
    zhao.delete(&format!("/api/trash/{}", files[0])).await.expect(204);
    zhao.delete(&format!("/api/trash/{}", files[0])).await.expect_problem(404, "not_found");
    zhao.post(&format!("/api/documents/{}/restore", files[0]), &json!({})).await.expect_problem(404, "not_found");
    let row = zhao.get("/api/trash").await.expect(200)["items"][0].clone();
    assert_eq!((&row["tombstone"]["name"], &row["tombstone"]["hash"]), (&json!("1.pdf"), &first["blake3"]));
    // The schedule does the same with what has been there for `trash.keep`.
    zhao.delete(&format!("/api/folders/{top}")).await.expect(204);
    assert_eq!(curate::trash::empty(&world.app).await.unwrap(), 0);
    clock.advance(std::time::Duration::from_hours(31 * 24));
    assert_eq!(curate::trash::empty(&world.app).await.unwrap(), 1);
    let left = "SELECT COUNT(*) FROM folders WHERE name IN ('旧', '下')";
    assert_eq!((world.count(left).await, world.count("SELECT COUNT(*) FROM documents").await), (0, 0));
    assert_eq!(world.count("SELECT COUNT(*) FROM trash WHERE tombstone IS NOT NULL").await, 2);
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'trash_removed'").await, 2);
});

story!(a_list_has_every_order_and_is_read_from_any_place, async |world: World| {
    let zhao = world.caller("zhao").await;
    let top = make(&zhao, None, "列").await;
    let below = make(&zhao, Some(&top), "下").await;
    bring(&zhao, &top, &["文件10.pdf", "文件2.pdf"]).await;
    let deep = bring(&zhao, &below, &["文件1.pdf", "长长长的名字.pdf"]).await;
    let list = format!("/api/folders/{top}/documents?deep=true");
    let by_name = ["文件1.pdf", "文件2.pdf", "文件10.pdf", "长长长的名字.pdf"];
    assert_eq!(names(&zhao, &format!("{list}&sort=name")).await, by_name);
    let mut backwards = by_name;
    backwards.reverse();
    assert_eq!(names(&zhao, &format!("{list}&sort=-name")).await, backwards);
    assert_eq!(names(&zhao, &format!("/api/folders/{top}/documents?sort=name")).await, by_name[1..3]);
    assert_eq!(names(&zhao, &format!("{list}&sort=-bytes")).await[0], "长长长的名字.pdf");
    for sort in ["name", "-name", "takenAt", "-takenAt", "receivedAt", "-receivedAt", "bytes", "-bytes"] {
        let whole = zhao.get(&format!("{list}&sort={sort}")).await.expect(200);
        let sum: i64 = whole["items"].as_array().unwrap().iter().map(|item| item["bytes"].as_i64().unwrap()).sum();
        assert_eq!((&whole["total"], &whole["bytes"], &whole["at"]), (&json!(4), &json!(sum), &json!(0)));
        let ids: Vec<String> = whole["items"].as_array().unwrap().iter().map(id).collect();
        // By cursor, by position, and around each document: the same list.
        let (mut read, mut after): (Vec<String>, Option<String>) = (Vec::new(), None);
        loop {
            let after_it = after.map(|after| format!("&after={after}")).unwrap_or_default();
            let page = zhao.get(&format!("{list}&sort={sort}&limit=3{after_it}")).await.expect(200);
            read.extend(page["items"].as_array().unwrap().iter().map(id));
            match &page["next"] {
                Value::String(next) => after = Some(next.clone()),
                _ => break,
            }
        }
        assert_eq!(read, ids, "{sort}");
        for (at, one) in ids.iter().enumerate() {
            let page = zhao.get(&format!("{list}&sort={sort}&limit=1&at={at}")).await.expect(200);
            assert_eq!((&page["items"][0]["id"], &page["at"]), (&json!(one), &json!(at)), "{sort}");
            let page = zhao.get(&format!("{list}&sort={sort}&limit=3&around={one}")).await.expect(200);
            let begin = at / 3 * 3;
            assert_eq!((&page["at"], &page["items"][at - begin]["id"]), (&json!(begin), &json!(one)), "{sort}");
        }
    }
    let filtered = zhao.get(&format!("{list}&q=文件1&sort=name")).await.expect(200);
    assert_eq!(filtered["total"], 2);
    let shallow = format!("/api/folders/{top}/documents?around={}", deep[0]);
    zhao.get(&shallow).await.expect_problem(404, "not_found");
    zhao.get(&format!("{list}&sort=colour")).await.expect_problem(400, "bad_query");
    zhao.get(&format!("{list}&at=-1")).await.expect_problem(400, "bad_query");
    let days = zhao.get(&format!("/api/folders/{top}/timeline?deep=true")).await.expect(200);
    assert_eq!((&days["days"][0]["documents"], &days["days"][0]["at"]), (&json!(4), &json!(0)));
    zhao.get(&format!("/api/folders/{top}/timeline?sort=name")).await.expect_problem(400, "bad_query");
});
