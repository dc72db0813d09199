//! Stories of callbacks that come in many pieces, packed, all at once, or to an address with one slash more.

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use std::io::Write;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use yinku::config::{ByteSize, Config, Span};

use crate::support::{
    Engine, Plan, World,
    callbacks::{PATH, newest, until_linked, with_key},
    files::png,
    story,
    wire::{FORM, JSON, KEY, MULTIPART, callback, heard, parts, request, say},
};

const BUSINESS: &str = "2490828768980361630";

async fn world_with(engine: Engine, config: fn(&mut Config)) -> World {
    World::new(engine, Plan { config: Some(config), ..Plan::default() }).await
}

fn small(config: &mut Config) {
    with_key(config);
    config.callback.max_body = ByteSize::mib(1);
    config.callback.bytes_in_flight = ByteSize::mib(1);
}

/// The head of a callback of any length, then what of its body is sent.
async fn begun(world: &World, length: &str, sent: &[u8]) -> TcpStream {
    let mut line = TcpStream::connect(world.app.config.listen).await.unwrap();
    let head = format!("POST {PATH}?key={KEY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{FORM}\r\n{length}\r\n\r\n");
    line.write_all(head.as_bytes()).await.unwrap();
    line.write_all(sent).await.unwrap();
    line
}

async fn status_of_a_small_one(world: &World) -> u16 {
    say(world, callback(&[FORM], format!("businessId={BUSINESS}&status=USING").as_bytes())).await.status
}

story!(fifty_callbacks_in_chunks_at_once_are_all_taken, async |engine: Engine| {
    let world = world_with(engine, with_key).await;
    let body = format!("1e\r\nbusinessId={BUSINESS}\r\n10\r\n&status=COMPLETE\r\n");
    let mut lines = Vec::new();
    for _ in 0..50 {
        lines.push(begun(&world, "Transfer-Encoding: chunked", body.as_bytes()).await);
    }
    // None has ended before all have begun.
    for line in &mut lines {
        line.write_all(b"0\r\n\r\n").await.unwrap();
    }
    for line in lines {
        assert_eq!(heard(line).await.status, 200);
    }
    let taken =
        "SELECT COUNT(*) FROM callbacks WHERE business_id = '2490828768980361630' AND shape = 'P1' AND body_bytes = 46";
    assert_eq!(world.count(taken).await, 50);
});

story!(silent_senders_that_declare_much_keep_no_other_out, async |engine: Engine| {
    let world = world_with(engine, small).await;
    let mut silent = Vec::new();
    for length in ["Content-Length: 1048576", "Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        for sent in [b"".as_slice(), b"5\r\nbusin"] {
            silent.push(begun(&world, length, sent).await);
        }
    }
    assert_eq!(status_of_a_small_one(&world).await, 200);
    drop(silent);
});

story!(the_bound_on_memory_holds_for_what_arrives, async |engine: Engine| {
    let world = world_with(engine, small).await;
    for (length, most) in [
        ("Content-Length: 1048576", vec![b'x'; (1 << 20) - 1]),
        ("Transfer-Encoding: chunked", [b"FFFFF\r\n".as_slice(), &vec![b'x'; 0xF_FFFF]].concat()),
    ] {
        let mut large = begun(&world, length, &most).await;
        // A small one that comes first takes some room, and then the large one has come in vain.
        let refused = async || {
            let refused = status_of_a_small_one(&world).await == 503;
            if !refused {
                large = begun(&world, length, &most).await;
            }
            refused
        };
        world.until("there is no room", refused).await;
        drop(large);
        world.until("there is room again", async || status_of_a_small_one(&world).await == 200).await;
    }
    // One byte more than is allowed, declared or not.
    let said = heard(begun(&world, "Content-Length: 1048577", b"").await).await;
    assert_eq!(said.status, 413, "{said:?}");
    let chunked = [b"100001\r\n".as_slice(), &vec![b'x'; 0x10_0001], b"\r\n0\r\n\r\n"].concat();
    let mut line = begun(&world, "Transfer-Encoding: chunked", b"").await;
    let _ = line.write_all(&chunked).await;
    assert_eq!(heard(line).await.status, 413);
    assert_eq!(status_of_a_small_one(&world).await, 200, "a refused body gives its room back");
});

story!(a_callback_that_stops_is_ended_and_gives_its_room_back, async |engine: Engine| {
    fn impatient(config: &mut Config) {
        small(config);
        config.clients.body_wait = Span::secs(1);
    }
    let world = world_with(engine, impatient).await;
    let line = begun(&world, "Content-Length: 1048576", &vec![b'x'; 1 << 19]).await;
    let said = heard(line).await;
    assert_eq!(said.status, 408, "{said:?}");
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 0);
    assert_eq!(status_of_a_small_one(&world).await, 200);
});

