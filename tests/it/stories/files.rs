//! Stories of files that people bring: uploaded, cut off, too large, taken out again.

use futures::stream;
use reqwest::{
    Body,
    multipart::{Form, Part},
};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use yinku::{
    config::{ByteSize, Config},
    db::sql,
    hash::{Blake3, Hashes},
    id::DocumentId,
    store::StoreKey,
};

use crate::support::{
    Engine, Plan, World,
    definitions::with_stamped,
    files::{form, pdf, png, staging, stamped, world_with_stamped},
    flows::{show, texts},
    story,
};

story!(several_files_come_at_once_and_are_told_by_their_content, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let mut hints = world.app.change_notices.subscribe();
    let files = [("合同 (终稿).pdf", pdf("1")), ("../扫描.jpg", png(1)), ("说明", "盖章三份".into())];
    let documents = wang.bring(&stamped(&flow), form(files.clone())).await.expect(201);
    for document in documents.as_array().unwrap() {
        while hints.recv().await.unwrap().id != document["id"].as_str().unwrap() {}
    }
    let told: Vec<(&str, &str)> = documents
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["name"].as_str().unwrap(), d["mime"].as_str().unwrap()))
        .collect();
    let expected = [("合同 (终稿).pdf", "application/pdf"), ("扫描.jpg.png", "image/png"), ("说明.txt", "text/plain")];
    assert_eq!(told, expected);
    for (document, (_, bytes)) in documents.as_array().unwrap().iter().zip(&files) {
        let hashes = Hashes::of(bytes);
        assert_eq!(document["blake3"], hashes.blake3.as_str());
        assert_eq!((&document["sha256"], &document["crc32"]), (&json!(hashes.sha256), &json!(hashes.crc32)));
        let content = wang.get(&format!("/api/documents/{}/content", document["id"].as_str().unwrap())).await;
        assert_eq!(content.bytes, bytes[..]);
    }
    let picture = documents[1]["id"].as_str().unwrap();
    assert_eq!((&documents[1]["width"], &documents[1]["source"]), (&json!(40), &json!("upload")));
    assert_eq!(wang.get(&format!("/api/documents/{picture}/thumbnail/256")).await.status, 200);
    let view = show(&wang, &flow).await;
    assert_eq!(view["files"]["stamped"], documents);
    assert!(
        view["events"].as_array().unwrap().iter().any(|event| event["act"] == "uploaded" && event["actor"] == "wang")
    );
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'document_uploaded'").await, 3);
    assert_eq!(staging(&world), 0);
});

story!(a_file_of_seventy_mebibytes_streams_through, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let chunk = bytes::Bytes::from([pdf("x"), vec![7; (1 << 20) - 17]].concat());
    let length = chunk.len() as u64 * 70;
    let mut hasher = blake3::Hasher::new();
    (0..70).for_each(|_| _ = hasher.update(&chunk));
    let chunks = stream::iter((0..70).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    let part = Part::stream_with_length(Body::wrap_stream(chunks), length).file_name("大.pdf");
    let documents = world.caller("wang").await.bring(&stamped(&flow), Form::new().part("file", part)).await.expect(201);
    assert_eq!((&documents[0]["bytes"], &documents[0]["mime"]), (&json!(length), &json!("application/pdf")));
    assert_eq!(documents[0]["blake3"], hasher.finalize().to_hex().as_str());
    let key: String = sql("SELECT store_key FROM originals").scalar(&world.app.db).await.unwrap();
    assert_eq!(world.app.store.head(&StoreKey::Raw(key)).await.unwrap().bytes, length);
});

story!(an_upload_that_is_cut_off_leaves_nothing, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let whole = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7 whole\r\n";
    let cut = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"b.pdf\"\r\n\r\n%PDF-1.7 ";
    let mut line = wang.begin_upload(&world, &stamped(&flow), 9_000_000, &format!("{whole}{cut}")).await;
    line.write_all(&vec![7; 3 << 20]).await.unwrap();
    world.until("both files are on their way", async || staging(&world) == 2).await;
    drop(line);
    world.until("nothing is left of them", async || staging(&world) == 0).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM originals").await, 0);
    assert_eq!(world.count("SELECT COUNT(*) FROM documents").await, 0);
});

