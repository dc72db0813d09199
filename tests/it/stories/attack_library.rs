//! Attacks on the knowledge base: rights that a user takes, and names, counts and hints of what may not be seen.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Kind;

use super::{
    library_folders::{bring, id, make},
    library_rights::set,
};
use crate::support::{Caller, World, flows::show, people::make_user, story};

/// A flow with a photo of a stamping and one of a face, archived. Returns the folder of its photos and the face.
async fn with_a_face(world: &World) -> (String, String) {
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let photos = show(&world.caller("admin").await, &flow).await["files"]["photos"].clone();
    let face = photos.as_array().unwrap().iter().find(|photo| photo["photo"]["kind"] == "face").unwrap();
    (face["folderId"].as_str().unwrap().to_owned(), id(face))
}

/// A folder whose rights end those of the folder above. 陈八 manages it.
async fn closed(admin: &Caller, parent: &str, name: &str) -> String {
    let folder = make(admin, Some(parent), name).await;
    set(admin, &folder, false, json!([{ "who": "user:chen", "manage": true }])).await;
    folder
}

async fn trash(caller: &Caller) -> Vec<Value> {
    caller.get("/api/trash").await.expect(200)["items"].as_array().unwrap().clone()
}

async fn copy(caller: &Caller, document: &str, folder: &str) -> String {
    id(&caller.post(&format!("/api/documents/{document}/copy"), &json!({ "folderId": folder })).await.expect(201))
}

story!(a_manager_gives_no_right_to_faces_that_the_manager_lacks, async |world: World| {
    let (folder, face) = with_a_face(&world).await;
    let [admin, zhao, zhang] = [world.caller("admin").await, world.caller("zhao").await, world.caller("zhang").await];
    let (rights, document) = (format!("/api/folders/{folder}/rights"), format!("/api/documents/{face}"));
    let refused = async |caller: &Caller, path: &str, inherits: bool, entries: Value| {
        let body = json!({ "inherits": inherits, "entries": entries });
        let problem = caller.put(path, &body).await.expect_problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains("right to faces"), "{problem}");
    };
    for who in ["user:zhao", "role:archivist", "everyone"] {
        refused(&zhao, &rights, true, json!([{ "who": who, "manage": true, "faces": true }])).await;
    }
    zhao.get(&document).await.expect_problem(404, "not_found");
    assert_eq!(zhao.get(&rights).await.expect(200)["entries"], json!([]), "nothing of it was written");
    let own = id(&zhang.post("/api/folders", &json!({ "space": "personal", "name": "我的" })).await.expect(201));
    refused(&zhang, &format!("/api/folders/{own}/rights"), true, json!([{ "who": "user:zhang", "faces": true }])).await;
    // An entry that is there stays or goes.
    let given = json!([{ "who": "user:li", "view": true, "faces": true }]);
    set(&admin, &folder, true, given.clone()).await;
    set(&zhao, &folder, true, given).await;
    set(&zhao, &folder, true, json!([])).await;
    // What ended above does not come back with the right to faces.
    let top = admin.get(&format!("/api/folders/{folder}")).await.expect(200)["parentId"].as_str().unwrap().to_owned();
    set(&admin, &folder, false, json!([{ "who": "role:archivist", "manage": true }])).await;
    set(&admin, &top, true, json!([{ "who": "role:archivist", "manage": true, "faces": true }])).await;
    refused(&zhao, &rights, true, json!([])).await;
    zhao.get(&document).await.expect_problem(404, "not_found");
    // Nor does a move bring it. A folder without faces moves.
    set(&admin, &top, true, json!([])).await;
    set(&admin, &folder, true, json!([])).await;
    let (shown, plain) = (make(&admin, None, "有人脸").await, make(&zhao, None, "没有").await);
    set(&admin, &shown, true, json!([{ "who": "user:zhao", "faces": true }])).await;
    let into = json!({ "parentId": shown });
    zhao.patch(&format!("/api/folders/{folder}"), &into).await.expect_problem(403, "forbidden");
    zhao.get(&document).await.expect_problem(404, "not_found");
    zhao.patch(&format!("/api/folders/{plain}"), &into).await.expect(200);
    // A user with the right on both gives it on.
    admin.patch(&format!("/api/folders/{folder}"), &into).await.expect(200);
});

