//! Stories of seal use by people: several seals, more uses, the end; through HTTP.

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};
use yinku::{id::FlowId, seal_use::SealUse};

use crate::support::{
    Engine, Plan, World,
    flows::{acts, show},
    seals::{REFUSED, counts, detail, in_use, look, one_seal, refusal, two_seals, without_photo},
    story,
    world::small_photos,
};

story!(several_seals_and_people_each_with_their_own_counts, async |world: World| {
    let rows = json!([
        { "seal": "QYS2019040001", "count": 2, "users": ["wang", "li"] },
        { "seal": "合同专用章", "count": 1, "users": ["wang"] } ]);
    let (flow, business) = in_use(&world, &rows).await;
    let wang = world.caller("wang").await;
    let used = world.sim.business(&business).unwrap();
    let asked: Vec<_> =
        used.auths.iter().map(|auth| (auth.device_no.as_str(), auth.number.as_str(), auth.left)).collect();
    assert_eq!(asked, [("QYS2019040001", "E003", 2), ("QYS2019040001", "E002", 2), ("QYS2019040002", "E003", 1)]);
    assert_eq!(used.applyer_name, "张三");

    let codes = wang.get(&format!("/api/flows/{flow}/seal-code")).await.expect(200);
    assert_eq!(codes.as_array().unwrap().len(), 2, "only one's own: {codes}");
    let all = world.caller("admin").await.get(&format!("/api/flows/{flow}/seal-code")).await.expect(200);
    assert_eq!(all.as_array().unwrap().len(), 3, "an administrator sees all");
    assert_eq!(world.count("SELECT COUNT(*) FROM audit WHERE act = 'seal_code_viewed'").await, 2);

    world.sim.stamp(&business, 0).await.unwrap();
    world.sim.stamp(&business, 2).await.unwrap();
    let told = detail(&wang, &flow).await;
    assert_eq!(told[0]["fresh"], true, "{told}");
    assert_eq!(counts(&told[0])[..2], [5, 2], "{told}");
    let grants = told[0]["grants"].as_array().unwrap();
    let seals: Vec<_> =
        grants.iter().map(|grant| (grant["seal"].as_str().unwrap(), counts(grant)[0], counts(grant)[1])).collect();
    assert_eq!(seals, [("公章", 2, 1), ("公章", 2, 0), ("合同专用章", 1, 1)]);
    assert!(grants.iter().all(|grant| grant["code"] == "******"), "codes are masked: {told}");

    world.sim.stamp(&business, 0).await.unwrap();
    world.sim.stamp_many(&business, 1, 2).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let told = detail(&world.caller("sun").await, &flow).await;
    assert_eq!(counts(&told[0]), [5, 5, 5, 0], "an auditor reads all, archived too: {told}");
});

story!(a_name_that_two_companies_have_is_told_with_its_boxes_at_once, async |world: World| {
    let zhang = world.caller("zhang").await;
    let rows = json!([{ "seal": "合同专用章", "count": 1, "users": ["wang"] }, { "seal": "公章", "count": 1, "users": ["wang"] }]);
    let form = json!({ "subject": "合同", "company": "上海印库科技有限公司", "seals": rows });
    let body = json!({ "definitionId": world.definition, "form": form });
    let problem = zhang.post("/api/flows", &body).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "form.seals[1].seal");
    let message = problem["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("QYS2019040001") && message.contains("QYS2019040004"), "{message}");

    // A vendor that is down holds nobody up; then the application says the same.
    world.sim.set_down(true);
    let flow = zhang.post("/api/flows", &body).await.expect(201);
    let flow: FlowId = flow["id"].as_str().unwrap().parse().unwrap();
    world.approve(&flow).await;
    world
        .until("it shows why it waits", async || {
            SealUse::of_flow(&world.app.db, &flow).await.unwrap()[0].error.is_some()
        })
        .await;
    world.sim.set_down(false);
    world
        .until("it failed", async || {
            let used = SealUse::of_flow(&world.app.db, &flow).await.unwrap().remove(0);
            used.status.as_str() == "failed" && used.error.unwrap().contains("QYS2019040004")
        })
        .await;
    assert!(world.sim.businesses().is_empty());
    world.leaves_parked("apply", REFUSED);
});

