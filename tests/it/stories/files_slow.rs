//! Stories of people who wait: photos that are still coming in, an upload that stands still.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use yinku::{
    config::{Config, Span},
    db::sql,
};

use crate::support::{
    Engine, Plan, World,
    definitions::{with_stamped, without_field},
    files::{form, pdf, photos_in, staging, stamped, zip_of},
    story,
};

story!(a_download_that_is_asked_while_photos_come_in_is_told_to_come_again, async |engine: Engine| {
    let impatient = |config: &mut Config| config.ingest.download_patience = Span::secs(1);
    let plan = Plan { definition: Some(without_field), config: Some(impatient), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, _, business) = world.seal_use(3).await;
    let keys = world.sim.stamp_many(&business, 0, 2).await.unwrap();
    let slow = FaultKind::Late { ms: 6000 };
    world.sim.set_fault(Fault::times(Target::Image, slow, 1).only(&keys[1..]));
    let (wang, path) = (world.caller("wang").await, zip_of(&flow));
    let told = wang.get(&path).await;
    assert_eq!(told.header("retry-after"), "5");
    let problem = told.expect_problem(503, "still_collecting");
    assert!(problem["detail"].as_str().unwrap().contains("Retry in a moment"), "{problem}");
    // What is here can be had at once; asking has stopped nothing.
    let partial = wang.get(&format!("{path}?partial=true")).await;
    assert_eq!(photos_in(&partial.bytes), 1);
    world.until("the other came", async || world.count("SELECT COUNT(*) FROM documents").await == 2).await;
    assert_eq!(photos_in(&wang.get(&path).await.bytes), 2);
    assert_eq!(world.sim.counters().image_requests[&keys[1]], 1, "fetched once, whoever waited");
});

story!(an_upload_that_stands_still_is_given_up_wherever_it_stands, async |engine: Engine| {
    let impatient = |config: &mut Config| {
        config.upload.idle_timeout = Span::secs(1);
        config.upload.in_flight = 1;
    };
    let plan = Plan { definition: Some(with_stamped), config: Some(impatient), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let part = |name: &str, body: &str| format!("--b\r\ncontent-disposition: form-data; name={name}\r\n\r\n{body}");
    let file = r#""file"; filename="a.pdf""#;
    let stands = [
        ("before the first part", String::new()),
        ("in a part's head", "--b\r\ncontent-dis".to_owned()),
        ("in a file", part(file, "%PDF-1.7 and")),
        ("between parts", part(file, "%PDF-1.7\r\n--b")),
        ("in the kind", part(r#""kind""#, "sign")),
    ];
    for (place, sent) in stands {
        let mut line = wang.begin_upload(&world, &stamped(&flow), 9000, &sent).await;
        let answer = tokio::time::timeout(Duration::from_secs(20), answer(&mut line)).await;
        let (status, problem) = answer.unwrap_or_else(|_| panic!("no answer to an upload that stands still {place}"));
        assert_eq!(
            (status.as_str(), &problem["code"]),
            ("HTTP/1.1 408 Request Timeout", &json!("upload_stalled")),
            "{place}"
        );
        assert!(problem["detail"].as_str().unwrap().contains("no data arrived for 1s"), "{problem}");
        assert_eq!(staging(&world), 0, "{place}");
    }
    // Its place is free again.
    wang.bring(&stamped(&flow), form([("a.pdf", pdf("1"))])).await.expect(201);
    assert_eq!(world.count("SELECT COUNT(*) FROM documents").await, 1);
});

/// The status line and the problem, as soon as it is whole.
async fn answer(line: &mut TcpStream) -> (String, Value) {
    let mut read = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let length = line.read(&mut piece).await.unwrap();
        read.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&read);
        let problem = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
        if let Some(problem) = problem {
            return (text.lines().next().unwrap_or_default().to_owned(), problem);
        }
        assert!(length > 0, "the connection ended without an answer: {text}");
    }
}

story!(a_folder_that_is_deleted_during_an_upload_is_made_again, async |engine: Engine| {
    fn into_a_folder(definition: &mut Value) {
        with_stamped(definition);
        definition["integration"]["stampedFolder"] = json!({ "space": "public", "path": "用印后" });
    }
    let world = World::new(engine, Plan { definition: Some(into_a_folder), ..Plan::default() }).await;
    let (flow, ..) = world.seal_use(1).await;
    let [admin, wang] = [world.caller("admin").await, world.caller("wang").await];
    let body =
        "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7 x\r\n--b--\r\n";
    let (begun, rest) = body.split_at(body.len() - 9);
    let mut line = wang.begin_upload(&world, &stamped(&flow), body.len(), begun).await;
    world.until("the file arrives", async || staging(&world) == 1).await;
    // The next version has another folder, so the first one may go.
    let path = format!("/api/definitions/{}", world.definition);
    let mut definition = admin.get(&path).await.expect(200);
    definition["integration"]["stampedFolder"]["path"] = "另一处".into();
    admin.put(&path, &definition).await.expect(200);
    let folder = "SELECT id FROM folders WHERE name = '用印后'";
    let id: String = sql(folder).scalar(&world.app.db).await.unwrap();
    admin.delete(&format!("/api/folders/{id}")).await.expect(204);
    line.write_all(rest.as_bytes()).await.unwrap();
    let stored = "SELECT COUNT(*) FROM documents d JOIN folders f ON f.id = d.folder_id WHERE f.name = '用印后'";
    world.until("the file is in the folder of its name", async || world.count(stored).await == 1).await;
});
