//! Attacks with large inputs: forms with many rows, texts without an end, definitions that cost much to check.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use yinku::http;

use crate::support::{
    Told, World,
    flows::{act, callers, purchase},
    people::make_user,
    seals::{in_use, look, one_seal, without_photo},
    story,
};

async fn start(world: &World, form: &Value) -> Told {
    let body = json!({ "definitionId": world.definition, "form": form });
    world.caller("zhang").await.post("/api/flows", &body).await
}

fn rows(count: usize, row: &Value) -> Value {
    Value::Array(vec![row.clone(); count])
}

/// The members that a problem names.
fn named(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect()
}

story!(a_form_with_sixteen_thousand_rows_is_refused_in_one_sentence, async |world: World| {
    for count in [501, 16_000] {
        let problem = start(&world, &purchase(&rows(count, &json!({})))).await.expect_problem(422, "invalid");
        assert_eq!(named(&problem), ["form.seals"], "{count}");
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM flows").await, 0);
});

story!(a_draft_a_change_and_a_submission_have_the_same_bounds, async |world: World| {
    let zhang = world.caller("zhang").await;
    let row = json!({ "seal": "QYS2019040001", "count": 1, "users": ["wang"] });
    let draft = |form: Value| json!({ "definitionId": world.definition, "form": form, "draft": true });
    let made = zhang.post("/api/flows", &draft(purchase(&rows(1, &row)))).await.expect(201);
    let at = |rest: &str| format!("/api/flows/{}{rest}", made["id"].as_str().unwrap());
    let crowd = json!({ "seal": "QYS2019040001", "count": 1, "users": vec!["wang"; 51] });
    for (bad, place) in [
        (rows(501, &json!({})), "form.seals"),
        (rows(16_000, &json!({})), "form.seals"),
        (rows(1, &crowd), "form.seals[0].users"),
    ] {
        let change = json!({ "form": { "seals": bad } });
        let answers = [
            zhang.post("/api/flows", &draft(purchase(&change["form"]["seals"]))).await,
            zhang.put(&at("/form"), &change).await,
            zhang.post(&at("/submit"), &change).await,
        ];
        for told in answers {
            assert_eq!(named(&told.expect_problem(422, "invalid")), [place]);
        }
    }
    // A change of a running flow is checked whole.
    zhang.post(&at("/submit"), &json!({})).await.expect(200);
    assert_eq!(world.count("SELECT COUNT(*) FROM flows WHERE form LIKE '%[]%'").await, 0);
});

// The check of many cells does not hold the locks of a transaction. On SQLite a held write keeps every other one out.
story!(a_form_is_checked_before_its_transaction_begins, async |world: World| {
    let zhang = world.caller("zhang").await;
    let row = json!({ "seal": "QYS2019040001", "count": 1, "users": ["nobody"] });
    let held = world.hold_log().await;
    for draft in [false, true] {
        let body = json!({ "definitionId": world.definition, "form": purchase(&rows(400, &row)), "draft": draft });
        let problem = zhang.post("/api/flows", &body).await.expect_problem(422, "invalid");
        assert_eq!(named(&problem).len(), 100);
    }
    drop(held);
});

story!(a_large_form_is_checked_whole_wherever_it_changes, async |world: World| {
    let zhang = world.caller("zhang").await;
    let row = json!({ "seal": "QYS2019040001", "count": 1, "users": ["wang"] });
    let body = json!({ "definitionId": world.definition, "form": purchase(&rows(300, &row)), "draft": true });
    let made = zhang.post("/api/flows", &body).await.expect(201);
    let at = |rest: &str| format!("/api/flows/{}{rest}", made["id"].as_str().unwrap());
    let mut other = rows(300, &row);
    other[299]["users"] = json!(["nobody"]);
    let bad = json!({ "form": { "seals": other } });
    for told in [zhang.put(&at("/form"), &bad).await, zhang.post(&at("/submit"), &bad).await] {
        assert_eq!(named(&told.expect_problem(422, "invalid")), ["form.seals[299].users"]);
    }
    // What a draft may leave empty, a submission may not.
    other[299] = json!({ "seal": "QYS2019040001", "users": ["wang"] });
    let empty = json!({ "form": { "seals": other } });
    zhang.put(&at("/form"), &empty).await.expect(200);
    let told = zhang.post(&at("/submit"), &json!({})).await.expect_problem(422, "invalid");
    assert_eq!(named(&told), ["form.seals[299].count"]);
    let good = json!({ "form": { "seals": rows(300, &row) } });
    zhang.post(&at("/submit"), &good).await.expect(200);
    // A stranger learns nothing of a flow by a large form.
    make_user(&world, "chen", &["member"]).await;
    world.caller("chen").await.put(&at("/form"), &bad).await.expect_problem(404, "not_found");
});

story!(an_answer_tells_at_most_a_hundred_errors, async |world: World| {
    for row in [json!({}), json!({ "seal": 7, "count": "x", "users": ["nobody"] }), json!(7)] {
        let problem = start(&world, &purchase(&rows(500, &row))).await.expect_problem(422, "invalid");
        assert_eq!(named(&problem).len(), 100, "{row}");
    }
    let unknown: serde_json::Map<String, Value> = (0..10_000).map(|n| (format!("k{n}"), json!(n))).collect();
    let problem = start(&world, &Value::Object(unknown)).await.expect_problem(422, "invalid");
    assert_eq!(named(&problem).len(), 100);
});

story!(empty_cells_of_a_draft_hide_no_other_error, async |world: World| {
    let mut row = json!({});
    let draft = |form: Value| json!({ "definitionId": world.definition, "form": form, "draft": true });
    let zhang = world.caller("zhang").await;
    zhang.post("/api/flows", &draft(json!({ "seals": rows(200, &row) }))).await.expect(201);
    row["unknown"] = json!(1);
    let mut all = vec![json!({}); 200];
    all.push(row);
    let problem = zhang.post("/api/flows", &draft(json!({ "seals": all }))).await.expect_problem(422, "invalid");
    assert_eq!(named(&problem), ["form.seals[200].unknown"]);
});

story!(an_application_has_at_most_five_hundred_grants_and_fifty_people_a_row, async |world: World| {
    let row = |people: &[&str]| json!({ "seal": "QYS2019040001", "count": 1, "users": people });
    let crowd = vec!["wang"; 51];
    let problem = start(&world, &purchase(&rows(1, &row(&crowd)))).await.expect_problem(422, "invalid");
    assert_eq!(named(&problem), ["form.seals[0].users"]);
    let problem = start(&world, &purchase(&rows(251, &row(&["wang", "li"])))).await.expect_problem(422, "invalid");
    assert_eq!(named(&problem), ["form.seals[250].seal"]);
    start(&world, &purchase(&rows(250, &row(&["wang", "li"])))).await.expect(201);
});

story!(texts_are_bounded_wherever_they_come_from, async |world: World| {
    let text = |length: usize| "印".repeat(length);
    let mut form = purchase(&rows(1, &json!({ "seal": "QYS2019040001", "count": 1, "users": ["wang"] })));
    form["subject"] = json!(text(1_001));
    let problem = start(&world, &form).await.expect_problem(422, "invalid");
    assert_eq!(named(&problem), ["form.subject"]);
    form["subject"] = json!(text(1_000));
    start(&world, &form).await.expect(201);

    let flow = world.start_flow(1).await;
    let (li, zhang, admin) = (world.caller("li").await, world.caller("zhang").await, world.caller("admin").await);
    for (caller, step, body) in [
        (&li, "approve", json!({ "comment": text(2_001) })),
        (&li, "reject", json!({ "comment": text(2_001) })),
        (&li, "transfer", json!({ "to": "wang", "comment": text(2_001) })),
        (&zhang, "comment", json!({ "comment": text(2_001) })),
        (&zhang, "withdraw", json!({ "comment": text(2_001) })),
    ] {
        let problem = act(caller, &flow, step, body).await.expect_problem(422, "invalid");
        assert_eq!(named(&problem), ["comment"], "{step}");
    }
    let finish = act(&zhang, &flow, "seal-finish", json!({ "reason": text(2_001) })).await;
    assert_eq!(named(&finish.expect_problem(422, "invalid")), ["reason"]);
    for (path, member) in [("/api/folders", "name"), ("/api/services", "name"), ("/api/users", "displayName")] {
        let told = admin.post(path, &json!({ member: text(241) })).await;
        assert_eq!(named(&told.expect_problem(422, "invalid")), [member], "{path}");
    }
    let long = text(1_001);
    zhang.get(&format!("/api/flows?q={long}")).await.expect_problem(400, "bad_query");
    assert_eq!(world.count("SELECT COUNT(*) FROM flow_events WHERE LENGTH(detail) > 2000").await, 0);
});

/// Texts of which a reader sees nothing.
const UNSEEN: [&str; 4] = ["\u{200b}\u{feff}", "\u{202e}", "\u{3164}", " \u{2060}\u{3000}\n"];

story!(a_reason_that_nobody_can_see_is_none, async |world: World| {
    let [zhang, li, wang, admin] = callers(&world, ["zhang", "li", "wang", "admin"]).await;
    for unseen in UNSEEN {
        let mut form = purchase(&one_seal(1));
        form["subject"] = unseen.into();
        let problem = start(&world, &form).await.expect_problem(422, "invalid");
        assert_eq!(named(&problem), ["form.subject"], "{unseen:?}");
    }
    let flow = world.start_flow(1).await;
    for unseen in UNSEEN {
        for step in ["reject", "comment"] {
            let problem = act(&li, &flow, step, json!({ "comment": unseen })).await.expect_problem(422, "invalid");
            assert_eq!(named(&problem), ["comment"], "{step}, {unseen:?}");
        }
    }
    act(&li, &flow, "reject", json!({ "comment": "改金额" })).await.expect(200);
    act(&zhang, &flow, "withdraw", json!({})).await.expect(200);
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    world.until_quiet().await;
    let path = format!("/api/flows/{flow}");
    for unseen in UNSEEN {
        let end = json!({ "reason": unseen });
        wang.post(&format!("{path}/seal-finish"), &end).await.expect_problem(422, "invalid");
    }
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    look(&world, &flow).await;
    for unseen in UNSEEN {
        let withdrawal = json!({ "comment": unseen });
        act(&admin, &flow, "withdraw", withdrawal).await.expect_problem(422, "invalid");
    }
    let end = json!({ "reason": "完" });
    wang.post(&format!("{path}/seal-finish"), &end).await.expect(200);
    world.until("use has ended", async || world.count("SELECT COUNT(ended_at) FROM seal_uses").await == 1).await;
    world.until_quiet().await;
    for unseen in UNSEEN {
        let wish = json!({ "acceptMissing": true, "reason": unseen });
        act(&admin, &flow, "archive", wish).await.expect_problem(422, "invalid");
    }
});

story!(a_definition_that_costs_much_to_check_is_refused, async |world: World| {
    let admin = world.caller("admin").await;
    let path = format!("/api/definitions/{}", world.definition);
    let body = admin.get(&path).await.expect(200);
    let refused = async |change: fn(&mut Value), member: &str| {
        let mut body = body.clone();
        change(&mut body);
        let problem = admin.put(&path, &body).await.expect_problem(422, "invalid");
        assert_eq!(named(&problem), [member]);
    };
    refused(|body| body["fields"] = rows(201, &body["fields"][0]), "fields").await;
    refused(|body| body["nodes"] = rows(101, &body["nodes"][0]), "nodes").await;
    refused(|body| body["nodes"][0]["assignees"] = rows(201, &json!("user:li")), "nodes[0].assignees").await;
    refused(|body| body["nodes"][0]["editable"] = rows(201, &json!("subject")), "nodes[0].editable").await;
    refused(|body| body["integration"]["codeNodes"] = rows(101, &json!("x")), "integration.codeNodes").await;
    refused(|body| body["fields"][0]["label"] = json!("印".repeat(201)), "fields[0].label").await;
    refused(|body| body["fields"][2]["columns"] = rows(201, &body["fields"][0]), "fields[2].columns").await;
    let select = json!({ "key": "s", "label": "s", "type": "select", "options": rows(501, &json!("x")) });
    let mut long = body.clone();
    long["fields"][0] = select;
    let problem = admin.put(&path, &long).await.expect_problem(422, "invalid");
    assert_eq!(named(&problem), ["fields[0].options"]);
});

/// Collects the texts of a request schema that have no bound: neither a length, nor a format, nor a list of words.
fn unbounded(document: &Value, schema: &Value, at: &str, seen: &mut BTreeSet<String>, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/")) {
        if seen.insert(name.to_owned()) {
            unbounded(document, &document["components"]["schemas"][name], name, seen, found);
        }
        return;
    }
    let kind = &schema["type"];
    let is_text = kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("string")));
    let bounds = ["maxLength", "format", "enum", "pattern"];
    let by_pattern = schema["pattern"].as_str().is_none_or(|pattern| pattern.contains('{'));
    if is_text && !bounds.iter().any(|bound| schema.get(bound).is_some() && (*bound != "pattern" || by_pattern)) {
        found.push(at.to_owned());
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        unbounded(document, member, &format!("{at}.{name}"), seen, found);
    }
    for part in ["allOf", "oneOf", "anyOf"].iter().filter_map(|word| schema[word].as_array()).flatten() {
        unbounded(document, part, at, seen, found);
    }
    if let Some(items) = schema.get("items") {
        unbounded(document, items, &format!("{at}[]"), seen, found);
    }
}

#[test]
fn every_text_of_a_request_has_a_bound_in_the_document() {
    let document = serde_json::to_value(http::openapi()).unwrap();
    let (mut seen, mut found, mut bodies) = (BTreeSet::new(), Vec::new(), 0);
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/api/")) {
        for operation in item.as_object().unwrap().values() {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            if body.is_object() {
                bodies += 1;
                unbounded(&document, body, path, &mut seen, &mut found);
            }
        }
    }
    assert!(bodies > 25, "{bodies}");
    assert!(found.is_empty(), "{found:#?}");
}