story!(by_category_the_approvals_travel_with_the_application, async |engine: Engine| {
    fn by_category(definition: &mut Value) {
        definition["fields"].as_array_mut().unwrap().extend([
            json!({ "key": "category", "label": "用印流程", "type": "text" }),
            json!({ "key": "applicant", "label": "申请人", "type": "user" }),
        ]);
        definition["integration"]["byCategory"] = json!(true);
        definition["integration"]["categoryField"] = json!("category");
        definition["integration"]["applicantField"] = json!("applicant");
        definition["integration"]["syncNodes"] = json!(["manager"]);
    }
    let mut knobs = small_photos();
    // The answer may name no grants: then the detail does.
    knobs.category_without_auths = true;
    let plan = Plan { knobs: Some(knobs), definition: Some(by_category), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let zhang = world.caller("zhang").await;
    let mut form = json!({ "subject": "合同", "company": "上海印库科技有限公司", "applicant": "zhao",
                           "seals": [{ "seal": "合同专用章", "count": 2 }] });
    let problem = zhang.post("/api/flows", &json!({ "definitionId": world.definition, "form": form })).await;
    assert_eq!(problem.expect_problem(422, "invalid")["errors"][0]["field"], "form.category");
    form["category"] = json!("物理用印");
    let flow = zhang.post("/api/flows", &json!({ "definitionId": world.definition, "form": form })).await.expect(201);
    let flow: FlowId = flow["id"].as_str().unwrap().parse().unwrap();
    let li = world.caller("li").await;
    li.post(&format!("/api/flows/{flow}/approve"), &json!({ "comment": "同意用印" })).await.expect(200);
    world.until("its grants are known", async || world.count("SELECT COUNT(*) FROM grants").await == 1).await;
    let used = world.sim.businesses().remove(0);
    assert_eq!((used.category_id.as_deref(), used.number.as_str()), (Some("2494236993899110501"), "E004"));
    assert_eq!(world.sim.counters().of("/seal/apply/mulitipleByCategory"), 1);
    let nodes = used.flow_nodes.as_array().unwrap();
    assert_eq!(nodes.len(), 1, "{nodes:?}");
    assert_eq!((nodes[0]["name"].as_str(), nodes[0]["category"].as_str()), (Some("部门审批"), Some("SEAL_AUDIT")));
    let data = &nodes[0]["operatorData"];
    assert_eq!((&data["operateType"], &data["info"]), (&json!("approve"), &json!("同意用印")));
    assert_eq!(data["operator"], json!({ "number": "E002" }));
    assert!(nodes[0]["createTime"].as_str() <= nodes[0]["completeTime"].as_str());
    let grant: (String, i64) = yinku::db::sql("SELECT seal, applied FROM grants").one(&world.app.db).await.unwrap();
    assert_eq!(grant, ("合同专用章".to_owned(), 2), "told by its box, though the detail has no name");
    // Whom the category lets stamp takes part from now on.
    let codes = world.caller("zhao").await.get(&format!("/api/flows/{flow}/seal-code")).await.expect(200);
    assert_eq!(codes.as_array().unwrap().len(), 1, "{codes}");
    world.sim.stamp_many(&used.id, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
});

story!(more_uses_open_an_ended_seal_use_again_and_its_second_end_counts, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    let wang = world.caller("wang").await;
    let append = format!("/api/flows/{flow}/seal-append");
    wang.post(&append, &json!({ "count": 0 })).await.expect_problem(422, "invalid");
    wang.post(&append, &json!({ "count": 1, "deviceNo": "D-9" })).await.expect_problem(422, "invalid");
    world.caller("zhang").await.post(&append, &json!({ "count": 1 })).await.expect_problem(403, "not_yours");

    // One stamping leaves no photo: use ends, and the flow waits for it.
    world.sim.stamp(&business, 0).await.unwrap();
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    world
        .until("use has ended", async || SealUse::of_flow(&world.app.db, &flow).await.unwrap()[0].status.ended())
        .await;
    world
        .until("the photo that exists is here", async || {
            world.count("SELECT COUNT(*) FROM photos WHERE state = 'done'").await == 1
        })
        .await;
    let told = detail(&wang, &flow).await;
    assert_eq!(counts(&told[0]), [2, 2, 1, 1], "{told}");
    let missing = &told[0]["grants"][0]["missingPhotos"][0];
    assert_eq!(
        (&missing["kind"], &missing["count"], &missing["named"]),
        (&json!("signatory"), &json!(1), &json!(false))
    );
    assert_eq!(missing["keys"], json!([]), "the vendor has no photo of it");
    assert!(missing["since"].is_string(), "{told}");

    let shown = wang.post(&append, &json!({ "count": 3, "deviceNo": "QYS2019040001" })).await.expect(200);
    assert_eq!(shown["sealUses"][0]["status"], "using");
    assert_eq!(shown["sealUses"][0]["authorised"], 5);
    let told = detail(&wang, &flow).await;
    assert_eq!((counts(&told[0])[0], &told[0]["statusAtVendor"]), (5, &json!("USING")));
    assert_eq!(told[0]["appendLogs"][0]["count"], 3);
    assert_eq!(world.sim.business(&business).unwrap().append_logs[0].number, "E003", "who acted");

    world.sim.stamp_many(&business, 0, 3).await.unwrap();
    world
        .until("use has ended again", async || {
            acts(&world, &flow).await.iter().filter(|act| *act == "use_ended").count() == 2
        })
        .await;
    // The lost photo is supplied late at the vendor; somebody asks for it.
    world.sim.late_photo(&business, 0, simulator::Kind::Signatory).unwrap();
    wang.post(&format!("/api/flows/{flow}/collect"), &json!({})).await.expect(202);
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let told = detail(&world.caller("sun").await, &flow).await;
    assert_eq!(counts(&told[0]), [5, 5, 5, 0], "{told}");
    assert!(acts(&world, &flow).await.contains(&"appended".to_owned()));
});

story!(an_append_whose_answer_is_lost_is_looked_up_and_never_sent_twice, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    let wang = world.caller("wang").await;
    let append = format!("/api/flows/{flow}/seal-append");
    let sent = || world.sim.counters().of("/seal/apply/append");

    // It arrived, the answer was cut: the vendor's list of appends tells.
    world.sim.set_fault(Fault::times(Target::Apply, FaultKind::Cut, 1));
    let shown = wang.post(&append, &json!({ "count": 3 })).await.expect(200);
    assert_eq!((sent(), &shown["sealUses"][0]["authorised"]), (1, &json!(5)));

    // The connection was dropped and the list does not show it: nobody knows.
    world.sim.set_fault(Fault::times(Target::Apply, FaultKind::Drop, 1));
    let problem = wang.post(&append, &json!({ "count": 1 })).await.expect_problem(502, "vendor_failed");
    assert!(problem["detail"].as_str().unwrap().contains("unknown whether the uses were appended"), "{problem}");
    assert!(acts(&world, &flow).await.contains(&"append_unclear".to_owned()));

    // A refusal and a vendor that is not there change nothing.
    world.sim.set_fault(Fault::times(Target::Apply, refusal("参数错误"), 1));
    wang.post(&append, &json!({ "count": 1 })).await.expect_problem(502, "vendor_failed");
    world.sim.set_down(true);
    wang.post(&append, &json!({ "count": 1 })).await.expect_problem(502, "vendor_failed");
    world.sim.set_down(false);
    assert_eq!(sent(), 3);
    assert_eq!(world.sim.business(&business).unwrap().auths[0].left, 5, "appended once");

    // Two people who append at once both meant it.
    let (path, more) = (append.as_str(), json!({ "count": 2 }));
    let admin = world.caller("admin").await;
    let (one, other) = tokio::join!(wang.post(path, &more), admin.post(path, &more));
    one.expect(200);
    other.expect(200);
    assert_eq!(world.sim.business(&business).unwrap().auths[0].left, 9);
});

