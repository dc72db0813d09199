//! Stories of an application that does not go smoothly: the vendor is down, the answer is lost, somebody resolves it.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};
use yinku::{
    db::sql,
    flow::Flow,
    hash::Blake3,
    id::FlowId,
    library::{
        document::{DocumentSource, NewDocument},
        folder::place,
    },
    original::Original,
    seal_use::SealUse,
    store::StoreKey,
    user::User,
};

use crate::support::{
    Engine, Plan, World,
    flows::step,
    seals::{applied, ask_for_the_end, noon, refusal, seal_use, troubled, until_status},
    story,
};

story!(a_vendor_that_is_down_at_submission_gets_exactly_one_application, async |engine: Engine| {
    let clock = noon();
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    world.sim.set_down(true);
    let flow = world.start_flow(2).await;
    world.approve(&flow).await;
    world.until("it shows why it waits", async || seal_use(&world, &flow).await.error.is_some()).await;
    let waiting = seal_use(&world, &flow).await;
    assert_eq!((waiting.status.as_str(), waiting.asked_at), ("applying", None));
    assert_eq!(world.flow(&flow).await.node.as_deref(), Some("seal"), "the flow is not held up");
    // However long it is down, it is tried again, and never later than every ten minutes.
    for _ in 0..12 {
        let tries = world.count("SELECT attempts FROM jobs WHERE kind = 'apply'").await;
        clock.advance(Duration::from_mins(10));
        world.app.db.wakeup().look_now();
        world
            .until("it is tried again", async || {
                let row: (i64, String) =
                    sql("SELECT attempts, state FROM jobs WHERE kind = 'apply'").one(&world.app.db).await.unwrap();
                row.0 > tries && row.1 == "queued"
            })
            .await;
    }
    world.sim.set_down(false);
    clock.advance(Duration::from_mins(10));
    world.app.db.wakeup().look_now();
    let used = until_status(&world, &flow, "using").await;
    world.until_quiet().await;
    assert_eq!((applied(&world), world.sim.businesses().len(), used.error), (1, 1, None));
    let business = used.business_id.unwrap();
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    assert_eq!(applied(&world), 1);
});

