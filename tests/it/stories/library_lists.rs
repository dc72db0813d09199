//! Stories of lists of a space and of everywhere: every order, positions, days, and searches in another order.

use std::time::Duration;

use serde_json::{Value, json};
use yinku::clock::Clock;

use super::{
    library_folders::{bring, id, make},
    library_rights::set,
};
use crate::support::{Caller, Engine, Plan, World, database::NOW, flows::texts, story};

async fn list(caller: &Caller, query: &str) -> Value {
    caller.get(&format!("/api/documents?{query}")).await.expect(200)
}

async fn days(caller: &Caller, path: &str) -> Vec<(i64, i64)> {
    let timeline = caller.get(path).await.expect(200);
    let number = |day: &Value, member: &str| day[member].as_i64().unwrap();
    timeline["days"].as_array().unwrap().iter().map(|day| (number(day, "documents"), number(day, "at"))).collect()
}

story!(a_space_is_listed_in_every_order_by_position_and_by_day, async |engine: Engine| {
    let clock = Clock::manual(NOW);
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    let [zhao, zhang] = [world.caller("zhao").await, world.caller("zhang").await];
    let top = make(&zhao, None, "甲").await;
    let below = make(&zhao, Some(&top), "下").await;
    bring(&zhao, &top, &["合同10.pdf", "合同2.pdf"]).await;
    clock.advance(Duration::from_hours(24));
    bring(&zhao, &below, &["合同1.pdf"]).await;
    // What lies in the space of a person is in no list of another.
    let own = zhang.post("/api/folders", &json!({ "space": "personal", "name": "我的" })).await.expect(201);
    bring(&zhang, &id(&own), &["合同3.pdf"]).await;
    for place in ["space=public".to_owned(), format!("folderId={top}&deep=true"), String::new()] {
        let whole = list(&zhao, &format!("{place}&sort=name")).await;
        assert_eq!(texts(&whole["items"], "name"), ["合同1.pdf", "合同2.pdf", "合同10.pdf"], "{place}");
        let sum: i64 = whole["items"].as_array().unwrap().iter().map(|item| item["bytes"].as_i64().unwrap()).sum();
        assert_eq!((&whole["total"], &whole["bytes"], &whole["at"]), (&json!(3), &json!(sum), &json!(0)), "{place}");
        let last = id(&whole["items"][2]);
        let around = list(&zhao, &format!("{place}&sort=name&limit=2&around={last}")).await;
        assert_eq!((&around["at"], texts(&around["items"], "name")), (&json!(2), vec!["合同10.pdf"]));
        let at = list(&zhao, &format!("{place}&sort=-name&limit=1&at=1")).await;
        assert_eq!((&at["at"], texts(&at["items"], "name")), (&json!(1), vec!["合同2.pdf"]));
        let next = list(&zhao, &format!("{place}&sort=name&limit=2")).await["next"].as_str().unwrap().to_owned();
        let rest = list(&zhao, &format!("{place}&sort=name&limit=2&after={next}")).await;
        assert_eq!((&rest["at"], texts(&rest["items"], "name")), (&Value::Null, vec!["合同10.pdf"]));
        let timeline = format!("/api/documents/timeline?{place}");
        assert_eq!(days(&zhao, &timeline).await, [(1, 0), (2, 1)], "{place}");
        assert_eq!(days(&zhao, &format!("{timeline}&sort=takenAt")).await, [(2, 0), (1, 2)], "{place}");
        // Words in another order: with their number, without positions.
        let words = list(&zhao, &format!("{place}&q=合同&sort=-name&limit=2")).await;
        assert_eq!(texts(&words["items"], "name"), ["合同10.pdf", "合同2.pdf"]);
        assert_eq!((&words["total"], &words["at"]), (&json!(3), &Value::Null));
        let next = words["next"].as_str().unwrap();
        let rest = list(&zhao, &format!("{place}&q=合同&sort=-name&limit=2&after={next}")).await;
        assert_eq!((texts(&rest["items"], "name"), &rest["total"]), (vec!["合同1.pdf"], &Value::Null));
        assert_eq!(days(&zhao, &format!("{timeline}&q=合同1")).await, [(1, 0), (1, 1)], "{place}");
        for wrong in [
            "q=合同&at=0",
            "q=合同&around=01930000-0000-7000-8000-000000000000",
            "sort=colour",
            "at=1&after=1.01930000-0000-7000-8000-000000000000",
        ] {
            zhao.get(&format!("/api/documents?{place}&{wrong}")).await.expect_problem(400, "bad_query");
        }
        zhao.get(&format!("{timeline}&sort=bytes")).await.expect_problem(400, "bad_query");
    }
    assert_eq!(list(&zhang, "").await["total"], 4);
    assert_eq!(list(&zhang, "space=personal").await["total"], 1);
    assert_eq!(list(&zhao, "space=personal").await["total"], 0);
    zhao.get(&format!("/api/documents?space=public&folderId={top}")).await.expect_problem(400, "bad_query");
    zhao.get(&format!("/api/documents/timeline?folderId={}", id(&own))).await.expect_problem(404, "not_found");
    // What may not be seen is in no number.
    set(&zhao, &below, false, json!([{ "who": "role:archivist", "manage": true }])).await;
    assert_eq!(list(&zhang, "space=public").await["total"], 2);
    assert_eq!(days(&zhang, "/api/documents/timeline?space=public").await, [(2, 0)]);
    assert_eq!(days(&zhang, &format!("/api/folders/{top}/timeline?deep=true")).await, [(2, 0)]);
    // Another name, another place, the trash: the days follow.
    let moved = id(&list(&zhao, "q=合同1.pdf").await["items"][0]);
    zhang.get(&format!("/api/documents?space=public&around={moved}")).await.expect_problem(404, "not_found");
    zhao.patch(&format!("/api/documents/{moved}"), &json!({ "folderId": top, "name": "乙.pdf" })).await.expect(200);
    assert_eq!(days(&zhang, &format!("/api/folders/{top}/timeline")).await, [(1, 0), (2, 1)]);
    zhao.delete(&format!("/api/documents/{moved}")).await.expect(204);
    assert_eq!(days(&zhang, &format!("/api/folders/{top}/timeline")).await, [(2, 0)]);
});

story!(a_page_of_a_list_tells_when_its_originals_were_checked, async |world: World| {
    let zhao = world.caller("zhao").await;
    let top = make(&zhao, None, "甲").await;
    let document = bring(&zhao, &top, &["1.pdf"]).await.remove(0);
    let shown = zhao.get(&format!("/api/documents/{document}")).await.expect(200);
    assert!(shown["checkedAt"].is_string(), "the bytes were hashed as they came: {shown}");
});
