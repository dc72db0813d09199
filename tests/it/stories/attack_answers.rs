//! Attacks on browsers: answers in caches, cookies of other hosts, writes of other sites.

use std::collections::BTreeSet;

use reqwest::{Client, Method, Response, header::HeaderMap};
use serde_json::{Value, json};
use yinku::{config::Config, http};

use crate::support::{
    Caller, Engine, Plan, World,
    database::execute,
    definitions::without_field,
    files::zip_of,
    people::{PASSWORD, make_user},
    seals::{archived, archived_documents},
    story,
};

#[track_caller]
fn assert_guarded(path: &str, headers: &HeaderMap, cache: &str) {
    let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
    assert_eq!(header("cache-control"), cache, "{path}");
    assert_eq!(header("strict-transport-security"), "", "{path}: the public address is plain HTTP");
}

/// The routes of the document that are read without an id.
fn plain_reads() -> BTreeSet<String> {
    let document = serde_json::to_value(http::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let plain = paths.filter(|(path, item)| item.get("get").is_some() && !path.contains('{'));
    plain.map(|(path, _)| path.clone()).filter(|path| path != "/api/events").collect()
}

story!(only_originals_thumbnails_and_zips_stay_in_a_cache, async |world: World| {
    let document = archived_documents(&world).await.remove(0);
    let (admin, nobody) = (world.caller("admin").await, Caller::nobody(&world));
    let flow = document.flow_id.clone().unwrap();
    let reads = plain_reads();
    assert!(reads.len() > 15, "{reads:?}");
    for path in &reads {
        assert_guarded(path, &admin.get(path).await.headers, "no-store");
        assert_guarded(path, &nobody.get(path).await.headers, "no-store");
    }
    for path in ["", "/seal-code", "/seal-detail", "/photos.zip"] {
        let path = format!("/api/flows/{flow}{path}");
        assert_guarded(&path, &admin.get(&path).await.headers, "no-store");
    }
    let of_document = |rest: &str| format!("/api/documents/{}{rest}", document.id);
    assert_guarded("a document", &admin.get(&of_document("")).await.headers, "no-store");
    let original = admin.get(&of_document("/content")).await;
    assert_guarded("an original", &original.headers, "private, no-cache");
    let thumbnail = admin.get(&of_document("/thumbnail/256")).await;
    assert_guarded("a thumbnail", &thumbnail.headers, "private, max-age=31536000, immutable");
    assert_eq!(thumbnail.header("vary"), "cookie, authorization", "the next user of the browser gets none of them");
    // A refusal of one of these is not kept.
    for path in ["/content", "/thumbnail/256"] {
        assert_guarded(path, &nobody.get(&of_document(path)).await.headers, "no-store");
    }
    // What a browser keeps, it keeps after it asked again.
    let again = admin.request(Method::GET, &of_document("/content")).header("if-none-match", original.header("etag"));
    assert_eq!(admin.send(again).await.header("cache-control"), "");
    for (method, path) in
        [(Method::POST, "/api/users"), (Method::DELETE, "/api/session"), (Method::PUT, "/api/nothing")]
    {
        let told = nobody.send(nobody.request(method, path)).await;
        assert_guarded(path, &told.headers, "no-store");
    }
});

story!(a_zip_can_be_resumed, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(without_field), ..Plan::default() }).await;
    let flow = archived(&world, 2).await;
    let zip = world.caller("zhang").await.get(&zip_of(&flow)).await;
    assert_guarded("a zip", &zip.headers, "private, no-cache");
});

fn public(config: &mut Config) {
    config.public_url = "https://yinku.example".parse().unwrap();
}

/// A browser that reaches the service behind a proxy with TLS.
struct Browser {
    client: Client,
    base: String,
    cookie: String,
}

impl Browser {
    async fn log_in(world: &World) -> (Self, Response) {
        let client = Client::builder().no_proxy().build().unwrap();
        let base = format!("http://{}", world.app.config.listen);
        let login = json!({ "username": "chen", "password": PASSWORD });
        let answer = client.post(format!("{base}/api/session")).json(&login).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        (Self { client, base, cookie }, answer)
    }