story!(what_is_no_file_for_this_field_is_refused_with_the_reason, async |engine: Engine| {
    let small = |config: &mut Config| {
        config.upload.max_file_bytes = ByteSize::kib(64);
        config.upload.max_files = 2;
    };
    let plan = Plan { definition: Some(with_stamped), config: Some(small), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let one = || form([("a.pdf", pdf("1"))]);
    let of = |field: &str| format!("/api/flows/{flow}/fields/{field}/files");
    wang.bring(&of("subject"), one()).await.expect_problem(422, "not_a_files_field");
    wang.bring(&of("photos"), one()).await.expect_problem(409, "not_editable");
    wang.bring(&of("nothing"), one()).await.expect_problem(404, "not_found");
    wang.bring(&of("stamped"), form([("a.pdf", vec![7; 100_000])])).await.expect_problem(413, "too_large");
    wang.bring(&of("stamped"), form([("a.pdf", Vec::new())])).await.expect_problem(422, "empty_file");
    let three = ["1", "2", "3"].map(|text| ("a.pdf", pdf(text)));
    wang.bring(&of("stamped"), form(three)).await.expect_problem(413, "too_many_files");
    wang.bring(&of("stamped"), Form::new().text("kind", "signatory")).await.expect_problem(422, "invalid");
    let other = Form::new().part("document", Part::bytes(pdf("1")).file_name("a.pdf"));
    wang.bring(&of("stamped"), other).await.expect_problem(422, "invalid");
    wang.post(&of("stamped"), &json!({})).await.expect_problem(400, "not_multipart");
    world.caller("li").await.bring(&of("stamped"), one()).await.expect_problem(403, "not_yours");
    world.caller("sun").await.bring(&of("stamped"), one()).await.expect_problem(403, "not_yours");
    world.caller("zhao").await.bring(&of("stamped"), one()).await.expect_problem(404, "not_found");
    assert_eq!(world.count("SELECT COUNT(*) FROM documents").await, 0);
    assert_eq!(staging(&world), 0);
});

story!(uploads_beyond_the_bound_are_asked_to_come_again, async |engine: Engine| {
    let one = |config: &mut Config| config.upload.in_flight = 1;
    let world = World::new(engine, Plan { definition: Some(with_stamped), config: Some(one), ..Plan::default() }).await;
    let (flow, ..) = world.seal_use(1).await;
    let (wang, path) = (world.caller("wang").await, stamped(&flow));
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    sender.unbounded_send(Ok(pdf("1"))).unwrap();
    let slow = Form::new().part("file", Part::stream(Body::wrap_stream(receiver)).file_name("a.pdf"));
    let (first, second) = tokio::join!(wang.bring(&path, slow), async {
        world.until("the first is coming in", async || staging(&world) == 1).await;
        let second = wang.bring(&path, form([("b.pdf", pdf("2"))])).await;
        drop(sender);
        second
    });
    assert_eq!(second.header("retry-after"), "1");
    second.expect_problem(503, "busy");
    first.expect(201);
    wang.bring(&path, form([("b.pdf", pdf("2"))])).await.expect(201);
});

story!(a_file_that_was_taken_out_is_in_no_list_and_its_bytes_stay, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp(&business, 0).await.unwrap();
    let wang = world.caller("wang").await;
    let documents = wang.bring(&stamped(&flow), form([("a.pdf", pdf("1")), ("b.pdf", pdf("2"))])).await.expect(201);
    let (first, second) = (documents[0]["id"].as_str().unwrap(), documents[1]["id"].as_str().unwrap());
    let out = format!("{}/{first}", stamped(&flow));
    world.caller("li").await.delete(&out).await.expect_problem(403, "not_yours");
    wang.delete(&out).await.expect(204);
    wang.delete(&out).await.expect_problem(404, "not_found");
    wang.get(&format!("/api/documents/{first}")).await.expect_problem(404, "not_found");
    wang.get(&format!("/api/documents/{first}/content")).await.expect_problem(404, "not_found");
    let view = show(&wang, &flow).await;
    let left: Vec<&str> =
        view["files"]["stamped"].as_array().unwrap().iter().map(|d| d["id"].as_str().unwrap()).collect();
    assert_eq!(left, [second]);
    let found = wang.get(&format!("/api/documents?flowId={flow}&q=a.pdf")).await.expect(200);
    assert_eq!(found["items"], json!([]));
    let key: String = sql("SELECT store_key FROM originals WHERE hash = $1")
        .bind(&Blake3::of(&pdf("1")))
        .scalar(&world.app.db)
        .await
        .unwrap();
    assert_eq!(world.app.store.get(&StoreKey::Raw(key)).await.unwrap(), pdf("1"));

    // A photo of the download field is evidence.
    wang.post(&format!("/api/flows/{flow}/collect"), &json!({})).await.expect(202);
    let photos = "SELECT COUNT(*) FROM documents WHERE source = 'photo'";
    world.until("a photo is here", async || world.count(photos).await == 1).await;
    let photo: DocumentId = sql("SELECT id FROM documents WHERE source = 'photo'").scalar(&world.app.db).await.unwrap();
    let out = format!("/api/flows/{flow}/fields/photos/files/{photo}");
    wang.delete(&out).await.expect_problem(409, "not_editable");
    assert_eq!(world.count(photos).await, 1);
    world.assert_snapshot("a_file_taken_out").await;
});

