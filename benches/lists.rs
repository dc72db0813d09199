//! How long the lists of flows take with 100,000 flows, through the HTTP router, on both engines: the promise is 50 ms
//! for 95 of 100 requests.
//!
//! `make bench`, or `scripts/with-services cargo bench --bench lists`. SQLite always; PostgreSQL when `YINKU_TEST_PG` names
//! a server. Rows are made in the database; most of them are seen by everybody who works with seals, which is the worst.

use std::{path::Path, sync::Arc, time::Instant};

use axum::{Router, body::Body, http::Request};
use tower::util::ServiceExt;
use url::Url;
use yinku::{
    app::App,
    callback::Inbox,
    clock::Clock,
    config::{Config, DatabaseUrl},
    db::{Db, Tx, sql},
    http,
    user::{User, login},
};

const FLOWS: i64 = 100_000;
const ROUNDS: usize = 40;
const PROMISE_MS: f64 = 50.0;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let dir = tempfile::tempdir()?;
        measure("SQLite", DatabaseUrl::in_dir(dir.path()), dir.path()).await?;
        if let Ok(server) = std::env::var("YINKU_TEST_PG") {
            let dir = tempfile::tempdir()?;
            measure("PostgreSQL", own_database(&server).await?, dir.path()).await?;
        }
        Ok(())
    })
}

async fn own_database(server: &str) -> anyhow::Result<DatabaseUrl> {
    let name = format!("b{}", uuid::Uuid::now_v7().simple());
    let admin = sqlx::PgPool::connect(server).await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await?;
    admin.close().await;
    let mut url = Url::parse(server)?;
    url.set_path(&name);
    Ok(DatabaseUrl::Postgres(url))
}

async fn measure(engine: &str, url: DatabaseUrl, dir: &Path) -> anyhow::Result<()> {
    let mut config = Config::in_dir(dir);
    config.database.url = url;
    let app = App::open(config, Clock::default()).await?;
    let begun = Instant::now();
    fill(&app.db).await?;
    say(&format!("\n{engine}: {FLOWS} flows made in {:.0} s; {ROUNDS} requests each\n", begun.elapsed().as_secs_f64()));
    let router = http::router(Arc::clone(&app), Inbox::start(Arc::clone(&app)));
    let mut slow = 0;
    for (username, path) in requests() {
        let token = token(&app, username).await?;
        let (p50, p95, items) = time(&router, &token, &path).await?;
        let mark = if p95 > PROMISE_MS { "  <- too slow" } else { "" };
        slow += i32::from(p95 > PROMISE_MS);
        say(&format!("{p50:7.1} ms  {p95:7.1} ms  {items:>4} items  {username:9} {path}{mark}"));
    }
    say(&format!("{engine}: {slow} lists take more than {PROMISE_MS} ms at the 95th percentile"));
    Ok(())
}

/// Who asks for what. `admin` and `sun` see everything; `wang` is an operator, whom every flow knows by the role; `li`
/// has approved nearly all; `u7` has started two hundred; `zhao` takes part in few.
fn requests() -> Vec<(&'static str, String)> {
    let common = "q=%E5%90%88%E5%90%8C"; // 合同, in every second title
    let rare = "q=%E5%B0%BD%E8%81%8C"; // 尽职, in four titles
    let absent = "q=%E6%B2%A1%E6%9C%89"; // 没有
    let deep = "after=01930000-0000-7000-8000-100000050000";
    let definition = format!("definitionId={DEFINITION}");
    let seldom = format!("definitionId={SELDOM}");
    let mut requests = Vec::new();
    for username in ["admin", "sun", "wang", "li", "u7", "zhao"] {
        let mut ask = |query: &str| requests.push((username, format!("/api/flows?{query}")));
        for query in ["", "limit=200", deep, "state=running", "state=archived", "state=withdrawn", "state=rejected"] {
            ask(query);
        }
        for query in ["todo=true", "done=true", "mine=true", "mine=true&state=archived"] {
            ask(query);
        }
        ask(&definition);
        ask(&seldom);
        ask(&format!("{seldom}&state=withdrawn"));
        ask(&format!("todo=true&{seldom}"));
        for q in [common, rare, absent, "q=YK-77777"] {
            ask(q);
            ask(&format!("{q}&todo=true"));
            ask(&format!("{q}&state=withdrawn"));
        }
        requests.push((username, "/api/flows/counts".to_owned()));
    }
    requests.push(("li", "/api/definitions".to_owned()));
    requests.push(("admin", "/api/users".to_owned()));
    requests
}

