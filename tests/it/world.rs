//! A world for stories: a real app on a database of its own, its workers, its HTTP edge on loopback, a simulated vendor.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use simulator::{Knobs, Simulator};
use tokio_util::sync::CancellationToken;
use url::Url;
use yinku::{
    app::App,
    callback::Inbox,
    clock::{Clock, Timestamp},
    config::{Config, DatabaseUrl, Span},
    db::sql,
    definition::{Body, Definition, check},
    flow::{
        Flow,
        step::{self, Opinion},
    },
    http,
    id::{DefinitionId, FlowId, SealUseId, ServiceId, UserId},
    queue,
    seal_use::SealUse,
    service::Service,
    user::{Acting, Role, Roles, User},
    worker,
};

/// Which engine the world's database runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// How a world differs from the usual one.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) knobs: Option<Knobs>,
    pub(crate) clock: Clock,
    pub(crate) config: Option<fn(&mut Config)>,
    /// Changes the definition's JSON before it is saved.
    pub(crate) definition: Option<fn(&mut Value)>,
}

pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) sim: Simulator,
    pub(crate) definition: DefinitionId,
    stop: CancellationToken,
    _dir: tempfile::TempDir,
}

/// Small pictures: a story is about their way, not their size.
pub(crate) fn small_photos() -> Knobs {
    let mut knobs = Knobs::default();
    knobs.photo.megapixels_min = 0.02;
    knobs.photo.megapixels_max = 0.05;
    knobs
}

impl World {
    pub(crate) async fn new(engine: Engine, plan: Plan) -> Self {
        let change = plan.definition;
        let mut world = Self::over(engine, plan, async |_, _| {}).await;
        let knobs = world.sim.knobs();
        world.definition = furnish(&world.app, &world.sim, &knobs.token, &knobs.secret, change).await;
        world
    }

    /// A world over what `before` has left in the database and the store, with nothing else in it.
    pub(crate) async fn over(engine: Engine, plan: Plan, before: impl AsyncFnOnce(&Config, &Simulator)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = Config::in_dir(dir.path());
        config.listen = listener.local_addr().unwrap();
        config.public_url = Url::parse(&format!("http://{}", config.listen)).unwrap();
        config.database.max_connections = 8;
        config.database.url = database(engine, dir.path()).await;
        config.ingest.retries = vec![Span::secs(1), Span::secs(1), Span::secs(2)];
        config.jobs.retries = config.ingest.retries.clone();
        config.ingest.rest = Span::secs(0);
        if let Some(change) = plan.config {
            change(&mut config);
        }
        let knobs = plan.knobs.unwrap_or_else(small_photos);
        let sim = Simulator::start(knobs, vendor_clock(&plan.clock)).await.unwrap();
        before(&config, &sim).await;
        let app = App::open(config, plan.clock).await.unwrap();
        let stop = CancellationToken::new();
        let router = http::router(Arc::clone(&app), Inbox::start(Arc::clone(&app)));
        tokio::spawn(http::serve(listener, router, stop.clone()));
        tokio::spawn(worker::work(Arc::clone(&app), stop.clone()));
        Self { app, sim, definition: DefinitionId::new(), stop, _dir: dir }
    }

    /// Starts a flow for `count` uses of the seal by 王 and has it approved; its seal use is known to the vendor then.
    pub(crate) async fn seal_use(&self, count: u32) -> (FlowId, SealUse, String) {
        let flow = self.start_flow(count).await;
        self.approve(&flow).await;
        self.until("the vendor has the application", async || {
            let uses = SealUse::of_flow(&self.app.db, &flow).await.unwrap();
            uses.first().is_some_and(|seal_use| seal_use.business_id.is_some())
        })
        .await;
        let seal_use = SealUse::of_flow(&self.app.db, &flow).await.unwrap().remove(0);
        let business = seal_use.business_id.clone().unwrap();
        (flow, seal_use, business)
    }

    pub(crate) async fn start_flow(&self, count: u32) -> FlowId {
        start_flow(&self.app, &self.definition, count).await
    }

    pub(crate) async fn approve(&self, flow: &FlowId) {
        approve(&self.app, flow).await;
    }

