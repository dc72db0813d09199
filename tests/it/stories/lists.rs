//! Stories of lists: what a word finds, who has handled a flow, how many documents a folder has.

use std::collections::HashSet;

use serde_json::{Value, json};
use simulator::Kind;
use yinku::{curate::reindex, db::sql, id::FlowId, user::User};

use crate::support::{
    Caller, Engine, World,
    files::{form, pdf, png, world_with_stamped},
    flows::{act, callers, listed, listed_by, show, step, submit_as},
    plain_flows::{define, list_counts, node, start},
    seals::{one_seal, without_photo},
    story,
};

const TITLES: [&str; 9] = [
    "采购合同",
    "采购合同（第二份）",
    "Vertrag ÄÖÜ Nr. 7",
    "ABC-def_100%",
    "反斜线 \\ a",
    "尽职调查",
    "公司 Lease 续签",
    "同合",
    "采购 合同",
];
/// One, two and many characters; in either case; signs; in none of them.
const WORDS: [&str; 25] = [
    "合",
    "A",
    "%",
    "\\",
    "Ö",
    "合同",
    "购合",
    "尽职",
    "aB",
    "e续",
    "0%",
    "a%",
    "采购合同（第",
    "vertrag äöü nr",
    "LEASE",
    "没有",
    "没",
    "采购合同（第三",
    // Of the organisation, the seal and the people; parts in any order; a serial number.
    "印库",
    "公章",
    "王五 采购",
    "第二 合同",
    "合同 没有",
    "OLD-4499",
    "499",
];

async fn start_about(caller: &Caller, world: &World, subject: &str) -> FlowId {
    let form = json!({ "subject": subject, "company": "上海印库科技有限公司", "seals": one_seal(1) });
    submit_as(caller, world, &form).await
}

/// A flow as a list without any index would look at it.
#[derive(sqlx::FromRow)]
struct Seen {
    id: String,
    text: String,
    state: String,
    form: String,
}

