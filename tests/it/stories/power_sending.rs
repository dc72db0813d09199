//! The power fails while something is on its way to the vendor: nobody knows whether it arrived, it says so, and it is
//! not sent again before a person decides.

use serde_json::json;

use crate::support::{
    Engine,
    definitions::with_stamped,
    files::{form, pdf, stamped},
    flows::show,
    process::House,
    story,
    world::{approve, start_flow},
};

story!(before_an_application_leaves, async |engine: Engine| application(engine, "application_marked", 0).await);
story!(before_the_answer_to_an_application_is_kept, async |engine: Engine| application(
    engine,
    "application_answered",
    1
)
.await);
story!(before_a_stamped_file_leaves, async |engine: Engine| stamped_file(engine, "dispatch_marked", 0).await);
story!(before_the_answer_to_a_stamped_file_is_kept, async |engine: Engine| stamped_file(
    engine,
    "dispatch_answered",
    1
)
.await);

async fn application(engine: Engine, point: &str, arrived: usize) {
    let house = House::build(engine, None).await;
    let first = house.serve(Some(point));
    let flow = start_flow(&house.app, &house.definition, 2).await;
    approve(&house.app, &flow).await;
    house.until_killed(first).await;
    assert_eq!(house.sim.businesses().len(), arrived);

    let second = house.serve(None);
    let status = async || house.seal_use(&flow).await.status.as_str();
    house.until("nobody knows", async || status().await == "unknown").await;
    let lost = house.seal_use(&flow).await;
    assert!(lost.error.as_ref().unwrap().contains("the service stopped while it sent the application"), "{lost:?}");
    assert_eq!(house.sim.counters().of("/seal/apply/multiple"), arrived as u64, "not asked again");

    let admin = house.caller("admin").await;
    let what = match house.sim.businesses().first() {
        Some(business) => {
            json!({ "businessId": business.id })
        }
        None => json!({ "applyAgain": true }),
    };
    admin.post(&format!("/api/seal-uses/{}/resolve", lost.id), &what).await.expect(200);
    house.until("seals are in use", async || status().await == "using").await;
    let business = house.seal_use(&flow).await.business_id.unwrap();
    house.sim.stamp_many(&business, 0, 2).await.unwrap();
    house.until_archived(&flow).await;
    house.retire(second).await;
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
    house.until_killed(first).await;
    let at_vendor = || house.sim.business(&business).unwrap().used_files.len();
    assert_eq!(at_vendor(), arrived);

    let second = house.serve(None);
    house.until_archived(&flow).await;
    let state = async || house.sent_state(&flow).await;
    house.until("nobody knows", async || state().await == "unknown").await;
    let view = show(&wang, &flow).await;
    let document = &view["files"]["stamped"][0];
    assert!(
        document["vendorError"].as_str().unwrap().contains("the service stopped while it sent this file"),
        "{document}"
    );
    house.until_idle().await;
    assert_eq!(at_vendor(), arrived, "not sent again");
    wang.post(&format!("/api/flows/{flow}/stamped/retry"), &json!({})).await.expect(202);
    house.until("it is sent", async || state().await == "sent").await;
    house.retire(second).await;
    assert_eq!(at_vendor(), arrived + 1);
}
