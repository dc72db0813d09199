//! Stories of search: by which words flows, documents and folders are found, and by whom.

use serde_json::{Value, json};
use yinku::{
    curate::reindex,
    db::sql,
    id::{DocumentId, FlowId},
    library::{
        document::{self, Document},
        folder, search_terms,
    },
};

use super::library_folders::{bring, make};
use crate::support::{
    Caller, Engine, World,
    database::execute,
    files::{form, pdf, stamped, world_with_stamped},
    flows::{listed, step, texts},
    process::House,
    seals::{archived, one_photo_short, one_seal},
    story,
};

/// The names of the documents that a search finds, sorted; the answer must say how many they are.
async fn found(caller: &Caller, query: &[(&str, &str)]) -> Vec<String> {
    let request = caller.request(reqwest::Method::GET, "/api/documents").query(query).query(&[("limit", "200")]);
    let page = caller.send(request).await.expect(200);
    let mut names: Vec<String> = texts(&page["items"], "name").into_iter().map(str::to_owned).collect();
    assert_eq!(page["total"], names.len(), "{query:?}");
    names.sort();
    names
}

async fn by_words(caller: &Caller, q: &str) -> Vec<String> {
    found(caller, &[("q", q)]).await
}

fn names(documents: &[Document]) -> Vec<String> {
    let mut names: Vec<String> = documents.iter().map(|document| document.name.clone()).collect();
    names.sort();
    names
}

async fn documents(world: &World, flow: &FlowId) -> Vec<Document> {
    Document::of_flow(&world.app.db, flow).await.unwrap()
}

story!(words_of_a_flow_find_it_and_all_its_documents, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (wang, admin) = (world.caller("wang").await, world.caller("admin").await);
    let (flow, _, business) = world.seal_use(2).await;
    wang.bring(&stamped(&flow), form([("扫描件甲.pdf", pdf("1"))])).await.expect(201);
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let all = documents(&world, &flow).await;
    assert_eq!(all.len(), 3);
    let serial = world.flow(&flow).await.serial_no;
    // Subject, serial number and its end, organisation, the seal as the form and as the vendor names it, its person by
    // both names, the starter; traditional characters; parts in any order.
    let words = [
        "采购合同",
        "採購",
        &serial,
        &serial[4..],
        "印库科技",
        "QYS2019040001",
        "公章",
        "王五",
        "wang",
        "zhang",
        "张三",
        "公章 采购",
        "采购 公章",
        "科技 王五 合同",
        "購合同　上海",
    ];
    for caller in [&wang, &admin] {
        for q in words {
            assert_eq!(by_words(caller, q).await, names(&all), "{q}");
            assert_eq!(listed(caller, &[("q", q)]).await, [flow.to_string()], "{q}");
        }
        for q in ["采购合同 没有", "合购", "公章采购", "采%合", "采_合"] {
            assert!(by_words(caller, q).await.is_empty(), "{q}");
            assert!(listed(caller, &[("q", q)]).await.is_empty(), "{q}");
        }
    }
    // A word of a name finds that document; beside a word of the flow, too.
    for q in ["扫描件甲", "甲", "扫描件甲.PDF 采购", "pdf 公章"] {
        assert_eq!(by_words(&wang, q).await, ["扫描件甲.pdf"], "{q}");
    }
    let photo = all.iter().find(|document| document.photo.no == Some(2)).unwrap();
    assert_eq!(by_words(&wang, &photo.name).await, [photo.name.as_str()]);
    assert_eq!(by_words(&wang, "_002_ signatory").await, [photo.name.as_str()]);
    assert!(listed(&wang, &[("q", "扫描件甲")]).await.is_empty(), "a name of a document is no word of its flow");
});

story!(a_document_is_found_by_its_earlier_names, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let wang = world.caller("wang").await;
    let (flow, ..) = world.seal_use(1).await;
    let brought = wang.bring(&stamped(&flow), form([("蓝色.pdf", pdf("1"))])).await.expect(201);
    let id: DocumentId = brought[0]["id"].as_str().unwrap().parse().unwrap();
    for name in ["红色.pdf", "绿色.pdf"] {
        let mut tx = world.app.db.begin().await.unwrap();
        document::rename(&mut tx, &id, name).await.unwrap();
        search_terms::add(&mut tx, &flow, &[name.to_owned()]).await.unwrap();
        tx.commit().await.unwrap();
    }
    for q in ["蓝色", "红色", "绿色", "绿色.pdf 蓝色"] {
        assert_eq!(by_words(&wang, q).await, ["绿色.pdf"], "{q}");
    }
    assert!(by_words(&wang, "黄色").await.is_empty());
});

