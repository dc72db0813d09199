//! A story runs once on each engine. When it has ended, every world that it made must be at rest.

use std::sync::{Arc, Mutex};

use yinku::audit::origin::Origin;

use crate::support::{
    left_over::Ending,
    world::{Engine, Plan, World},
};

/// `story!(a_plain_sentence, async |world: World| { … })` makes two tests: `a_plain_sentence::sqlite` and
/// `a_plain_sentence::postgres`. A story that needs another world takes `engine: Engine` and makes the world itself.
macro_rules! story {
    ($name:ident, $story:expr $(,)?) => {
        async fn $name(engine: $crate::support::Engine) {
            $crate::support::story::run(engine, $story).await;
        }
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$name($crate::support::Engine::Sqlite).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                super::$name($crate::support::Engine::Postgres).await;
            }
        }
    };
}
pub(crate) use story;

/// Several stories that are functions of the engine.
macro_rules! on_both_engines {
    ($($story:ident),+ $(,)?) => {
        $(mod $story {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                $crate::support::story::run($crate::support::Engine::Sqlite, super::$story).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                $crate::support::story::run($crate::support::Engine::Postgres, super::$story).await;
            }
        })+
    };
}
pub(crate) use on_both_engines;

/// The same for what SQLite cannot do: other processes that listen, locks of rows, connections that die.
macro_rules! story_on_postgres {
    ($name:ident, $story:expr $(,)?) => {
        mod $name {
            use super::*;
            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                $crate::support::story::run($crate::support::Engine::Postgres, $story).await;
            }
        }
    };
}
pub(crate) use story_on_postgres;

tokio::task_local! {
    static ENDINGS: Arc<Mutex<Vec<Ending>>>;
}

/// What a story is about.
pub(crate) trait Stage: Sized {
    async fn set(engine: Engine) -> Self;
}

impl Stage for Engine {
    async fn set(engine: Engine) -> Self {
        engine
    }
}

/// The usual world.
impl Stage for World {
    async fn set(engine: Engine) -> Self {
        Self::new(engine, Plan::default()).await
    }
}

/// Runs the story, then ends the worlds that it made, in their order.
pub(crate) async fn run<S: Stage>(engine: Engine, story: impl AsyncFnOnce(S)) {
    log_warnings();
    let endings = Arc::<Mutex<Vec<Ending>>>::default();
    // What a story does without HTTP has an origin, too. So an entry without one comes from a job.
    let origin = Origin::new(Some("the story".to_owned()));
    origin.identify("the story", "the story".to_owned());
    let whole = Box::pin(origin.scope(async { story(S::set(engine).await).await }));
    ENDINGS.scope(Arc::clone(&endings), whole).await;
    let endings = std::mem::take(&mut *endings.lock().unwrap());
    for ending in endings {
        ending.check().await;
    }
}

/// Prints what the service logs as a warning or an error, so that a failed story shows the cause.
pub(crate) fn log_warnings() {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_ansi(false).with_test_writer();
    // A story that makes a second stage has the log of the first one.
    let _ = log.try_init();
}

/// Hands a world's ending to the story that is running.
pub(crate) fn ends_with_the_story(ending: Ending) {
    let kept = ENDINGS.try_with(|endings| endings.lock().unwrap().push(ending));
    assert!(kept.is_ok(), "a world is made inside a story!: only there the jobs that it leaves are looked at");
}
