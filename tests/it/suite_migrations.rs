//! A database that an earlier version wrote: migrated by itself, everything in it is read, and what was on its way goes
//! on.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use simulator::Simulator;
use sqlx::AssertSqlSafe;
use yinku::{
    clock::Clock,
    config::{Config, DatabaseUrl},
    hash::Hashes,
    id::{DefinitionId, FlowId, SealUseId, ServiceId},
    provider::{
        Credentials, Limits, Secret, SignMode, Vendor,
        qiyuesuo::{Application, ApplicationAuth, SealUser},
    },
    seal_use::SealUse,
    store::{Store, StoreKey},
    vendor::simulator::Simulator,
};

use crate::{
    caller::Caller,
    stories::on_both_engines,
    stories_files::{png, with_stamped},
    world::{Engine, Plan, World, definition},
};

on_both_engines!(
    what_the_first_version_wrote_is_read_and_goes_on,
    what_the_version_before_the_audit_chain_wrote_is_read_and_goes_on,
    what_the_version_of_the_lists_wrote_is_read_and_goes_on,
    what_the_version_before_the_search_wrote_is_read_and_goes_on,
    what_the_version_of_the_search_wrote_is_read_and_goes_on,
);

async fn what_the_first_version_wrote_is_read_and_goes_on(engine: Engine) {
    from_version(engine, 1).await;
}

async fn what_the_version_before_the_audit_chain_wrote_is_read_and_goes_on(engine: Engine) {
    from_version(engine, 4).await;
}

async fn what_the_version_of_the_lists_wrote_is_read_and_goes_on(engine: Engine) {
    from_version(engine, 7).await;
}

async fn what_the_version_before_the_search_wrote_is_read_and_goes_on(engine: Engine) {
    from_version(engine, 9).await;
}

async fn what_the_version_of_the_search_wrote_is_read_and_goes_on(engine: Engine) {
    from_version(engine, 10).await;
}

async fn from_version(engine: Engine, version: i64) {
    let mut names = BTreeMap::new();
    let mut world = World::over(engine, Plan::default(), async |config, sim| {
        names = fill(config, sim).await;
        write(&config.database.url, version, &rows(version, &names)).await;
    })
    .await;
    let id = |name: &str| names[name].clone();
    world.definition = id("definition").parse().unwrap();
    is_read(&world, &id).await;
    is_listed(&world, &id).await;
    is_found(&world, &id).await;
    is_still_unknown_where_it_was_sent(&world, &id, version).await;
    goes_on(&world, &id).await;
}

