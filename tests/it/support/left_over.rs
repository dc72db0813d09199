//! The check that a story leaves no job behind. A world comes to rest when its story has ended: no job is queued for
//! now or running, and none is parked. A story that leaves a job on purpose says so, with its reason:
//! `world.leaves_parked("archive", "the required file never comes")`.

use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use yinku::{app::App, db::sql, vendor::simulator::Simulator};

use crate::support::{until::until, world::World};

/// A job as the check sees it.
#[derive(Debug, sqlx::FromRow)]
struct Job {
    kind: String,
    state: String,
    #[expect(dead_code, reason = "a failed story shows it")]
    error: Option<String>,
}

/// What a story leaves on purpose.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    /// Parked jobs of a kind: a person has to do something about them.
    Parked(&'static str),
    /// Jobs of a kind that are due or running: the story holds up what they need.
    Unfinished(&'static str),
    /// The database is closed, so the jobs cannot be looked at.
    DatabaseClosed,
}

impl Left {
    fn is(self, job: &Job) -> bool {
        match self {
            Self::Parked(kind) => job.state == "parked" && job.kind == kind,
            Self::Unfinished(kind) => job.state != "parked" && job.kind == kind,
            Self::DatabaseClosed => false,
        }
    }
}

/// What the story says that it leaves, and why.
pub(crate) type Announced = Arc<Mutex<Vec<(Left, &'static str)>>>;

/// All that must live until the check is done.
pub(crate) struct Ending {
    pub(crate) app: Arc<App>,
    pub(crate) announced: Announced,
    /// Stops the world's workers and its HTTP edge.
    pub(crate) stop: CancellationToken,
    pub(crate) _sim: Simulator,
    pub(crate) _dir: tempfile::TempDir,
}

impl World {
    /// The story ends with parked jobs of this kind.
    pub(crate) fn leaves_parked(&self, kind: &'static str, why: &'static str) {
        self.leaves(Left::Parked(kind), why);
    }

    /// The story ends with jobs of this kind that are due or running.
    pub(crate) fn leaves_unfinished(&self, kind: &'static str, why: &'static str) {
        self.leaves(Left::Unfinished(kind), why);
    }

    /// The story closes the world's database.
    pub(crate) fn leaves_its_database_closed(&self, why: &'static str) {
        self.leaves(Left::DatabaseClosed, why);
    }

    fn leaves(&self, left: Left, why: &'static str) {
        assert!(!why.trim().is_empty(), "say why {left:?} is left");
        self.announced.lock().unwrap().push((left, why));
    }
}

impl Ending {
    /// Fails when a job is left that the story does not announce, and when an announced job is not there.
    pub(crate) async fn check(self) {
        let announced = self.announced.lock().unwrap().clone();
        if announced.iter().any(|(left, _)| matches!(left, Left::DatabaseClosed)) {
            return;
        }
        let surprises = async || -> Vec<Job> {
            let all = self.left().await.into_iter();
            all.filter(|job| !announced.iter().any(|(left, _)| left.is(job))).collect()
        };
        let at_rest = async || surprises().await.iter().all(|job| job.state == "parked");
        until(&self.app, "after the story no job is queued for now or running", at_rest).await;
        let parked = surprises().await;
        assert!(parked.is_empty(), "the story ends with parked jobs that it does not announce: {parked:#?}");
        let all = self.left().await;
        for (left, why) in announced {
            assert!(all.iter().any(|job| left.is(job)), "announced is {left:?}, because {why}; there is none");
        }
    }

    /// The jobs that are parked, running or due.
    async fn left(&self) -> Vec<Job> {
        let due = "SELECT kind, state, error FROM jobs
             WHERE state = 'parked' OR state = 'running' OR (state = 'queued' AND run_at <= $1) ORDER BY id";
        sql(due).bind(self.app.clock.now()).all(&self.app.db).await.unwrap()
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
