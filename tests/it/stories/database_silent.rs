//! A database that does not answer is an answer of the service, never silence.

use std::time::Duration;

use futures::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::time::{Instant, timeout};
use yinku::{
    config::DatabaseUrl,
    db::{Tx, sql},
};

use crate::support::{
    Caller, Engine, Plan, Told, World,
    callbacks::PATH,
    files::{form, png, stamped, with_stamped},
    gate,
    people::login,
    story::{story, story_on_postgres},
};

/// The bound is 10 s. Twice as long is for a busy machine; `db::patience` proves the sum of all waits of a request.
const ANSWERED: Duration = Duration::from_secs(20);

/// What people and the vendor ask for while the database is silent. True: it is a write.
struct Asked {
    what: &'static str,
    write: bool,
    request: RequestBuilder,
}

/// People who are logged in before the database falls silent.
struct People {
    zhang: Caller,
    wang: Caller,
    admin: Caller,
    session: Caller,
    nobody: Caller,
    flow: String,
}

impl People {
    async fn of(world: &World) -> Self {
        let (flow, ..) = world.seal_use(2).await;
        world.until_quiet().await;
        Self {
            zhang: world.caller("zhang").await,
            wang: world.caller("wang").await,
            admin: world.caller("admin").await,
            session: world.session("li").await,
            nobody: Caller::nobody(world),
            flow: flow.to_string(),
        }
    }

    fn ask(&self, world: &World) -> Vec<Asked> {
        let Self { zhang, wang, admin, session, nobody, flow } = self;
        let start = json!({ "definitionId": world.definition, "form": {} });
        let guess = json!({ "username": "zhang", "password": "not the password" });
        let of_flow = |rest: &str| format!("/api/flows/{flow}{rest}");
        let path = stamped(&flow.parse().unwrap());
        let asked = |what, write, request| Asked { what, write, request };
        vec![
            asked("a start", true, zhang.request(Method::POST, "/api/flows").json(&form_of(world))),
            asked(
                "a start with a key",
                true,
                zhang.request(Method::POST, "/api/flows").header("idempotency-key", "k").json(&form_of(world)),
            ),
            asked("a draft", true, zhang.request(Method::POST, "/api/flows").json(&with_draft(&start))),
            asked("a wrong password", true, nobody.request(Method::POST, "/api/session").json(&guess)),
            asked("a login", true, nobody.request(Method::POST, "/api/session").json(&login("li"))),
            asked("a logout", true, session.request(Method::DELETE, "/api/session")),
            asked(
                "a comment",
                true,
                zhang.request(Method::POST, &of_flow("/comment")).json(&json!({ "comment": "看" })),
            ),
            asked("a token", true, session.request(Method::POST, "/api/tokens").json(&json!({ "name": "t" }))),
            asked("a collection", true, wang.request(Method::POST, &of_flow("/collect"))),
            asked("a code", true, wang.request(Method::GET, &of_flow("/seal-code"))),
            asked("an upload", true, wang.request(Method::POST, &path).multipart(form([("a.png", png(1))]))),
            asked("a refused request", true, zhang.request(Method::GET, "/api/services")),
            asked("a callback", true, nobody.request(Method::POST, PATH).body("nothing known")),
            asked("readiness", true, nobody.request(Method::GET, "/readyz")),
            asked("a list", false, zhang.request(Method::GET, "/api/flows")),
            asked("a flow", false, zhang.request(Method::GET, &of_flow(""))),
            asked("a search", false, zhang.request(Method::GET, "/api/documents?q=x")),
            asked("the log", false, admin.request(Method::GET, "/api/audit")),
        ]
    }
}

fn form_of(world: &World) -> serde_json::Value {
    let row = json!({ "seal": "QYS2019040001", "count": 1, "users": ["wang"] });
    json!({ "definitionId": world.definition, "form": { "subject": "合同", "company": "印库", "seals": [row] } })
}

fn with_draft(start: &serde_json::Value) -> serde_json::Value {
    let mut draft = start.clone();
    draft["draft"] = json!(true);
    draft
}