async fn token(app: &App, username: &str) -> anyhow::Result<String> {
    let user = User::named(&app.db, username).await?.ok_or_else(|| anyhow::anyhow!("no user {username}"))?;
    let mut tx = app.db.begin().await?;
    let (_, token) = login::make_token(&mut tx, &user.id, "bench", app.clock.now()).await?;
    tx.commit().await?;
    Ok(token)
}

/// Median and 95th percentile in milliseconds, and how many items came.
async fn time(router: &Router, token: &str, path: &str) -> anyhow::Result<(f64, f64, usize)> {
    let mut times = Vec::new();
    let mut items = 0;
    for round in 0..ROUNDS + 3 {
        let request = Request::get(path).header("authorization", format!("Bearer {token}")).body(Body::empty())?;
        let begun = Instant::now();
        let response = router.clone().oneshot(request).await?;
        anyhow::ensure!(response.status() == 200, "{path}: {}", response.status());
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
        if round >= 3 {
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        let answer: serde_json::Value = serde_json::from_slice(&bytes)?;
        items = answer["items"].as_array().map_or(0, Vec::len);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[times.len() / 2], times[times.len() * 95 / 100], items))
}

const DEFINITION: &str = "01930000-0000-7000-8000-000000000001";
const SELDOM: &str = "01930000-0000-7000-8000-000000000002";

const BODY: &str = r#"{"name":"物理用印申请","fields":[{"key":"subject","label":"用印主题","type":"text"}],"nodes":[{"key":"manager","name":"部门审批","kind":"approval","assignees":["user:li"]},{"key":"seal","name":"用印","kind":"seal","assignees":["role:operator"]}]}"#;

