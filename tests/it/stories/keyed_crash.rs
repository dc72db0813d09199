//! The power fails between an act with an `Idempotency-Key` and its answer: the same request again is told what became of
//! the act, and the act is done once.

use reqwest::Method;
use serde_json::{Value, json};
use yinku::{db::sql, id::FlowId};

use crate::support::{
    Caller, Engine, Told,
    flows::{purchase, show},
    process::House,
    seals::one_seal,
    story,
};

async fn send(caller: &Caller, path: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
    caller.request(Method::POST, path).header("Idempotency-Key", "k").json(body).send().await
}

/// Sends the request until the key of the dead run is free: before, the answer is that the first one still runs.
async fn again(house: &House, caller: &Caller, path: &str, body: &Value) -> Told {
    let mut answer = None;
    house
        .until("the key of the dead run is free", async || {
            let request = caller.request(Method::POST, path).header("Idempotency-Key", "k").json(body);
            let told = caller.send(request).await;
            if told.status == 409 {
                assert!(!told.header("retry-after").is_empty());
                told.expect_problem(409, "still_running");
                return false;
            }
            answer = Some(told);
            true
        })
        .await;
    answer.unwrap()
}

async fn count(house: &House, statement: &'static str) -> i64 {
    sql(statement).scalar(&house.app.db).await.unwrap()
}

fn new_flow(house: &House) -> Value {
    json!({ "definitionId": house.definition, "form": purchase(&one_seal(2)) })
}

story!(a_start_that_was_committed_is_answered_after_the_crash, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let first = house.serve(Some("start_committed"));
    let zhang = house.caller("zhang").await;
    let body = new_flow(&house);
    assert!(send(&zhang, "/api/flows", &body).await.is_err(), "no answer comes");
    house.until_killed(first).await;

    let second = house.serve(None);
    let zhang = house.caller("zhang").await;
    let told = again(&house, &zhang, "/api/flows", &body).await;
    assert_eq!(told.header("idempotency-replayed"), "true");
    let flow = told.expect(201);
    let id: String = sql("SELECT id FROM flows").scalar(&house.app.db).await.unwrap();
    assert_eq!((&flow["id"], &flow["state"]), (&json!(id), &json!("running")));
    assert_eq!(again(&house, &zhang, "/api/flows", &body).await.expect(201)["id"], flow["id"]);
    assert_eq!(count(&house, "SELECT COUNT(*) FROM flow_events WHERE act = 'submitted'").await, 1);
    assert_eq!(count(&house, "SELECT COUNT(*) FROM audit WHERE act = 'flow_submitted'").await, 1);
    house.retire(second).await;
});

story!(a_start_that_was_not_committed_is_made_after_the_crash, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let first = house.serve(Some("start_written"));
    let body = new_flow(&house);
    assert!(send(&house.caller("zhang").await, "/api/flows", &body).await.is_err());
    house.until_killed(first).await;
    assert_eq!(count(&house, "SELECT COUNT(*) FROM flows").await, 0);

    let second = house.serve(None);
    let zhang = house.caller("zhang").await;
    let told = again(&house, &zhang, "/api/flows", &body).await;
    assert_eq!(told.header("idempotency-replayed"), "");
    let flow = told.expect(201);
    assert_eq!(again(&house, &zhang, "/api/flows", &body).await.expect(201), flow, "the first answer, word for word");
    assert_eq!(count(&house, "SELECT COUNT(*) FROM flows").await, 1);
    house.retire(second).await;
});

/// 王五 asks for this at a flow in use, and the service is killed at the point. Returns the second answer.
async fn killed_at(house: &House, point: &str, act: &str, body: &Value) -> (FlowId, Told) {
    let first = house.serve(Some(point));
    let (flow, _) = house.applied_flow(2).await;
    house.until_idle().await;
    let (wang, path) = (house.caller("wang").await, format!("/api/flows/{flow}/{act}"));
    assert!(send(&wang, &path, body).await.is_err());
    house.until_killed(first).await;

    let second = house.serve(None);
    let wang = house.caller("wang").await;
    let told = again(house, &wang, &path, body).await;
    assert_eq!(again(house, &wang, &path, body).await.status, told.status);
    house.retire(second).await;
    (flow, told)
}

/// How often the vendor was asked, and what it has left for the grant.
fn at_vendor(house: &House, act: &str) -> (u64, u32) {
    let business = house.sim.businesses().remove(0);
    (house.sim.counters().of(&format!("/seal/apply/{act}")), business.auths[0].left)
}

story!(an_append_that_was_recorded_is_answered_after_the_crash, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let (flow, told) = killed_at(&house, "append_recorded", "seal-append", &json!({ "count": 3 })).await;
    let view = told.expect(200);
    assert_eq!((&view["id"], &view["sealUses"][0]["authorised"]), (&json!(flow), &json!(5)));
    assert_eq!(at_vendor(&house, "append"), (1, 5));
    assert_eq!(count(&house, "SELECT COUNT(*) FROM flow_events WHERE act = 'appended'").await, 1);
});

story!(an_append_that_was_not_recorded_is_unknown_after_the_crash, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let (flow, told) = killed_at(&house, "append_answered", "seal-append", &json!({ "count": 3 })).await;
    let problem = told.expect_problem(502, "vendor_failed");
    assert!(problem["detail"].as_str().unwrap().contains("unknown"), "{problem}");
    assert_eq!(at_vendor(&house, "append"), (1, 5));
    // The vendor's numbers show it, as the answer says.
    let third = house.serve(None);
    let admin = house.caller("admin").await;
    let shown = async || show(&admin, &flow).await["sealUses"][0]["authorised"].clone();
    admin.get(&format!("/api/flows/{flow}/seal-detail")).await.expect(200);
    house.until("the append is seen", async || shown().await == 5).await;
    house.retire(third).await;
});

story!(an_end_that_was_recorded_is_answered_after_the_crash, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let (flow, told) = killed_at(&house, "end_recorded", "seal-finish", &json!({ "reason": "盖完了" })).await;
    assert_eq!(told.expect(200)["id"], json!(flow));
    assert_eq!(house.sim.counters().of("/seal/apply/finish"), 1);
    assert_eq!(count(&house, "SELECT COUNT(*) FROM flow_events WHERE act = 'finished'").await, 1);
    assert_eq!(house.seal_use(&flow).await.status.as_str(), "finished");
});

story!(an_end_that_was_not_recorded_is_unknown_after_the_crash, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let (_, told) = killed_at(&house, "end_answered", "seal-finish", &json!({ "reason": "盖完了" })).await;
    told.expect_problem(502, "vendor_failed");
    assert_eq!(house.sim.counters().of("/seal/apply/finish"), 1);
    assert_eq!(count(&house, "SELECT COUNT(*) FROM flow_events WHERE act = 'finished'").await, 0);
});
