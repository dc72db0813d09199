//! Stories of one number for one person: whose a grant is, and who has its code, follow the user and not the number.

use serde_json::{Value, json};

use crate::support::{
    Caller, Engine, Plan, World,
    files::{form, png},
    flows::{callers, listed, purchase, show, submit},
    seals::{archived, in_use, look, one_seal, without_photo},
    story,
};

fn person(username: &str, more: &Value) -> Value {
    let mut user = json!({ "username": username, "displayName": username, "password": "a password of some length", "roles": ["member"] });
    user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    user
}

async fn id_of(admin: &Caller, username: &str) -> String {
    let users = admin.get("/api/users?limit=200").await.expect(200);
    let found = users["items"].as_array().unwrap().iter().find(|user| user["username"] == username).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

async fn change(admin: &Caller, username: &str, change: &Value) -> crate::support::Told {
    let id = id_of(admin, username).await;
    admin.patch(&format!("/api/users/{id}"), change).await
}

story!(a_number_belongs_to_one_user_who_is_not_disabled, async |world: World| {
    let admin = world.caller("admin").await;
    let taken = admin.post("/api/users", &person("chen", &json!({ "employeeNo": "E003" }))).await;
    let problem = taken.expect_problem(422, "taken");
    assert_eq!(problem["errors"][0]["field"], "employeeNo");
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("wang"), "{problem}");
    let mobile = json!({ "employeeNo": "E103", "mobile": "13800000003" });
    admin.post("/api/users", &person("chen", &mobile)).await.expect(201);
    for same in [" 13800000003 ", "+8613800000003"] {
        let problem = change(&admin, "zhao", &json!({ "mobile": same })).await.expect_problem(422, "taken");
        assert_eq!(problem["errors"][0]["field"], "mobile");
    }
    // Their own numbers are no obstacle, and blanks are none.
    change(&admin, "chen", &json!({ "displayName": "陈八", "mobile": "13800000003" })).await.expect(200);
    for name in ["zhou", "qian"] {
        let made =
            admin.post("/api/users", &person(name, &json!({ "employeeNo": " ", "mobile": "" }))).await.expect(201);
        assert_eq!((&made["employeeNo"], &made["mobile"]), (&Value::Null, &Value::Null));
    }
    // Who leaves gives the numbers up, and takes them back only if nobody has them.
    change(&admin, "chen", &json!({ "disabled": true })).await.expect(200);
    change(&admin, "zhao", &json!({ "mobile": "13800000003" })).await.expect(200);
    change(&admin, "chen", &json!({ "disabled": false })).await.expect_problem(422, "taken");
    change(&admin, "chen", &json!({ "disabled": false, "mobile": null })).await.expect(200);
    for wrong in ["1380000000", "138 0000 0003", "手机", "+86", "23800000003"] {
        let problem = change(&admin, "chen", &json!({ "mobile": wrong })).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "mobile", "{wrong}");
    }
});

story!(of_many_who_get_one_number_at_once_one_has_it, async |world: World| {
    let admin = world.caller("admin").await;
    let people: Vec<Value> = (0..6).map(|n| person(&format!("p{n}"), &json!({ "mobile": "13800000009" }))).collect();
    let asked = people.iter().map(|user| admin.post("/api/users", user));
    let mut made = 0;
    for told in futures::future::join_all(asked).await {
        match told.status.as_u16() {
            201 => made += 1,
            _ => drop(told.expect_problem(422, "taken")),
        }
    }
    assert_eq!(made, 1);
});