story!(the_trash_shows_nothing_that_the_rights_hid_before, async |world: World| {
    let (_, face) = with_a_face(&world).await;
    make_user(&world, "chen", &["member"]).await;
    let [admin, zhao, chen] = [world.caller("admin").await, world.caller("zhao").await, world.caller("chen").await];
    let open = make(&zhao, None, "开").await;
    // A copy of a face in a folder of 赵六, who may see no faces.
    let copied = copy(&admin, &face, &open).await;
    assert_eq!(zhao.get(&format!("/api/folders/{open}/documents")).await.expect(200)["total"], 0);
    admin.delete(&format!("/api/documents/{copied}")).await.expect(204);
    let back = json!({ "folderId": open });
    let not_there = async |caller: &Caller, kind: &str, gone: &str| {
        assert_eq!(trash(caller).await, [] as [Value; 0]);
        caller.post(&format!("/api/{kind}/{gone}/restore"), &json!({})).await.expect_problem(404, "not_found");
        caller.delete(&format!("/api/trash/{gone}")).await.expect_problem(404, "not_found");
    };
    not_there(&zhao, "documents", &copied).await;
    zhao.post(&format!("/api/documents/{copied}/restore"), &back).await.expect_problem(404, "not_found");
    assert_eq!(trash(&admin).await.len(), 1);
    admin.delete(&format!("/api/trash/{copied}")).await.expect(204);
    not_there(&zhao, "documents", &copied).await;
    assert!(trash(&admin).await[0]["tombstone"].is_object(), "the administrator has the tombstone");
    // A folder with rights of its own, and a document out of it.
    let secret = closed(&admin, &open, "裁员名单").await;
    let files = bring(&chen, &secret, &["1.pdf", "2.pdf"]).await;
    chen.delete(&format!("/api/documents/{}", files[0])).await.expect(204);
    assert_eq!(trash(&chen).await.len(), 1);
    admin.delete(&format!("/api/folders/{secret}")).await.expect(204);
    not_there(&zhao, "folders", &secret).await;
    admin.delete(&format!("/api/trash/{secret}")).await.expect(204);
    not_there(&zhao, "folders", &secret).await;
    not_there(&zhao, "documents", &files[0]).await;
    // The counts of a folder in the trash are of what was to be seen.
    let mixed = make(&zhao, None, "混").await;
    bring(&zhao, &mixed, &["3.pdf"]).await;
    copy(&admin, &face, &mixed).await;
    zhao.delete(&format!("/api/folders/{mixed}")).await.expect(204);
    assert_eq!((&trash(&zhao).await[0]["documents"], &trash(&admin).await[0]["documents"]), (&json!(1), &json!(2)));
});

story!(a_folder_that_holds_parts_of_others_stays_with_them, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let [admin, zhao, chen] = [world.caller("admin").await, world.caller("zhao").await, world.caller("chen").await];
    let open = make(&zhao, None, "开").await;
    let secret = closed(&admin, &open, "裁员名单").await;
    let file = bring(&chen, &secret, &["1.pdf"]).await.remove(0);
    let problem = zhao.delete(&format!("/api/folders/{open}")).await.expect_problem(403, "forbidden");
    assert!(!problem.to_string().contains("裁员"), "{problem}");
    chen.get(&format!("/api/documents/{file}")).await.expect(200);
    // An administrator may. Then it is not 赵六's to restore or to remove.
    admin.delete(&format!("/api/folders/{open}")).await.expect(204);
    zhao.delete(&format!("/api/trash/{open}")).await.expect_problem(404, "not_found");
    assert_eq!(trash(&zhao).await, [] as [Value; 0]);
    admin.post(&format!("/api/folders/{open}/restore"), &json!({})).await.expect(200);
    chen.get(&format!("/api/documents/{file}")).await.expect(200);
    zhao.get(&format!("/api/documents/{file}")).await.expect_problem(404, "not_found");
});