/// The flows that know one of the user's names in a view, newest first; all of them to those who read everything.
async fn seen(world: &World, user: &User, view: &str) -> Vec<Seen> {
    let db = &world.app.db;
    let mut all: Vec<Seen> = sql(
        "SELECT f.id, f.serial_no || ' ' || f.title || ' ' || f.starter || ' ' || COALESCE(u.display_name, '') AS text,
           f.state, f.form FROM flows f LEFT JOIN users u ON u.username = f.starter ORDER BY f.id DESC",
    )
    .all(db)
    .await
    .unwrap();
    let granted: Vec<(String, String, String)> =
        sql("SELECT s.flow_id, g.seal, g.user_name || ' ' || COALESCE(g.username, '') FROM grants g
           JOIN seal_uses s ON s.id = g.seal_use_id")
        .all(db)
        .await
        .unwrap();
    for flow in &mut all {
        // What forms name in these stories: one seal, and 王五 who stamps.
        if flow.form != "{}" {
            flow.text += " 上海印库科技有限公司 QYS2019040001 wang 王五";
        }
        for (_, seal, user) in granted.iter().filter(|(id, ..)| *id == flow.id) {
            flow.text = format!("{} {seal} {user}", flow.text);
        }
    }
    if view.is_empty() && user.reads_all() {
        return all;
    }
    let flag = match view {
        "todo" => "turn",
        "done" => "acted",
        "mine" => "started",
        _ => "TRUE",
    };
    let rows: Vec<(String, String)> =
        sql(format!("SELECT flow_id, who FROM flow_people WHERE {flag}")).all(&world.app.db).await.unwrap();
    let names = user.names_in_flows();
    let theirs: HashSet<String> = rows.into_iter().filter(|(_, who)| names.contains(who)).map(|(id, _)| id).collect();
    all.into_iter().filter(|flow| theirs.contains(&flow.id)).collect()
}

story!(a_word_finds_what_a_look_at_every_flow_finds, async |world: World| {
    let (zhang, li) = (world.caller("zhang").await, world.caller("li").await);
    for (i, title) in TITLES.iter().enumerate() {
        let flow = start_about(if i % 3 == 0 { &li } else { &zhang }, &world, title).await;
        if i % 4 == 1 {
            step(&zhang, &flow, "withdraw", json!({})).await;
        } else if i % 4 == 2 {
            step(&li, &flow, "approve", json!({})).await;
        }
    }
    world.until_quiet().await;
    compare(&world).await;
    // With so many that they are looked for in another way.
    many(&world).await;
    compare(&world).await;
});

async fn compare(world: &World) {
    let mut found = 0;
    for username in ["zhang", "li", "wang", "admin"] {
        let user = User::named(&world.app.db, username).await.unwrap().unwrap();
        let caller = world.caller(username).await;
        for view in ["", "todo", "done", "mine"] {
            let theirs = seen(world, &user, view).await;
            for state in ["", "withdrawn"] {
                for word in WORDS {
                    let folded = word.to_lowercase();
                    let has = |flow: &&Seen| {
                        let text = flow.text.to_lowercase();
                        folded.split(' ').all(|part| text.contains(part))
                    };
                    let in_state = |flow: &&Seen| state.is_empty() || flow.state == state;
                    let expected: Vec<&str> =
                        theirs.iter().filter(has).filter(in_state).take(200).map(|flow| flow.id.as_str()).collect();
                    let mut query = vec![("q", word)];
                    query.extend((!view.is_empty()).then_some((view, "true")));
                    query.extend((!state.is_empty()).then_some(("state", state)));
                    assert_eq!(listed(&caller, &query).await, expected, "{username} {query:?}");
                    found += expected.len();
                }
            }
        }
    }
    assert!(found > 100, "{found}");
}

/// Flows by the thousand in which li and the operators take part.
async fn many(world: &World) {
    let mut tx = world.app.db.begin().await.unwrap();
    let id = "'0193' || substr(CAST(10000 + i AS TEXT), 2) || '-0000-7000-8000-100000000000'";
    sql(format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)
         INSERT INTO flows (id, list_key, serial_no, definition_id, version, title, starter, state, form, created_at, updated_at)
         SELECT {id}, {id}, 'OLD-' || CAST(i AS TEXT), $1, 1,
           CASE WHEN i % 2 = 0 THEN '采购合同' WHEN i % 1500 = 1 THEN '尽职调查' ELSE '请示' END, 'li',
           CASE WHEN i % 10 = 0 THEN 'withdrawn' ELSE 'archived' END, '{{}}', 0, 0 FROM n"))
    .bind(&world.definition)
    .execute(&mut tx)
    .await
    .unwrap();
    for (who, started) in [("user:li", "TRUE"), ("role:operator", "FALSE")] {
        sql(format!(
            "INSERT INTO flow_people (flow_id, list_key, who, state, definition_id, started, acted)
             SELECT id, list_key, '{who}', state, definition_id, {started}, {started} FROM flows WHERE serial_no LIKE 'OLD-%'"
        ))
        .execute(&mut tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    while reindex::step(&world.app.db).await.unwrap() {}
}

story!(a_flow_found_by_its_state_is_found_by_its_next_one, async |world: World| {
    let zhang = world.caller("zhang").await;
    let flow = start_about(&zhang, &world, "采购合同").await.to_string();
    let admin = world.caller("admin").await;
    for caller in [&zhang, &admin] {
        assert_eq!(listed(caller, &[("q", "合同"), ("state", "running")]).await, [flow.as_str()]);
        assert!(listed(caller, &[("q", "合同"), ("state", "withdrawn")]).await.is_empty());
    }
    step(&zhang, &flow, "withdraw", json!({})).await;
    for caller in [&zhang, &admin] {
        assert!(listed(caller, &[("q", "合同"), ("state", "running")]).await.is_empty());
        assert_eq!(listed(caller, &[("q", "合同"), ("state", "withdrawn")]).await, [flow.as_str()]);
    }
});

/// Whether the flow is among those the caller has handled.
async fn handled(caller: &Caller, flow: &FlowId) -> bool {
    listed(caller, &[("done", "true")]).await.contains(&flow.to_string())
}

story!(whoever_does_something_with_a_flow_has_handled_it, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (wang, admin) = (world.caller("wang").await, world.caller("admin").await);
    let at = |flow: &FlowId, what: &str| format!("/api/flows/{flow}/{what}");

    let (flow, ..) = world.seal_use(1).await;
    assert!(!handled(&wang, &flow).await, "only looked at so far");
    wang.get(&at(&flow, "seal-detail")).await.expect(200);
    assert!(!handled(&wang, &flow).await, "whoever looks has not done anything");
    wang.post(&at(&flow, "seal-append"), &json!({ "count": 1 })).await.expect(200);
    assert!(handled(&wang, &flow).await, "appended");

    let (flow, ..) = world.seal_use(1).await;
    wang.post(&at(&flow, "seal-finish"), &json!({ "reason": "不用了" })).await.expect(200);
    assert!(handled(&wang, &flow).await, "ended");
    assert!(!handled(&admin, &flow).await);
    world
        .until("its end is known", async || {
            let view = show(&admin, &flow).await;
            view["sealUses"][0]["status"] == "finished"
        })
        .await;
    let wish = json!({ "acceptMissing": true, "reason": "没有盖章" });
    admin.post(&at(&flow, "archive"), &wish).await.expect(200);
    assert!(handled(&admin, &flow).await, "archived");

    let (flow, ..) = world.seal_use(1).await;
    wang.put(&at(&flow, "seal-window"), &json!({ "end": "2099-01-01T00:00:00+08:00" })).await.expect(200);
    assert!(handled(&wang, &flow).await, "another time");

    let (flow, ..) = world.seal_use(1).await;
    wang.bring(&at(&flow, "fields/stamped/files"), form([("a.pdf", pdf("1"))])).await.expect(201);
    assert!(handled(&wang, &flow).await, "a file brought");

    let (flow, _, business) = world.seal_use(2).await;
    world.sim.stamp(&business, 0).await.unwrap();
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    world.until("who stamped has handled it", async || handled(&wang, &flow).await).await;
    assert!(!handled(&admin, &flow).await, "nobody else");
    let view = show(&admin, &flow).await;
    let grant = view["sealUses"][0]["grants"][0]["id"].as_str().unwrap().to_owned();
    admin.bring(&format!("/api/grants/{grant}/photos"), form([("补传.png", png(9))])).await.expect(201);
    assert!(handled(&admin, &flow).await, "a photo supplied");
    world.until_quiet().await;
    assert!(!handled(&world.caller("zhang").await, &flow).await, "a starter's own is in another list");
    for caller in [&wang, &admin] {
        let counts = caller.get("/api/flows/counts").await.expect(200);
        assert_eq!(counts["done"], listed(caller, &[("done", "true")]).await.len(), "{counts}");
    }
});

async fn folders(caller: &Caller, parent: &str) -> Vec<Value> {
    caller.get(&format!("/api/folders?{parent}")).await.expect(200)["items"].as_array().unwrap().clone()
}

/// The folder's total, which is the number of those listed.
async fn total(caller: &Caller, folder: &str) -> usize {
    let page = caller.get(&format!("/api/folders/{folder}/documents?limit=200")).await.expect(200);
    assert_eq!(page["total"], page["items"].as_array().unwrap().len(), "{page}");
    usize::try_from(page["total"].as_u64().unwrap()).unwrap()
}

story!(a_folder_counts_its_documents_as_they_come_and_go, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let [wang, admin] = [world.caller("wang").await, world.caller("admin").await];
    let (flow, _, business) = world.seal_use(2).await;
    let stamped = format!("/api/flows/{flow}/fields/stamped/files");
    let documents = wang.bring(&stamped, form([("a.pdf", pdf("1")), ("b.pdf", pdf("2"))])).await.expect(201);
    let top = folders(&wang, "space=public").await;
    let top = format!("parent={}", top[0]["id"].as_str().unwrap());
    let folder = folders(&wang, &top).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(total(&wang, &folder).await, 2);
    wang.delete(&format!("{stamped}/{}", documents[0]["id"].as_str().unwrap())).await.expect(204);
    assert_eq!((total(&wang, &folder).await, total(&admin, &folder).await), (1, 1));

    world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    assert_eq!(total(&wang, &folder).await, 3, "two stampings and a file");
    assert_eq!(total(&admin, &folder).await, 4, "a face, too");
    // What was a stamping turns out to be a face: nobody sees it any more but by right.
    let found = async |caller: &Caller, query: &str| {
        caller.get(&format!("/api/documents?{query}")).await.expect(200)["items"].as_array().unwrap().len()
    };
    assert_eq!((found(&wang, "seal=公章").await, found(&admin, "kind=face").await), (2, 1));
    let tell = async |column: &str, value: &str| {
        let mut tx = world.app.db.begin().await.unwrap();
        let told = format!(
            "UPDATE photos SET {column} = {value} WHERE id = (SELECT MAX(id) FROM photos WHERE kind = 'signatory')"
        );
        sql(told).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    tell("kind", "'face'").await;
    assert_eq!((found(&wang, "seal=公章").await, found(&admin, "kind=face").await), (1, 2));
    assert_eq!(found(&admin, "seal=公章").await, 3);
    tell("grant_id", "NULL").await;
    assert_eq!(found(&admin, "seal=公章").await, 2);
    assert_eq!((total(&wang, &folder).await, total(&admin, &folder).await), (2, 4));
});

story!(lists_and_counts_follow_every_step, async |world: World| {
    let nodes = json!([node("one", &["user:li"], "any"), node("two", &["role:operator", "user:wang"], "any")]);
    let definition = define(&world, nodes).await;
    let [zhang, li, wang, zhao] = callers(&world, ["zhang", "li", "wang", "zhao"]).await;
    let first = start(&zhang, &definition).await;
    let second = start(&zhang, &definition).await;
    assert_eq!(list_counts(&zhang).await, [0, 0, 2]);
    assert_eq!(list_counts(&li).await, [2, 0, 0]);
    assert_eq!(list_counts(&wang).await, [0, 0, 0]);
    assert_eq!(listed_by(&li, "todo=true").await, [second.as_str(), &first]);
    act(&li, &first, "approve", json!({})).await.expect(200);
    assert_eq!((list_counts(&li).await, list_counts(&wang).await), ([1, 1, 0], [1, 0, 0]));
    assert_eq!(listed_by(&wang, "todo=true").await, [first.as_str()], "once, though the node names them twice");
    assert_eq!(listed_by(&li, "done=true").await, [first.as_str()]);
    act(&wang, &first, "reject", json!({ "comment": "退回" })).await.expect(200);
    assert_eq!((list_counts(&zhang).await, list_counts(&wang).await), ([1, 0, 2], [0, 1, 0]));
    assert_eq!(listed_by(&zhang, "todo=true").await, [first.as_str()]);
    assert_eq!(listed_by(&zhang, "mine=true&state=rejected").await, [first.as_str()]);
    act(&zhang, &first, "withdraw", json!({})).await.expect(200);
    assert_eq!((list_counts(&zhang).await, list_counts(&li).await), ([0, 0, 2], [1, 1, 0]));
    assert_eq!(listed_by(&li, "state=running").await, [second.as_str()]);
    assert_eq!(listed_by(&li, &format!("done=true&definitionId={definition}")).await, [first.as_str()]);
    assert_eq!(listed_by(&zhao, "").await, Vec::<String>::new());
    li.get("/api/flows?todo=true&mine=true").await.expect_problem(400, "bad_query");
    let page = zhang.get("/api/flows?limit=1").await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!(second), &json!(second)));
    let page = zhang.get(&format!("/api/flows?limit=1&after={second}")).await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!(first), &Value::Null));
    assert_eq!(page["items"][0]["definitionName"], "请示");
});