    /// Sends a write with the cookie. Returns the status and the code of a problem.
    async fn write(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> (u16, String) {
        let request = self.client.post(format!("{}{path}", self.base)).json(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let told: Value = answer.json().await.unwrap_or_default();
        (status, told["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// The same world for 陈八, whose user an administrator of the loopback address made before.
async fn public_world(engine: Engine) -> World {
    let world = World::new(engine, Plan { config: Some(public), ..Plan::default() }).await;
    let admin = Caller::of(&world.app, format!("http://{}", world.app.config.listen).parse().unwrap(), "admin").await;
    let user = json!({ "username": "chen", "displayName": "陈八", "password": PASSWORD, "roles": ["member"] });
    admin.post("/api/users", &user).await.expect(201);
    world
}

story!(behind_https_the_cookie_is_bound_to_the_host, async |engine: Engine| {
    let world = public_world(engine).await;
    let (browser, answer) = Browser::log_in(&world).await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap();
    let set = header("set-cookie");
    assert!(set.starts_with("__Host-yinku_session="), "{set}");
    for word in ["; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"] {
        assert!(set.contains(word), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    assert_eq!(header("strict-transport-security"), "max-age=31536000");
    let get = async |cookie: &str| {
        let request = browser.client.get(format!("{}/api/session", browser.base)).header("cookie", cookie);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(get(&browser.cookie).await, 200);
    // A cookie that a neighbour of the host could set is none.
    assert_eq!(get(browser.cookie.trim_start_matches("__Host-")).await, 401);
    let leave = browser.client.delete(format!("{}/api/session", browser.base)).header("cookie", &browser.cookie);
    let left = leave.header("origin", "https://yinku.example").send().await.unwrap();
    let cleared = left.headers()["set-cookie"].to_str().unwrap();
    assert!(cleared.starts_with("__Host-yinku_session=;") && cleared.contains("; Secure"), "{cleared}");
    assert_eq!(get(&browser.cookie).await, 401);
});

story!(only_the_public_origin_may_write_whatever_host_says, async |engine: Engine| {
    let world = public_world(engine).await;
    let (browser, _) = Browser::log_in(&world).await;
    let (token, cookie) = (json!({ "name": "t" }), browser.cookie.as_str());
    let local = format!("http://{}", world.app.config.listen);
    let refused = (403, "other_origin".to_owned());
    for (origin, host) in [
        ("https://evil.example", "evil.example"),
        ("http://evil.example", "evil.example"),
        ("https://evil.example", "yinku.example"),
        ("http://yinku.example", "yinku.example"),
        ("https://yinku.example:8443", "yinku.example:8443"),
        ("https://yinku.example.evil.example", "yinku.example"),
        (&local, local.trim_start_matches("http://")),
        ("null", "yinku.example"),
        ("", "yinku.example"),
    ] {
        let headers = [("cookie", cookie), ("origin", origin), ("host", host)];
        assert_eq!(browser.write("/api/tokens", &token, &headers).await, refused, "{origin} {host}");
        // A page of another site logs nobody in as somebody else.
        let login = json!({ "username": "chen", "password": PASSWORD });
        assert_eq!(browser.write("/api/session", &login, &headers[1..]).await, refused, "{origin} {host}");
    }
    let cross = [("cookie", cookie), ("sec-fetch-site", "cross-site"), ("host", "yinku.example")];
    assert_eq!(browser.write("/api/tokens", &token, &cross).await, refused);
    for host in ["yinku.example", "evil.example"] {
        let headers = [("cookie", cookie), ("origin", "https://yinku.example"), ("host", host)];
        assert_eq!(browser.write("/api/tokens", &token, &headers).await.0, 201, "{host}");
    }
});

story!(without_a_public_url_the_pages_work_under_each_name_of_the_machine, async |world: World| {
    make_user(&world, "chen", &["member"]).await;
    let (browser, _) = Browser::log_in(&world).await;
    let token = json!({ "name": "t" });
    let write = async |origin: &str, host: &str| {
        let headers = [("cookie", browser.cookie.as_str()), ("origin", origin), ("host", host)];
        browser.write("/api/tokens", &token, &headers).await.0
    };
    assert_eq!(write("http://printer-room:8080", "printer-room:8080").await, 201);
    assert_eq!(write("http://evil.example", "printer-room:8080").await, 403);
});

story!(a_5xx_answer_does_not_show_its_cause, async |world: World| {
    let admin = world.caller("admin").await;
    execute(&world.app.db, ["ALTER TABLE callbacks RENAME TO gone"]).await;
    let told = admin.get("/api/callbacks").await;
    let text = String::from_utf8_lossy(&told.bytes).to_lowercase();
    assert!(told.status.is_server_error(), "{text}");
    for cause in ["callbacks", "gone", "table", "relation", "select", "sql", "/src/", "panicked"] {
        assert!(!text.contains(cause), "{cause}: {text}");
    }
    execute(&world.app.db, ["ALTER TABLE gone RENAME TO callbacks"]).await;
    admin.get("/api/callbacks").await.expect(200);
});