story!(a_definition_names_no_folder_that_its_reader_may_not_see, async |world: World| {
    let [admin, zhao, zhang] = [world.caller("admin").await, world.caller("zhao").await, world.caller("zhang").await];
    let one = format!("/api/definitions/{}", world.definition);
    let path = async |caller: &Caller| {
        let shown = caller.get(&one).await.expect(200)["integration"]["downloadFolder"]["path"].clone();
        let listed = caller.get("/api/definitions").await.expect(200)["items"][0].clone();
        assert_eq!(listed["integration"]["downloadFolder"]["path"], shown);
        shown.as_str().unwrap().to_owned()
    };
    assert_eq!(path(&zhang).await, "用印/2026");
    let top = zhao.get("/api/folders").await.expect(200)["items"][0].clone();
    let below = zhao.get(&format!("/api/folders?parent={}", id(&top))).await.expect(200)["items"][0].clone();
    set(&zhao, &id(&top), false, json!([{ "who": "role:archivist", "manage": true }])).await;
    assert_eq!((path(&zhang).await, path(&zhao).await), ("…/…".to_owned(), "用印/2026".to_owned()));
    set(&zhao, &id(&below), true, json!([{ "who": "everyone", "view": true }])).await;
    assert_eq!((path(&zhang).await, path(&admin).await), ("…/2026".to_owned(), "用印/2026".to_owned()));
});

story!(a_rename_and_a_move_in_one_request_are_one_act, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let [from, to] = [make(&zhao, None, "甲").await, make(&zhao, None, "乙").await];
    set(&zhao, &from, true, json!([{ "who": "user:zhang", "manage": true }])).await;
    let file = bring(&zhang, &from, &["原名.pdf"]).await.remove(0);
    let document = format!("/api/documents/{file}");
    let both = json!({ "name": "改名.pdf", "folderId": to });
    zhang.patch(&document, &both).await.expect_problem(403, "forbidden");
    let shown = zhang.get(&document).await.expect(200);
    assert_eq!((&shown["name"], &shown["path"]), (&json!("原名.pdf"), &json!("public/甲")));
    let acts = "SELECT COUNT(*) FROM audit WHERE act = 'document_changed'";
    assert_eq!(world.count(acts).await, 0);
    zhao.patch(&document, &both).await.expect(200);
    assert_eq!(world.count(acts).await, 1);
});

story!(folders_lie_in_each_other_up_to_a_bound, async |world: World| {
    let zhao = world.caller("zhao").await;
    let name = "深".repeat(80);
    let mut folders = vec![make(&zhao, None, &name).await];
    for _ in 1..50 {
        let parent = folders.last().unwrap().clone();
        folders.push(make(&zhao, Some(&parent), &name).await);
    }
    let refused = |problem: Value| assert_eq!(problem["errors"][0]["field"], "parentId", "{problem}");
    let body = json!({ "parentId": folders[49], "name": "x" });
    refused(zhao.post("/api/folders", &body).await.expect_problem(422, "invalid"));
    let (one, two) = (make(&zhao, None, "一").await, make(&zhao, None, "二").await);
    make(&zhao, Some(&two), "三").await;
    let into = json!({ "parentId": folders[48] });
    refused(zhao.patch(&format!("/api/folders/{two}"), &into).await.expect_problem(422, "invalid"));
    zhao.patch(&format!("/api/folders/{one}"), &into).await.expect(200);
    zhao.delete(&format!("/api/folders/{two}")).await.expect(204);
    refused(zhao.post(&format!("/api/folders/{two}/restore"), &into).await.expect_problem(422, "invalid"));
    // Paths of definitions have the bound, too.
    let admin = world.caller("admin").await;
    let definition = format!("/api/definitions/{}", world.definition);
    let mut body = admin.get(&definition).await.expect(200);
    body["integration"]["downloadFolder"]["path"] = vec!["a"; 50].join("/").into();
    let problem = admin.put(&definition, &body).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "integration.downloadFolder.path");
});

