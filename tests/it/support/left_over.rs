//! The checks at the end of a story. Every act of a person in the audit log has its origin. And no job is left behind. A world comes to rest when its story has ended: no job is queued for
//! now or running, and none is parked. A story that leaves a job on purpose says so, with its reason:
//! `world.leaves_parked("archive", "the required file never comes")`.

use std::sync::{Arc, Mutex};

use simulator::Simulator;
use tokio_util::sync::CancellationToken;
use yinku::{app::App, db::sql};

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
    /// The database is closed, so the jobs cannot be looked at.
    DatabaseClosed,
}

impl Left {
    fn is(self, job: &Job) -> bool {
        match self {
            Self::Parked(kind) => job.state == "parked" && job.kind == kind,
            Self::DatabaseClosed => false,
        }
    }
}

/// What the story says that it leaves, and why.
#[derive(Clone, Default)]
pub(crate) struct Announced(Arc<Mutex<Vec<(Left, &'static str)>>>);

impl Announced {
    fn add(&self, left: Left, why: &'static str) {
        assert!(!why.trim().is_empty(), "say why {left:?} is left");
        self.0.lock().unwrap().push((left, why));
    }

    fn all(&self) -> Vec<(Left, &'static str)> {
        self.0.lock().unwrap().clone()
    }
}

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
        self.announced.add(Left::Parked(kind), why);
    }

    /// The story closes the world's database.
    pub(crate) fn leaves_its_database_closed(&self, why: &'static str) {
        self.announced.add(Left::DatabaseClosed, why);
    }
}

impl Ending {
    /// Fails when a job is left that the story does not announce, and when an announced job is not there.
    pub(crate) async fn check(self) {
        let announced = self.announced.all();
        if announced.iter().any(|(left, _)| matches!(left, Left::DatabaseClosed)) {
            return;
        }
        let strange = self.without_origin().await;
        assert!(strange.is_empty(), "entries of people without an address or a login: {strange:?}");
        let at_rest = async || self.surprises().await.iter().all(|job| job.state == "parked");
        until(&self.app, "after the story no job is queued for now or running", at_rest).await;
        let parked = self.surprises().await;
        assert!(parked.is_empty(), "the story ends with parked jobs that it does not announce: {parked:#?}");
        let all = self.left().await;
        for (left, why) in announced {
            assert!(all.iter().any(|job| left.is(job)), "announced is {left:?}, because {why}; there is none");
        }
    }

    /// User and act of the entries that have no address, or no session and no token. The service itself has none. A
    /// failed login, a stranger and a link for a download have no login. Counts of repeats are written later, and so is
    /// what a check of originals finds.
    async fn without_origin(&self) -> Vec<(String, String)> {
        sql("SELECT DISTINCT username, act FROM audit WHERE username NOT IN ('yinku', 'vendor callback', 'command line', 'held')
               AND act NOT IN ('fixity_checked', 'damage_found', 'damage_healed')
               AND (peer IS NULL OR (via IS NULL AND act <> 'bundle_downloaded'))
               AND NOT (act IN ('login_failed', 'access_refused')
                 AND (peer IS NOT NULL OR detail LIKE '% times' OR detail LIKE '%more in 10 minutes'))
             ORDER BY username, act")
        .all(&self.app.db)
        .await
        .unwrap()
    }

    /// The jobs that are left and not announced.
    async fn surprises(&self) -> Vec<Job> {
        let announced = self.announced.all();
        let left = self.left().await.into_iter();
        left.filter(|job| !announced.iter().any(|(left, _)| left.is(job))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{database::execute, story::run, world::Engine};

    /// Leaves a job in a state that no worker changes.
    async fn leave(world: &World, state: &'static str) {
        let columns = "id, kind, subject, state, run_at, created_at, lease_epoch, wakes, attempts, lease_until";
        let forever = i64::MAX;
        let row = format!(
            "INSERT INTO jobs ({columns}) VALUES ('1', 'archive', 'a flow', '{state}', 0, 0, 0, 0, 0, {forever})"
        );
        execute(&world.app.db, [row]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[should_panic(expected = "the story ends with parked jobs that it does not announce")]
    async fn a_parked_job_that_is_not_announced_fails_the_story() {
        run(Engine::Sqlite, async |world: World| leave(&world, "parked").await).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[should_panic(expected = "there is none")]
    async fn a_job_that_is_announced_and_not_there_fails_the_story() {
        run(Engine::Sqlite, async |world: World| world.leaves_parked("archive", "to see it fail")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_running_job_is_left_over_though_a_parked_one_is_announced() {
        run(Engine::Sqlite, async |world: World| {
            leave(&world, "running").await;
            let ending = Ending {
                app: Arc::clone(&world.app),
                announced: world.announced.clone(),
                stop: CancellationToken::new(),
                _sim: world.sim.clone(),
                _dir: tempfile::tempdir().unwrap(),
            };
            world.leaves_parked("archive", "what runs is not parked");
            assert_eq!(ending.surprises().await.len(), 1);
            execute(&world.app.db, ["UPDATE jobs SET state = 'parked'"]).await;
            assert!(ending.surprises().await.is_empty());
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_announced_job_may_be_left() {
        run(Engine::Sqlite, async |world: World| {
            leave(&world, "parked").await;
            world.leaves_parked("archive", "to see it pass");
        })
        .await;
    }
}
