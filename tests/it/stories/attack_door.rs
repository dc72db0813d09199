//! Attacks on the door of callbacks: keys, networks, addresses behind proxies, and what of a key is kept.

use std::process::Stdio;

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpSocket,
    process::ChildStderr,
};
use yinku::{
    config::{ByteSize, Config},
    db::sql,
};

use crate::support::{
    Caller, Engine, Plan, Told, World,
    callbacks::{PATH, open_door},
    process::{House, yinku},
    story,
    until::within,
};

const SECRET: &str = "k&y-é 1";
const SPELLED: &str = "k%26y-%C3%A9%201";

fn with_secrets(config: &mut Config) {
    config.callback.secret = Some(SECRET.into());
    config.callback.former_secret = Some("the-former-key".into());
}

async fn world_with(engine: Engine, config: fn(&mut Config)) -> World {
    World::new(engine, Plan { config: Some(config), ..Plan::default() }).await
}

async fn send(world: &World, suffix: &str, headers: &[(&str, &str)]) -> Told {
    let nobody = Caller::nobody(world);
    let request = nobody.request(Method::POST, &format!("{PATH}{suffix}")).json(&json!({ "businessId": "7" }));
    nobody.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

story!(a_callback_must_carry_the_secret_and_no_spelling_of_it_is_kept, async |engine: Engine| {
    fn by_secret(config: &mut Config) {
        open_door(config);
        with_secrets(config);
    }
    let world = world_with(engine, by_secret).await;
    for suffix in ["", "?key=wrong", "/wrong", "?key=", "?KEY=the-former-key"] {
        send(&world, suffix, &[]).await.expect_problem(403, "callback_refused");
    }
    send(&world, "", &[("x-yinku-key", "wrong")]).await.expect_problem(403, "callback_refused");
    for suffix in [
        format!("?key={SPELLED}"),
        format!("?a=1&%6B%65y={SPELLED}&b=2"),
        format!("/{SPELLED}"),
        format!("/%6B%26y-%c3%a9%201?other={SPELLED}"),
        "?key=the-former-key".to_owned(),
    ] {
        send(&world, &suffix, &[]).await.expect(200);
    }
    send(&world, "", &[("x-yinku-key", "the-former-key")]).await.expect(200);
    let kept =
        "SELECT COUNT(*) FROM callbacks WHERE query NOT IN ('', 'a=1&b=2') OR params LIKE '%key%' OR NOT authenticated";
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 6);
    assert_eq!(world.count(kept).await, 0);
    let said = world.caller("sun").await.get("/api/callbacks/door").await.expect(200);
    assert_eq!((&said["open"], &said["secretSet"], &said["refusedSealUses"]), (&json!(false), &json!(true), &json!(0)));
});

story!(with_a_secret_and_a_network_both_are_demanded, async |engine: Engine| {
    fn here(config: &mut Config) {
        with_secrets(config);
        config.callback.allow_from = vec!["127.0.0.0/8".parse().unwrap()];
    }
    fn elsewhere(config: &mut Config) {
        with_secrets(config);
        config.callback.allow_from = vec!["192.0.2.0/24".parse().unwrap()];
    }
    let world = world_with(engine, with_secrets).await;
    send(&world, "", &[]).await.expect_problem(403, "callback_refused");
    send(&world, "?key=the-former-key", &[]).await.expect(200);
    let world = world_with(engine, elsewhere).await;
    send(&world, "?key=the-former-key", &[]).await.expect_problem(403, "callback_refused");
    let world = world_with(engine, here).await;
    for suffix in ["", "?key=wrong"] {
        send(&world, suffix, &[]).await.expect_problem(403, "callback_refused");
    }
    send(&world, &format!("?key={SPELLED}"), &[]).await.expect(200);
    send(&world, "?key=the-former-key", &[]).await.expect(200);
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks WHERE authenticated").await, 2);
});

story!(an_open_door_is_told_plainly, async |engine: Engine| {
    let world = world_with(engine, open_door).await;
    send(&world, "", &[]).await.expect(200);
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks WHERE NOT authenticated").await, 1);
    let said = world.caller("admin").await.get("/api/callbacks/door").await.expect(200);
    assert_eq!((&said["open"], &said["secretSet"], &said["networksSet"]), (&json!(true), &json!(false), &json!(false)));
    world.caller("wang").await.get("/api/callbacks/door").await.expect_problem(403, "forbidden");
});