story!(a_name_cannot_look_like_another_one_by_turned_text, async |world: World| {
    let zhao = world.caller("zhao").await;
    let folder = make(&zhao, None, "é 合同").await;
    for bad in ["a\u{202e}b", "a\u{2066}b", "\u{200f}a", "\u{7}", "a\u{85}b", "..", "a/b", "a\\b", " ", ""] {
        for told in [
            zhao.post("/api/folders", &json!({ "name": bad })).await,
            zhao.patch(&format!("/api/folders/{folder}"), &json!({ "name": bad })).await,
        ] {
            let problem = told.expect_problem(422, "invalid");
            assert_eq!(problem["errors"][0]["field"], "name", "{bad:?}");
        }
    }
    let long = "合".repeat(81);
    zhao.post("/api/folders", &json!({ "name": long })).await.expect_problem(422, "invalid");
    let file = bring(&zhao, &folder, &["合同\u{202e}gpj.exe"]).await.remove(0);
    let document = format!("/api/documents/{file}");
    assert_eq!(zhao.get(&document).await.expect(200)["name"], "合同gpj.exe.pdf", "its content says what it is");
    let renamed = zhao.patch(&document, &json!({ "name": "\u{202e}fdp.清单\u{7}" })).await.expect(200);
    assert_eq!(renamed["name"], "fdp.清单-");
    assert_eq!(zhao.patch(&document, &json!({ "name": "\u{202e}" })).await.expect(200)["name"], "_");
});

story!(forged_cursors_and_signs_of_patterns_show_nothing_more, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let [admin, zhao, zhang] = [world.caller("admin").await, world.caller("zhao").await, world.caller("zhang").await];
    let open = make(&zhao, None, "开").await;
    let secret = closed(&admin, &open, "裁员名单").await;
    let hidden = bring(&admin, &secret, &["100%_机密.pdf"]).await.remove(0);
    bring(&zhao, &open, &["公开.pdf"]).await;
    let shown = async |path: &str| {
        let told = zhang.get(path).await;
        let text = String::from_utf8_lossy(&told.bytes).into_owned();
        assert!(!text.contains("机密") && !text.contains("裁员") && !text.contains(&hidden), "{path}: {text}");
        (told.status.as_u16(), told.json())
    };
    for q in ["%25", "_", "%25_", "100%25", "*", "机密", "裁员", "%27%20OR%201=1", "%5C"] {
        for path in [
            format!("/api/documents?q={q}"),
            format!("/api/folders?q={q}"),
            format!("/api/folders/{open}/documents?deep=true&q={q}"),
        ] {
            let (status, page) = shown(&path).await;
            assert_eq!((status, &page["items"]), (200, &json!([])), "{path}");
        }
    }
    let list = format!("/api/folders/{open}/documents?deep=true");
    let days = shown(&format!("/api/folders/{open}/timeline?deep=true")).await.1;
    assert_eq!(days["days"][0]["documents"], 1, "{days}");
    for end in [
        format!("&sort=-receivedAt&after=9223372036854775807.{hidden}"),
        format!("&sort=name&after=~AA.{hidden}"),
        format!("&sort=-name&after=~77-_.{hidden}"),
        format!("&sort=bytes&after=-9223372036854775808.{hidden}"),
        "&at=9223372036854775807".to_owned(),
        "&at=0&limit=200".to_owned(),
    ] {
        let (status, page) = shown(&format!("{list}{end}")).await;
        assert_eq!(status, 200, "{end}: {page}");
        assert!(page["items"].as_array().unwrap().len() <= 1, "{end}: {page}");
    }
    // A hidden document is as unknown as none.
    let nothing = "01890000-0000-7000-8000-000000000000";
    let around = async |id: &str| shown(&format!("{list}&around={id}")).await;
    let (of_hidden, of_nothing) = (around(&hidden).await, around(nothing).await);
    assert_eq!((of_hidden.0, &of_hidden.1["detail"]), (404, &of_nothing.1["detail"]));
    for path in ["/api/documents/trash", "/api/bundles"] {
        let wish = |id: &str| json!({ "documentIds": [id] });
        let (one, other) = (zhang.post(path, &wish(&hidden)).await, zhang.post(path, &wish(nothing)).await);
        assert_eq!((one.status, one.json()["code"].clone()), (other.status, other.json()["code"].clone()), "{path}");
        assert!(one.status.is_client_error(), "{path}");
    }
    // Stretches that overlap select each document once. One that ends at a hidden document is another list.
    let many = bring(&zhao, &open, &["1.pdf", "2.pdf", "3.pdf", "4.pdf"]).await;
    let of =
        |between: Value| json!({ "list": { "folderId": open, "sort": "name", "between": between }, "folderId": open });
    let chosen = json!([[many[0], many[2]], [many[2], many[1]], [many[3], many[1]], [many[0], many[0]]]);
    assert_eq!(zhao.post("/api/documents/copy", &of(chosen)).await.expect(200)["done"], 4);
    let own = id(&zhang.post("/api/folders", &json!({ "space": "personal", "name": "我的" })).await.expect(201));
    let mut past = of(json!([[many[0], hidden]]));
    past["folderId"] = own.into();
    zhang.post("/api/documents/copy", &past).await.expect_problem(409, "selection_changed");
});

