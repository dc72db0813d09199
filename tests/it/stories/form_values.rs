//! Stories of what a form says: days and times, seals that cannot be used, categories, people who are named twice.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::Knobs;

use crate::support::{
    Engine, Plan, Told, World,
    flows::{act, purchase, show},
    seals::{in_use, lazy, noon, one_seal},
    story,
    world::small_photos,
};

const COMPANY: &str = "上海印库科技有限公司";

async fn start(world: &World, form: &Value) -> Told {
    let body = json!({ "definitionId": world.definition, "form": form });
    world.caller("zhang").await.post("/api/flows", &body).await
}

/// The first member that a refusal names, and what it says.
fn first_error(told: Told) -> (String, String) {
    let problem = told.expect_problem(422, "invalid");
    let error = &problem["errors"][0];
    let text = |member: &str| error[member].as_str().unwrap().to_owned();
    (text("field"), text("message"))
}

/// Time of use in the rows of the seals: a date with a time of day, and a datetime.
fn times_in_rows(definition: &mut Value) {
    definition["fields"][2]["columns"].as_array_mut().unwrap().extend([
        json!({ "key": "from", "label": "开始", "type": "date" }),
        json!({ "key": "fromTime", "label": "开始时间", "type": "time" }),
        json!({ "key": "until", "label": "结束", "type": "datetime" }),
    ]);
    let integration = definition["integration"].as_object_mut().unwrap();
    integration.insert("startDateField".into(), "seals.from".into());
    integration.insert("startTimeField".into(), "seals.fromTime".into());
    integration.insert("endDateField".into(), "seals.until".into());
}

