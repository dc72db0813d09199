//! A database that does not answer is an answer of the service, never silence.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;
use yinku::db::{Tx, sql};

use crate::support::{Caller, World, callbacks::PATH, story::story};

/// Much longer than the service waits, much shorter than a client.
const ANSWERED: Duration = Duration::from_secs(25);

story!(a_database_that_does_not_answer_is_answered_with_503, async |world: World| {
    let zhang = world.caller("zhang").await;
    let blocked = block(&world).await;
    let start = json!({ "definitionId": world.definition.as_str(), "form": {} });
    let login = json!({ "username": "zhang", "password": "not the password" });
    let asked = async |request| timeout(ANSWERED, zhang.send(request)).await.expect("silence");
    let (started, logged_in, called) = tokio::join!(
        asked(zhang.request(Method::POST, "/api/flows").json(&start)),
        asked(zhang.request(Method::POST, "/api/session").json(&login)),
        asked(zhang.request(Method::POST, PATH).body("nothing known")),
    );
    for told in [started, logged_in] {
        assert_eq!(told.header("retry-after"), "1");
        told.expect_problem(503, "database_unavailable");
    }
    assert_eq!(called.header("retry-after"), "1");
    let refusal = called.expect(503);
    assert_eq!(refusal["code"], json!(1_000_000), "{refusal}");
    if world.app.db.is_postgres() {
        asked(zhang.request(Method::GET, "/api/flows")).await.expect_problem(503, "database_unavailable");
    }
    drop(blocked);
    // The service heals by itself.
    world.until("a callback is stored", async || callback_is_stored(&zhang).await).await;
    zhang.get("/api/flows").await.expect(200);
});

/// PostgreSQL: locks what each request needs. SQLite: holds the only write lock.
async fn block(world: &World) -> Tx {
    let mut tx = world.app.db.begin().await.unwrap();
    if world.app.db.is_postgres() {
        let lock =
            "LOCK TABLE sessions, users, flows, callbacks, seal_uses, audit, audit_head IN ACCESS EXCLUSIVE MODE";
        sql(lock).execute(&mut tx).await.unwrap();
    }
    tx
}

async fn callback_is_stored(caller: &Caller) -> bool {
    let request = caller.request(Method::POST, PATH).body("nothing known");
    caller.send(request).await.status == 200
}
