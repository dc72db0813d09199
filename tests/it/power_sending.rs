//! The power fails while something is on its way to the vendor: nobody knows whether it arrived, it says so, and it is
//! not sent again before a person decides.

use std::time::Duration;

use serde_json::json;
use tokio::process::Child;
use yinku::{db::sql, id::FlowId};

use crate::{
    power::House,
    stories_files::{form, pdf, stamped, with_stamped},
    world::{Engine, approve, start_flow},
};

macro_rules! killed_at {
    ($($test:ident = $story:ident at $point:literal with $arrived:literal),+ $(,)?) => {
        mod on_sqlite { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$story(crate::world::Engine::Sqlite, $point, $arrived).await; })+ }
        mod on_postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$story(crate::world::Engine::Postgres, $point, $arrived).await; })+ }
    };
}

killed_at!(
    before_an_application_leaves = application at "application_marked" with 0,
    before_the_answer_to_an_application_is_kept = application at "application_answered" with 1,
    before_a_stamped_file_leaves = stamped_file at "dispatch_marked" with 0,
    before_the_answer_to_a_stamped_file_is_kept = stamped_file at "dispatch_answered" with 1,
);

async fn killed(mut process: Child) {
    let ended = tokio::time::timeout(Duration::from_secs(30), process.wait()).await;
    assert!(!ended.expect("the point was never reached").unwrap().success(), "killed, not ended");
}

async fn application(engine: Engine, point: &str, arrived: usize) {
    let house = House::build(engine, None).await;
    let first = house.serve(Some(point));
    let flow = start_flow(&house.app, &house.definition, 2).await;
    approve(&house.app, &flow).await;
    killed(first).await;
    assert_eq!(house.sim.businesses().len(), arrived);

    let mut second = house.serve(None);
    let status = async || house.seal_use(&flow).await.status.as_str();
    house.until("nobody knows", async || status().await == "unknown").await;
    let lost = house.seal_use(&flow).await;
    assert!(lost.error.as_ref().unwrap().contains("the service ended while the vendor was being asked"), "{lost:?}");
    assert_eq!(house.sim.counters().of("/seal/apply/multiple"), arrived as u64, "not asked again");

    let admin = house.caller("admin").await;
    let what = match house.sim.businesses().first() {
        Some(business) => json!({ "businessId": business.id }),
        None => json!({ "applyAgain": true }),
    };
    admin.post(&format!("/api/seal-uses/{}/resolve", lost.id), &what).await.expect(200);
    house.until("seals are in use", async || status().await == "using").await;
    let business = house.seal_use(&flow).await.business_id.unwrap();
    house.sim.stamp_many(&business, 0, 2).await.unwrap();
    house.until("the flow is archived", async || house.flow(&flow).await.archived_at.is_some()).await;
    second.kill().await.unwrap();
    assert_eq!((house.sim.businesses().len(), house.sim.counters().of("/seal/apply/multiple")), (1, 1));
}

async fn stamped_file(engine: Engine, point: &str, arrived: usize) {
    let house = House::build(engine, Some(with_stamped)).await;
    let first = house.serve(Some(point));
    let (flow, seal_use) = house.applied_flow(1).await;
    let business = seal_use.business_id.unwrap();
    let wang = house.caller("wang").await;
    wang.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
    house.sim.stamp(&business, 0).await.unwrap();
    killed(first).await;
    let at_vendor = || house.sim.business(&business).unwrap().used_files.len();
    assert_eq!(at_vendor(), arrived);

    let mut second = house.serve(None);
    house.until("the flow is archived", async || house.flow(&flow).await.archived_at.is_some()).await;
    let state = async || sent_state(&house, &flow).await;
    house.until("nobody knows", async || state().await == "unknown").await;
    let view = wang.get(&format!("/api/flows/{flow}")).await.expect(200);
    let document = &view["files"]["stamped"][0];
    assert!(
        document["vendorError"].as_str().unwrap().contains("the service ended while it was being sent"),
        "{document}"
    );
    house.until("nothing is left to do", async || house.idle().await).await;
    assert_eq!(at_vendor(), arrived, "not sent again");
    wang.post(&format!("/api/flows/{flow}/stamped/retry"), &json!({})).await.expect(202);
    house.until("it is sent", async || state().await == "sent").await;
    second.kill().await.unwrap();
    assert_eq!(at_vendor(), arrived + 1);
}

async fn sent_state(house: &House, flow: &FlowId) -> String {
    sql("SELECT v.state FROM dispatches v JOIN documents d ON d.id = v.document_id WHERE d.flow_id = $1")
        .bind(flow)
        .scalar(&house.app.db)
        .await
        .unwrap()
}