/// Sends all requests at once. Each must be answered in time: writes with a refusal, and reads too if `reads_fail`.
async fn all_are_answered(world: &World, people: &People, reads_fail: bool) {
    let told = join_all(people.ask(world).into_iter().map(async |Asked { what, write, request }| {
        let begun = Instant::now();
        let told = timeout(ANSWERED, people.nobody.send(request)).await;
        (what, write, told.unwrap_or_else(|_| panic!("silence: {what}")), begun.elapsed())
    }))
    .await;
    for (what, write, told, time) in told {
        // The refusal stands, also if it cannot be recorded.
        let refused = [403, 500, 503].contains(&told.status.as_u16());
        assert_eq!(refused, write || reads_fail, "{what} after {time:?}: {}", described(&told));
        if told.status == 503 && what != "readiness" {
            assert_eq!(told.header("retry-after"), "1", "{what}");
        }
    }
    people.nobody.get("/healthz").await.expect(200);
}

fn described(told: &Told) -> String {
    format!("{} {}", told.status, String::from_utf8_lossy(&told.bytes))
}

/// The service heals by itself.
async fn all_goes_on(world: &World, people: &People) {
    world.until("a callback is stored", async || callback_is_stored(&people.nobody).await).await;
    world.until("a list is shown", async || people.zhang.get("/api/flows").await.status == 200).await;
    world.until("it is ready", async || people.nobody.get("/readyz").await.status == 200).await;
}

async fn callback_is_stored(caller: &Caller) -> bool {
    let request = caller.request(Method::POST, PATH).body("nothing known");
    caller.send(request).await.status == 200
}

async fn world(engine: Engine) -> World {
    World::new(engine, Plan { definition: Some(with_stamped), config: Some(gate::through_the_gate), ..Plan::default() })
        .await
}

story!(a_database_that_does_not_answer_is_answered_with_503, async |engine: Engine| {
    let world = world(engine).await;
    let people = People::of(&world).await;
    let blocked = block(&world).await;
    all_are_answered(&world, &people, world.app.db.is_postgres()).await;
    let called = people.nobody.send(people.nobody.request(Method::POST, PATH).body("nothing known")).await;
    let refusal = called.expect(503);
    assert_eq!(refusal["code"], json!(1_000_000), "{refusal}");
    drop(blocked);
    all_goes_on(&world, &people).await;
});

/// PostgreSQL: locks what each request needs. SQLite: holds the only write lock.
async fn block(world: &World) -> Tx {
    let mut tx = world.app.db.begin().await.unwrap();
    if world.app.db.is_postgres() {
        let lock =
            "LOCK TABLE sessions, tokens, users, flows, documents, callbacks, seal_uses, audit, audit_head, write_test
             IN ACCESS EXCLUSIVE MODE";
        sql(lock).execute(&mut tx).await.unwrap();
    }
    tx
}

// The bytes stop, and no connection ends.
story_on_postgres!(a_database_whose_machine_vanished_is_answered_with_503_until_it_is_back, async |engine: Engine| {
    let world = world(engine).await;
    let people = People::of(&world).await;
    gate::shut();
    all_are_answered(&world, &people, true).await;
    // The connections of the first requests are in use for ever. Later requests get no other ones, and are answered.
    all_are_answered(&world, &people, true).await;
    gate::open();
    all_goes_on(&world, &people).await;
});

#[tokio::test(flavor = "multi_thread")]
async fn a_write_lock_that_another_process_keeps_is_answered_with_503() {
    crate::support::story::run(Engine::Sqlite, async |engine: Engine| {
        let world = world(engine).await;
        let people = People::of(&world).await;
        let DatabaseUrl::Sqlite(path) = &world.app.config.database.url else {
            unreachable!("the engine of this story")
        };
        let mut other = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        all_are_answered(&world, &people, false).await;
        other.execute("ROLLBACK").await.unwrap();
        other.close().await.unwrap();
        all_goes_on(&world, &people).await;
    })
    .await;
}