story!(one_seal_is_ended_and_then_all, async |world: World| {
    let (flow, business) = in_use(&world, &two_seals()).await;
    let wang = world.caller("wang").await;
    let finish = format!("/api/flows/{flow}/seal-finish");
    wang.post(&finish, &json!({ "reason": " " })).await.expect_problem(422, "invalid");
    world.sim.stamp(&business, 0).await.unwrap();
    wang.post(&finish, &json!({ "reason": "盖完了", "deviceNo": "QYS2019040001" })).await.expect(200);
    let used = world.sim.business(&business).unwrap();
    assert_eq!(used.auths.iter().map(|auth| auth.complete).collect::<Vec<_>>(), [true, false]);
    world
        .until("the ended grant is known", async || {
            world.count("SELECT COUNT(*) FROM grants WHERE complete").await == 1
        })
        .await;
    assert!(world.flow(&flow).await.archived_at.is_none());

    world.sim.set_down(true);
    wang.post(&finish, &json!({ "reason": "全部结束" })).await.expect_problem(502, "vendor_failed");
    world.sim.set_down(false);
    let (one, other) = (json!({ "reason": "全部结束" }), json!({ "reason": "全部结束" }));
    let (one, other) = tokio::join!(wang.post(&finish, &one), wang.post(&finish, &other));
    one.expect(200);
    // Who comes second finds it ended, or ends it again to no effect.
    assert!([200, 409].contains(&other.status.as_u16()), "{}", other.status);
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let told = detail(&world.caller("sun").await, &flow).await;
    assert_eq!((&told[0]["statusAtVendor"], counts(&told[0])), (&json!("FINISHED"), [4, 1, 1, 0]), "{told}");
});