async fn is_read(world: &World, id: &impl Fn(&str) -> String) {
    let sun = world.caller("sun").await;
    let flow = sun.get(&format!("/api/flows/{}", id("done"))).await.expect(200);
    assert_eq!((&flow["state"], &flow["serialNo"]), (&json!("archived"), &json!("YK20251231-0001")));
    let used = &flow["sealUses"][0];
    let counts = ["authorised", "counted", "received", "missing"].map(|name| used[name].as_i64().unwrap());
    assert_eq!((&used["status"], counts), (&json!("complete"), [1, 1, 1, 0]), "{used}");
    let acts: Vec<&str> =
        flow["events"].as_array().unwrap().iter().map(|event| event["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["submitted", "approved", "archived"]);
    let document = &flow["files"]["photos"][0];
    assert_eq!((&document["id"], &document["photo"]["seal"]), (&json!(id("document")), &json!("公章")), "{document}");
    assert_eq!(flow["files"]["stamped"][0]["name"], "盖章扫描.png");
    let content = sun.get(&format!("/api/documents/{}/content", id("document"))).await;
    assert_eq!((content.status.as_u16(), &content.bytes[..]), (200, &png(7)[..]));
    let detail = sun.get(&format!("/api/flows/{}/seal-detail", id("done"))).await.expect(200);
    assert_eq!((&detail[0]["fresh"], &detail[0]["grants"][0]["code"]), (&json!(false), &json!("******")), "{detail}");
    let of_folder = sun.get(&format!("/api/folders/{}/documents", id("folder"))).await.expect(200);
    assert_eq!(of_folder["items"].as_array().unwrap().len(), 2, "{of_folder}");
    let callbacks = world.caller("admin").await.get("/api/callbacks").await.expect(200);
    assert_eq!((&callbacks["items"][0]["state"], &callbacks["items"][0]["businessId"]), (&json!("done"), &json!("1")));
    let ingest = sun.get(&format!("/api/ingests/{}", id("i1"))).await.expect(200);
    assert_eq!((&ingest["state"], &ingest["received"]), (&json!("done"), &json!(1)), "{ingest}");
    assert_eq!(sun.get("/api/audit/verify").await.expect(200)["ok"], true);
}

async fn listed(caller: &Caller, query: &str) -> Vec<String> {
    let list = caller.get(&format!("/api/flows?{query}")).await.expect(200);
    list["items"].as_array().unwrap().iter().map(|flow| flow["title"].as_str().unwrap().to_owned()).collect()
}

async fn is_listed(world: &World, id: &impl Fn(&str) -> String) {
    let (zhang, li, wang) = (world.caller("zhang").await, world.caller("li").await, world.caller("wang").await);
    let mut all = listed(&zhang, &format!("definitionId={}", id("definition"))).await;
    all.sort();
    assert_eq!(all, ["不知道", "待审批", "旧合同", "用印中"]);
    assert_eq!(listed(&zhang, "state=archived").await, ["旧合同"]);
    assert_eq!(listed(&zhang, "q=合同").await, ["旧合同"], "two characters are found");
    assert_eq!(listed(&li, "todo=true").await, ["待审批"]);
    let mut waiting = listed(&wang, "todo=true").await;
    waiting.sort();
    assert_eq!(waiting, ["不知道", "用印中"]);
}

async fn is_found(world: &World, id: &impl Fn(&str) -> String) {
    for username in ["sun", "zhang", "li"] {
        let caller = world.caller(username).await;
        let found = async |query: &str| {
            let list = caller.get(&format!("/api/documents?{query}")).await.expect(200);
            let ids = list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned());
            ids.collect::<Vec<_>>()
        };
        for query in ["seal=公章", "user=王五", "kind=signatory", "q=_公章_", "q=0001_公", "q=SIGNATORY.p"] {
            assert_eq!(found(query).await, [id("document")], "{username}: {query}");
        }
        assert_eq!(found("q=扫描").await, [id("upload")], "{username}");
        assert_eq!(found("").await.len(), 2, "{username}");
    }
}

async fn is_still_unknown_where_it_was_sent(world: &World, id: &impl Fn(&str) -> String, version: i64) {
    let flow = world.caller("sun").await.get(&format!("/api/flows/{}", id("done"))).await.expect(200);
    let state = &flow["files"]["stamped"][0]["vendorState"];
    assert_eq!(*state, if version >= 4 { json!("unknown") } else { Value::Null });
}

/// One is approved and stamped, one is stamped, one is applied for again: each to its archive.
async fn goes_on(world: &World, id: &impl Fn(&str) -> String) {
    let flow = |name: &str| id(name).parse::<FlowId>().unwrap();
    let (fresh, using, lost) = (flow("fresh"), flow("using"), flow("lost"));
    let wang = world.caller("wang").await;
    let codes = wang.get(&format!("/api/flows/{using}/seal-code")).await.expect(200);
    assert_eq!(codes[0]["code"], "222222", "{codes}");
    let approve = format!("/api/flows/{fresh}/approve");
    world.caller("li").await.post(&approve, &json!({ "comment": "同意" })).await.expect(200);
    let resolve = format!("/api/seal-uses/{}/resolve", id("lost_use"));
    world.caller("admin").await.post(&resolve, &json!({ "applyAgain": true })).await.expect(200);
    for flow in [fresh, using, lost] {
        let used = async || SealUse::of_flow(&world.app.db, &flow).await.unwrap().remove(0);
        world.until("the vendor has it", async || used().await.business_id.is_some()).await;
        let business = used().await.business_id.unwrap();
        world.sim.stamp_many(&business, 0, 2).await.unwrap();
        world.until_archived(&flow).await;
        let view = wang.get(&format!("/api/flows/{flow}")).await.expect(200);
        assert_eq!(view["files"]["photos"].as_array().unwrap().len(), 2, "{view}");
    }
    world.until_quiet().await;
}

/// What the rows need: an original in the store, a business at the vendor, ids.
async fn fill(config: &Config, sim: &Simulator) -> BTreeMap<&'static str, String> {
    let knobs = sim.knobs();
    let mut names: BTreeMap<&'static str, String> = BTreeMap::new();
    let ids = [
        "u1",
        "u2",
        "u3",
        "u4",
        "u5",
        "u6",
        "done",
        "fresh",
        "using",
        "lost",
        "e1",
        "e2",
        "e3",
        "e4",
        "done_use",
        "using_use",
        "lost_use",
        "done_grant",
        "using_grant",
        "photo",
        "top",
        "folder",
        "document",
        "upload",
        "i1",
        "i2",
        "callback",
        "j1",
        "j2",
        "j3",
        "dispatch",
    ];
    names.extend(ids.map(|name| (name, SealUseId::new().to_string())));
    let service = ServiceId::new();
    let mut body = definition(&service);
    with_stamped(&mut body);
    let row = json!({ "seal": "QYS2019040001", "count": 2, "users": ["wang"] });
    let form = json!({ "subject": "采购合同", "company": "上海印库科技有限公司", "seals": [row] });
    let person =
        |username: &str, name: &str, number: &str| json!({ "username": username, "name": name, "number": number });
    let application = json!({ "tenantName": "上海印库科技有限公司", "subject": "采购合同", "description": null, "applicant": person("zhang", "张三", "E001"),
        "wants": [{ "seal": "QYS2019040001", "count": 2, "users": [person("wang", "王五", "E003")] }] });
    let (picture, hashes) = (png(7), Hashes::of(&png(7)));
    let key = format!("originals/公共知识库/用印/2026/2025-12/{}.png", hashes.blake3);
    Store::open(&config.store).await.unwrap().put(&StoreKey::Raw(key.clone()), picture.clone().into()).await.unwrap();
    let (business, auth) = business(config, sim, &names["using_use"]).await;
    names.extend([
        ("service", service.to_string()),
        ("definition", DefinitionId::new().to_string()),
        ("vendor", sim.url()),
        ("token", knobs.token),
        ("secret", knobs.secret),
        ("body", body.to_string()),
        ("form", form.to_string()),
        ("application", application.to_string()),
        ("blake3", hashes.blake3.to_string()),
        ("sha256", hashes.sha256),
        ("crc32", hashes.crc32.to_string()),
        ("bytes", picture.len().to_string()),
        ("key", key),
        ("business", business),
        ("auth", auth),
    ]);
    names
}