story!(filters_of_a_search_are_taken_together, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (wang, admin) = (world.caller("wang").await, world.caller("admin").await);
    let flow = archived(&world, 2).await;
    let all = documents(&world, &flow).await;
    let one = &all[0];
    let sm3 = one.sm3.clone().unwrap();
    for hash in [one.blake3.as_str(), &one.sha256, &sm3] {
        assert_eq!(found(&wang, &[("hash", hash)]).await, [one.name.as_str()], "{hash}");
        assert_eq!(found(&wang, &[("hash", hash), ("q", "采购")]).await, [one.name.as_str()], "{hash}");
        assert!(found(&wang, &[("hash", hash), ("q", "没有")]).await.is_empty());
    }
    assert!(found(&wang, &[("hash", &"0".repeat(64))]).await.is_empty());
    wang.get("/api/documents?hash=12").await.expect_problem(400, "bad_query");

    wang.bring(&stamped(&flow), form([("扫描件.pdf", pdf("1"))])).await.expect(201);
    for (mime, count) in [("image/jpeg", 2), ("image", 2), ("application/pdf", 1), ("application", 1), ("imag", 0)] {
        assert_eq!(found(&wang, &[("mime", mime)]).await.len(), count, "{mime}");
    }
    assert_eq!(found(&wang, &[("mime", "Image/JPEG"), ("seal", ""), ("user", "")]).await.len(), 2);
    wang.get("/api/documents?mime=image/").await.expect_problem(400, "bad_query");
    assert_eq!(found(&wang, &[("mime", "image"), ("q", "采购"), ("seal", "公章"), ("user", "wang")]).await.len(), 2);
    assert_eq!(found(&wang, &[("q", "采购"), ("kind", "signatory"), ("from", "2020-01-01T00:00:00Z")]).await.len(), 2);
    assert!(found(&wang, &[("q", "采购"), ("to", "2020-01-01T00:00:00Z")]).await.is_empty());
    assert_eq!(found(&wang, &[("flowId", flow.to_string().as_str()), ("q", "扫描件")]).await, ["扫描件.pdf"]);

    let top = admin.get("/api/folders?space=public").await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let below = admin.get(&format!("/api/folders?parent={top}")).await.expect(200)["items"][0]["id"].clone();
    let below = below.as_str().unwrap();
    for (query, count) in [
        (vec![("folderId", below)], 3),
        (vec![("folderId", top.as_str())], 0),
        (vec![("folderId", &top), ("deep", "true")], 3),
        (vec![("folderId", &top), ("deep", "true"), ("q", "扫描")], 1),
        (vec![("space", "public")], 3),
        (vec![("space", "public"), ("mime", "image")], 2),
        (vec![("space", "personal")], 0),
        (vec![("space", "system")], 0),
    ] {
        assert_eq!(found(&wang, &query).await.len(), count, "{query:?}");
    }
    let both = format!("/api/documents?folderId={top}&space=public");
    wang.get(&both).await.expect_problem(400, "bad_query");
    wang.get(&format!("/api/documents?folderId={flow}")).await.expect_problem(404, "not_found");
    let many: Vec<String> = (100..140).map(|n| n.to_string()).collect();
    wang.get(&format!("/api/documents?q={}", many.join("%20"))).await.expect_problem(400, "bad_query");
});

story!(missing_finds_the_documents_of_flows_that_owe_photos, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let wang = world.caller("wang").await;
    let (_, _, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    let owing = found(&wang, &[("missing", "true")]).await;
    assert_eq!(owing.len(), 1);
    let settled = archived(&world, 1).await;
    assert_eq!(documents(&world, &settled).await.len(), 1);
    assert_eq!(found(&wang, &[("missing", "true")]).await, owing);
    assert_eq!(found(&wang, &[("missing", "true"), ("q", "采购")]).await, owing);
    assert_eq!(by_words(&wang, "采购").await.len(), 2);
});

