//! Stories of what a list selects in folders: bundles follow the rights of folders, and a list is moved and trashed.

use serde_json::{Value, json};

use super::{
    bundles::bundle_of,
    library_folders::{bring, id, make},
    library_rights::set,
};
use crate::support::{Caller, World, story};

async fn status(caller: &Caller, bundle: &Value) -> u16 {
    caller.get(bundle["url"].as_str().unwrap()).await.status.as_u16()
}

story!(a_bundle_follows_the_rights_of_its_folders_and_their_trash, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let (admin, sun) = (world.caller("admin").await, world.caller("sun").await);
    let top = make(&zhao, None, "合同").await;
    let below = make(&zhao, Some(&top), "下").await;
    bring(&zhao, &top, &["1.pdf"]).await;
    bring(&zhao, &below, &["2.pdf"]).await;
    let wish = json!({ "folderId": top, "deep": true });
    let bundle = bundle_of(&zhang, &wish).await;
    assert_eq!((&bundle["entries"], status(&zhang, &bundle).await), (&json!(2), 200));
    // What may not be seen is neither given nor told. What may only be seen is counted.
    let counted = json!([{ "name": "文档 × 1", "code": "not_downloadable" }]);
    let only_seen = json!([{ "who": "everyone", "view": true }]);
    for (everyone, left, entries) in [(json!([]), json!([]), 1), (only_seen, counted, 2)] {
        let mut given = everyone.as_array().unwrap().clone();
        given.push(json!({ "who": "user:zhao", "manage": true }));
        set(&zhao, &below, false, Value::Array(given)).await;
        assert_eq!((status(&zhang, &bundle).await, status(&zhao, &bundle).await), (403, 200));
        let less = bundle_of(&zhang, &wish).await;
        assert_eq!((&less["entries"], &less["left"]), (&json!(entries), &left));
    }
    set(&zhao, &below, true, json!([])).await;
    assert_eq!(status(&zhang, &bundle).await, 200);
    // In the trash it is for those who manage the place from which the folder came.
    zhao.delete(&format!("/api/folders/{below}")).await.expect(204);
    for (caller, expected) in [(&zhang, 403), (&zhao, 200), (&admin, 200), (&sun, 403)] {
        assert_eq!(status(caller, &bundle).await, expected);
    }
    zhang.post("/api/bundles", &json!({ "folderId": below })).await.expect_problem(404, "not_found");
    assert_eq!(bundle_of(&zhang, &wish).await["entries"], 1);
    zhao.post(&format!("/api/folders/{below}/restore"), &json!({})).await.expect(200);
    assert_eq!(status(&zhang, &bundle).await, 200);
    zhao.delete(&format!("/api/folders/{below}")).await.expect(204);
    zhao.delete(&format!("/api/trash/{below}")).await.expect(204);
    assert_eq!([status(&zhang, &bundle).await, status(&admin, &bundle).await], [410, 410]);
});

story!(a_list_moves_and_goes_to_the_trash_as_it_was_seen, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let from = make(&zhao, None, "甲").await;
    let [below, to] = [make(&zhao, Some(&from), "下").await, make(&zhao, None, "乙").await];
    bring(&zhao, &from, &["文件10.pdf", "文件2.pdf", "别的.pdf"]).await;
    bring(&zhao, &below, &["文件1.pdf"]).await;
    let listed = async |folder: &str| -> Vec<(String, String)> {
        let page = zhao.get(&format!("/api/folders/{folder}/documents?deep=true&sort=name")).await.expect(200);
        let item = |item: &Value| (id(item), item["name"].as_str().unwrap().to_owned());
        page["items"].as_array().unwrap().iter().map(item).collect()
    };
    let names =
        async |folder: &str| -> Vec<String> { listed(folder).await.into_iter().map(|(_, name)| name).collect() };
    let all = listed(&from).await;
    assert_eq!(names(&from).await, ["别的.pdf", "文件1.pdf", "文件2.pdf", "文件10.pdf"]);
    let stretch = json!({ "folderId": from, "deep": true, "sort": "name", "between": [[all[3].0, all[1].0]], "without": [all[2].0] });
    let changed = |expect: u64| {
        let mut list = stretch.clone();
        list["expect"] = json!(expect);
        json!({ "list": list, "folderId": to })
    };
    zhao.post("/api/documents/move", &changed(3)).await.expect_problem(409, "selection_changed");
    let refused = zhang.post("/api/documents/move", &changed(2)).await;
    refused.expect_problem(403, "forbidden");
    assert_eq!(zhao.post("/api/documents/move", &changed(2)).await.expect(200)["done"], 2);
    assert_eq!(
        (names(&from).await, names(&to).await),
        (vec!["别的.pdf".to_owned(), "文件2.pdf".to_owned()], vec!["文件1.pdf".to_owned(), "文件10.pdf".to_owned()],)
    );
    // A search over a space, in the order of names.
    let found =
        json!({ "space": "public", "query": { "q": "文件" }, "sort": "name", "between": [[all[1].0, all[2].0]] });
    let trashed = zhao.post("/api/documents/trash", &json!({ "list": found })).await.expect(200);
    assert_eq!(trashed["done"], 2);
    assert_eq!((names(&from).await, names(&to).await), (vec!["别的.pdf".to_owned()], vec!["文件10.pdf".to_owned()]));
    let both = json!({ "documentIds": [all[0].0], "list": { "folderId": from } });
    zhao.post("/api/documents/trash", &both).await.expect_problem(422, "invalid");
    // A folder that may not be seen selects nothing.
    set(&zhao, &to, false, json!([{ "who": "role:archivist", "manage": true }])).await;
    let hidden = json!({ "list": { "folderId": to } });
    zhang.post("/api/documents/trash", &hidden).await.expect_problem(404, "not_found");
    let everywhere = json!({ "list": { "query": { "q": "文件10" } } });
    zhang.post("/api/documents/trash", &everywhere).await.expect_problem(404, "not_found");
});