story!(a_lost_answer_is_unknown_and_the_callback_adopts_it, async |world: World| {
    let (flow, used) = troubled(&world, FaultKind::Cut, "unknown").await;
    assert!(used.error.unwrap().contains("cut"));
    world.until_quiet().await;
    assert_eq!(applied(&world), 1, "never repeated blindly");
    let business = world.sim.businesses().remove(0);
    world.sim.stamp_many(&business.id, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    let used = seal_use(&world, &flow).await;
    assert_eq!((used.business_id, used.error), (Some(business.id), None));
    assert_eq!(world.count("SELECT COUNT(*) FROM photos WHERE state = 'done'").await, 2);
});

story!(an_administrator_names_the_business_of_a_lost_answer, async |world: World| {
    let (_, _, other) = world.seal_use(1).await;
    let (flow, used) = troubled(&world, FaultKind::Cut, "unknown").await;
    let admin = world.caller("admin").await;
    let resolve = format!("/api/seal-uses/{}/resolve", used.id);
    let business = world.sim.businesses().remove(1).id;

    world.caller("wang").await.post(&resolve, &json!({ "applyAgain": true })).await.expect_problem(403, "forbidden");
    admin.post(&resolve, &json!({})).await.expect_problem(422, "invalid");
    admin.post(&resolve, &json!({ "businessId": "x" })).await.expect_problem(422, "invalid");
    admin.post(&resolve, &json!({ "businessId": "77" })).await.expect_problem(502, "vendor_failed");
    let problem = admin.post(&resolve, &json!({ "businessId": other })).await.expect_problem(409, "other_serial_no");
    assert!(problem["detail"].as_str().unwrap().contains("采购合同"), "what the vendor says: {problem}");
    let forced = json!({ "businessId": other, "force": true });
    admin.post(&resolve, &forced).await.expect_problem(409, "business_taken");

    let resolved = admin.post(&resolve, &json!({ "businessId": business })).await.expect(200);
    assert_eq!((&resolved["businessId"], &resolved["status"]), (&json!(business), &json!("using")));
    admin.post(&resolve, &json!({ "businessId": business })).await.expect_problem(409, "nothing_to_resolve");
    world.until("its grant is known", async || world.count("SELECT COUNT(*) FROM grants").await == 2).await;
    let wang = world.caller("wang").await;
    let codes = wang.get(&format!("/api/flows/{flow}/seal-code")).await.expect(200);
    assert_eq!((codes.as_array().unwrap().len(), codes[0]["left"].as_i64()), (1, Some(2)));
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
});

story!(an_administrator_applies_again_after_a_lost_answer_and_after_a_refusal, async |world: World| {
    let admin = world.caller("admin").await;
    let again = json!({ "applyAgain": true });

    // The first one did arrive: the second has a serial number of its own, and the first one's end is not taken for it.
    let (flow, used) = troubled(&world, FaultKind::Cut, "unknown").await;
    admin.post(&format!("/api/seal-uses/{}/resolve", used.id), &again).await.expect(200);
    let second = until_status(&world, &flow, "using").await;
    let [first, other] = &world.sim.businesses()[..] else { panic!("two applications, as somebody wished") };
    assert_eq!((&first.serial_no, &other.serial_no), (&used.serial_no, &format!("{}-R2", used.serial_no)));
    assert_eq!(second.business_id.as_ref(), Some(&other.id));
    world.sim.complete(&first.id).await.unwrap();
    world.until_quiet().await;
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks WHERE state = 'orphan'").await, 1);
    assert_eq!(seal_use(&world, &flow).await.status.as_str(), "using");
    world.sim.stamp_many(&other.id, 0, 2).await.unwrap();
    world.until_archived(&flow).await;

    let (flow, used) = troubled(&world, no_such_person(), "failed").await;
    assert!(used.error.unwrap().contains("申请人不存在"));
    admin.post(&format!("/api/seal-uses/{}/resolve", used.id), &again).await.expect(200);
    let repaired = until_status(&world, &flow, "using").await;
    assert_eq!((repaired.serial_no, repaired.error), (used.serial_no, None));
});

story!(a_flow_that_is_withdrawn_before_its_application_left_never_applies, async |world: World| {
    world.sim.set_down(true);
    let flow = world.start_flow(2).await;
    world.approve(&flow).await;
    world.until("it waits", async || seal_use(&world, &flow).await.error.is_some()).await;
    ask_for_the_end(&world, &flow).await;
    let used = seal_use(&world, &flow).await;
    assert_eq!(
        (used.status.as_str(), used.error.as_deref()),
        ("failed", Some("the application was not sent: 客户取消"))
    );
    world.sim.set_down(false);
    world
        .until("no job is left", async || {
            world.count("SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'running')").await == 0
        })
        .await;
    assert_eq!((applied(&world), world.sim.businesses().len()), (0, 0));
    let admin = world.caller("admin").await;
    let resolve = format!("/api/seal-uses/{}/resolve", used.id);
    admin.post(&resolve, &json!({ "applyAgain": true })).await.expect_problem(409, "seal_use_ending");
    admin.post(&resolve, &json!({ "endAgain": true })).await.expect_problem(409, "no_ending");
});

story!(a_flow_that_is_withdrawn_while_its_application_is_unknown_is_ended_once_it_is_known, async |world: World| {
    let (flow, used) = troubled(&world, FaultKind::Cut, "unknown").await;
    ask_for_the_end(&world, &flow).await;
    world.until_quiet().await;
    assert_eq!(seal_use(&world, &flow).await.status.as_str(), "unknown", "nothing is known to end");
    let business = world.sim.businesses().remove(0).id;
    let resolve = format!("/api/seal-uses/{}/resolve", used.id);
    world.caller("admin").await.post(&resolve, &json!({ "businessId": business })).await.expect(200);
    until_status(&world, &flow, "finished").await;
    assert_eq!(world.sim.business(&business).unwrap().finish_reason.as_deref(), Some("客户取消"));
});

fn no_such_person() -> FaultKind {
    refusal("申请人不存在")
}

story!(a_refused_application_of_a_flow_that_is_withdrawn_or_sent_back_is_not_made_again, async |world: World| {
    let (admin, zhang, li) = (world.caller("admin").await, world.caller("zhang").await, world.caller("li").await);
    let (_, _, other) = world.seal_use(1).await;
    let nothing_helps = async |used: &SealUse| {
        let resolve = format!("/api/seal-uses/{}/resolve", used.id);
        admin.post(&resolve, &json!({ "applyAgain": true })).await.expect_problem(409, "seal_use_ending");
        let forced = json!({ "businessId": other, "force": true });
        admin.post(&resolve, &forced).await.expect_problem(409, "seal_use_ending");
    };
    let (flow, used) = troubled(&world, no_such_person(), "failed").await;
    step(&zhang, &flow, "withdraw", json!({ "comment": "不签了" })).await;
    nothing_helps(&used).await;

    let (flow, used) = troubled(&world, no_such_person(), "failed").await;
    let reject = json!({ "comment": "重填", "to": "start" });
    world.caller("wang").await.post(&format!("/api/flows/{flow}/reject"), &reject).await.expect(200);
    nothing_helps(&used).await;
    // Another one takes its place when the flow comes back.
    step(&zhang, &flow, "submit", json!({})).await;
    step(&li, &flow, "approve", json!({})).await;
    world
        .until("the other one is in use", async || {
            let present = SealUse::of_flow(&world.app.db, &flow).await.unwrap();
            present.last().unwrap().status.as_str() == "using"
        })
        .await;
    nothing_helps(&used).await;
    world.until_quiet().await;
    assert_eq!(world.sim.businesses().len(), 2, "one of each flow that goes on");
    assert_eq!(seal_use(&world, &flow).await.status.as_str(), "failed");
    world.leaves_parked("apply", "a refused application of a flow that went back is never made again");
});

story!(an_application_that_is_made_again_while_its_flow_is_withdrawn_ends_with_it, async |engine: Engine| {
    let world = World::new(engine, Plan::default()).await;
    let (flow, used) = troubled(&world, no_such_person(), "failed").await;
    world.until_quiet().await;
    world.sim.set_down(true);
    let zhang = world.caller("zhang").await;
    // Somebody applies again, holds the flow and has not committed yet.
    let mut tx = world.app.db.begin().await.unwrap();
    Flow::lock(&mut tx, &flow).await.unwrap();
    sql("UPDATE seal_uses SET status = 'applying', asked_at = NULL, error = NULL WHERE id = $1")
        .bind(&used.id)
        .execute(&mut tx)
        .await
        .unwrap();
    let (path, comment) = (format!("/api/flows/{flow}/withdraw"), json!({ "comment": "不签了" }));
    let (told, ()) = tokio::join!(zhang.post(&path, &comment), async {
        if let Engine::Postgres = engine {
            let waiting =
                "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
            world.until("the withdrawal waits for the flow", async || world.count(waiting).await == 1).await;
        }
        tx.commit().await.unwrap();
    });
    assert_eq!(told.expect(200)["state"], "withdrawn");
    let used = seal_use(&world, &flow).await;
    assert_eq!((used.status.as_str(), used.error.as_deref()), ("failed", Some("the application was not sent: 不签了")));
    world.leaves_parked("apply", "a refused application of a flow that is withdrawn is never made again");
});

story!(files_to_be_stamped_are_sent_before_the_application, async |engine: Engine| {
    fn with_files(definition: &mut Value) {
        let fields = definition["fields"].as_array_mut().unwrap();
        fields.push(json!({ "key": "contract", "label": "用印文件", "type": "files" }));
        definition["integration"]["fileField"] = json!("contract");
    }
    let world = World::new(engine, Plan { definition: Some(with_files), ..Plan::default() }).await;
    let flow = world.start_flow(2).await;
    let pdf = [b"%PDF-1.7\n".to_vec(), vec![b'x'; 300_000]].concat();
    attach(&world, &flow, "采购合同.pdf", &pdf).await;
    attach(&world, &flow, "附件 \"一\".pdf", &pdf[..1000]).await;
    // The first try sends one file and then fails: it is not sent again.
    world.sim.set_fault(Fault { after: 2, ..Fault::times(Target::Any, FaultKind::Status { status: 503 }, 1) });
    world.approve(&flow).await;
    let used = until_status(&world, &flow, "using").await;
    let business = world.sim.business(used.business_id.as_deref().unwrap()).unwrap();
    assert_eq!(business.documents.len(), 2);
    assert_eq!(world.sim.counters().of("/document/createbyfile"), 3);
    let sent = world.sim.documents();
    let told: Vec<_> = sent.iter().map(|(id, title, bytes)| (id.clone(), title.as_str(), *bytes)).collect();
    let wanted = [("采购合同", pdf.len() as u64), ("附件 \"一\"", 1000)];
    for ((id, title, bytes), (wanted, length)) in
        business.documents.iter().map(|id| told.iter().find(|(sent, ..)| sent == id).unwrap()).zip(wanted)
    {
        assert_eq!((*title, *bytes), (wanted, length), "{id}");
    }
});

/// A file in the flow's field, as an upload leaves it.
async fn attach(world: &World, flow: &FlowId, name: &str, bytes: &[u8]) {
    let (app, now) = (&world.app, world.app.clock.now());
    let hash = Blake3::of(bytes);
    let key = StoreKey::Raw(format!("originals/{}.pdf", hash.as_str()));
    app.store.put(&key, bytes.to_vec().into()).await.unwrap();
    let starter = User::named(&app.db, "zhang").await.unwrap().unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let place = place::ensure(&mut tx, None, &starter, now).await.unwrap();
    let original = Original {
        hash: hash.clone(),
        sha256: String::new(),
        sm3: None,
        crc32: 0,
        bytes: i64::try_from(bytes.len()).unwrap(),
        mime: "application/pdf".into(),
        ext: "pdf".into(),
        width: None,
        height: None,
        complete: true,
        store_key: key.to_string(),
        undecodable: Some("no picture".into()),
        created_at: now,
    };
    Original::insert_all(&mut tx, [&original]).await.unwrap();
    let document = NewDocument {
        folder: place.folder,
        name: name.into(),
        original: hash,
        source: DocumentSource::Upload,
        flow: Some(flow.clone()),
        field: Some("contract".into()),
        photo: None,
        by: "zhang".into(),
    };
    document.insert(&mut tx, now).await.unwrap();
    tx.commit().await.unwrap();
}