story!(what_a_user_may_not_see_is_in_no_search, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let [wang, zhang, admin, zhao] = [
        world.caller("wang").await,
        world.caller("zhang").await,
        world.caller("admin").await,
        world.caller("zhao").await,
    ];
    let draft = json!({ "definitionId": world.definition, "draft": true,
        "form": { "subject": "机密草案", "company": "c", "seals": one_seal(1) } });
    let draft = zhang.post("/api/flows", &draft).await.expect(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(listed(&zhang, &[("q", "机密"), ("mine", "true")]).await, [draft.as_str()]);
    for caller in [&wang, &admin] {
        assert!(listed(caller, &[("q", "机密")]).await.is_empty());
    }
    let withdrawn: FlowId = draft.parse().unwrap();
    zhang.post(&format!("/api/flows/{draft}/withdraw"), &json!({ "comment": "不要了" })).await.expect(200);
    assert!(listed(&zhang, &[("q", "机密"), ("mine", "true")]).await.is_empty());
    let left = sql("SELECT COUNT(*) FROM search_owners WHERE owner = $1").bind(&withdrawn);
    assert_eq!(left.scalar::<i64>(&world.app.db).await.unwrap(), 0);

    let flow = archived(&world, 1).await;
    let (running, ..) = world.seal_use(1).await;
    wang.bring(&stamped(&running), form([("扫描件乙.pdf", pdf("1"))])).await.expect(201);
    assert_eq!(by_words(&wang, "扫描件乙").await.len(), 1);
    let seen = by_words(&zhao, "采购").await;
    assert_eq!(
        seen.len(),
        documents(&world, &flow).await.len() + 1,
        "photos and stamped files lie in the public space"
    );
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE documents SET kind = 'face' WHERE photo_id IS NOT NULL").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(by_words(&zhao, "采购").await, ["扫描件乙.pdf"], "a face is in no list and no count");
    assert_eq!(by_words(&admin, "采购").await.len(), seen.len());
});

async fn folders(caller: &Caller, q: &str) -> Vec<String> {
    let request = caller.request(reqwest::Method::GET, "/api/folders").query(&[("q", q)]);
    let page = caller.send(request).await.expect(200);
    texts(&page["items"], "name").into_iter().map(str::to_owned).collect()
}

