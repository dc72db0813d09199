//! Stories of what is on its way to the vendor when the way is closed, or when the answer is lost.

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};
use yinku::{db::sql, id::FlowId};

use crate::support::{
    Engine, Plan, World,
    definitions::{archived_by_hand, with_file, with_required_stamped},
    files::{form, pdf, png, stamped},
    flows::{callers, purchase, show, step},
    seals::{one_photo_short, one_seal, seal_use, sent_states},
    story,
    vendor::door::Door,
};

story!(an_application_that_was_refused_a_connection_is_made_again_and_arrives_once, async |world: World| {
    let door = Door::before_the_vendor_of(&world).await;
    let asked = |what: &str| world.sim.counters().of(what);
    // The list of seals comes; then the door is shut before the application.
    door.open_for(1);
    let flow = world.start_flow(2).await;
    world.approve(&flow).await;
    world.until("it shows why it waits", async || seal_use(&world, &flow).await.error.is_some()).await;
    let waiting = seal_use(&world, &flow).await;
    assert_eq!((asked("/seal/innercompany/seallist"), asked("/seal/apply/multiple")), (1, 0));
    assert_eq!((waiting.status.as_str(), waiting.asked_at), ("applying", None));
    assert!(waiting.error.as_ref().unwrap().contains("cannot be reached"), "{waiting:?}");

    door.open_for(usize::MAX);
    world.until("the vendor has it", async || seal_use(&world, &flow).await.status.as_str() == "using").await;
    world.until_quiet().await;
    assert_eq!((asked("/seal/apply/multiple"), world.sim.businesses().len()), (1, 1));
    assert_eq!(seal_use(&world, &flow).await.error, None);
});

/// Whose flow waits for its stamped file past the last node.
fn waiting_for_stamped(definition: &mut Value) {
    with_required_stamped(definition);
    archived_by_hand(definition);
}

/// A flow that has passed its nodes; its business.
async fn past_its_nodes(world: &World) -> (FlowId, String) {
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_past_its_nodes(&flow).await;
    world.until_quiet().await;
    (flow, business)
}

story!(
    a_stamped_file_that_was_refused_a_connection_is_sent_again_however_long_and_arrives_once,
    async |engine: Engine| {
        let plan = Plan { definition: Some(waiting_for_stamped), ..Plan::default() };
        let world = World::new(engine, plan).await;
        let (flow, business) = past_its_nodes(&world).await;
        let door = Door::before_the_vendor_of(&world).await;
        let wang = world.caller("wang").await;
        wang.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
        // Oftener than the settings have waits: nobody has to do anything about a vendor that was away.
        let attempts = "SELECT COALESCE(MAX(attempts), 0) FROM jobs WHERE kind = 'send' AND state = 'queued'";
        world.until("it was tried five times", async || world.count(attempts).await >= 5).await;
        let view = show(&wang, &flow).await;
        let document = &view["files"]["stamped"][0];
        assert_eq!(document["vendorState"], "queued");
        assert!(document["vendorError"].as_str().unwrap().contains("cannot be reached"), "{document}");
        assert_eq!(world.sim.counters().of("/seal/apply/used/file"), 0);

        door.open_for(usize::MAX);
        let sent = [("合同.pdf".to_owned(), "sent".to_owned())];
        world.until("it is sent", async || sent_states(&world, &flow).await == sent).await;
        world.until_quiet().await;
        assert_eq!(world.sim.counters().of("/seal/apply/used/file"), 1);
        assert_eq!(world.sim.business(&business).unwrap().used_files.len(), 1);
        let view = show(&wang, &flow).await;
        assert_eq!(view["files"]["stamped"][0]["vendorError"], Value::Null);
    }
);