// Only a trusted proxy is believed, and of what it forwards only the part that it wrote itself.
story!(a_stranger_cannot_forge_the_address_of_the_vendor, async |engine: Engine| {
    fn behind_a_proxy(config: &mut Config) {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        config.callback.allow_from = vec!["192.0.2.0/24".parse().unwrap()];
    }
    fn without_a_proxy(config: &mut Config) {
        behind_a_proxy(config);
        config.trusted_proxies = Vec::new();
    }
    let world = world_with(engine, behind_a_proxy).await;
    send(&world, "", &[("x-forwarded-for", "192.0.2.7")]).await.expect(200);
    send(&world, "", &[("forwarded", "for=192.0.2.7;proto=https")]).await.expect(200);
    let peers: Vec<String> = sql("SELECT DISTINCT peer FROM callbacks").scalars(&world.app.db).await.unwrap();
    assert_eq!(peers, ["192.0.2.7"]);
    send(&world, "", &[("x-forwarded-for", "192.0.2.7, 198.51.100.9")]).await.expect_problem(403, "callback_refused");
    send(&world, "", &[]).await.expect_problem(403, "callback_refused");
    let both = [("x-forwarded-for", "198.51.100.9"), ("forwarded", "for=192.0.2.7")];
    send(&world, "", &both).await.expect_problem(400, "bad_forwarded");
    // The audit log names the client, not the proxy.
    let nobody = Caller::nobody(&world);
    let login = nobody.request(Method::POST, "/api/session").json(&json!({ "username": "nobody", "password": "x" }));
    nobody.send(login.header("x-forwarded-for", "198.51.100.9")).await.expect(401);
    let told = async || {
        world.count("SELECT COUNT(*) FROM audit WHERE act = 'login_failed' AND detail LIKE '%198.51.100.9%'").await == 1
    };
    world.until("the entry is written", told).await;

    let world = world_with(engine, without_a_proxy).await;
    send(&world, "", &[("x-forwarded-for", "192.0.2.7")]).await.expect_problem(403, "callback_refused");
});

story!(addresses_given_out_before_a_change_of_the_secret, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let start = |secrets: &[(&str, &str)]| {
        let mut command = house.command();
        command.env("YINKU_INGEST__POLL_OPEN", "1s").envs(secrets.iter().copied());
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let first = start(&[("YINKU_CALLBACK__SECRET", "secret-a")]);
    let (flow, seal_use) = house.applied_flow(2).await;
    let business = seal_use.business_id.clone().unwrap();
    house.retire(first).await;
    let kept: String = sql("SELECT callback_key FROM seal_uses").scalar(&house.app.db).await.unwrap();
    assert!(!kept.contains("secret"), "{kept}");

    let mut second = start(&[("YINKU_CALLBACK__SECRET", "secret-b")]);
    let warning = line_with(second.stderr.take().unwrap(), "a callback address that is refused now").await;
    assert!(warning.contains("refused=1"), "{warning}");
    let said = house.caller("admin").await.get("/api/callbacks/door").await.expect(200);
    assert_eq!(said["refusedSealUses"], 1);
    house.sim.stamp(&business, 0).await.unwrap();
    house.sim.resend_end(&business).await.unwrap();
    assert!(
        house.sim.deliveries().iter().any(|delivery| delivery.status == Some(403)),
        "the address has the old secret"
    );
    // Polling finds its photo.
    let stored = async || {
        let stored = "SELECT COUNT(*) FROM photos WHERE state = 'done'";
        sql(stored).scalar::<i64>(&house.app.db).await.unwrap() == 1
    };
    house.until("the photo of the refused address is here", stored).await;
    house.retire(second).await;

    let third = start(&[("YINKU_CALLBACK__SECRET", "secret-b"), ("YINKU_CALLBACK__FORMER_SECRET", "secret-a")]);
    let said = house.caller("admin").await.get("/api/callbacks/door").await.expect(200);
    assert_eq!(said["refusedSealUses"], 0);
    house.sim.stamp(&business, 0).await.unwrap();
    house.until_archived(&flow).await;
    let authenticated: i64 =
        sql("SELECT COUNT(*) FROM callbacks WHERE authenticated").scalar(&house.app.db).await.unwrap();
    assert!(authenticated >= 1);
    house.retire(third).await;
});