fn row(seal: &str, more: &Value) -> Value {
    let mut row = json!({ "seal": seal, "count": 1, "users": ["wang"] });
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

story!(each_row_has_a_time_of_use_of_its_own, async |engine: Engine| {
    let clock = noon();
    let plan = Plan { clock: clock.clone(), knobs: Some(lazy()), definition: Some(times_in_rows), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let rows = json!([
        row("QYS2019040001", &json!({ "from": "2026-11-23", "fromTime": "14:00", "until": "2026-11-23T15:30" })),
        row("合同专用章", &json!({ "from": "2026-11-24", "fromTime": "", "until": "2026-11-25 18:00:30" })),
        row("财务专用章", &json!({ "from": "", "until": "" }))
    ]);
    let (_, business) = in_use(&world, &rows).await;
    let business = world.sim.business(&business).unwrap();
    let times: Vec<String> = business
        .auths
        .iter()
        .map(|auth| {
            let text = |time: &Option<_>| time.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            format!("{} {}", text(&auth.start_time), text(&auth.end_time))
        })
        .collect();
    let expected = [
        "2026-11-23T14:00:00+08:00 2026-11-23T15:30:00+08:00",
        "2026-11-24T00:00:00+08:00 2026-11-25T18:00:30+08:00",
        "- -",
    ];
    assert_eq!(times, expected);
});

story!(a_date_with_a_time_of_day_is_refused_and_an_empty_one_is_none, async |engine: Engine| {
    fn fields(definition: &mut Value) {
        let field = |key: &str, kind: &str| json!({ "key": key, "label": key, "type": kind });
        definition["fields"].as_array_mut().unwrap().extend([
            field("day", "date"),
            field("clock", "time"),
            field("moment", "datetime"),
            field("number", "number"),
            field("person", "user"),
            json!({ "key": "due", "label": "due", "type": "date", "required": true }),
        ]);
    }
    let world = World::new(engine, Plan { definition: Some(fields), ..Plan::default() }).await;
    let form = |more: Value| {
        let mut form = purchase(&one_seal(1));
        form["due"] = json!("2026-12-01");
        form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        form
    };
    for (key, value, part) in [
        ("day", "2026-11-23T10:00", "without a time of day"),
        ("day", "2026-11-23 10:00:00", "without a time of day"),
        ("day", "20261123", "yyyy-MM-dd"),
        ("clock", "2026-11-23T10:00", "HH:mm"),
        ("clock", "10", "HH:mm"),
        ("moment", "2026-11-23", "yyyy-MM-ddTHH:mm"),
        ("moment", "2026-11-23T10:00+08:00", "yyyy-MM-ddTHH:mm"),
        ("due", "", "required"),
        ("due", " ", "required"),
    ] {
        let (field, message) = first_error(start(&world, &form(json!({ key: value }))).await);
        assert_eq!(field, format!("form.{key}"), "{value}");
        assert!(message.contains(part), "{value}: {message}");
    }
    let empty = json!({ "day": "", "clock": "", "moment": "", "number": "", "person": "" });
    start(&world, &form(empty)).await.expect(201);
    let full = json!({ "day": "2026-11-23", "clock": "10:00", "moment": "2026-11-23T10:00", "number": 7 });
    start(&world, &form(full)).await.expect(201);
});

story!(a_person_who_is_named_twice_in_a_row_counts_once, async |world: World| {
    let row = json!([{ "seal": "QYS2019040001", "count": 2, "users": ["wang", "wang", "li", "wang"] }]);
    let (_, business) = in_use(&world, &row).await;
    assert_eq!(world.sim.business(&business).unwrap().auths.len(), 2);
    assert_eq!(world.count("SELECT COUNT(*) FROM grants").await, 2);
});

story!(a_time_of_use_that_is_over_is_refused_at_the_start_and_later, async |engine: Engine| {
    fn editable(definition: &mut Value) {
        times_in_rows(definition);
        definition["nodes"][0]["editable"] = json!(["seals"]);
    }
    let clock = noon();
    let plan = Plan { clock: clock.clone(), definition: Some(editable), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let until = |time: &str| json!([row("QYS2019040001", &json!({})), row("合同专用章", &json!({ "until": time }))]);
    let (field, message) = first_error(start(&world, &purchase(&until("2026-11-23T11:59"))).await);
    assert_eq!(field, "form.seals[1].until");
    assert!(message.contains("is over"), "{message}");
    let flow = start(&world, &purchase(&until("2026-11-23T12:30"))).await.expect(201);
    let path = format!("/api/flows/{}/form", flow["id"].as_str().unwrap());
    let li = world.caller("li").await;
    let change = json!({ "form": { "seals": until("2026-11-23T11:59") } });
    let (field, _) = first_error(li.put(&path, &change).await);
    assert_eq!(field, "form.seals[1].until");
    // The approver gives it a later time after the first one is over.
    clock.advance(Duration::from_hours(1));
    li.put(&path, &json!({ "form": { "seals": until("2026-11-23T18:00") } })).await.expect(200);
});

fn with_odd_seals() -> Knobs {
    Knobs { frozen: vec!["QYS2019040002".into()], deleted: vec!["QYS2019040003".into()], ..small_photos() }
}

story!(a_frozen_seal_is_refused_at_the_start_and_an_approver_is_asked_the_same, async |engine: Engine| {
    fn editable(definition: &mut Value) {
        definition["nodes"][0]["editable"] = json!(["seals", "subject"]);
    }
    let plan = Plan { knobs: Some(with_odd_seals()), definition: Some(editable), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let rows = |seal: &str| json!([row("QYS2019040001", &json!({})), row(seal, &json!({}))]);
    let bad = [
        ("QYS2019040002", "frozen"),
        ("合同专用章", "frozen"),
        ("QYS2019040003", "no physical seal"),
        ("公章", "several seals"),
        ("没有的章", "no physical seal"),
    ];
    for (seal, part) in bad {
        let (field, message) = first_error(start(&world, &purchase(&rows(seal))).await);
        assert_eq!(field, "form.seals[1].seal", "{seal}");
        assert!(message.contains(part), "{seal}: {message}");
    }
    let flow = start(&world, &purchase(&rows("QYS2019040004"))).await.expect(201);
    let id = flow["id"].as_str().unwrap();
    let (li, path) = (world.caller("li").await, format!("/api/flows/{id}/form"));
    for (seal, part) in bad {
        let (field, message) = first_error(li.put(&path, &json!({ "form": { "seals": rows(seal) } })).await);
        assert_eq!(field, "form.seals[1].seal", "{seal}");
        assert!(message.contains(part), "{seal}: {message}");
    }
    li.put(&path, &json!({ "form": { "seals": rows("人事专用章"), "subject": "换章" } })).await.expect(200);
    act(&li, &id, "approve", json!({})).await.expect(200);
    world.until("it is applied for", async || world.sim.businesses().len() == 1).await;
    let seals: Vec<String> = world.sim.businesses()[0].auths.iter().map(|auth| auth.device_no.clone()).collect();
    assert_eq!(seals, ["QYS2019040001", "QYS2019040005"]);
    // The page shows the name and the company, whatever the form has.
    let shown = show(&li, &id).await["sealUses"][0]["seals"].clone();
    let seal = |picked: &str, name: &str, company: &str, device: &str| json!({ "picked": picked, "name": name, "company": company, "deviceNo": device });
    let beijing = "北京印库信息有限公司";
    let expected = [
        seal("QYS2019040001", "公章", COMPANY, "QYS2019040001"),
        seal("人事专用章", "人事专用章", beijing, "QYS2019040005"),
    ];
    assert_eq!(shown, json!(expected));
});

story!(lists_of_seals_carry_their_state_without_the_deleted_ones, async |engine: Engine| {
    let world = World::new(engine, Plan { knobs: Some(with_odd_seals()), ..Plan::default() }).await;
    let services = world.caller("admin").await.get("/api/services").await.expect(200);
    let service = services["items"][0]["id"].as_str().unwrap();
    let zhang = world.caller("zhang").await;
    let listed = zhang.get(&format!("/api/services/{service}/seals")).await.expect(200);
    let shown: Vec<String> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seal| format!("{} {}", seal["deviceNo"].as_str().unwrap(), seal["status"].as_str().unwrap()))
        .collect();
    let expected = ["QYS2019040001 NORMAL", "QYS2019040002 FREEZE", "QYS2019040004 NORMAL", "QYS2019040005 NORMAL"];
    assert_eq!(shown, expected);
    let categories = zhang.get(&format!("/api/services/{service}/categories")).await.expect(200);
    let names: Vec<&str> =
        categories["items"].as_array().unwrap().iter().map(|category| category["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["物理用印", "物理用印（北京）"], "an electronic category has no physical seals");
});

/// The form names a category, and the people too.
fn with_category(definition: &mut Value) {
    let field = json!({ "key": "category", "label": "用印流程", "type": "text" });
    definition["fields"].as_array_mut().unwrap().push(field);
    definition["integration"]["categoryField"] = json!("category");
}

story!(a_category_in_the_form_travels_as_its_id_with_the_switch_off, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_category), ..Plan::default() }).await;
    let li = world.caller("li").await;
    for (n, named) in ["物理用印", "2494236993899110501", ""].into_iter().enumerate() {
        let mut form = purchase(&one_seal(1));
        form["category"] = json!(named);
        let flow = start(&world, &form).await.expect(201);
        act(&li, &flow["id"].as_str().unwrap(), "approve", json!({})).await.expect(200);
        world.until("it is applied for", async || world.sim.businesses().len() == n + 1).await;
        let business = world.sim.businesses().remove(n);
        let expected = if named.is_empty() { None } else { Some("2494236993899110501") };
        assert_eq!(business.category_id.as_deref(), expected, "{named}");
        assert_eq!(business.auths.len(), 1, "the form names the people");
    }
    assert_eq!(world.sim.counters().of("/seal/apply/mulitipleByCategory"), 0);
});

story!(an_unknown_category_is_told_at_the_seal_use, async |engine: Engine| {
    let world = World::new(engine, Plan { definition: Some(with_category), ..Plan::default() }).await;
    let mut form = purchase(&one_seal(1));
    form["category"] = json!("电子合同");
    let flow = start(&world, &form).await.expect(201);
    let id = flow["id"].as_str().unwrap();
    act(&world.caller("li").await, &id, "approve", json!({})).await.expect(200);
    let failed = "SELECT COUNT(*) FROM seal_uses WHERE status = 'failed' AND error LIKE '%no category%'";
    world.until("the application has failed", async || world.count(failed).await == 1).await;
    assert_eq!(world.sim.businesses().len(), 0);
    world.leaves_parked("apply", "the category does not exist");
});
