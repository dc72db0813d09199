//! Stories of downloads as browsers and download managers ask for them.

use reqwest::{Method, header};
use yinku::{db::sql, id::FlowId};

use crate::support::{
    Caller, Engine, Plan, Told, World,
    definitions::without_field,
    files::{pdf, stamped, world_with_stamped, zip_of},
    photos, story,
};

/// A flow with two photos that are downloaded as a zip; its first document, too.
async fn with_photos(engine: Engine) -> (World, FlowId, String) {
    let world = World::new(engine, Plan { definition: Some(without_field), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(3).await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.caller("wang").await.get(&zip_of(&flow)).await.expect(200);
    let document = photos::documents(&world, &flow).await.remove(0);
    (world, flow, format!("/api/documents/{}/content", document.id))
}

async fn downloads(world: &World) -> i64 {
    let acts = "SELECT COUNT(*) FROM audit WHERE act IN ('photos_downloaded', 'document_downloaded')";
    sql(acts).scalar(&world.app.db).await.unwrap()
}

async fn ask(caller: &Caller, method: Method, path: &str, headers: &[(header::HeaderName, &str)]) -> Told {
    let request =
        headers.iter().fold(caller.request(method, path), |request, (name, value)| request.header(name, *value));
    caller.send(request).await
}

story!(an_answer_without_a_byte_of_an_original_is_no_download, async |engine: Engine| {
    let (world, flow, content) = with_photos(engine).await;
    let wang = world.caller("wang").await;
    let zip = format!("{}?partial=true", zip_of(&flow));
    let before = downloads(&world).await;
    for path in [&zip, &content] {
        let head = ask(&wang, Method::HEAD, path, &[]).await;
        assert_eq!(head.status, 200);
        assert!(head.header("content-length").parse::<u64>().unwrap() > 100 && head.bytes.is_empty());
        let tag = head.header("etag").to_owned();
        for (name, value, status) in [
            (header::IF_NONE_MATCH, "*", 304),
            (header::IF_NONE_MATCH, tag.as_str(), 304),
            (header::RANGE, "bytes=99999999999-", 416),
            (header::RANGE, "bytes=-0", 416),
            (header::IF_MATCH, "\"other\"", 412),
        ] {
            assert_eq!(ask(&wang, Method::GET, path, &[(name.clone(), value)]).await.status, status, "{name}: {value}");
        }
        // A range of a HEAD means nothing (RFC 9110, 14.2).
        let part = ask(&wang, Method::HEAD, path, &[(header::RANGE, "bytes=0-9")]).await;
        assert_eq!((part.status.as_u16(), part.header("content-length")), (200, head.header("content-length")));
        assert_eq!(ask(&wang, Method::HEAD, path, &[(header::IF_NONE_MATCH, "*")]).await.status, 304);
    }
    // Somebody who may not have the bytes.
    assert_eq!(world.caller("zhao").await.get(&zip).await.status, 404);
    assert_eq!(downloads(&world).await, before, "no byte of an original has left");
    // The address of the flow's zip may stand for another zip later, so a part of it needs the tag.
    let tag = ask(&wang, Method::HEAD, &zip, &[]).await.header("etag").to_owned();
    assert_eq!(wang.part(&zip, "bytes=0-9", Some(&tag)).await.bytes.len(), 10);
    assert_eq!(wang.part(&content, "bytes=0-9", None).await.bytes.len(), 10);
    assert_eq!(downloads(&world).await, before + 2, "ten bytes have");
});

story!(a_part_of_another_state_is_refused, async |engine: Engine| {
    let (world, flow, content) = with_photos(engine).await;
    let wang = world.caller("wang").await;
    let zip = format!("{}?partial=true", zip_of(&flow));
    let document = content.strip_suffix("/content").unwrap();
    let thumbnail = format!("{document}/thumbnail/{}", world.app.config.thumbnail.sizes[0]);
    for path in [&zip, &content, &thumbnail] {
        let tag = wang.get(path).await.header("etag").to_owned();
        let whole = *path == thumbnail;
        for (condition, status) in [
            ("*".to_owned(), 206),
            (tag.clone(), 206),
            (format!("\"x\", {tag}"), 206),
            ("\"not-this-one\"".to_owned(), 412),
            // A weak tag promises no equal bytes, so parts must not be joined by it (RFC 9110, 13.1.1).
            (format!("W/{tag}"), 412),
        ] {
            let conditions = [(header::RANGE, "bytes=10-19"), (header::IF_MATCH, condition.as_str())];
            let told = ask(&wang, Method::GET, path, &conditions).await;
            match status {
                // `*` names no state of an address whose bytes change.
                206 if whole || (*path == zip && condition == "*") => {
                    assert_eq!(told.status, 200, "{path} {condition}");
                }
                206 => assert_eq!((told.status.as_u16(), told.bytes.len()), (206, 10), "{path} {condition}"),
                _ => drop(told.expect_problem(412, "other_state")),
            }
        }
        for (date, status) in
            [("Thu, 01 Jan 1970 00:00:00 GMT", 412), ("Fri, 31 Dec 2100 00:00:00 GMT", 200), ("soon", 200)]
        {
            let told = ask(&wang, Method::GET, path, &[(header::IF_UNMODIFIED_SINCE, date)]).await;
            assert_eq!(told.status, status, "{path} {date}");
        }
    }
    let last = wang.get(&content).await.header("last-modified").to_owned();
    let same = ask(&wang, Method::GET, &content, &[(header::IF_UNMODIFIED_SINCE, &last)]).await;
    assert_eq!(same.status, 200, "the date that it was given with: {last}");
});

story!(a_photo_that_comes_between_two_parts_does_not_mix_two_zips, async |engine: Engine| {
    let (world, flow, _) = with_photos(engine).await;
    let (wang, path) = (world.caller("wang").await, zip_of(&flow));
    let first = wang.part(&path, "bytes=0-9", None).await;
    let tag = first.header("etag").to_owned();
    let asked = world.sim.counters().of("/seal/apply/detail");
    let second = [(header::RANGE, "bytes=10-19"), (header::IF_MATCH, tag.as_str())];
    assert_eq!(ask(&wang, Method::GET, &path, &second).await.status, 206);
    assert_eq!(world.sim.counters().of("/seal/apply/detail"), asked, "a part of a known zip asks the vendor nothing");
    let business = world.sim.businesses().remove(0).id;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until("the third photo is in", async || world.count("SELECT COUNT(*) FROM documents").await == 3).await;
    ask(&wang, Method::GET, &path, &second).await.expect_problem(412, "other_state");
});

story!(a_browser_may_not_guess_what_an_original_is, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    // The last character that is looked at is cut. The second text is GBK.
    let long = format!("ab{}", "合".repeat(2000)).into_bytes();
    let files = crate::support::files::form([
        ("a.pdf", pdf("合同")),
        ("a.html", b"<script>alert(1)</script>".to_vec()),
        ("说明.txt", long),
        ("旧.txt", b"\xba\xcf\xcd\xac".to_vec()),
    ]);
    let brought = wang.bring(&stamped(&flow), files).await.expect(201);
    let utf8 = "text/plain; charset=utf-8";
    for (index, mime) in [(0, "application/pdf"), (1, utf8), (2, utf8), (3, "text/plain")] {
        let path = format!("/api/documents/{}/content", brought[index]["id"].as_str().unwrap());
        let shown = wang.get(&path).await;
        assert_eq!((shown.header("content-type"), shown.header("x-content-type-options")), (mime, "nosniff"));
        // Today's browsers show a PDF under this policy. Without it a browser could run scripts of an original.
        assert_eq!(shown.header("content-security-policy"), "sandbox; default-src 'none'");
        assert!(shown.header("content-disposition").starts_with("inline; "));
    }
});