story!(words_of_two_characters_are_found, async |world: World| {
    let flow = world.start_flow(1).await.to_string();
    let zhang = world.caller("zhang").await;
    let definition = define(&world, json!([node("one", &["user:li"], "any")])).await;
    let other = start(&zhang, &definition).await;
    let [li, wang, admin] = callers(&world, ["li", "wang", "admin"]).await;
    for caller in [&zhang, &li, &admin] {
        assert_eq!(listed_by(caller, "q=合同").await, [flow.as_str()]);
        assert_eq!(listed_by(caller, "q=%20合同%20&state=running").await, [flow.as_str()]);
        assert_eq!(listed_by(caller, "q=请示").await, [other.as_str()]);
        assert_eq!(listed_by(caller, "q=合示").await, Vec::<String>::new());
        assert_eq!(listed_by(caller, "q=%25").await, Vec::<String>::new(), "a sign is a sign");
        assert_eq!(listed_by(caller, "q=yk20").await.len(), 2, "whatever the case");
        assert_eq!(listed_by(caller, "q=合同&state=archived").await, Vec::<String>::new());
    }
    assert_eq!(listed_by(&wang, "q=请示").await, Vec::<String>::new());
    assert_eq!(listed_by(&li, "todo=true&q=采购").await, [flow.as_str()]);
});