story!(folders_are_found_by_their_own_names, async |world: World| {
    let (admin, zhang) = (world.caller("admin").await, world.caller("zhang").await);
    let make = async |name: &str, parent: &Value| {
        let made = admin.post("/api/folders", &json!({ "name": name, "parentId": parent })).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    };
    let top = make("投標文件", &Value::Null).await;
    let inner = make("２０２６ 合同", &json!(top)).await;
    make("合同 归档", &json!(top)).await;
    assert_eq!(folders(&admin, "合同").await, ["合同 归档", "２０２６ 合同"]);
    assert_eq!(folders(&zhang, "同 2026").await, ["２０２６ 合同"]);
    assert_eq!(folders(&zhang, "投标").await, ["投標文件"], "not what is in it");
    assert_eq!(folders(&zhang, "同").await.len(), 2);
    assert!(folders(&zhang, "没有").await.is_empty());
    // The system space is for archivists.
    let mut tx = world.app.db.begin().await.unwrap();
    folder::place::ensure_shared(&mut tx, None, world.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((folders(&admin, "知识库").await.len(), folders(&zhang, "知识库").await.len()), (1, 0));
    let rows = async || world.count("SELECT COUNT(*) FROM search_terms").await;
    let before = rows().await;
    admin.patch(&format!("/api/folders/{inner}"), &json!({ "parentId": "" })).await.expect(200);
    assert_eq!(rows().await, before, "a folder that moves changes no term");
    admin.patch(&format!("/api/folders/{inner}"), &json!({ "name": "采购" })).await.expect(200);
    assert_eq!(folders(&zhang, "采购").await, ["采购"]);
    assert_eq!(folders(&zhang, "合同").await, ["合同 归档"]);
    zhang.get("/api/folders?q=a&space=public").await.expect_problem(400, "bad_query");
});

story!(the_index_is_made_anew_and_an_interrupted_run_goes_on, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let wang = world.caller("wang").await;
    let flow = archived(&world, 2).await;
    let found_before =
        (by_words(&wang, "公章").await, by_words(&wang, "signatory").await, folders(&wang, "用印").await);
    assert_eq!((found_before.0.len(), found_before.1.len(), found_before.2.len()), (2, 2, 1));
    let db = &world.app.db;
    let terms: Vec<(String, i64)> = sql("SELECT term, no FROM search_terms ORDER BY term, no").all(db).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    for statement in [
        "DELETE FROM search_terms",
        "DELETE FROM search_owners",
        "INSERT INTO search_terms (term, no) VALUES ('f公章', 1), ('zz', 2)",
    ] {
        sql(statement).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert!(by_words(&wang, "公章").await.is_empty());
    // A run that ends after its first step; the flow is found again, the folders are not.
    assert!(reindex::step(db).await.unwrap());
    assert_eq!(listed(&wang, &[("q", "公章")]).await, [flow.to_string()]);
    assert!(folders(&wang, "用印").await.is_empty());
    reindex::run(db, |_| ()).await.unwrap();
    assert_eq!(world.count("SELECT COUNT(*) FROM reindex_runs").await, 0);
    let again: Vec<(String, i64)> = sql("SELECT term, no FROM search_terms ORDER BY term, no").all(db).await.unwrap();
    assert_eq!(again, terms, "as it was written with the rows, and without terms of no owner");
    let found = (by_words(&wang, "公章").await, by_words(&wang, "signatory").await, folders(&wang, "用印").await);
    assert_eq!(found, found_before);
    // A later step does not begin at the flows: this flow is not indexed again.
    let mut tx = db.begin().await.unwrap();
    sql("INSERT INTO reindex_runs (id, part, after) VALUES (1, 'folders', '')").execute(&mut tx).await.unwrap();
    sql("DELETE FROM search_owners").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    reindex::run(db, |_| ()).await.unwrap();
    assert!(listed(&wang, &[("q", "公章")]).await.is_empty() && !folders(&wang, "用印").await.is_empty());
});

story!(a_flow_whose_form_changes_is_found_by_the_new_words, async |world: World| {
    let (zhang, li) = (world.caller("zhang").await, world.caller("li").await);
    let flow = world.start_flow(1).await;
    assert_eq!(listed(&zhang, &[("q", "采购")]).await, [flow.to_string()]);
    step(&li, &flow, "reject", json!({ "comment": "改" })).await;
    let path = format!("/api/flows/{flow}/form");
    zhang.put(&path, &json!({ "form": { "subject": "租赁协议", "company": "新公司" } })).await.expect(200);
    for (q, count) in [("租赁 新公司", 1), ("采购", 0), ("印库", 0), ("公司", 1)] {
        assert_eq!(listed(&zhang, &[("q", q)]).await.len(), count, "{q}");
    }
});

story!(reindex_runs_as_a_program_beside_a_running_service, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let served = house.serve(None);
    let zhao = house.caller("zhao").await;
    let top = make(&zhao, None, "甲").await;
    bring(&zhao, &top, &["先来的.pdf"]).await;
    execute(&house.app.db, ["DELETE FROM search_terms", "DELETE FROM search_owners"]).await;
    assert_eq!(by_words(&zhao, "先来").await, [""; 0]);
    let mut program = house.program(&["reindex"]);
    let meanwhile = async {
        for name in ["甲乙1.pdf", "甲乙2.pdf", "甲乙3.pdf"] {
            bring(&zhao, &top, &[name]).await;
        }
    };
    let (made, ()) = tokio::join!(program.output(), meanwhile);
    assert!(made.unwrap().status.success());
    assert_eq!(by_words(&zhao, "先来").await, ["先来的.pdf"]);
    assert_eq!(by_words(&zhao, "甲乙").await, ["甲乙1.pdf", "甲乙2.pdf", "甲乙3.pdf"]);
    assert_eq!(folders(&zhao, "甲").await, ["甲"]);
    house.retire(served).await;
});