story!(a_grant_is_that_of_the_user_who_was_asked_for_whoever_has_the_number_later, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    // 王五 owes a photo.
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    look(&world, &flow).await;
    let [admin, wang, zhao] = callers(&world, ["admin", "wang", "zhao"]).await;
    // 王五's number goes to 赵六.
    change(&admin, "wang", &json!({ "employeeNo": "E903" })).await.expect(200);
    change(&admin, "zhao", &json!({ "employeeNo": "E003" })).await.expect(200);
    let grant = show(&wang, &flow).await["sealUses"][0]["grants"][0].clone();
    assert_eq!((&grant["username"], &grant["employeeNo"]), (&json!("wang"), &json!("E003")));
    let path = format!("/api/flows/{flow}/seal-code");
    let codes = wang.get(&path).await.expect(200);
    assert_eq!((&codes[0]["username"], &codes[0]["employeeNo"]), (&json!("wang"), &json!("E003")));
    assert!(codes[0]["code"].is_string());
    zhao.get(&path).await.expect_problem(404, "not_found");
    assert_eq!(zhao.get("/api/owed").await.expect(200)["items"], json!([]));
    // Whoever has the number now: the vendor's list is that of the person of the grant.
    let owed = wang.get("/api/owed").await.expect(200);
    let [item] = owed["items"].as_array().unwrap().as_slice() else { panic!("{owed}") };
    assert_eq!(
        (&item["flowId"], &item["missing"], &item["owedAtVendor"]),
        (&json!(flow.to_string()), &json!(1), &json!(1))
    );
    // The person of the grant supplies the photo, and it is that person's.
    let path = format!("/api/grants/{}/photos", item["grantId"].as_str().unwrap());
    zhao.bring(&path, form([("补传.png", png(9))])).await.expect_problem(404, "not_found");
    wang.bring(&path, form([("补传.png", png(9))])).await.expect(201);
    world.until_quiet().await;
    let photo = show(&wang, &flow).await["files"]["photos"][0]["photo"].clone();
    assert_eq!((&photo["username"], &photo["employeeNo"]), (&json!("wang"), &json!("E003")), "{photo}");
    let done = [("done", "true")];
    assert_eq!((listed(&wang, &done).await, listed(&zhao, &done).await), (vec![flow.to_string()], Vec::new()));
});

story!(photos_and_their_documents_say_whose_they_are_and_are_found_by_username, async |world: World| {
    let flow = archived(&world, 2).await;
    let admin = world.caller("admin").await;
    let view = show(&admin, &flow).await;
    let photo = &view["files"]["photos"][0]["photo"];
    assert_eq!((&photo["username"], &photo["employeeNo"]), (&json!("wang"), &json!("E003")));
    let ingest = view["sealUses"][0]["ingestId"].as_str().unwrap();
    let photo = &admin.get(&format!("/api/ingests/{ingest}")).await.expect(200)["photos"][0];
    assert_eq!((&photo["username"], &photo["employeeNo"]), (&json!("wang"), &json!("E003")));
    let detail = &admin.get(&format!("/api/flows/{flow}/seal-detail")).await.expect(200)[0]["grants"][0];
    assert_eq!((&detail["username"], &detail["employeeNo"]), (&json!("wang"), &json!("E003")));
    let found = async |user: &str| {
        let page = admin.get(&format!("/api/documents?user={user}")).await.expect(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!((found("wang").await, found("zhao").await, found("王五").await), (2, 0, 0));
});

story!(by_category_the_person_is_the_one_whose_number_it_was_at_first, async |engine: Engine| {
    fn by_category(definition: &mut Value) {
        definition["fields"].as_array_mut().unwrap().extend([
            json!({ "key": "category", "label": "用印流程", "type": "text" }),
            json!({ "key": "applicant", "label": "申请人", "type": "user" }),
        ]);
        let integration = &mut definition["integration"];
        integration["byCategory"] = json!(true);
        integration["categoryField"] = json!("category");
        integration["applicantField"] = json!("applicant");
    }
    let world = World::new(engine, Plan { definition: Some(by_category), ..Plan::default() }).await;
    let mut form = purchase(&json!([{ "seal": "合同专用章", "count": 1 }]));
    form["category"] = "物理用印".into();
    form["applicant"] = "wang".into();
    let flow = submit(&world, &form).await;
    world.approve(&flow).await;
    let admin = world.caller("admin").await;
    let grant = async || show(&admin, &flow).await["sealUses"][0]["grants"][0].clone();
    world.until("the vendor names the person", async || grant().await["user"].is_string()).await;
    world.until_quiet().await;
    let first = grant().await;
    assert_eq!(first["username"], "wang", "{first}");
    change(&admin, "wang", &json!({ "employeeNo": "E903" })).await.expect(200);
    change(&admin, "zhao", &json!({ "employeeNo": "E003" })).await.expect(200);
    let ingest = show(&admin, &flow).await["sealUses"][0]["ingestId"].as_str().unwrap().to_owned();
    admin.post(&format!("/api/ingests/{ingest}/retry"), &Value::Null).await.expect(202);
    world.until_quiet().await;
    assert_eq!(grant().await["username"], "wang", "a later detail changes nothing");
});