story!(a_stamped_file_whose_answer_was_lost_stays_unknown_until_a_person_decides, async |engine: Engine| {
    let plan = Plan { definition: Some(waiting_for_stamped), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let wang = world.caller("wang").await;
    // The vendor has it in the first case, not in the second: nobody can tell.
    for (fault, has) in [(FaultKind::Cut, 1), (FaultKind::Status { status: 502 }, 0)] {
        let (flow, business) = past_its_nodes(&world).await;
        let at_vendor = || world.sim.business(&business).unwrap().used_files.len();
        world.sim.set_fault(Fault::times(Target::Upload, fault, 1));
        wang.bring(&stamped(&flow), form([("合同.pdf", pdf("1"))])).await.expect(201);
        let state = async |n: usize| sent_states(&world, &flow).await.remove(n).1;
        world.until("nobody knows", async || state(0).await == "unknown").await;
        assert_eq!(at_vendor(), has);
        // Another file goes its way; the first one is left alone.
        wang.bring(&stamped(&flow), form([("附件.pdf", pdf("2"))])).await.expect(201);
        world.until("the other is sent", async || state(1).await == "sent").await;
        world.until_quiet().await;
        assert_eq!((state(0).await.as_str(), at_vendor()), ("unknown", has + 1));
        let retry = format!("/api/flows/{flow}/stamped/retry");
        wang.post(&retry, &json!({})).await.expect(202);
        world.until("it is sent again", async || state(0).await == "sent").await;
        world.until_quiet().await;
        assert_eq!(at_vendor(), has + 2);
    }
    let retried = "SELECT COUNT(*) FROM audit WHERE act = 'dispatch_retried' AND username = 'wang'";
    assert_eq!(world.count(retried).await, 2);
});

story!(a_supplied_photo_whose_answer_was_lost_is_known_to_be_there_once_the_vendor_lists_it, async |world: World| {
    let (flow, seal_use, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    let grant: String = sql("SELECT id FROM grants").scalar(&world.app.db).await.unwrap();
    world.sim.set_fault(Fault::times(Target::Upload, FaultKind::Cut, 1));
    let wang = world.caller("wang").await;
    wang.bring(&format!("/api/grants/{grant}/photos"), form([("补传.png", png(9))])).await.expect(201);
    let state = "SELECT COUNT(*) FROM dispatches WHERE state = 'sent' AND error IS NULL";
    world.until("the vendor is known to have it", async || world.count(state).await == 1).await;
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let photos = world.photos(&seal_use.id).await;
    assert!(photos.len() == 2 && photos.iter().all(|photo| photo.photokey.is_some()), "{photos:?}");
    assert_eq!(world.sim.business(&business).unwrap().photos.len(), 2, "it was not sent twice");
});

story!(a_file_that_is_taken_out_while_another_one_is_sent_is_not_sent, async |engine: Engine| {
    let plan = Plan { definition: Some(waiting_for_stamped), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, business) = past_its_nodes(&world).await;
    let wang = world.caller("wang").await;
    world.sim.set_fault(Fault::times(Target::Upload, FaultKind::Late { ms: 4000 }, 1));
    let files = wang.bring(&stamped(&flow), form([("一.pdf", pdf("1")), ("二.pdf", pdf("2"))])).await.expect(201);
    let asked = || world.sim.counters().of("/seal/apply/used/file");
    world.until("the first is on its way", async || asked() == 1).await;
    wang.delete(&format!("{}/{}", stamped(&flow), files[1]["id"].as_str().unwrap())).await.expect(204);
    world.until_quiet().await;
    let names: Vec<String> =
        world.sim.business(&business).unwrap().used_files.into_iter().map(|file| file.name).collect();
    assert_eq!((names, asked()), (vec!["一.pdf".to_owned()], 1));
    assert_eq!(world.count("SELECT COUNT(*) FROM dispatches WHERE state = 'queued'").await, 1, "in the trash");
});

story!(a_file_that_the_vendor_may_have_before_the_application_stays_a_document, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_file), ..Plan::default() }).await;
    let [zhang, li, wang] = callers(&world, ["zhang", "li", "wang"]).await;
    let body = json!({ "definitionId": world.definition, "form": purchase(&one_seal(1)), "draft": true });
    let flow = zhang.post("/api/flows", &body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let path = format!("/api/flows/{flow}/fields/file/files");
    let files = zhang.bring(&path, form([("合同.pdf", pdf("1"))])).await.expect(201);
    step(&zhang, &flow, "submit", json!({})).await;
    // The list of seals comes; then the vendor takes its time with the file.
    world.sim.set_fault(Fault { after: 1, ..Fault::times(Target::Any, FaultKind::Late { ms: 4000 }, 1) });
    step(&li, &flow, "approve", json!({ "comment": "同意" })).await;
    let asked = || world.sim.counters().of("/document/createbyfile");
    world.until("the file is on its way", async || asked() == 1).await;
    step(&wang, &flow, "reject", json!({ "comment": "换合同" })).await;
    let file = format!("{path}/{}", files[0]["id"].as_str().unwrap());
    zhang.delete(&file).await.expect(204);
    assert_eq!(world.count("SELECT COUNT(*) FROM documents WHERE deleted_at IS NULL AND field_key IS NULL").await, 1);
    zhang.put(&file, &json!({})).await.expect_problem(404, "not_found");
    world.until_quiet().await;
});