/// Returns the first line of a log that has these words. The rest of the log is read, too: it has a reader for as long
/// as the process runs.
async fn line_with(log: ChildStderr, words: &str) -> String {
    let mut lines = BufReader::new(log).lines();
    let found = within("the log says it", async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the process runs");
            if line.contains(words) {
                return line;
            }
        }
    })
    .await;
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    found
}

fn behind_a_proxy_with_little(config: &mut Config) {
    open_door(config);
    config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    config.callback.bytes_per_hour = ByteSize::mib(1);
}

// Behind a proxy all come from one address. The limits are those of the clients.
story!(limits_of_addresses_are_those_of_the_clients_behind_a_trusted_proxy, async |engine: Engine| {
    let world = world_with(engine, behind_a_proxy_with_little).await;
    let nobody = Caller::nobody(&world);
    let from = async |client: &str, request: RequestBuilder| {
        nobody.send(request.header("x-forwarded-for", client)).await.status.as_u16()
    };
    let (one, other) = ("198.51.100.1", "198.51.100.2");
    let guess = || {
        let guess = json!({ "username": "chen", "password": "not this one at all" });
        nobody.request(Method::POST, "/api/session").json(&guess)
    };
    for _ in 0..4 {
        assert_eq!(from(one, guess()).await, 401);
    }
    assert_eq!(from(one, guess()).await, 429);
    assert_eq!(from(other, guess()).await, 401, "another client behind the same proxy");

    let large = || nobody.request(Method::POST, PATH).body("x".repeat(600_000));
    assert_eq!((from(one, large()).await, from(one, large()).await), (200, 429));
    assert_eq!(from(other, large()).await, 200);
    let small = nobody.request(Method::POST, PATH).body("x".repeat(60_000));
    assert_eq!(from(one, small).await, 200);
});

fn small_room(config: &mut Config) {
    open_door(config);
    config.callback.max_body = ByteSize::mib(2);
    config.callback.bytes_in_flight = ByteSize::mib(4);
}

// The address takes its quarter and stands still.
story!(a_stranger_with_a_quarter_of_the_room_keeps_no_other_out, async |engine: Engine| {
    let world = world_with(engine, small_room).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut line = socket.connect(world.app.config.listen).await.unwrap();
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-length: 1048576\r\n\r\n");
    line.write_all(&[head.as_bytes(), &vec![b'x'; (1 << 20) - 1]].concat()).await.unwrap();
    let (same, other) = (Caller::from_address(&world, [127, 0, 0, 2]), Caller::from_address(&world, [127, 0, 0, 3]));
    let send = async |caller: &Caller, bytes: usize| {
        let told = caller.send(caller.request(Method::POST, PATH).body("x".repeat(bytes))).await;
        (told.status.as_u16(), told.header("retry-after").to_owned())
    };
    world.until("its quarter is taken", async || send(&same, 200_000).await == (503, "1".to_owned())).await;
    assert_eq!(send(&other, 900_000).await.0, 200);
    assert_eq!(send(&same, 60_000).await.0, 200, "a vendor behind the same proxy sends small bodies");
    drop(line);
    world.until("it is free again", async || send(&same, 900_000).await.0 == 200).await;
});

#[tokio::test]
async fn serve_says_that_no_secret_is_set() {
    for (secret, warns) in [(None, true), (Some("a-secret-of-some-length"), false)] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = tokio::process::Command::from(yinku(dir.path()));
        command.arg("serve").env("YINKU_LOG__FILTER", "info").env("YINKU_LISTEN", "127.0.0.1:0");
        if let Some(secret) = secret {
            command.env("YINKU_CALLBACK__SECRET", secret);
        }
        let mut process = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (mut log, mut said) = (process.stderr.take().unwrap(), Vec::new());
        within("it listens", async {
            while !String::from_utf8_lossy(&said).contains("listening") {
                assert!(log.read_buf(&mut said).await.unwrap() > 0, "{}", String::from_utf8_lossy(&said));
            }
        })
        .await;
        process.kill().await.unwrap();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(said.contains("no callback secret is set"), warns, "{said}");
    }
}
