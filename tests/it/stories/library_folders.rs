//! Stories of folders: the tree, its counts, moves, the trash.

use serde_json::{Value, json};

use crate::support::{
    Caller, World, callbacks,
    files::{form, pdf},
    flows::show,
    story,
};

/// Makes a folder, at the top of the public space without a parent. Returns its id.
pub(crate) async fn make(caller: &Caller, parent: Option<&str>, name: &str) -> String {
    let body = json!({ "parentId": parent, "name": name });
    id(&caller.post("/api/folders", &body).await.expect(201))
}

pub(crate) fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// Brings files into a folder. Returns their ids.
pub(crate) async fn bring(caller: &Caller, folder: &str, names: &[&'static str]) -> Vec<String> {
    let files = form(names.iter().map(|name| (*name, pdf(name))));
    let brought = caller.bring(&format!("/api/folders/{folder}/documents"), files).await.expect(201);
    brought.as_array().unwrap().iter().map(id).collect()
}

async fn folder(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/api/folders/{id}")).await.expect(200)
}

story!(a_folder_tells_path_counts_and_rights, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let top = make(&zhao, None, "合同").await;
    let below = make(&zhao, Some(&top), "二〇二六").await;
    bring(&zhao, &top, &["a.pdf"]).await;
    bring(&zhao, &below, &["b.pdf", "c.pdf"]).await;
    let shown = folder(&zhang, &top).await;
    assert_eq!(shown["path"], "public/合同");
    assert_eq!((&shown["folders"], &shown["documents"], &shown["documentsDeep"]), (&json!(1), &json!(1), &json!(3)));
    assert_eq!(shown["can"], json!(["view", "download"]));
    let shown = folder(&zhao, &below).await;
    assert_eq!((&shown["path"], &shown["parentId"]), (&json!("public/合同/二〇二六"), &json!(top)));
    assert_eq!(shown["can"], json!(["view", "download", "manage"]));
    zhang.post("/api/folders", &json!({ "parentId": top, "name": "x" })).await.expect_problem(403, "forbidden");
    zhang.post("/api/folders", &json!({ "name": "x" })).await.expect_problem(403, "forbidden");
    zhao.post("/api/folders", &json!({ "parentId": top, "name": "二〇二六" })).await.expect_problem(409, "name_taken");
    // Everyone has a personal space, which others do not see.
    let own = zhang.post("/api/folders", &json!({ "space": "personal", "name": "我的" })).await.expect(201);
    let own = format!("/api/folders/{}", id(&own));
    zhao.get(&own).await.expect_problem(404, "not_found");
    assert_eq!(world.caller("sun").await.get(&own).await.expect(200)["can"], json!(["view", "download", "faces"]));
    zhang.get("/api/folders?space=personal&owner=li").await.expect_problem(403, "forbidden");
    let listed = world.caller("sun").await.get("/api/folders?space=personal&owner=zhang").await.expect(200);
    assert_eq!(listed["items"][0]["name"], "我的");
});

story!(a_folder_moves_by_rows_and_never_into_itself, async |world: World| {
    let [zhao, zhang, admin] = [world.caller("zhao").await, world.caller("zhang").await, world.caller("admin").await];
    let [a, b] = [make(&zhao, None, "a").await, make(&zhao, None, "b").await];
    let deep = make(&zhao, Some(&a), "deep").await;
    let file = bring(&zhao, &deep, &["x.pdf"]).await.remove(0);
    let path = |id: &str| format!("/api/folders/{id}");
    zhao.patch(&path(&a), &json!({ "parentId": deep })).await.expect_problem(422, "invalid");
    zhao.patch(&path(&a), &json!({ "parentId": a })).await.expect_problem(422, "invalid");
    assert_eq!(
        zhao.patch(&path(&a), &json!({ "parentId": b, "name": "neu" })).await.expect(200)["path"],
        "public/b/neu"
    );
    assert_eq!(folder(&zhang, &deep).await["path"], "public/b/neu/deep");
    assert_eq!(folder(&zhang, &b).await["documentsDeep"], 1);
    assert_eq!(zhang.get(&format!("/api/documents/{file}")).await.expect(200)["path"], "public/b/neu/deep");
    // Beyond its space only an administrator moves a folder. It has the rights of its new place.
    let system = id(&admin.post("/api/folders", &json!({ "space": "system", "name": "s" })).await.expect(201));
    zhao.patch(&path(&a), &json!({ "parentId": system })).await.expect_problem(403, "forbidden");
    admin.patch(&path(&a), &json!({ "parentId": system })).await.expect(200);
    zhang.get(&path(&deep)).await.expect_problem(404, "not_found");
    zhang.get(&format!("/api/documents/{file}")).await.expect_problem(404, "not_found");
    zhao.get(&path(&deep)).await.expect(200);
});