/// The flow in use is known to the vendor, who calls us back.
async fn business(config: &Config, sim: &Simulator, seal_use: &str) -> (String, String) {
    let knobs = sim.knobs();
    let secret = Secret::new(&knobs.secret).unwrap();
    let credentials = Credentials::new(sim.url().parse().unwrap(), &knobs.token, secret, SignMode::Legacy).unwrap();
    let client = Vendor::new(&Limits::default(), Clock::System).unwrap().client(credentials);
    let mut callback = config.public_url.join("papi/signcenter/qiyuesuo/categoryCallback").unwrap();
    callback.query_pairs_mut().append_pair("sealUse", seal_use);
    let auth = ApplicationAuth {
        device_no: Some("QYS2019040001".to_owned()),
        count: 2,
        users: vec![SealUser { mobile: None, number: Some("E003".to_owned()) }],
        ..ApplicationAuth::default()
    };
    let application = Application {
        tenant_name: "上海印库科技有限公司".to_owned(),
        subject: "采购合同".to_owned(),
        serial_no: Some("YK20251231-0003".to_owned()),
        applyer_number: Some("E001".to_owned()),
        auths: vec![auth],
        callback_url: Some(callback.to_string()),
        ..Application::default()
    };
    let created = client.create(&application).await.unwrap();
    let auth = sim.business(&created.id).unwrap().auths.remove(0).id;
    (created.id, auth)
}