/// 70 % archived, 20 % with the operators, 6 % with 李四, 3 % withdrawn, 1 % sent back to their starters.
async fn fill(db: &Db) -> anyhow::Result<()> {
    let mut tx = db.begin().await?;
    people(&mut tx).await?;
    flows(&mut tx).await?;
    parts(&mut tx).await?;
    // What a server does by itself in time.
    if matches!(db, Db::Postgres(_)) {
        sql("ANALYZE").execute(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// 500 members, five others, two definitions.
async fn people(tx: &mut Tx) -> anyhow::Result<()> {
    sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO users (id, username, display_name, password_hash, roles, created_at)
         SELECT '01930000-0000-7000-8001-' || CAST(100000000000 + i AS TEXT), 'u' || CAST(i AS TEXT), '员工', 'x', '[\"member\"]', 0 FROM n")
        .execute(&mut *tx)
        .await?;
    for (n, (username, role)) in
        [("admin", "admin"), ("sun", "auditor"), ("wang", "operator"), ("li", "member"), ("zhao", "archivist")]
            .into_iter()
            .enumerate()
    {
        sql("INSERT INTO users (id, username, display_name, password_hash, roles, created_at) VALUES ($1, $2, $2, 'x', $3, 0)")
            .bind(format!("01930000-0000-7000-8002-00000000000{n}"))
            .bind(username)
            .bind(format!("[\"{role}\"]"))
            .execute(&mut *tx)
            .await?;
    }
    for id in [DEFINITION, SELDOM] {
        sql("INSERT INTO definitions (id, name, version, created_at) VALUES ($1, '物理用印申请', 1, 0)")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        sql("INSERT INTO definition_versions (definition_id, version, body, created_at, created_by) VALUES ($1, 1, $2, 0, 'admin')")
            .bind(id)
            .bind(BODY)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

async fn flows(tx: &mut Tx) -> anyhow::Result<()> {
    sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
         INSERT INTO flows (id, serial_no, definition_id, version, title, starter, state, node, form, created_at, updated_at)
         SELECT '01930000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT), 'YK-' || CAST(i AS TEXT),
           CASE WHEN i % 1000 = 0 THEN $2 ELSE $3 END, 1,
           CASE WHEN i % 25000 = 13 THEN '尽职调查报告' WHEN i % 2 = 0 THEN '采购合同' ELSE '关于授权委托的请示' END || '（第' || CAST(i AS TEXT) || '号）上海分公司',
           'u' || CAST(1 + i % 500 AS TEXT),
           CASE WHEN i % 100 < 70 THEN 'archived' WHEN i % 100 < 96 THEN 'running' WHEN i % 100 < 99 THEN 'withdrawn' ELSE 'rejected' END,
           CASE WHEN i % 100 < 70 THEN NULL WHEN i % 100 < 90 THEN 'seal' WHEN i % 100 < 99 THEN 'manager' ELSE 'start' END,
           '{\"subject\":\"采购合同\",\"company\":\"上海印库科技有限公司\",\"seals\":[{\"seal\":\"QYS2019040001\",\"count\":3,\"users\":[\"wang\"]},{\"seal\":\"QYS2019040002\",\"count\":3,\"users\":[\"wang\"]}],\"description\":\"一份用于测量列表快慢的申请，内容与真实的申请差不多长，因为表单存放在流程的行里\"}',
           i, i
         FROM n")
        .bind(FLOWS)
        .bind(SELDOM)
        .bind(DEFINITION)
        .execute(&mut *tx)
        .await?;
    sql("INSERT INTO flow_search (flow_id, text) SELECT id, lower(serial_no || ' ' || title) FROM flows")
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// Who has to do with them, and their seal uses.
async fn parts(tx: &mut Tx) -> anyhow::Result<()> {
    for (who, started, acted, turn) in [
        ("'user:' || starter", "TRUE", "FALSE", "state = 'rejected'"),
        (
            "'user:li'",
            "FALSE",
            "COALESCE(node <> 'manager', TRUE)",
            "COALESCE(node = 'manager', FALSE) AND state = 'running'",
        ),
        ("'role:operator'", "FALSE", "FALSE", "COALESCE(node = 'seal', FALSE)"),
        ("'user:wang'", "FALSE", "FALSE", "FALSE"),
    ] {
        sql(format!(
            "INSERT INTO flow_people (flow_id, who, state, definition_id, started, acted, turn, place)
             SELECT id, {who}, state, definition_id, {started}, {acted}, {turn}, CASE WHEN {turn} THEN 0 END FROM flows"
        ))
        .execute(&mut *tx)
        .await?;
    }
    sql("INSERT INTO flow_people (flow_id, who, state, definition_id, acted)
         SELECT id, 'user:zhao', state, definition_id, TRUE FROM flows WHERE serial_no LIKE '%777'")
    .execute(&mut *tx)
    .await?;
    sql("INSERT INTO services (id, name, base_url, app_token, app_secret, sign_mode, created_at) VALUES ('s', 's', 'http://127.0.0.1', 't', 't', 'legacy', 0)")
        .execute(&mut *tx)
        .await?;
    sql("INSERT INTO seal_uses (id, flow_id, service_id, no, serial_no, status, application, created_at)
         SELECT 'x' || id, id, 's', 1, serial_no, CASE WHEN state = 'archived' THEN 'complete' ELSE 'using' END, '{}', 0
         FROM flows WHERE node IS NULL OR node = 'seal'")
    .execute(&mut *tx)
    .await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result")]
fn say(text: &str) {
    println!("{text}");
}
