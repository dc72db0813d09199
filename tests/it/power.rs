//! The power fails in the middle: the real program is killed at a named point, started again, and every photo is there
//! exactly once.

use std::{
    net::{SocketAddr, TcpListener},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use simulator::Simulator;
use tokio::process::{Child, Command};
use yinku::{
    app::App,
    clock::Clock,
    config::{Config, DatabaseUrl},
    db::sql,
    flow::Flow,
    hash::Blake3,
    id::FlowId,
    library::document::Document,
    queue,
    seal_use::SealUse,
    store::StoreKey,
};

use crate::{
    caller::Caller,
    world::{Engine, approve, database, furnish, small_photos, start_flow},
};

const STAMPINGS: u32 = 5;

macro_rules! killed_at {
    ($($test:ident = $point:literal),+ $(,)?) => {
        mod on_sqlite { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::survives(crate::world::Engine::Sqlite, $point).await; })+ }
        mod on_postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::survives(crate::world::Engine::Postgres, $point).await; })+ }
    };
}

killed_at!(
    after_the_callback_is_committed = "callback_committed",
    after_the_detail_is_stored = "detail_stored",
    after_an_original_is_put = "original_put:3",
    after_a_thumbnail_is_put = "thumbnail_put:3",
    after_a_link_is_committed = "link_committed",
    after_the_manifest_is_put = "manifest_put",
);

async fn survives(engine: Engine, point: &str) {
    let house = House::build(engine, None).await;
    let mut first = house.serve(Some(point));
    let (flow, seal_use) = house.applied_flow(STAMPINGS).await;
    let business = seal_use.business_id.clone().unwrap();
    // The callback of the last stamping may find nobody alive any more: that is part of the story.
    house.sim.stamp_many(&business, 0, STAMPINGS).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(30), first.wait()).await;
    let status = ended.expect("the point was never reached").unwrap();
    assert!(!status.success(), "killed, not ended");

    let mut second = house.serve(None);
    house.until("the flow is archived", async || house.flow(&flow).await.archived_at.is_some()).await;
    second.kill().await.unwrap();
    house.every_photo_exactly_once(&flow).await;
}

/// What survives the processes: directory, database, vendor.
pub(crate) struct House {
    pub(crate) app: Arc<App>,
    pub(crate) sim: Simulator,
    pub(crate) definition: yinku::id::DefinitionId,
    listen: SocketAddr,
    database: DatabaseUrl,
    dir: tempfile::TempDir,
}

impl House {
    /// `change` changes the definition's JSON before it is saved.
    pub(crate) async fn build(engine: Engine, change: Option<fn(&mut Value)>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut config = Config::in_dir(dir.path());
        config.database.url = database(engine, dir.path()).await;
        config.database.max_connections = 4;
        let database = config.database.url.clone();
        let knobs = small_photos();
        let (token, secret) = (knobs.token.clone(), knobs.secret.clone());
        let sim = Simulator::start(knobs, simulator::Clock::system()).await.unwrap();
        // This process furnishes and looks; the work is done by the one that is killed.
        let app = App::open(config, Clock::System).await.unwrap();
        let definition = furnish(&app, &sim, &token, &secret, change).await;
        Self { app, sim, definition, listen, database, dir }
    }

    pub(crate) fn serve(&self, kill_at: Option<&str>) -> Child {
        let mut command = self.command();
        if let Some(point) = kill_at {
            command.env("YINKU_KILL_AT", point);
        }
        command.spawn().unwrap()
    }

    /// Starts the service.
    pub(crate) fn command(&self) -> Command {
        let url = match &self.database {
            DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
            DatabaseUrl::Postgres(url) => url.to_string(),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_yinku"));
        command
            .arg("serve")
            .current_dir(self.dir.path())
            .env("YINKU_DATA_DIR", self.dir.path())
            .env("YINKU_LISTEN", self.listen.to_string())
            .env("YINKU_DATABASE__URL", url)
            .env("YINKU_JOBS__LEASE", "1s")
            .env("YINKU_ADMIN__PASSWORD", "a-password-for-tests")
            .env("YINKU_LOG__FILTER", "warn")
            .stdout(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn applied_flow(&self, count: u32) -> (FlowId, SealUse) {
        let flow = start_flow(&self.app, &self.definition, count).await;
        approve(&self.app, &flow).await;
        self.until("the vendor has the application", async || self.seal_use(&flow).await.business_id.is_some()).await;
        let seal_use = self.seal_use(&flow).await;
        (flow, seal_use)
    }

    pub(crate) async fn seal_use(&self, flow: &FlowId) -> SealUse {
        SealUse::of_flow(&self.app.db, flow).await.unwrap().remove(0)
    }

    pub(crate) async fn flow(&self, id: &FlowId) -> Flow {
        Flow::find(&self.app.db, id).await.unwrap().unwrap()
    }

    /// Somebody who calls the process that is being served.
    pub(crate) async fn caller(&self, username: &str) -> Caller {
        let address = format!("http://{}", self.listen);
        self.until("it listens", async || tokio::net::TcpStream::connect(self.listen).await.is_ok()).await;
        Caller::of(&self.app, address.parse().unwrap(), username).await
    }

    /// No job is due or running.
    pub(crate) async fn idle(&self) -> bool {
        queue::pending(&self.app.db, self.app.clock.now()).await.unwrap() == 0
    }

    pub(crate) async fn until(&self, what: &str, mut fact: impl AsyncFnMut() -> bool) {
        let patience = tokio::time::timeout(Duration::from_secs(40), async {
            while !fact().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(patience.await.is_ok(), "never happened: {what}");
    }

    async fn every_photo_exactly_once(&self, flow: &FlowId) {
        let app = &self.app;
        let documents = Document::of_flow(&app.db, flow).await.unwrap();
        assert_eq!(documents.len(), STAMPINGS as usize);
        let mut numbers: Vec<Option<i64>> = documents.iter().map(|document| document.photo.no).collect();
        numbers.sort();
        assert_eq!(numbers, (1..=i64::from(STAMPINGS)).map(Some).collect::<Vec<_>>());
        for document in &documents {
            assert_eq!(document.field_key.as_deref(), Some("photos"));
            let bytes = app.store.get(&StoreKey::Raw(document.store_key.clone())).await.unwrap();
            assert_eq!(Blake3::of(&bytes), document.blake3);
            let key = document.photo.photokey.as_deref().unwrap();
            assert_eq!(bytes.to_vec(), self.sim.photo_bytes(key).await.unwrap(), "unaltered");
            for size in [256, 1280] {
                let key = StoreKey::Thumbnail { size, hash: document.blake3.clone() };
                assert!(app.store.exists(&key).await.unwrap(), "thumbnail {size}");
            }
        }
        let photos: i64 = sql("SELECT COUNT(*) FROM photos").scalar(&app.db).await.unwrap();
        assert_eq!(photos, i64::from(STAMPINGS));
        let manifests: i64 = sql("SELECT COUNT(*) FROM manifests").scalar(&app.db).await.unwrap();
        assert_eq!(manifests, 1);
    }
}
