//! Stories of the rights of folders.

use serde_json::{Value, json};

use super::library_folders::{bring, id, make};
use crate::support::{Caller, World, people::make_user, story};

pub(crate) async fn set(caller: &Caller, folder: &str, inherits: bool, entries: Value) -> Value {
    let rights = json!({ "inherits": inherits, "entries": entries });
    caller.put(&format!("/api/folders/{folder}/rights"), &rights).await.expect(200)
}

async fn found(caller: &Caller, query: &str) -> usize {
    caller.get(&format!("/api/documents?q={query}")).await.expect(200)["items"].as_array().unwrap().len()
}

story!(entries_add_and_inherits_false_ends_what_is_above, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let [admin, zhao, zhang, chen, sun] = [
        world.caller("admin").await,
        world.caller("zhao").await,
        world.caller("zhang").await,
        world.caller("chen").await,
        world.caller("sun").await,
    ];
    let top = make(&zhao, None, "合同").await;
    let secret = make(&zhao, Some(&top), "机密").await;
    let deep = make(&zhao, Some(&secret), "深").await;
    let file = bring(&zhao, &deep, &["秘密文件.pdf"]).await.remove(0);
    let [folder, document] = [format!("/api/folders/{deep}"), format!("/api/documents/{file}")];
    zhang.get(&document).await.expect(200);
    let set_rights = set(
        &zhao,
        &secret,
        false,
        json!([{ "who": "user:chen", "view": true }, { "who": "user:zhao", "manage": true }]),
    )
    .await;
    assert_eq!((&set_rights["inherits"], &set_rights["inherited"]), (&json!(false), &json!([])));
    // 张三 sees nothing of it: no folder, no document, no count, no hit.
    for path in [&folder, &document, &format!("{folder}/documents"), &format!("{folder}/timeline")] {
        zhang.get(path).await.expect_problem(404, "not_found");
    }
    let shown = zhang.get(&format!("/api/folders/{top}")).await.expect(200);
    assert_eq!((&shown["folders"], &shown["documentsDeep"]), (&json!(0), &json!(0)));
    let deep_list = format!("/api/folders/{top}/documents?deep=true");
    assert_eq!(zhang.get(&deep_list).await.expect(200)["total"], 0);
    assert_eq!((found(&zhang, "秘密").await, found(&chen, "秘密").await, found(&sun, "秘密").await), (0, 1, 1));
    // 陈八 sees, and may not download.
    let seen = chen.get(&document).await.expect(200);
    assert_eq!(seen["can"], json!(["view"]));
    chen.get(&format!("{document}/content")).await.expect_problem(403, "forbidden");
    chen.post("/api/bundles", &json!({ "documentIds": [file] })).await.expect_problem(403, "forbidden");
    chen.delete(&document).await.expect_problem(403, "forbidden");
    assert_eq!(chen.get(&deep_list).await.expect(200)["total"], 1);
    // The roles that read or manage everything keep their rights.
    sun.get(&format!("{document}/content")).await.expect(200);
    assert_eq!(admin.get(&folder).await.expect(200)["can"], json!(["view", "download", "manage", "faces"]));
    // A right that is given or taken holds at once.
    set(&zhao, &deep, true, json!([{ "who": "everyone", "download": true }])).await;
    zhang.get(&format!("{document}/content")).await.expect(200);
    assert_eq!(zhang.get(&folder).await.expect(200)["path"], "public/合同/…/深");
    set(&zhao, &deep, true, json!([])).await;
    zhang.get(&document).await.expect_problem(404, "not_found");
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'rights_changed'").await, 3);
});

story!(a_folder_says_who_has_what_right_and_why, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let top = make(&zhao, None, "合同").await;
    let below = make(&zhao, Some(&top), "下").await;
    set(&zhao, &top, true, json!([{ "who": "role:operator", "manage": true }])).await;
    let rights = zhao.get(&format!("/api/folders/{below}/rights")).await.expect(200);
    let given: Vec<(&Value, &Value)> =
        rights["inherited"].as_array().unwrap().iter().map(|entry| (&entry["who"], &entry["from"])).collect();
    let [operator, everyone, archivist] = ["role:operator", "everyone", "role:archivist"].map(Value::from);
    let [from_top, space] = ["public/合同", "public"].map(Value::from);
    assert_eq!(given, [(&operator, &from_top), (&everyone, &space), (&archivist, &space)]);
    let of = zhao.get(&format!("/api/folders/{below}/rights/of?user=wang")).await.expect(200);
    assert_eq!(of["can"], json!(["view", "download", "manage"]));
    assert!(of["because"].as_array().unwrap().iter().any(|entry| entry["who"] == "role:operator"), "{of}");
    // The rights are for those who manage the folder.
    zhang.get(&format!("/api/folders/{below}/rights")).await.expect_problem(403, "forbidden");
    for (entries, member) in [
        (json!([{ "who": "role:king", "view": true }]), "entries[0].who"),
        (json!([{ "who": "user:nobody", "view": true }]), "entries[0].who"),
        (json!([{ "who": "everyone" }]), "entries[0].who"),
        (json!([{ "who": "everyone", "view": true }, { "who": "everyone", "faces": true }]), "entries[1].who"),
    ] {
        let body = json!({ "inherits": true, "entries": entries });
        let problem = zhao.put(&format!("/api/folders/{below}/rights"), &body).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], member, "{problem}");
    }
    // A folder that the asker may not see has no name there.
    set(&zhao, &top, false, json!([{ "who": "role:archivist", "manage": true }])).await;
    set(&zhao, &below, true, json!([{ "who": "user:zhang", "manage": true }])).await;
    let rights = zhang.get(&format!("/api/folders/{below}/rights")).await.expect(200);
    assert_eq!(rights["inherited"][0]["from"], "public/…");
    let of = zhang.get(&format!("/api/folders/{below}/rights/of?user=zhang")).await.expect(200);
    assert_eq!((of["because"].as_array().unwrap().len(), &of["because"][0]["from"]), (1, &json!("public/…/下")));
});

story!(a_moved_document_has_the_rights_of_its_new_place_and_a_copy_is_a_row, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let [open, closed] = [make(&zhao, None, "开").await, make(&zhao, None, "关").await];
    set(&zhao, &closed, false, json!([{ "who": "role:archivist", "manage": true }])).await;
    let file = bring(&zhao, &open, &["文件.pdf"]).await.remove(0);
    let document = format!("/api/documents/{file}");
    zhang.patch(&document, &json!({ "name": "x" })).await.expect_problem(403, "forbidden");
    zhang.post(&format!("{document}/copy"), &json!({ "folderId": closed })).await.expect_problem(404, "not_found");
    let copy = zhao.post(&format!("{document}/copy"), &json!({ "folderId": closed })).await.expect(201);
    assert_eq!((&copy["source"], &copy["path"]), (&json!("copy"), &json!("public/关")));
    zhang.get(&format!("/api/documents/{}", id(&copy))).await.expect_problem(404, "not_found");
    let renamed = zhao.patch(&document, &json!({ "name": "改名.pdf", "folderId": closed })).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["path"]), (&json!("改名.pdf"), &json!("public/关")));
    zhang.get(&document).await.expect_problem(404, "not_found");
    assert_eq!((found(&zhao, "改名").await, found(&zhang, "改名").await), (1, 0));
    assert_eq!(found(&zhao, "文件").await, 2, "the copy, and the document by its earlier name");
});