story!(owed_photos_are_told_to_whose_they_are, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    world
        .until("the photo that exists is here", async || {
            world.count("SELECT COUNT(*) FROM photos WHERE state = 'done'").await == 1
        })
        .await;
    let owed = world.caller("wang").await.get("/api/owed").await.expect(200);
    let item = &owed["items"][0];
    assert_eq!(owed["items"].as_array().unwrap().len(), 1, "{owed}");
    assert_eq!(
        (item["flowId"].as_str(), &item["missing"], &item["received"]),
        (Some(flow.as_str()), &json!(1), &json!(1))
    );
    assert_eq!(
        (&item["owedAtVendor"], &item["used"], &owed["services"][0]["error"]),
        (&json!(1), &json!(2), &Value::Null)
    );
    let zhang = world.caller("zhang").await;
    assert_eq!(zhang.get("/api/owed").await.expect(200)["items"], json!([]));
    zhang.get("/api/owed?user=wang").await.expect_problem(403, "forbidden");
    let seen = world.caller("sun").await.get("/api/owed?user=wang").await.expect(200);
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    // Without the vendor our own numbers remain.
    world.sim.set_down(true);
    let owed = world.caller("wang").await.get("/api/owed").await.expect(200);
    assert_eq!((&owed["items"][0]["missing"], &owed["items"][0]["owedAtVendor"]), (&json!(1), &Value::Null));
    assert!(owed["services"][0]["error"].is_string(), "{owed}");
});

story!(more_stampings_than_approved_are_shown_and_only_an_append_raises_what_is_authorised, async |engine: Engine| {
    let knobs = simulator::Knobs { no_auto_complete: true, ..small_photos() };
    let world = World::new(engine, Plan { knobs: Some(knobs), ..Plan::default() }).await;
    let (flow, business) = in_use(&world, &two_seals()).await;
    let wang = world.caller("wang").await;
    let grants = async || {
        let view = show(&wang, &flow).await;
        let live = detail(&wang, &flow).await;
        let of = |view: &Value| {
            [0, 1].map(|n| (view["grants"][n]["authorised"].clone(), view["grants"][n]["counted"].clone()))
        };
        assert_eq!(of(&view["sealUses"][0]), of(&live[0]), "the stored numbers and the vendor's");
        let sum = &view["sealUses"][0];
        (of(sum).map(|(a, c)| [a, c].map(|n| n.as_i64().unwrap())), sum["authorised"].as_i64().unwrap())
    };
    let settled = async |used: i64| {
        look(&world, &flow).await;
        assert_eq!(world.count("SELECT CAST(SUM(used) AS BIGINT) FROM grants").await, used);
    };
    // Approved 2, counted 5: nobody appended anything.
    world.sim.stamp_many(&business, 0, 5).await.unwrap();
    settled(5).await;
    assert_eq!(grants().await, ([[2, 5], [2, 0]], 4));

    // An append at the other box leaves the first one alone.
    let device = world.sim.business(&business).unwrap().auths[1].device_no.clone();
    let append = format!("/api/flows/{flow}/seal-append");
    wang.post(&append, &json!({ "count": 3, "deviceNo": device })).await.expect(200);
    world.until_quiet().await;
    assert_eq!(grants().await, ([[2, 5], [5, 0]], 7));
    world.sim.stamp_many(&business, 1, 6).await.unwrap();
    settled(11).await;
    assert_eq!(grants().await, ([[2, 5], [5, 6]], 7));

    // An append at the vendor itself counts as far as uses show it.
    world.sim.append(&business, 1, Some("QYS2019040001")).unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    settled(12).await;
    assert_eq!(grants().await.0[0], [3, 6]);
});
