//! A house in which the real service is killed and started again: what survives its processes.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    sync::Arc,
};

use serde_json::Value;
use simulator::Simulator;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use yinku::{
    app::App,
    clock::Clock,
    config::{Config, DatabaseUrl},
    db::sql,
    flow::Flow,
    id::FlowId,
    queue,
    seal_use::SealUse,
};

use super::yinku;
use crate::support::{
    caller::Caller,
    database::database,
    left_over::{Announced, Ending},
    story::ends_with_the_story,
    until::{until, within},
    world::{Engine, approve, furnish, small_photos, start_flow},
};

/// Directory, database, vendor. This process furnishes and looks; the work is done by the ones that are killed.
pub(crate) struct House {
    pub(crate) app: Arc<App>,
    pub(crate) sim: Simulator,
    pub(crate) definition: yinku::id::DefinitionId,
    listen: SocketAddr,
    database: DatabaseUrl,
    dir: PathBuf,
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
        let path = dir.path().to_owned();
        ends_with_the_story(Ending {
            app: Arc::clone(&app),
            announced: Announced::default(),
            stop: CancellationToken::new(),
            _sim: sim.clone(),
            _dir: dir,
        });
        Self { app, sim, definition, listen, database, dir: path }
    }

    /// The service as a process of its own; killed at this point of the code if one is named.
    pub(crate) fn serve(&self, kill_at: Option<&str>) -> Child {
        let mut command = self.command();
        if let Some(point) = kill_at {
            command.env("YINKU_KILL_AT", point);
        }
        command.spawn().unwrap()
    }

    /// The service, started by a line of shell. `"$0"` is the program.
    pub(crate) fn serve_by(&self, line: &str) -> Child {
        let plain = self.command();
        let plain = plain.as_std();
        let mut command = Command::new("sh");
        command.args(["-c", line]).arg(plain.get_program()).current_dir(&self.dir);
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap()
    }

    /// The directory of the store.
    pub(crate) fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// Starts the service.
    pub(crate) fn command(&self) -> Command {
        self.serving(Command::from(yinku(&self.dir)), &["serve"])
    }

    /// Runs the program with other arguments, on the same directory and database.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        self.serving(Command::from(yinku(&self.dir)), arguments)
    }

    /// Starts the service after `script` in a shell, such as `ulimit -n 1024`.
    pub(crate) fn command_after(&self, script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.current_dir(&self.dir).env("YINKU_LOG__FILTER", "warn");
        let run = format!("{script}; exec \"$0\" serve");
        self.serving(shell, &["-c", &run, env!("CARGO_BIN_EXE_yinku")])
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.listen
    }

    fn serving(&self, mut command: Command, arguments: &[&str]) -> Command {
        let url = match &self.database {
            DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
            DatabaseUrl::Postgres(url) => url.to_string(),
        };
        command
            .args(arguments)
            .env("YINKU_DATA_DIR", &self.dir)
            .env("YINKU_LISTEN", self.listen.to_string())
            .env("YINKU_DATABASE__URL", url)
            .env("YINKU_JOBS__LEASE", "1s")
            .env("YINKU_ADMIN__PASSWORD", "a-password-for-tests")
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

    pub(crate) async fn until(&self, what: &str, fact: impl AsyncFnMut() -> bool) {
        until(&self.app, what, fact).await;
    }

    pub(crate) async fn until_archived(&self, flow: &FlowId) {
        self.until("the flow is archived", async || self.flow(flow).await.archived_at.is_some()).await;
    }

    /// How it stands with the flow's one stamped file at the vendor.
    pub(crate) async fn sent_state(&self, flow: &FlowId) -> String {
        sql("SELECT v.state FROM dispatches v JOIN documents d ON d.id = v.document_id WHERE d.flow_id = $1")
            .bind(flow)
            .scalar(&self.app.db)
            .await
            .unwrap()
    }

    /// Waits until the killed process has ended.
    pub(crate) async fn until_killed(&self, mut process: Child) {
        let status = within("the point at which it is killed is reached", process.wait()).await.unwrap();
        assert!(!status.success(), "killed, not ended");
    }

    /// Ends the process that serves once it has nothing left to do.
    pub(crate) async fn retire(&self, mut process: Child) {
        self.until_idle().await;
        process.kill().await.unwrap();
    }

    /// No job is due or running.
    pub(crate) async fn until_idle(&self) {
        let pending = async || queue::pending(&self.app.db, self.app.clock.now()).await.unwrap();
        self.until("nothing is left to do", async || pending().await == 0).await;
    }
}