story!(a_callback_that_is_never_complete_ends_at_the_deadline, async |engine: Engine| {
    fn short(config: &mut Config) {
        small(config);
        config.callback.deadline = Span::secs(1);
    }
    let world = world_with(engine, short).await;
    // It keeps the rate: it has half a minute of credit.
    let line = begun(&world, "Content-Length: 1048576", &vec![b'x'; 1 << 19]).await;
    let said = heard(line).await;
    assert!(said.status == 408 && String::from_utf8_lossy(&said.body).contains("not complete after 1s"), "{said:?}");
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 0);
    assert_eq!(status_of_a_small_one(&world).await, 200);
});

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

story!(a_packed_callback_is_unpacked, async |engine: Engine| {
    let world = world_with(engine, small).await;
    let (.., business) = world.seal_use(9).await;
    let form = format!("businessId={business}&status=USING").into_bytes();
    let json = format!(r#"{{"businessId": "{business}", "status": "USING"}}"#).into_bytes();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&form).unwrap();
    for (kind, coding, body) in [
        (FORM, "Content-Encoding: gzip", gzip(&form)),
        (JSON, "Content-Encoding: gzip", gzip(&json)),
        (FORM, "Content-Encoding: deflate", zlib.finish().unwrap()),
        (JSON, "Content-Encoding: X-GZip", gzip(&json)),
        (FORM, "Content-Encoding: gzip\r\nContent-Encoding: gzip", gzip(&gzip(&form))),
        // The gateway says nothing, or says what another one has undone.
        (FORM, "X-Nothing: said", gzip(&form)),
        (FORM, "Content-Encoding: gzip", form.clone()),
        (FORM, "Content-Encoding: UTF-8", form.clone()),
        (FORM, "Content-Encoding:", form.clone()),
    ] {
        assert_eq!(say(&world, callback(&[kind, coding], &body)).await.status, 200, "{coding}");
        let read = newest(&world).await;
        assert_eq!((read.shape.as_str(), read.business_id.as_deref()), ("P1", Some(business.as_str())), "{coding}");
    }
    // The pass reads the body again.
    let picture = png(1);
    let files = parts(
        &[
            ("form-data; name=\"businessId\"", business.as_bytes()),
            ("form-data; name=\"images\"; filename=\"1.png\"", &picture),
        ],
        "--",
    );
    assert_eq!(say(&world, callback(&[MULTIPART, "Content-Encoding: gzip"], &gzip(&files))).await.status, 200);
    until_linked(&world, &picture).await;
});

story!(a_packed_callback_that_cannot_be_read_is_refused_and_not_kept, async |engine: Engine| {
    let world = world_with(engine, small).await;
    let form = format!("businessId={BUSINESS}&status=COMPLETE").into_bytes();
    let packed = gzip(&form);
    // Two megabytes of nothing in two kilobytes.
    let bomb = gzip(&vec![b'x'; 2 << 20]);
    for (coding, body, status) in [
        ("Content-Encoding: br", form.as_slice(), 415),
        ("Content-Encoding: zstd", &form, 415),
        ("Content-Encoding: gzip, gzip, gzip, gzip", &packed, 415),
        ("Content-Encoding: gzip", &packed[..packed.len() - 9], 400),
        ("Content-Encoding: gzip", &bomb, 413),
    ] {
        let said = say(&world, callback(&[FORM, coding], body)).await;
        assert_eq!(said.status, status, "{coding}: {said:?}");
        let answer: serde_json::Value = serde_json::from_slice(&said.body).unwrap();
        assert_eq!(answer["code"], 1_000_000, "{answer}");
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 0);
    assert_eq!(status_of_a_small_one(&world).await, 200);
});

story!(a_slash_more_leads_to_the_same_door, async |engine: Engine| {
    let world = world_with(engine, with_key).await;
    let body = format!("businessId={BUSINESS}&status=COMPLETE&number=E001");
    // 404 would be correct HTTP for two slashes. But a callback that is refused for years is lost evidence, and one
    // slash too many is how people join addresses.
    for path in [
        format!("{PATH}/?key={KEY}"),
        format!("/{PATH}?key={KEY}"),
        format!("/{PATH}/?key={KEY}"),
        format!("{PATH}/{KEY}/"),
        format!("/{PATH}/{KEY}"),
    ] {
        let said = say(&world, request(&format!("POST {path}"), &[FORM], body.as_bytes())).await;
        assert_eq!(said.status, 200, "{path}");
        let read = newest(&world).await;
        assert_eq!((read.shape.as_str(), read.business_id.as_deref()), ("P1", Some(BUSINESS)), "{path}");
        let probe = say(&world, request(&format!("GET {path}"), &[], b"")).await;
        assert_eq!(probe.status, 200, "{path}");
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 5);
    for path in [format!("{PATH}/"), format!("/{PATH}"), format!("{PATH}/wrong/"), format!("/{PATH}/?key=wrong")] {
        assert_eq!(say(&world, request(&format!("POST {path}"), &[FORM], body.as_bytes())).await.status, 403, "{path}");
    }
    for path in ["/papi//signcenter/qiyuesuo/categoryCallback?key=secret", "//papi/?key=secret"] {
        assert_eq!(say(&world, request(&format!("POST {path}"), &[FORM], body.as_bytes())).await.status, 404, "{path}");
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 5, "the key is still demanded");
});
