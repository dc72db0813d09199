//! A world for stories: a real app on a database of its own, its workers, its HTTP edge on loopback, a simulated vendor.

use std::sync::Arc;

use serde_json::Value;
use simulator::{Knobs, Simulator};
use tokio_util::sync::CancellationToken;
use url::Url;
use yinku::{
    app::App,
    callback::Inbox,
    clock::Clock,
    config::{Config, Span},
    db::sql,
    flow::Flow,
    http,
    id::{DefinitionId, FlowId, SealUseId},
    queue,
    seal_use::SealUse,
    worker,
};

pub(crate) use self::furnish::{approve, furnish, start_flow};
use crate::support::{
    database::database,
    left_over::{Announced, Ending},
    story::ends_with_the_story,
    until::until,
};

mod furnish;

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
    pub(super) announced: Announced,
}

/// Small pictures: a story is about their way, not their size.
pub(crate) fn small_photos() -> Knobs {
    let mut knobs = Knobs::default();
    knobs.photo.megapixels_min = 0.02;
    knobs.photo.megapixels_max = 0.05;
    knobs
}

/// One try more after the first pass, a second later: a story of what stays wrong need not wait long.
pub(crate) fn tries_once(config: &mut Config) {
    config.ingest.retries = vec![Span::secs(1)];
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
        // A story checks its originals itself.
        config.fixity.share = 0.0;
        // The vendor of a story is authenticated by its network. `callbacks::open_door` takes that away.
        config.callback.allow_from = vec!["127.0.0.0/8".parse().unwrap()];
        // This process is the test, not the program.
        config.thumbnail.page_program = Some(env!("CARGO_BIN_EXE_yinku").into());
        if let Some(change) = plan.config {
            change(&mut config);
        }
        let knobs = plan.knobs.unwrap_or_else(small_photos);
        let sim = Simulator::start(knobs, vendor_clock(&plan.clock)).await.unwrap();
        before(&config, &sim).await;
        let app = App::open(config, plan.clock).await.unwrap();
        let stop = CancellationToken::new();
        let router = http::router(Arc::clone(&app), Inbox::start(Arc::clone(&app)));
        tokio::spawn(http::serve(listener, router, app.config.clients, stop.clone()));
        tokio::spawn(worker::work(Arc::clone(&app), stop.clone()));
        let announced = Announced::default();
        ends_with_the_story(Ending {
            app: Arc::clone(&app),
            announced: announced.clone(),
            stop,
            _sim: sim.clone(),
            _dir: dir,
        });
        Self { app, sim, definition: DefinitionId::new(), announced }
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

    /// Waits until the fact is true; see [`until`].
    pub(crate) async fn until(&self, what: &str, fact: impl AsyncFnMut() -> bool) {
        until(&self.app, what, fact).await;
    }

    pub(crate) async fn flow(&self, id: &FlowId) -> Flow {
        Flow::find(&self.app.db, id).await.unwrap().unwrap()
    }

    pub(crate) async fn until_archived(&self, id: &FlowId) {
        self.until("the flow is archived", async || self.flow(id).await.archived_at.is_some()).await;
    }

    pub(crate) async fn until_past_its_nodes(&self, id: &FlowId) {
        self.until("the last node is passed", async || self.flow(id).await.node.is_none()).await;
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