/// The rows as that version wrote them.
fn rows(version: i64, names: &BTreeMap<&'static str, String>) -> String {
    let mut text = include_str!("suite_migrations/rows.sql").to_owned();
    text += if version >= 2 {
        "INSERT INTO approvals (flow_id, round, node, username, at, comment)
            SELECT id, 1, 'manager', 'li', 15, '同意' FROM flows WHERE id <> '{fresh}';\n"
    } else {
        "INSERT INTO approvals (flow_id, node, username, at, comment)
            SELECT id, 'manager', 'li', 15, '同意' FROM flows WHERE id <> '{fresh}';\n"
    };
    if version >= 2 {
        text += "INSERT INTO flow_search (flow_id, text) SELECT id, lower(serial_no || ' ' || title) FROM flows;
            UPDATE flow_people SET definition_id = '{definition}', state = (SELECT state FROM flows WHERE id = flow_id),
              started = (who = 'user:zhang'), acted = (who = 'user:li' AND flow_id <> '{fresh}'),
              turn = ((who = 'user:li' AND flow_id = '{fresh}') OR (who = 'role:operator' AND flow_id IN ('{using}', '{lost}')));\n";
    }
    if version >= 4 {
        text += "INSERT INTO dispatches (id, seal_use_id, kind, document_id, original_hash, name, state, error, created_by, created_at, updated_at)
            VALUES ('{dispatch}', '{done_use}', 'images', '{upload}', '{blake3}', '盖章扫描.png', 'unknown', 'cut', 'wang', 19, 19);\n";
    }
    if version < 5 {
        text += "INSERT INTO audit (id, at, username, act, subject) VALUES ('{e1}', 15, 'wang', 'seal_code_viewed', '{done}');\n";
    }
    if version >= 6 {
        text += "UPDATE photos SET listed = TRUE;\n";
    }
    if version >= 8 {
        text += "UPDATE flow_search SET definition_id = '{definition}', state = (SELECT state FROM flows WHERE id = flow_id);\n";
    }
    if version >= 10 {
        // Every document says where it lies and since when.
        text = text.replace("INTO documents (id,", "INTO documents (shelf, received_at, id,");
        for start in ["('{document}', '{folder}'", "('{upload}', '{folder}'"] {
            text = text.replace(start, &start.replace('(', "('public', 17, "));
        }
        text += "UPDATE documents SET kind = 'signatory', seal = '公章', user_name = '王五' WHERE id = '{document}';
            INSERT INTO document_words (owner, words) VALUES ('{done}', 'yk20251231 0001 公章 1 signatory png 盖章扫描');\n";
    }
    names.iter().fold(text, |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// The schema as it was then, and these rows.
async fn write(url: &DatabaseUrl, version: i64, rows: &str) {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
            sqlx::migrate!("migrations/sqlite").run_to(version, &pool).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(rows)).execute(&pool).await.unwrap();
            pool.close().await;
        }
        DatabaseUrl::Postgres(url) => {
            let pool = sqlx::PgPool::connect(url.as_str()).await.unwrap();
            sqlx::migrate!("migrations/postgres").run_to(version, &pool).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(rows)).execute(&pool).await.unwrap();
            pool.close().await;
        }
    }
}