story!(hints_name_no_folder_that_the_listener_may_not_see, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let [admin, zhao, zhang] = [world.caller("admin").await, world.caller("zhao").await, world.caller("zhang").await];
    let open = make(&zhao, None, "开").await;
    let secret = closed(&admin, &open, "裁员名单").await;
    let mut stream = zhang.request(Method::GET, "/api/events").send().await.unwrap();
    let below = make(&admin, Some(&secret), "下").await;
    let file = bring(&admin, &below, &["1.pdf"]).await.remove(0);
    admin.patch(&format!("/api/documents/{file}"), &json!({ "name": "2.pdf" })).await.expect(200);
    admin.patch(&format!("/api/folders/{below}"), &json!({ "name": "再" })).await.expect(200);
    admin.delete(&format!("/api/folders/{below}")).await.expect(204);
    let last = make(&zhao, None, "最后").await;
    let mut told = String::new();
    while !told.contains(&last) {
        told += std::str::from_utf8(&stream.chunk().await.unwrap().expect("the stream is open")).unwrap();
    }
    for hidden in [&secret, &below, &file] {
        assert!(!told.contains(hidden.as_str()), "{told}");
    }
});

story!(an_act_on_many_documents_names_each_of_them_in_the_audit_log, async |world: World| {
    let (folder, _) = with_a_face(&world).await;
    let [zhao, sun] = [world.caller("zhao").await, world.caller("sun").await];
    let photo = zhao.get(&format!("/api/folders/{folder}/documents")).await.expect(200)["items"][0].clone();
    let (from, to) = (make(&zhao, None, "甲").await, make(&zhao, None, "乙").await);
    let files = bring(&zhao, &from, &["1.pdf", "2.pdf"]).await;
    let all = json!({ "documentIds": [files[0], files[1], id(&photo)], "folderId": to });
    assert_eq!(zhao.post("/api/documents/move", &all).await.expect(200)["done"], 3);
    assert_eq!(zhao.post("/api/documents/copy", &all).await.expect(200)["done"], 3);
    let trashed = zhao.post("/api/documents/trash", &json!({ "documentIds": files })).await.expect(200);
    zhao.post("/api/documents/restore", &json!({ "batch": trashed["batch"] })).await.expect(200);
    let acts = async |subject: &str| -> Vec<String> {
        let log = sun.get(&format!("/api/audit?subject={subject}")).await.expect(200);
        let acts = log["items"].as_array().unwrap().iter().rev();
        acts.map(|entry| format!("{} {}", entry["act"].as_str().unwrap(), entry["detail"].as_str().unwrap())).collect()
    };
    for (file, name) in files.iter().zip(["1.pdf", "2.pdf"]) {
        let expected = [
            format!("document_uploaded {name}"),
            format!("document_changed {name} → 乙"),
            format!("document_copied {name} → 乙"),
            format!("document_deleted {name}"),
            format!("document_restored {name}"),
        ];
        assert_eq!(acts(file).await, expected);
    }
    let flow = photo["flowId"].as_str().unwrap();
    let log = sun.get(&format!("/api/audit?flowId={flow}&act=document_changed")).await.expect(200);
    assert_eq!(log["items"][0]["subject"], photo["id"], "the log of the flow has its photo: {log}");
});