    /// Waits for a fact; a story that waits in vain fails with its name.
    pub(crate) async fn until(&self, what: &str, mut fact: impl AsyncFnMut() -> bool) {
        let patience = tokio::time::timeout(Duration::from_secs(40), async {
            while !fact().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let happened = patience.await.is_ok();
        let state = if happened { String::new() } else { self.dump().await };
        assert!(happened, "never happened: {what}\n{state}");
    }

    pub(crate) async fn flow(&self, id: &FlowId) -> Flow {
        Flow::find(&self.app.db, id).await.unwrap().unwrap()
    }

    pub(crate) async fn until_archived(&self, id: &FlowId) {
        self.until("the flow is archived", async || self.flow(id).await.archived_at.is_some()).await;
    }

    /// No job is queued for now or running.
    pub(crate) async fn until_quiet(&self) {
        self.until("no job is left", async || queue::pending(&self.app.db, self.app.clock.now()).await.unwrap() == 0)
            .await;
    }

    /// What matters of the world's rows, for assertions and for a failed story's message.
    pub(crate) async fn photos(&self, seal_use: &SealUseId) -> Vec<PhotoRow> {
        sql("SELECT photokey, kind, source, state, error_code, original_hash, no, grant_id,
               (SELECT COUNT(*) FROM documents d WHERE d.photo_id = photos.id) AS documents
             FROM photos WHERE seal_use_id = $1 ORDER BY no, position, id")
        .bind(seal_use)
        .all(&self.app.db)
        .await
        .unwrap()
    }

    pub(crate) async fn count(&self, statement: &'static str) -> i64 {
        sql(statement).scalar(&self.app.db).await.unwrap()
    }

    async fn dump(&self) -> String {
        let db = &self.app.db;
        let jobs: Vec<(String, String, i64, Option<String>)> =
            sql("SELECT kind, state, run_at, error FROM jobs ORDER BY id").all(db).await.unwrap();
        let photos: Vec<(String, String, Option<String>)> =
            sql("SELECT state, source, error_detail FROM photos ORDER BY id").all(db).await.unwrap();
        let ingests: Vec<(String, Option<String>)> = sql("SELECT state, error FROM ingests").all(db).await.unwrap();
        let uses: Vec<(String, Option<String>)> = sql("SELECT status, error FROM seal_uses").all(db).await.unwrap();
        let callbacks: Vec<(String, String, Option<String>)> =
            sql("SELECT shape, state, error FROM callbacks ORDER BY id").all(db).await.unwrap();
        format!(
            "now {}\njobs {jobs:#?}\nphotos {photos:?}\ningests {ingests:?}\nseal uses {uses:?}\ncallbacks {callbacks:?}",
            self.app.clock.now().0
        )
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub(crate) struct PhotoRow {
    pub(crate) photokey: Option<String>,
    pub(crate) kind: String,
    pub(crate) source: String,
    pub(crate) state: String,
    pub(crate) error_code: Option<String>,
    pub(crate) original_hash: Option<String>,
    pub(crate) no: Option<i64>,
    pub(crate) grant_id: Option<String>,
    pub(crate) documents: i64,
}

/// The vendor's clock, which always shows the same time as the service's.
pub(crate) fn vendor_clock(clock: &Clock) -> simulator::Clock {
    let clock = clock.clone();
    simulator::Clock::from_fn(move || jiff::Timestamp::from_microsecond(clock.now().0).unwrap())
}

/// A database of the story's own.
pub(crate) async fn database(engine: Engine, dir: &std::path::Path) -> DatabaseUrl {
    match engine {
        Engine::Sqlite => DatabaseUrl::in_dir(dir),
        Engine::Postgres => {
            let server = std::env::var("YINKU_TEST_PG")
                .expect("YINKU_TEST_PG names a PostgreSQL server for tests; `make test` starts one");
            let name = format!("t{}", uuid::Uuid::now_v7().simple());
            let admin = sqlx::PgPool::connect(&server).await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
            admin.close().await;
            let mut url = Url::parse(&server).unwrap();
            url.set_path(&name);
            DatabaseUrl::Postgres(url)
        }
    }
}

/// 张三 starts a flow for `count` uses of one seal by 王五.
pub(crate) async fn start_flow(app: &App, definition: &DefinitionId, count: u32) -> FlowId {
    let row = json!({ "seal": "QYS2019040001", "count": count, "users": ["wang"] });
    let form = json!({ "subject": "采购合同", "company": "上海印库科技有限公司", "seals": [row] });
    let definition = Definition::current(&app.db, definition).await.unwrap().unwrap();
    let starter = User::named(&app.db, "zhang").await.unwrap().unwrap();
    let acting = Acting { db: &app.db, user: &starter, now: app.clock.now() };
    step::start(acting, &definition, form.as_object().unwrap()).await.unwrap()
}

/// 李四 approves, which makes the application.
pub(crate) async fn approve(app: &App, flow: &FlowId) {
    let li = User::named(&app.db, "li").await.unwrap().unwrap();
    let acting = Acting { db: &app.db, user: &li, now: app.clock.now() };
    step::approve(acting, flow, Opinion { comment: Some("同意"), node: None }).await.unwrap();
}

/// People, a bound service, a definition.
pub(crate) async fn furnish(
    app: &App,
    sim: &Simulator,
    token: &str,
    secret: &str,
    change: Option<fn(&mut Value)>,
) -> DefinitionId {
    let now = app.clock.now();
    let mut tx = app.db.begin().await.unwrap();
    let users = [
        ("zhang", "张三", Role::Member, "E001"),
        ("li", "李四", Role::Member, "E002"),
        ("wang", "王五", Role::Operator, "E003"),
        ("zhao", "赵六", Role::Archivist, "E004"),
        ("sun", "孙七", Role::Auditor, "E005"),
        ("admin", "管理员", Role::Admin, "E006"),
    ];
    for (username, name, role, number) in users {
        user(username, name, role, number, now).insert("x", &mut tx).await.unwrap();
    }
    let service = Service {
        id: ServiceId::new(),
        name: "契约锁".into(),
        base_url: sim.url(),
        app_token: token.into(),
        app_secret: secret.into(),
        sign_mode: "legacy".into(),
        created_at: now,
    };
    service.insert(&mut tx).await.unwrap();
    let mut body = definition(&service.id);
    if let Some(change) = change {
        change(&mut body);
    }
    let body: Body = serde_json::from_value(body).unwrap();
    assert_eq!(check(&body), []);
    let id = DefinitionId::new();
    Definition::save(&mut tx, &id, &body, "admin", now).await.unwrap();
    tx.commit().await.unwrap();
    id
}

fn user(username: &str, name: &str, role: Role, number: &str, now: Timestamp) -> User {
    User {
        id: UserId::new(),
        username: username.into(),
        display_name: name.into(),
        roles: Roles(vec![role]),
        employee_no: Some(number.into()),
        mobile: None,
        manager: None,
        disabled: false,
        created_at: now,
    }
}

pub(crate) fn definition(service: &ServiceId) -> Value {
    json!({
        "name": "物理用印申请",
        "fields": [
            { "key": "subject", "label": "用印主题", "type": "text", "required": true },
            { "key": "company", "label": "发起组织", "type": "text", "required": true },
            { "key": "seals", "label": "用印明细", "type": "table", "columns": [
                { "key": "seal", "label": "物理印章", "type": "seal" },
                { "key": "count", "label": "用印次数", "type": "number" },
                { "key": "users", "label": "用印人", "type": "users" } ] },
            { "key": "photos", "label": "用印图片", "type": "files" } ],
        "nodes": [
            { "key": "manager", "name": "部门审批", "kind": "approval", "assignees": ["user:li"], "mode": "any" },
            { "key": "seal", "name": "用印", "kind": "seal", "assignees": ["role:operator"] } ],
        "integration": {
            "enabled": true, "serviceId": service, "subjectField": "subject", "organisationField": "company",
            "sealField": "seals.seal", "userField": "seals.users", "countField": "seals.count",
            "applyNode": "manager", "codeNodes": ["seal"], "detailNodes": ["seal"], "finishNodes": ["seal"], "appendNodes": ["seal"],
            "downloadNodes": ["seal"], "downloadField": "photos",
            "downloadFolder": { "space": "public", "path": "用印/2026" }, "archive": "auto" } })
}
