//! Attacks with uploads: bodies without a file and without an end, and many uploads at once.

use reqwest::multipart::{Form, Part};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::library_folders::{id, make};
use crate::support::{
    Engine, World,
    files::{form, png, staging, stamped, world_with_stamped},
    flows::show,
    seals::{in_use, one_photo_short, one_seal},
    story,
    wire::heard,
};

const MUCH: usize = 600 << 20;

/// Sends `unit` until the service answers or has taken 4 MiB. Returns what was sent.
async fn flood(line: &mut TcpStream, unit: &[u8]) -> usize {
    let mut sent = 0;
    while sent < 4 << 20 && line.write_all(unit).await.is_ok() {
        sent += unit.len();
    }
    sent
}

story!(what_comes_before_a_file_is_bounded, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, _) = in_use(&world, &one_seal(2)).await;
    let wang = world.caller("wang").await;
    let long_name = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"";
    let many_heads = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n";
    let second = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b\r\n";
    for (begin, unit) in
        [("", "preamble "), (long_name, "name"), (many_heads, "x-head: 1\r\n"), (second, "x-head: 1\r\n")]
    {
        let mut line = wang.begin_upload(&world, &stamped(&flow), MUCH, begin).await;
        flood(&mut line, unit.repeat(1_000).as_bytes()).await;
        let said = heard(line).await;
        let body = String::from_utf8_lossy(&said.body).into_owned();
        assert!(said.status == 413 && body.contains("65536 bytes came before"), "{unit}: {} {body}", said.status);
    }
    assert_eq!(staging(&world), 0);
    wang.bring(&stamped(&flow), form([("a.png", png(1)), ("b.png", png(2))])).await.expect(201);
});

story!(a_text_part_is_short_and_comes_once, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    let admin = world.caller("admin").await;
    one_photo_short(&world, &business).await;
    let view = show(&admin, &flow).await;
    let path = format!("/api/grants/{}/photos", view["sealUses"][0]["grants"][0]["id"].as_str().unwrap());
    let picture = || Part::bytes(png(9)).file_name("a.png");
    let long = Form::new().text("kind", "signatory".repeat(100_000)).part("file", picture());
    let problem = admin.bring(&path, long).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "kind");
    let twice = Form::new().text("kind", "face").text("kind", "face").part("file", picture());
    let problem = admin.bring(&path, twice).await.expect_problem(422, "invalid");
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("twice"), "{problem}");
    assert_eq!(staging(&world), 0);
    world.until_quiet().await;
});

story!(a_user_has_at_most_four_uploads_at_once, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, _) = in_use(&world, &one_seal(2)).await;
    let wang = world.caller("wang").await;
    let begun = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\nxx";
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push(wang.begin_upload(&world, &stamped(&flow), 1_000, begun).await);
    }
    world.until("four uploads are received", async || staging(&world) == 4).await;
    let told = wang.bring(&stamped(&flow), form([("b.png", png(2))])).await;
    assert_eq!(told.header("retry-after"), "1");
    let problem = told.expect_problem(429, "too_many_at_once");
    assert!(problem["detail"].as_str().unwrap().contains("4 uploads of this user"), "{problem}");
    world.caller("admin").await.bring(&stamped(&flow), form([("c.png", png(3))])).await.expect(201);
    drop(lines.pop());
    world
        .until("a place is free again", async || {
            wang.bring(&stamped(&flow), form([("d.png", png(4))])).await.status == 201
        })
        .await;
    drop(lines);
    world.until("nothing is left of the others", async || staging(&world) == 0).await;
});

story!(the_photos_that_people_supply_count_among_their_uploads, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    one_photo_short(&world, &business).await;
    let wang = world.caller("wang").await;
    let view = show(&wang, &flow).await;
    let path = format!("/api/grants/{}/photos", view["sealUses"][0]["grants"][0]["id"].as_str().unwrap());
    let begun = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nxx";
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push(wang.begin_upload(&world, &path, 1_000, begun).await);
    }
    world.until("four uploads are received", async || staging(&world) == 4).await;
    let told = wang.bring(&path, form([("b.png", png(2))])).await;
    assert_eq!(told.header("retry-after"), "1");
    told.expect_problem(429, "too_many_at_once");
    drop(lines);
    world.until("nothing is left of them", async || staging(&world) == 0).await;
    world.until("the photo is taken", async || wang.bring(&path, form([("b.png", png(2))])).await.status == 201).await;
    world.until_archived(&flow).await;
});

story!(an_upload_ends_with_the_account_and_the_roles_of_its_user, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, _) = in_use(&world, &one_seal(2)).await;
    let [admin, zhao] = [world.caller("admin").await, world.caller("zhao").await];
    let folder = make(&zhao, None, "合同").await;
    let users = admin.get("/api/users?limit=200").await.expect(200);
    let path_of = |name: &str| {
        let user = users["items"].as_array().unwrap().iter().find(|user| user["username"] == name).unwrap();
        format!("/api/users/{}", id(user))
    };
    let begin = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\nxx";
    let end = "yy\r\n--b--\r\n";
    for (username, path, change) in [
        ("wang", stamped(&flow), json!({ "roles": ["operator", "archivist"] })),
        ("wang", stamped(&flow), json!({ "disabled": true })),
        ("zhao", format!("/api/folders/{folder}/documents"), json!({ "roles": ["member"] })),
    ] {
        let caller = world.caller(username).await;
        let mut line = caller.begin_upload(&world, &path, begin.len() + end.len(), begin).await;
        world.until("the upload is received", async || staging(&world) == 1).await;
        admin.patch(&path_of(username), &change).await.expect(200);
        line.write_all(end.as_bytes()).await.unwrap();
        let mut answer = String::new();
        BufReader::new(&mut line).read_line(&mut answer).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some("401"), "{change}: {answer}");
        world.until("nothing of it is left", async || staging(&world) == 0).await;
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM documents WHERE source = 'upload'").await, 0);
});
