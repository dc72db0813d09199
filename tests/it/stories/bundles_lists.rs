//! Stories of bundles of a list: a folder, a space, or what a search finds.

use serde_json::{Value, json};
use yinku::db::sql;

use super::bundles::bundle_of;
use crate::support::{Caller, World, files::photos_in, seals::archived, story};

async fn names_of(caller: &Caller, wish: &Value) -> Vec<String> {
    let made = bundle_of(caller, wish).await;
    let zip = caller.get(made["url"].as_str().unwrap()).await;
    assert_eq!(photos_in(&zip.bytes), made["entries"]);
    let archive = zip::ZipArchive::new(std::io::Cursor::new(zip.bytes.to_vec())).unwrap();
    archive.file_names().map(|name| name.unwrap().into_owned()).collect()
}

story!(a_list_is_bundled_whole_or_in_stretches_less_some, async |world: World| {
    let flow = archived(&world, 4).await;
    archived(&world, 1).await;
    let wang = world.caller("wang").await;
    let (folder, top): (String, String) =
        sql("SELECT f.id, t.id FROM folders f JOIN folders t ON t.id = f.parent WHERE f.name = '2026'")
            .one(&world.app.db)
            .await
            .unwrap();
    let list = wang.get(&format!("/api/folders/{folder}/documents")).await.expect(200)["items"].clone();
    let ids: Vec<&str> = list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    let name = |at: usize| list[at]["name"].as_str().unwrap().to_owned();
    assert_eq!(ids.len(), 5);
    let selected = async |more: Value| {
        let mut wish = json!({ "folderId": folder });
        wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        names_of(&wang, &wish).await
    };
    let sorted = |places: &[usize]| {
        let mut names: Vec<String> = places.iter().map(|at| name(*at)).collect();
        names.sort();
        names
    };
    assert_eq!(selected(json!({ "expect": 5 })).await, sorted(&[0, 1, 2, 3, 4]));
    assert_eq!(selected(json!({ "between": [[ids[1], ids[3]]], "expect": 3 })).await, sorted(&[1, 2, 3]));
    assert_eq!(selected(json!({ "between": [[ids[3], ids[1]], [ids[0], ids[0]]] })).await, sorted(&[0, 1, 2, 3]));
    assert_eq!(selected(json!({ "between": [[ids[0], ids[4]]], "without": [ids[2]] })).await, sorted(&[0, 1, 3, 4]));
    assert_eq!(selected(json!({ "without": [ids[0]], "sort": "bytes" })).await, sorted(&[1, 2, 3, 4]));
    let query = json!({ "flowId": flow.to_string(), "kind": "signatory" });
    assert_eq!(selected(json!({ "query": query, "expect": 4 })).await.len(), 4);
    assert_eq!(names_of(&wang, &json!({ "query": query })).await.len(), 4);
    for wish in [json!({ "folderId": top, "deep": true }), json!({ "space": "public" })] {
        let names = names_of(&wang, &wish).await;
        let place = if wish["space"].is_null() { "2026/" } else { "用印/2026/" };
        assert!(names.len() == 5 && names.iter().all(|name| name.starts_with(place)), "{names:?}");
    }
    // The list is not the one that the caller saw.
    let gone = yinku::id::DocumentId::new().to_string();
    for changed in [json!({ "expect": 4 }), json!({ "between": [[ids[0], gone]] })] {
        let mut wish = json!({ "folderId": folder });
        wish.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        wang.post("/api/bundles", &wish).await.expect_problem(409, "selection_changed");
    }
    for wrong in [
        json!({ "documentIds": ids, "expect": 5 }),
        json!({ "folderId": folder, "space": "public" }),
        json!({ "deep": true }),
        json!({ "query": {}, "documentIds": ids }),
    ] {
        wang.post("/api/bundles", &wrong).await.expect_problem(422, "invalid");
    }
    wang.post("/api/bundles", &json!({ "query": { "q": "没有这个" } })).await.expect_problem(404, "not_found");
});