story!(the_removal_of_a_file_is_taken_back_by_the_user_who_removed_it, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(2).await;
    let wang = world.caller("wang").await;
    let documents = wang.bring(&stamped(&flow), form([("a.pdf", pdf("1")), ("b.pdf", pdf("2"))])).await.expect(201);
    let first = documents[0]["id"].as_str().unwrap();
    let file = format!("{}/{first}", stamped(&flow));
    let put_back = async |who: &str| world.caller(who).await.put(&file, &json!({})).await;
    put_back("wang").await.expect_problem(404, "not_found");
    wang.delete(&file).await.expect(204);
    put_back("li").await.expect_problem(403, "not_yours");
    put_back("admin").await.expect_problem(404, "not_found");
    put_back("sun").await.expect_problem(403, "not_yours");
    put_back("wang").await.expect(204);
    put_back("wang").await.expect_problem(404, "not_found");
    let view = show(&wang, &flow).await;
    let names: Vec<&str> =
        view["files"]["stamped"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a.pdf", "b.pdf"], "it stands where it stood");
    assert_eq!(texts(&view["events"], "act").iter().filter(|act| **act == "file_restored").count(), 1);
    wang.get(&format!("/api/documents/{first}/content")).await.expect(200);
    assert_eq!(wang.get("/api/trash").await.expect(200)["items"], json!([]));
});

story!(two_files_of_one_name_lie_beside_each_other, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let wang = world.caller("wang").await;
    let (one, ..) = world.seal_use(1).await;
    let (two, ..) = world.seal_use(1).await;
    let (one_path, two_path) = (stamped(&one), stamped(&two));
    let (first, second) = tokio::join!(
        wang.bring(&one_path, form([("合同.pdf", pdf("same"))])),
        wang.bring(&two_path, form([("合同.pdf", pdf("same"))])),
    );
    let names = [first.expect(201), second.expect(201)].map(|documents| documents[0]["name"].clone());
    assert_eq!(names, ["合同.pdf", "合同.pdf"]);
    let third = wang.bring(&one_path, form([("合同.pdf", pdf("same"))])).await.expect(201);
    assert_eq!(third[0]["name"], "合同.pdf");
    assert_eq!(world.count("SELECT COUNT(*) FROM originals").await, 1, "bytes are kept once");
    assert_eq!(world.count("SELECT COUNT(*) FROM documents").await, 3, "records are all kept");
});
