//! Stories of settings: each governs what its name says.

use std::time::Duration;

use simulator::{Fault, FaultKind, Target};
use yinku::{
    clock::Clock,
    config::{Config, Span},
};

use crate::support::{Engine, Plan, World, seals::noon, story};

/// Every setting has a value of its own, so a wait shows which of them governs it.
fn distinct_waits(config: &mut Config) {
    config.jobs.retries = vec![Span::secs(7), Span::mins(9)];
    config.jobs.longest_wait = Span::mins(3);
    config.ingest.retries = vec![Span::secs(20), Span::mins(4)];
    config.ingest.poll_open = Span::secs(50);
}

async fn world_with_distinct_waits(engine: Engine) -> (World, Clock) {
    let clock = noon();
    let plan = Plan { clock: clock.clone(), config: Some(distinct_waits), ..Plan::default() };
    (World::new(engine, plan).await, clock)
}

fn go_on(world: &World, clock: &Clock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
    world.app.db.wakeup().look_now();
}

/// How long the queued job waits from now on, in seconds, once it has failed `failures` times in a row.
async fn wait_of(world: &World, clock: &Clock, (attempts, run_at): (&'static str, &'static str), failures: i64) -> i64 {
    world.until("the job has failed and waits", async || world.count(attempts).await == failures).await;
    (world.count(run_at).await - clock.now().0) / 1_000_000
}

const APPLY: (&str, &str) = (
    "SELECT COALESCE(MAX(attempts), 0) FROM jobs WHERE kind = 'apply' AND state = 'queued'",
    "SELECT run_at FROM jobs WHERE kind = 'apply'",
);
const INGEST: (&str, &str) = (
    "SELECT COALESCE(MAX(attempts), -1) FROM jobs WHERE kind = 'ingest' AND state = 'queued'",
    "SELECT run_at FROM jobs WHERE kind = 'ingest'",
);

story!(a_failed_job_waits_by_the_settings_of_jobs, async |engine: Engine| {
    let (world, clock) = world_with_distinct_waits(engine).await;
    world.sim.set_fault(Fault::always(Target::Any, FaultKind::Html { status: 200 }));
    let flow = world.start_flow(1).await;
    world.approve(&flow).await;
    assert_eq!(wait_of(&world, &clock, APPLY, 1).await, 7, "the first of jobs.retries");
    go_on(&world, &clock, 7);
    assert_eq!(wait_of(&world, &clock, APPLY, 2).await, 180, "jobs.longest_wait is shorter than the second");
    go_on(&world, &clock, 180);
    assert_eq!(wait_of(&world, &clock, APPLY, 3).await, 180, "repeated for as long as the failure lasts");
    world.sim.clear_faults();
    go_on(&world, &clock, 180);
    // The application is made. Now the first pass of the ingest fails as a whole, at the detail.
    let applied = async || world.count("SELECT COUNT(business_id) FROM seal_uses").await == 1;
    world.until("the application is made", applied).await;
    world.sim.set_fault(Fault::always(Target::Any, FaultKind::Html { status: 200 }));
    go_on(&world, &clock, 50);
    assert_eq!(wait_of(&world, &clock, INGEST, 1).await, 7, "a pass that failed is a failed job");
    go_on(&world, &clock, 7);
    assert_eq!(wait_of(&world, &clock, INGEST, 2).await, 540, "the ingest sends nothing: not jobs.longest_wait");
    assert_eq!(world.count("SELECT COUNT(*) FROM jobs WHERE state = 'parked'").await, 0);
});

story!(photos_and_open_seal_uses_wait_by_the_settings_of_the_ingest, async |engine: Engine| {
    let (world, clock) = world_with_distinct_waits(engine).await;
    let (_, _, business) = world.seal_use(2).await;
    assert_eq!(wait_of(&world, &clock, INGEST, 0).await, 50, "ingest.poll_open");
    go_on(&world, &clock, 50);
    world.sim.set_fault(Fault::always(Target::Image, FaultKind::Empty));
    world.sim.stamp(&business, 0).await.unwrap();
    for (pass, wait) in [(1, 20), (2, 240)] {
        let passes = async || world.count("SELECT COALESCE(MAX(passes), 0) FROM photos").await == pass;
        world.until("a pass for the photo has failed", passes).await;
        let next = world.count("SELECT next_attempt_at FROM photos").await;
        assert_eq!((next - clock.now().0) / 1_000_000, wait, "ingest.retries");
        go_on(&world, &clock, wait.unsigned_abs());
    }
    let parked = async || world.count("SELECT COUNT(*) FROM photos WHERE state = 'failed'").await == 1;
    world.until("the photo is parked after the last of ingest.retries", parked).await;
    assert_eq!(world.count("SELECT COALESCE(MAX(attempts), 0) FROM jobs").await, 0, "no job has failed");
});