story!(two_moves_at_once_make_no_circle, async |world: World| {
    let zhao = world.caller("zhao").await;
    for round in 0..8 {
        let a = make(&zhao, None, &format!("a{round}")).await;
        let b = make(&zhao, None, &format!("b{round}")).await;
        let [into_b, into_a] = [json!({ "parentId": b }), json!({ "parentId": a })];
        let [of_a, of_b] = [format!("/api/folders/{a}"), format!("/api/folders/{b}")];
        let (one, other) = tokio::join!(zhao.patch(&of_a, &into_b), zhao.patch(&of_b, &into_a));
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 422]);
        assert_eq!(zhao.get("/api/folders").await.expect(200)["items"].as_array().unwrap().len(), 2 + round);
    }
});

story!(a_folder_goes_to_the_trash_with_all_in_it_and_comes_back, async |world: World| {
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let top = make(&zhao, None, "合同").await;
    let below = make(&zhao, Some(&top), "旧").await;
    let file = bring(&zhao, &below, &["x.pdf"]).await.remove(0);
    let [path, document] = [format!("/api/folders/{top}"), format!("/api/documents/{file}")];
    zhang.delete(&path).await.expect_problem(403, "forbidden");
    zhao.delete(&path).await.expect(204);
    for gone in [&path, &format!("/api/folders/{below}"), &document, &format!("{document}/content")] {
        zhao.get(gone).await.expect_problem(404, "not_found");
        world.caller("admin").await.get(gone).await.expect_problem(404, "not_found");
    }
    assert_eq!(zhang.get("/api/documents?q=x.pdf").await.expect(200)["items"], json!([]));
    // It is one row of the trash, for those who manage the place that it came from.
    let trash = zhao.get("/api/trash").await.expect(200);
    let row = &trash["items"][0];
    assert_eq!(trash["items"].as_array().unwrap().len(), 1);
    assert_eq!((&row["type"], &row["documents"], &row["from"]), (&json!("folder"), &json!(1), &json!("public")));
    assert_eq!(zhang.get("/api/trash").await.expect(200)["items"], json!([]));
    // Its name is free. So it comes back to another place.
    let other = make(&zhao, None, "合同").await;
    zhang.post(&format!("{path}/restore"), &json!({})).await.expect_problem(404, "not_found");
    zhao.post(&format!("{path}/restore"), &json!({})).await.expect_problem(409, "name_taken");
    let back = zhao.post(&format!("{path}/restore"), &json!({ "parentId": other })).await.expect(200);
    assert_eq!((&back["path"], &back["documentsDeep"]), (&json!("public/合同/合同"), &json!(1)));
    zhang.get(&document).await.expect(200);
    assert_eq!(zhao.get("/api/trash").await.expect(200)["items"], json!([]));
    let acts = "SELECT COUNT(*) FROM audit WHERE act IN ('folder_deleted', 'folder_restored')";
    assert_eq!(world.count(acts).await, 2);
});

story!(a_folder_with_evidence_stays_and_a_flow_makes_a_trashed_one_anew, async |world: World| {
    let [zhao, admin] = [world.caller("zhao").await, world.caller("admin").await];
    // A folder that the definition does not use any more holds the photos of a flow.
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp(&business, 0).await.unwrap();
    callbacks::call(&world, &format!("businessId={business}&number=E003")).await;
    world.until("a photo is here", async || world.count("SELECT COUNT(*) FROM documents").await == 1).await;
    let photo = show(&admin, &flow).await["files"]["photos"][0].clone();
    let year = photo["folderId"].as_str().unwrap().to_owned();
    let definition = format!("/api/definitions/{}", world.definition);
    let mut body = admin.get(&definition).await.expect(200);
    body["integration"]["downloadFolder"]["path"] = "印".into();
    admin.put(&definition, &body).await.expect(200);
    let top = folder(&zhao, &year).await["parentId"].as_str().unwrap().to_owned();
    zhao.delete(&format!("/api/folders/{top}")).await.expect_problem(409, "evidence");
    zhao.delete(&format!("/api/documents/{}", id(&photo))).await.expect_problem(409, "evidence");
    // The photo moves within its space. Then the folder goes, and the next photo makes its folder anew.
    let kept = make(&zhao, None, "证据").await;
    let moved = json!({ "folderId": kept });
    zhao.patch(&format!("/api/documents/{}", id(&photo)), &moved).await.expect(200);
    zhao.delete(&format!("/api/folders/{top}")).await.expect(204);
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    let photos = show(&admin, &flow).await["files"]["photos"].clone();
    let paths: Vec<&Value> = photos.as_array().unwrap().iter().map(|photo| &photo["path"]).collect();
    assert_eq!(paths, ["public/证据", "public/用印/2026"]);
});
